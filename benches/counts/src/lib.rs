//! Shared code of the counted programs. Each does one kind of work on the same input in every run, and prints the number of
//! events. `cargo xtask test --only counts` lets valgrind count the instructions.

#[path = "../../src/input.rs"]
pub mod input;

/// Does the work that is counted: valgrind counts only inside the function of this name. `work` returns the number of events.
#[inline(never)]
pub fn sse_typed_counted_work(work: impl FnOnce() -> usize) {
    let events = work();
    println!("{events} events");
}
