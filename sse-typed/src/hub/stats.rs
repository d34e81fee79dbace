/// What there is of a hub at one moment: from [`Hub::stats`](super::Hub::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubStats {
    /// Open subscriptions.
    pub subscribers: usize,
    /// Events that are kept in memory.
    pub events: usize,
    /// What they weigh on the wire, in bytes.
    pub bytes: usize,
    /// Events that were ever published; with a log elsewhere, those that came from it since the hub follows it.
    pub published: u64,
    /// How often a subscription has met lost history: by coming back too late, with an unknown id, or by falling behind.
    pub gaps: u64,
}
