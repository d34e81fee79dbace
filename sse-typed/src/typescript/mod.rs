//! Generates TypeScript for a page: the types of the events, and a function that subscribes to them.
//!
//! [`render`] generates one file for one event type. The file has no dependencies. It contains the types of the
//! payloads, the events as a map and as a union, `subscribe`, which uses the browser's own `EventSource` or `fetch`, and
//! `request` for one answer.
//! [`assert_current`], called in a test, keeps a committed file current. Payloads derive `TS` of the crate
//! [`ts-rs`](ts_rs), version 12; the event type itself does not. Features of that crate support the types of other
//! crates (`uuid::Uuid`, `chrono::DateTime`, ..).
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
//! assert!(file.contains("/** Somebody is on the way. */\n  driver_assigned: {\n    driver: string;\n"));
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
//! - **Events** are passed to their own handler, to `onEvent`, and to `for await (const event of subscription)`. An
//!   event is `{ type, data, lastEventId }`. Its `type` is the event type. If several variants share an event type, it
//!   is the variant's name, converted by `rename_all`. A `switch` over it narrows `data`, and
//!   `event satisfies never` in its `default` finds missing cases. `Required<RideEventHandlers>` requires a handler for
//!   each event.
//! - **Variants** are found as in Rust: by event type, alias, tag, `key` and the fixed text of `data`. The events of
//!   a `nested` enum are in the same map and union as the others. Events of undeclared types go to the `other`
//!   variant, or to `onUnknown`. So do events without an event type, unless a variant is marked `message`. An
//!   `EventSource` receives only those undeclared types that are listed in `options.otherTypes`.
//! - **Data** is what `JSON.parse` returns. For a variant marked `text` or `with` it is the text. It is not validated
//!   against its type. Malformed JSON, and data that differs from a variant's fixed text, go to `onInvalid`, and the
//!   subscription continues. The tag is removed from the data, the data of a unit is `null`, and fields marked `id`
//!   and `retry` are not part of the data.
//! - **The end**: a terminal event, a 204, a permanent HTTP error, `close()`, `options.signal`, or leaving the
//!   loop ends a subscription. `subscription.closed` and `onClose` give the reason.
//! - **The end of a run**: variants marked `failed`, `stopped` or `lost` are terminal events like others. The type
//!   `RideEventRunEnds` has the `type` of each.
//! - **Reconnecting** after a lost connection is up to the browser. After an HTTP error the browser gives up,
//!   without exposing the status. The subscription then requests the status with a HEAD request, which a server of
//!   this crate answers without a stream. Unless the response is a 204 or a permanent error (most 4xx), it creates a
//!   new `EventSource`, with back-off. The last event ID is sent in the query parameter `last_event_id`, which
//!   [`LastEventId`](crate::LastEventId) reads. `recreate: false` disables this.
//! - **A rejected ID**: `OnGap::Restart` of a hub makes the client forget its ID, but cannot clear an ID in the URL.
//!   If two connections in a row with an ID in the URL each end within a second and without an event, the
//!   subscription continues without an ID. A server that fails right after its response looks the same, and has the
//!   same effect.
//! - **An empty ID** from the server makes the subscription forget its last event ID. But an `EventSource` also reports
//!   `""` before it has received any ID, and that must not clear `options.lastEventId`, the ID to resume from. So `""`
//!   counts only after another ID on the same `EventSource`. If it counts and the URL has an ID, the
//!   subscription creates a new `EventSource` when it next loses the connection. The old one
//!   would send the ID in the URL again.
//! - **By `fetch`**: a method, headers, a body, or the lack of an `EventSource` selects a transport that uses `fetch`.
//!   `transport: "fetch"` selects it too. It reconnects by itself, with back-off and with the reconnection time of the
//!   server, sends the exact last event ID in a header, and receives all event types. [The manual](crate::manual::pages)
//!   compares both transports.
//! - **One answer**: `for await (const event of request(url, { method, headers, body }))` sends one request and does not
//!   reconnect. The loop throws if the answer ends before its terminal event, if the response is neither an event
//!   stream nor a 204, and on an event whose variant is marked `error`.
//! - **Outside of a browser**, `fetch` is used, or a constructor that is passed as `options.EventSource`, such as that of
//!   npm's `eventsource`. `decode(eventType, data)` decodes events that were received in other ways. `parse(stream)`
//!   reads the events of a stream of bytes, such as the body of a response, by the rules of the standard.
//!
//! # Several event types
//!
//! The code that all event types share is called the [`runtime`]. By default each generated file contains it. With
//! [`Options::runtime_at`] the files import it from one file, whose text is [`runtime`], so a page with several event
//! types has it once. The files export the same items with and without this option.
//!
//! # The file
//!
//! The file is ES2020 with erasable types: removing them leaves valid JavaScript. It has no side effects on
//! import, so a bundler removes unused parts. All of it is 5.0 kB minified and compressed, and `subscribe` is 3.0 kB
//! with [`Options::fetch(false)`](Options::fetch). It compiles under `strict` and stricter options, from TypeScript 5.0 on,
//! with or without the types of a browser.
//!
//! # Types
//!
//! A payload has the type that ts-rs generates for it, and so has each field of a variant.
//! `skip_serializing_if`, `flatten` and the other attributes of serde are supported. A field with a serde codec (`with`,
//! `serialize_with`, `deserialize_with`) is `unknown`, unless [`as`][as] declares its type. On a type that is only received, a field
//! is optional if it has a `default` or is an `Option`.
//!
//! In a payload, ts-rs supports `skip_serializing_if` only together with `default`: give a field both, or
//! `#[ts(optional)]`. Otherwise its type has `null` where the JSON leaves out the key.
//!
//! If two Rust types have the same TypeScript name, the second gets a number appended.
//!

