//! The TypeScript of event types: each attribute and each wire format, as committed files. The interop tests compile and run
//! them.

mod contracts;
