//! The measurements of runs on a store. The program runs each of them in a process of its own.

mod cost;
mod latency;
mod tokens;

use std::time::Duration;

use redis_store::Result;
use sse_typed::{
    EncodeEvent,
    runs::{AnyRunStore, Runs},
};
use stores::Folder;

pub use self::{cost::cost, latency::latency, tokens::tokens};

/// Nothing that is waited for takes so long.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The events of an answer of a language model.
#[derive(Clone, Debug, EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Answer {
    Token {
        text: &'static str,
    },
    #[sse(terminal)]
    Done,
    #[sse(terminal, failed)]
    Failed {
        reason: String,
    },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

/// About 40 bytes on the wire, without the id.
const TOKEN: Answer = Answer::Token { text: "word " };

/// A store, and its data.
#[derive(Debug)]
pub struct Store {
    store: AnyRunStore,
    url: String,
    folder: Option<Folder>,
}

impl Store {
    /// Opens the store of this URL. That of `file:` is in a new folder below the current one.
    ///
    /// # Errors
    ///
    /// If the store cannot be opened.
    pub async fn open(url: &str) -> Result<Self> {
        let folder = if url == "file:" { Some(Folder::new("runs-on-stores")?) } else { None };
        let url = folder.as_ref().map_or_else(|| url.to_owned(), |folder| format!("{url}{}", folder.path().display()));
        Ok(Self { store: AnyRunStore::open(&url).await?, url, folder })
    }

    /// Runs that may have any number of events, under keys that start with the name.
    fn runs(&self, name: &str) -> Runs<Answer, AnyRunStore> {
        Runs::builder().max_events(u64::MAX).max_bytes(u64::MAX).build_on(self.store.clone(), name)
    }

    /// The bytes in the files of the store, or in its server. `None` where all is on the heap of this process.
    async fn size(&self) -> Result<Option<u64>> {
        if let Some(folder) = &self.folder {
            return Ok(Some(folder.size()));
        }
        if !self.url.starts_with("redis") {
            return Ok(None);
        }
        let mut connection = redis::Client::open(&*self.url)?.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(Some(used.ok_or("Redis does not say how much memory it uses")?.trim().parse()?))
    }
}

/// The middle one of the values, which are sorted.
fn median<T: PartialOrd + Copy>(values: &mut [T]) -> Option<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median(&mut [9, 1, 5]), Some(5));
        assert_eq!(median::<u32>(&mut []), None);
    }
}
