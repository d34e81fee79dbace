/// Where a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind the event of this number.
    At(u64),
    /// The same, by the word of the client: if it is gone, it was so when the client came.
    Asked(u64),
    /// The client's last event ID is none of the log's.
    Unknown,
    /// Not in the ring, but in what is read of another log.
    Elsewhere {
        /// By the word of the client.
        asked: bool,
    },
    /// At the start of a snapshot.
    Snapshot,
    Over,
}

/// A [`Place`] in one word instead of two: of most subscriptions it is the larger part.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedPlace(u64);

/// The two highest bits say what it is. The numbers of events do not come near them.
const KIND: u64 = 0b11 << 62;
const ASKED: u64 = 0b01 << 62;
const OTHER: u64 = 0b10 << 62;

impl PackedPlace {
    #[inline]
    pub(super) const fn new(place: Place) -> Self {
        Self(match place {
            Place::At(n) => n & !KIND,
            Place::Asked(n) => n & !KIND | ASKED,
            Place::Unknown => OTHER,
            Place::Elsewhere { asked: false } => OTHER | 1,
            Place::Elsewhere { asked: true } => OTHER | 2,
            Place::Snapshot => OTHER | 3,
            Place::Over => OTHER | 4,
        })
    }

    #[inline]
    pub(super) const fn get(self) -> Place {
        match (self.0 & KIND, self.0 & !KIND) {
            (0, n) => Place::At(n),
            (ASKED, n) => Place::Asked(n),
            (_, 0) => Place::Unknown,
            (_, 1) => Place::Elsewhere { asked: false },
            (_, 2) => Place::Elsewhere { asked: true },
            (_, 3) => Place::Snapshot,
            _ => Place::Over,
        }
    }

    #[inline]
    pub(super) const fn set(&mut self, place: Place) {
        *self = Self::new(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_in_one_word() {
        let others = [
            Place::Unknown,
            Place::Elsewhere { asked: false },
            Place::Elsewhere { asked: true },
            Place::Snapshot,
            Place::Over,
        ];
        let numbers = [0, 1, 7, u64::from(u32::MAX), !KIND];
        let numbered = numbers.into_iter().flat_map(|n| [Place::At(n), Place::Asked(n)]);
        for place in numbered.chain(others) {
            assert_eq!(PackedPlace::new(place).get(), place);
        }
    }
}
