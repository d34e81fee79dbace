//! `cargo bench --bench decode`: see `src/decode.rs`.

use benches::{criterion::run, decode};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    run(criterion, decode::token_stream);
    run(criterion, decode::vietnamese);
    run(criterion, decode::ticker);
    run(criterion, decode::consumer);
}

criterion_group!(benches, all);
criterion_main!(benches);
