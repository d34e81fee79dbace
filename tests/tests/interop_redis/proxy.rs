//! A proxy between the store and the server that breaks connections where a test wants it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{AbortHandle, JoinSet},
};

#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    rule: Arc<Rule>,
    task: AbortHandle,
}

/// Where connections break. The next rule that applies is used up.
#[derive(Debug, Default)]
struct Rule {
    next: Mutex<Option<Break>>,
    broken: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(crate) enum Break {
    /// Cuts a connection once the client has sent this text, of which the server gets all up to its end and so many bytes more.
    Request { text: String, bytes_behind: usize },
    /// Lets the request with this text through, and cuts the connection after this many bytes of the reply.
    Reply { text: String, bytes: usize },
}

impl Proxy {
    pub(crate) async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let rule = Arc::<Rule>::default();
        let accepting = Arc::clone(&rule);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let rule = Arc::clone(&accepting);
                connections.spawn(async move {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)).await {
                        forward(client, server, &rule).await;
                    }
                });
            }
        });
        Self { port, rule, task: task.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Breaks the next connection to which this applies.
    pub(crate) fn break_at(&self, rule: Break) {
        *self.rule.next.lock().unwrap() = Some(rule);
    }

    /// How many connections were broken.
    pub(crate) fn broken(&self) -> usize {
        self.rule.broken.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, server: TcpStream, rule: &Rule) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // How much of the replies the client still gets.
    let left = AtomicUsize::new(usize::MAX);
    tokio::select! {
        () = requests(from_client, to_server, rule, &left) => {}
        () = replies(from_server, to_client, &left) => {}
    }
    if left.load(Ordering::SeqCst) == 0 {
        rule.broken.fetch_add(1, Ordering::SeqCst);
    }
}

async fn requests(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, rule: &Rule, left: &AtomicUsize) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer).await {
        let bytes = &buffer[..read];
        let found = {
            let mut next = rule.next.lock().unwrap();
            let text = match &*next {
                Some(Break::Request { text, .. } | Break::Reply { text, .. }) => text.as_bytes(),
                None => &[],
            };
            let at =
                (1..=read).contains(&text.len()).then(|| bytes.windows(text.len()).position(|window| window == text));
            at.flatten().map(|at| at + text.len()).zip(next.take_if(|_| at.flatten().is_some()))
        };
        match found {
            None => {}
            Some((end, Break::Request { bytes_behind, .. })) => {
                let _ = server.write_all(&bytes[..(end + bytes_behind).min(read)]).await;
                left.store(0, Ordering::SeqCst);
                return;
            }
            Some((_, Break::Reply { bytes, .. })) => left.store(bytes, Ordering::SeqCst),
        }
        if server.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn replies(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, left: &AtomicUsize) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = server.read(&mut buffer).await {
        let allowed = read.min(left.load(Ordering::SeqCst));
        if client.write_all(&buffer[..allowed]).await.is_err() {
            return;
        }
        if left.load(Ordering::SeqCst) != usize::MAX && left.fetch_sub(allowed, Ordering::SeqCst) == allowed {
            return;
        }
    }
}
