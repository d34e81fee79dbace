//! What the benchmarks over Redis share.

use std::{
    error::Error,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A `redis-server` without persistence on a free port. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts one, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// If there is no `redis-server`, or it does not start within 5 s.
    pub async fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let arguments = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--loglevel", "warning", "--port"];
        let process =
            Command::new("redis-server").args(arguments).arg(port.to_string()).stdout(Stdio::null()).spawn()?;
        let server = Self { process, port };
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("redis-server does not start".into())
    }

    /// The URL of its database 0.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
