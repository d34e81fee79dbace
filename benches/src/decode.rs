//! Untyped decoding: bytes in, events out.

use std::{future, hint::black_box, io, num::NonZeroUsize, rc::Rc};

use bytes::{Bytes, BytesMut};
use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use http::{Request, Response};
use launchdarkly_sdk_transport::{HttpTransport, ResponseFuture};
use sse_typed::codec::{Decoder, Item};
use tokio_util::codec::Decoder as _;

use crate::{
    contender::{
        Contender, Group,
        Kind::{Limit, Ours, Peer},
        Tally,
    },
    drive::{drain, stream_of},
    input::{self, Input},
};

pub fn token_stream() -> Group {
    group("decode/tokens", "decode, untyped: token stream, events of 154 B, chunks of 16 KiB", &input::token_stream())
}

pub fn vietnamese() -> Group {
    group("decode/vietnamese", "decode, untyped: the same with letters of several bytes", &input::vietnamese())
}

pub fn ticker() -> Group {
    group("decode/ticker", "decode, untyped: ticker, events of 92 B with ids", &input::ticker())
}

/// A consumer that looks at the event type, data and last event ID of each event, as programs do. The other groups look at the
/// data alone, so the compiler may leave out the rest.
pub fn consumer() -> Group {
    let (input, title) = (&Rc::new(input::token_stream()), "decode, untyped: event type, data and id of each event");
    let tally = Tally { events: input.data.len() as u64, bytes: input.data_bytes() };
    let contenders = vec![
        contender!(input, Ours, "sse-typed, lending", lending, black_box),
        contender!(input, Ours, "sse-typed, owned", owned, black_box),
        contender!(input, Peer, "sse-core", sse_core, black_box),
        contender!(input, Peer, "sse-stream", sse_stream, black_box),
        contender!(input, Peer, "sseer", sseer, black_box),
        contender!(input, Peer, "russe", russe, black_box),
        contender!(input, Peer, "eventsource-client", eventsource_client, black_box),
        contender!(input, Peer, "eventsource-stream", eventsource_stream, black_box),
        limit(input, tally, "CR/LF scan + UTF-8 check of std", |chunk| {
            let valid = std::str::from_utf8(chunk).is_ok();
            lines(memchr::memchr2_iter(b'\n', b'\r', chunk)) + usize::from(!valid)
        }),
    ];
    Group::new("decode/consumer", title, tally, contenders)
}

/// A contender for a decoder. The decoder runs once to compare the type, data and id of all events. The timed runs count the
/// data, and pass the three through the last argument, if there is one.
macro_rules! contender {
    ($input:expr, $kind:expr, $name:literal, $read:path) => {
        $crate::decode::contender!($input, $kind, $name, $read, std::convert::identity)
    };
    ($input:expr, $kind:expr, $name:literal, $read:path, $look:path) => {{
        let input: &std::rc::Rc<$crate::input::Input> = $input;
        let mut read = 0;
        $read(&input.chunks, |event_type: &str, data: &str, id: &str| {
            let expected = (input.event_type, &*input.data[read], &*input.id(read));
            assert_eq!((event_type, data, id), expected, $name);
            read += 1;
        });
        assert_eq!(read, input.data.len(), $name);
        let input = std::rc::Rc::clone(input);
        $crate::contender::Contender::new($name, $kind, move || {
            let mut tally = $crate::contender::Tally::default();
            $read(&input.chunks, |event_type: &str, data: &str, id: &str| {
                tally.add($look((event_type, data, id)).1.len())
            });
            tally
        })
    }};
}

pub(crate) use contender;

fn group(id: &'static str, title: &'static str, input: &Input) -> Group {
    let input = &Rc::new(input.clone());
    let tally = Tally { events: input.data.len() as u64, bytes: input.data_bytes() };
    let contenders = vec![
        contender!(input, Ours, "sse-typed, lending", lending),
        contender!(input, Ours, "sse-typed, owned", owned),
        contender!(input, Peer, "sse-core", sse_core),
        contender!(input, Peer, "sse-stream", sse_stream),
        contender!(input, Peer, "sseer", sseer),
        contender!(input, Peer, "russe", russe),
        contender!(input, Peer, "eventsource-client", eventsource_client),
        contender!(input, Peer, "eventsource-stream", eventsource_stream),
        limit(input, tally, "LF scan", |chunk| lines(memchr::memchr_iter(b'\n', chunk))),
        limit(input, tally, "CR/LF scan + UTF-8 check of simdutf8", |chunk| {
            let valid = simdutf8::basic::from_utf8(chunk).is_ok();
            lines(memchr::memchr2_iter(b'\n', b'\r', chunk)) + usize::from(!valid)
        }),
        limit(input, tally, "CR/LF scan + UTF-8 check of std", |chunk| {
            let valid = std::str::from_utf8(chunk).is_ok();
            lines(memchr::memchr2_iter(b'\n', b'\r', chunk)) + usize::from(!valid)
        }),
    ];
    Group::new(id, title, tally, contenders)
}

