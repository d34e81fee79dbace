//! The command line.

use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) port: u16,
    /// The time of the model for one word.
    pub(crate) pace: Duration,
    /// The URL of the store.
    pub(crate) store: String,
    /// The origin of another server on the same store.
    pub(crate) peer: Option<String>,
}

const USAGE: &str =
    "usage: cargo run --example resumable_chat [-- --port N --pace MS --store URL --peer http://HOST:PORT]";

pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments =
        Arguments { port: 3008, pace: Duration::from_millis(60), store: "memory:".to_owned(), peer: None };
    while let Some(option) = words.next() {
        if !["--port", "--pace", "--store", "--peer"].contains(&&*option) {
            return Err(USAGE.to_owned());
        }
        let value = words.next().ok_or_else(|| format!("`{option}` needs a value"))?;
        let not_a_number = |_| format!("`{option}` needs a number, not `{value}`");
        match &*option {
            "--port" => arguments.port = value.parse().map_err(not_a_number)?,
            "--pace" => arguments.pace = Duration::from_millis(value.parse().map_err(not_a_number)?),
            "--store" => arguments.store = value,
            _ => arguments.peer = Some(value.trim_end_matches('/').to_owned()),
        }
    }
    let is_shared = arguments.store.starts_with("redis");
    if arguments.peer.is_some() && !is_shared {
        return Err(format!("two servers cannot share the store `{}`: take `--store redis://HOST`", arguments.store));
    }
    Ok(arguments)
}
