//! Stores by URL, for programs that choose their store by configuration.
//!
//! [`AnyStore::open`](crate::hub::AnyStore#method.open) opens them, and with the feature `runs` `AnyRunStore::open`, as stores of
//! runs. This module depends on [`hub`](crate::hub), and not on the
//! server or the client. Its API has no types of other storage libraries, such as a Redis client.
//!
//! | URL | store | feature |
//! |---|---|---|
//! | `memory:` | [`MemoryStore`](crate::hub::MemoryStore), in the memory of this process | `hub` |
//! | `file:PATH` | `FileStore`, in a folder on a local disk that one process at a time uses; no server is needed | `file` |
//! | `redis://..`, `rediss://..` | `RedisStore`, in a Redis server that any number of processes share | `redis` |

#[cfg(feature = "file")]
pub(crate) mod file;
#[cfg(all(fuzzing, feature = "file", feature = "redis", feature = "runs"))]
#[doc(hidden)]
pub mod fuzzing;
mod open;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;

#[cfg(feature = "file")]
#[cfg_attr(docsrs, doc(cfg(feature = "file")))]
pub use self::file::{Durability, FileLog, FileStore, FileStoreBuilder, FileStoreError};
pub use self::open::OpenStoreError;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use self::redis::{RedisError, RedisLog, RedisStore, RedisStoreBuilder};
