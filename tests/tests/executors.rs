//! The main uses in each kind of executor: runtimes of tokio with and without a timer, an executor that is not tokio's, tasks
//! without coop budget, and tasks that are polled without a reason by changing wakers.

use std::{
    convert::Infallible,
    env, fs,
    future::{poll_fn, ready},
    path::PathBuf,
    pin::pin,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use sse_typed::{
    Client, Event, Hub, LastEventId, Sse, SseLayer,
    codec::{EventBytes, EventReader},
    hub::{Block, EventLog, EventStore, LogOptions, MemoryStore, Start},
    runs::Runs,
    server::{Drain, Server, Shutdown, SseBody},
    stores::FileStore,
    testing::{Answer, ScriptedServer},
};
use tests::{budget::spend, runs::Feed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};
use tower::{Layer, ServiceExt};

fn feed() -> [Feed; 4] {
    [Feed::Tick(1), Feed::Tick(2), Feed::Tick(3), Feed::Done]
}

// Executors.

fn on_the_current_thread<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn on_several_threads<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(future).await.unwrap() })
}

fn without_a_timer<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_io().build().unwrap().block_on(future)
}

/// Every other poll has no coop budget.
fn out_of_budget<T>(future: impl Future<Output = T>) -> T {
    on_the_current_thread(async {
        let mut future = pin!(future);
        let mut is_spent = false;
        poll_fn(|cx| {
            is_spent = !is_spent;
            if is_spent {
                spend(cx);
            }
            future.as_mut().poll(cx)
        })
        .await
    })
}

/// Each poll is followed by another one without a reason, and each has a waker of its own. The wake-ups of an old waker are
/// not forwarded.
fn polled_without_a_reason<T>(future: impl Future<Output = T>) -> T {
    struct Forward {
        to: Waker,
        is_old: AtomicBool,
    }
    impl Wake for Forward {
        fn wake(self: Arc<Self>) {
            if !self.is_old.load(Ordering::SeqCst) {
                self.to.wake_by_ref();
            }
        }
    }
    on_the_current_thread(async {
        let mut future = pin!(future);
        let mut last: Option<Arc<Forward>> = None;
        poll_fn(|cx| {
            for _ in 0..2 {
                let forward = Arc::new(Forward { to: cx.waker().clone(), is_old: AtomicBool::new(false) });
                let polled = future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&forward))));
                if let Some(last) = last.replace(forward) {
                    last.is_old.store(true, Ordering::SeqCst);
                }
                if polled.is_ready() {
                    return polled;
                }
            }
            Poll::Pending
        })
        .await
    })
}

/// An executor that is not tokio's: it parks its thread.
fn on_a_foreign_executor<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A test for each executor.
macro_rules! in_each {
    ($use:ident in $($executor:ident),+) => {
        mod $use {
            $(#[test]
            fn $executor() {
                super::super::$executor(super::super::$use());
            })+
        }
    };
}

/// Uses that need no timer.
mod any_executor {

    in_each!(bytes_are_read_as_events in on_the_current_thread, on_several_threads, without_a_timer, out_of_budget, polled_without_a_reason, on_a_foreign_executor);
    in_each!(a_body_is_encoded in on_the_current_thread, on_several_threads, without_a_timer, out_of_budget, polled_without_a_reason, on_a_foreign_executor);
    in_each!(a_hub_delivers in on_the_current_thread, on_several_threads, without_a_timer, out_of_budget, polled_without_a_reason, on_a_foreign_executor);
    in_each!(a_memory_store_keeps in on_the_current_thread, on_several_threads, without_a_timer, out_of_budget, polled_without_a_reason, on_a_foreign_executor);
    in_each!(a_file_store_keeps in on_the_current_thread, on_several_threads, without_a_timer, out_of_budget, polled_without_a_reason, on_a_foreign_executor);
}

/// Uses that need a timer.
mod with_a_timer {

    in_each!(a_hub_follows_a_store in on_the_current_thread, on_several_threads, out_of_budget, polled_without_a_reason);
    in_each!(a_run_is_read in on_the_current_thread, on_several_threads, out_of_budget, polled_without_a_reason);
    in_each!(a_source_reconnects in on_the_current_thread, on_several_threads, out_of_budget, polled_without_a_reason);
    in_each!(a_server_drains in on_the_current_thread, on_several_threads, out_of_budget, polled_without_a_reason);
}

// Uses that need no timer.

async fn bytes_are_read_as_events() {
    let bytes = EventBytes::new(stream::iter(feed()));
    let events = EventReader::<_, Feed>::new(bytes).map(|event| event.unwrap().data);
    assert_eq!(events.collect::<Vec<_>>().await, feed());
}

