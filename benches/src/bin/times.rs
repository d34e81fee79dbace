//! Times groups in turns, and prints what one event, or delivery, takes: group, contender, nanoseconds.
//!
//! `cargo run --release --bin times [-- PREFIX ..]`: only groups whose id begins so.

use benches::{chosen, turns};

fn main() {
    for mut group in chosen() {
        let times = turns::nanoseconds(&mut group);
        for (contender, time) in group.contenders.iter().zip(times) {
            println!("{}\t{}\t{time:.1}", group.id, contender.name);
        }
    }
}
