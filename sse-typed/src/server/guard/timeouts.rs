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

/// The default write timeout.
const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeouts of a guarded connection.
///
/// A server has one for each open stream, so it is small.
#[derive(Debug)]
pub(super) struct Timeouts {
    write_timeout: WriteTimeout,
    /// The task that reads. It is woken when a timeout expires, because no bytes may ever arrive.
    read_waker: Option<Waker>,
    /// Absent while nothing of it is set.
    running: Option<Box<RunningTimeouts>>,
}

/// A write timeout in nanoseconds: half the size of a `Duration`. `u64::MAX` is no timeout.
#[derive(Clone, Copy, Debug)]
struct WriteTimeout(u64);

/// The timeouts that can expire now, or have expired.
///
/// Reads and writes have separate shutdown deadlines, because two tasks may wait for them.
#[derive(Debug, Default)]
struct RunningTimeouts {
    blocked: Option<Blocked>,
    read_deadline: Option<ShutdownDeadline>,
    write_deadline: Option<ShutdownDeadline>,
    expired: Option<Expired>,
}

/// An operation that moves bytes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Write,
    /// A flush, or the shutdown of the connection.
    Flush,
}

/// An operation that has been pending without progress.
#[derive(Debug)]
struct Blocked {
    operation: Operation,
    /// `None` if the write timeout is later than `Instant` can express.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The end of the connection, a set time after a shutdown begins.
#[derive(Debug)]
enum ShutdownDeadline {
    /// The shutdown has not begun.
    NotBegun { begun: Begun, after: Duration },
    /// The shutdown has begun and the connection ends when the timer fires.
    Running(Pin<Box<Sleep>>),
    /// The deadline is later than `Instant` can express.
    Never,
}

/// The timeout that ended the connection.
#[derive(Clone, Copy, Debug)]
enum Expired {
    WriteTimeout,
    ShutdownDeadline,
}

impl Expired {
    const fn as_str(self) -> &'static str {
        match self {
            Self::WriteTimeout => "the client has read nothing for the write timeout",
            Self::ShutdownDeadline => "the connection was open at the deadline of the server's shutdown",
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { write_timeout: WriteTimeout::new(DEFAULT_WRITE_TIMEOUT), read_waker: None, running: None }
    }
}

impl WriteTimeout {
    const fn new(timeout: Duration) -> Self {
        let nanos = timeout.as_nanos();
        // More than five hundred years.
        Self(if nanos < u64::MAX as u128 { nanos as u64 } else { u64::MAX })
    }

    /// The end of a timeout that starts now. `None` if it is later than `Instant` can express.
    fn end(self) -> Option<Instant> {
        let timeout = if self.0 == u64::MAX { Duration::MAX } else { Duration::from_nanos(self.0) };
        Instant::now().checked_add(timeout)
    }
}

impl Timeouts {
    pub(super) const fn set_write_timeout(&mut self, timeout: Duration) {
        self.write_timeout = WriteTimeout::new(timeout);
    }

    pub(super) fn set_shutdown(&mut self, shutdown: &Shutdown, after: Duration) {
        let deadline = || Some(ShutdownDeadline::NotBegun { begun: shutdown.begun(), after });
        let running = self.running.get_or_insert_default();
        running.read_deadline = deadline();
        running.write_deadline = deadline();
    }

    /// Checks the timeouts before a read. An error if one has expired.
    pub(super) fn check_read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(running) = &mut self.running
            && running.read_deadline.as_mut().is_some_and(|deadline| deadline.poll(cx).is_ready())
        {
            self.expire(Expired::ShutdownDeadline);
        }
        match &mut self.read_waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        self.check()
    }

