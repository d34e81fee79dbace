use std::time::Duration;

/// The pause after a first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The pause before a failed call of a log is repeated. It doubles with each failure before it.
pub(crate) fn retry_pause(failures_before: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures_before.min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds() {
        let pauses: Vec<_> = [0, 1, 2, 5, 6, 7, u32::MAX].map(|failures| retry_pause(failures).as_millis()).into();
        assert_eq!(pauses, [100, 200, 400, 3200, 5000, 5000, 5000]);
    }
}
