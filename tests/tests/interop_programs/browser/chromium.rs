//! A Chromium that a test controls through `tests/browser/chromium.mjs` and Playwright.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::program::{LIMIT, Program, chromium, found, script_path};

/// Whether Chromium and its scripts are installed.
pub(crate) fn browser_found(test: &str) -> bool {
    found(test, &[Program::Chromium, Program::Node, Program::NpmPackages])
}

/// A browser with a profile of its own. Dropping it ends its process, also when a test fails.
#[derive(Debug)]
pub(crate) struct Browser {
    process: Child,
    /// `None` once the browser is asked to end.
    commands: Arc<Mutex<Option<ChildStdin>>>,
    listener: Arc<Listener>,
}

/// The size and colour scheme of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewport {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

/// A tab.
#[derive(Debug)]
pub(crate) struct Page {
    name: u64,
    commands: Arc<Mutex<Option<ChildStdin>>>,
    listener: Arc<Listener>,
    reports: mpsc::UnboundedReceiver<Value>,
}

/// The pending commands, and the receivers of reports.
#[derive(Debug, Default)]
struct Listener {
    last: AtomicU64,
    answers: Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>,
    reports: Mutex<HashMap<u64, mpsc::UnboundedSender<Value>>>,
}

impl Browser {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A browser that speaks HTTP/3 to this address, and trusts this certificate.
    pub(crate) fn start_with_http_3(address: SocketAddr, certificate: &Path) -> Self {
        Self::start_with(&[address.to_string().as_ref(), certificate.as_os_str()])
    }

    fn start_with(args: &[&OsStr]) -> Self {
        let mut command = Command::new("node");
        command.arg(script_path("chromium.mjs")).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("CHROMIUM", chromium().expect("Chromium was found"));
        let mut process = command.spawn().unwrap();
        let listener = Arc::new(Listener::default());
        let lines = process.stdout.take().unwrap();
        let commands = Arc::new(Mutex::new(process.stdin.take()));
        thread::spawn({
            let listener = Arc::clone(&listener);
            move || listener.listen(lines)
        });
        Self { process, commands, listener }
    }

    pub(crate) async fn open(&self, url: &str) -> Page {
        self.open_as(url, Viewport { width: 1180, height: 800, dark: false }).await
    }

    pub(crate) async fn open_as(&self, url: &str, viewport: Viewport) -> Page {
        let name = self.listener.next_id();
        let (sender, reports) = mpsc::unbounded_channel();
        self.listener.reports.lock().unwrap().insert(name, sender);
        let page = Page { name, commands: Arc::clone(&self.commands), listener: Arc::clone(&self.listener), reports };
        let Viewport { width, height, dark } = viewport;
        let scheme = if dark { "dark" } else { "light" };
        page.send_command("open", json!({ "url": url, "width": width, "height": height, "scheme": scheme })).await;
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The script ends when its input is closed.
        drop(self.commands.lock().map(|mut commands| commands.take()));
        let closed_at = Instant::now();
        while closed_at.elapsed() < Duration::from_secs(10) {
            match self.process.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                _ => return,
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Page {
    /// The value of an expression in the page, or the result if it is a promise.
    pub(crate) async fn evaluate(&self, code: &str) -> Value {
        self.send_command("evaluate", json!({ "code": code })).await
    }

    /// Waits until an expression in the page is true.
    pub(crate) async fn wait_until(&self, code: &str) {
        self.send_command("until", json!({ "code": code })).await;
    }

    /// Disconnects the browser from the network, or connects it again.
    pub(crate) async fn set_offline(&self, offline: bool) {
        self.send_command("offline", json!({ "offline": offline })).await;
    }

    /// Reads a stream with the native `EventSource`, and reports its events.
    pub(crate) async fn record(&self, url: &str, types: &[&str]) {
        self.record_with(url, types, json!({})).await;
    }

    pub(crate) async fn record_with(&self, url: &str, types: &[&str], options: Value) {
        self.evaluate(&format!("void (globalThis.source = record({}, {}, {options}))", json!(url), json!(types))).await;
    }

    /// The next report of the page.
    pub(crate) async fn next(&mut self) -> Value {
        timeout(LIMIT, self.reports.recv()).await.expect("no report").expect("the browser has ended")
    }

    /// The next report that is an event, and not an opening or an error.
    pub(crate) async fn next_event(&mut self) -> Value {
        loop {
            let report = self.next().await;
            if report.get("type").is_some() {
                return report;
            }
        }
    }

    /// The reports that were not read yet.
    pub(crate) fn unread(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.reports.try_recv().ok()).collect()
    }

    pub(crate) async fn close(self) {
        self.send_command("close", json!({})).await;
    }

    async fn send_command(&self, command: &str, mut parameters: Value) -> Value {
        let id = self.listener.next_id();
        let (sender, answer) = oneshot::channel();
        self.listener.answers.lock().unwrap().insert(id, sender);
        parameters["id"] = id.into();
        parameters["page"] = self.name.into();
        parameters["command"] = command.into();
        let line = format!("{parameters}\n");
        if let Some(commands) = &mut *self.commands.lock().unwrap() {
            commands.write_all(line.as_bytes()).expect("the browser has ended");
        }
        let answer = timeout(LIMIT, answer).await.unwrap_or_else(|_| panic!("no answer to {parameters}"));
        answer.expect("the browser has ended").unwrap_or_else(|error| panic!("{parameters}: {error}"))
    }
}

impl Listener {
    fn next_id(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    fn listen(&self, lines: ChildStdout) {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            let mut line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line}"));
            let number = |name: &str| line[name].as_u64();
            if let Some(page) = number("page") {
                let report = line["report"].take();
                if let Some(reports) = self.reports.lock().unwrap().get(&page) {
                    // The page may be dropped already.
                    let _ = reports.send(report);
                }
            } else if let Some(answer) = number("id").and_then(|id| self.answers.lock().unwrap().remove(&id)) {
                let error = line["error"].as_str().map(str::to_owned);
                let _ = answer.send(error.map_or_else(|| Ok(line["value"].take()), Err));
            }
        }
        // The browser has ended: pending commands and reports fail.
        self.answers.lock().unwrap().clear();
        self.reports.lock().unwrap().clear();
    }
}
