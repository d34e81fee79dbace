use std::{
    fmt::Display,
    future::{pending, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use futures_util::StreamExt;
use sse_typed::{
    LastEventId, SseEvent, Subscription,
    runs::{BoxError, Run, RunStore, RunWriter, Runs, RunsBuilder, Scope, Started},
};
use tokio::time::{sleep, timeout};

/// The event type of the runs.
#[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Answer {
    Token {
        text: String,
    },
    #[sse(terminal)]
    Done,
    #[sse(terminal, failed)]
    Failed {
        reason: String,
    },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

/// A store, and the times of a test on it.
pub(crate) struct Setup<S> {
    pub(crate) store: S,
    pub(crate) lease: Duration,
    /// How late something may be.
    pub(crate) slack: Duration,
}

impl<S: RunStore> Setup<S> {
    /// The settings of these tests.
    pub(crate) fn builder(&self, owner: &str) -> RunsBuilder<Answer> {
        Runs::builder().lease(self.lease).owner(owner)
    }

    /// The runs as a process has them.
    pub(crate) fn process(&self, owner: &str) -> Runs<Answer, S> {
        self.builder(owner).build_on(self.store.clone(), "answers")
    }

    /// Fails if the future takes too long.
    pub(crate) async fn in_time<T>(&self, future: impl Future<Output = T>) -> T {
        timeout(self.lease * 20 + self.slack * 4, future).await.expect("it takes too long")
    }

    /// Waits until this is so.
    pub(crate) async fn until(&self, mut is_so: impl AsyncFnMut() -> bool) {
        self.in_time(async {
            while !is_so().await {
                sleep(self.lease / 50).await;
            }
        })
        .await;
    }

    /// The events of a run.
    pub(crate) async fn all<T: RunStore>(&self, run: &Run<Answer, T>, id: impl Into<LastEventId>) -> Vec<Answer> {
        let id = id.into();
        self.in_time(async { rest(run.subscribe(id).await).await }).await
    }
}

/// The events of a subscription up to its end.
pub(crate) async fn rest(subscription: Subscription<Answer>) -> Vec<Answer> {
    subscription.events().map(|event| Answer::clone(&event.data)).collect().await
}

pub(crate) fn token(text: impl Display) -> Answer {
    Answer::Token { text: text.to_string() }
}

/// Publishes `0`, `1`, .. and returns.
pub(crate) async fn count<S: RunStore>(run: RunWriter<Answer, S>, to: u32) -> Result<Answer, BoxError> {
    for n in 0..to {
        run.publish(&token(n)).await?;
    }
    Ok(Answer::Done)
}

/// Publishes `0` and then waits for ever.
pub(crate) async fn hang<S: RunStore>(run: RunWriter<Answer, S>) -> Result<Answer, BoxError> {
    run.publish(&token(0)).await?;
    pending().await
}

/// Starts a run that hangs, and waits for its event.
pub(crate) async fn started_hanging<S: RunStore>(scope: &Scope<Answer, S>, key: &str) -> Run<Answer, S> {
    let Started { run, is_new, .. } = scope.start(key, hang).await.unwrap();
    assert!(is_new);
    let mut events = run.subscribe(LastEventId::none()).await.events();
    assert_eq!(*events.next().await.unwrap().data, token(0));
    run
}

/// Notes when it is dropped.
pub(crate) struct Dropped(pub(crate) Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}

/// Starts a run that hangs until it is dropped, and a receiver that resolves then.
pub(crate) async fn started_with_guard<S: RunStore>(
    scope: &Scope<Answer, S>,
    key: &str,
) -> (Run<Answer, S>, tokio::sync::oneshot::Receiver<()>) {
    let (sender, dropped) = tokio::sync::oneshot::channel();
    let produce = move |run: RunWriter<Answer, S>| async move {
        let _guard = Dropped(Some(sender));
        hang(run).await
    };
    let run = scope.start(key, produce).await.unwrap().run;
    let mut events = run.subscribe(LastEventId::none()).await.events();
    assert_eq!(*events.next().await.unwrap().data, token(0));
    (run, dropped)
}

/// Polls a future once.
pub(crate) async fn polled<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}
