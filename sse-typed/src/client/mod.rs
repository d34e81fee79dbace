//! The client: HTTP responses as event streams.
