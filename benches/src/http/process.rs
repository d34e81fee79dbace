//! Processes, and the memory and processor time that they use.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

use super::protocol::{HyperSettings, Server};

/// A child process. It is killed when this value is dropped.
pub struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<Box<dyn Read + Send>>,
}

impl Process {
    /// Starts this program with other arguments, and with the highest limit of open files.
    pub fn spawn(args: &[String]) -> io::Result<Self> {
        Self::spawn_program(env::current_exe()?.as_os_str(), args)
    }

    /// Starts another program in the same way.
    pub fn spawn_program(program: &OsStr, args: &[String]) -> io::Result<Self> {
        const RAISE: &str = r#"ulimit -n "$(ulimit -H -n)" 2>/dev/null; exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", RAISE]).arg(program).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("the child process has no output"))?;
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("the child process has no input"))?;
        Ok(Self { child, stdin, stdout: BufReader::new(Box::new(stdout)) })
    }

    /// Starts a server. Returns its two ports too.
    pub fn server(server: Server, settings: HyperSettings, burst: u64) -> io::Result<(Self, [String; 2])> {
        let args = ["serve".to_owned(), server.name().to_owned(), settings.name().to_owned(), burst.to_string()];
        let mut process = Self::spawn(&args)?;
        let line = process.read_line()?;
        let (data, control) = line.split_once(' ').ok_or_else(|| io::Error::other("the server printed no ports"))?;
        Ok((process, [data.to_owned(), control.to_owned()]))
    }

    /// Sends a line, and reads the line of the answer.
    pub fn ask(&mut self, line: &str) -> io::Result<String> {
        writeln!(self.stdin, "{line}")?;
        self.read_line()
    }

    /// Reads the next line of its output.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err(io::Error::other("a child process has ended early"));
        }
        Ok(line.trim().to_owned())
    }

    /// Its memory, in bytes. Zero where it is not known.
    pub fn memory(&self) -> u64 {
        const PAGE: u64 = 4096;
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.unwrap_or(0) * PAGE
    }

    /// The largest memory that it had, in bytes. Zero where it is not known.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
    }

    /// Its processor time, in nanoseconds. Zero where it is not known.
    pub fn processor_time(&self) -> u64 {
        const TICK: u64 = 10_000_000;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name may contain anything. After it come the state and then numbers, of which the 12th and 13th are these times.
        let Some((_, numbers)) = stat.rsplit_once(") ") else { return 0 };
        numbers.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * TICK
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
