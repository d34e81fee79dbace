/// The numbers of a hub at one moment, from [`Hub::stats`](super::Hub::stats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubStats {
    /// Subscriptions that exist.
    pub subscribers: usize,
    /// Events that are retained in memory.
    pub events: usize,
    /// The size of these events on the wire, in bytes.
    pub bytes: usize,
    /// Events that were ever published. With a log elsewhere: events that were read from it since the hub follows it.
    pub published: u64,
    /// How often history was lost to a subscription: its client reconnected too late or with an unknown id, or it
    /// lagged too far.
    pub gaps: u64,
}
