//! The server of the crate `durable-streams`, a program of its own, as a peer for idle streams.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::process::Process;

/// The variable with the path of the program. Without it, the program is searched in `PATH`.
pub const VARIABLE: &str = "DURABLE_STREAMS_SERVER";

/// Its stream, as clients read it.
pub const TARGET: &str = "/v1/stream/benchmark?offset=-1&live=sse";

/// A byte that is in the event, and in nothing else that the server sends.
pub const MARKER: u8 = b'~';

const STREAM: &str = "/v1/stream/benchmark";
const EVENT: &str = r#"{"text":"~"}"#;

pub struct Durable {
    pub process: Process,
    pub port: u16,
    folder: PathBuf,
}

impl Durable {
    /// Starts the server with one worker thread, and makes a stream. `None` if the program is not installed.
    pub fn start() -> io::Result<Option<Self>> {
        let program = env::var_os(VARIABLE).unwrap_or_else(|| OsString::from("durable-streams-server"));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let folder = env::temp_dir().join(format!("durable-streams-{port}"));
        let args = ["--host", "127.0.0.1", "--port", &port.to_string(), "--worker-threads", "1", "--data-dir"];
        let mut args: Vec<String> = args.map(str::to_owned).into();
        args.push(folder.to_string_lossy().into_owned());
        let process = Process::spawn_program(&program, &args)?;
        let durable = Self { process, port, folder };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if began.elapsed() > Duration::from_secs(5) {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(20));
        }
        durable.request("PUT", "")?;
        Ok(Some(durable))
    }

    /// Appends one event.
    pub fn publish(port: u16) -> io::Result<()> {
        request(port, "POST", EVENT)
    }

    fn request(&self, method: &str, body: &str) -> io::Result<()> {
        request(self.port, method, body)
    }
}

fn request(port: u16, method: &str, body: &str) -> io::Result<()> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(
        socket,
        "{method} {STREAM} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut response = [0; 1024];
    let read = socket.read(&mut response)?;
    let response = String::from_utf8_lossy(&response[..read]);
    if response.starts_with("HTTP/1.1 2") { Ok(()) } else { Err(io::Error::other(response.into_owned())) }
}

impl Drop for Durable {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
