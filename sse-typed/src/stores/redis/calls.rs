use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::Value;
use tokio::{sync::oneshot, task::yield_now};

use super::{
    append::{Append, Limits, Reply},
    commands::CallError,
    error::RedisError,
    position::Position,
    queue::Queue,
    store::Shared,
};

/// How many calls of the append script are on their way to the server at most.
///
/// With two the server works on one while this process prepares the next.
const MOST_CALLS: usize = 2;

/// How many keys, records and bytes of events one call has at most, unless the records of one key are more. The server does
/// nothing else meanwhile.
const CALL_KEYS: usize = 64;
const CALL_RECORDS: usize = 256;
const CALL_BYTES: usize = 1 << 20;

/// How many appends that do not fit in a call are passed over for later ones, at most: the lock is held meanwhile.
const PASSED_OVER: usize = 256;

/// The appends of all keys. Those that wait at the same time go to the server in one call.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// How many calls are being made.
    running: usize,
    /// Whether the last call had several keys.
    is_crowded: bool,
}

/// The part of one key in a call.
#[derive(Debug)]
pub(super) struct KeyCall {
    pub(super) queue: Arc<Queue>,
    pub(super) append: Arc<Append>,
    /// The position that the sole writer of the key expects to be the newest.
    pub(super) expected: Option<Position>,
}

#[derive(Debug)]
struct Waiting {
    call: KeyCall,
    reply: oneshot::Sender<Result<Reply, CallError>>,
}

/// Is held by a task that makes calls, and counts as one of those that run.
struct Caller {
    shared: Arc<Shared>,
    is_over: bool,
}

impl Calls {
    /// Appends to a key. The task must not be dropped while it waits: it may make the call for other keys.
    pub(super) async fn append(&self, shared: &Arc<Shared>, call: KeyCall) -> Result<Reply, CallError> {
        let (reply, answer) = oneshot::channel();
        let caller = {
            let mut state = self.lock();
            state.waiting.push_back(Waiting { call, reply });
            (state.running < MOST_CALLS).then(|| {
                state.running += 1;
                Caller { shared: Arc::clone(shared), is_over: false }
            })
        };
        if let Some(caller) = caller {
            // The common call without a task of its own.
            if let Some(caller) = caller.call_once().await {
                shared.runtime().spawn(caller.call_all());
            }
        }
        answer.await.unwrap_or_else(|_| Err(CallError::Unknown(RedisError::stopped())))
    }

