//! The memory and the open files of a process.

use std::fmt;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Bytes of resident memory.
    memory: u64,
    /// `None` where the system does not tell.
    files: Option<usize>,
}

/// Memory may grow by this part of its size after the warm-up, which is a quarter, and by these bytes besides. After the warm-up
/// the history is full, and clients have been slow, away and back. From then on only the fragmentation of the allocator and the
/// bursts after an outage grow, which are a few MiB. A leak of one event per second and client is more in an hour.
const GROWTH: u64 = 4;
const GROWTH_BYTES: u64 = 4 << 20;

impl Usage {
    /// Whether memory has grown by more than is usual since another moment.
    pub(crate) fn has_grown_since(&self, warm: &Self) -> bool {
        self.memory > warm.memory + warm.memory / GROWTH + GROWTH_BYTES
    }

    /// Of the process, or of this one.
    pub(crate) fn of(process: Option<u32>) -> Self {
        let Some(pid) = process.map(Pid::from_u32).or_else(|| sysinfo::get_current_pid().ok()) else {
            return Self::default();
        };
        let mut system = System::new();
        let kind = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
        system
            .process(pid)
            .map_or_else(Self::default, |process| Self { memory: process.memory(), files: process.open_files() })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB", self.memory as f64 / f64::from(1 << 20))?;
        match self.files {
            Some(files) => write!(f, ", {files} files"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_grown_if_it_is_more_than_a_quarter_and_4_mib_above() {
        let usage = |mib: u64| Usage { memory: mib << 20, files: None };
        assert!(!usage(54).has_grown_since(&usage(40)));
        assert!(usage(55).has_grown_since(&usage(40)));
        assert!(!usage(30).has_grown_since(&usage(40)));
    }
}
