//! Times groups in turns, and prints what one event, or delivery, takes: `time`, group, its title, kind of contender,
//! contender, nanoseconds.
//!
//! `cargo run --release --bin times [-- PREFIX ..]`: only groups whose id begins so.

use benches::{chosen, turns};

fn main() {
    for mut group in chosen() {
        let times = turns::measure(&mut group);
        if times.scatter > turns::SCATTER {
            eprintln!("{}: times scatter by {:.0} %: others use this machine, too", group.id, times.scatter * 100.0);
        }
        for (contender, time) in group.contenders.iter().zip(times.nanoseconds) {
            println!("time\t{}\t{}\t{:?}\t{}\t{time:.1}", group.id, group.title, contender.kind, contender.name);
        }
    }
}
