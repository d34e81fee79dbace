//! Runs one contender of one group, for a profiler. It warms up first, and prints the number of events of the counted run:
//!
//! ```text
//! cargo build --release --bin profile
//! valgrind --tool=callgrind --toggle-collect='*sse_typed_profiled_run*' target/release/profile encode/60 sse-typed
//! callgrind_annotate --inclusive=yes callgrind.out.*
//! ```

use std::io;

use benches::{contender::Contender, groups::GROUPS};

/// How often the contender runs before it is counted.
const WARM_UPS: usize = 5;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(id), Some(name)) = (args.next(), args.next()) else {
        return Err(io::Error::other("usage: profile GROUP CONTENDER, where CONTENDER begins the name of one"));
    };
    let mut group = GROUPS
        .into_iter()
        .find(|(group, _)| *group == id)
        .map(|(_, group)| group())
        .ok_or_else(|| io::Error::other(format!("there is no group {id}")))?;
    let contender = group
        .contenders
        .iter_mut()
        .find(|contender| contender.name.starts_with(&name))
        .ok_or_else(|| io::Error::other(format!("{id} has no contender {name}")))?;
    for _ in 0..WARM_UPS {
        contender.run();
    }
    println!("{} events", sse_typed_profiled_run(contender));
    Ok(())
}

/// Valgrind counts only inside the function of this name.
#[inline(never)]
fn sse_typed_profiled_run(contender: &mut Contender) -> u64 {
    contender.run().events
}
