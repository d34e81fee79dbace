//! The servers, each on one thread.

use std::{
    convert::Infallible,
    io::{self, Write},
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, response::IntoResponse, routing, serve::ListenerExt};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sse_typed::{
    Encoded, Hub, Sse,
    hub::{OnGap, Start},
    server::{self, Drain, Shutdown},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::broadcast,
    time::timeout,
};
use tokio_stream::wrappers::BroadcastStream;

use super::protocol::{HyperSettings, PATH, PUBLISH, Server};
use crate::market::Market;

/// How many events a channel holds. More than a burst.
const CHANNEL_CAPACITY: usize = 256;

/// How long a server waits for the load generator.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The begin of an id, as long as that of a hub.
pub const FIRST_ID: &str = "0123456789abcdef-";

type Publish = Box<dyn Fn(&Market)>;

/// Serves until the control connection is closed. Prints the two ports, that of the events first.
pub fn run(server: Server, settings: HyperSettings, burst: u64) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let data = listen(server).await?;
        let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{} {}", data.local_addr()?.port(), control.local_addr()?.port());
        io::stdout().flush()?;
        let (mut control, _) = timeout(TIMEOUT, control.accept()).await??;
        control.set_nodelay(true)?;
        if server == Server::RawTcp {
            return raw_tcp(data, &mut control, burst).await;
        }
        let publish = match server {
            Server::RawTcp | Server::HubHyper => hub_hyper(data, settings),
            Server::HubServer => hub_server(data),
            Server::HubAxumServer => hub_axum_server(data),
            Server::HubAxum => hub_axum(data),
            Server::BroadcastBytes => broadcast_bytes(data, settings),
            Server::AxumBroadcast => axum_broadcast(data),
        };
        let mut n = 0;
        while receive_publish(&mut control).await? {
            for _ in 0..burst {
                publish(&Market::trade(n));
                n += 1;
            }
        }
        Ok(())
    })
}

/// Listens with the backlog that the server has by default.
async fn listen(server: Server) -> io::Result<TcpListener> {
    let address = (Ipv4Addr::LOCALHOST, 0);
    if !matches!(server, Server::HubServer | Server::HubAxumServer) {
        return TcpListener::bind(address).await;
    }
    let socket = TcpSocket::new_v4()?;
    socket.bind(address.into())?;
    socket.listen(4096)
}

/// Waits for the command to publish. False when the control connection is closed.
async fn receive_publish(control: &mut TcpStream) -> io::Result<bool> {
    let mut command = [0];
    Ok(control.read(&mut command).await? == 1 && command[0] == PUBLISH)
}

/// Answers each request with a head, so that the load generator can treat all servers alike, and then writes the events.
async fn raw_tcp(data: TcpListener, control: &mut TcpStream, burst: u64) -> io::Result<()> {
    let sockets = Arc::new(Mutex::new(Vec::new()));
    let accepted = Arc::clone(&sockets);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = data.accept().await {
            let mut request = [0; 1024];
            let _ = socket.set_nodelay(true);
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            accepted.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        }
    });
    let mut n = 0;
    while receive_publish(control).await? {
        let mut encoded = Vec::new();
        for _ in 0..burst {
            // As long as the event of a hub with its id.
            encoded.extend_from_slice(format!("id: {FIRST_ID}{n}\n").as_bytes());
            encoded.extend_from_slice(Encoded::new(&Market::trade(n)).map_err(io::Error::other)?.as_bytes());
            n += 1;
        }
        for socket in &*sockets.lock().unwrap_or_else(PoisonError::into_inner) {
            if socket.try_write(&encoded)? != encoded.len() {
                return Err(io::Error::other("a socket is full, although its client has read everything"));
            }
        }
    }
    Ok(())
}

fn hub_hyper(data: TcpListener, settings: HyperSettings) -> Publish {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribed = hub.clone();
    serve_hyper(data, settings, move |_| Sse::new(subscribed.subscribe(Start::Live)).into());
    Box::new(move |event| drop(hub.publish_now(event)))
}

