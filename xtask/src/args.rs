//! The command line.

use crate::steps::STEPS;

pub(crate) const USAGE: &str = "\
Usage: cargo xtask test [--all [--yes]] [--only STEP,..]
       cargo xtask test --list

Runs the tests. Without options it needs only the Rust toolchain: a step that needs
another program runs if that is installed. The last lines name the tests that were not run.

  --all    install missing programs (Debian, Ubuntu), and fail if one is still missing
  --yes    install without asking; CI=true does the same
  --only   run only these steps
  --list   list the steps
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    List,
    Test(Options),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Install missing programs, and fail if one is still missing.
    pub(crate) all: bool,
    /// Install without asking.
    pub(crate) yes: bool,
    /// The names of the steps to run. Empty for every step.
    pub(crate) only: Vec<String>,
}

pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut args = args.into_iter();
    match args.next().as_deref() {
        Some("test") => {}
        None | Some("help" | "--help" | "-h") => return Ok(Command::Help),
        Some(other) => return Err(format!("unknown task `{other}`")),
    }
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--all" => options.all = true,
            "--yes" | "-y" => options.yes = true,
            "--list" => return Ok(Command::List),
            "--help" | "-h" => return Ok(Command::Help),
            "--only" => {
                let names = args.next().ok_or("--only needs the name of a step")?;
                add_steps(&mut options.only, &names)?;
            }
            _ => match arg.strip_prefix("--only=") {
                Some(names) => add_steps(&mut options.only, names)?,
                None => return Err(format!("unknown option `{arg}`")),
            },
        }
    }
    Ok(Command::Test(options))
}

fn add_steps(only: &mut Vec<String>, names: &str) -> Result<(), String> {
    for name in names.split(',') {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            return Err(format!("unknown step `{name}`; the steps are {}", names.join(", ")));
        }
        only.push(name.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_in_any_order() {
        let options = Options { all: true, yes: true, only: Vec::new() };
        assert_eq!(parse_line("test --yes --all"), Ok(Command::Test(options)));
        assert_eq!(parse_line("test"), Ok(Command::Test(Options::default())));
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let only = vec!["fmt".to_owned(), "tests".to_owned(), "doctests".to_owned()];
        let options = Options { only, ..Options::default() };
        assert_eq!(parse_line("test --only fmt,tests --only=doctests"), Ok(Command::Test(options)));
    }

    #[test]
    fn an_unknown_argument_is_an_error_that_names_it() {
        for (line, word) in [("tset", "tset"), ("test --al", "--al"), ("test --only nothing", "nothing")] {
            let error = parse_line(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
        assert!(parse_line("test --only").is_err());
    }

    #[test]
    fn help_is_shown_on_request_and_without_a_task() {
        assert_eq!(parse_line(""), Ok(Command::Help));
        assert_eq!(parse_line("test --help"), Ok(Command::Help));
        assert_eq!(parse_line("test --list"), Ok(Command::List));
    }
}
