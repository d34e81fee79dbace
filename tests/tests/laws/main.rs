//! Property tests of derived types: encoding an event fails without writing a byte, or decoding returns the event.
//!
//! Every string in an event is hostile: it contains CR, LF, NUL, U+2028, leading spaces or a byte order mark, is empty, or is a
//! name with a meaning elsewhere. Values that arrive changed have their own tests in `normalised`. All others must arrive
//! unchanged.

mod hostile;
mod nested;
mod normalised;
mod one_way;
mod plain;
mod round_trip;
mod shared;
mod structs;
mod tagged;
