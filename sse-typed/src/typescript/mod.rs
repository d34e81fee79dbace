//! TypeScript for a page: the types of the events, and a subscription that gives them.
//!
//! [`render`] writes one file for one event type, which needs nothing else: the payloads' types, the events as a map and as a
//! union, and `subscribe`, over the browser's own `EventSource`. Payloads derive `TS` of the crate
//! [`ts-rs`](https://docs.rs/ts-rs), which this module knows as [`ts_rs`]; the event type itself does not.
//!
//! ```
//! use sse_typed::{SseEvent, typescript::{self, Options}};
//! use ts_rs::TS;
//!
//! #[derive(SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum RideEvent {
//!     /// Somebody is on the way.
//!     DriverAssigned { driver: String, eta_s: u32 },
//!     Position(Position),
//!     #[sse(terminal)]
//!     Completed,
//! }
//!
//! #[derive(serde::Serialize, serde::Deserialize, TS)]
//! struct Position { lat: f64, lon: f64 }
//!
//! let file = typescript::render::<RideEvent>(&Options::new());
//! assert!(file.contains("export type Position = { lat: number, lon: number, };"));
//! assert!(file.contains("export function subscribe("));
//! ```
//!
//! A page then says
//!
//! ```ts
//! import { subscribe } from "./ride_event.ts";
//!
//! subscribe("/ride", {
//!   driver_assigned: ({ driver, eta_s }) => show(`${driver} comes in ${eta_s} s`),
//!   position: ({ lat, lon }) => move(lat, lon),
//!   completed: () => show("arrived"),
//! });
//! ```

mod current;
mod declarations;
mod file;
mod gap;
mod names;
mod tokens;

pub use ts_rs;

pub use self::{current::assert_current, declarations::TypeScript};
use crate::codec::describe::DescribeEvent;

/// What the TypeScript of an event type looks like.
#[derive(Clone, Debug, Default)]
pub struct Options {
    name: Option<String>,
    large_int: LargeInt,
}

/// What a 64 or 128 bit integer of a payload is in TypeScript.
///
/// It says how they stand in the JSON, and changes nothing of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargeInt {
    /// `number`. That is how serde writes them; a page reads those beyond 2<sup>53</sup> as the nearest number that it has.
    #[default]
    Number,
    /// `string`: for a contract whose large integers are all written as strings, so that a page reads them exactly.
    String,
}

impl Options {
    /// Named as the Rust type is, and large integers as numbers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the TypeScript types are called, if not as the Rust type. It must be an identifier.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What 64 and 128 bit integers are.
    #[must_use]
    pub const fn large_int(mut self, large_int: LargeInt) -> Self {
        self.large_int = large_int;
        self
    }
}

/// The TypeScript of an event type, as one file.
///
/// # Panics
///
/// When one payload refers to two Rust types of the same TypeScript name: `#[ts(rename = "..")]` on one of them tells them
/// apart. And where ts-rs panics: for a type that it cannot name.
#[must_use]
pub fn render<E: DescribeEvent<TypeScript> + ?Sized>(options: &Options) -> String {
    let mut typescript = TypeScript::new(options.large_int);
    let events = E::describe(&mut typescript);
    file::write(&events, &typescript, options.name.as_deref())
}
