//! The example `cluster`, as a person starts it.

use std::process::Stdio;

use tokio::process::Command;

use crate::{
    common::within,
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn clients_that_change_between_two_servers_lose_nothing_when_one_is_killed() {
    if !found("clients_that_change_between_two_servers_lose_nothing_when_one_is_killed") {
        return;
    }
    let server = Server::start();
    let mut cluster = cluster(&["--store", &server.url(), "--clients", "4", "--events", "90"]);
    let output = within(cluster.output()).await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("kill -9 of process"), "{printed}");
    assert!(printed.contains("\nlost 0, doubled 0, gaps 0; all clients received one order\n"), "{printed}");
    assert_eq!(server.run::<Vec<String>>(&["KEYS", "*"]), [""; 0], "its events are removed at the end");
}

#[tokio::test]
async fn a_store_that_processes_cannot_share_is_refused_with_the_reason() {
    for url in ["memory:", "file:events"] {
        let output = within(cluster(&["--store", url]).output()).await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("is not shared: "), "{error}");
    }
}

fn cluster(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}
