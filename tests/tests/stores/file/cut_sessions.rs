//! Sessions with a history in a folder over sockets, whose connections are cut after each byte of the server.

use sse_typed::{client::HyperClient, stores::FileStore};
use tests::cuts::{Cut, cut_everywhere_on, http_2};

use super::folder::Folder;

async fn run(client: HyperClient, even: Cut) {
    let folder = Folder::new();
    let store = FileStore::open(folder.path()).unwrap();
    cut_everywhere_on(store.clone(), client, even).await;
    store.close().await;
}

#[tokio::test]
async fn over_http_1_a_session_may_break_after_every_byte() {
    run(HyperClient::new(), Cut::Close).await;
    run(HyperClient::new(), Cut::Reset).await;
}

#[tokio::test]
async fn over_http_2_a_session_may_break_after_every_byte() {
    run(http_2(), Cut::Close).await;
    run(http_2(), Cut::Reset).await;
}
