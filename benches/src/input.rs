//! Event streams to decode. They are the same on every machine and in every run.

use std::fmt::Write;

use bytes::Bytes;

/// An event stream in chunks, and the data of its events.
#[derive(Clone, Debug)]
pub struct Input {
    pub chunks: Vec<Bytes>,
    /// The event type of all events.
    pub event_type: &'static str,
    /// The data of each event.
    pub data: Vec<String>,
    /// The id of the first event. Each further event has the next one. `None`: no event has an id.
    pub first_id: Option<usize>,
}

/// A typical read from a socket.
pub const CHUNK: usize = 16 << 10;

/// The size of a stream. 1 MiB fits into second-level caches.
const STREAM: usize = 1 << 20;

impl Input {
    fn new(text: &str, event_type: &'static str, data: Vec<String>) -> Self {
        let chunks = text.as_bytes().chunks(CHUNK).map(Bytes::copy_from_slice).collect();
        Self { chunks, event_type, data, first_id: None }
    }

    /// The same stream in chunks of another size.
    pub fn in_chunks_of(&self, size: usize) -> Self {
        let all: Vec<u8> = self.chunks.concat();
        Self { chunks: all.chunks(size).map(Bytes::copy_from_slice).collect(), ..self.clone() }
    }

    /// The same stream with one event in each chunk.
    pub fn in_events(&self) -> Self {
        let all: Vec<u8> = self.chunks.concat();
        let mut chunks = Vec::with_capacity(self.data.len());
        let mut start = 0;
        for end in (2..=all.len()).filter(|end| all[..*end].ends_with(b"\n\n")) {
            chunks.push(Bytes::copy_from_slice(&all[start..end]));
            start = end;
        }
        Self { chunks, ..self.clone() }
    }

    /// The last event ID of the event with this number.
    pub fn id(&self, number: usize) -> String {
        self.first_id.map_or_else(String::new, |first| (first + number).to_string())
    }

    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    pub fn data_bytes(&self) -> u64 {
        self.data.iter().map(|data| data.len() as u64).sum()
    }
}

/// A generator of numbers that is the same everywhere: xorshift64*.
#[derive(Debug)]
pub struct Numbers(u64);

impl Numbers {
    pub const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::new()
    }
}

pub const WORDS: [&str; 8] = [" the", " quick", " brown", " foxes", " jumped", " over", " slowly", " dogs,"];

const VIETNAMESE: [&str; 8] = [" tài", " xế", " đang", " đến", " trong", " bốn", " phút", " nữa"];

/// An answer of a language model, word by word. Events have 154 bytes on average.
pub fn token_stream() -> Input {
    tokens(&WORDS, STREAM / 154)
}

/// The same in Vietnamese: each event has letters of several bytes in UTF-8.
pub fn vietnamese() -> Input {
    tokens(&VIETNAMESE, STREAM / 154)
}

/// A token stream of this many events.
pub fn tokens(words: &[&str; 8], events: usize) -> Input {
    let mut numbers = Numbers::new();
    let (mut text, mut all) = (String::new(), Vec::with_capacity(events));
    for n in 0..events {
        let word = words[numbers.below(8) as usize];
        let data = format!(
            r#"{{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"{word}","sequence_number":{n}}}"#
        );
        let _ = write!(text, "event: response.output_text.delta\ndata: {data}\n\n");
        all.push(data);
    }
    Input::new(&text, "response.output_text.delta", all)
}

/// Prices, with ids. Events have 92 bytes on average.
pub fn ticker() -> Input {
    const FIRST: usize = 1_000_000;
    let mut numbers = Numbers::new();
    let (mut text, mut all) = (String::new(), Vec::new());
    for n in FIRST..FIRST + STREAM / 92 {
        let (cents, size) = (10_000 + numbers.below(80_000), 1 + numbers.below(900));
        let data = format!(r#"{{"symbol":"KIWI","cents":{cents},"size":{size},"at":1700{n}}}"#);
        let _ = write!(text, "id: {n}\nevent: trade\ndata: {data}\n\n");
        all.push(data);
    }
    Input { first_id: Some(FIRST), ..Input::new(&text, "trade", all) }
}

/// A stream of events with this many bytes of data each.
pub fn of_size(data: usize) -> Input {
    let data = "0123456789abcdef".repeat(data / 16);
    let events = (STREAM / data.len()).max(1);
    let text = format!("event: report\ndata: {data}\n\n").repeat(events);
    Input::new(&text, "report", vec![data; events])
}

/// One event with this many bytes of data.
pub fn large(data: usize) -> Input {
    let data = "0123456789abcdef".repeat(data / 16);
    let text = format!("event: report\ndata: {data}\n\n");
    Input::new(&text, "report", vec![data])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_documented_size() {
        for (input, size) in [(token_stream(), 154), (ticker(), 92)] {
            let average = input.bytes() as f64 / input.data.len() as f64;
            assert!((average - f64::from(size)).abs() < 0.5, "{average} for {size}: {:?}", input.data[0]);
        }
    }
}
