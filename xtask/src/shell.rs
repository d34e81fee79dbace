//! Runs commands, shows them, and parses their output.

use std::{
    env,
    ffi::OsString,
    fmt,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    process::{Child, Command, ExitCode, Stdio},
    thread,
};

use crate::{
    programs::TOOLS,
    test_count::{TestCount, parse_closing_line},
};

pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Set when cargo uses this program as its rustdoc.
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
    /// `RUSTC_BOOTSTRAP` for cargo itself would do the same. But cargo would rebuild every crate whose build script reads that
    /// variable, which half of them do, and again without it.
    pub(crate) fn with_unstable_rustdoc(self) -> io::Result<Self> {
        let this = env::current_exe()?;
        Ok(self.env("RUSTDOC", this).env(AS_RUSTDOC, "1"))
    }

    /// Runs the command. Its output is forwarded, and the closing lines of test runners are added up.
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        println!("$ {self}");
        io::stdout().flush()?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command.spawn()?;
        let count = forward_output(&mut child);
        Ok(Outcome { succeeded: child.wait()?.success(), count })
    }

    /// Runs a command that may ask for input, such as sudo's password.
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

/// As typed in a shell, without the variables that only make it quiet.
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
    pub(crate) count: TestCount,
}

/// Forwards the output of the child line by line, and adds up the closing lines.
fn forward_output(child: &mut Child) -> TestCount {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let from_stderr = thread::spawn(move || stderr.map(|pipe| forward(pipe, io::stderr())).unwrap_or_default());
    let mut count = stdout.map(|pipe| forward(pipe, io::stdout())).unwrap_or_default();
    count += from_stderr.join().unwrap_or_default();
    count
}

fn forward(pipe: impl io::Read, mut to: impl Write) -> TestCount {
    let mut count = TestCount::default();
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match pipe.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return count,
            Ok(_) => {}
        }
        // The tests run even if nobody reads the output.
        let _ = to.write_all(&line);
        if let Some(found) = parse_closing_line(&String::from_utf8_lossy(&line)) {
            count += found;
        }
    }
}

/// Whether a command can be run and succeeds.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    output(program, args).is_some()
}

/// The output of a command. `None` if it fails.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = command(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command whose `PATH` includes the programs that `--all` installs.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = env::var_os("PATH").unwrap_or_default();
    if let Ok(root) = env::current_dir() {
        let tools = ["bin", "caddy/bin"].map(|folder| root.join(TOOLS).join(folder));
        if let Ok(path) = env::join_paths(tools.into_iter().chain(env::split_paths(&path))) {
            command.env("PATH", path);
        }
    }
    command
}

/// Runs the real rustdoc if cargo has called this program as its rustdoc.
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
            eprintln!("error: cannot run rustdoc: {error}");
            ExitCode::FAILURE
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed_in_a_shell() {
        let cmd = Cmd::new("cargo").args(["doc", "-p", "a b"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(cmd.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc -p 'a b'");
    }

    #[test]
    fn forwarded_output_is_unchanged() {
        let printed = b"one\r\n\xffTest result: no\ntest result: ok. 2 passed; 0 failed\nlast";
        let mut forwarded = Vec::new();
        let count = forward(&printed[..], &mut forwarded);
        assert_eq!(forwarded, printed);
        assert_eq!(count, TestCount { passed: 2, failed: 0, not_run: 0 });
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_succeed() {
        assert!(!succeeds("no-such-program-of-sse-typed", &["--version"]));
        assert!(succeeds("cargo", &["--version"]));
    }
}