    /// Checks the timeouts before a write, a flush or the shutdown of the connection. An error if one has expired.
    pub(super) fn check_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(running) = &mut self.running
            && running.write_deadline.as_mut().is_some_and(|deadline| deadline.poll(cx).is_ready())
        {
            self.expire(Expired::ShutdownDeadline);
        }
        self.check()
    }

    /// Runs `poll`, which moves bytes to the client, and fails when it has been pending for the write timeout.
    pub(super) fn poll_with_timeout<T>(
        &mut self,
        operation: Operation,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut polled = poll(cx);
        if polled.is_pending() && self.poll_write_timeout(operation, cx).is_ready() {
            // Without coop budget the connection is pending whether or not the client reads.
            polled = pin!(unconstrained(poll_fn(poll))).poll(cx);
            if polled.is_pending() {
                self.expire(Expired::WriteTimeout);
            }
        }
        if polled.is_ready() {
            // A socket's flush is always ready, so it does not prove that a pending write makes progress.
            if let Some(running) = &mut self.running
                && running
                    .blocked
                    .as_ref()
                    .is_some_and(|blocked| operation == Operation::Write || blocked.operation == Operation::Flush)
            {
                running.blocked = None;
                if running.is_empty() {
                    self.running = None;
                }
            }
            return polled;
        }
        self.check().map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending)
    }

    /// Ready when the connection has been pending for the write timeout.
    fn poll_write_timeout(&mut self, operation: Operation, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.write_timeout;
        let running = self.running.get_or_insert_default();
        let blocked = running
            .blocked
            .get_or_insert_with(|| Blocked { operation, timer: timeout.end().map(|end| Box::pin(sleep_until(end))) });
        blocked.timer.as_mut().map_or(Poll::Pending, |timer| poll_timer(timer.as_mut(), cx))
    }

    fn expire(&mut self, expired: Expired) {
        // The first timeout that expires is the reported one.
        let running = self.running.get_or_insert_default();
        if running.expired.is_none() {
            trace::connection_timed_out(expired.as_str());
            running.expired = Some(expired);
            if let Some(waker) = self.read_waker.take() {
                waker.wake();
            }
        }
    }

    fn check(&self) -> io::Result<()> {
        match self.running.as_ref().and_then(|running| running.expired) {
            None => Ok(()),
            Some(expired) => Err(io::Error::new(io::ErrorKind::TimedOut, expired.as_str())),
        }
    }
}

impl RunningTimeouts {
    const fn is_empty(&self) -> bool {
        self.blocked.is_none()
            && self.read_deadline.is_none()
            && self.write_deadline.is_none()
            && self.expired.is_none()
    }
}

impl ShutdownDeadline {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self {
                Self::NotBegun { begun, after } => {
                    let Poll::Ready(begun_at) = begun.poll_at(cx) else { return Poll::Pending };
                    *self = begun_at
                        .checked_add(*after)
                        .map_or(Self::Never, |end| Self::Running(Box::pin(sleep_until(end))));
                }
                Self::Running(timer) => return poll_timer(timer.as_mut(), cx),
                Self::Never => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;
    use tokio_test::task;

    use super::*;

    #[test]
    fn a_write_that_continues_keeps_no_timer() {
        let mut timeouts = Timeouts::default();
        timeouts.set_write_timeout(Duration::MAX);
        task::spawn(()).enter(|cx, _| {
            assert!(timeouts.poll_with_timeout::<()>(Operation::Write, cx, |_| Poll::Pending).is_pending());
            assert!(timeouts.running.is_some());
            assert!(timeouts.poll_with_timeout(Operation::Write, cx, |_| Poll::Ready(Ok(()))).is_ready());
        });
        assert!(timeouts.running.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_continues_keeps_the_deadline_of_the_shutdown() {
        let shutdown = Shutdown::new();
        let mut timeouts = Timeouts::default();
        timeouts.set_shutdown(&shutdown, Duration::from_secs(1));
        let mut task = task::spawn(());
        task.enter(|cx, _| {
            assert!(timeouts.poll_with_timeout::<()>(Operation::Write, cx, |_| Poll::Pending).is_pending());
            assert!(timeouts.poll_with_timeout(Operation::Write, cx, |_| Poll::Ready(Ok(()))).is_ready());
        });
        shutdown.begin();
        task.enter(|cx, _| assert!(timeouts.check_write(cx).is_ok()));
        sleep(Duration::from_secs(2)).await;
        let error = task.enter(|cx, _| timeouts.check_write(cx)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("shutdown"), "{error}");
    }
}
