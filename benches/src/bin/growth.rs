//! How cost grows with events, their size, chunks, subscribers, topics and history. Prints `growth`, table, size, contender,
//! nanoseconds.
//!
//! `cargo run --release --bin growth [-- TABLE ..]`

use std::env;

use benches::growth::TABLES;

fn main() {
    let chosen: Vec<String> = env::args().skip(1).collect();
    for table in TABLES.iter().filter(|table| chosen.is_empty() || chosen.iter().any(|id| id == table.id)) {
        for (size, times) in (table.lines)() {
            for (contender, time) in times {
                println!("growth\t{}\t{size}\t{contender}\t{time:.1}", table.id);
            }
        }
    }
}
