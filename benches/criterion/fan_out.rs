//! `cargo bench --bench fan_out`: see `src/fan_out.rs`.

use benches::{criterion::run, fan_out};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    run(criterion, fan_out::small_events);
    run(criterion, fan_out::large_events);
    run(criterion, fan_out::many_subscribers);
    run(criterion, fan_out::bursts);
    run(criterion, fan_out::bursts_to_many);
    run(criterion, fan_out::small_events_to_bodies);
    run(criterion, fan_out::large_events_to_bodies);
    run(criterion, fan_out::many_bodies);
    run(criterion, fan_out::bursts_to_bodies);
    run(criterion, fan_out::bursts_to_many_bodies);
}

criterion_group!(benches, all);
criterion_main!(benches);
