//! The entry points of the fuzz target `records`. Only `--cfg fuzzing` compiles this module.

pub use super::{
    file::fuzzing::{file_position, file_records},
    redis::fuzzing::{redis_position, redis_record},
};
