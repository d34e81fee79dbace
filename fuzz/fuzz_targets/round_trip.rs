//! Any events, written one behind the other: each is refused and leaves not one byte, or arrives as it was sent. The only
//! changes are that CRLF and CR in text become LF, and that reconnection times are rounded up to milliseconds.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use serde::{Deserialize, Serialize};
use sse_typed::{
    EncodeError, EncodeEvent, Event, EventId, EventKind, EventWriter, RawEvent,
    codec::{Decoder, Encoder, Item},
};

/// Text as an attacker, or only an unlucky user, puts it together.
#[derive(Debug, Arbitrary)]
struct Hostile(Vec<Piece>);

#[derive(Debug, Arbitrary)]
enum Piece {
    Char(char),
    Lf,
    Cr,
    CrLf,
    Nul,
    Space,
    Tab,
    Bom,
    LineSeparator,
    Colon,
    Quote,
    Data,
    Event,
    Id,
    Retry,
    Block,
}

impl Hostile {
    fn text(&self) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Char(char) => text.push(*char),
                Piece::Lf => text.push('\n'),
                Piece::Cr => text.push('\r'),
                Piece::CrLf => text.push_str("\r\n"),
                Piece::Nul => text.push('\0'),
                Piece::Space => text.push(' '),
                Piece::Tab => text.push('\t'),
                Piece::Bom => text.push('\u{feff}'),
                Piece::LineSeparator => text.push('\u{2028}'),
                Piece::Colon => text.push(':'),
                Piece::Quote => text.push('"'),
                Piece::Data => text.push_str("data: "),
                Piece::Event => text.push_str("event: "),
                Piece::Id => text.push_str("id: "),
                Piece::Retry => text.push_str("retry: 5"),
                Piece::Block => text.push_str("\n\ndata: forged\n\n"),
            }
        }
        text
    }
}

#[derive(Debug, Arbitrary)]
enum Sent {
    Raw { event_type: Hostile, data: Hostile, id: Option<Hostile>, retry: Option<Duration> },
    Typed { payload: Payload, own_id: Option<Hostile>, id: Option<Hostile>, retry: Option<Duration> },
    Comment(Hostile),
    Retry(Duration),
}

