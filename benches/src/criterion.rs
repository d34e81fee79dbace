//! Runs groups with criterion.

use criterion::{Criterion, Throughput};

use crate::contender::Group;

/// Times the contenders of a group one after the other. Its throughput is in events, or deliveries.
pub fn run(criterion: &mut Criterion, group: fn() -> Group) {
    let Group { id, tally, contenders, .. } = group();
    let mut benchmarks = criterion.benchmark_group(id);
    benchmarks.throughput(Throughput::Elements(tally.events));
    for mut contender in contenders {
        benchmarks.bench_function(contender.name, |bencher| bencher.iter(|| contender.run()));
    }
    benchmarks.finish();
}
