//! `cargo bench --bench encode`: see `src/encode.rs`.

use benches::{criterion::run, encode};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    run(criterion, encode::small);
    run(criterion, encode::small_ready);
    run(criterion, encode::large);
    run(criterion, encode::large_ready);
}

criterion_group!(benches, all);
criterion_main!(benches);
