use std::{
    future::{Future as _, poll_fn},
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::sleep,
};

use crate::{server::Begun, wake::poll_timer};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// Reads the first bytes of a connection, until they tell the version of HTTP. Returns what was read, too.
///
/// `None` if the connection is over: it failed, was closed before its first byte, sent nothing until the timeout, or the
/// server began to shut down before the first byte.
pub(super) async fn detect<Io: AsyncRead + Unpin>(
    io: &mut Io,
    timeout: Duration,
    begun: &mut Begun,
) -> Option<(Version, Bytes)> {
    let mut received = BytesMut::new();
    let mut timer = pin!(sleep(timeout));
    poll_fn(|cx| {
        loop {
            let mut buffer = [MaybeUninit::uninit(); PREFACE.len()];
            // Not past the preface: hyper reads into a buffer of its own.
            let unread = PREFACE.len() - received.len();
            let mut buffer = ReadBuf::uninit(&mut buffer[..unread]);
            let Poll::Ready(read) = Pin::new(&mut *io).poll_read(cx, &mut buffer) else { break };
            let has_ended = read.is_err() || buffer.filled().is_empty();
            if has_ended && received.is_empty() {
                return Poll::Ready(None);
            }
            received.extend_from_slice(buffer.filled());
            if has_ended || !PREFACE.starts_with(&received) {
                return Poll::Ready(Some(Version::Http1));
            }
            if received.len() == PREFACE.len() {
                return Poll::Ready(Some(Version::Http2));
            }
        }
        if poll_timer(timer.as_mut(), cx).is_ready()
            || (received.is_empty() && Pin::new(&mut *begun).poll(cx).is_ready())
        {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
    .map(|version| (version, received.freeze()))
}
