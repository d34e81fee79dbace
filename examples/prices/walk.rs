//! Simulated prices.

use std::{
    f64::consts::TAU,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::symbol::{Symbol, Terms};

/// A random walk that tends back to the opening price.
///
/// It depends only on the symbol and the clock. So a server that starts again knows the prices of the time in which it did not
/// run, as one that asks an exchange does.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    symbol: Symbol,
    terms: Terms,
    /// The number of the step since 1970.
    step: u64,
    deviation: f64,
}

/// The part of the deviation that remains after a step.
const PERSISTENCE: f64 = 0.998;

/// The steps after which no more than a hundredth of a percent of a deviation remains.
const MEMORY: u64 = 5_000;

impl Walk {
    /// The walk as it was at this time.
    pub(crate) fn at(symbol: Symbol, time: SystemTime) -> Self {
        let terms = symbol.terms();
        let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let step = (since_1970.as_millis() / terms.every.as_millis()) as u64;
        let mut walk = Self { symbol, terms, step: step.saturating_sub(MEMORY), deviation: 0.0 };
        while walk.step < step {
            walk.advance();
        }
        walk
    }

    pub(crate) fn advance(&mut self) {
        self.step += 1;
        self.deviation = self.deviation.mul_add(PERSISTENCE, normal(self.symbol, self.step));
    }

    pub(crate) fn price(&self) -> f64 {
        let scale = 10_f64.powi(self.terms.decimals.into());
        (self.terms.opening * (self.terms.volatility * self.deviation).exp() * scale).round() / scale
    }

    /// When the price was made.
    pub(crate) fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.step * self.terms.every.as_millis() as u64)
    }
}

/// A random number with the normal distribution, by the method of Box and Muller.
fn normal(symbol: Symbol, step: u64) -> f64 {
    let seed = ((symbol as u64 + 1) << 56) ^ (step << 1);
    let radius = (-2.0 * (1.0 - uniform(seed)).ln()).sqrt();
    radius * (TAU * uniform(seed | 1)).cos()
}

/// A random number from 0 to 1, by the finaliser of SplitMix64.
fn uniform(seed: u64) -> f64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::Walk;
    use crate::symbol::Symbol;

    #[test]
    fn a_walk_is_the_same_for_every_server_and_stays_near_the_opening_price() {
        for symbol in Symbol::ALL {
            let every = symbol.terms().every;
            let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            let mut walk = Walk::at(symbol, start);
            for step in 0..2_000 {
                let change = walk.price() / symbol.terms().opening;
                assert!((0.8..1.25).contains(&change), "{symbol:?} {change}");
                if step % 500 == 0 {
                    let later = Walk::at(symbol, start + every * step);
                    assert_eq!(walk.time(), later.time());
                    assert!(
                        (walk.price() / later.price() - 1.0).abs() < 0.002,
                        "{symbol:?} {} {}",
                        walk.price(),
                        later.price()
                    );
                }
                walk.advance();
            }
        }
    }
}
