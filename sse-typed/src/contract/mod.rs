//! Judges what a change of an event type breaks, before it is deployed.
//!
//! A [`Contract`] is a value that says what an event type writes and reads: event types, aliases, marks, and the data as JSON
//! Schema. A test commits it as a file, and [`assert_compatible`] fails when the type of today breaks somebody who knows the
//! committed one: a client that is still open in a browser, a server that is not yet deployed, a history on disk.
//!
//! Each [`Change`] has three verdicts, and each verdict that breaks shows an event, as it is on the wire, with the error that it
//! gives to the reader. [The manual](crate::manual::evolution) says how to change an event type without breaking anybody.
//!
#![cfg_attr(feature = "derive", doc = "```")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use sse_typed::{SseEvent, contract::{self, Contract}};
//!
//! mod last_year {
//!     # use sse_typed::SseEvent;
//!     #[derive(SseEvent)]
//!     #[sse(rename_all = "snake_case")]
//!     pub enum RideEvent {
//!         DriverAssigned { driver: String },
//!     }
//! }
//!
//! #[derive(SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum RideEvent {
//!     DriverAssigned { driver: Driver },
//! }
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Driver { name: String }
//!
//! // As it was committed last year.
//! let committed: Contract = Contract::of::<last_year::RideEvent>().to_string().parse()?;
//! let changes = contract::changes(&committed, &Contract::of::<RideEvent>());
//! let witness = changes[0].old_clients.witness().expect("old clients cannot read the object");
//! assert_eq!(
//!     witness.block.to_string(),
//!     "event: driver_assigned\ndata: {\"driver\":{\"name\":\"a\"}}",
//! );
//! assert_eq!(witness.error, "error: driver: expected string, found object");
//! # Ok::<(), contract::ContractError>(())
//! ```
//!
//! # Payloads
//!
//! Payloads derive `JsonSchema` of the crate [`schemars`], version 1; the event type itself does not. A field with a serde codec
//! (`with`, `serialize_with`, `deserialize_with`) has no schema, unless `#[sse(as = "Type")]` names its type. Such a part is *not
//! judged*: [`Contract::not_judged`] lists it. So is the id of a type that this crate does not know, and what a `pattern` or a
//! `format` of a text accepts.
//!
//! schemars knows neither `#[serde(alias)]` nor `#[serde(other)]`. The decoder of a type that is received is asked for both. Aliases
//! within a flattened payload or an internally tagged enum are not found. schemars does not write the range of a map's integer keys
//! either: a change from `BTreeMap<u8, _>` to `BTreeMap<u64, _>` is not found. Nor are a change from `f64` to `f32`, and another order
//! of the variants of an untagged enum that read the same data.
//!
//! # Verdicts
//!
//! The rules of a committed contract are those of the generated decoder, and the data is validated as serde reads it. A verdict
//! breaks only if an event was found that the writer's schema accepts and the reader refuses, or reads as something else. If there
//! is none, 512 further events are tried. A verdict is [`Undecided`](Verdict::Undecided) only where something has changed that is
//! not compared, such as integers beyond 64 bits. If the new contract is that of a type, its own decoder and encoder confirm each event.

mod assert;
mod block;
mod build;
mod calibrate;
mod changes;
mod documents;
mod file;
mod interpret;
mod model;
mod policy;
mod program;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod witness;

pub use self::{
    assert::assert_compatible,
    block::Block,
    changes::{Change, ChangeKind, Verdict, Witness, changes},
    documents::{AsyncApi, OpenApi},
    file::ContractError,
    model::Contract,
    policy::{Policy, Undecided, UnknownEvents},
    schema::Schemas,
};
