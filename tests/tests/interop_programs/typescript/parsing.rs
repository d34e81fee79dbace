//! The generated `parse` beside the decoder of this crate, and by the rules of the standard.

use std::fs;

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use sse_typed::codec::{Decoder, Item};

use super::{PROGRAMS, compiled};
use crate::program::{found, script};

const CASES: usize = 4000;

/// What a stream is made of. Some of it is not UTF-8.
const PIECES: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"event: ",
    b"event",
    b"id: ",
    b"id",
    b"retry: ",
    b"retry: 5\n",
    b":",
    b" ",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\t",
    b"7",
    b"a",
    b"b\n",
    "é".as_bytes(),
    "😀".as_bytes(),
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB",
    b"\xFF",
    b"\xF0\x9F",
    b"\xE2\x80\xA8",
    b"\xED\xA0\x80",
    b"data: x\n\n",
    b"id: 1\n\n",
    b"DATA: y\n",
];

/// The bytes of a stream, and where it is cut.
fn streams() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let piece = prop_oneof![
        9 => select(PIECES).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    let wire = vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    wire.prop_flat_map(|wire| {
        let cuts = vec(0..=wire.len(), 0..8).prop_map(|mut cuts| {
            cuts.sort_unstable();
            cuts
        });
        (Just(wire), cuts)
    })
}

/// The events that the decoder finds.
fn events(wire: &[u8]) -> Vec<Value> {
    let mut decoder = Decoder::new();
    decoder.feed(wire.to_vec());
    let mut events = Vec::new();
    while let Some(item) = decoder.next_item() {
        if let Ok(Item::Event(event)) = item {
            events.push(json!([event.event_type(), event.data(), event.last_event_id()]));
        }
    }
    events
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_parser_of_a_page_reads_every_stream_as_the_decoder_does() {
    let name = "the_parser_of_a_page_reads_every_stream_as_the_decoder_does";
    if !found(name, &PROGRAMS) {
        return;
    }
    let contracts = compiled(name).await;
    let mut runner = TestRunner::new_with_rng(
        proptest::test_runner::Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let streams = streams();
    let cases: Vec<_> = std::iter::repeat_with(|| streams.new_tree(&mut runner).unwrap().current())
        .take(CASES)
        .map(|(wire, cuts)| json!({ "wire": hex(&wire), "cuts": cuts, "events": events(&wire) }))
        .collect();
    let with_events = cases.iter().filter(|case| case["events"] != json!([])).count();
    assert!(with_events > CASES / 4, "{with_events}");
    let file = contracts.join("cases.json");
    fs::write(&file, Value::from(cases).to_string()).unwrap();

    let lines = script("typescript/parsing.mjs", &[&contracts.to_string_lossy(), &file.to_string_lossy()]).await;
    assert!(lines.len() == 8 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
}
