//! The command line.

#[derive(Debug)]
pub(crate) enum Role {
    /// What a person starts.
    Cluster(Arguments),
    /// What it starts: one of the servers.
    Server { store: String, key: String, port: u16 },
}

#[derive(Debug)]
pub(crate) struct Arguments {
    /// The URL of a store that several processes can share. Without it, a Redis is started.
    pub(crate) store: Option<String>,
    pub(crate) clients: u64,
    pub(crate) events: u64,
}

const USAGE: &str =
    "usage: cargo run --example cluster --features redis [-- --store redis://HOST --clients N --events N]";

pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Role, String> {
    let words: Vec<String> = words.collect();
    if let [role, store, key, port] = &words[..]
        && role == "server"
    {
        let port = port.parse().map_err(|_| USAGE.to_owned())?;
        return Ok(Role::Server { store: store.clone(), key: key.clone(), port });
    }
    let mut arguments = Arguments { store: None, clients: 8, events: 300 };
    let mut words = words.into_iter();
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| USAGE.to_owned())?;
        let number =
            || value.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or_else(|| USAGE.to_owned());
        match &*option {
            "--clients" => arguments.clients = number()?,
            "--events" => arguments.events = number()?,
            "--store" => arguments.store = Some(shared(value)?),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(Role::Cluster(arguments))
}

/// Refuses a store that belongs to one process.
fn shared(url: String) -> Result<String, String> {
    let why = match url.split_once(':') {
        Some(("memory", _)) => "`memory:` is not shared: each server process would have a store of its own",
        Some(("file", _)) => "`file:` is not shared: a folder can be opened by one process at a time",
        _ => return Ok(url),
    };
    Err(format!("{why}. Take `--store redis://HOST`, or leave it out and install redis-server"))
}
