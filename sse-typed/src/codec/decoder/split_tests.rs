//! Every way of splitting a short input into chunks. Random splits seldom split where it matters.

use super::{Decoder, EventTooLarge, naive, tests::decode};

/// Decodes `head`, in chunks of three bytes, and then `tail`, split in every way.
fn split_in_every_way(head: &str, tail: &str, limit: usize) {
    let input = format!("{head}{tail}");
    let expected = naive::decode(input.as_bytes(), limit);
    for splits in 0..1_u32 << tail.len() {
        let in_tail = (0..tail.len()).filter(|at| splits & (1 << at) != 0).map(|at| head.len() + at);
        let cuts: Vec<_> = (0..head.len()).step_by(3).chain(in_tail).collect();
        let mut decoder = Decoder::new().comments(true).updates(true).max_event_size(limit);
        assert_eq!(decode(&mut decoder, input.as_bytes(), cuts.clone()), expected, "{input:?} at {cuts:?}");
    }
}

#[test]
fn a_line_end_split_in_any_way_ends_one_line() {
    for tail in ["\rdata\n\n", "\r\ndata\r\n\r\n", "\r\rdata:c\r\n\r\n", "\n\rdata\n\r"] {
        split_in_every_way("event: ab", tail, usize::MAX);
        split_in_every_way("id: 1\ndata: abc", tail, usize::MAX);
    }
}

#[test]
fn a_field_split_in_any_way_is_the_same_field() {
    for tail in ["event: é\n\n", "data:a\ndata\n\n", "retry: 10\n\n", "retryd:9\n\n", ": note\n\n", "idata: a\n\n"] {
        split_in_every_way("id: 1\ndata: abc\n", tail, usize::MAX);
    }
}

#[test]
fn the_limit_is_the_same_for_values_split_in_any_way() {
    for (head, tail) in [("data: a", "bcdef\n\n"), ("event: a", "bcd\ndata\n\n"), ("id: 1", "23\ndata:4\n\n")] {
        for limit in 0..8 {
            split_in_every_way(head, tail, limit);
        }
    }
    for limit in [3, 5] {
        split_in_every_way(": a", "bcd\n: efghi\n", limit);
        split_in_every_way("data: a", "bcd\ndata: e\n\n", limit);
    }
}

#[test]
fn the_rest_of_an_event_that_is_too_large_is_not_stored() {
    for (first, second) in [("data: a", "b\n"), ("data:ab", "c\n"), ("event:a", "b\n"), ("id:abcd", "e\n")] {
        let mut decoder = Decoder::new().max_event_size(4);
        decoder.feed("data: abcdefgh\n");
        let mut errors = 0;
        for _ in 0..2_000 {
            for chunk in [first, second] {
                decoder.feed(chunk);
                while let Some(item) = decoder.next_item() {
                    assert_eq!(item, Err(EventTooLarge { limit: 4 }));
                    errors += 1;
                }
            }
        }
        let capacity = decoder.line_text.capacity() + decoder.block.capacity();
        assert!(errors == 1 && capacity < 1_000, "{first:?}: {errors} errors, {capacity} bytes");
    }
}
