//! `cargo bench --bench fan_out`: see `src/fan_out.rs`.

use benches::{criterion::run, fan_out};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    run(criterion, fan_out::one_small);
    run(criterion, fan_out::one_large);
    run(criterion, fan_out::many);
    run(criterion, fan_out::bursts);
    run(criterion, fan_out::many_bursts);
}

criterion_group!(benches, all);
criterion_main!(benches);
