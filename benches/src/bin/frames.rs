//! How an encoder hands out a small frame: the ways that were considered, beside writing the same bytes into a vector that is
//! reused. `profiles/encode.md` quotes the times.
//!
//! `cargo run --release --bin frames`

use std::{hint::black_box, mem};

use benches::{
    contender::{
        Contender, Group,
        Kind::{Limit, Ours, Peer},
        Tally,
    },
    timing,
};
use bytes::{Bytes, BytesMut};

const FRAMES: u64 = 10_000;

/// The size of the first buffer of an encoder.
const CAPACITY: usize = 128;

/// The appends of an event, about as JSON is written.
const APPENDS: [&[u8]; 12] = [
    b"event: trade\n",
    b"data: ",
    b"{",
    b"\"symbol\":",
    b"\"KIWI\"",
    b",\"cents\":",
    b"10007",
    b",\"size\":",
    b"1007",
    b",\"at\":",
    b"17000000007",
    b"}\n\n",
];

fn main() {
    let bytes = APPENDS.iter().map(|append| append.len() as u64).sum::<u64>() * FRAMES;
    let tally = Tally { events: FRAMES, bytes };
    let title = "frames of 81 B";
    let contenders = vec![
        Contender::new("a copy in a boxed slice", Ours, || {
            let mut out = Vec::with_capacity(CAPACITY);
            run(|| {
                out.clear();
                write(&mut out);
                Bytes::from(Box::<[u8]>::from(out.as_slice()))
            })
        }),
        Contender::new("a part of a BytesMut that is reused", Peer, || {
            let mut out = BytesMut::with_capacity(CAPACITY);
            run(|| {
                out.reserve(CAPACITY);
                black_box(APPENDS).iter().for_each(|append| out.extend_from_slice(append));
                out.split().freeze()
            })
        }),
        Contender::new("the vector itself", Peer, || {
            let mut out = Vec::with_capacity(CAPACITY);
            run(|| {
                write(&mut out);
                Bytes::from(mem::replace(&mut out, Vec::with_capacity(CAPACITY)))
            })
        }),
        Contender::new("no frame: a vector that is reused", Limit, || {
            let (mut out, mut tally) = (Vec::with_capacity(CAPACITY), Tally::default());
            for _ in 0..FRAMES {
                out.clear();
                write(&mut out);
                tally.add(black_box(&out).len());
            }
            tally
        }),
    ];
    let mut group = Group::new("frames", title, tally, contenders);
    let times = timing::measure(&mut group);
    for (contender, time) in group.contenders.iter().zip(times.nanoseconds) {
        println!("{:<36} {time:>5.1} ns", contender.name);
    }
}

fn write(out: &mut Vec<u8>) {
    black_box(APPENDS).iter().for_each(|append| out.extend_from_slice(append));
}

/// Makes frames, each of which is dropped before the next one is made.
fn run(mut frame: impl FnMut() -> Bytes) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..FRAMES {
        tally.add(black_box(frame()).len());
    }
    tally
}
