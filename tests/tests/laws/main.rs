//! The law of derived types, by property: encoding an event fails and leaves not one byte, or decoding gives it back.
//!
//! What is passed is hostile: CR, LF, NUL, U+2028, leading spaces, a byte order mark, nothing at all, names and texts that
//! have a meaning elsewhere; and it stands in every place where a user can put a text. What is normalised on the way has
//! tests of its own in `normalised`; everything else is exact.

mod hostile;
mod law;
mod nested;
mod normalised;
mod one_way;
mod plain;
mod shared;
mod structs;
mod tagged;