async fn a_body_is_encoded() {
    let (hub, shutdown) = (Hub::<Feed>::builder().build(), Shutdown::new());
    let subscribed = hub.clone();
    let layer = SseLayer::new().no_keep_alive().shutdown(&shutdown, Drain::Now);
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        ready(Ok::<_, Infallible>(Sse::new(subscribed.subscribe(Start::Live))))
    }));
    let answer = service.oneshot(Request::new(())).await.unwrap().into_body();
    for event in feed() {
        hub.publish(&event).await.unwrap();
    }
    let text = answer.collect().await.unwrap().to_bytes();
    let events = EventReader::<_, Feed>::new(stream::iter([Ok::<_, Infallible>(text)]));
    assert_eq!(events.map(|event| event.unwrap().data).collect::<Vec<_>>().await, feed());
}

async fn a_hub_delivers() {
    let hub = Hub::<Feed>::builder().build();
    let publisher = hub.clone();
    let mut live = hub.subscribe(Start::Live).events();
    // From another thread, so that the subscription is woken.
    let published = thread::spawn(move || {
        for event in feed() {
            publisher.publish_now(&event).unwrap();
        }
    });
    for event in feed() {
        assert_eq!(*live.next().await.unwrap().data, event);
    }
    assert!(live.next().await.is_none());
    published.join().unwrap();
}

async fn a_memory_store_keeps() {
    keeps(&MemoryStore::default()).await;
}

async fn a_file_store_keeps() {
    let folder = Folder::new();
    let store = FileStore::open(&folder.0).unwrap();
    keeps(&store).await;
    store.close().await;
}

async fn keeps<S: EventStore>(store: &S) {
    let log = store.open("rides", &LogOptions::new());
    let block = Block::new("event: tick\ndata: 1\n\n", false).unwrap();
    let first = log.append(&block).await.unwrap();
    let second = log.append(&block).await.unwrap();
    let page = log.read_after(first.as_str(), 10).await.unwrap();
    assert_eq!(page.entries.len(), 1);
    assert_eq!(page.next_position(&first), second);
}

// Uses that need a timer.

async fn a_hub_follows_a_store() {
    let folder = Folder::new();
    let store = FileStore::open(&folder.0).unwrap();
    let hub = Hub::<Feed>::builder().build_on(store.log("rides"));
    let mut events = hub.subscribe(Start::Earliest).events();
    for event in feed() {
        hub.publish(&event).await.unwrap();
        assert_eq!(*events.next().await.unwrap().data, event);
    }
    assert!(events.next().await.is_none());
    store.close().await;
}

async fn a_run_is_read() {
    let runs = Runs::<Feed, _>::on(MemoryStore::default(), "rides").public();
    let started = runs.start("7", |run| async move {
        for event in &feed()[..3] {
            run.publish(event).await?;
        }
        Ok(Feed::Done)
    });
    let run = started.await.unwrap().run;
    let events = run.subscribe(LastEventId::none()).await.events();
    let events: Vec<_> = events.map(|event| Feed::clone(&event.data)).collect().await;
    assert_eq!(events, feed());
}

async fn a_source_reconnects() {
    let tick = |n| Event::new(Feed::Tick(n)).id(n).retry(Duration::from_millis(1));
    let server = ScriptedServer::new([
        Answer::stream().event(&tick(1)).event(&tick(2)),
        Answer::stream().event(&tick(3)).event(&Event::new(Feed::Done)),
    ]);
    let events = Client::new(server).get("/").connect::<Feed>();
    assert_eq!(events.map(|event| event.unwrap().data).collect::<Vec<_>>().await, feed());
}

async fn a_server_drains() {
    let shutdown = Shutdown::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = tower::service_fn(|_| {
        let silence = stream::iter([Feed::Tick(1)]).chain(stream::pending());
        ready(Ok::<Response<SseBody<_>>, Infallible>(Sse::new(silence).into()))
    });
    let served = Server::new(listener).shutdown(&shutdown, Drain::Now, Duration::from_secs(60)).serve(app);
    let client = async {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("data: 1") {
            assert_ne!(client.read_buf(&mut text).await.unwrap(), 0);
        }
        shutdown.begin();
        client.read_to_end(&mut text).await.unwrap();
        text
    };
    let (served, text) = tokio::join!(served, client);
    assert!(text.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&text));
    assert_eq!((served.accepted(), served.cut()), (1, 0));
}

// A timer that is missing.

#[test]
fn a_subscription_to_a_store_ends_where_there_is_no_timer() {
    for has_runtime in [true, false] {
        let folder = Folder::new();
        let store = FileStore::open(&folder.0).unwrap();
        let hub = Hub::<Feed>::builder().build_on(store.log("rides"));
        let ended = async {
            hub.publish(&Feed::Tick(1)).await.unwrap();
            hub.subscribe(Start::Earliest).events().next().await.is_none()
        };
        assert!(if has_runtime { without_a_timer(ended) } else { on_a_foreign_executor(ended) });
        // In a runtime with a timer it goes on.
        let event = on_the_current_thread(async { hub.subscribe(Start::Earliest).events().next().await.unwrap() });
        assert_eq!(*event.data, Feed::Tick(1));
    }
}

