//! Times contenders in turns: what the machine does meanwhile then falls on all of them.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::Group;

pub const ROUNDS: usize = 21;

/// What a sample takes at least: the clock's own error is then below a thousandth.
const SAMPLE: Duration = Duration::from_millis(2);

/// The median time of one event, or delivery, in nanoseconds, for each contender.
pub fn nanoseconds(group: &mut Group) -> Vec<f64> {
    let contenders = &mut group.contenders;
    let repeats: Vec<u32> = contenders
        .iter_mut()
        .map(|contender| {
            // The first run warms up, and is no measure.
            contender.run();
            let began = Instant::now();
            contender.run();
            let once = began.elapsed().max(Duration::from_nanos(1));
            u32::try_from(SAMPLE.as_nanos() / once.as_nanos()).unwrap_or(u32::MAX).max(1)
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            // Nobody always comes behind the same neighbour.
            let number = (turn + round) % contenders.len();
            let began = Instant::now();
            for _ in 0..repeats[number] {
                black_box(contenders[number].run());
            }
            let events = u64::from(repeats[number]) * group.tally.events;
            samples[number].push(began.elapsed().as_nanos() as f64 / events as f64);
        }
    }
    samples.into_iter().map(median).collect()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
