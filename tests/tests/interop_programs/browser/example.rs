//! Examples, as processes that can be killed.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::program::LIMIT;

#[derive(Debug)]
pub(crate) struct Example {
    program: &'static str,
    args: Vec<String>,
    process: Child,
    address: SocketAddr,
}

impl Example {
    pub(crate) async fn start(program: &'static str, args: &[&str]) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>();
        let (process, address) = start(program, &args, 0).await;
        Self { program, args, process, address }
    }

    /// Kills the process without a graceful shutdown.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts a new process on the port of the killed one.
    pub(crate) async fn restart(&mut self) {
        self.process = start(self.program, &self.args, self.address.port()).await.0;
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn start(program: &str, args: &[String], port: u16) -> (Child, SocketAddr) {
    let mut command = Command::new(program);
    command
        .args(args)
        .args(["--port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = timeout(LIMIT, lines.next_line())
        .await
        .expect("the example prints its address in time")
        .unwrap()
        .expect("the example prints its address");
    let (_, address) = line.split_once("http://").expect(&line);
    let address = address.trim_end_matches('/').parse().unwrap();
    // Further output must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (process, address)
}
