//! Commands: shown, run, and listened to.

use std::{
    env,
    ffi::OsString,
    fmt,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    iter,
    process::{Child, Command, ExitCode, Stdio},
    thread,
};

use crate::{
    count::{Count, closing_line},
    programs::TOOLS,
};

pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Set when cargo is told to use this program as its rustdoc.
const AS_RUSTDOC: &str = "SSE_TYPED_XTASK_AS_RUSTDOC";

#[derive(Debug)]
pub(crate) struct Cmd {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, OsString)>,
}

impl Cmd {
    pub(crate) fn new(program: &str) -> Self {
        Self { program: program.to_owned(), args: Vec::new(), env: Vec::new() }
    }

    pub(crate) fn args<S: AsRef<str>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Lets cargo call rustdoc with its unstable features unlocked.
    ///
    /// Setting `RUSTC_BOOTSTRAP` for cargo itself would do the same, and have it rebuild every crate whose build script
    /// looks at that variable, which is half of them, and once more when it is gone.
    pub(crate) fn with_unstable_rustdoc(self) -> io::Result<Self> {
        let this = env::current_exe()?;
        Ok(self.env("RUSTDOC", this).env(AS_RUSTDOC, "1"))
    }

    /// Runs the command. What it prints goes through, and the closing lines of test runners are added up.
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        println!("$ {self}");
        io::stdout().flush()?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command.spawn()?;
        let count = listen(&mut child);
        Ok(Outcome { succeeded: child.wait()?.success(), count })
    }

    /// Runs a command that may ask for something, such as sudo's password.
    pub(crate) fn run_interactively(&self) -> io::Result<bool> {
        println!("$ {self}");
        Ok(self.command().status()?.success())
    }

    fn command(&self) -> Command {
        let mut command = command(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// As it would be typed, but for what only makes it quiet.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            if *name != "DEBIAN_FRONTEND" && *name != AS_RUSTDOC {
                write!(f, "{name}={} ", quoted(&value.to_string_lossy()))?;
            }
        }
        f.write_str(&self.program)?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '\'', '"', '(', '&', '|', '*']) { format!("'{word}'") } else { word.to_owned() }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) succeeded: bool,
    pub(crate) count: Count,
}

/// Hands on what the child prints line by line, and adds up the closing lines in it.
fn listen(child: &mut Child) -> Count {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let from_stderr = thread::spawn(move || stderr.map(|pipe| pass_on(pipe, io::stderr())).unwrap_or_default());
    let mut count = stdout.map(|pipe| pass_on(pipe, io::stdout())).unwrap_or_default();
    count += from_stderr.join().unwrap_or_default();
    count
}

fn pass_on(pipe: impl io::Read, mut to: impl Write) -> Count {
    let mut count = Count::default();
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match pipe.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return count,
            Ok(_) => {}
        }
        // If nobody reads what we print, the tests still run.
        let _ = to.write_all(&line);
        if let Some(found) = closing_line(&String::from_utf8_lossy(&line)) {
            count += found;
        }
    }
}

/// Whether a command can be run, and says that all is well.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    output(program, args).is_some()
}

/// What a command that succeeds prints.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = command(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command that finds what `--all` has installed, too.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = env::var_os("PATH").unwrap_or_default();
    if let Ok(root) = env::current_dir() {
        let tools = root.join(TOOLS).join("bin");
        if let Ok(path) = env::join_paths(iter::once(tools).chain(env::split_paths(&path))) {
            command.env("PATH", path);
        }
    }
    command
}

/// When cargo calls this program as its rustdoc: calls the real one.
pub(crate) fn act_as_rustdoc() -> Option<ExitCode> {
    env::var_os(AS_RUSTDOC)?;
    let status = Command::new("rustdoc")
        .args(env::args_os().skip(1))
        .env_remove(AS_RUSTDOC)
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: rustdoc cannot be run: {error}");
            ExitCode::FAILURE
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let cmd = Cmd::new("cargo").args(["doc", "-p", "a b"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(cmd.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc -p 'a b'");
    }

    #[test]
    fn what_is_passed_on_is_the_same_to_the_byte() {
        let printed = b"one\r\n\xffTest result: no\ntest result: ok. 2 passed; 0 failed\nlast";
        let mut passed_on = Vec::new();
        let count = pass_on(&printed[..], &mut passed_on);
        assert_eq!(passed_on, printed);
        assert_eq!(count, Count { passed: 2, failed: 0, not_run: 0 });
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_succeed() {
        assert!(!succeeds("no-such-program-of-sse-typed", &["--version"]));
        assert!(succeeds("cargo", &["--version"]));
    }
}
