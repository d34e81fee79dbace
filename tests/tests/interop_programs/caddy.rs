//! A Caddy that speaks HTTP/3, in front of a server.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    certificate,
    program::{LIMIT, caddy},
};

/// A separate process for each test, with its own configuration, port and folder. It ends with the test.
#[derive(Debug)]
pub(crate) struct Caddy {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Caddy {
    /// Starts a Caddy that speaks HTTP/3 in front of `upstream`.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let folder = env::temp_dir().join(format!("sse-typed-caddy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = certificate::pem();
        fs::write(folder.join("certificate.pem"), certificate).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
        // Caddy cannot choose a free port by itself. Another process may take the one that was found here, so this is retried.
        for _ in 0..5 {
            let address = free_address();
            let config = format!(
                "{{
                    admin off
                    auto_https disable_redirects
                    storage file_system storage
                }}
                https://{address} {{
                    tls certificate.pem key.pem
                    reverse_proxy {upstream}
                }}
                "
            );
            fs::write(folder.join("Caddyfile"), config).unwrap();
            let mut process = Command::new(caddy().expect("Caddy was found"))
                .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
                .current_dir(&folder)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if listens(&mut process, address) {
                return Self { process, folder, address };
            }
        }
        panic!("Caddy does not start");
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path of its certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An address whose port is free for TCP and for UDP.
fn free_address() -> SocketAddr {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// Waits until Caddy listens. Returns false if it has ended.
fn listens(process: &mut Child, address: SocketAddr) -> bool {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = process.kill();
    panic!("Caddy runs, but does not listen");
}
