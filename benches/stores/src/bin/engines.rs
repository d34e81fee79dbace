//! Compares the embedded engines that a file store could be made of, on its workload. `engines` prints a table.

use std::{
    env,
    path::Path,
    process::{Command, exit},
    time::{Duration, Instant},
};

use stores::{
    Folder,
    engines::{Engine, Fjall, Redb, Result},
    rate, timed,
};

const MILLION: u64 = 1_000_000;
const PUBLISHERS: u64 = 64;
const KEPT: u64 = 100_000;
/// How long a rate is measured.
const TIME: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", Redb::NAME, folder] => fill::<Redb>(Path::new(folder)),
        ["fill", Fjall::NAME, folder] => fill::<Fjall>(Path::new(folder)),
        _ => {
            println!(
                "| engine | 1 publisher, events/s | 64 publishers, events/s | the same with trimming | size of 10 x retention / kept | fill of a million, s | its size, MB | opened after kill -9, s | replay, events/s |"
            );
            println!("|---|---|---|---|---|---|---|---|---|");
            measure::<Redb>()?;
            measure::<Fjall>()
        }
    }
}

fn measure<E: Engine>() -> Result<()> {
    print!("| {} ", E::NAME);
    let folder = Folder::new("rates")?;
    let engine = E::open(folder.path())?;
    let one = appended(&engine, 1)?;
    let many = appended(&engine, PUBLISHERS)?;
    print!("| {one:.0} | {many:.0} ");
    drop((engine, folder));

    let folder = Folder::new("trim")?;
    let engine = E::open(folder.path())?;
    let (done, time) = timed(|| trimmed(&engine));
    done?;
    drop(engine);
    let kept = (KEPT * stores::engines::RECORD as u64) as f64;
    print!("| {:.0} | {:.1} ", rate(10 * KEPT, time), folder.size() as f64 / kept);
    drop(folder);

    // A process of its own, which ends itself without closing anything.
    let folder = Folder::new("killed")?;
    let (status, filled) =
        timed(|| Command::new(env::current_exe()?).args(["fill", E::NAME]).arg(folder.path()).status());
    if status?.success() {
        return Err("the process that fills must not end well".into());
    }
    let size = folder.size() as f64 / 1e6;
    let (engine, opened) = timed(|| E::open(folder.path()));
    let engine = engine?;
    if engine.head()? != MILLION {
        return Err("synced events are lost".into());
    }
    let (replayed, time) = timed(|| replay(&engine));
    let replayed = rate(replayed?, time);
    println!("| {:.1} | {size:.0} | {:.2} | {replayed:.0} |", filled.as_secs_f64(), opened.as_secs_f64());
    Ok(())
}

/// Events a second, committed by so many at once.
fn appended(engine: &impl Engine, by: u64) -> Result<f64> {
    let (start, mut next) = (Instant::now(), engine.head()? + 1);
    let first = next;
    while start.elapsed() < TIME {
        engine.append(next..next + by, 0..0)?;
        next += by;
    }
    Ok(rate(next - first, start.elapsed()))
}

/// Ten times the retention; one event leaves for each that comes.
fn trimmed(engine: &impl Engine) -> Result<()> {
    let mut next = 1;
    while next <= 10 * KEPT {
        let end = next + PUBLISHERS;
        let oldest = |next: u64| next.saturating_sub(KEPT).max(1);
        engine.append(next..end, oldest(next)..oldest(end))?;
        next = end;
    }
    Ok(())
}

fn fill<E: Engine>(folder: &Path) -> Result<()> {
    let engine = E::open(folder)?;
    for from in (1..=MILLION).step_by(1000) {
        engine.append(from..from + 1000, 0..0)?;
    }
    // As kill -9 does it: no destructor runs.
    std::process::abort();
}

fn replay(engine: &impl Engine) -> Result<u64> {
    let (mut place, mut pages) = (0, 0);
    while let Some(last) = engine.read(place, 256)? {
        (place, pages) = (last, pages + 1);
    }
    if place != MILLION || pages == 0 {
        eprintln!("replayed up to {place} only");
        exit(1);
    }
    Ok(place)
}
