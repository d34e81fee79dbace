//! Ends of streams that leave an event unfinished.

use proptest::prelude::*;

use super::{
    Decoder, EventTooLarge, Item,
    naive::{self, NaiveStream},
    tests::{decode, wire_text},
};

/// Decodes an input in chunks of `size`, and ends it leniently.
fn decode_leniently(input: &[u8], size: usize) -> (NaiveStream, bool) {
    let mut decoder = Decoder::new().comments(true).updates(true).max_event_size(usize::MAX);
    let mut read = decode(&mut decoder, input, (0..input.len()).step_by(size));
    let is_unfinished = decoder.unfinished().is_some();
    decoder.finish();
    let rest = decode(&mut decoder, b"", []);
    assert_eq!(decoder.unfinished(), None, "it was returned already");
    read.items.extend(rest.items);
    (NaiveStream { items: read.items, ..rest }, is_unfinished)
}

/// The events of a stream in all chunk sizes, as `type=data`, and the last event ID after them.
fn lenient_events(input: &str) -> (Vec<String>, String) {
    let mut found = None;
    for size in 1..=input.len() {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        let mut take = |decoder: &mut Decoder| {
            while let Some(item) = decoder.next_item() {
                let Ok(Item::Event(event)) = item else { panic!("{item:?}") };
                events.push(format!("{}={}", event.event_type(), event.data()));
            }
        };
        for chunk in input.as_bytes().chunks(size) {
            decoder.feed(chunk.to_vec());
            take(&mut decoder);
        }
        decoder.finish();
        take(&mut decoder);
        let now = (events, decoder.last_event_id().to_owned());
        assert_eq!(*found.get_or_insert_with(|| now.clone()), now, "{input:?} in chunks of {size}");
    }
    found.unwrap_or_default()
}

#[test]
fn a_lenient_end_yields_an_event_without_its_empty_line() {
    for end in ["", "\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\r\r"] {
        for (block, expected) in [
            ("data: [DONE]", "message=[DONE]"),
            ("event: complete", "complete="),
            ("event: complete\ndata", "complete="),
            ("id: 7\nevent: tick\ndata: a\ndata: é", "tick=a\né"),
        ] {
            if block == "event: complete" && end.len() > 1 && end != "\r\n" {
                continue; // This block is finished and is not an event, as in the standard.
            }
            let (events, _) = lenient_events(&format!("data: before\n\n{block}{end}"));
            assert_eq!(events, ["message=before", expected], "{block:?} {end:?}");
        }
    }
    assert_eq!(lenient_events("event: complete\n\n").0, [""; 0]);
}

#[test]
fn a_lenient_end_ignores_the_id_of_a_block_without_an_event() {
    // The data of event 2 is missing.
    assert_eq!(lenient_events("id: 1\ndata: a\n\nid: 2\n"), (vec!["message=a".into()], "1".into()));
    for block in ["id: 2\nretry: 5\n", "id: 2\nevent:\n", "id: 2\nevent", "id: 2\n: comment\n", "id: 2\nid"] {
        assert_eq!(lenient_events(&format!("id: 1\ndata: a\n\n{block}")).1, "1", "{block:?}");
    }
    let mut decoder = Decoder::new().updates(true);
    decoder.feed("id: 2\nretry: 5\n");
    decoder.finish();
    assert_eq!(decoder.next_item(), None);
    assert_eq!(decoder.unfinished(), None);
    // A finished block changes it.
    assert_eq!(lenient_events("id: 1\ndata: a\n\nid: 2\n\n").1, "2");
}

#[test]
fn an_unfinished_id_is_ignored() {
    assert_eq!(
        lenient_events("id: 1\ndata: a\n\ndata: b\nid: 12"),
        (vec!["message=a".into(), "message=b".into()], "1".into())
    );
    assert_eq!(
        lenient_events("id: 1\ndata: a\n\ndata: b\nid: 12\n"),
        (vec!["message=a".into(), "message=b".into()], "12".into())
    );
    assert_eq!(lenient_events("id: 1234567").1, "");
    let mut decoder = Decoder::new();
    for input in ["data: a\nretry: 10", "data: a\nretry: 1000000"] {
        decoder.feed(input);
        assert!(decoder.next_item().is_none());
        decoder.finish();
        assert!(
            matches!(decoder.next_item(), Some(Ok(Item::Event(event))) if event.data() == "a" && event.retry().is_none())
        );
        assert_eq!(decoder.next_item(), None);
        assert_eq!(decoder.reconnection_time(), None);
    }
}

#[test]
fn the_end_says_which_event_is_unfinished() {
    let cases = [
        ("", None),
        ("data: a\n\n", None),
        ("data: a\n\n: comment", None),
        ("id: 7\n", None),
        ("nonsense", None),
        ("data: [DONE]\n", Some("event `message` of 7 bytes")),
        ("data: [DONE]", Some("event `message` of 6 bytes")),
        ("data", Some("event `message` of 0 bytes")),
        ("event: complete\n", Some("event `complete` of 8 bytes")),
        ("event: complete\n\n", None),
        ("event: comp", Some("event `comp` of 4 bytes")),
        ("event: a", Some("event `a` of 1 bytes")),
        ("id: 7\nevent: a\ndata: bc\nid: 89", Some("event `a` of 7 bytes")),
    ];
    for (input, expected) in cases {
        for size in 1..=input.len().max(1) {
            let mut decoder = Decoder::new();
            decode(&mut decoder, input.as_bytes(), (0..input.len()).step_by(size));
            let unfinished = decoder.unfinished().map(|unfinished| unfinished.to_string());
            assert_eq!(unfinished.as_deref(), expected, "{input:?} in chunks of {size}");
            decoder.restart();
            assert_eq!(decoder.unfinished(), None);
        }
    }
}