fn hub_server(data: TcpListener) -> Publish {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribed = hub.clone();
    let service = tower::service_fn(move |_: Request<server::RequestBody>| {
        std::future::ready(Ok::<_, Infallible>(Sse::new(subscribed.subscribe(Start::Live))))
    });
    tokio::spawn(server::Server::new(data).serve(service));
    Box::new(move |event| drop(hub.publish_now(event)))
}

fn hub_axum_server(data: TcpListener) -> Publish {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribed = hub.clone();
    let handler = move || std::future::ready(Sse::new(subscribed.subscribe(Start::Live)));
    let app = Router::new().route(PATH, routing::get(handler));
    let server = server::Server::new(data).shutdown(&Shutdown::new(), Drain::Now, TIMEOUT);
    tokio::spawn(server.serve(app));
    Box::new(move |event| drop(hub.publish_now(event)))
}

fn broadcast_bytes(data: TcpListener, settings: HyperSettings) -> Publish {
    let (sender, _) = broadcast::channel::<Bytes>(CHANNEL_CAPACITY);
    let subscribed = sender.clone();
    serve_hyper(data, settings, move |_| {
        let frames = BroadcastStream::new(subscribed.subscribe()).map(|bytes| bytes.map(Frame::data));
        Response::builder()
            .header("content-type", "text/event-stream")
            .body(StreamBody::new(frames))
            .expect("a response")
    });
    Box::new(move |event| {
        let encoded = Encoded::new(event).expect("an event");
        let _ = sender.send(encoded.as_bytes().clone());
    })
}

/// Serves each connection in its own task.
pub fn serve_hyper<B>(
    data: TcpListener,
    settings: HyperSettings,
    respond: impl Fn(&Request<Incoming>) -> Response<B> + Clone + Send + 'static,
) where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut builder = http1::Builder::new();
    match settings {
        HyperSettings::HalfClose => drop(builder.half_close(true)),
        HyperSettings::NoVectoredWrites => drop(builder.writev(false)),
        HyperSettings::SmallBuffers => drop(builder.max_buf_size(8192)),
        HyperSettings::NoKeepAlive => drop(builder.keep_alive(false)),
        HyperSettings::Auto | HyperSettings::AutoHttp1 | HyperSettings::Http1 => {}
    }
    let mut auto = auto::Builder::new(TokioExecutor::new());
    if settings == HyperSettings::AutoHttp1 {
        auto = auto.http1_only();
    }
    tokio::spawn(async move {
        while let Ok((socket, _)) = data.accept().await {
            let _ = socket.set_nodelay(true);
            let respond = respond.clone();
            let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(respond(&request))));
            match settings {
                HyperSettings::Auto | HyperSettings::AutoHttp1 => {
                    let auto = auto.clone();
                    tokio::spawn(async move { auto.serve_connection(TokioIo::new(socket), service).await });
                }
                _ => drop(tokio::spawn(builder.serve_connection(TokioIo::new(socket), service))),
            }
        }
    });
}

fn hub_axum(data: TcpListener) -> Publish {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribed = hub.clone();
    serve_axum(data, move || {
        http::Response::from(Sse::new(subscribed.subscribe(Start::Live))).map(axum::body::Body::new)
    });
    Box::new(move |event| drop(hub.publish_now(event)))
}

fn axum_broadcast(data: TcpListener) -> Publish {
    let (sender, _) = broadcast::channel::<Market>(CHANNEL_CAPACITY);
    let subscribed = sender.clone();
    serve_axum(data, move || {
        let events = BroadcastStream::new(subscribed.subscribe()).map(|event| event.map(|event| event.axum()));
        let events = events.map(|event| event.unwrap_or_else(|error| Err(axum::Error::new(error))));
        axum::response::Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default())
    });
    Box::new(move |event| drop(sender.send(event.clone())))
}

fn serve_axum<R: IntoResponse + Send + 'static>(
    data: TcpListener,
    respond: impl FnOnce() -> R + Clone + Send + Sync + 'static,
) {
    let app = Router::new().route(PATH, routing::get(move || std::future::ready(respond())));
    let data = data.tap_io(|socket| drop(socket.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(data, app).await });
}
