//! Types of one name.

use serde::{Deserialize, Serialize};
use sse_typed::{SseEvent, typescript::Options};
use ts_rs::TS;

use crate::contracts::assert_current;

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

/// Types that are called as ones of TypeScript's own.
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
fn types_of_one_name_are_told_apart() {
    assert_current::<Clash>("clash.ts", &Options::new());
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
fn two_types_of_one_name_in_one_payload_are_refused() {
    assert_current::<Refused>("never_written.ts", &Options::new());
}