#[derive(Debug, Arbitrary)]
enum Payload {
    Text { event_type: Hostile, text: Hostile },
    Json { text: Hostile, number: i64, list: Vec<Hostile>, map: Vec<(Hostile, bool)> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Json {
    text: String,
    number: i64,
    list: Vec<String>,
    map: Vec<(String, bool)>,
}

/// A type that implements the traits by hand, with an id of its own.
struct ByHand {
    event_type: String,
    data: Data,
    id: Option<String>,
}

enum Data {
    Text(String),
    Json(Json),
}

impl EventKind for ByHand {
    fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl EncodeEvent for ByHand {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type(&self.event_type)?;
        match &self.data {
            Data::Text(text) => event.text(text)?,
            Data::Json(json) => event.json(json)?,
        }
        // Last, so that an id that is refused has something behind it to take back.
        self.id.as_ref().map_or(Ok(()), |id| event.id(id))
    }
}

/// What must arrive.
#[derive(Debug, PartialEq)]
enum Arrival {
    Event { event_type: String, data: String, id: Option<String>, retry: Option<Duration> },
    Json { event_type: String, json: Json, id: Option<String>, retry: Option<Duration> },
    Comment(String),
}

fuzz_target!(|input: (Vec<Sent>, u8)| {
    let (sent, chunk_size) = input;
    let mut encoder = Encoder::new();
    let (mut expected, mut reconnection_time) = (Vec::new(), None);
    for sent in sent {
        let (before, events) = (encoder.len(), encoder.events());
        let first = expected.len();
        let retry = send(sent, &mut encoder, &mut expected);
        if expected[first..].iter().any(|arrival| !matches!(arrival, Arrival::Comment(_))) {
            assert_eq!(encoder.events(), events + 1);
        } else {
            assert_eq!(encoder.events(), events);
            assert_eq!(encoder.len() == before, expected.len() == first && retry.is_none(), "bytes of a refused event");
        }
        reconnection_time = retry.or(reconnection_time);
    }
    let stream = encoder.take();

    let mut decoder = Decoder::new().comments(true);
    let mut expected = expected.into_iter();
    for chunk in stream.chunks(usize::from(chunk_size).max(1)) {
        decoder.feed(stream.slice_ref(chunk));
        while let Some(item) = decoder.next_item() {
            let arrived = item.expect("no event is as large as the limit");
            check(arrived, expected.next().expect("an event that nobody sent"));
        }
    }
    assert_eq!(expected.next(), None, "an event did not arrive");
    assert_eq!(decoder.reconnection_time(), reconnection_time);
});

/// Sends one, and says what must arrive of it. The reconnection time, if it was sent.
fn send(sent: Sent, encoder: &mut Encoder, expected: &mut Vec<Arrival>) -> Option<Duration> {
    match sent {
        Sent::Raw { event_type, data, id, retry } => {
            let event_type = event_type.text();
            let mut event = RawEvent::new(&event_type, data.text());
            if let Some(id) = id.and_then(|id| valid(&id)) {
                event = event.with_id(id);
            }
            if let Some(retry) = retry {
                event = event.with_retry(retry);
            }
            let result = encoder.encode(&event);
            assert_eq!(result.is_err(), event_type.contains(['\r', '\n']), "{event:?}: {result:?}");
            result.ok()?;
            expected.push(Arrival::Event {
                event_type: event.event_type().to_owned(),
                data: normalised(event.data()),
                id: event.id().map(str::to_owned),
                retry: retry.map(rounded),
            });
            retry.map(rounded)
        }
        Sent::Typed { payload, own_id, id, retry } => {
            let own_id = own_id.map(|id| id.text());
            let (event_type, data) = match payload {
                Payload::Text { event_type, text } => (event_type.text(), Data::Text(text.text())),
                Payload::Json { text, number, list, map } => {
                    let list = list.iter().map(Hostile::text).collect();
                    let map = map.iter().map(|(key, value)| (key.text(), *value)).collect();
                    ("json".to_owned(), Data::Json(Json { text: text.text(), number, list, map }))
                }
            };
            let mut event = Event::new(ByHand { event_type, data, id: own_id });
            if let Some(id) = id.and_then(|id| valid(&id)) {
                event = event.id(id);
            }
            if let Some(retry) = retry {
                event = event.retry(retry);
            }
            let own_id_is_used_and_bad =
                event.id.is_none() && event.data.id.as_ref().is_some_and(|id| EventId::new(id).is_err());
            let refused = own_id_is_used_and_bad || event.data.event_type.contains(['\r', '\n']);
            let result = encoder.encode(&event);
            assert_eq!(result.is_err(), refused, "{result:?}");
            result.ok()?;
            let id = event.id.as_ref().map(|id| id.as_str().to_owned()).or(event.data.id);
            let event_type = match &*event.data.event_type {
                "" => "message".to_owned(),
                name => name.to_owned(),
            };
            let retry = retry.map(rounded);
            expected.push(match event.data.data {
                Data::Text(text) => Arrival::Event { event_type, data: normalised(&text), id, retry },
                Data::Json(json) => Arrival::Json { event_type, json, id, retry },
            });
            retry
        }
        Sent::Comment(text) => {
            let text = text.text();
            encoder.comment(&text);
            expected.extend(normalised(&text).split('\n').map(|line| Arrival::Comment(line.to_owned())));
            None
        }
        Sent::Retry(retry) => {
            encoder.retry(retry);
            Some(rounded(retry))
        }
    }
}

fn check(arrived: Item<'_>, expected: Arrival) {
    let arrived = match (arrived, &expected) {
        (Item::Comment(text), _) => Arrival::Comment(text.to_owned()),
        (Item::Event(event), Arrival::Json { .. }) => Arrival::Json {
            event_type: event.event_type().to_owned(),
            json: serde_json::from_str(event.data()).expect("what was written as JSON is JSON"),
            id: event.id().map(str::to_owned),
            retry: event.retry(),
        },
        (Item::Event(event), _) => Arrival::Event {
            event_type: event.event_type().to_owned(),
            data: event.data().to_owned(),
            id: event.id().map(str::to_owned),
            retry: event.retry(),
        },
        (item, _) => panic!("an item that this target does not know: {item:?}"),
    };
    assert_eq!(arrived, expected);
}

/// The ids that can be given to an envelope are those that can travel; the check itself has its own words for the rest.
fn valid(id: &Hostile) -> Option<EventId> {
    let id = id.text();
    let can_travel = !id.is_empty() && !id.contains(['\r', '\n', '\0']) && id.trim_matches([' ', '\t']) == id;
    let checked = EventId::new(&*id);
    assert_eq!(checked.is_ok(), can_travel, "{id:?}");
    checked.ok()
}

fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn rounded(retry: Duration) -> Duration {
    let millis = retry.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
