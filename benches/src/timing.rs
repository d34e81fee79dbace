//! Times the contenders of a group in turns, so that other work on the machine affects all of them. A time is the processor time of
//! the thread, which does not grow while other programs have the core.

use std::{hint::black_box, time::Duration};

use cpu_time::ThreadTime;

use crate::contender::Group;

pub const ROUNDS: usize = 21;

/// The least time of a sample: the error of the clock is then below a thousandth.
const SAMPLE_TIME: Duration = Duration::from_millis(2);

/// How often a group is measured when its times scatter.
const ATTEMPTS: usize = 4;

/// The largest accepted distance of the quartiles, divided by the median. More means that other programs use the machine.
pub const MAX_SCATTER: f64 = 0.1;

/// The times of a group.
#[derive(Debug)]
pub struct Times {
    /// The median time of one event, or delivery, in nanoseconds, for each contender.
    pub nanoseconds: Vec<f64>,
    /// The distance of the quartiles divided by the median, of the contender for which it is largest.
    pub scatter: f64,
}

/// Times a group, and again if its times scatter. Returns the attempt that scatters least.
pub fn measure(group: &mut Group) -> Times {
    let mut best = attempt(group);
    for _ in 1..ATTEMPTS {
        if best.scatter <= MAX_SCATTER {
            break;
        }
        let again = attempt(group);
        if again.scatter < best.scatter {
            best = again;
        }
    }
    best
}

fn attempt(group: &mut Group) -> Times {
    let contenders = &mut group.contenders;
    let repeats: Vec<u32> = contenders
        .iter_mut()
        .map(|contender| {
            // The first run warms up.
            contender.run();
            let began = ThreadTime::now();
            contender.run();
            let once = began.elapsed().max(Duration::from_nanos(1));
            u32::try_from(SAMPLE_TIME.as_nanos() / once.as_nanos()).unwrap_or(u32::MAX).max(1)
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            // The order changes, so that no contender always follows the same one.
            let number = (turn + round) % contenders.len();
            let began = ThreadTime::now();
            for _ in 0..repeats[number] {
                black_box(contenders[number].run());
            }
            let events = u64::from(repeats[number]) * group.tally.events;
            samples[number].push(began.elapsed().as_nanos() as f64 / events as f64);
        }
    }
    for samples in &mut samples {
        samples.sort_by(f64::total_cmp);
    }
    let scatter = |samples: &Vec<f64>| (samples[ROUNDS * 3 / 4] - samples[ROUNDS / 4]) / samples[ROUNDS / 2];
    Times {
        scatter: samples.iter().map(scatter).fold(0.0, f64::max),
        nanoseconds: samples.into_iter().map(|samples| samples[ROUNDS / 2]).collect(),
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
