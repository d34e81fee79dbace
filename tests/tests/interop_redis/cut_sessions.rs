//! Sessions with a history in Redis over sockets, whose connections are cut after each byte of our server.

use sse_typed::client::HyperClient;
use tests::cuts::{Cut, cut_everywhere_on, http_2};

use crate::{
    common::store,
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn over_http_1_a_session_may_break_after_every_byte() {
    if !found("over_http_1_a_session_may_break_after_every_byte") {
        return;
    }
    let server = Server::start();
    cut_everywhere_on(store(&server).await, HyperClient::new(), Cut::Close).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn over_http_2_a_session_may_break_after_every_byte() {
    if !found("over_http_2_a_session_may_break_after_every_byte") {
        return;
    }
    let server = Server::start();
    cut_everywhere_on(store(&server).await, http_2(), Cut::Reset).await;
}
