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

impl Usage {
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
