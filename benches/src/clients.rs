//! Whole clients over sockets: typed, and reconnecting when a connection ends.

use std::{
    future::Future,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    pin::Pin,
    sync::OnceLock,
    thread,
};

use eventsource_client::{Client as _, ClientBuilder, SSE};
use futures_util::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use memchr::memmem;
use sse_typed::{Client, client::HyperClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    contender::{Kind, Tally},
    input,
    typed::{Answer, by_event_type, tally_of},
};

/// Counts events. Returns false when the client has enough of them.
pub type Each<'a> = &'a mut (dyn FnMut(Tally) -> bool + Send);

type Reading<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

#[derive(Clone, Copy)]
pub struct ClientContender {
    pub name: &'static str,
    pub kind: Kind,
    /// Reads the events of a URL until `each` returns false.
    pub read: for<'a> fn(String, Each<'a>) -> Reading<'a>,
}

pub const CONTENDERS: [ClientContender; 4] = [
    ClientContender {
        name: "sse-typed, EventSource over hyper",
        kind: Kind::Ours,
        read: |url, each| Box::pin(ours(url, each)),
    },
    ClientContender {
        name: "reqwest-eventsource + match + from_str",
        kind: Kind::Peer,
        read: |url, each| Box::pin(reqwest_eventsource(url, each)),
    },
    ClientContender {
        name: "eventsource-client + match + from_str",
        kind: Kind::Peer,
        read: |url, each| Box::pin(eventsource_client(url, each)),
    },
    ClientContender {
        name: "tokio's TcpStream, counting",
        kind: Kind::Limit,
        read: |url, each| Box::pin(raw(url, each)),
    },
];

// The sources of one program share their client.

async fn ours(url: String, each: Each<'_>) {
    static CLIENT: OnceLock<Client<HyperClient>> = OnceLock::new();
    let client = CLIENT.get_or_init(Client::hyper);
    let mut source = client.get(url).connect::<Answer>();
    while let Some(event) = source.next().await {
        let event = event.expect("an event");
        if !each(tally_of(event.data)) {
            return;
        }
    }
}

async fn reqwest_eventsource(url: String, each: Each<'_>) {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let client = CLIENT.get_or_init(reqwest::Client::new);
    let mut source = reqwest_eventsource::EventSource::new(client.get(url)).expect("a request");
    while let Some(event) = source.next().await {
        let reqwest_eventsource::Event::Message(message) = event.expect("an event") else { continue };
        let mut tally = Tally::default();
        by_event_type(&mut tally, &message.event, &message.data);
        if !each(tally) {
            return;
        }
    }
}

async fn eventsource_client(url: String, each: Each<'_>) {
    static TRANSPORT: OnceLock<HyperTransport> = OnceLock::new();
    let transport = TRANSPORT.get_or_init(|| HyperTransport::new().expect("a transport")).clone();
    let client = ClientBuilder::for_url(&url).expect("a URL").build_with_transport(transport);
    let mut source = client.stream();
    while let Some(event) = source.next().await {
        let SSE::Event(event) = event.expect("an event") else { continue };
        let mut tally = Tally::default();
        by_event_type(&mut tally, &event.event_type, &event.data);
        if !each(tally) {
            return;
        }
    }
}

/// Reads the bytes, and counts the events without decoding them.
async fn raw(url: String, each: Each<'_>) {
    let address: SocketAddr = url["http://".len()..].trim_end_matches('/').parse().expect("an address");
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("a server");
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("a server");
    let mut buffer = vec![0; 16 << 10];
    // The end of the bytes before may be the first half of the end of an event.
    let mut at_line_end = false;
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        let bytes = &buffer[..read];
        let ended = usize::from(at_line_end && bytes[0] == b'\n');
        at_line_end = bytes.ends_with(b"\n") && !bytes.ends_with(b"\n\n") && !bytes.ends_with(b"\r\n");
        for _ in 0..ended + memmem::find_iter(bytes, b"\n\n").count() {
            if !each(Tally { events: 1, bytes: 0 }) {
                return;
            }
        }
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Serves the token stream without an end, on one thread for each connection. Returns the URL.
pub fn serve_tokens() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}/", listener.local_addr()?);
    let stream: Vec<u8> = input::token_stream().chunks.iter().flat_map(|chunk| chunked(chunk)).collect();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let stream = stream.clone();
            thread::spawn(move || -> io::Result<()> {
                read_request(&mut socket)?;
                socket.write_all(HEAD)?;
                // Ends with an error when the client closes the connection.
                loop {
                    socket.write_all(&stream)?;
                }
            });
        }
    });
    Ok(url)
}

/// Serves one token to each connection, and then nothing. Prints the URL, and does not return.
pub fn serve_one_token() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("http://{}/", listener.local_addr()?);
    io::stdout().flush()?;
    let token = chunked(&input::token_stream().in_events().chunks[0]);
    let mut held = Vec::new();
    for mut socket in listener.incoming().flatten() {
        read_request(&mut socket)?;
        socket.write_all(&[HEAD, &token].concat())?;
        held.push(socket);
    }
    Ok(())
}

fn read_request(socket: &mut TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.read(&mut [0; 4096]).map(drop)
}

/// A chunk of HTTP/1.1.
fn chunked(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
