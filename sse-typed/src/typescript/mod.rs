//! TypeScript for a page: the types of the events, and a subscription that gives them.
//!
//! [`render`] writes one file for one event type, which needs nothing else: the types of the payloads, the events as a map and
//! as a union, and `subscribe`, over the browser's own `EventSource`. [`assert_current`], in a test, keeps a committed file
//! current. Payloads derive `TS` of the crate [`ts-rs`](ts_rs), version 12; the event type itself does not. Types that others
//! have written (`uuid::Uuid`, `chrono::DateTime`, ..) are behind features of that crate.
//!
#![cfg_attr(feature = "derive", doc = "```")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use serde::{Deserialize, Serialize};
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
//! #[derive(Serialize, Deserialize, TS)]
//! struct Position { lat: f64, lon: f64 }
//!
//! let file = typescript::render::<RideEvent>(&Options::new());
//! assert!(file.contains("export type Position = { lat: number, lon: number, };"));
//! assert!(file.contains("  /** Somebody is on the way. */\n  driver_assigned: {\n    driver: string;\n"));
//! assert!(file.contains("export function subscribe("));
//! ```
//!
//! # The page
//!
//! ```ts
//! import { subscribe } from "./ride_event.ts";
//!
//! const subscription = subscribe("/ride", {
//!   driver_assigned: ({ driver, eta_s }) => show(`${driver} comes in ${eta_s} s`),
//!   position: ({ lat, lon }) => move(lat, lon),
//!   completed: () => show("arrived"),
//! });
//! ```
//!
//! - **Events** go to a handler of their own, to `onEvent`, and to `for await (const event of subscription)`. An event is
//!   `{ type, data, lastEventId }`, and its `type` is the event type; where several variants have one event type, it is the
//!   variant's name, in the case of `rename_all`. A `switch` over it narrows `data`, and `event satisfies never` in its
//!   `default` finds what is missing. `Required<RideEventHandlers>` asks for a handler of each.
//! - **Which event** it is, is found as in Rust: by event type, alias, tag, `key` and sentinel. What is `nested` stands beside
//!   the others. Events of types that nobody declared are not heard by an `EventSource`; those of `options.otherTypes`, and
//!   ones without an event type, go to the `other` variant, or to `onUnknown`.
//! - **Data** is what `JSON.parse` gives, or text. It is not checked against its type: that is the server's promise. JSON that
//!   is none, or a sentinel that is another, goes to `onInvalid`, and the subscription goes on. The tag is taken out, `null` is
//!   the data of a unit, and `id` and `retry` fields are not in it.
//! - **An end** comes by a terminal event, by a 204, by an HTTP error that will stay, by `close()`, by `options.signal`, or by
//!   leaving the loop; `subscription.closed` and `onClose` say by which.
//! - **A connection** that is lost is the browser's to make again. After an HTTP error the browser gives up, and does not say at
//!   which: the subscription asks for the status by a HEAD request, which a server of this crate answers without a stream. If
//!   that says so it makes a new `EventSource`, later each time, with the query `last_event_id`, that
//!   [`LastEventId`](crate::LastEventId) reads. `recreate: false` leaves it at giving up. Where two of its connections in a row
//!   end within a second and without an event, it takes that for a hub's word to forget the id (`OnGap::Restart`, which does not
//!   reach a URL), and goes on without one. A server that fails as soon as it has answered looks the same to it.
//! - **An empty id** clears `lastEventId`, once the same `EventSource` has had an id: it says `""` of none at all, too, and
//!   `options.lastEventId` would be lost. Where the URL has an id, a cleared one is the end of that `EventSource` at the next
//!   loss of connection, for the browser would come back with the one in the URL.
//! - **Elsewhere** than in a browser the constructor is given as `options.EventSource`, such as that of npm's `eventsource`.
//!   For events that came by other ways there is `decode(eventType, data)`.
//!
//! The file is one of ES2020 and types that are erased; nothing of it is done when it is imported, so a bundler leaves out what
//! is not used. `subscribe` comes to some 6 kB, 2.8 kB compressed. It compiles under `strict` and all that goes beyond it, from
//! TypeScript 5.0 on, with the types of a browser or without.
//!
//! # Types
//!
//! A payload has the type that ts-rs gives it, a field of a variant that of its own type; `skip_serializing_if`, `flatten` and
//! the other attributes of serde are read. What a codec hides is `unknown`, unless [`as`](derive@crate::SseEvent#as) says what it
//! is. On a type that is only received, a field that may be absent is one with a `default`, or an `Option`.
//!
//! In a payload, ts-rs reads `skip_serializing_if` only beside `default`: give a field both, or `#[ts(optional)]`. Else its type
//! has `null` where the key is left out.
//!
//! Two Rust types of one TypeScript name are told apart by a number behind the second.

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

    /// What the TypeScript types are called, if not as the Rust type. It must be an identifier in ASCII, and no keyword or
    /// type of TypeScript's own, such as `Promise`.
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
/// apart. When a generic type is called `Array` or `Record`: the same gives it another name. When the types cannot have
/// [the name](Options::name) that is asked for. And where ts-rs panics: for a type that it cannot name.
#[must_use]
pub fn render<E: DescribeEvent<TypeScript> + ?Sized>(options: &Options) -> String {
    let mut typescript = TypeScript::new(options.large_int);
    let events = E::describe(&mut typescript);
    file::write(&events, &typescript, options.name.as_deref())
}
