/// Where a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// In the ring, after the event of this number.
    InRing(u64),
    /// The same, from the client's last event ID and not read from yet. If events after it are trimmed, they were
    /// trimmed before the client came.
    ResumedInRing(u64),
    /// The log does not know the client's last event ID.
    UnknownId,
    /// Not in the ring: a reader reads a log elsewhere.
    InLog {
        /// From the client's last event ID and not read from yet.
        resumed: bool,
    },
    /// Before a snapshot that is to be made.
    BeforeSnapshot,
    /// Nothing more is yielded.
    Ended,
}

/// A [`Position`] in one word instead of two: it is the larger part of most subscriptions.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedPosition(u64);

/// The two highest bits are the kind. The numbers of events do not reach them.
const KIND: u64 = 0b11 << 62;
const RESUMED: u64 = 0b01 << 62;
const OTHER: u64 = 0b10 << 62;

impl PackedPosition {
    #[inline]
    pub(super) const fn new(position: Position) -> Self {
        Self(match position {
            Position::InRing(n) => n & !KIND,
            Position::ResumedInRing(n) => n & !KIND | RESUMED,
            Position::UnknownId => OTHER,
            Position::InLog { resumed: false } => OTHER | 1,
            Position::InLog { resumed: true } => OTHER | 2,
            Position::BeforeSnapshot => OTHER | 3,
            Position::Ended => OTHER | 4,
        })
    }

    #[inline]
    pub(super) const fn get(self) -> Position {
        match (self.0 & KIND, self.0 & !KIND) {
            (0, n) => Position::InRing(n),
            (RESUMED, n) => Position::ResumedInRing(n),
            (_, 0) => Position::UnknownId,
            (_, 1) => Position::InLog { resumed: false },
            (_, 2) => Position::InLog { resumed: true },
            (_, 3) => Position::BeforeSnapshot,
            _ => Position::Ended,
        }
    }

    #[inline]
    pub(super) const fn set(&mut self, position: Position) {
        *self = Self::new(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_packing_into_one_word() {
        let others = [
            Position::UnknownId,
            Position::InLog { resumed: false },
            Position::InLog { resumed: true },
            Position::BeforeSnapshot,
            Position::Ended,
        ];
        let numbers = [0, 1, 7, u64::from(u32::MAX), !KIND];
        let numbered = numbers.into_iter().flat_map(|n| [Position::InRing(n), Position::ResumedInRing(n)]);
        for position in numbered.chain(others) {
            assert_eq!(PackedPosition::new(position).get(), position);
        }
    }
}
