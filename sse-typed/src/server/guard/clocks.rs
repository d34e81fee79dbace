use std::{
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    task::coop::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

use crate::{
    server::{Shutdown, shutdown::Begun, trace},
    wake::poll_timer,
};

/// How long a connection may take nothing when nobody has said it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a guarded connection measures. Reading and writing are measured apart, because two tasks may do them.
#[derive(Debug)]
pub(super) struct Clocks {
    write_timeout: Duration,
    blocked: Option<Blocked>,
    reads: Option<Deadline>,
    writes: Option<Deadline>,
    /// The task that reads, which waits for what will not come once the writing has expired.
    reader: Option<Waker>,
    expired: Option<Expired>,
}

/// What bytes go through on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Write,
    /// A flush, or the shutdown of the connection.
    Flush,
}

/// Since when the connection takes nothing.
#[derive(Debug)]
struct Blocked {
    way: Way,
    /// `None`: for ever.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The end of the connection, some time behind the beginning of a shutdown.
#[derive(Debug)]
enum Deadline {
    Ahead {
        begun: Begun,
        after: Duration,
    },
    Set(Pin<Box<Sleep>>),
    /// Past the end of time.
    Never,
}

#[derive(Clone, Copy, Debug)]
enum Expired {
    Write,
    Shutdown,
}

impl Expired {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Write => "the client has read nothing for too long",
            Self::Shutdown => "the connection has outlasted the shutdown of its server",
        }
    }
}

impl Default for Clocks {
    fn default() -> Self {
        Self { write_timeout: WRITE_TIMEOUT, blocked: None, reads: None, writes: None, reader: None, expired: None }
    }
}

impl Clocks {
    pub(super) const fn set_write_timeout(&mut self, timeout: Duration) {
        self.write_timeout = timeout;
    }

    pub(super) fn set_shutdown(&mut self, shutdown: &Shutdown, deadline: Duration) {
        let ahead = || Some(Deadline::Ahead { begun: shutdown.begun(), after: deadline });
        self.reads = ahead();
        self.writes = ahead();
    }

    /// Before a read: an error when the connection has had its time.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.reads.as_mut().is_some_and(|deadline| deadline.poll(cx).is_ready()) {
            self.expire(Expired::Shutdown);
        }
        match &mut self.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        self.check()
    }

    /// Before anything that goes out: an error when the connection has had its time.
    pub(super) fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.writes.as_mut().is_some_and(|deadline| deadline.poll(cx).is_ready()) {
            self.expire(Expired::Shutdown);
        }
        self.check()
    }

    /// Moves bytes by `poll`, unless the connection has been pending for too long.
    pub(super) fn poll_move<T>(
        &mut self,
        way: Way,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut polled = poll(cx);
        if polled.is_pending() && self.poll_blocked(way, cx).is_ready() {
            // Without budget the connection is pending whether the client reads or not.
            polled = pin!(unconstrained(poll_fn(poll))).poll(cx);
            if polled.is_pending() {
                self.expire(Expired::Write);
            }
        }
        if polled.is_ready() {
            // A socket has always flushed: that says nothing of a write that waits.
            if way == Way::Write || self.blocked.as_ref().is_some_and(|blocked| blocked.way == Way::Flush) {
                self.blocked = None;
            }
            return polled;
        }
        self.check().map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending)
    }

    /// Is ready when the connection has been pending for the write timeout.
    fn poll_blocked(&mut self, way: Way, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.write_timeout;
        let blocked = self.blocked.get_or_insert_with(|| Blocked {
            way,
            timer: Instant::now().checked_add(timeout).map(|end| Box::pin(sleep_until(end))),
        });
        blocked.timer.as_mut().map_or(Poll::Pending, |timer| poll_timer(timer.as_mut(), cx))
    }

    fn expire(&mut self, why: Expired) {
        // The first reason counts.
        if self.expired.is_none() {
            trace::connection_given_up(why.as_str());
            self.expired = Some(why);
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }

    fn check(&self) -> io::Result<()> {
        match self.expired {
            None => Ok(()),
            Some(why) => Err(io::Error::new(io::ErrorKind::TimedOut, why.as_str())),
        }
    }
}

impl Deadline {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self {
                Self::Ahead { begun, after } => {
                    let Poll::Ready(at) = begun.poll_at(cx) else { return Poll::Pending };
                    *self = at.checked_add(*after).map_or(Self::Never, |end| Self::Set(Box::pin(sleep_until(end))));
                }
                Self::Set(timer) => return poll_timer(timer.as_mut(), cx),
                Self::Never => return Poll::Pending,
            }
        }
    }
}
