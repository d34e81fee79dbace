//! The interpreter of a contract and the decoder of its type agree on every block.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_typed_derive::{DecodeEvent, SseEvent};

use super::super::{
    Contract,
    block::Block,
    interpret::{Interpreter, Reading},
    program::Outcome,
    schema::validate::As,
    witness::blocks::{Reader, Writer},
};
use crate::{
    Gap, RawEvent,
    event::{GapReason, PartName},
};

/// The blocks of every variant, and their data under every event type.
fn blocks(contract: &Contract) -> Vec<Block> {
    let rules = contract.reader().unwrap();
    let writer = Writer { rules, defs: &contract.defs, writes_aliases: true, is_foreign: true, changed: &[] };
    let reader = Reader { rules, defs: &contract.defs };
    let mut blocks: Vec<Block> = rules
        .events
        .iter()
        .flat_map(|event| {
            let mut blocks = writer.blocks(event, Some(event), reader);
            blocks.extend(writer.further_blocks(event, Some(event), reader));
            blocks
        })
        .collect();
    let mut types: BTreeSet<String> = rules.events.iter().flat_map(|event| event.types().map(str::to_owned)).collect();
    types.extend(rules.ignored.iter().cloned());
    types.extend(["message", "undeclared"].map(str::to_owned));
    let mut texts: BTreeSet<String> = blocks.iter().map(|block| block.data.clone()).collect();
    let odd = [
        "",
        "null",
        "7",
        "1.5",
        "\"a\"",
        "{}",
        "[]",
        "{\"x\":null}",
        "not JSON",
        "{\"type\":\"undeclared\"}",
        "{\"type\":7}",
        "{",
    ];
    texts.extend(odd.map(str::to_owned));
    let short: Vec<_> = texts.iter().filter(|text| text.len() < 60).collect();
    // Enough of them, from each end of the alphabet.
    let step = short.len().div_ceil(80);
    for event in &types {
        for (at, data) in short.iter().step_by(step).enumerate() {
            let ids = [None, Some("7"), Some("a"), Some("")];
            for id in if at == 0 { &ids[..] } else { &ids[..2] } {
                let id = id.map(str::to_owned);
                blocks.push(Block { id, event: event.clone(), retry: None, data: (*data).clone() });
            }
        }
    }
    blocks
}

