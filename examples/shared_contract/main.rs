//! One enum, used by a server and by a client: when it changes, the compiler shows both what they have to change.
//!
//! `cargo run --example shared_contract`

mod client;
#[expect(unreachable_pub, reason = "in a project of your own it is a crate")]
mod contract;
mod server;

use std::error::Error;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/ride", listener.local_addr()?);
    tokio::spawn(server::serve(listener));
    client::follow(&url).await?;
    Ok(())
}
