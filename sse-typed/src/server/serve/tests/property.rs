//! Any body, client and pipe: the bytes are those of hyper, and nothing hangs or leaks.

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
};

use http_body_util::BodyExt as _;
use proptest::{prelude::*, test_runner::Config};

use super::*;
use crate::server::Shutdown;

/// Reads its request to the end, and then answers.
#[derive(Clone)]
struct ReadsFirst {
    scripted: Scripted,
    made: Arc<AtomicUsize>,
}

impl Service<Request<RequestBody>> for ReadsFirst {
    type Response = Response<ScriptedBody>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            request.into_body().collect().await?;
            this.made.fetch_add(1, Ordering::Relaxed);
            Ok(this.scripted.response())
        })
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => "[a-z]{0,60}".prop_map(|text| frame(&text)),
        1 => "[a-z]{2000}".prop_map(|text| frame(&text)),
        4 => Just(Step::Yield),
    ]
}

fn request() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(GET),
        1 => Just("HEAD / HTTP/1.1\r\n\r\n"),
        2 => Just("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"),
        1 => Just("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        1 => Just("POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello"),
        1 => Just("GET / HTTP/1.1\r\nconnection: close\r\n\r\n"),
        1 => Just("GET / HTTP/1.0\r\n\r\n"),
        1 => Just("no request\r\n\r\n"),
    ]
}

/// What the client does next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Write(usize),
    Read(usize),
    Yield,
    Sleep(u64),
}

fn moves(range: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (1..200_usize).prop_map(Move::Write),
        4 => (1..3000_usize).prop_map(Move::Read),
        2 => Just(Move::Yield),
        1 => (1..4000_u64).prop_map(Move::Sleep),
    ];
    prop::collection::vec(one, range)
}

