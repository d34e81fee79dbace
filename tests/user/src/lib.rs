//! A crate that denies many lints, shadows the prelude's names, and depends on `sse-typed` only. `user-2021` is the same code in
//! edition 2021. The test is that they compile, and that clippy accepts them.
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unused_crate_dependencies,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![forbid(unsafe_code)]

/// Types with every kind of data.
pub mod plain {
    use sse_typed::{DecodeEvent, EncodeEvent, EventKind, Gap, RawEvent, SseEvent};

    /// Every kind of data that needs no other crate.
    #[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
    #[sse(rename_all = "snake_case", prefix = "feed.", ignore("ping"))]
    pub enum Feed<T: Clone> {
        /// Fields, an id and a reconnection time.
        Line {
            /// The text.
            text: String,
            /// Its number.
            #[sse(id)]
            place: Option<u64>,
            /// The reconnection time.
            #[sse(retry)]
            retry: Option<std::time::Duration>,
        },
        /// A payload.
        Payload(Vec<T>),
        /// Plain text.
        #[sse(text, error)]
        Text(String),
        /// A `with` module.
        #[sse(with = "own")]
        Own(String),
        /// A sentinel.
        #[sse(message, data = "[DONE]", terminal)]
        Done,
        /// An object with a key.
        #[sse(message, key = "error")]
        Keyed {
            /// The error.
            error: String,
        },
        /// Lost history.
        #[sse(gap)]
        Gap(Gap),
        /// A nested event type.
        #[sse(nested)]
        Nested(Tagged),
        /// Deprecated, and never on the wire.
        #[deprecated]
        #[sse(skip)]
        Skipped,
        /// Untyped events.
        #[sse(other)]
        Other(RawEvent),
    }

    mod own {
        use std::fmt::{Error, Write};

        pub(super) fn encode(data: &String) -> Result<String, Error> {
            let mut line = String::new();
            write!(line, "line {data}")?;
            Ok(line)
        }

        pub(super) fn decode(data: &str) -> Result<String, &'static str> {
            data.strip_prefix("line ").map(str::to_owned).ok_or("no line")
        }
    }

    /// A tagged enum.
    #[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
    #[sse(tag = "type")]
    pub enum Tagged {
        /// Nothing.
        Unit,
        /// Fields.
        Named {
            /// One.
            r#type_: u8,
            /// Two.
            #[serde(default, rename = "second")]
            b: bool,
        },
    }

    /// A type that is only sent.
    #[derive(Clone, Copy, Debug, EncodeEvent)]
    pub struct Borrowed<'a> {
        /// Borrowed text.
        pub text: &'a str,
    }

    /// A type that is only received.
    #[derive(Clone, Debug, Default, DecodeEvent)]
    #[serde(default)]
    pub struct Received {
        /// A field.
        pub text: String,
    }

    /// The event type of a value.
    #[must_use]
    pub fn event_type<E: EventKind>(event: &E) -> &str {
        event.event_type()
    }
}

/// Shadows the prelude's names.
pub mod shadowed {
    #![allow(non_upper_case_globals, dead_code, missing_debug_implementations, missing_docs)]

    pub struct Result;
    pub struct Option;
    pub struct String;
    pub struct Vec;
    pub struct Box;
    pub struct Ok;
    pub struct Some;
    pub struct None;
    pub struct Err;
    pub trait Default {}
    pub trait Into {}
    pub trait From {}
    pub trait Display {}
    pub trait Serialize {}
    pub trait Deserialize {}
    pub trait EventKind {}
    pub trait EncodeEvent {}
    pub trait DecodeEvent {}
    pub struct EventWriter;
    pub struct PhantomData;
    pub mod core {}
    pub mod std {}
    pub mod serde {}
    pub mod sse_typed {}
    const event: u8 = 0;
    const data: u8 = 0;
    const fields: u8 = 0;
    const gap: u8 = 0;

    macro_rules! shadow {
        ($($macro:ident)*) => {$(
            macro_rules! $macro {
                ($dollar:tt) => {};
            }
            // Used once, because it would be unused otherwise.
            $macro!(x);
        )*};
    }

