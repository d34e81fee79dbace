//! Polls streams that are always ready, without a runtime.

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

/// A stream of chunks, as of a body.
pub fn stream_of(chunks: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Sync + use<> {
    // This clones reference-counted chunks, and copies no data.
    let chunks = chunks.to_vec();
    stream::iter(chunks).map(Ok)
}

/// Takes all items of a stream that is never pending.
///
/// # Panics
///
/// If the stream is pending.
pub fn drain<S: Stream>(stream: S, mut each: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(item)) => each(item),
            Poll::Ready(None) => return,
            Poll::Pending => panic!("a stream of ready items is pending"),
        }
    }
}
