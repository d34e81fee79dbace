//! A load generator: many connections that read, on one thread, with as little work as possible.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use memchr::memmem;
use mio::{Events, Interest, Poll, Token};

use super::protocol::{PATH, PUBLISH};

/// How long the load generator waits for a server.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How many connections are opened before the server answers. Fewer than its backlog holds.
const CONNECTIONS_AT_ONCE: usize = 128;

pub struct LoadGenerator {
    poll: Poll,
    connections: Vec<Connection>,
    control: TcpStream,
    buffer: Vec<u8>,
    events: u64,
    heads: u64,
}

struct Connection {
    socket: mio::net::TcpStream,
    in_head: bool,
    /// The bytes that were read end with a line end, so that another line end ends the event.
    at_line_end: bool,
}

impl LoadGenerator {
    /// Opens the connections, and waits until each has received its head and is subscribed.
    pub fn connect(data: u16, control: u16, connections: usize) -> io::Result<Self> {
        let control = TcpStream::connect((Ipv4Addr::LOCALHOST, control))?;
        control.set_nodelay(true)?;
        let mut load = Self {
            poll: Poll::new()?,
            connections: Vec::with_capacity(connections),
            control,
            buffer: vec![0; 64 << 10],
            events: 0,
            heads: 0,
        };
        let request = request();
        for number in 0..connections {
            let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, data))?;
            socket.write_all(request.as_bytes())?;
            socket.set_nonblocking(true)?;
            let mut socket = mio::net::TcpStream::from_std(socket);
            load.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
            load.connections.push(Connection { socket, in_head: true, at_line_end: false });
            if (number + 1) % CONNECTIONS_AT_ONCE == 0 || number + 1 == connections {
                load.read_until(|load| load.heads == number as u64 + 1)?;
            }
        }
        Ok(load)
    }

    /// Has bursts published for this time. Returns the deliveries per second, of all connections together.
    pub fn run(&mut self, burst: u64, time: Duration) -> io::Result<f64> {
        self.publish(burst)?;
        let (began, before) = (Instant::now(), self.events);
        while began.elapsed() < time {
            self.publish(burst)?;
        }
        Ok((self.events - before) as f64 / began.elapsed().as_secs_f64())
    }

    /// Has one burst published, and waits until all connections have received it.
    pub fn publish(&mut self, burst: u64) -> io::Result<()> {
        self.control.write_all(&[PUBLISH])?;
        let goal = self.events + burst * self.connections.len() as u64;
        self.read_until(|load| load.events >= goal)?;
        if self.events == goal { Ok(()) } else { Err(io::Error::other("more events arrived than were published")) }
    }

    fn read_until(&mut self, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        let began = Instant::now();
        let mut events = Events::with_capacity(1024);
        while !done(self) {
            if began.elapsed() > TIMEOUT {
                return Err(io::Error::other(format!("only {} events and {} heads arrived", self.events, self.heads)));
            }
            self.poll.poll(&mut events, Some(TIMEOUT))?;
            for event in &events {
                self.read(event.token().0)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, number: usize) -> io::Result<()> {
        let connection = &mut self.connections[number];
        loop {
            match connection.socket.read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::other("the server has closed a connection")),
                Ok(read) => {
                    let mut received = &self.buffer[..read];
                    if connection.in_head {
                        // A head is short, and arrives in one piece.
                        let end = memmem::find(received, b"\r\n\r\n")
                            .ok_or_else(|| io::Error::other("the head of the response is incomplete"))?;
                        connection.in_head = false;
                        self.heads += 1;
                        received = &received[end + 4..];
                    }
                    self.events += connection.events(received);
                    if read < self.buffer.len() {
                        // The socket is empty.
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens connections as fast as the server takes them: each sends a request, reads its head, and is closed. Returns how many
/// there were in a second.
pub fn connects_per_second(data: u16, threads: usize, time: Duration) -> io::Result<f64> {
    let began = Instant::now();
    let connect = move || -> io::Result<u64> {
        let mut count = 0;
        let mut head = [0; 4096];
        while began.elapsed() < time {
            let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, data))?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            socket.write_all(request().as_bytes())?;
            let read = socket.read(&mut head)?;
            if !head[..read].starts_with(b"HTTP/1.1 200 OK\r\n") {
                return Err(io::Error::other("no response"));
            }
            count += 1;
        }
        Ok(count)
    };
    let threads: Vec<_> = (0..threads).map(|_| thread::spawn(connect)).collect();
    let mut count = 0;
    for thread in threads {
        count += thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// Opens all connections at once. Returns the time until each has its head.
pub fn connect_at_once(data: u16, connections: usize) -> io::Result<Duration> {
    let began = Instant::now();
    let mut poll = Poll::new()?;
    let mut sockets = Vec::with_capacity(connections);
    for number in 0..connections {
        let mut socket = mio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, data).into())?;
        poll.registry().register(&mut socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        sockets.push((socket, false, false));
    }
    let (mut events, mut heads, mut buffer) = (Events::with_capacity(1024), 0, [0; 4096]);
    while heads < connections {
        if began.elapsed() > 3 * TIMEOUT {
            return Err(io::Error::other(format!("only {heads} heads arrived")));
        }
        poll.poll(&mut events, Some(TIMEOUT))?;
        for event in &events {
            let (socket, has_sent, has_head) = &mut sockets[event.token().0];
            if event.is_writable() && !*has_sent {
                socket.write_all(request().as_bytes())?;
                *has_sent = true;
            }
            if event.is_readable() && !*has_head && socket.read(&mut buffer).is_ok_and(|read| read > 0) {
                *has_head = true;
                heads += 1;
            }
        }
    }
    Ok(began.elapsed())
}

fn request() -> String {
    format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
}

impl Connection {
    /// How many events end in these bytes. Chunks of HTTP have CRLF around them, so only an empty line of LF ends an event.
    fn events(&mut self, received: &[u8]) -> u64 {
        let Some(last) = received.last() else { return 0 };
        let ended = u64::from(self.at_line_end && received[0] == b'\n');
        let rest = if ended == 1 { &received[1..] } else { received };
        let found = memmem::find_iter(rest, b"\n\n").count() as u64;
        self.at_line_end = *last == b'\n' && !rest.ends_with(b"\n\n") && !rest.is_empty();
        ended + found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_the_bytes_are_split() {
        let stream = b"5\r\nid: 1\nevent: a\ndata: 1\n\n\r\nb\r\ndata: 2\n\ndata: 3\n\n\r\n";
        for cut in 0..=stream.len() {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let socket = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut connection = Connection { socket, in_head: false, at_line_end: false };
            let (one, two) = stream.split_at(cut);
            assert_eq!(connection.events(one) + connection.events(two), 3, "cut at {cut}");
        }
    }
}
