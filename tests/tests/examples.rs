//! What people see of an example that cannot start.

use std::{net::TcpListener, process::Command};

/// Examples that serve, all with the option `--port`.
const SERVERS: [&str; 4] = [
    env!("CARGO_BIN_EXE_dashboard"),
    env!("CARGO_BIN_EXE_notifications"),
    env!("CARGO_BIN_EXE_prices"),
    env!("CARGO_BIN_EXE_resumable_chat"),
];

fn error_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{program}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_example_whose_port_is_in_use_names_the_option_that_changes_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for program in SERVERS {
        let error = error_of(program, &["--port", &port]);
        assert!(error.starts_with(&format!("error: cannot listen on port {port}: ")), "{error}");
        assert!(error.ends_with("Choose another with `-- --port N`; 0 takes any free one.\n"), "{error}");
    }
}

#[test]
fn an_example_that_is_started_in_another_way_prints_its_usage() {
    for program in SERVERS {
        assert!(error_of(program, &["--prot", "1"]).starts_with("error: usage: cargo run --example "), "{program}");
        assert!(error_of(program, &["--port", "many"]).contains("`many`"), "{program}");
    }
}
