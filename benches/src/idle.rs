//! The memory of a subscription that waits for an event.

use std::{
    any::Any,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::BodyDataStream;
use sse_typed::{
    Hub, Sse,
    hub::{OnGap, Start},
};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

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
    /// Makes this many subscriptions, and polls each once.
    pub subscribe: fn(usize) -> IdleSubscriptions,
}

pub const CONTENDERS: [IdleContender; 4] = [
    IdleContender { name: "sse-typed, subscription", subscribe: subscriptions },
    IdleContender { name: "sse-typed, HTTP body", subscribe: bodies },
    IdleContender { name: "broadcast of Bytes, BroadcastStream", subscribe: broadcast_streams },
    IdleContender { name: "axum: broadcast of the enum, HTTP body", subscribe: axum_bodies },
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
    // A body cannot move after it was polled. Its box is not counted.
    let streams = subscribe_idle(count, || Box::pin(BodyDataStream::new(body())));
    IdleSubscriptions { own, held: Box::new((hub, streams)) }
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
        assert!(matches!(Pin::new(stream).poll_next(&mut context), Poll::Pending), "no event was published");
    }
    streams
}
