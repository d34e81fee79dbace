use std::time::Duration;

/// The pauses between attempts to connect: they double from 50 ms to 5 s, and a random part of up to a half is taken off.
#[derive(Debug)]
pub(super) struct BackOff {
    next: Duration,
}

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

impl BackOff {
    pub(super) const fn new() -> Self {
        Self { next: SHORTEST }
    }

    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause.mul_f64(1.0 - fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds_and_have_jitter() {
        let mut back_off = BackOff::new();
        let mut longest = SHORTEST;
        for _ in 0..20 {
            let pause = back_off.pause();
            assert!(pause <= longest && pause >= longest / 2, "{pause:?}");
            longest = (longest * 2).min(LONGEST);
        }
        assert_eq!(longest, LONGEST);
    }
}