// A link to an item whose feature is off leads to docs.rs.
#![cfg_attr(feature = "derive", doc = "[as]: derive@crate::SseEvent#as")]
#![cfg_attr(not(feature = "derive"), doc = "[as]: https://docs.rs/sse-typed/latest/sse_typed/derive.SseEvent.html#as")]

mod current;
mod declarations;
mod file;
mod gap;
mod names;
mod runtime;
mod tokens;

pub use ts_rs;

pub use self::{
    current::{assert_current, assert_runtime_current},
    declarations::TypeScript,
    runtime::runtime,
};
use crate::codec::describe::{DescribeEvent, Side};

/// The settings for the TypeScript of an event type.
#[derive(Clone, Debug, Default)]
pub struct Options {
    name: Option<String>,
    large_int: LargeInt,
    runtime_at: Option<String>,
    without_fetch: bool,
}

/// The TypeScript type of 64-bit and 128-bit integers in payloads.
///
/// It must match the JSON, which it does not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargeInt {
    /// `number`, which matches serde's default. JavaScript rounds numbers beyond 2<sup>53</sup> to the nearest
    /// representable number.
    #[default]
    Number,
    /// `string`, for payloads that serialize all their large integers as strings, so that a page reads them exactly.
    String,
}

impl Options {
    /// Creates the default settings: the name of the Rust type, large integers as numbers, and an inline runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the TypeScript types. The default is the name of the Rust type. It must be an ASCII
    /// identifier, and neither a keyword nor a built-in type of TypeScript, such as `Promise`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the type of 64-bit and 128-bit integers.
    #[must_use]
    pub const fn large_int(mut self, large_int: LargeInt) -> Self {
        self.large_int = large_int;
        self
    }

    /// Imports the runtime from a file, instead of writing it into the file of the event type. Several event types of a
    /// page then share one runtime.
    ///
    /// `path` is written into the `import` as it is, such as `"./sse_typed.ts"`. [`runtime`] is the text of that file, and
    /// [`assert_runtime_current`] keeps it current. TypeScript reports an error if its version is not that of the files
    /// that import it.
    ///
    /// ```
    /// # #[derive(sse_typed::SseEvent)]
    /// # enum RideEvent { Arrived }
    /// use sse_typed::typescript::{self, Options};
    ///
    /// let options = Options::new().runtime_at("./sse_typed.ts");
    /// let file = typescript::render::<RideEvent>(&options);
    /// assert!(file.contains("} from \"./sse_typed.ts\";"));
    /// ```
    #[must_use]
    pub fn runtime_at(mut self, path: impl Into<String>) -> Self {
        self.runtime_at = Some(path.into());
        self
    }

    /// Sets whether a page can receive events with `fetch`, which is the default. `false` leaves out `request`, `parse`
    /// and the settings of requests, and makes the page smaller.
    #[must_use]
    pub const fn fetch(mut self, fetch: bool) -> Self {
        self.without_fetch = !fetch;
        self
    }
}

/// Generates the TypeScript of an event type, as the text of one file.
///
/// # Panics
///
/// - When one payload refers to two Rust types with the same TypeScript name. `#[ts(rename = "..")]` on one of them
///   resolves it.
/// - When a generic type is called `Array` or `Record`. `#[ts(rename = "..")]` resolves it too.
/// - When the TypeScript types cannot have the [name](Options::name).
/// - When ts-rs panics, for a type that it cannot name.
/// - When a `DescribeEvent` by hand describes neither side.
#[must_use]
pub fn render<E: DescribeEvent<TypeScript> + ?Sized>(options: &Options) -> String {
    let mut typescript = TypeScript::new(options.large_int);
    let events = E::describe(&mut typescript, Side::Written).or_else(|| E::describe(&mut typescript, Side::Read));
    let Some(events) = events else { panic!("the type describes neither what it writes nor what it reads") };
    file::write(&events, &typescript, options)
}
