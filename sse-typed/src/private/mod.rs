//! Everything that generated code refers to. Not part of the public API: it may change in any release.
//!
//! Code that is the same for all types is here, so that an expansion only contains calls to it.

use std::error::Error;

pub use core::{
    default::Default,
    fmt::Display,
    marker::{PhantomData, Sized},
    option::Option::{self, None, Some},
    primitive::{bool, str, u64},
    result::Result::{self, Err, Ok},
    unreachable,
};
pub use std::string::String;

pub use serde;

pub use self::{
    decode::{
        FromJson, FromText, read_id, read_json, read_json_id, read_nested, read_optional_id, read_optional_json_id,
        read_retry, read_text, read_with, unmatched_data,
    },
    encode::{
        ReasonField, check_nested, check_other, decodes, write_event_type, write_json_id, write_keyed, write_nested,
        write_with,
    },
    keys::selecting_key,
    tag::{tagged_event_type, undeclared, with_event_type},
    tagged::write_tagged,
    types::{assert_disjoint, concat, contains, count},
};
pub use crate::{
    DeriveSseEventAlone,
    codec::{DecodeEvent, Decoded, EncodeEvent, EventKind, EventWriter, HubEvent, Nests},
    event::{DecodeError, EncodeError, Gap, GapEvent, GapField, GapReason, PartName, RawEvent, RawEventRef},
};

#[cfg(feature = "file")]
pub use crate::stores::file::{Files, Hooks, Storage};

mod decode;
pub mod describe;
mod encode;
#[cfg(feature = "contract")]
pub(crate) mod fields;
mod keys;
mod tag;
mod tagged;
mod types;
mod without_key;

type BoxError = Box<dyn Error + Send + Sync>;