/// Runs the moves. A read or write that stays pending is given up.
async fn play(client: &mut DuplexStream, mut unsent: &[u8], moves: &[Move], received: &mut Vec<u8>) {
    const PATIENCE: Duration = Duration::from_millis(10);
    for next in moves {
        match *next {
            Move::Write(count) => {
                let part = &unsent[..count.min(unsent.len())];
                if let Ok(Ok(written)) = tokio::time::timeout(PATIENCE, client.write(part)).await {
                    unsent = &unsent[written..];
                }
            }
            Move::Read(count) => {
                let mut buffer = vec![0; count];
                if let Ok(Ok(read)) = tokio::time::timeout(PATIENCE, client.read(&mut buffer)).await {
                    received.extend_from_slice(&buffer[..read]);
                }
            }
            Move::Yield => tokio::task::yield_now().await,
            Move::Sleep(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

fn serve(service: ReadsFirst, set: impl FnOnce(Server<Pipes>) -> Server<Pipes>) -> (Dial, JoinHandle<Served>) {
    let (dial, listener) = pipes();
    (dial, tokio::spawn(set(Server::new(listener)).serve(service)))
}

/// All bytes that a client of these moves gets.
fn conversation(steps: &[Step], requests: &str, moves: &[Move], pipe: usize, hand_off: bool) -> String {
    runtime().block_on(async {
        let service = ReadsFirst { scripted: Scripted::new(steps), made: Arc::default() };
        let (dial, _server) = serve(service, |server| server.hand_off(hand_off));
        let client = dial.connect(pipe);
        let mut received = Vec::new();
        let (mut read, mut write) = tokio::io::split(client);
        let bytes = requests.as_bytes().to_vec();
        let sizes = moves.to_vec();
        let writer = async move {
            let mut unsent = &bytes[..];
            for next in sizes.iter().chain(std::iter::repeat(&Move::Write(1 << 20))) {
                match *next {
                    Move::Write(count) => {
                        let part = &unsent[..count.min(unsent.len())];
                        // The server may close a connection with requests that are unread.
                        if write.write_all(part).await.is_err() {
                            break;
                        }
                        unsent = &unsent[part.len()..];
                    }
                    Move::Yield => tokio::task::yield_now().await,
                    Move::Sleep(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
                    Move::Read(_) => {}
                }
                if unsent.is_empty() {
                    break;
                }
            }
            // The connection stays open, so that the server sees no end of the requests.
            std::future::pending::<()>().await;
        };
        let reader = async {
            loop {
                let mut buffer = [0; 256];
                match tokio::time::timeout(Duration::from_secs(20), read.read(&mut buffer)).await {
                    Ok(Ok(count)) if count > 0 => received.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
        };
        tokio::select! {
            () = writer => {}
            () = reader => {}
        }
        without_date(&String::from_utf8(received).unwrap())
    })
}

proptest! {
    #![proptest_config(Config { cases: 192, ..Config::default() })]

    #[test]
    fn the_bytes_on_the_wire_are_those_of_hyper(
        steps in prop::collection::vec(step(), 0..10),
        requests in prop::collection::vec(request(), 1..5),
        moves in moves(0..20),
        pipe in 16..3000_usize,
    ) {
        let requests = requests.concat();
        let handed_off = conversation(&steps, &requests, &moves, pipe, true);
        let by_hyper = conversation(&steps, &requests, &moves, pipe, false);
        prop_assert_eq!(handed_off, by_hyper);
    }

    #[test]
    fn whatever_a_client_does_the_server_ends_and_drops_every_body(
        mut steps in prop::collection::vec(step(), 0..10),
        end in prop_oneof![3 => Just(None), 1 => Just(Some(Step::Fail)), 1 => Just(Some(Step::Wait)), 1 => Just(Some(Step::Trailers))],
        clients in prop::collection::vec((prop::collection::vec(request(), 1..4), moves(0..20)), 1..4),
        pipe in 16..3000_usize,
        shutdown_after in 0..20_000_u64,
        half_close: bool,
    ) {
        steps.extend(end);
        runtime().block_on(async {
            let scripted = Scripted::new(steps);
            let (log, made, shutdown) = (scripted.log.clone(), Arc::<AtomicUsize>::default(), Shutdown::new());
            let service = ReadsFirst { scripted, made: Arc::clone(&made) };
            let (dial, server) = serve(service, |server| {
                server
                    .half_close(half_close)
                    .write_timeout(Duration::from_secs(10))
                    .header_timeout(Duration::from_secs(5))
                    .shutdown(&shutdown, Drain::Now, Duration::from_secs(3))
            });
            let count = clients.len();
            for (number, (requests, moves)) in clients.into_iter().enumerate() {
                let mut client = dial.connect(pipe);
                tokio::spawn(async move {
                    play(&mut client, requests.concat().as_bytes(), &moves, &mut Vec::new()).await;
                    if number % 2 == 0 {
                        let _ = client.shutdown().await;
                        tokio::time::sleep(Duration::from_secs(5)).await;
                    }
                });
            }
            tokio::time::sleep(Duration::from_millis(shutdown_after)).await;
            shutdown.begin();
            let served = tokio::time::timeout(Duration::from_secs(60), server).await.expect("the server ends").unwrap();
            assert_eq!(served.accepted() as usize, count);
            assert_eq!(log.dropped(), made.load(Ordering::Relaxed));
        });
    }
}

#[test]
fn the_connection_may_break_at_every_byte() {
    let steps = [Step::Yield, Step::Yield, frame("one"), Step::Yield, frame("two")];
    let whole = conversation(&steps, &GET.repeat(2), &[], PIPE, true);
    runtime().block_on(async {
        for length in 0..whole.len() + 100 {
            let service = Scripted::new(steps.clone());
            let log = service.log.clone();
            let shutdown = Shutdown::new();
            let (dial, server) =
                start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(3)));
            // No byte more fits than this client reads.
            let mut client = dial.connect(1);
            let (mut read, mut write) = tokio::io::split(&mut client);
            let reads = async { drop(read.read_exact(&mut vec![0; length]).await) };
            let writes = async { drop(write.write_all(GET.repeat(2).as_bytes()).await) };
            let both = async { tokio::join!(reads, writes) };
            let _ = tokio::time::timeout(Duration::from_secs(1), both).await;
            drop(client);
            tokio::time::sleep(Duration::from_secs(1)).await;
            shutdown.begin();
            assert_eq!(server.await.unwrap().cut(), 0);
            assert!(log.dropped() <= 2);
        }
    });
}
