//! The parser rules of the standard, P1 to P22, and the laws of the decoder. The rules are those of WHATWG HTML, sections
//! 9.2.5 and 9.2.6, numbered in the order in which they apply to a stream.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    Decoder, EventTooLarge, Item,
    naive::{self, NaiveItem, NaiveStream},
    text::MAX_IDLE_CAPACITY,
};

/// Decodes `input`, split at `cuts`.
pub(super) fn decode(decoder: &mut Decoder, input: &[u8], cuts: impl IntoIterator<Item = usize>) -> NaiveStream {
    let mut items = Vec::new();
    let input = Bytes::copy_from_slice(input);
    let mut start = 0;
    for end in cuts.into_iter().chain([input.len()]) {
        let end = end.clamp(start, input.len());
        decoder.feed(input.slice(start..end));
        start = end;
        while let Some(item) = decoder.next_item() {
            items.push(match item {
                Ok(Item::Event(event)) => {
                    assert_eq!(event.to_raw_event().as_raw_ref(), event);
                    NaiveItem::Event {
                        event_type: event.event_type().to_owned(),
                        data: event.data().to_owned(),
                        id: event.id().map(str::to_owned),
                        retry: event.retry(),
                    }
                }
                Ok(Item::Comment(text)) => NaiveItem::Comment(text.to_owned()),
                Ok(Item::Update { id, retry }) => NaiveItem::Update { id: id.map(str::to_owned), retry },
                Err(EventTooLarge { .. }) => NaiveItem::TooLarge,
            });
        }
    }
    NaiveStream {
        items,
        last_event_id: decoder.last_event_id().to_owned(),
        reconnection_time: decoder.reconnection_time(),
    }
}

/// Decodes `input` whole and byte by byte, which must agree with each other and with the naive decoder.
fn stream(input: impl AsRef<[u8]>) -> NaiveStream {
    let input = input.as_ref();
    let expected = naive::decode(input, usize::MAX);
    let whole = decode(&mut Decoder::new().comments(true).updates(true).max_event_size(usize::MAX), input, []);
    let bytewise =
        decode(&mut Decoder::new().comments(true).updates(true).max_event_size(usize::MAX), input, 0..input.len());
    assert_eq!(whole, expected, "whole: {:?}", String::from_utf8_lossy(input));
    assert_eq!(bytewise, expected, "byte by byte: {:?}", String::from_utf8_lossy(input));
    whole
}

/// The events of a stream as `type=data`.
fn events(input: impl AsRef<[u8]>) -> Vec<String> {
    let items = stream(input).items.into_iter();
    items
        .filter_map(|item| match item {
            NaiveItem::Event { event_type, data, .. } => Some(format!("{event_type}={data}")),
            _ => None,
        })
        .collect()
}

#[test]
fn an_event_has_the_last_event_id_after_it() {
    let input = b"data: a\n\nid: 1\ndata: b\n\ndata: c\n\nid: 2\n\ndata: d\n\nid: 3\0\ndata: e\n\nid\ndata: f\n\nid: \xC3\xA9\n\ndata: g\n\n";
    let expected = ["", "1", "1", "2", "2", "", "é"];
    for size in 1..=input.len() {
        let mut decoder = Decoder::new();
        let mut found = Vec::new();
        for chunk in input.chunks(size) {
            decoder.feed(chunk.to_vec());
            while let Some(item) = decoder.next_item() {
                let Ok(Item::Event(event)) = item else { panic!("{item:?}") };
                found.push(event.last_event_id().to_owned());
            }
        }
        assert_eq!(found, expected, "in chunks of {size}");
    }
}

#[test]
fn p1_malformed_utf_8_becomes_the_replacement_character() {
    assert_eq!(events(b"data: a\xFFb\n\n"), ["message=a\u{FFFD}b"]);
    assert_eq!(events(b"event: \xC3\ndata: \xE2\x82\n\n"), ["\u{FFFD}=\u{FFFD}"]);
    assert_eq!(events(b"data: \xF0\x9F\ndata: \x98\x80\n\n"), ["message=\u{FFFD}\n\u{FFFD}\u{FFFD}"]);
    assert_eq!(stream(b"id: \xFF\ndata\n\n").last_event_id, "\u{FFFD}");
    assert_eq!(stream(b": \xFF\n").items, [NaiveItem::Comment("\u{FFFD}".to_owned())]);
}

