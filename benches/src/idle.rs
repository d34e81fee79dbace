//! The memory of a subscription that waits for an event.

use std::{
    any::Any,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use http_body_util::BodyDataStream;
use sse_typed::{
    Hub, Sse, SseLayer,
    hub::{OnGap, Start},
    server::{Drain, Shutdown, Stats},
};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::market::Market;

/// Subscriptions that wait.
pub struct IdleSubscriptions {
    /// Keeps them alive.
    pub held: Box<dyn Any>,
    /// The size of one of them, without its memory on the heap.
    pub own: usize,
}

pub struct IdleContender {
    pub name: &'static str,
    /// Makes this many subscriptions, and polls each until it waits.
    pub subscribe: fn(usize) -> IdleSubscriptions,
    /// Whether each subscription is in a box of its own, because it cannot move after it was polled.
    pub is_boxed: bool,
}

/// The body of a stream for which the layer has every setting.
pub const ALL_SETTINGS: &str = "sse-typed, HTTP body, every setting of the layer";

pub const CONTENDERS: [IdleContender; 5] = [
    IdleContender { name: "sse-typed, subscription", subscribe: subscriptions, is_boxed: false },
    IdleContender { name: "sse-typed, HTTP body", subscribe: bodies, is_boxed: true },
    IdleContender { name: "broadcast of Bytes, BroadcastStream", subscribe: broadcast_streams, is_boxed: false },
    IdleContender { name: "axum: broadcast of the enum, HTTP body", subscribe: axum_bodies, is_boxed: false },
    IdleContender { name: ALL_SETTINGS, subscribe: bodies_with_all_settings, is_boxed: true },
];

fn subscriptions(count: usize) -> IdleSubscriptions {
    let hub = Hub::<Market>::builder_on_gap(OnGap::Ignore).build();
    let streams = subscribe_idle(count, || hub.subscribe(Start::Live));
    IdleSubscriptions { own: size_of_val(&streams[0]), held: Box::new((hub, streams)) }
}

fn bodies(count: usize) -> IdleSubscriptions {
    let hub = Hub::<Market>::builder_on_gap(OnGap::Ignore).build();
    let body = || http::Response::from(Sse::new(hub.subscribe(Start::Live))).into_body();
    let own = size_of_val(&body());
    let streams = subscribe_idle(count, || Box::pin(BodyDataStream::new(body())));
    IdleSubscriptions { own, held: Box::new((hub, streams)) }
}

fn bodies_with_all_settings(count: usize) -> IdleSubscriptions {
    let hub = Hub::<Market>::builder_on_gap(OnGap::Ignore).build();
    let shutdown = Shutdown::new();
    let minute = Duration::from_secs(60);
    let layer = SseLayer::new()
        .keep_alive(minute)
        .retry_between(minute..=2 * minute)
        .ids()
        .max_lifetime(60 * minute)
        .shutdown(&shutdown, Drain::Finish { grace: minute })
        .max_streams(count + 1)
        .stats(&Stats::new())
        .on_open(|_| {})
        .on_close(|_| {})
        .on_unsendable(|_| {});
    let service =
        ServiceBuilder::new().layer(layer).service(service_fn(|request: http::Request<Hub<Market>>| async move {
            let hub = request.into_body();
            Ok::<_, Infallible>(Sse::new(hub.subscribe(Start::Live)))
        }));
    let body = || {
        let response = service.clone().oneshot(http::Request::new(hub.clone())).now_or_never();
        response.and_then(Result::ok).expect("the service answers at once").into_body()
    };
    let own = size_of_val(&body());
    let streams = subscribe_idle(count, || Box::pin(BodyDataStream::new(body())));
    IdleSubscriptions { own, held: Box::new((hub, streams, shutdown)) }
}

fn broadcast_streams(count: usize) -> IdleSubscriptions {
    let (sender, _) = broadcast::channel::<Bytes>(16);
    let streams = subscribe_idle(count, || BroadcastStream::new(sender.subscribe()));
    IdleSubscriptions { own: size_of_val(&streams[0]), held: Box::new((sender, streams)) }
}

fn axum_bodies(count: usize) -> IdleSubscriptions {
    let (sender, _) = broadcast::channel::<Market>(16);
    let streams = subscribe_idle(count, || {
        let events = BroadcastStream::new(sender.subscribe()).map(|event| match event {
            Ok(event) => event.axum(),
            Err(error) => Err(axum::Error::new(error)),
        });
        let sse = axum::response::Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default());
        BodyDataStream::new(sse.into_response().into_body())
    });
    IdleSubscriptions { own: size_of_val(&streams[0]), held: Box::new((sender, streams)) }
}

fn subscribe_idle<S: Stream + Unpin>(count: usize, subscribe: impl Fn() -> S) -> Vec<S> {
    let mut context = Context::from_waker(Waker::noop());
    let mut streams: Vec<S> = (0..count).map(|_| subscribe()).collect();
    for stream in &mut streams {
        // A reconnection time is the first frame of a body.
        while let Poll::Ready(frame) = Pin::new(&mut *stream).poll_next(&mut context) {
            assert!(frame.is_some(), "the stream is open");
        }
    }
    streams
}
