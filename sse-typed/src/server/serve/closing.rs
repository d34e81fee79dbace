use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::wake::poll_timer;

/// How long a closed connection is read.
const LINGER: Duration = Duration::from_secs(1);

/// How many bytes are read from a closed connection.
const MAX_DISCARDED: u32 = 64 << 10;

/// Closes a connection without losing its last bytes.
///
/// A socket that is dropped while bytes of the client are unread is reset, and then the client may lose what it has not
/// read. So the connection is shut down first, and read for a while until the client has closed it, too.
#[derive(Debug)]
pub(super) struct Closing {
    is_read_closed: bool,
    /// Set once the connection is shut down.
    linger: Option<Pin<Box<Sleep>>>,
    discarded: u32,
}

impl Closing {
    pub(super) const fn new(is_read_closed: bool) -> Self {
        Self { is_read_closed, linger: None, discarded: 0 }
    }

    pub(super) fn poll<Io: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
        }
        if self.is_read_closed {
            return Poll::Ready(Ok(()));
        }
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        while self.discarded < MAX_DISCARDED && poll_timer(linger.as_mut(), cx).is_pending() {
            let mut buffer = [MaybeUninit::uninit(); 4 << 10];
            let mut buffer = ReadBuf::uninit(&mut buffer);
            ready!(Pin::new(&mut *io).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            // At most the buffer.
            self.discarded += buffer.filled().len() as u32;
        }
        Poll::Ready(Ok(()))
    }
}