fn lines(ends: impl Iterator<Item = usize>) -> usize {
    // One by one, as a decoder finds them. Only counting them would be faster.
    ends.fold(0, |count, end| count + usize::from(std::hint::black_box(end) < usize::MAX))
}

/// A pass over all chunks that makes no events.
fn limit(input: &Rc<Input>, tally: Tally, name: &'static str, pass: fn(&[u8]) -> usize) -> Contender {
    let whole: Vec<u8> = input.chunks.concat();
    let all = lines(memchr::memchr_iter(b'\n', &whole));
    let valid_cut = |chunk: &Bytes| std::str::from_utf8(chunk).is_ok();
    // A chunk that ends inside a letter counts as one more line.
    let cuts = if name.contains("UTF-8") { input.chunks.iter().filter(|chunk| !valid_cut(chunk)).count() } else { 0 };
    let input = Rc::clone(input);
    Contender::new(name, Limit, move || {
        let found: usize = input.chunks.iter().map(|chunk| pass(chunk)).sum();
        assert_eq!(found, all + cuts, "{name}");
        tally
    })
}

pub fn lending(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    let mut decoder = Decoder::new().max_event_size(usize::MAX);
    for chunk in chunks {
        decoder.feed(chunk.clone());
        while let Some(item) = decoder.next_item() {
            if let Ok(Item::Event(event)) = item {
                each(event.event_type(), event.data(), event.last_event_id());
            }
        }
    }
}

pub fn owned(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    let mut decoder = Decoder::new().max_event_size(usize::MAX);
    for chunk in chunks {
        decoder.feed(chunk.clone());
        while let Some(item) = decoder.next_item() {
            if let Ok(Item::Event(event)) = item {
                let event = event.to_raw_event();
                each(event.event_type(), event.data(), event.id().unwrap_or_default());
            }
        }
    }
}

pub fn sse_core(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    let mut decoder = sse_core::SseDecoder::with_limit(NonZeroUsize::MAX);
    for chunk in chunks {
        let mut chunk = chunk.clone();
        while let Some(event) = decoder.next(&mut chunk) {
            if let Ok(sse_core::SseEvent::Message(message)) = event {
                each(&message.event, &message.data, message.last_event_id.as_deref().unwrap_or_default());
            }
        }
    }
}

pub fn sse_stream(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    drain(sse_stream::SseByteStream::new(stream_of(chunks)), |event| {
        if let Ok(event) = event {
            each(
                event.event.as_deref().unwrap_or_default(),
                event.data.as_deref().unwrap_or_default(),
                event.id.as_deref().unwrap_or_default(),
            );
        }
    });
}

pub fn sseer(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    drain(sseer::EventStream::new(stream_of(chunks)), |event| {
        if let Ok(event) = event {
            each(&event.event, &event.data, &event.id);
        }
    });
}

pub fn eventsource_stream(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    drain(stream_of(chunks).eventsource(), |event| {
        if let Ok(event) = event {
            each(&event.event, &event.data, &event.id);
        }
    });
}

pub fn russe(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    let mut decoder = russe::Decoder::default();
    let mut buffer = BytesMut::new();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        while let Ok(Some(event)) = decoder.decode(&mut buffer) {
            if let russe::Event::Message(message) = event {
                each(
                    message.event.as_deref().unwrap_or_default(),
                    &message.data,
                    message.id.as_deref().unwrap_or_default(),
                );
            }
        }
    }
}

/// It has no public decoder. This is its client, with a transport that answers at once.
pub fn eventsource_client(chunks: &[Bytes], mut each: impl FnMut(&str, &str, &str)) {
    #[derive(Clone)]
    struct Transport(Vec<Bytes>);

    impl HttpTransport for Transport {
        fn request(&self, _: Request<Option<Bytes>>) -> ResponseFuture {
            let chunks = stream_of(&self.0).map(|chunk| Ok(chunk.unwrap_or_default()));
            Box::pin(future::ready(Ok(Response::new(Box::pin(chunks) as _))))
        }
    }

    let options = ReconnectOptions::reconnect(false).retry_initial(false).build();
    let client = ClientBuilder::for_url("http://localhost/")
        .map_err(io::Error::other)
        .expect("an address")
        .reconnect(options)
        .build_with_transport(Transport(chunks.to_vec()));
    drain(client.stream(), |event| {
        if let Ok(SSE::Event(event)) = event {
            each(&event.event_type, &event.data, event.id.as_deref().unwrap_or_default());
        }
    });
}