#[test]
fn p2_one_leading_byte_order_mark_is_removed() {
    assert_eq!(events(b"\xEF\xBB\xBFdata: a\n\n"), ["message=a"]);
    assert_eq!(events(b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n"), ["message=b"]);
    assert_eq!(events(b"\xEF\xBBdata: a\n\ndata: b\n\n"), ["message=b"]);
    assert_eq!(events(b"\xEF\n\ndata: b\n\n"), ["message=b"]);
}

#[test]
fn p2_a_byte_order_mark_is_removed_after_empty_chunks_and_on_the_next_connection() {
    let mut decoder = Decoder::new();
    for _ in 0..2 {
        let read = decode(&mut decoder, b"\xEF\xBB\xBFdata: a\n\n", [0, 0, 1, 1, 2, 2]);
        assert_eq!(read.items.len(), 1);
        decoder.restart();
    }
}

#[test]
fn p3_a_later_byte_order_mark_is_text() {
    assert_eq!(events("data: a\n\n\u{FEFF}data: b\n\ndata: \u{FEFF}c\n\n"), ["message=a", "message=\u{FEFF}c"]);
}

#[test]
fn p4_lines_end_in_crlf_lf_or_cr() {
    assert_eq!(events("data: a\r\ndata: b\ndata: c\rdata: d\r\n\r\n"), ["message=a\nb\nc\nd"]);
    assert_eq!(events("data: a\r\rdata: b\n\ndata: c\r\n\r\n"), ["message=a", "message=b", "message=c"]);
    assert_eq!(events("data: a\n\r"), ["message=a"]);
    assert_eq!(events("data: a\r\n\r"), ["message=a"]);
}

#[test]
fn p5_nothing_else_ends_a_line() {
    let data = "a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f\u{1c}g";
    assert_eq!(events(format!("data: {data}\n\n")), [format!("message={data}")]);
}

#[test]
fn p6_an_empty_line_dispatches() {
    assert_eq!(events("data: a\n\n\n\n\ndata: b\n\n"), ["message=a", "message=b"]);
}

#[test]
fn p7_a_line_that_begins_with_a_colon_is_a_comment() {
    let read = stream(":\n: a\n:b\ndata: c\n:data: d\n\n");
    let comments = read.items.iter().filter(|item| matches!(item, NaiveItem::Comment(_))).count();
    assert_eq!(comments, 4);
    assert!(read.items.contains(&NaiveItem::Comment("data: d".to_owned())));
    let silent = decode(&mut Decoder::new(), b": a\n\ndata: b\n\n", []);
    assert_eq!(silent.items.len(), 1, "comments are items only when asked for");
}

#[test]
fn p8_one_leading_space_of_the_value_is_removed() {
    assert_eq!(
        events("data:a\n\ndata: b\n\ndata:  c\n\ndata:\td\n\ndata: e \n\n"),
        ["message=a", "message=b", "message= c", "message=\td", "message=e "]
    );
    assert_eq!(events("data: a: b:c\n\n"), ["message=a: b:c"]);
}

#[test]
fn p9_a_line_without_a_colon_is_a_name_with_an_empty_value() {
    assert_eq!(events("data\n\ndata\ndata\n\n"), ["message=", "message=\n"]);
    assert_eq!(events("event: a\nevent\ndata\n\n"), ["message="]);
    assert_eq!(stream("id: 1\n\nid\n\n").last_event_id, "");
    assert_eq!(stream("retry: 5\nretry\n").reconnection_time, Some(Duration::from_millis(5)));
}

#[test]
fn p10_names_are_compared_literally() {
    let bogus = "Data: a\nDATA: b\n data: c\ndata : d\ndat: e\ndatax: f\ndata\0: g\nevents: h\nids: i\nretryy: 1\nx\n";
    assert_eq!(events(format!("{bogus}data: z\n\n")), ["message=z"]);
    assert_eq!(stream(bogus).reconnection_time, None);
}

#[test]
fn p11_the_last_event_field_sets_the_event_type_and_an_empty_one_clears_it() {
    assert_eq!(events("event: a\nevent: b\ndata\n\n"), ["b="]);
    assert_eq!(events("event: a\nevent:\ndata\n\n"), ["message="]);
    assert_eq!(events("event: a\n\ndata: b\n\n"), ["message=b"], "a type does not outlive its block");
}

#[test]
fn p12_data_lines_are_joined_by_lf() {
    assert_eq!(events("data: a\nevent: e\ndata:\ndata: b\n\n"), ["e=a\n\nb"]);
}

#[test]
fn p13_an_id_with_nul_is_ignored_and_nul_elsewhere_is_kept() {
    assert_eq!(stream("id: 1\nid: 2\0\ndata\n\n").last_event_id, "1");
    assert_eq!(stream("id: 1\n\nid: \0\ndata\n\n").last_event_id, "1");
    assert_eq!(events("event: a\0\ndata: b\0c\n\n"), ["a\0=b\0c"]);
}

#[test]
fn p14_retry_takes_ascii_digits_at_once() {
    let time = |input: &str| stream(input).reconnection_time.map(|time| time.as_millis());
    assert_eq!(time("retry: 1000\n"), Some(1000), "in a block without data, before its end");
    assert_eq!(time("retry:007\n"), Some(7));
    for bogus in ["+5", "-5", "1000x", "", "1.5", " 5", "5 ", "٣", "0x1", "1e3"] {
        assert_eq!(time(&format!("retry: 3\nretry: {bogus}\n\n")), Some(3), "{bogus:?}");
    }
    assert_eq!(time("retry: 3"), None, "the line is not over");
}

#[test]
fn p15_an_enormous_retry_saturates() {
    let digits = "9".repeat(400);
    assert_eq!(stream(format!("retry: {digits}\n")).reconnection_time, Some(Duration::from_millis(u64::MAX)));
    assert_eq!(
        stream(format!("retry: {}5\n", "0".repeat(400))).reconnection_time,
        Some(Duration::from_millis(5)),
        "leading zeros are fine"
    );
}

#[test]
fn p16_a_block_without_data_sets_the_last_event_id() {
    let read = stream("id: 1\ndata: a\n\nid: 2\n\n");
    assert_eq!((read.items.len(), &*read.last_event_id), (2, "2"));
    assert_eq!(stream("id: 1\n\nevent: x\n\n").last_event_id, "1");
}

#[test]
fn p16_the_state_is_current_after_each_item() {
    let mut decoder = Decoder::new();
    decoder.feed("id: 1\ndata: a\n\nid: 2\nretry: 7\n\ndata: b\n\n");
    assert!(decoder.next_item().is_some());
    assert_eq!((decoder.last_event_id(), decoder.reconnection_time()), ("1", None));
    let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("an event") };
    assert_eq!(event.id(), None, "its own block has none");
    assert_eq!((decoder.last_event_id(), decoder.reconnection_time()), ("2", Some(Duration::from_millis(7))));
}

#[test]
fn p17_an_id_counts_only_at_the_empty_line() {
    assert_eq!(stream("id: 1\n\nid: 2\ndata: a\n").last_event_id, "1");
}

#[test]
fn p18_an_empty_data_line_is_an_event_and_no_data_line_is_none() {
    assert_eq!(events("data:\n\nevent: a\n\n\nid: 3\n\n"), ["message="]);
}

#[test]
fn p19_the_end_discards_an_unfinished_block() {
    assert_eq!(events("data: a\n\ndata: b\n"), ["message=a"]);
    let mut decoder = Decoder::new();
    decode(&mut decoder, b"id: 1\n\nid: 2\nevent: x\ndata: lost\ndata: los", []);
    decoder.restart();
    let read = decode(&mut decoder, b"t\n\ndata: b\n\n", []);
    assert_eq!(
        read.items,
        [NaiveItem::Event { event_type: "message".to_owned(), data: "b".to_owned(), id: None, retry: None }]
    );
    assert_eq!(read.last_event_id, "1");
}

#[test]
fn p19_the_next_connection_starts_anew_after_half_a_line_end_or_byte_order_mark() {
    for cut in ["data: a\r\r", "\u{FEFF}"] {
        let mut decoder = Decoder::new();
        decode(&mut decoder, cut.as_bytes(), []);
        decoder.restart();
        let read = decode(&mut decoder, "\ndata: b\n\n".as_bytes(), []);
        assert_eq!(read.items.len(), 1);
    }
    let mut decoder = Decoder::new();
    decoder.feed("data: a\r");
    assert_eq!(decoder.next_item(), None);
    decoder.restart();
    // An LF right after the CR would belong to it. At the start of the next connection it is an empty line.
    decoder.feed("data: b\n");
    assert_eq!(decoder.next_item(), None);
    decoder.feed("\n");
    assert!(matches!(decoder.next_item(), Some(Ok(Item::Event(event))) if event.data() == "b"));
}

#[test]
fn p20_a_bare_cr_is_not_held_back() {
    let mut decoder = Decoder::new();
    decoder.feed("data: a\r\r");
    assert!(matches!(decoder.next_item(), Some(Ok(Item::Event(event))) if event.data() == "a"));
    assert_eq!(decoder.next_item(), None);
    decoder.feed("\ndata: b\r");
    assert_eq!(decoder.next_item(), None, "the LF belonged to the CR before");
    decoder.feed("\n\r");
    assert!(matches!(decoder.next_item(), Some(Ok(Item::Event(event))) if event.data() == "b"));
}

#[test]
fn p21_the_last_event_id_is_kept_on_the_next_connection() {
    let mut decoder = Decoder::new().with_last_event_id("0");
    assert_eq!(decoder.last_event_id(), "0");
    decode(&mut decoder, b"id: 9\ndata\n\n", []);
    decoder.restart();
    let read = decode(&mut decoder, b"data: no id here\n\n", []);
    assert_eq!(read.last_event_id, "9");
}

#[test]
fn p22_a_retry_belongs_to_its_block() {
    let read = stream("retry: 5\n\nretry: 6\ndata: a\n\ndata: b\n\n");
    let retries: Vec<_> = read
        .items
        .iter()
        .map(|item| match item {
            NaiveItem::Event { retry, .. } | NaiveItem::Update { retry, .. } => retry.map(|time| time.as_millis()),
            _ => None,
        })
        .collect();
    assert_eq!(retries, [Some(5), Some(6), None]);
}

#[test]
fn an_oversized_event_is_one_error_and_the_next_event_is_read() {
    let input =
        format!("id: 1\ndata: {}\ndata: {}\n: c\nretry: 4\n\nid: 2\ndata: b\n\n", "x".repeat(9), "y".repeat(20));
    for cuts in [vec![], (0..input.len()).collect::<Vec<_>>(), vec![20, 25], vec![17]] {
        let mut decoder = Decoder::new().max_event_size(16);
        let read = decode(&mut decoder, input.as_bytes(), cuts.clone());
        assert_eq!(read.items.len(), 2, "{cuts:?}: {read:?}");
        assert_eq!(read.items[0], NaiveItem::TooLarge);
        assert_eq!(read.last_event_id, "2");
        assert_eq!(read.reconnection_time, Some(Duration::from_millis(4)));
    }
    let error = Decoder::new().max_event_size(16).next_error("data: 0123456789abcdef\n\n");
    assert_eq!(error.limit(), 16);
    assert_eq!(error.to_string(), "an event is larger than the limit of 16 bytes (max_event_size), and was skipped");
}

#[test]
fn an_event_of_just_the_limit_is_read() {
    let mut decoder = Decoder::new().max_event_size(4);
    assert_eq!(decode(&mut decoder, b"data: abc\n\n", []).items.len(), 1);
    assert_eq!(decode(&mut decoder, b"data: abcd\n\n", []).items, [NaiveItem::TooLarge]);
}

#[test]
fn the_limit_measures_decoded_text() {
    let mut decoder = Decoder::new().max_event_size(7);
    assert_eq!(decode(&mut decoder, b"data: \xFF\xFF\n\n", []).items.len(), 1);
    assert_eq!(decode(&mut decoder, b"data: \xFF\xFF\xFF\n\n", []).items, [NaiveItem::TooLarge]);
}

#[test]
fn the_limit_bounds_memory_for_every_kind_of_endless_input() {
    let limit = 1 << 20;
    for endless in ["data: ", "event: ", "id: ", ": ", "retry: ", "unknown", "data", ""] {
        let mut decoder = Decoder::new().comments(true).updates(true).max_event_size(limit);
        decoder.feed(endless);
        while decoder.next_item().is_some() {}
        let chunk = Bytes::from(vec![b'7'; 64 << 10]);
        for _ in 0..64 {
            decoder.feed(chunk.clone());
            while decoder.next_item().is_some() {}
            let capacity = decoder.line_text.capacity() + decoder.block.capacity();
            assert!(capacity <= 2 * limit + 4 * MAX_IDLE_CAPACITY, "{endless:?} holds {capacity} bytes");
        }
    }
}

#[test]
fn the_buffers_of_a_large_event_are_freed() {
    let mut decoder = Decoder::new();
    let input = format!("data: {}\n\ndata: b\n\n", "x".repeat(4 << 20));
    decode(&mut decoder, input.as_bytes(), (0..input.len()).step_by(16 << 10));
    decoder.feed("");
    assert_eq!(decoder.next_item(), None);
    assert!(decoder.block.capacity() <= 4 * MAX_IDLE_CAPACITY);
}

#[test]
fn the_buffers_of_a_large_line_of_any_kind_are_freed() {
    for large in ["data: ", "event: ", "id: ", ": "] {
        for rest in ["id: 1\ndata: b\n\n", "id\n\n"] {
            let mut decoder = Decoder::new().comments(true);
            let input = format!("{large}{}\ndata: a\n\n{rest}", "x".repeat(4 << 20));
            decode(&mut decoder, input.as_bytes(), (0..input.len()).step_by(16 << 10));
            let capacity = decoder.line_text.capacity() + decoder.block.capacity() + decoder.last_event_id.capacity();
            assert!(capacity <= 4 * MAX_IDLE_CAPACITY, "{large:?} holds {capacity} bytes after {rest:?}");
        }
    }
    let mut decoder = Decoder::new();
    decode(&mut decoder, format!("id: {}", "x".repeat(4 << 20)).as_bytes(), (0..4 << 20).step_by(16 << 10));
    decoder.restart();
    assert!(decoder.line_text.capacity() <= MAX_IDLE_CAPACITY, "after a broken connection");
}

#[test]
fn feeding_before_the_chunk_is_used_up_loses_nothing() {
    let mut decoder = Decoder::new();
    decoder.feed("data: a\n\ndata: b\n\nda");
    assert!(decoder.next_item().is_some());
    decoder.feed("ta: c\n\n");
    decoder.feed("");
    decoder.feed("data: d\n\n");
    let mut data = String::new();
    while let Some(Ok(Item::Event(event))) = decoder.next_item() {
        data.push_str(event.data());
    }
    assert_eq!(data, "bcd");
}

impl Decoder {
    fn next_error(mut self, input: &'static str) -> EventTooLarge {
        self.feed(input);
        loop {
            if let Err(error) = self.next_item().expect("an error") {
                return error;
            }
        }
    }
}

/// Text of tokens that matter to a parser of event streams.
pub(super) fn wire_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "data", "event", "id", "retry", "data: ", "event: ", "id: ", "retry: ", "data:", ": ", ":", " ", "message",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        4 => prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec!["\u{FEFF}", "\u{2028}", "\0", "é", "🦀", "12", "0"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => "[ -~]{0,12}".prop_map(String::into_bytes),
        // Line ends are searched in blocks of 64 bytes.
        1 => "[a-z]{50,150}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_split_of_every_input_decodes_as_the_naive_decoder_does(
        input in wire_text(),
        mut cuts in prop::collection::vec(0_usize..400, 0..12),
        limit in prop_oneof![3 => Just(usize::MAX), 1 => 0_usize..40],
    ) {
        cuts.sort_unstable();
        let expected = naive::decode(&input, limit);
        let decoder = || Decoder::new().comments(true).updates(true).max_event_size(limit);
        prop_assert_eq!(&decode(&mut decoder(), &input, []), &expected);
        prop_assert_eq!(&decode(&mut decoder(), &input, cuts), &expected);
        prop_assert_eq!(&decode(&mut decoder(), &input, 0..input.len()), &expected);
    }

    #[test]
    fn split_anywhere_invalid_utf_8_decodes_alike(
        input in prop::collection::vec(
            prop::sample::select(vec![b'd', b'a', b't', b':', b' ', b'\n', b'\r', 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0xFF]),
            0..60,
        ),
        mut cuts in prop::collection::vec(0_usize..60, 0..12),
    ) {
        cuts.sort_unstable();
        let mut input = input;
        input.splice(0..0, *b"data: ");
        let expected = naive::decode(&input, usize::MAX);
        let decoder = || Decoder::new().comments(true).updates(true).max_event_size(usize::MAX);
        prop_assert_eq!(&decode(&mut decoder(), &input, []), &expected);
        prop_assert_eq!(&decode(&mut decoder(), &input, cuts), &expected);
        prop_assert_eq!(&decode(&mut decoder(), &input, 0..input.len()), &expected);
    }
}
