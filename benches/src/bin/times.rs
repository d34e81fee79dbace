//! Times groups, and prints the time of one event, or delivery: `time`, group, its title, kind of contender, contender,
//! nanoseconds.
//!
//! `cargo run --release --bin times [-- PREFIX ..]`: only groups whose id starts with a prefix.

use benches::{groups::chosen, timing};

fn main() {
    for mut group in chosen() {
        let times = timing::measure(&mut group);
        if times.scatter > timing::MAX_SCATTER {
            eprintln!("{}: times scatter by {:.0} %: other programs use this machine", group.id, times.scatter * 100.0);
        }
        for (contender, time) in group.contenders.iter().zip(times.nanoseconds) {
            println!("time\t{}\t{}\t{:?}\t{}\t{time:.1}", group.id, group.title, contender.kind, contender.name);
        }
    }
}
