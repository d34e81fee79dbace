//! Runs in a Redis server.

mod suite;
