//! A proxy within the process, whose connections the soak cuts.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, watch},
    time::sleep,
};

use crate::random::Random;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Both connections are reset: what is in their buffers is lost.
    Reset,
    /// Both connections are closed.
    Close,
    /// The client receives half of the next bytes, and then a close.
    InNextBytes,
    /// Nothing passes for this time.
    Stall(Duration),
}

/// The cut connections go to an upstream that changes. `None` is one that refuses connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    connections: Connections,
}

type Connections = Arc<Mutex<BTreeMap<u64, mpsc::Sender<Cut>>>>;

/// Small, so that a client that does not read soon stops the server's writes.
const SOCKET_BUFFER: u32 = 16 << 10;

impl Proxy {
    pub(crate) async fn start(upstream: watch::Receiver<Option<SocketAddr>>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let connections = Connections::default();
        tokio::spawn(accept(listener, upstream, Arc::clone(&connections)));
        Ok(Self { address, connections })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts a random connection. Returns whether there is one.
    pub(crate) fn cut_one(&self, cut: Cut, random: &mut Random) -> bool {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let count = connections.len() as u64;
        let chosen = (count > 0).then(|| usize::try_from(random.below(count)).unwrap_or(0));
        chosen.and_then(|chosen| connections.values().nth(chosen)).is_some_and(|sender| sender.try_send(cut).is_ok())
    }

    pub(crate) fn cut_all(&self, cut: Cut) {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in connections.values() {
            // One that has several to come is cut anyway.
            let _ = sender.try_send(cut);
        }
    }
}

async fn accept(listener: TcpListener, upstream: watch::Receiver<Option<SocketAddr>>, connections: Connections) {
    for number in 0.. {
        let Ok((client, _)) = listener.accept().await else {
            // No file is left, for example.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (sender, cuts) = mpsc::channel(4);
        connections.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        let (upstream, connections) = (upstream.borrow().to_owned(), Arc::clone(&connections));
        tokio::spawn(async move {
            if let Some(upstream) = upstream {
                // An error ends the connection, as does its end.
                let _ = forward(client, upstream, cuts).await;
            }
            connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        });
    }
}

async fn forward(mut client: TcpStream, upstream: SocketAddr, mut cuts: mpsc::Receiver<Cut>) -> io::Result<()> {
    let socket = if upstream.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    let mut server = socket.connect(upstream).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut requests, mut responses) = (vec![0; 4 << 10], vec![0; 16 << 10]);
    let mut ends_in_next = false;
    loop {
        tokio::select! {
            cut = cuts.recv() => match cut {
                None | Some(Cut::Close) => return Ok(()),
                Some(Cut::Reset) => {
                    client.set_zero_linger()?;
                    return server.set_zero_linger();
                }
                Some(Cut::InNextBytes) => ends_in_next = true,
                Some(Cut::Stall(time)) => sleep(time).await,
            },
            read = server.read(&mut responses) => match read? {
                0 => return Ok(()),
                read if ends_in_next => return client.write_all(&responses[..read / 2]).await,
                read => client.write_all(&responses[..read]).await?,
            },
            read = client.read(&mut requests) => match read? {
                0 => return Ok(()),
                read => server.write_all(&requests[..read]).await?,
            },
        }
    }
}
