//! One large event. Prints `large`, size in MiB, decoder, milliseconds, and the peak of memory divided by the size of the data.
//!
//! `cargo run --release --bin large`
//!
//! Each runs in its own process, which is stopped when it takes too long: some decoders are quadratic.

use std::{
    alloc::System,
    env,
    hint::black_box,
    io::{self, Read},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use benches::{decode, input, timing::median};
use bytes::Bytes;
use cpu_time::ThreadTime;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIZES: [usize; 4] = [1, 4, 16, 64];
const TIME_LIMIT: Duration = Duration::from_secs(4);

type Decode = fn(&[Bytes]) -> usize;

/// A decoder that returns the size of the data.
macro_rules! decoder {
    ($name:literal, $read:path) => {
        ($name, |chunks| {
            let mut size = 0;
            $read(chunks, |_: &str, data: &str, _: &str| size += data.len());
            size
        })
    };
}

const DECODERS: [(&str, Decode); 9] = [
    decoder!("sse-typed, lending", decode::lending),
    decoder!("sse-typed, owned", decode::owned),
    decoder!("sse-core", decode::sse_core),
    decoder!("sse-stream", decode::sse_stream),
    decoder!("sseer", decode::sseer),
    decoder!("russe", decode::russe),
    decoder!("eventsource-client", decode::eventsource_client),
    decoder!("eventsource-stream", decode::eventsource_stream),
    ("scan, UTF-8 check, and one copy", copy),
];

/// The least work to return an event of many chunks as one piece.
fn copy(chunks: &[Bytes]) -> usize {
    let (mut data, mut ends) = (Vec::new(), 0);
    for chunk in chunks {
        ends += memchr::memchr2_iter(b'\n', b'\r', chunk).count();
        data.extend_from_slice(chunk);
    }
    let data = String::from_utf8(data).unwrap_or_default();
    black_box(&data).len() - "event: report\ndata: ".len() - (ends - 1)
}

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [name, size] = &args[..] {
        let (_, read) = DECODERS.into_iter().find(|(other, _)| other == name).ok_or(io::ErrorKind::NotFound)?;
        measure(read, size.parse().map_err(io::Error::other)?);
        return Ok(());
    }
    for (name, _) in DECODERS {
        for size in SIZES {
            let Some((time, peak)) = median_of_runs(name, size)? else {
                println!("large\t{size}\t{name}\tover\tover");
                break;
            };
            println!("large\t{size}\t{name}\t{time:.2}\t{peak:.2}");
        }
    }
    Ok(())
}

/// The median time in milliseconds, and the median peak. `None` if the decoder takes too long.
fn median_of_runs(name: &str, size: usize) -> io::Result<Option<(f64, f64)>> {
    let mut results = Vec::new();
    let began = Instant::now();
    // Each run has a fresh process, so that no run reuses the memory of another.
    while results.len() < 5 && began.elapsed() < TIME_LIMIT / 2 {
        match run_with_limit(name, size)? {
            Some(result) => results.push(result),
            None => return Ok(None),
        }
    }
    let (times, peaks): (Vec<f64>, Vec<f64>) = results.into_iter().unzip();
    Ok(Some((median(times), median(peaks))))
}

/// Runs a decoder in a child process, and stops it after `TIME_LIMIT`.
fn run_with_limit(name: &str, size: usize) -> io::Result<Option<(f64, f64)>> {
    let began = Instant::now();
    let mut child = Command::new(env::current_exe()?).args([name, &size.to_string()]).stdout(Stdio::piped()).spawn()?;
    while child.try_wait()?.is_none() {
        if began.elapsed() > TIME_LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(2));
    }
    let mut output = String::new();
    child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?.read_to_string(&mut output)?;
    let result = output.trim().split_once(' ').and_then(|(time, peak)| Some((time.parse().ok()?, peak.parse().ok()?)));
    result.map(Some).ok_or_else(|| io::Error::other(format!("{name} has failed")))
}

fn measure(read: Decode, mib: usize) {
    let input = input::large(mib << 20);
    let expected = input.data_bytes() as usize;
    ALLOCATOR.reset_peak_memory();
    let began = ThreadTime::now();
    let size = black_box(read(&input.chunks));
    let time = began.elapsed().as_secs_f64() * 1e3;
    assert_eq!(size, expected, "data is missing");
    println!("{time} {}", ALLOCATOR.get_peak_memory() as f64 / expected as f64);
}
