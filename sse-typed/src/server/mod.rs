//! The server: event streams as HTTP responses.
