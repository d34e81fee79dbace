//! Types with equal or special names.

use serde::{Deserialize, Serialize};
use sse_typed::{
    SseEvent,
    typescript::{self, Options},
};
use ts_rs::TS;

use crate::contracts::{assert_current, assert_exact};

mod map {
    use super::{Deserialize, Serialize, TS};

    #[derive(Serialize, Deserialize, TS)]
    pub(super) struct Position {
        lat: f64,
    }

    #[derive(Serialize, Deserialize, TS)]
    pub(super) struct Holder {
        /// Not of the screen.
        position: Position,
    }
}

mod screen {
    use super::{Deserialize, Serialize, TS};

    #[derive(Serialize, Deserialize, TS)]
    pub(super) struct Position {
        #[serde(rename = "Position")]
        x: u32,
    }

    #[derive(Serialize, Deserialize, TS)]
    pub(super) struct Holder {
        /// Not of the screen.
        position: Position,
    }
}

/// As the runtime's own.
#[derive(Serialize, Deserialize, TS)]
struct ClashHandlers {
    next: Option<Box<Self>>,
}

#[derive(Serialize, Deserialize, TS)]
struct Error {
    #[serde(rename = "Error")]
    error: String,
}

#[derive(Serialize, Deserialize, TS)]
struct Page<T> {
    items: Vec<T>,
    next: Option<Box<Self>>,
}

#[derive(Serialize, Deserialize, TS)]
#[ts(repr(enum = name))]
enum Colour {
    Red,
    Green,
}

#[derive(Serialize, Deserialize, TS)]
#[serde(tag = "kind")]
enum Shape {
    Circle { r: f64 },
    Group { shapes: Vec<Self>, colour: Colour },
}

/// Types with the names of TypeScript's built-in types.
mod own {
    use super::{Deserialize, Serialize, TS};

    macro_rules! types {
        ($($name:ident),*) => {
            $(#[derive(Serialize, Deserialize, TS)]
            pub(super) struct $name {
                x: u8,
            })*

            #[derive(Serialize, Deserialize, TS)]
            #[allow(non_snake_case, reason = "as the types")]
            pub(super) struct All {
                $($name: $name,)*
            }
        };
    }

    types!(
        AbortSignal,
        Array,
        AsyncGenerator,
        AsyncIterable,
        Date,
        Event,
        EventSource,
        Extract,
        Infinity,
        Map,
        Math,
        MessageEvent,
        Number,
        Object,
        Partial,
        Promise,
        RangeError,
        Record,
        Response,
        Set,
        Source,
        TypeError
    );

    /// Beside TypeScript's own, which ts-rs writes for a list and for an object without fields.
    #[derive(Serialize, Deserialize, TS)]
    pub(super) struct Beside {
        list: Vec<Array>,
        lists: Vec<Vec<Record>>,
        empty: Empty,
    }

    #[derive(Serialize, Deserialize, TS)]
    struct Empty {}
}

/// Ends */ early.
#[derive(Serialize, Deserialize, TS)]
struct Documented {
    /// Ends */ early.
    ///
    /// And `*/` again.
    lines: u8,
    /** A block, which
    has /* another */ in it. */
    block: u8,
    #[doc = "Two\n lines */ in one."]
    one: u8,
    /// Fine.
    plain: u8,
}

/// A variant of any name.
#[derive(SseEvent)]
#[expect(non_camel_case_types, reason = "as JavaScript's own")]
enum Clash {
    Map(map::Holder),
    Screen(screen::Holder),
    Both {
        map: map::Position,
        screen: screen::Position,
    },
    ClashHandlers(ClashHandlers),
    Error(Error),
    Own(own::All),
    Beside(own::Beside),
    Lists {
        arrays: Vec<own::Array>,
        records: Vec<own::Record>,
    },
    Documented(Documented),
    Numbers(Page<u32>),
    Positions(Page<map::Position>),
    Others(Vec<Option<Page<screen::Position>>>),
    Shape(Shape),
    Tuple(Box<(u8, String)>),
    constructor,
    __proto__(u8),
    #[sse(rename = "1")]
    One,
}

