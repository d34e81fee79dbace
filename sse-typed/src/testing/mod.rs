//! For tests: what implementations of this crate's traits are held against.
//!
//! It stands above all other rooms, and nothing there names it. It needs no features of a runtime that programs would not
//! have.
//!
//! ```
//! use sse_typed::{
//!     hub::{MemoryLog, Retention},
//!     testing,
//! };
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(
//! testing::event_log(async |events| MemoryLog::new(Retention::events(events)))
//! # );
//! # Ok::<(), std::io::Error>(())
//! ```

mod event_log;

pub use self::event_log::event_log;
