//! Counts what contenders allocate: group, contender, allocations for each event, and the peak in bytes.
//!
//! `cargo run --release --bin allocations [-- PREFIX ..]`: only groups whose id begins so.

use std::alloc::System;

use benches::chosen;
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// One counts, the other remembers the peak. What is reallocated is counted, and at its peak has its new size alone.
#[global_allocator]
static ALLOCATOR: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

fn main() {
    for mut group in chosen() {
        for contender in &mut group.contenders {
            contender.run();
            ALLOCATOR.reset_peak_memory();
            let region = Region::new(&INSTRUMENTED_SYSTEM);
            let tally = contender.run();
            let change = region.change();
            let peak = ALLOCATOR.get_peak_memory();
            let each = (change.allocations + change.reallocations) as f64 / tally.events as f64;
            println!("{}\t{}\t{each:.2}\t{peak}", group.id, contender.name);
        }
    }
}
