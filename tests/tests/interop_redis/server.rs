//! A Redis server of the test's own: its port and folder are nobody else's, and it ends with the test.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use redis::{FromRedisValue, Value};

/// For whatever is over in seconds when all is well.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
}

/// Whether the test can be run. If not, that is said, and xtask is told; where everything must be run, it is a failure.
pub(crate) fn found(test: &str) -> bool {
    if program().is_some() {
        return true;
    }
    not_run(test, "redis-server");
    false
}

/// Says that a test is not run for want of something.
pub(crate) fn not_run(test: &str, missing: &str) {
    assert!(env::var_os("SSE_TYPED_REQUIRE_PROGRAMS").is_none(), "{missing} is missing, and every test must be run");
    println!("not run: {test}: {missing} is missing");
    if let Some(path) = env::var_os("SSE_TYPED_NOT_RUN") {
        // One write, so that the lines of tests that run at the same time stay whole.
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{test}\t{missing}\n").as_bytes()).unwrap();
    }
}

/// A Redis or a Valkey. `cargo xtask test` runs a part of the tests a second time, with the path of a Valkey.
fn program() -> Option<PathBuf> {
    if let Some(path) = env::var_os("REDIS_SERVER") {
        return Some(path.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    let names = ["redis-server", "valkey-server"];
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

impl Server {
    /// A server without persistence.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--appendonly", "no"])
    }

    /// A server that writes every command to its disk before it replies.
    pub(crate) fn start_durable() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::try_start_with(arguments).expect("redis-server does not start")
    }

    /// `None` if the server ends at once, as it does if it was built without what the arguments want.
    pub(crate) fn try_start_with(arguments: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("sse-typed-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        // It cannot be told to take any free port. Somebody may be quicker to take the one that was found.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let process = spawn(&folder, port, &arguments);
            let mut server = Self { process, folder: folder.clone(), port, arguments: arguments.clone() };
            if server.listens() {
                return Some(server);
            }
        }
        None
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Runs a command as an administrator would.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_run(command).unwrap()
    }

    pub(crate) fn try_run<T: FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection_with_timeout(LIMIT)?;
        redis::cmd(command[0]).arg(&command[1..]).query(&mut connection)
    }

    /// Ends the process without warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again with what it has on its disk.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(&self.folder, self.port, &self.arguments);
        assert!(self.listens(), "redis-server does not start again");
    }

    /// Starts it again with an empty folder.
    pub(crate) fn restart_empty(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
        fs::create_dir_all(&self.folder).unwrap();
        self.restart();
    }

    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits until it answers; false when it has ended.
    fn listens(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            // Without a password it answers that it wants one.
            match self.try_run::<Value>(&["PING"]) {
                Ok(_) => return true,
                Err(error) if error.code() == Some("NOAUTH") => return true,
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
        panic!("redis-server runs, but does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &PathBuf, port: u16, arguments: &[String]) -> Child {
    Command::new(program().expect("redis-server was found"))
        .args(["--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"])
        .arg("--port")
        .arg(port.to_string())
        .arg("--dir")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
