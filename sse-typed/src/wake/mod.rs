//! Waking the tasks that wait: below the server, the hub and the client, and without a dependency on any of them.
//!
//! A shortcut such as "this task is registered already" is only taken on proof of a registration: a [`Ticket`] that the queue
//! gave out under its lock, or a [`Registration`] whose poll reached the timer.

#[cfg(all(test, feature = "server"))]
pub(crate) mod budget;
mod epoch;
mod queue;
#[cfg(feature = "server")]
mod registration;
#[cfg(any(feature = "server", feature = "client"))]
mod timer;

#[cfg(feature = "server")]
pub(crate) use self::registration::Registration;
#[cfg(any(feature = "server", feature = "client"))]
pub(crate) use self::timer::poll_timer;
pub(crate) use self::{
    epoch::{Ticket, WakeEpoch},
    queue::WakeQueue,
};
