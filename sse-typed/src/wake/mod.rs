//! Waking waiting tasks. The server, the hub and the client use it, and it depends on none of them.
//!
//! A shortcut such as "this task is registered already" needs proof of a registration: a [`Ticket`] that the queue
//! returned under its lock, or a [`Registration`] whose poll reached the timer.

#[cfg(all(test, feature = "server"))]
pub(crate) mod budget;
mod epoch;
mod queue;
#[cfg(feature = "server")]
mod registration;
mod sync;
#[cfg(any(feature = "server", feature = "client", feature = "hub"))]
mod timer;

#[cfg(feature = "server")]
pub(crate) use self::registration::Registration;
#[cfg(any(feature = "server", feature = "client", feature = "hub"))]
pub(crate) use self::timer::poll_timer;
#[cfg(feature = "hub")]
pub(crate) use self::timer::runtime_with_timer;
pub(crate) use self::{
    epoch::{Ticket, WakeEpoch},
    queue::WakeQueue,
};
