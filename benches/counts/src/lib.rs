//! What the counted programs have in common. Each does one kind of work on the same input in every run, and prints how many
//! events it was; `cargo xtask test --only counts` has valgrind count the instructions.

#[path = "../../src/input.rs"]
pub mod input;

/// The work that is counted: valgrind is told to count within this function alone, by its name. It returns how many events
/// were worked on.
#[inline(never)]
pub fn sse_typed_counted_work(work: impl FnOnce() -> usize) {
    let events = work();
    println!("{events} events");
}
