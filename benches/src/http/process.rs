//! Processes, and what they use.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use super::{Server, Settings};

/// A child that does not outlive this value.
pub struct Process {
    child: Child,
    stdout: BufReader<Box<dyn Read + Send>>,
}

impl Process {
    /// This program with other arguments, and as many open files as it may have.
    pub fn spawn(args: &[String]) -> io::Result<Self> {
        const RAISE: &str = r#"ulimit -n "$(ulimit -H -n)" 2>/dev/null; exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", RAISE]).arg(env::current_exe()?).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        Ok(Self { child, stdout: BufReader::new(Box::new(stdout)) })
    }

    /// A server, and its two ports.
    pub fn server(server: Server, settings: Settings, burst: u64) -> io::Result<(Self, [String; 2])> {
        let args = ["serve".to_owned(), server.name().to_owned(), settings.name().to_owned(), burst.to_string()];
        let mut process = Self::spawn(&args)?;
        let line = process.line()?;
        let (data, control) = line.split_once(' ').ok_or_else(|| io::Error::other("no ports"))?;
        Ok((process, [data.to_owned(), control.to_owned()]))
    }

    /// The next line that it prints.
    ///
    /// # Errors
    ///
    /// When it has ended instead.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err(io::Error::other("a child has ended early"));
        }
        Ok(line.trim().to_owned())
    }

    /// What it holds in memory, in bytes. Zero where that cannot be told.
    pub fn memory(&self) -> u64 {
        const PAGE: u64 = 4096;
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.unwrap_or(0) * PAGE
    }

    /// The time it has had a processor, in nanoseconds. Zero where that cannot be told.
    pub fn processor_time(&self) -> u64 {
        const TICK: u64 = 10_000_000;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // Behind the name, which may hold anything, come the state and then numbers: the 12th and 13th are these times.
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
