//! The command line.

use crate::steps;

pub(crate) const USAGE: &str = "\
Usage: cargo xtask test [--deep] [--all [--yes]] [--only STEP,..]
       cargo xtask test [--deep] --list

Runs the tests. Without options it needs only the Rust toolchain: a step that needs
another program runs if that is installed. The last lines name the tests that were not run.

  --deep   run the long searches instead: hours in all, and not part of CI
  --all    install missing programs (Debian, Ubuntu), and fail if one is still missing
  --yes    install without asking; CI=true does the same
  --only   run only these steps
  --list   list the steps
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    List { deep: bool },
    Test(Options),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Run the long searches instead of the tests of CI.
    pub(crate) deep: bool,
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
    let mut list = false;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--deep" => options.deep = true,
            "--all" => options.all = true,
            "--yes" | "-y" => options.yes = true,
            "--list" => list = true,
            "--help" | "-h" => return Ok(Command::Help),
            "--only" => {
                let names = args.next().ok_or("--only needs the name of a step")?;
                options.only.extend(names.split(',').map(str::to_owned));
            }
            _ => match arg.strip_prefix("--only=") {
                Some(names) => options.only.extend(names.split(',').map(str::to_owned)),
                None => return Err(format!("unknown option `{arg}`")),
            },
        }
    }
    if list {
        return Ok(Command::List { deep: options.deep });
    }
    check_steps(&options)?;
    Ok(Command::Test(options))
}

/// The steps depend on `--deep`, which may stand after `--only`.
fn check_steps(options: &Options) -> Result<(), String> {
    let steps: Vec<_> = steps::list(options.deep).iter().map(|step| step.name).collect();
    match options.only.iter().find(|name| !steps.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown step `{name}`; the steps are {}", steps.join(", "))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_in_any_order() {
        let options = Options { all: true, yes: true, ..Options::default() };
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
    fn deep_steps_are_chosen_wherever_the_option_stands() {
        let options = Options { deep: true, only: vec!["crash".to_owned()], ..Options::default() };
        assert_eq!(parse_line("test --deep --only crash"), Ok(Command::Test(options)));
        assert!(matches!(parse_line("test --only crash --deep"), Ok(Command::Test(options)) if options.deep));
        assert!(parse_line("test --only crash").is_err());
        assert!(parse_line("test --deep --only fmt").is_err());
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
        assert_eq!(parse_line("test --list"), Ok(Command::List { deep: false }));
        assert_eq!(parse_line("test --list --deep"), Ok(Command::List { deep: true }));
    }
}
