//! A Redis for one run.

use std::{
    error::Error,
    io::{self, ErrorKind},
    net::TcpListener,
    process::Stdio,
};

use tokio::process::{Child, Command};

/// The process, which is killed when this is dropped. It keeps everything in memory.
#[derive(Debug)]
pub(crate) struct Redis {
    process: Child,
    url: String,
}

impl Redis {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let url = format!("redis://127.0.0.1:{port}");
        for program in ["redis-server", "valkey-server"] {
            match spawn(program, port) {
                Ok(process) => {
                    let redis = Self { process, url };
                    println!("{program}  {}, process {}", redis.url, redis.process_id());
                    return Ok(redis);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{program} does not start: {error}").into()),
            }
        }
        Err("neither redis-server nor valkey-server is installed: install one, or name one that runs with \
             `--store redis://HOST`"
            .into())
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }
}

fn spawn(program: &str, port: u16) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()
}
