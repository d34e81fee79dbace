//! Connections that are opened without a pause, and many that are opened at once.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};

use super::{connection::Connection, load::TIMEOUT, protocol::PATH};

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
            socket.write_all(&request())?;
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
        if began.elapsed() > TIMEOUT {
            return Err(io::Error::other(format!("only {heads} heads arrived")));
        }
        poll.poll(&mut events, Some(TIMEOUT))?;
        for event in &events {
            let (socket, has_sent, has_head) = &mut sockets[event.token().0];
            if event.is_writable() && !*has_sent {
                socket.write_all(&request())?;
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

fn request() -> Vec<u8> {
    Connection::new(0, PATH, b'}').request()
}
