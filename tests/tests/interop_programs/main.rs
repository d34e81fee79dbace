//! Other programs that read this crate's streams: curl, Chromium, and npm's `eventsource` and `eventsource-parser`, directly
//! and through nginx or Caddy. The strict parser of h11 reads the bytes of `server::Server`. Also the generated TypeScript, compiled by TypeScript and run by Node.
//!
//! The tests are ignored by default because they need these programs. `cargo xtask test` runs those whose programs are
//! installed.

mod browser;
mod caddy;
mod certificate;
mod contracts;
mod controlled;
mod curl;
mod documents;
mod event_source;
mod feed;
mod h11;
mod nginx;
mod parser;
mod program;
mod server;
mod typescript;
