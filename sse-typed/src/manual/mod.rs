//! The manual: what does not belong to a single type.
//!
//! - [`connections`]: what an open stream costs, and what to set in the server to hold many
//! - [`defaults`]: every default, and why it is what it is
//! - [`proxies`]: nginx, others, and the clouds: what to set there, and what compression does
//! - [`resume`]: ids, `Last-Event-ID`, reconnection times, and the end of reconnecting
//! - [`shutdown`]: how a server with open streams comes to its end
//! - [`streams`]: actix-web, poem, workers and files: the codec without Tower and HTTP
//!
//! Which Tower layers go with event streams, and in which order, is told by the module `server`.
//!
//! ```
//! // What the wire of each choice looks like can be tried without a server:
//! use sse_typed::{Encoded, Event, RawEvent};
//!
//! let event = Event::new(RawEvent::new("tick", "12:00")).id(720_u64);
//! assert_eq!(Encoded::new(&event)?.as_bytes(), "id: 720\nevent: tick\ndata: 12:00\n\n");
//! # Ok::<(), sse_typed::EncodeError>(())
//! ```

#[doc = include_str!("connections.md")]
pub mod connections {}

#[doc = include_str!("defaults.md")]
pub mod defaults {}

#[doc = include_str!("proxies.md")]
pub mod proxies {}

#[doc = include_str!("resume.md")]
pub mod resume {}

#[doc = include_str!("shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("streams.md")]
pub mod streams {}