fn check(contract: &Contract) {
    assert_eq!(contract.to_string().parse::<Contract>().unwrap(), *contract, "{contract}");
    let rules = contract.reader().unwrap();
    let interpreter = Interpreter::new(rules, &contract.defs, As::Reader);
    let blocks = blocks(contract);
    assert!(blocks.len() > 100);
    for block in blocks {
        let decoded = contract.program.decode(&block).unwrap();
        let agrees = match (interpreter.read(&block), &decoded) {
            (Reading::Event(at), Ok(Outcome::Event { terminal, .. })) => *terminal == rules.events[at].is_terminal(),
            (Reading::Other, Ok(Outcome::Event { .. }))
            | (Reading::Unknown, Ok(Outcome::Unknown))
            | (Reading::Ignored, Ok(Outcome::Ignored))
            | (Reading::Refused { .. }, Err(_)) => true,
            // Which lists serde reads as a struct is not known.
            (Reading::Event(_), Err(_)) => block.data.starts_with('['),
            _ => false,
        };
        let reading = interpreter.read(&block);
        assert!(agrees, "{block}\n(id {:?})\n{reading:?}\n{decoded:?}\n{contract}", block.id);
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    Debug,
    /// Documented.
    Info,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Open {
    Known,
    Also,
    #[serde(other)]
    Else,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Payload {
    level: Level,
    open: Option<Open>,
    #[serde(default)]
    list: Vec<(u8, bool)>,
    map: BTreeMap<u16, f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Box<Self>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Shape {
    Circle { r: f64 },
    Square { side: i8 },
    Nothing,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Closed {
    a: char,
    b: i64,
}

#[derive(SseEvent)]
#[sse(crate = "crate", rename_all = "snake_case", prefix = "form.", ignore("form.ping"))]
enum Forms {
    Line {
        text: String,
        #[sse(id)]
        place: u64,
    },
    Maybe {
        #[sse(id)]
        place: Option<u8>,
        #[serde(default)]
        count: u32,
        #[serde(alias = "older", alias = "oldest")]
        name: Option<String>,
    },
    #[sse(alias = "old")]
    Payload(Payload),
    Shape(Shape),
    Closed(Closed),
    #[sse(text)]
    Text(String),
    #[sse(text)]
    Number(u8),
    #[sse(data = "[DONE]", terminal)]
    Done,
    Empty {},
    Unit,
    Tuple((u8, String, Option<bool>)),
    Set(BTreeSet<u8>),
    Any(serde_json::Value),
    #[sse(gap)]
    Gap(Gap),
    Lost {
        missed: Option<u64>,
        reason: GapReason,
        part: Option<PartName>,
    },
}

#[test]
fn forms_of_data() {
    check(&Contract::of::<Forms>());
}

#[derive(SseEvent)]
#[sse(crate = "crate", tag = "type", rename_all = "snake_case")]
#[serde(deny_unknown_fields)]
enum Tagged {
    Delta {
        index: u32,
    },
    Map(BTreeMap<String, u8>),
    Ping,
    #[sse(message)]
    Note {
        x: Option<u8>,
    },
    #[sse(terminal)]
    Stop {
        reason: Level,
    },
}

#[test]
fn a_tag() {
    check(&Contract::of::<Tagged>());
}

#[derive(SseEvent)]
#[sse(crate = "crate")]
enum Keys {
    #[sse(message)]
    Chunk { choices: Vec<u8> },
    #[sse(message, key = "error", error)]
    Failed { error: String, warning: Option<u8> },
    #[sse(message, key = "warning")]
    Warned { warning: u8 },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(rename = "b", key = "x")]
    X { x: Option<u8> },
    #[sse(rename = "b", key = "y")]
    Y(BTreeMap<String, Option<u8>>),
    #[sse(other)]
    Other(RawEvent),
}

#[test]
fn keys_and_sentinels() {
    check(&Contract::of::<Keys>());
}

#[derive(SseEvent)]
#[sse(crate = "crate", tag = "kind", ignore("pong"))]
enum Inner {
    In {
        x: u8,
    },
    #[sse(terminal)]
    End,
}

#[derive(SseEvent)]
#[sse(crate = "crate", ignore("ping"))]
enum Outer {
    #[sse(nested)]
    Inner(Inner),
    Out {
        x: u8,
    },
    #[sse(nested)]
    Keys(Keys),
}

#[test]
fn nested_types() {
    check(&Contract::of::<Outer>());
}

#[expect(dead_code, reason = "only decoded")]
#[derive(DecodeEvent)]
#[sse(crate = "crate")]
#[serde(rename_all_fields(deserialize = "camelCase"))]
enum Received {
    Named {
        two_words: u8,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        two_sided: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    },
    Flat {
        #[serde(flatten)]
        level: Closed2,
        own: bool,
    },
    #[serde(other)]
    Unknown,
}

#[expect(dead_code, reason = "only decoded")]
#[derive(Deserialize, JsonSchema)]
struct Closed2 {
    #[serde(default)]
    a: u8,
    b: Level,
}

#[test]
fn a_type_that_is_only_received() {
    check(&Contract::received::<Received>());
}

#[test]
fn an_enum_with_a_catch_all_is_open_and_others_are_not() {
    let text = Contract::of::<Forms>().to_string();
    assert!(text.contains("x-open"), "{text}");
    let value = Contract::of::<Forms>().to_value();
    assert_eq!(value["$defs"]["Open"]["x-open"], true, "{text}");
    assert_eq!(value["$defs"]["Level"], serde_json::json!({ "enum": ["debug", "info"] }), "{text}");
}
