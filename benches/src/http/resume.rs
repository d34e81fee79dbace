//! Servers with a history, whose clients resume after its first event.

use std::{
    convert::Infallible,
    io::{self, Write},
    net::Ipv4Addr,
    sync::Arc,
};

use axum::{Router, response::IntoResponse, routing};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use sse_typed::{
    Encoded, Hub, LastEventId, Sse,
    hub::{OnGap, Retention, Start},
    server,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};

use super::{
    protocol::{HyperSettings, PATH},
    serve::{FIRST_ID, serve_hyper},
};
use crate::market::Market;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    RawTcp,
    HubServer,
    HubHyper,
    ListHyper,
    ListAxum,
}

impl Resume {
    pub const ALL: [Self; 5] = [Self::RawTcp, Self::HubServer, Self::HubHyper, Self::ListHyper, Self::ListAxum];

    pub const fn name(self) -> &'static str {
        match self {
            Self::RawTcp => "raw TCP, 32 KiB at a time",
            Self::HubServer => "sse-typed: hub, Server",
            Self::HubHyper => "sse-typed: hub, hyper",
            Self::ListHyper => "list of Bytes, hyper",
            Self::ListAxum => "axum: list of the enum, json_data each",
        }
    }

    pub fn from_name(name: &str) -> io::Result<Self> {
        let unknown = || io::Error::other(format!("there is no server `{name}`"));
        Self::ALL.into_iter().find(|server| server.name() == name).ok_or_else(unknown)
    }
}

/// Serves for ever. Prints its port and the id of the first event; the clients resume after it and receive `events`.
pub fn run(server: Resume, events: u64) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        // All with the backlog of `Server::bind`, so that opening the connections takes none of the time.
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let data = socket.listen(4096)?;
        let port = data.local_addr()?.port();
        let mut first_id = "0".to_owned();
        match server {
            Resume::RawTcp => raw_tcp(data, events)?,
            Resume::HubServer | Resume::HubHyper => first_id = hub(data, server, events).await,
            Resume::ListHyper => list_hyper(data, events),
            Resume::ListAxum => list_axum(data, events),
        }
        println!("{port} {first_id}");
        io::stdout().flush()?;
        std::future::pending().await
    })
}

fn encode(n: u64) -> Bytes {
    let mut bytes = format!("id: {FIRST_ID}{n}\n").into_bytes();
    bytes.extend_from_slice(Encoded::new(&Market::trade(n)).expect("an event").as_bytes());
    bytes.into()
}

fn raw_tcp(data: TcpListener, events: u64) -> io::Result<()> {
    let history: Arc<[u8]> = (1..=events).flat_map(|n| encode(n).to_vec()).collect();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = data.accept().await {
            let history = Arc::clone(&history);
            tokio::spawn(async move {
                let mut request = [0; 1024];
                if socket.read(&mut request).await? == 0 {
                    return Ok(0);
                }
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                for chunk in history.chunks(32 << 10) {
                    socket.write_all(chunk).await?;
                }
                // The client closes the connection.
                socket.read(&mut request).await
            });
        }
    });
    Ok(())
}

/// Another subscriber has read the history live. Returns the id of its first event.
async fn hub(data: TcpListener, server: Resume, events: u64) -> String {
    let retention = Retention::events(events as usize + 1).bytes(usize::MAX);
    let hub = Hub::builder_on_gap(OnGap::Ignore).retain(retention).build();
    let mut live = hub.subscribe(Start::Live);
    let mut first_id = String::new();
    for n in 0..=events {
        let id = hub.publish_now(&Market::trade(n)).expect("a hub");
        live.next().await.expect("an event");
        if n == 0 {
            first_id = id.to_string();
        }
    }
    if server == Resume::HubServer {
        let service = tower::service_fn(move |request: Request<server::RequestBody>| {
            let start = LastEventId::of(&request).or(Start::Live);
            std::future::ready(Ok::<_, Infallible>(Sse::new(hub.subscribe(start))))
        });
        tokio::spawn(server::Server::new(data).serve(service));
    } else {
        serve_hyper(data, HyperSettings::Http1, move |request| {
            Sse::new(hub.subscribe(LastEventId::of(request).or(Start::Live))).into()
        });
    }
    first_id
}

/// The numbers of the events after the id of the request, and then nothing more.
fn numbers<B>(request: &Request<B>, events: u64) -> impl Stream<Item = u64> + Send + 'static + use<B> {
    let last = LastEventId::of(request).parse::<u64>().ok().flatten().unwrap_or(0);
    stream::iter(last + 1..=events).chain(stream::pending())
}

/// A frame per event, which is encoded once.
fn list_hyper(data: TcpListener, events: u64) {
    let list: Arc<[Bytes]> = (0..=events).map(encode).collect();
    serve_hyper(data, HyperSettings::Http1, move |request| {
        let list = Arc::clone(&list);
        let frames = numbers(request, events).map(move |n| Ok::<_, Infallible>(Frame::data(list[n as usize].clone())));
        let response = Response::builder().header("content-type", "text/event-stream");
        response.body(StreamBody::new(frames)).expect("a response")
    });
}

/// The usual way: each response encodes the values again.
fn list_axum(data: TcpListener, events: u64) {
    let list: Arc<[Market]> = (0..=events).map(Market::trade).collect();
    let respond = move |request: axum::extract::Request| {
        let list = Arc::clone(&list);
        let events =
            numbers(&request, events).map(move |n| list[n as usize].axum().map(|event| event.id(n.to_string())));
        let sse = axum::response::Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default());
        std::future::ready(sse.into_response())
    };
    tokio::spawn(async move { axum::serve(data, Router::new().route(PATH, routing::get(respond))).await });
}
