//! The memory of the kernel.

use std::fs;

/// In bytes. Zero where it is not known.
#[derive(Clone, Copy, Debug)]
pub struct KernelMemory {
    /// Objects of the kernel, such as sockets, files and entries of epoll.
    pub slab: u64,
    /// The buffers of all TCP sockets.
    pub tcp_buffers: u64,
    /// Memory that programs can still get without swapping.
    pub available: u64,
}

impl KernelMemory {
    pub fn now() -> Self {
        const PAGE: u64 = 4096;
        let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kibibytes = |name: &str| number_after(&info, name) << 10;
        let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        let tcp = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
        Self {
            slab: kibibytes("Slab:"),
            tcp_buffers: number_after(tcp, " mem ") * PAGE,
            available: kibibytes("MemAvailable:"),
        }
    }
}

fn number_after(text: &str, name: &str) -> u64 {
    let number = text.split_once(name).and_then(|(_, behind)| behind.split_whitespace().next());
    number.and_then(|word| word.parse().ok()).unwrap_or(0)
}