    shadow!(unreachable matches vec format panic assert);

    #[derive(::sse_typed::SseEvent)]
    #[sse(tag = "type")]
    pub enum Event<T> {
        Named {
            text: ::std::string::String,
            list: ::std::vec::Vec<T>,
            #[sse(id)]
            id: ::std::option::Option<u64>,
            #[serde(default)]
            name: u8,
        },
        Newtype(::std::collections::BTreeMap<u8, u8>),
        #[sse(text)]
        Text {
            #[sse(id)]
            id: u64,
            data: ::std::string::String,
        },
        #[sse(gap)]
        Gap {
            missed: ::std::option::Option<u64>,
        },
        Unit,
        #[sse(other)]
        Other(::sse_typed::RawEvent),
    }

    #[derive(::sse_typed::SseEvent)]
    #[sse(message)]
    pub struct Fields {
        pub event: u8,
        #[sse(retry)]
        pub retry: ::std::time::Duration,
    }
}

/// With forbidden lints, which nothing can allow.
pub mod strict {
    #![forbid(
        clippy::all,
        clippy::exhaustive_structs,
        clippy::indexing_slicing,
        clippy::nursery,
        clippy::panic,
        clippy::pedantic,
        clippy::unreachable,
        clippy::unwrap_used,
        dead_code,
        deprecated,
        non_snake_case,
        unreachable_patterns
    )]

    use sse_typed::{Gap, RawEvent, SseEvent};

    /// Most kinds of data.
    #[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
    #[sse(tag = "type", ignore("ping"))]
    pub enum Feed<T> {
        /// Fields.
        Line {
            /// Their number.
            #[sse(id)]
            place: Option<u64>,
            /// The text.
            text: T,
        },
        /// Plain text.
        #[sse(text, alias = "note")]
        Text(String),
        /// A nested event type.
        #[sse(nested)]
        Inner(Inner),
        /// Lost history.
        #[sse(gap)]
        Gap(Gap),
        /// A sentinel.
        #[sse(message, data = "[DONE]", terminal)]
        Done,
        /// Untyped events.
        #[sse(other)]
        Other(RawEvent),
    }

    /// The nested event type.
    #[derive(Clone, Debug, Default, PartialEq, Eq, SseEvent)]
    #[serde(default)]
    #[non_exhaustive]
    pub struct Inner {
        /// A field.
        pub list: Vec<u8>,
    }
}

/// With lints that the types themselves allow.
pub mod excepted {
    #![deny(deprecated, non_camel_case_types, non_snake_case)]

    use sse_typed::SseEvent;

    /// Names that are not ASCII.
    #[allow(non_camel_case_types, reason = "as they are there")]
    #[expect(non_snake_case, reason = "as they are there")]
    #[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
    pub enum feed {
        /// Fields.
        line_feed {
            /// One.
            lineText: String,
        },
        /// Deprecated.
        #[deprecated]
        old_feed(u8),
    }

    /// All of it is deprecated.
    #[deprecated]
    #[derive(Clone, Debug, PartialEq, Eq, SseEvent)]
    pub struct Old {
        /// A field.
        #[deprecated]
        pub text: String,
    }

    mod unused {
        use sse_typed::SseEvent;

        /// A derived impl does not count as a use of a type.
        #[expect(dead_code, reason = "nobody makes one")]
        #[derive(SseEvent)]
        struct Unused {
            text: String,
        }
    }
}

/// Without the prelude.
#[allow(missing_debug_implementations, reason = "the derive would need the prelude's names spelt out")]
pub mod bare {
    #![no_implicit_prelude]

    /// An event.
    #[derive(::sse_typed::SseEvent)]
    pub enum Event {
        /// Fields.
        Named {
            /// One.
            a: ::std::option::Option<u8>,
        },
        /// Payload.
        Newtype(u8),
        /// None.
        #[sse(data = "x")]
        Unit,
    }
}
