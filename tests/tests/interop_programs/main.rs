//! Other people's programs and our server: curl, Chromium, npm's `eventsource` and `eventsource-parser`, and nginx between. And
//! the generated TypeScript, which other people's programs compile and run.
//!
//! The tests are ignored because they need programs; `cargo xtask test` runs them where these are found.

mod browser;
mod certificate;
mod curl;
mod event_source;
mod feed;
mod nginx;
mod parser;
mod program;
mod server;
mod stage;
mod typescript;
