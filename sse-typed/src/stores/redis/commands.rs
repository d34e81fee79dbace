use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{Cmd, Value, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    back_off::BackOff,
    connect::{CommandConnection, Target},
    error::{Kind, RedisError},
    status::{Link, Status},
    trace::ConnectionReports,
};

/// How often the server is asked whether it is still there.
pub(super) const PING_EVERY: Duration = Duration::from_secs(5);

/// The connection that carries the commands of all keys.
///
/// A task connects anew when it breaks. Until then every call fails at once.
#[derive(Debug)]
pub(super) struct Commands {
    state: Mutex<State>,
    /// The number of the present connection. Zero while there is none.
    connected: watch::Sender<u64>,
    reachable: Mutex<Reachable>,
}

/// Since when the server accepts all commands.
#[derive(Clone, Copy, Debug)]
struct Reachable {
    #[cfg_attr(not(feature = "runs"), expect(dead_code, reason = "only runs ask for it"))]
    since: Instant,
    /// The server has refused a command that it may accept later.
    is_refusing: bool,
}

#[derive(Debug)]
enum State {
    Up { connection: MultiplexedConnection, number: u64 },
    Away(RedisError),
}

/// Why a command has no reply.
#[derive(Clone, Debug)]
pub(super) enum CallError {
    /// It was not executed.
    NotExecuted(RedisError),
    /// It may have been executed, or may be later.
    Unknown(RedisError),
}

impl Reachable {
    fn now() -> Self {
        Self { since: Instant::now(), is_refusing: false }
    }
}

impl CallError {
    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    pub(super) fn is_other_writer(&self) -> bool {
        let (Self::NotExecuted(error) | Self::Unknown(error)) = self;
        error.is_other_writer()
    }

    pub(super) fn into_error(self) -> RedisError {
        match self {
            Self::NotExecuted(error) | Self::Unknown(error) => error,
        }
    }
}

impl Commands {
    /// The number of the first connection.
    pub(super) const FIRST: u64 = 1;

    pub(super) fn new(error: RedisError) -> Self {
        Self {
            state: Mutex::new(State::Away(error)),
            connected: watch::Sender::new(0),
            reachable: Mutex::new(Reachable::now()),
        }
    }

    /// Sends a command and waits for the reply.
    pub(super) async fn call(&self, command: &Cmd) -> Result<Value, CallError> {
        let (mut connection, number) = match &*self.lock() {
            State::Up { connection, number } => (connection.clone(), *number),
            State::Away(error) => return Err(CallError::NotExecuted(error.clone())),
        };
        match command.query_async(&mut connection).await {
            Ok(reply) => {
                self.note_accepted();
                Ok(reply)
            }
            Err(error) => {
                let error = RedisError::from(error);
                if error.is_answer() {
                    self.note_refused(&error);
                    if error.is_replica() {
                        // The primary is another server now.
                        self.give_up(number, &error);
                    }
                    return Err(CallError::NotExecuted(error));
                }
                self.give_up(number, &error);
                Err(CallError::Unknown(error))
            }
        }
    }

    /// Takes note of an error within the reply of a script.
    pub(super) fn note_refusal(&self, error: &RedisError) {
        self.note_refused(error);
        if error.is_replica() {
            let number = *self.connected.borrow();
            self.give_up(number, error);
        }
    }

    /// Since when the server accepts all commands of this process. While there is no connection, that is now.
    #[cfg(feature = "runs")]
    pub(super) fn reachable_since(&self) -> Instant {
        let reachable = *self.reachable();
        if reachable.is_refusing || *self.connected.borrow() == 0 { Instant::now() } else { reachable.since }
    }

    fn note_refused(&self, error: &RedisError) {
        if error.may_pass() {
            self.reachable().is_refusing = true;
        }
    }

    fn note_accepted(&self) {
        let mut reachable = self.reachable();
        if reachable.is_refusing {
            *reachable = Reachable::now();
        }
    }

    fn reachable(&self) -> MutexGuard<'_, Reachable> {
        self.reachable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a connection.
    pub(super) async fn connected(&self) {
        let mut connected = self.connected.subscribe();
        // The sender is in `self`.
        let _ = connected.wait_for(|number| *number != 0).await;
    }

    /// Takes a connection out of use, if it is the present one. What waits for a reply on it fails.
    fn give_up(&self, number: u64, error: &RedisError) {
        let mut state = self.lock();
        if matches!(&*state, State::Up { number: present, .. } if *present == number) {
            *state = State::Away(error.clone());
            drop(state);
            self.connected.send_replace(0);
        }
    }

    /// Takes the connection out of use for good, once the task that keeps it has ended.
    pub(super) fn stop(&self) {
        let before = mem::replace(&mut *self.lock(), State::Away(RedisError::stopped()));
        self.connected.send_replace(0);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the store connected, for ever. `first` is the connection that there is already.
    pub(super) async fn keep_connected(
        self: Arc<Self>,
        target: Arc<Target>,
        status: Arc<Status>,
        mut first: Option<CommandConnection>,
    ) {
        let mut number = Self::FIRST - 1;
        let (mut back_off, mut reports) = (BackOff::new(), ConnectionReports::new(Link::Commands));
        loop {
            number += 1;
            let connected = match first.take() {
                // It is in use since the store was made.
                Some(connected) => Ok(connected),
                None => target.connect_commands().await.inspect(|connected| self.set_up(connected, number)),
            };
            let error = match connected {
                Ok(connected) => {
                    status.set(Link::Commands, None);
                    reports.connected();
                    let error = self.until_broken(connected, number, &mut back_off).await;
                    reports.disconnected(&error);
                    error
                }
                Err(error) => error,
            };
            *self.lock() = State::Away(error.clone());
            self.connected.send_replace(0);
            status.set(Link::Commands, Some(error.clone()));
            let pause = back_off.pause();
            reports.connect_failed(&error, pause);
            sleep(pause).await;
        }
    }

    pub(super) fn set_up(&self, connected: &CommandConnection, number: u64) {
        *self.reachable() = Reachable::now();
        *self.lock() = State::Up { connection: connected.connection.clone(), number };
        self.connected.send_replace(number);
    }

    /// Waits until the connection is of no more use, and drops it.
    async fn until_broken(&self, mut connected: CommandConnection, number: u64, back_off: &mut BackOff) -> RedisError {
        let mut given_up = self.connected.subscribe();
        loop {
            tokio::select! {
                _ = &mut connected.task.0 => {
                    let error = RedisError::new(Kind::Unreachable, "the server closed the connection");
                    self.give_up(number, &error);
                    return error;
                }
                () = async { drop(given_up.wait_for(|present| *present != number).await) } => {
                    return match &*self.lock() {
                        State::Away(error) => error.clone(),
                        State::Up { .. } => RedisError::timed_out(),
                    };
                }
                () = sleep(PING_EVERY) => {
                    // A failure gives up the connection.
                    if self.call(&redis::cmd("PING")).await.is_ok() {
                        *back_off = BackOff::new();
                    }
                }
            }
        }
    }
}
