//! Stores: what holds of every history that outlives its process, and what holds of each engine.

mod file;
