//! Counts allocations. Prints `allocations`, group, contender, allocations per event, and the peak in bytes; and `idle`, contender,
//! bytes on the heap per idle subscription, and the size of the subscription itself.
//!
//! `cargo run --release --bin allocations [-- PREFIX ..]`: only groups whose id starts with a prefix.

use std::{alloc::System, io};

use benches::{
    groups::{chosen, is_chosen},
    idle::{CONTENDERS, IdleSubscriptions},
};
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// One counts, the other records the peak. A reallocation counts, and only its new size is in the peak.
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
    for contender in CONTENDERS {
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let IdleSubscriptions { held, own } = (contender.subscribe)(COUNT);
        let change = region.change();
        // `bytes_reallocated` is not added: memory that grew in place is already in `bytes_allocated`.
        let bytes = change.bytes_allocated as isize - change.bytes_deallocated as isize;
        drop(held);
        // The subscriptions themselves are on the heap here too, in a list, or in boxes of a list.
        let held = own + if contender.is_boxed { size_of::<usize>() } else { 0 };
        println!("idle\t{}\t{}\t{own}", contender.name, bytes / COUNT as isize - held as isize);
    }
    Ok(())
}
