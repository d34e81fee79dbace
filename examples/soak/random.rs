//! Random numbers that a seed repeats: SplitMix64.

use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A sequence of its own for each purpose.
    pub(crate) const fn new(seed: u64, purpose: u64) -> Self {
        Self(seed ^ purpose.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// A number below `limit`, which is not 0.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Between a half and one and a half of `time`.
    pub(crate) fn around(&mut self, time: Duration) -> Duration {
        time.mul_f64(0.5 + self.below(1_000) as f64 / 1_000.0)
    }

    /// From zero up to `time`.
    pub(crate) fn up_to(&mut self, time: Duration) -> Duration {
        time.mul_f64(self.below(1_001) as f64 / 1_000.0)
    }
}
