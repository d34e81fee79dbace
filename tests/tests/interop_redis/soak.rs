//! The example `soak`, for some seconds.

use std::process::Stdio;

use tokio::process::Command;

use crate::{
    common::within,
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_promises_hold_while_redis_is_away_and_paused_and_the_server_is_killed() {
    if !found("the_promises_hold_while_redis_is_away_and_paused_and_the_server_is_killed") {
        return;
    }
    let server = Server::start();
    let (url, pid) = (server.url(), server.process_id().to_string());
    let arguments = ["--store", &url, "--redis-pid", &pid, "--connections", "8", "--duration", "12s"];
    let mut soak = Command::new(env!("CARGO_BIN_EXE_soak"));
    soak.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = within(soak.output()).await.unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    for done in ["kill -9 ", "Redis ", "drains ", "missing 0, duplicates 0, out of order 0"] {
        assert!(printed.contains(done), "{done}: {printed}");
    }
    let mut left = server.run::<Vec<String>>(&["KEYS", "*"]);
    // Ended runs are kept for a minute.
    left.retain(|key| key != "sse:\0runs" && !key.contains("/*/"));
    assert_eq!(left, [""; 0], "its events are removed at the end");
}
