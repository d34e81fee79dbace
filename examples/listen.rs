//! What examples that serve have in common: the option `--port`, and errors for people.

use std::{env, error::Error, process::ExitCode};

use tokio::net::TcpListener;

/// Listens on the loopback interface, on the port of `--port N` or on the default one.
pub(crate) async fn listen(example: &str, default_port: u16) -> Result<TcpListener, String> {
    let usage = format!("usage: cargo run --example {example} [-- --port N]");
    let mut arguments = env::args().skip(1);
    let port = match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => default_port,
        (Some("--port"), Some(port), None) => {
            port.parse().map_err(|_| format!("`{port}` is not a port number. {usage}"))?
        }
        _ => return Err(usage),
    };
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        format!("cannot listen on port {port}: {error}. Choose another with `-- --port N`; 0 takes any free one.")
    })
}

/// The exit code of `main`. An error is printed as text, not as Rust's `Debug` output.
pub(crate) fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
