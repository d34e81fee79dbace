//! The derive macros of `sse-typed`.