    /// Takes what goes in the next call.
    fn next(&self) -> Option<(Limits, Vec<Waiting>)> {
        let mut state = self.lock();
        let first = state.waiting.pop_front()?;
        let limits = first.call.append.limits();
        let (mut records, mut bytes) = first.call.append.size();
        let mut taken = vec![first];
        let mut others = Vec::new();
        while taken.len() < CALL_KEYS
            && others.len() < PASSED_OVER
            && let Some(next) = state.waiting.pop_front()
        {
            let (more_records, more_bytes) = next.call.append.size();
            let fits = records + more_records <= CALL_RECORDS && bytes + more_bytes <= CALL_BYTES;
            if fits && next.call.append.limits() == limits {
                (records, bytes) = (records + more_records, bytes + more_bytes);
                taken.push(next);
            } else {
                others.push(next);
            }
        }
        for other in others.into_iter().rev() {
            state.waiting.push_front(other);
        }
        state.is_crowded = taken.len() > 1;
        Some((limits, taken))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// Makes one call. Returns the caller if more appends wait.
    async fn call_once(mut self) -> Option<Self> {
        let is_crowded = self.shared.calls().lock().is_crowded;
        if is_crowded {
            // The other publishers whose appends were answered at the same time append now, too.
            yield_now().await;
        }
        if let Some((limits, taken)) = self.shared.calls().next() {
            self.send(limits, taken).await;
        }
        let mut state = self.shared.calls().lock();
        if state.waiting.is_empty() {
            // Within the lock: an append after this needs another caller.
            state.running -= 1;
            drop(state);
            self.is_over = true;
            return None;
        }
        drop(state);
        Some(self)
    }

    async fn call_all(self) {
        let mut caller = Some(self);
        while let Some(next) = caller {
            caller = next.call_once().await;
        }
    }

    /// Sends a call. The server refuses one with a key that the user may not use: the other keys are then sent without it.
    async fn send(&self, limits: Limits, taken: Vec<Waiting>) {
        let mut groups = vec![taken];
        while let Some(group) = groups.pop() {
            if let Err(mut refused) = self.send_group(limits, group).await {
                let others = refused.split_off(refused.len() / 2);
                groups.extend([others, refused]);
            }
        }
    }

    /// Sends a call for a group of keys. Returns the group, of at least two, if the user may not use one of the keys.
    async fn send_group(&self, limits: Limits, taken: Vec<Waiting>) -> Result<(), Vec<Waiting>> {
        let shared = &self.shared;
        let reply = shared.append_script().call(shared.commands(), |command| {
            let fences = || taken.iter().filter_map(|waiting| waiting.call.queue.fence());
            command.arg(taken.len() + fences().count());
            for waiting in &taken {
                command.arg(shared.stream(waiting.call.queue.key()));
            }
            for fence in fences() {
                command.arg(&fence.record);
            }
            limits.arguments(command);
            command.arg(taken.len());
            for Waiting { call, .. } in &taken {
                command.arg(shared.channel(call.queue.key()));
                command.arg(call.queue.fence().map_or("", |fence| &fence.run));
                call.append.arguments(command, call.expected);
            }
        });
        let replies = match reply.await {
            Ok(Value::Array(replies)) if replies.len() == taken.len() => replies,
            Ok(_) => {
                let error = RedisError::unexpected("the append script sent no reply for each key");
                answer_all(taken, &CallError::Unknown(error));
                return Ok(());
            }
            // Some of the records may be stored.
            Err(CallError::NotExecuted(error)) if error.is_failed_script() => {
                answer_all(taken, &CallError::Unknown(error));
                return Ok(());
            }
            Err(CallError::NotExecuted(error)) if error.is_forbidden_key() && taken.len() > 1 => return Err(taken),
            Err(error) => {
                answer_all(taken, &error);
                return Ok(());
            }
        };
        for (Waiting { call, reply }, value) in taken.into_iter().zip(&replies) {
            let answer = Reply::parse(value, call.append.size().0);
            if let Err(CallError::NotExecuted(error)) = &answer {
                shared.commands().note_refusal(error);
            }
            // The task that waits may have been dropped with its runtime.
            let _ = reply.send(answer);
        }
        Ok(())
    }
}

fn answer_all(taken: Vec<Waiting>, error: &CallError) {
    for Waiting { reply, .. } in taken {
        let _ = reply.send(Err(error.clone()));
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.calls().lock().running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::append::NewRecord, *};
    use crate::hub::{Block, LogOptions, Retention};

    fn wait(calls: &Calls, key: usize, events: usize, bytes: usize) {
        let options = LogOptions::new().retain(Retention::events(events));
        let mut append = Append::new(Arc::new(options));
        let block = Block::new(format!("data: {}\n\n", "x".repeat(bytes)), false).unwrap();
        append.push(NewRecord::new(Some(&block), None));
        let queue = Arc::new(Queue::new(key.to_string().into(), false));
        let call = KeyCall { queue, append: Arc::new(append), expected: None };
        calls.lock().waiting.push_back(Waiting { call, reply: oneshot::channel().0 });
    }

    /// The keys of the calls, one after the other.
    fn all_calls(calls: &Calls) -> Vec<Vec<usize>> {
        let keys =
            |taken: Vec<Waiting>| taken.iter().map(|waiting| waiting.call.queue.key().parse().unwrap()).collect();
        std::iter::from_fn(|| calls.next()).map(|(_, taken)| keys(taken)).collect()
    }

    #[test]
    fn the_append_that_has_waited_longest_is_in_the_next_call() {
        let calls = Calls::default();
        // A large event, and one with other limits, between small events.
        wait(&calls, 0, 10, 1);
        wait(&calls, 1, 10, CALL_BYTES);
        wait(&calls, 2, 20, 1);
        for key in 3..100 {
            wait(&calls, key, 10, 1);
        }
        let expected = [[0].into_iter().chain(3..66).collect(), vec![1], vec![2], (66..100).collect()];
        assert_eq!(all_calls(&calls), expected);
    }

    #[test]
    fn a_call_passes_over_a_bounded_number_of_appends() {
        let calls = Calls::default();
        wait(&calls, 0, 10, 1);
        for key in 1..=PASSED_OVER {
            wait(&calls, key, 20, 1);
        }
        wait(&calls, PASSED_OVER + 1, 10, 1);
        let all = all_calls(&calls);
        assert_eq!((&all[0], all.last()), (&vec![0], Some(&vec![PASSED_OVER + 1])));
        assert!(all.concat().is_sorted());
    }
}
