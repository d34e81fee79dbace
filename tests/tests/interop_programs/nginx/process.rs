//! A separate nginx process for each test, with its own configuration, port and folder. It ends with the test.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    certificate,
    program::{LIMIT, nginx},
};

#[derive(Debug)]
pub(crate) struct Nginx {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
    tls: bool,
}

impl Nginx {
    /// Starts an nginx in front of `upstream`, with a plain `proxy_pass` and these `directives`.
    pub(crate) fn start(upstream: SocketAddr, directives: &str) -> Self {
        Self::listen(upstream, false, directives)
    }

    /// Starts an nginx that speaks HTTP/2 over TLS.
    pub(crate) fn start_with_http_2(upstream: SocketAddr, directives: &str) -> Self {
        Self::listen(upstream, true, directives)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.tls { "https" } else { "http" }, self.address)
    }

    fn listen(upstream: SocketAddr, tls: bool, directives: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("sse-typed-nginx-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = certificate::pem();
        fs::write(folder.join("certificate.pem"), certificate).unwrap();
        fs::write(folder.join("key.pem"), key).unwrap();
        let program = nginx().expect("nginx was found");
        // nginx cannot choose a free port by itself. Another process may take the one that was found here, so this is retried.
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let ssl = if tls { " ssl http2" } else { "" };
            fs::write(
                folder.join("nginx.conf"),
                format!(
                    "daemon off;
                     # A single process, so that killing it leaves no worker behind.
                     master_process off;
                     pid nginx.pid;
                     error_log stderr warn;
                     events {{}}
                     http {{
                         access_log off;
                         client_body_temp_path body;
                         proxy_temp_path proxy;
                         fastcgi_temp_path fastcgi;
                         uwsgi_temp_path uwsgi;
                         scgi_temp_path scgi;
                         ssl_certificate certificate.pem;
                         ssl_certificate_key key.pem;
                         server {{
                             listen {address}{ssl};
                             location / {{
                                 proxy_pass http://{upstream};
                                 {directives}
                             }}
                         }}
                     }}"
                ),
            )
            .unwrap();
            let mut process = Command::new(&program)
                .arg("-p")
                .arg(&folder)
                .args(["-c", "nginx.conf", "-e", "stderr"])
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            if listens(&mut process, address) {
                return Self { process, folder, address, tls };
            }
        }
        panic!("nginx does not start");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Waits until nginx listens. Returns false if it has ended.
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
    panic!("nginx runs, but does not listen");
}
