//! The event streams of other people: one enum for each, by which this server speaks to their clients and this client reads
//! their servers.
//!
//! `cargo run --example contracts`

mod answers;
mod client;
#[allow(dead_code, reason = "formats are complete, and this program uses a part of each")]
#[expect(unreachable_pub, reason = "files to copy into a library")]
mod formats;
mod server;

use std::error::Error;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("The server listens on {url}, and this program is its client.");
    tokio::spawn(async move { axum::serve(listener, server::router()).await });
    for (name, answer) in client::ask_all(&url).await? {
        println!("{name:>18}: {answer}");
    }
    Ok(())
}