#[test]
fn types_of_one_name_get_unique_names() {
    assert_exact::<Clash>("clash.ts", &Options::new());
    assert_current::<Clash>("clash_shared.ts", &Options::new());
}

/// A payload with the name of one of the runtime's types.
#[derive(Serialize, Deserialize, TS)]
struct SseHandlers {
    sse: SseState,
}

#[derive(Serialize, Deserialize, TS)]
struct SseState {
    on: bool,
}

#[derive(SseEvent)]
enum Names {
    Handlers(SseHandlers),
    State(SseState),
}

#[test]
fn an_event_type_may_have_the_names_of_the_runtime() {
    assert_exact::<Names>("sse.ts", &Options::new().name("Sse"));
    assert_current::<Names>("sse_shared.ts", &Options::new().name("Sse"));
    assert_current::<Names>("sse_event.ts", &Options::new().name("SseEvent"));
}

/// Under names that are no identifiers of TypeScript, be it that Unicode calls them alphabetic.
#[derive(Serialize, Deserialize, TS)]
struct Measured {
    #[serde(rename = "m²")]
    #[ts(optional)]
    area: Option<f64>,
    #[serde(rename = "Ⓐ")]
    inner: Option<Box<Self>>,
    #[serde(rename = "½")]
    half: u8,
    #[serde(rename = "$_1")]
    plain: u8,
    été: u8,
    size: Size,
}

#[derive(Serialize, Deserialize, TS)]
enum Size {
    #[serde(rename = "m³")]
    Volume {
        #[serde(rename = "x²")]
        x: u8,
    },
    #[serde(rename = "Ⓑ")]
    Other,
}

/// Names that JavaScript or its objects make something of.
#[derive(SseEvent)]
#[sse(tag = "__proto__")]
#[allow(non_camel_case_types, reason = "as JavaScript's own")]
enum Odd {
    #[sse(rename = "temp²")]
    Temperature {
        #[serde(rename = "°C")]
        celsius: f64,
        #[serde(rename = "m²", skip_serializing_if = "Option::is_none")]
        area: Option<f64>,
    },
    #[sse(rename = "Ⓐ")]
    Circled(Measured),
    Été,
    __proto__,
    constructor {
        #[serde(rename = "hasOwnProperty")]
        own: Option<u8>,
    },
    toString,
    hasOwnProperty,
    valueOf,
    __defineGetter__,
    name,
    call,
}

#[test]
fn names_that_are_not_identifiers_are_quoted() {
    assert_current::<Odd>("odd.ts", &Options::new());
}

#[derive(SseEvent)]
enum Événement {
    Reçu,
}

#[test]
fn a_type_has_its_rust_name() {
    let text = typescript::render::<Événement>(&Options::new());
    assert!(text.contains("export interface ÉvénementMap {\n  \"Reçu\": null;\n}"), "{text}");
}

#[test]
fn a_name_that_no_type_can_have_panics() {
    for name in ["", "a b", "1", "class", "string", "Promise", "Array", "Ⓐ", "temp²"] {
        let options = Options::new().name(name);
        let message = std::panic::catch_unwind(|| typescript::render::<Clash>(&options)).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.starts_with(&format!("`{name}` cannot be the name of a type in this file")), "{message}");
    }
}

mod generic {
    use super::{Deserialize, Serialize, TS};

    #[derive(Serialize, Deserialize, TS)]
    pub(super) struct Record<T> {
        key: T,
    }
}

#[derive(SseEvent)]
struct Taken {
    record: generic::Record<u8>,
}

#[test]
#[should_panic(expected = "generic::Record<u8>` has the name of a built-in type of TypeScript")]
fn a_generic_type_with_the_name_of_a_built_in_type_panics() {
    assert_current::<Taken>("never_written.ts", &Options::new());
}

#[derive(Serialize, Deserialize, TS)]
struct Ambiguous {
    map: map::Position,
    screen: screen::Position,
}

#[derive(SseEvent)]
struct Refused {
    ambiguous: Ambiguous,
}

#[test]
#[should_panic(expected = "two Rust types of one payload are called `Position` in TypeScript")]
fn two_types_of_one_name_in_one_payload_panic() {
    assert_current::<Refused>("never_written.ts", &Options::new());
}
