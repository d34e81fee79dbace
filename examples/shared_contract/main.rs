//! One enum for a server and a client. When it changes, the compiler reports what to change on both sides.
//!
//! `cargo run --example shared_contract`

mod client;
#[expect(unreachable_pub, reason = "in a real project it is a crate")]
mod contract;
mod server;

use std::error::Error;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/ride", listener.local_addr()?);
    println!("The server listens on {url}, and this program is its client.");
    tokio::spawn(server::serve(listener));
    client::follow(&url).await?;
    Ok(())
}
