//! The command line.

use std::{collections::BTreeSet, fmt, time::Duration};

#[derive(Debug)]
pub(crate) enum Role {
    /// What a person starts.
    Soak(Arguments),
    /// What it starts for a store that outlives a process: the server.
    Server { store: String, key: String, retained: usize },
}

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) store: Store,
    pub(crate) connections: u64,
    /// Events per second.
    pub(crate) rate: u64,
    pub(crate) duration: Duration,
    pub(crate) faults: BTreeSet<Fault>,
    /// The process of the Redis that is paused.
    pub(crate) redis_pid: Option<u32>,
    pub(crate) seed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    File(String),
    /// One that runs.
    Redis(String),
    /// One that is started.
    OwnRedis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Connections of clients are reset, closed, closed in the middle of an event, and stalled.
    Cut,
    /// Clients that do not read for a while.
    Slow,
    /// Clients that disconnect, and return when their last event may be trimmed.
    Leave,
    /// The server is drained, and a new one is started on the same store.
    Restart,
    /// The process of the server is killed by SIGKILL and started again.
    Kill,
    /// The connections to Redis are cut, and refused for a while.
    Store,
    /// The process of Redis is paused by SIGSTOP.
    Pause,
}

pub(crate) const USAGE: &str = "\
usage: cargo run --release --example soak [--features redis] -- [OPTIONS]
  --store STORE      memory, file:FOLDER, redis://HOST, or redis, which starts one (memory)
  --connections N    clients, 1 to 10000 (40)
  --rate N           events per second, 1 to 10000 (100)
  --duration TIME    such as 30s, 10m or 1h (1m)
  --faults LIST      all, none, or some of cut,slow,leave,restart,kill,store,pause (all that the store admits)
  --redis-pid PID    the process of the Redis that `pause` pauses; that of a started one is known
  --seed N           of the random faults (1)";

impl Fault {
    pub(crate) const ALL: [Self; 7] =
        [Self::Cut, Self::Slow, Self::Leave, Self::Restart, Self::Kill, Self::Store, Self::Pause];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Slow => "slow",
            Self::Leave => "leave",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Store => "store",
            Self::Pause => "pause",
        }
    }

    /// Why the fault is not possible, if it is not.
    fn impossible(self, store: &Store, redis_pid: Option<u32>) -> Option<&'static str> {
        match (self, store) {
            (Self::Kill, Store::Memory) => {
                Some("the memory store ends with its process. Take `--store file:FOLDER` or `--store redis`")
            }
            (Self::Store | Self::Pause, Store::Memory | Store::File(_)) => {
                Some("only a store in another process can be away. Take `--store redis`")
            }
            (Self::Store, Store::Redis(url)) if redis_authority(url).is_none() => {
                Some("it goes through a proxy, which needs a URL of the form `redis://HOST`, without TLS")
            }
            (Self::Pause, _) if !cfg!(unix) => Some("it needs SIGSTOP, which only Unix has"),
            (Self::Pause, Store::Redis(_)) if redis_pid.is_none() => Some("it needs `--redis-pid PID`"),
            _ => None,
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File(folder) => write!(f, "file:{folder}"),
            Self::OwnRedis => f.write_str("redis"),
            // Without the password that it may contain.
            Self::Redis(url) => f.write_str(url.rsplit_once('@').map_or(url, |(_, host)| host)),
        }
    }
}

/// The part of a `redis://` URL that is the host and the port.
pub(crate) fn redis_authority(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("redis://")?;
    let authority = rest.split(['/', '?']).next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host)).filter(|host| !host.is_empty())
}

pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Role, String> {
    let words: Vec<String> = words.collect();
    if let [role, store, key, retained] = &words[..]
        && role == "server"
    {
        let retained = retained.parse().map_err(|_| USAGE.to_owned())?;
        return Ok(Role::Server { store: store.clone(), key: key.clone(), retained });
    }
    let mut arguments = Arguments {
        store: Store::Memory,
        connections: 40,
        rate: 100,
        duration: Duration::from_secs(60),
        faults: BTreeSet::new(),
        redis_pid: None,
        seed: 1,
    };
    let mut faults = "all".to_owned();
    let mut words = words.into_iter();
    while let Some(option) = words.next() {
        if !option.starts_with("--") || !USAGE.contains(&format!("\n  {option} ")) {
            return Err(format!("`{option}` is not an option\n{USAGE}"));
        }
        let value = words.next().ok_or_else(|| format!("`{option}` needs a value\n{USAGE}"))?;
        match &*option {
            "--store" => arguments.store = store(&value)?,
            "--connections" => arguments.connections = number(&option, &value, 10_000)?,
            "--rate" => arguments.rate = number(&option, &value, 10_000)?,
            "--duration" => arguments.duration = duration(&value)?,
            "--redis-pid" => arguments.redis_pid = Some(u32::try_from(number(&option, &value, 1 << 30)?).unwrap_or(0)),
            "--seed" => arguments.seed = number(&option, &value, u64::MAX)?,
            _ => faults = value,
        }
    }
    if arguments.redis_pid.is_some() && !matches!(arguments.store, Store::Redis(_)) {
        return Err("`--redis-pid` needs `--store redis://HOST`".to_owned());
    }
    arguments.faults = chosen(&faults, &arguments.store, arguments.redis_pid)?;
    Ok(Role::Soak(arguments))
}

fn store(value: &str) -> Result<Store, String> {
    match value.split_once(':') {
        None if value == "memory" => Ok(Store::Memory),
        None if value == "redis" => Ok(Store::OwnRedis),
        Some(("memory", "")) => Ok(Store::Memory),
        Some(("file", folder)) if !folder.is_empty() => Ok(Store::File(folder.to_owned())),
        Some(("file", _)) => Err("`--store file:` needs a folder, such as `file:events`".to_owned()),
        Some(("redis" | "rediss", _)) => Ok(Store::Redis(value.to_owned())),
        _ => Err(format!("`--store` needs `memory`, `file:FOLDER`, `redis` or `redis://HOST`, not `{value}`")),
    }
}

fn number(option: &str, value: &str, max: u64) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| format!("`{option}` needs a number from 1 to {max}, not `{value}`"))
}

fn duration(value: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let count: u64 = value.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(*seconds).filter(|seconds| (1..=30 * 86_400).contains(seconds))
    });
    let seconds = seconds.ok_or_else(|| {
        format!("`--duration` needs a time up to 30 days, such as `30s`, `10m` or `1h`, not `{value}`")
    })?;
    Ok(Duration::from_secs(seconds))
}

fn chosen(names: &str, store: &Store, redis_pid: Option<u32>) -> Result<BTreeSet<Fault>, String> {
    match names {
        "none" => return Ok(BTreeSet::new()),
        "all" => {
            return Ok(Fault::ALL.into_iter().filter(|fault| fault.impossible(store, redis_pid).is_none()).collect());
        }
        _ => {}
    }
    let fault = |name: &str| {
        let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| {
            let known: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            format!("`{name}` is not a fault: `--faults` takes `all`, `none`, or some of {}", known.join(", "))
        })?;
        match fault.impossible(store, redis_pid) {
            Some(why) => Err(format!("the fault `{name}` is not possible: {why}")),
            None => Ok(fault),
        }
    };
    names.split(',').map(fault).collect()
}
