//! A connection of the load generator: the bytes of its request, and the events in the bytes that it receives.

use std::io;

use memchr::memmem;

/// What all connections together have received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    pub heads: u64,
    pub events: u64,
}

#[derive(Debug)]
pub struct Connection {
    target: String,
    last_event_id: Option<String>,
    /// A byte that each event has once.
    marker: u8,
    has_sent: bool,
    events: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Http1 { in_head: bool },
    Http2(Http2),
}

/// Frames of HTTP/2, as far as a client that only counts events needs them.
#[derive(Debug, Default)]
struct Http2 {
    streams: usize,
    header: Vec<u8>,
    /// How much of the payload of the current frame is still to come.
    left: usize,
    ping: Vec<u8>,
    /// Bytes of data since the last update of the window.
    unacknowledged: u32,
}

const FRAME_HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 5;

/// The largest window. No stream receives as much, so only the window of the connection is updated.
const WINDOW: u32 = (1 << 31) - 1;
const UPDATE_AFTER: u32 = 4 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

impl Connection {
    pub fn new(http2_streams: usize, target: &str, marker: u8) -> Self {
        let state = match http2_streams {
            0 => State::Http1 { in_head: true },
            streams => State::Http2(Http2 { streams, ..Http2::default() }),
        };
        Self { target: target.to_owned(), last_event_id: None, marker, has_sent: false, events: 0, state }
    }

    pub fn resume_after(&mut self, id: &str) {
        self.last_event_id = Some(id.to_owned());
    }

    pub const fn streams(&self) -> u64 {
        match &self.state {
            State::Http1 { .. } => 1,
            State::Http2(http2) => http2.streams as u64,
        }
    }

    pub const fn has_sent(&self) -> bool {
        self.has_sent
    }

    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The requests of all streams.
    pub fn request(&mut self) -> Vec<u8> {
        self.has_sent = true;
        match &self.state {
            State::Http1 { .. } => {
                let id = self.last_event_id.as_ref().map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
                let target = &self.target;
                format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{id}\r\n")
                    .into_bytes()
            }
            State::Http2(http2) => http2.requests(&self.target),
        }
    }

    /// Counts the heads and events in these bytes. Returns an answer to send.
    pub fn receive(&mut self, bytes: &[u8], all: &mut Received) -> io::Result<Vec<u8>> {
        let before = *all;
        let answer = match &mut self.state {
            State::Http1 { in_head } => {
                let mut body = bytes;
                if *in_head {
                    // A head is short, and arrives in one piece.
                    let end = memmem::find(bytes, b"\r\n\r\n")
                        .ok_or_else(|| io::Error::other("the head of the response is incomplete"))?;
                    if !bytes.starts_with(b"HTTP/1.1 200 ") {
                        return Err(io::Error::other(String::from_utf8_lossy(&bytes[..end]).into_owned()));
                    }
                    *in_head = false;
                    all.heads += 1;
                    body = &bytes[end + 4..];
                }
                all.events += count(self.marker, body);
                Vec::new()
            }
            State::Http2(http2) => http2.receive(bytes, self.marker, all)?,
        };
        self.events += all.events - before.events;
        Ok(answer)
    }
}

fn count(marker: u8, bytes: &[u8]) -> u64 {
    memchr::memchr_iter(marker, bytes).count() as u64
}

impl Http2 {
    fn requests(&self, target: &str) -> Vec<u8> {
        // SETTINGS_INITIAL_WINDOW_SIZE
        let settings = [&[0, 4][..], &WINDOW.to_be_bytes()].concat();
        let window = (WINDOW - u32::from(u16::MAX)).to_be_bytes();
        let mut bytes = [
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            &frame(SETTINGS, 0, 0, &settings),
            &frame(WINDOW_UPDATE, 0, 0, &window),
        ]
        .concat();
        // HPACK: GET and http of the static table, and then literals: the name by its index, and the value with its length.
        let mut head = vec![0x82, 0x86];
        for (name, value) in [(&[0x04][..], target), (&[0x01], "localhost"), (&[0x0f, 0x04], "text/event-stream")] {
            head.extend_from_slice(name);
            head.push(u8::try_from(value.len()).unwrap_or_default());
            head.extend_from_slice(value.as_bytes());
        }
        for stream in 0..self.streams {
            let id = u32::try_from(2 * stream + 1).unwrap_or_default();
            bytes.extend(frame(HEADERS, END_STREAM_AND_HEADERS, id, &head));
        }
        bytes
    }

    fn receive(&mut self, mut bytes: &[u8], marker: u8, all: &mut Received) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        while !bytes.is_empty() {
            if self.header.len() < FRAME_HEADER {
                let (taken, rest) = bytes.split_at(bytes.len().min(FRAME_HEADER - self.header.len()));
                self.header.extend_from_slice(taken);
                bytes = rest;
                if self.header.len() < FRAME_HEADER {
                    break;
                }
                self.left =
                    usize::from(self.header[0]) << 16 | usize::from(self.header[1]) << 8 | usize::from(self.header[2]);
            }
            let (kind, flags) = (self.header[3], self.header[4]);
            let (payload, rest) = bytes.split_at(bytes.len().min(self.left));
            bytes = rest;
            self.left -= payload.len();
            match kind {
                DATA => {
                    all.events += count(marker, payload);
                    self.unacknowledged += payload.len() as u32;
                }
                PING => self.ping.extend_from_slice(payload),
                RST_STREAM | GOAWAY => return Err(io::Error::other("the server has ended a stream")),
                _ => {}
            }
            if self.left > 0 {
                break;
            }
            self.header.clear();
            match kind {
                HEADERS => all.heads += 1,
                SETTINGS if flags & ACK == 0 => answer.extend(frame(SETTINGS, ACK, 0, &[])),
                PING if flags & ACK == 0 => answer.extend(frame(PING, ACK, 0, &std::mem::take(&mut self.ping))),
                _ => {}
            }
        }
        if self.unacknowledged >= UPDATE_AFTER {
            answer.extend(frame(WINDOW_UPDATE, 0, 0, &self.unacknowledged.to_be_bytes()));
            self.unacknowledged = 0;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(http2_streams: usize, stream: &[u8]) {
        for cut in 0..=stream.len() {
            let mut connection = Connection::new(http2_streams, "/", b'}');
            if let State::Http1 { in_head } = &mut connection.state {
                *in_head = false;
            }
            let mut all = Received::default();
            let (one, two) = stream.split_at(cut);
            let mut answer = connection.receive(one, &mut all).unwrap();
            answer.extend(connection.receive(two, &mut all).unwrap());
            assert_eq!((all.events, connection.events()), (3, 3), "cut at {cut}");
            if http2_streams > 0 {
                assert_eq!((all.heads, answer), (1, frame(PING, ACK, 0, b"12}45678")), "cut at {cut}");
            }
        }
    }

    #[test]
    fn events_are_counted_however_the_bytes_are_split() {
        received(0, b"5\r\nid: 1\ndata: {}\n\n\r\n:\n\n\r\nb\r\ndata: {}\n\ndata: {}\n\n\r\n");
    }

    #[test]
    fn events_in_frames_are_counted_and_pings_are_answered() {
        let frames = [
            frame(HEADERS, 4, 1, b"}"),
            frame(PING, 0, 0, b"12}45678"),
            frame(DATA, 0, 1, b"data: {}\n\ndata: {}\n\n"),
            frame(DATA, 0, 1, &[b' '; 0x7d]),
            frame(SETTINGS, ACK, 0, &[]),
            frame(DATA, 0, 1, b"data: {}\n\n"),
        ];
        received(1, &frames.concat());
    }
}
