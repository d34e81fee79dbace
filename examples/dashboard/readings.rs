//! The events of the dashboard, and the sampler that publishes them.

use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sse_typed::{
    Gap, Hub, LastEventId, SseEvent, Subscription,
    hub::{Retention, Start},
};
use sysinfo::{Disks, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The contract of `/events`: the state of this machine. `at` is in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Reading {
    /// The machine itself. It is the first event of each connection.
    Machine {
        name: String,
        system: String,
        cores: usize,
        memory_bytes: u64,
    },
    /// CPU use in percent, in total and by core.
    Cpu {
        at: u64,
        total: f32,
        cores: Vec<f32>,
    },
    Memory {
        at: u64,
        used_bytes: u64,
        total_bytes: u64,
        swap_used_bytes: u64,
    },
    /// Load averages. They are zero on a system that has none.
    Load {
        at: u64,
        one: f64,
        five: f64,
        fifteen: f64,
    },
    Network {
        at: u64,
        received_bytes_per_s: u64,
        sent_bytes_per_s: u64,
    },
    Disk {
        mount: String,
        used_bytes: u64,
        total_bytes: u64,
    },
    ProcessStarted {
        pid: u32,
        name: String,
    },
    ProcessExited {
        pid: u32,
        name: String,
        lived_s: u64,
    },
    /// Events are missing: the server was restarted, or the client was disconnected for too long.
    #[sse(gap)]
    Missed(Gap),
}

/// Samples the machine on its own thread, and publishes the readings to all connections.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    machine: Reading,
    hub: Hub<Reading>,
}

const INTERVAL: Duration = Duration::from_millis(500);

/// The retained history: the time that a page shows, and the longest disconnection without a gap.
const HISTORY: Duration = Duration::from_secs(60);

impl Sampler {
    pub(crate) fn start() -> Self {
        let mut system = System::new();
        system.refresh_memory();
        system.refresh_cpu_usage();
        let machine = Reading::Machine {
            name: System::host_name().unwrap_or_else(|| "This machine".to_owned()),
            system: System::long_os_version().unwrap_or_else(|| "unknown system".to_owned()),
            cores: system.cpus().len(),
            memory_bytes: system.total_memory(),
        };
        let hub = Hub::builder().retain(Retention::events(10_000).age(HISTORY)).build();
        let sampler = Self { machine, hub: hub.clone() };
        thread::spawn(move || sample(system, &hub));
        sampler
    }

    /// The machine, then all readings after the client's last one. A new client first receives the last minute.
    pub(crate) fn readings(&self, last_event_id: LastEventId) -> Subscription<Reading> {
        let start = if last_event_id.is_none() { Start::Earliest } else { Start::after(last_event_id) };
        self.hub.subscribe(start).start_with(self.machine.clone())
    }
}

/// Samples forever, also without subscribers: each rate needs the sample before it.
fn sample(mut system: System, hub: &Hub<Reading>) {
    let mut networks = Networks::new_with_refreshed_list();
    let mut disks = Disks::new_with_refreshed_list();
    let mut processes = None;
    let mut refreshed = Instant::now();
    for round in 0_u64.. {
        thread::sleep(INTERVAL);
        // This does not fail: the readings are plain data, which JSON can hold, and the hub is never closed.
        let send = |reading| drop(hub.publish_now(&reading));
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;

        system.refresh_cpu_usage();
        let cores = system.cpus().iter().map(|core| tenths(core.cpu_usage())).collect();
        send(Reading::Cpu { at, total: tenths(system.global_cpu_usage()), cores });

        system.refresh_memory();
        send(Reading::Memory {
            at,
            used_bytes: system.used_memory(),
            total_bytes: system.total_memory(),
            swap_used_bytes: system.used_swap(),
        });

        let load = System::load_average();
        send(Reading::Load { at, one: load.one, five: load.five, fifteen: load.fifteen });

        networks.refresh(true);
        let seconds = refreshed.elapsed().as_secs_f64();
        refreshed = Instant::now();
        if !networks.is_empty() {
            let rate = |bytes: u64| (bytes as f64 / seconds) as u64;
            send(Reading::Network {
                at,
                received_bytes_per_s: rate(networks.values().map(|network| network.received()).sum()),
                sent_bytes_per_s: rate(networks.values().map(|network| network.transmitted()).sum()),
            });
        }

        if round % 4 == 0 {
            disks.refresh(true);
            for disk in disks.list().iter().filter(|disk| disk.total_space() > 0) {
                send(Reading::Disk {
                    mount: disk.mount_point().display().to_string(),
                    used_bytes: disk.total_space().saturating_sub(disk.available_space()),
                    total_bytes: disk.total_space(),
                });
            }
        }

        if round % 2 == 0 {
            let now = running_processes(&mut system);
            if let Some(before) = processes.replace(now.clone()) {
                publish_changes(&before, &now, send);
            }
        }
    }
}

/// Name and age in seconds of each process.
type Processes = HashMap<Pid, (String, u64)>;

fn running_processes(system: &mut System) -> Processes {
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing().without_tasks());
    let processes = system.processes().iter().filter(|(_, process)| process.thread_kind().is_none());
    processes
        .map(|(pid, process)| (*pid, (process.name().to_string_lossy().into_owned(), process.run_time())))
        .collect()
}

fn publish_changes(before: &Processes, now: &Processes, send: impl Fn(Reading)) {
    for (pid, (name, _)) in now.iter().filter(|(pid, _)| !before.contains_key(pid)) {
        send(Reading::ProcessStarted { pid: pid.as_u32(), name: name.clone() });
    }
    for (pid, (name, lived_s)) in before.iter().filter(|(pid, _)| !now.contains_key(pid)) {
        send(Reading::ProcessExited { pid: pid.as_u32(), name: name.clone(), lived_s: *lived_s });
    }
}

fn tenths(percent: f32) -> f32 {
    (percent * 10.0).round() / 10.0
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the file that the page imports.
#[cfg(test)]
#[test]
fn the_generated_typescript_is_current() {
    use sse_typed::typescript::{Options, assert_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/dashboard/page/reading.ts");
    assert_current::<Reading>(path, &Options::new());
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/dashboard.json");
    assert_compatible(path, &Contract::of::<Reading>(), Policy::both());
}
