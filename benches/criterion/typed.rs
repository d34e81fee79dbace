//! `cargo bench --bench typed`: see `src/typed.rs`.

use benches::{criterion::run, typed};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    run(criterion, typed::token_stream);
}

criterion_group!(benches, all);
criterion_main!(benches);
