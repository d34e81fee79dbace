//! The manual: topics that concern more than one type.
//!
//! - [`connections`]: how to hold many open streams, and what each costs
//! - [`defaults`]: every default, and the reason for it
//! - [`proxies`]: what to set in nginx, in other proxies and in clouds, and how compression works
//! - [`resume`]: ids, `Last-Event-ID`, reconnection times, and how to stop a client from reconnecting
//! - [`shutdown`]: how to shut down a server with open streams
//! - [`streams`]: actix-web, poem, workers and files: the codec without Tower and HTTP
//! - [`testing`]: tests of handlers, clients and streams that never end
//!
//! The module `server` says which Tower layers go with event streams, and in which order.
//!
//! ```
//! // See what an event looks like on the wire, without a server:
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

#[doc = include_str!("testing.md")]
pub mod testing {}
