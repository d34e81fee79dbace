//! Other people's clients read our server: curl, Chromium's `EventSource`, npm's `eventsource` and `eventsource-parser`.
//!
//! The tests are ignored because they need programs; `cargo xtask test` runs them where these are found.

mod curl;
mod event_source;
mod feed;
mod parser;
mod program;