#[test]
fn a_run_is_not_started_where_there_is_no_timer() {
    for has_runtime in [true, false] {
        let runs = Runs::<Feed, _>::on(MemoryStore::default(), "rides").public();
        let started = async { runs.start("7", |_| async { Ok(Feed::Done) }).await.map(|started| started.is_new) };
        let started = if has_runtime { without_a_timer(started) } else { on_a_foreign_executor(started) };
        assert!(started.unwrap_err().is_no_runtime());
        assert!(on_the_current_thread(async { runs.start("7", |_| async { Ok(Feed::Done) }).await.unwrap().is_new }));
    }
}

#[test]
fn the_calls_of_runs_fail_where_there_is_no_timer() {
    for has_runtime in [true, false] {
        let runs = Runs::<Feed, _>::on(MemoryStore::default(), "rides");
        let public = runs.public();
        let run = on_the_current_thread(async { public.start("7", |_| async { Ok(Feed::Done) }).await.unwrap().run });
        let calls = async {
            let id = LastEventId::none;
            assert!(public.get("7").await.unwrap_err().is_no_runtime());
            assert!(public.stop("7").await.unwrap_err().is_no_runtime());
            assert!(runs.list(None, 10).await.unwrap_err().is_no_runtime());
            assert!(run.status().await.unwrap_err().is_no_runtime());
            assert!(run.stop().await.unwrap_err().is_no_runtime());
            assert_eq!(public.respond::<String>("7", id()).await.unwrap_err().status(), 503);
            assert_eq!(public.respond_to_stop::<String>("7").await.status(), 503);
            let start = public.start("7", |_| async { Ok(Feed::Done) });
            assert_eq!(start.respond::<String>(id()).await.unwrap_err().status(), 503);
        };
        if has_runtime {
            without_a_timer(calls);
        } else {
            on_a_foreign_executor(calls);
        }
        // Nothing was taken for a failure of the store.
        assert!(on_the_current_thread(public.get("7")).unwrap().is_some());
    }
}

// A runtime that ends.

#[test]
fn a_body_continues_in_another_runtime() {
    let hub = Hub::<Feed>::builder().build();
    let layer = SseLayer::new().keep_alive(Duration::from_millis(100)).max_lifetime(Duration::from_secs(3600));
    let subscribed = hub.clone();
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        ready(Ok::<_, Infallible>(Sse::new(subscribed.subscribe(Start::Live))))
    }));
    let mut body = Box::pin(on_the_current_thread(service.oneshot(Request::new(()))).unwrap().into_body());
    for _ in 0..2 {
        assert!(on_the_current_thread(poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx).is_pending()))));
        let frame = on_the_current_thread(body.frame()).unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame, ": keep-alive\n\n");
    }
    hub.publish_now(&Feed::Done).unwrap();
    let text = on_the_current_thread(body.collect()).unwrap().to_bytes();
    assert!(text.ends_with(b"event: done\ndata: null\n\n"), "{text:?}");
}

#[test]
fn a_source_continues_in_another_runtime() {
    let tick = |n| Event::new(Feed::Tick(n)).id(n).retry(Duration::from_millis(50));
    let server = ScriptedServer::new([
        Answer::stream().event(&tick(1)),
        Answer::stream().event(&tick(2)).stall(),
        Answer::stream().event(&Event::new(Feed::Done)),
    ]);
    let mut events = Client::new(server).get("/").idle_timeout(Duration::from_millis(50)).connect::<Feed>();
    // Each poll is in a runtime of its own, which then ends: the source waits for its next attempt in one, and for data in another.
    let mut pauses = 0;
    for event in [Feed::Tick(1), Feed::Tick(2), Feed::Done] {
        let polled = on_the_current_thread(poll_fn(|cx| Poll::Ready(events.poll_next_unpin(cx))));
        let next = if let Poll::Ready(next) = polled {
            next
        } else {
            pauses += 1;
            on_the_current_thread(events.next())
        };
        assert_eq!(next.unwrap().unwrap().data, event);
    }
    assert_eq!(pauses, 2);
}

#[test]
fn a_hub_on_a_store_publishes_where_there_is_no_timer() {
    let folder = Folder::new();
    let store = FileStore::open(&folder.0).unwrap();
    let hub = Hub::<Feed>::builder().build_on(store.log("rides"));
    without_a_timer(async { hub.publish(&Feed::Tick(1)).await.unwrap() });
    on_a_foreign_executor(async { hub.publish(&Feed::Tick(2)).await.unwrap() });
    let events = async {
        hub.subscribe(Start::Earliest).events().take(2).map(|event| Feed::clone(&event.data)).collect::<Vec<_>>().await
    };
    assert_eq!(on_the_current_thread(events), [Feed::Tick(1), Feed::Tick(2)]);
}

#[test]
#[should_panic(expected = "timers are disabled")]
fn a_server_panics_at_once_where_there_is_no_timer() {
    without_a_timer(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = tower::service_fn(|_| ready(Ok::<_, Infallible>(Sse::new(stream::iter(feed())))));
        let mut serving = pin!(Server::new(listener).serve(app));
        poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx).is_ready())).await;
    });
}

/// A folder of a test's own, deleted with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("sse-typed-executors-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
