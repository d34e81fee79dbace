//! Encoding through the HTTP body with its keep-alive: events one at a time, and events that are all ready.

use std::{
    hint::black_box,
    iter::RepeatN,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use counts::sse_typed_counted_work;
use futures_core::Stream;
use http_body::Body;
use sse_typed::{EncodeEvent, Sse};

#[derive(EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Market {
    Trade { symbol: String, cents: u64, size: u64, at: u64 },
}

fn main() -> std::io::Result<()> {
    // The keep-alive is a timer of this runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let _guard = runtime.enter();
    let trade: &Market = Box::leak(Box::new(Market::Trade {
        symbol: "KIWI".to_owned(),
        cents: 10_007,
        size: 1_007,
        at: 17_000_000_007,
    }));
    let trades = std::iter::repeat_n(trade, 1_000);
    sse_typed_counted_work(|| {
        send(Trades { left: trades.clone(), pauses: true, pause: false });
        send(Trades { left: trades.clone(), pauses: false, pause: false });
        2_000
    });
    Ok(())
}

/// Reads all frames of the body.
fn send(trades: Trades) {
    let mut body = pin!(http::Response::from(Sse::new(trades)).into_body());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match body.as_mut().poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => drop(black_box(frame)),
            Poll::Ready(None) => return,
            // The stream is ready at the next poll.
            Poll::Pending => {}
        }
    }
}

struct Trades {
    left: RepeatN<&'static Market>,
    /// The stream is pending between two events.
    pauses: bool,
    pause: bool,
}

impl Stream for Trades {
    type Item = &'static Market;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<&'static Market>> {
        self.pause = self.pauses && !self.pause;
        if self.pauses && !self.pause { Poll::Pending } else { Poll::Ready(self.left.next()) }
    }
}
