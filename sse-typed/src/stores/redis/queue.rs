use std::{
    borrow::Borrow,
    collections::VecDeque,
    hash::{Hash, Hasher},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
};

use tokio::sync::oneshot;

use super::{
    append::{Append, NewRecord, Outcome, SoleWriter},
    error::RedisError,
    store::Shared,
};
use crate::hub::{AppendError, Block, End, LogOptions};

/// How many events go to the server in one call.
const BATCH_EVENTS: usize = 64;

/// How many bytes go to the server in one call, unless one event has more.
const BATCH_BYTES: usize = 1 << 20;

/// The appends to one key. One call at a time is on its way to the server; what is appended meanwhile goes with the next.
#[derive(Debug)]
pub(super) struct Queue {
    key: Arc<str>,
    /// Of the log of a run.
    fence: Option<Fence>,
    /// The bytes of an event that was read, on average. Zero until there was one.
    pub(super) average: AtomicUsize,
    state: Mutex<State>,
}

/// The run whose log the key is. Nothing is appended unless the record in the server is of this run.
#[derive(Debug)]
pub(super) struct Fence {
    /// The name of the record in the server.
    pub(super) record: String,
    pub(super) run: String,
}

/// A queue that is found by its key.
#[derive(Debug)]
pub(super) struct QueueOfKey(pub(super) Arc<Queue>);

/// What a quiet key keeps in memory is small.
#[derive(Debug)]
enum State {
    /// Nothing waits. The sole writer of the key has what it knows.
    Idle(Option<Box<SoleWriter>>),
    /// A task sends what waits.
    Sending(Box<Pending>),
}

#[derive(Debug, Default)]
struct Pending(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    options: Arc<LogOptions>,
    record: NewRecord,
    reply: oneshot::Sender<Outcome>,
}

/// Frees the queue if the task that sends is dropped, as when its runtime ends.
struct Sending {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    writer: Option<Box<SoleWriter>>,
    is_over: bool,
}

impl Queue {
    pub(super) fn new(key: Arc<str>, is_sole_writer: bool) -> Self {
        let writer = is_sole_writer.then(|| Box::new(SoleWriter::Unsure));
        Self { key, fence: None, average: AtomicUsize::new(0), state: Mutex::new(State::Idle(writer)) }
    }

    /// The queue of the log of a run.
    #[cfg(feature = "runs")]
    pub(super) fn of_run(key: Arc<str>, is_sole_writer: bool, fence: Fence) -> Self {
        Self { fence: Some(fence), ..Self::new(key, is_sole_writer) }
    }

    pub(super) const fn key(&self) -> &Arc<str> {
        &self.key
    }

    pub(super) const fn fence(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }

