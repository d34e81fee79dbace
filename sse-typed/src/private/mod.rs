//! All that generated code names. Not part of the public API: it may change in any release.
//!
//! What can be written once for all types stands here and not in every expansion: the derive writes calls.

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
pub use serde;

pub use self::{
    decode::{
        FromJson, FromText, read_id, read_json, read_json_id, read_nested, read_optional_id, read_optional_json_id,
        read_own, read_retry, read_text, unexpected,
    },
    encode::{check_nested, event_type, refuse_declared, takes, write_json_id, write_keyed, write_nested, write_own},
    keys::selecting_key,
    tag::{event_type_of, renamed, unknown},
    tagged::write_tagged,
    types::{assert_disjoint, concat, contains, count},
};
pub use crate::{
    DeriveSseEventAlone,
    codec::{DecodeEvent, Decoded, EncodeEvent, EventKind, EventWriter, HubEvent, Unites},
    event::{DecodeError, EncodeError, Gap, GapEvent, GapField, GapReason, PartName, RawEvent, RawEventRef},
};

mod decode;
pub mod describe;
mod encode;
mod keys;
mod tag;
mod tagged;
mod types;
mod without_key;

type BoxError = Box<dyn Error + Send + Sync>;
