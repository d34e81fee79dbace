//! What a subscription costs that waits for an event.

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

use crate::encode::Market;

/// Subscriptions that wait, and the size of one of them without what it holds on the heap.
pub struct Waiting {
    pub held: Box<dyn Any>,
    pub own: usize,
}

pub struct Idle {
    pub name: &'static str,
    /// Subscribes so many times.
    pub wait: fn(usize) -> Waiting,
}

pub const IDLE: [Idle; 4] = [
    Idle { name: "sse-typed, subscription", wait: subscriptions },
    Idle { name: "sse-typed, HTTP body", wait: bodies },
    Idle { name: "broadcast of Bytes, BroadcastStream", wait: broadcast_streams },
    Idle { name: "axum: broadcast of the enum, HTTP body", wait: axum_bodies },
];

fn subscriptions(count: usize) -> Waiting {
    let hub = Hub::<Market>::builder_on_gap(OnGap::Ignore).build();
    let streams = waiting(count, || hub.subscribe(Start::Live));
    Waiting { own: size_of_val(&streams[0]), held: Box::new((hub, streams)) }
}

fn bodies(count: usize) -> Waiting {
    let hub = Hub::<Market>::builder_on_gap(OnGap::Ignore).build();
    let body = || http::Response::from(Sse::new(hub.subscribe(Start::Live))).into_body();
    let own = size_of_val(&body());
    // A body stays where it is polled: each in a place of its own, which is not counted.
    let streams = waiting(count, || Box::pin(BodyDataStream::new(body())));
    Waiting { own, held: Box::new((hub, streams)) }
}

fn broadcast_streams(count: usize) -> Waiting {
    let (sender, _) = broadcast::channel::<Bytes>(16);
    let streams = waiting(count, || BroadcastStream::new(sender.subscribe()));
    Waiting { own: size_of_val(&streams[0]), held: Box::new((sender, streams)) }
}

fn axum_bodies(count: usize) -> Waiting {
    let (sender, _) = broadcast::channel::<Market>(16);
    let streams = waiting(count, || {
        let events = BroadcastStream::new(sender.subscribe()).map(|event| match event {
            Ok(event) => event.axum(),
            Err(error) => Err(axum::Error::new(error)),
        });
        let sse = axum::response::Sse::new(events).keep_alive(axum::response::sse::KeepAlive::default());
        BodyDataStream::new(sse.into_response().into_body())
    });
    Waiting { own: size_of_val(&streams[0]), held: Box::new((sender, streams)) }
}

fn waiting<S: Stream + Unpin>(count: usize, subscribe: impl Fn() -> S) -> Vec<S> {
    let mut context = Context::from_waker(Waker::noop());
    let mut streams: Vec<S> = (0..count).map(|_| subscribe()).collect();
    for stream in &mut streams {
        assert!(matches!(Pin::new(stream).poll_next(&mut context), Poll::Pending), "nothing was published");
    }
    streams
}