    /// Appends an event, or closes the log, or both.
    pub(super) async fn append(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        options: &Arc<LogOptions>,
        block: Option<&Block>,
        end: Option<End>,
    ) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let waiting = Waiting { options: Arc::clone(options), record: NewRecord::new(block, end), reply };
        let sending = match &mut *self.lock() {
            State::Sending(pending) => {
                pending.0.push_back(waiting);
                None
            }
            state @ State::Idle(_) => {
                let pending = Box::new(Pending(VecDeque::from([waiting])));
                let writer = match mem::replace(state, State::Sending(pending)) {
                    State::Idle(writer) => writer,
                    State::Sending(_) => None,
                };
                Some(Sending { queue: Arc::clone(self), shared: Arc::clone(shared), writer, is_over: false })
            }
        };
        if let Some(sending) = sending {
            // In a task of its own: the future of a caller may be dropped at any time, and others depend on the call.
            shared.runtime().spawn(sending.run());
        }
        outcome.await.unwrap_or_else(|_| Err(AppendError::Unknown(RedisError::stopped())))
    }

    /// Takes the appends that go in one call, or ends the sending. The caller of each is still there.
    fn next_batch(&self, writer: &mut Option<Box<SoleWriter>>) -> Option<(Arc<Append>, Vec<oneshot::Sender<Outcome>>)> {
        let mut state = self.lock();
        let State::Sending(pending) = &mut *state else { return None };
        let waiting = &mut pending.0;
        let mut append: Option<Append> = None;
        let (mut replies, mut bytes) = (Vec::new(), 0);
        while let Some(next) = waiting.front() {
            if next.reply.is_closed() {
                waiting.pop_front();
                continue;
            }
            bytes += next.record.len();
            if let Some(append) = &append {
                // A sole writer that repeats the call finds what is retained of it.
                let most = if append.options.is_sole_writer() {
                    append.options.retention().max_events()
                } else {
                    BATCH_EVENTS
                };
                let is_full = replies.len() == most.min(BATCH_EVENTS) || bytes > BATCH_BYTES;
                if is_full || append.closes() || append.options != next.options {
                    break;
                }
            }
            let Some(Waiting { options, record, reply }) = waiting.pop_front() else { break };
            append.get_or_insert_with(|| Append::new(options)).push(record);
            replies.push(reply);
        }
        if append.is_none() {
            *state = State::Idle(writer.take());
        }
        append.map(|append| (Arc::new(append), replies))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrow<str> for QueueOfKey {
    fn borrow(&self) -> &str {
        &self.0.key
    }
}

impl Hash for QueueOfKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl PartialEq for QueueOfKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for QueueOfKey {}

impl Sending {
    async fn run(mut self) {
        while let Some((append, replies)) = self.queue.next_batch(&mut self.writer) {
            let outcomes = append.send(&self.shared, &self.queue, self.writer.as_deref_mut()).await;
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // The caller may be dropped since.
                let _ = reply.send(outcome);
            }
        }
        self.is_over = true;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_over {
            let writer = self.writer.take().map(|_| Box::new(SoleWriter::Unsure));
            let state = mem::replace(&mut *self.queue.lock(), State::Idle(writer));
            let State::Sending(unsent) = state else { return };
            for waiting in unsent.0 {
                let _ = waiting.reply.send(Err(AppendError::Failed(RedisError::stopped())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;
    use crate::hub::Retention;

    #[test]
    fn a_queue_is_found_by_its_key() {
        let queue = |key: &str| QueueOfKey(Arc::new(Queue::new(key.into(), false)));
        assert!(queue("a") == queue("a") && queue("a") != queue("b"));
        // So a set of queues is searched with a key.
        let hasher = RandomState::new();
        assert_eq!(hasher.hash_one(queue("a")), hasher.hash_one("a"));
        assert_eq!(Borrow::<str>::borrow(&queue("a")), "a");
    }

    fn retaining(events: usize) -> LogOptions {
        LogOptions::new().retain(Retention::events(events))
    }

    fn with_bytes(bytes: usize) -> Block {
        Block::new(format!("data: {}\n\n", "x".repeat(bytes)), false).unwrap()
    }

    /// How many of these appends go in each call, one call after the other.
    fn batches(appends: impl IntoIterator<Item = (LogOptions, Option<Block>, Option<End>)>) -> Vec<usize> {
        let (waiting, _outcomes): (VecDeque<_>, Vec<_>) = appends
            .into_iter()
            .map(|(options, block, end)| {
                let (reply, outcome) = oneshot::channel();
                (Waiting { options: Arc::new(options), record: NewRecord::new(block.as_ref(), end), reply }, outcome)
            })
            .unzip();
        let queue = Queue::new("rides".into(), false);
        *queue.lock() = State::Sending(Box::new(Pending(waiting)));
        let batches = std::iter::from_fn(|| queue.next_batch(&mut None));
        let batches = batches.map(|(append, replies)| (append.size().0, replies.len())).collect::<Vec<_>>();
        assert!(matches!(&*queue.lock(), State::Idle(None)));
        assert!(batches.iter().all(|(records, replies)| records == replies), "{batches:?}");
        batches.into_iter().map(|(records, _)| records).collect()
    }

    #[test]
    fn a_call_has_a_bounded_number_of_events_and_bytes() {
        let events = |options: LogOptions, sizes: Vec<usize>| {
            batches(sizes.into_iter().map(|bytes| (options.clone(), Some(with_bytes(bytes)), None)))
        };
        let several = LogOptions::new();
        assert_eq!(events(several.clone(), vec![1; 2 * BATCH_EVENTS + 2]), [BATCH_EVENTS, BATCH_EVENTS, 2]);
        assert_eq!(events(several, vec![1, 1, BATCH_BYTES, 1]), [2, 1, 1]);
        // A repeated call finds the events of a sole writer only while they are retained.
        let sole = retaining(2).sole_writer();
        assert_eq!(events(sole, vec![1; 5]), [2, 2, 1]);
    }

    #[test]
    fn a_call_ends_with_the_end_of_the_log_and_has_the_options_of_one_append() {
        let event = |options: &LogOptions| (options.clone(), Some(with_bytes(1)), None);
        let options = LogOptions::new();
        let close = (options.clone(), None, Some(End::Complete));
        assert_eq!(batches([event(&options), close, event(&options), event(&options)]), [2, 2]);
        let other = retaining(2);
        assert_eq!(batches([event(&options), event(&options), event(&other), event(&options)]), [2, 1, 1]);
    }
}
