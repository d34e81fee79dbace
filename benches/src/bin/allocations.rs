//! Counts what contenders allocate: `allocations`, group, contender, allocations for each event, and the peak in bytes; and what is held
//! for each idle subscription: `idle`, contender, bytes on the heap, and bytes of its own.
//!
//! `cargo run --release --bin allocations [-- PREFIX ..]`: only groups whose id begins so.

use std::{alloc::System, io};

use benches::{
    chosen,
    idle::{IDLE, Waiting},
    is_chosen,
};
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// One counts, the other remembers the peak. What is reallocated is counted, and at its peak has its new size alone.
#[global_allocator]
static ALLOCATOR: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

fn main() -> io::Result<()> {
    for mut group in chosen() {
        for contender in &mut group.contenders {
            contender.run();
            ALLOCATOR.reset_peak_memory();
            let region = Region::new(&INSTRUMENTED_SYSTEM);
            let tally = contender.run();
            let change = region.change();
            let peak = ALLOCATOR.get_peak_memory();
            let each = (change.allocations + change.reallocations) as f64 / tally.events as f64;
            println!("allocations\t{}\t{}\t{each:.2}\t{peak}", group.id, contender.name);
        }
    }
    if is_chosen("idle") { idle() } else { Ok(()) }
}

fn idle() -> io::Result<()> {
    const COUNT: usize = 10_000;
    // Keep-alives are timers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let _guard = runtime.enter();
    for idle in IDLE {
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let Waiting { held, own } = (idle.wait)(COUNT);
        let change = region.change();
        // What grew in its place is in the first of them, and in `bytes_reallocated` once more.
        let bytes = change.bytes_allocated as isize - change.bytes_deallocated as isize;
        drop(held);
        // What is a subscription's own lies on the heap here, too, in a list or a box.
        println!("idle\t{}\t{}\t{own}", idle.name, bytes / COUNT as isize - own as isize);
    }
    Ok(())
}
