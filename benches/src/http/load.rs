//! A load generator: many streams that are read on one thread, with as little work as possible.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};

use super::{
    connection::{Connection, Received},
    protocol::PUBLISH,
};

/// How long the load generator waits for a server.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// How many connections are opened before the server answers. Fewer than its backlog holds.
const CONNECTIONS_AT_ONCE: usize = 128;

pub struct LoadGenerator {
    poll: Poll,
    connections: Vec<(mio::net::TcpStream, Connection)>,
    buffer: Vec<u8>,
    received: Received,
}

/// The streams to open.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    pub connections: usize,
    /// HTTP/2 with this many streams on each connection. Zero: HTTP/1.1, with one.
    pub http2_streams: usize,
}

impl Streams {
    pub const fn count(self) -> u64 {
        self.connections as u64 * if self.http2_streams == 0 { 1 } else { self.http2_streams as u64 }
    }
}

impl LoadGenerator {
    fn new(connections: usize) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            connections: Vec::with_capacity(connections),
            buffer: vec![0; 64 << 10],
            received: Received::default(),
        })
    }

    /// Opens the connections, and waits until each stream has received its head and is subscribed. Events are counted by a
    /// byte that each event has once, outside of the heads.
    pub fn connect(data: u16, streams: Streams, target: &str, marker: u8) -> io::Result<Self> {
        let mut load = Self::new(streams.connections)?;
        for number in 0..streams.connections {
            let mut connection = Connection::new(streams.http2_streams, target, marker);
            let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, data))?;
            socket.write_all(&connection.request())?;
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let mut socket = mio::net::TcpStream::from_std(socket);
            load.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
            load.connections.push((socket, connection));
            if (number + 1) % CONNECTIONS_AT_ONCE == 0 || number + 1 == streams.connections {
                let heads = Streams { connections: number + 1, ..streams }.count();
                load.read_until(|received| received.heads == heads)?;
            }
        }
        Ok(load)
    }

    /// Opens all connections at once, and reads until each has this many events. Returns the time.
    pub fn resume(data: u16, connections: usize, events: u64, last_event_id: &str) -> io::Result<Duration> {
        let began = Instant::now();
        let mut load = Self::new(connections)?;
        for number in 0..connections {
            let mut connection = Connection::new(0, super::protocol::PATH, b'}');
            connection.resume_after(last_event_id);
            let mut socket = mio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, data).into())?;
            load.poll.registry().register(&mut socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
            load.connections.push((socket, connection));
        }
        let goal = events * connections as u64;
        load.read_until(|received| received.events >= goal)?;
        let each = |(_, connection): &(_, Connection)| connection.events() == events;
        if load.connections.iter().all(each) {
            Ok(began.elapsed())
        } else {
            Err(io::Error::other("a client has received other events than the history has"))
        }
    }

    /// Has bursts published for this time. Returns the deliveries of all streams together, and the time that they took.
    pub fn run(&mut self, control: &mut TcpStream, burst: u64, time: Duration) -> io::Result<(u64, Duration)> {
        let (began, before) = (Instant::now(), self.received.events);
        while began.elapsed() < time {
            self.publish(control, burst)?;
        }
        Ok((self.received.events - before, began.elapsed()))
    }

    /// Has one burst published, and waits until all streams have received it. Returns the time from the command to publish.
    pub fn publish(&mut self, control: &mut TcpStream, burst: u64) -> io::Result<Duration> {
        let streams: u64 = self.connections.iter().map(|(_, connection)| connection.streams()).sum();
        let goal = self.received.events + burst * streams;
        let began = Instant::now();
        control.write_all(&[PUBLISH])?;
        self.read_until(|received| received.events >= goal)?;
        let time = began.elapsed();
        if self.received.events == goal {
            Ok(time)
        } else {
            Err(io::Error::other("more events arrived than were published"))
        }
    }

    /// Reads until all streams together have received this many markers.
    pub fn wait_for(&mut self, events: u64) -> io::Result<()> {
        self.read_until(|received| received.events >= events)
    }

    fn read_until(&mut self, done: impl Fn(&Received) -> bool) -> io::Result<()> {
        let mut last = Instant::now();
        let mut events = Events::with_capacity(1024);
        while !done(&self.received) {
            self.poll.poll(&mut events, Some(TIMEOUT))?;
            if events.is_empty() && last.elapsed() > TIMEOUT {
                return Err(io::Error::other(format!("nothing arrived after {:?}", self.received)));
            }
            for event in &events {
                let (socket, connection) = &mut self.connections[event.token().0];
                if event.is_writable() && !connection.has_sent() {
                    socket.write_all(&connection.request())?;
                }
                if event.is_readable() {
                    read(socket, connection, &mut self.buffer, &mut self.received)?;
                    last = Instant::now();
                }
            }
        }
        Ok(())
    }
}

fn read(
    socket: &mut mio::net::TcpStream,
    connection: &mut Connection,
    buffer: &mut [u8],
    received: &mut Received,
) -> io::Result<()> {
    loop {
        match socket.read(buffer) {
            Ok(0) => return Err(io::Error::other("the server has closed a connection")),
            Ok(read) => {
                let answer = connection.receive(&buffer[..read], received)?;
                if !answer.is_empty() {
                    socket.write_all(&answer)?;
                }
                if read < buffer.len() {
                    // The socket is empty.
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
