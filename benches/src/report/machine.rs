//! A description of the machine, the compiler and the crates.

use std::{env::consts, fs, process::Command, thread};

/// The crates whose versions affect the numbers.
const CRATES: [&str; 19] = [
    "axum",
    "bytes",
    "eventsource-client",
    "eventsource-stream",
    "http-body",
    "hyper",
    "hyper-util",
    "memchr",
    "reqwest",
    "reqwest-eventsource",
    "russe",
    "serde_json",
    "simdutf8",
    "sse-core",
    "sse-stream",
    "sseer",
    "tokio",
    "tokio-stream",
    "warp",
];

pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let mut features = vec![
        #[cfg(target_arch = "x86_64")]
        ("SSE4.2", is_x86_feature_detected!("sse4.2")),
        #[cfg(target_arch = "x86_64")]
        ("AVX2", is_x86_feature_detected!("avx2")),
    ];
    features.retain(|(_, has)| *has);
    let features: Vec<&str> = features.into_iter().map(|(name, _)| name).collect();
    let features = if features.is_empty() { String::new() } else { format!(" with {}", features.join(" and ")) };
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let rustc = rustc.split(' ').nth(1).unwrap_or("of unknown version");
    let crates: Vec<String> = CRATES.iter().filter_map(|name| Some(format!("{name} {}", version(name)?))).collect();
    format!(
        "Machine: {cores} cores, {}{features}{}, {} GiB of memory, {}.\n\
         Built by rustc {rustc} with `--release`, and no other setting.\n\n\
         Crates:\n{}.",
        consts::ARCH,
        processor().map(|name| format!(" ({name})")).unwrap_or_default(),
        gibibytes(),
        consts::OS,
        wrapped(&crates)
    )
}

/// A list with commas, on lines of at most about 110 characters.
fn wrapped(words: &[String]) -> String {
    let mut text = String::new();
    let mut line = 0;
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            text.push(',');
            let breaks = line + word.len() > 110;
            text.push(if breaks { '\n' } else { ' ' });
            line = if breaks { 0 } else { line + 2 };
        }
        text.push_str(word);
        line += word.len();
    }
    text
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.split('@').next()?.trim().to_owned())
}

fn gibibytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = info.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.unwrap_or(0).div_ceil(1 << 20)
}

/// The version in the lock file.
fn version(name: &str) -> Option<&'static str> {
    let lock = include_str!("../../Cargo.lock");
    let (_, behind) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    behind.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_has_every_listed_crate() {
        for name in CRATES {
            assert!(version(name).is_some(), "{name}");
        }
    }
}
