use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tokio::time::sleep;

use crate::{common::within, server::Server};

/// A process of the program `run_process`, which has runs of its own. It ends with the value.
pub(super) struct Process {
    process: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// A process that is connected, and has started nothing yet.
    pub(super) async fn ready(server: &Server, name: &str, lease: Duration, keys: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_run_process"))
            .args([&server.url(), name, &lease.as_millis().to_string()])
            .args(keys)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        thread::spawn({
            let lines = Arc::clone(&lines);
            move || output.lines().map_while(Result::ok).for_each(|line| lines.lock().unwrap().push(line))
        });
        let process = Self { process, lines };
        process.until(|lines| !lines.is_empty()).await;
        process
    }

    /// A process that has published some numbers for the key.
    pub(super) async fn counting(server: &Server, lease: Duration, key: &str) -> Self {
        let mut process = Self::ready(server, "owner", lease, &[key]).await;
        process.begin();
        process.until_published(5).await;
        process
    }

    pub(super) fn begin(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"begin\n").unwrap();
    }

    /// Waits until its output is like this.
    pub(super) async fn until(&self, is_so: impl Fn(&[String]) -> bool) {
        within(async {
            while !is_so(&self.lines.lock().unwrap()) {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Waits until a line begins with this, and returns it.
    pub(super) async fn line(&self, begin: &str) -> String {
        self.until(|lines| lines.iter().any(|line| line.starts_with(begin))).await;
        self.lines.lock().unwrap().iter().find(|line| line.starts_with(begin)).unwrap().clone()
    }

    /// Whether it has printed this line.
    pub(super) fn has(&self, line: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|printed| printed == line)
    }

    /// Waits until it has published this many more numbers.
    pub(super) async fn until_published(&self, more: usize) {
        let before = self.published();
        self.until(|lines| published(lines) >= before + more).await;
    }

    /// How many numbers were acknowledged.
    pub(super) fn published(&self) -> usize {
        published(&self.lines.lock().unwrap())
    }

    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(super) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(super) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

fn published(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.starts_with("published ")).count()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
