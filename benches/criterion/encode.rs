//! `cargo bench --bench encode`: see `src/encode.rs`.

use benches::{criterion::run, encode};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    run(criterion, encode::small);
    run(criterion, encode::large);
}

criterion_group!(benches, all);
criterion_main!(benches);
