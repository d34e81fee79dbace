//! `FileStore`, and the engine that it is made of without it. `file` prints the figures, one a line.

use std::{
    env,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sse_typed::{
    __private::{Hooks, Storage},
    hub::{Block, EventLog, EventStore, LogOptions, Retention},
    stores::FileStore,
};
use stores::{
    Folder,
    engines::{Engine, Redb, Result},
    rate,
    slow::SlowDisk,
    timed,
};
use tokio::runtime::Runtime;

const MILLION: usize = 1_000_000;
const PUBLISHERS: usize = 64;
/// What one contender has in its turn, and how often it is its turn.
const TURN: Duration = Duration::from_secs(1);
const TURNS: usize = 5;
/// What a sync takes where nothing hides it.
const SYNC: Duration = Duration::from_millis(4);

fn main() -> Result<()> {
    let runtime = Runtime::new()?;
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", folder] => runtime.block_on(fill(Path::new(folder))),
        _ => {
            beside_the_engine(&runtime)?;
            over_a_slow_disk(&runtime)?;
            retained(&runtime)?;
            killed(&runtime)
        }
    }
}

/// An event of 200 bytes.
fn event() -> Result<Block> {
    Ok(Block::new(format!("event: position\ndata: {}\n\n", "x".repeat(176)), false)?)
}

/// Publishes by so many tasks for a turn, to as many keys as there are; returns events a second.
async fn published(store: &FileStore, publishers: usize, keys: usize) -> Result<f64> {
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let tasks: Vec<_> = (0..publishers)
        .map(|publisher| {
            let (log, stop) = (store.log(&format!("log {}", publisher % keys)), Arc::clone(&stop));
            tokio::spawn(async move {
                let (event, mut count) = (event()?, 0);
                while !stop.load(Ordering::Relaxed) {
                    log.append(&event).await?;
                    count += 1;
                    if start.elapsed() > TURN {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(rate(count, start.elapsed()))
}

/// The store and the engine on disks of the same kind, in turns.
fn beside_the_engine(runtime: &Runtime) -> Result<()> {
    let (folder, bare_folder) = (Folder::new("file")?, Folder::new("bare")?);
    let options = LogOptions::new().retain(Retention::events(MILLION));
    let store = FileStore::builder().options(options.clone()).open(folder.path())?;
    in_turns(runtime, "on this disk", &store, &Redb::open(bare_folder.path())?)?;
    for (disk, sync) in [("in memory, no syncs", Duration::ZERO), ("a sync takes 4 ms", SYNC)] {
        let mut hooks = Hooks::default();
        hooks.files = Some(Arc::new(SlowDisk::new(sync)));
        let store = FileStore::builder().options(options.clone()).hooks(hooks).open("")?;
        in_turns(runtime, disk, &store, &Redb::on(SlowDisk::new(sync))?)?;
    }
    Ok(())
}

fn in_turns(runtime: &Runtime, disk: &str, store: &FileStore, engine: &Redb) -> Result<()> {
    for (publishers, keys) in [(1, 1), (PUBLISHERS, 1), (PUBLISHERS, PUBLISHERS)] {
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            bare.push(appended(engine, publishers as u64)?);
            ours.push(runtime.block_on(published(store, publishers, keys))?);
        }
        let (bare, ours) = (median(bare), median(ours));
        println!("| {disk} | {publishers} | {keys} | {bare:.0} | {ours:.0} | {:.2} |", ours / bare);
    }
    Ok(())
}

/// Events a second of the bare engine, so many by one commit.
fn appended(engine: &impl Engine, by: u64) -> Result<f64> {
    let (start, mut next) = (Instant::now(), engine.head()? + 1);
    let first = next;
    while start.elapsed() < TURN {
        engine.append(next..next + by, 0..0)?;
        next += by;
    }
    Ok(rate(next - first, start.elapsed()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn over_a_slow_disk(runtime: &Runtime) -> Result<()> {
    let disk = SlowDisk::new(SYNC);
    let mut hooks = Hooks::default();
    hooks.files = Some(Arc::new(disk.clone()));
    let store = FileStore::builder().hooks(hooks).open("")?;
    for (publishers, keys) in [(1, 1), (2, 1), (8, 1), (PUBLISHERS, 1), (PUBLISHERS, PUBLISHERS)] {
        let (mut serial, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            serial.push(synced(&disk)?);
            ours.push(runtime.block_on(published(&store, publishers, keys))?);
        }
        let (serial, ours) = (median(serial), median(ours));
        let times = ours / serial;
        println!("| {publishers} | {keys} | {serial:.0} | {ours:.0} | {times:.1} |");
    }
    Ok(())
}

/// Syncs a second, one behind the other.
fn synced(disk: &SlowDisk) -> Result<f64> {
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < TURN {
        disk.sync()?;
        count += 1;
    }
    Ok(rate(count, start.elapsed()))
}

fn retained(runtime: &Runtime) -> Result<()> {
    const KEPT: usize = 100_000;
    let folder = Folder::new("retained")?;
    let options = LogOptions::new().retain(Retention::events(KEPT).bytes(usize::MAX));
    let store = FileStore::builder().options(options).open(folder.path())?;
    runtime.block_on(append_all(&store, 10 * KEPT))?;
    runtime.block_on(store.close());
    let kept = (KEPT * event()?.as_bytes().len()) as f64;
    println!("file after ten times the retention: {:.2} x what is kept", folder.size() as f64 / kept);
    Ok(())
}

async fn append_all(store: &FileStore, count: usize) -> Result<()> {
    const TASKS: usize = 1000;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let log = store.log("log");
            tokio::spawn(async move {
                let event = event()?;
                for _ in 0..count / TASKS {
                    log.append(&event).await?;
                }
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn fill(folder: &Path) -> Result<()> {
    let options = LogOptions::new().retain(Retention::events(MILLION).bytes(usize::MAX));
    let store = FileStore::builder().options(options).open(folder)?;
    append_all(&store, MILLION).await?;
    // As kill -9 does it: no destructor runs.
    std::process::abort();
}

fn killed(runtime: &Runtime) -> Result<()> {
    let folder = Folder::new("killed")?;
    let (status, filled) = timed(|| Command::new(env::current_exe()?).arg("fill").arg(folder.path()).status());
    if status?.success() {
        return Err("the process that fills must not end well".into());
    }
    println!("filled with a million events in {:.1} s, {:.0} MB", filled.as_secs_f64(), folder.size() as f64 / 1e6);
    let (store, opened) = timed(|| FileStore::open(folder.path()));
    println!("opened after kill -9 in {:.2} s", opened.as_secs_f64());
    let log = store?.log("log");
    let (replayed, time) = timed(|| runtime.block_on(replay(&log)));
    let replayed = replayed?;
    if replayed != MILLION {
        return Err(format!("{replayed} events are left").into());
    }
    println!("replayed by pages of 256: {:.0} events/s", rate(replayed as u64, time));
    Ok(())
}

async fn replay(log: &impl EventLog) -> Result<usize> {
    let (mut place, mut count) = (log.before_last(u64::MAX).await?, 0);
    loop {
        let page = log.read_after(place.as_str(), 256).await?;
        if page.entries.is_empty() {
            return Ok(count);
        }
        count += page.entries.len();
        place = page.next_position(&place);
    }
}