#[test]
fn an_unfinished_event_over_the_limit_is_one_error_and_not_an_event() {
    for input in ["data: aaaaaaaaaa\ndata: b", "data: aaaa", "event: abcde"] {
        let mut decoder = Decoder::new().max_event_size(4);
        decoder.feed(input);
        let mut errors = 0;
        for _ in 0..2 {
            while let Some(item) = decoder.next_item() {
                assert_eq!(item, Err(EventTooLarge { limit: 4 }));
                errors += 1;
            }
            decoder.finish();
        }
        assert_eq!((errors, decoder.unfinished()), (1, None), "{input:?}");
    }
}

#[test]
fn an_unfinished_event_has_its_event_type_and_the_size_of_its_received_part() {
    for (input, event_type, bytes) in [("event: tick\ndata: a\ndata: bc", "tick", 8), ("data: [DONE]\n", "message", 7)]
    {
        let mut decoder = Decoder::new();
        decoder.feed(input);
        assert_eq!(decoder.next_item(), None);
        let unfinished = decoder.unfinished().unwrap();
        assert_eq!((unfinished.event_type(), unfinished.bytes()), (event_type, bytes), "{input:?}");
    }
}

#[test]
fn neither_an_event_that_was_returned_nor_one_that_is_too_large_is_unfinished() {
    let mut decoder = Decoder::new().max_event_size(4);
    decoder.feed("data: a\n\n");
    assert!(matches!(decoder.next_item(), Some(Ok(Item::Event(_)))));
    assert_eq!(decoder.unfinished(), None);
    decoder.feed("data: aaaaaaaa\nevent: b");
    assert_eq!(decoder.next_item(), Some(Err(EventTooLarge { limit: 4 })));
    assert_eq!(decoder.next_item(), None);
    assert_eq!(decoder.unfinished(), None);
}

#[test]
fn a_lenient_end_does_not_apply_to_the_next_connection() {
    let mut decoder = Decoder::new();
    decoder.feed("data: a");
    decoder.finish();
    decoder.restart();
    decoder.feed("data: b\n");
    assert_eq!(decoder.next_item(), None);
    assert!(decoder.unfinished().is_some());
}

#[test]
fn the_next_connection_does_not_continue_a_character_of_the_last() {
    let mut decoder = Decoder::new();
    decoder.feed(&b"data: \xC3"[..]);
    assert_eq!(decoder.next_item(), None);
    decoder.restart();
    decoder.feed("data: a\n\n");
    assert!(matches!(decoder.next_item(), Some(Ok(Item::Event(event))) if event.data() == "a"));
}

#[test]
fn lines_without_a_field_are_counted_and_the_first_are_kept() {
    let long = "é".repeat(200);
    let cases = [
        ("null".to_owned(), 1, "1 line without a field: `null`"),
        ("{\"a\":\n  \"\u{7}b\"}\n".to_owned(), 2, "2 lines without a field: `{\\\"a\\\":\\n  \\\"\\u{7}b\\\"}`"),
        (format!("x{long}\n<p>\n"), 2, ""),
    ];
    for (input, count, shown) in cases {
        for size in 1..=input.len() {
            let mut decoder = Decoder::new();
            decode(&mut decoder, input.as_bytes(), (0..input.len()).step_by(size));
            let ignored = decoder.ignored_lines().unwrap();
            assert_eq!(ignored.count(), count, "{input:?}");
            if shown.is_empty() {
                assert_eq!(ignored.text(), format!("x{}", "é".repeat(127)), "cut at a character");
                assert!(ignored.to_string().ends_with("é`.."));
            } else {
                assert_eq!(ignored.to_string(), shown);
            }
            decoder.restart();
            assert_eq!(decoder.ignored_lines(), None);
        }
    }
    let mut decoder = Decoder::new();
    decode(&mut decoder, b"data: a\n: comment\nretry: x\n\n\nid\nevent", []);
    assert_eq!(decoder.ignored_lines(), None);
}

proptest! {
    #[test]
    fn split_anywhere_the_ignored_lines_are_the_same(input in wire_text(), size in 1_usize..20) {
        let mut decoder = Decoder::new();
        decode(&mut decoder, &input, (0..input.len()).step_by(size));
        let expected = naive::ignored_lines(&input);
        let found = decoder.ignored_lines().unwrap_or_default();
        prop_assert_eq!(found.count(), expected.len() as u64);
        let mut text = expected.join("\n");
        while text.len() > 256 {
            text.pop();
        }
        prop_assert_eq!(found.text(), text);
    }

    #[test]
    fn a_lenient_end_equals_completing_the_input(input in wire_text(), size in 1_usize..20) {
        let (read, is_unfinished) = decode_leniently(&input, size);
        let expected = naive::decode(&naive::ended_leniently(&input), usize::MAX);
        prop_assert_eq!(&read, &expected);
        let strict = naive::decode(&input, usize::MAX).items.len();
        prop_assert!(is_unfinished || read.items.len() <= strict + 1, "an event that was not announced");
    }
}
