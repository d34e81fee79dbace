//! What the dashboard sends, and the one sampler that reads it.

use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt, stream};
use sse_typed::{Gap, SseEvent, event::GapReason};
use sysinfo::{Disks, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::sync::broadcast::{self, error::RecvError};

/// The contract of `/events`: what this machine is doing.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Reading {
    /// What the machine is; the first event of each connection.
    Machine {
        name: String,
        system: String,
        cores: usize,
        memory_bytes: u64,
    },
    /// CPU use in percent, as a whole and by core.
    Cpu {
        total: f32,
        cores: Vec<f32>,
    },
    Memory {
        used_bytes: u64,
        total_bytes: u64,
        swap_used_bytes: u64,
    },
    /// Load averages; zero where the system has none.
    Load {
        one: f64,
        five: f64,
        fifteen: f64,
    },
    Network {
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
    /// This connection was too slow, and readings were dropped for it.
    #[sse(gap)]
    Missed(Gap),
}

/// Reads the machine on a thread of its own, and hands each reading to every connection.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    machine: Reading,
    readings: broadcast::Sender<Reading>,
}

const INTERVAL: Duration = Duration::from_millis(500);

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
        let sampler = Self { machine, readings: broadcast::Sender::new(1_024) };
        let readings = sampler.readings.clone();
        thread::spawn(move || sample(system, &readings));
        sampler
    }

    /// The machine, then all readings from now on. A connection that falls behind is told how many it missed.
    pub(crate) fn readings(&self) -> impl Stream<Item = Reading> + Send + use<> {
        let live = stream::unfold(self.readings.subscribe(), |mut readings| async {
            let reading = match readings.recv().await {
                Ok(reading) => reading,
                Err(RecvError::Lagged(missed)) => Reading::Missed(Gap::new(Some(missed), GapReason::Lagged)),
                Err(RecvError::Closed) => return None,
            };
            Some((reading, readings))
        });
        stream::iter([self.machine.clone()]).chain(live)
    }
}

/// Samples for ever. Nobody listening is no reason to stop: the rates need each interval.
fn sample(mut system: System, readings: &broadcast::Sender<Reading>) {
    let mut networks = Networks::new_with_refreshed_list();
    let mut disks = Disks::new_with_refreshed_list();
    let mut processes = None;
    let mut refreshed = Instant::now();
    for round in 0_u64.. {
        thread::sleep(INTERVAL);
        // A send fails where nobody is connected.
        let send = |reading| drop(readings.send(reading));

        system.refresh_cpu_usage();
        let cores = system.cpus().iter().map(|core| tenths(core.cpu_usage())).collect();
        send(Reading::Cpu { total: tenths(system.global_cpu_usage()), cores });

        system.refresh_memory();
        send(Reading::Memory {
            used_bytes: system.used_memory(),
            total_bytes: system.total_memory(),
            swap_used_bytes: system.used_swap(),
        });

        let load = System::load_average();
        send(Reading::Load { one: load.one, five: load.five, fifteen: load.fifteen });

        networks.refresh(true);
        let seconds = refreshed.elapsed().as_secs_f64();
        refreshed = Instant::now();
        if !networks.is_empty() {
            let rate = |bytes: u64| (bytes as f64 / seconds) as u64;
            send(Reading::Network {
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
                compare(&before, &now, send);
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

fn compare(before: &Processes, now: &Processes, send: impl Fn(Reading)) {
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
