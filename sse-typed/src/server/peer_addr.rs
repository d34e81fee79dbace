use std::{fmt, net::SocketAddr};

/// The address of the peer, in the extensions of each request of a `Server` (feature `serve`), and for axum's
/// `ConnectInfo<PeerAddr>` under a `GuardedListener`.
///
/// Under a `Server`, axum's `ConnectInfo<SocketAddr>` and `ConnectInfo<PeerAddr>` both work (feature `axum`). Under
/// `axum::serve` with a `GuardedListener`, axum implements its own `ConnectInfo<SocketAddr>` only for its own listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure it in their arguments")]
pub struct PeerAddr<A = SocketAddr>(pub A);

impl<A: fmt::Display> fmt::Display for PeerAddr<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
