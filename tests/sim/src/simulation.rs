//! The machines of a simulation, and the faults in their time.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fastrand::Rng;
use rand::{SeedableRng, rngs::StdRng};
use sse_typed::hub::MemoryStore;
use tokio::sync::mpsc;
use turmoil::{Builder, Sim};

use crate::{
    engine,
    inject::Injection,
    net::server_name,
    plan::{Fault, Plan},
    reader, run_reader,
    server::{self, ServerMachine},
    world::World,
};

/// How long everything may take to end once the faults are over.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the simulation of a seed, and prints its result.
pub(crate) fn run(seed: u64, injection: Option<Injection>, print: bool) -> ExitCode {
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
    fastrand::seed(seed);
    let _clocks = mad_turmoil::time::SimClocksGuard::init();
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::new(&mut rng);
    let (jobs, received) = mpsc::unbounded_channel();
    let world = World::new(plan, rng, injection, jobs, print);
    let mut simulation = Simulation::new(seed, &world, received);
    if let Err(error) = simulation.run() {
        world.violation(format!("the simulation failed: {error}"));
    }
    // The machines are dropped without a trace.
    let (hash, lines) = world.trace();
    world.check_logs();
    let truth = world.truth();
    let counts: String = truth.counts.iter().map(|(name, count)| format!(" {name}={count}")).collect();
    let seconds = simulation.sim.elapsed().as_secs();
    if truth.violations.is_empty() {
        println!("seed {seed}: ok, trace {hash:016x}, lines={lines} seconds={seconds}{counts}");
        return ExitCode::SUCCESS;
    }
    for violation in &truth.violations {
        println!("seed {seed}: {violation}");
    }
    println!("seed {seed}: FAILED, trace {hash:016x}, lines={lines} seconds={seconds}{counts}");
    ExitCode::FAILURE
}

struct Simulation {
    world: Arc<World>,
    sim: Sim<'static>,
    /// The names of the machines of readers.
    readers: Vec<String>,
    servers: Vec<Arc<ServerMachine>>,
    /// Servers that are drained, and whether each is to be started afterwards.
    drains: BTreeMap<usize, bool>,
}

impl Simulation {
    fn new(seed: u64, world: &Arc<World>, jobs: mpsc::UnboundedReceiver<crate::store::Job>) -> Self {
        let plan = &world.plan;
        let mut builder = Builder::new();
        builder
            .rng_seed(seed)
            .tick_duration(plan.tick)
            .simulation_duration(Duration::MAX)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(plan.max_latency)
            .tcp_capacity(4096)
            .enable_random_order();
        let mut sim = builder.build();
        let jobs = Arc::new(std::sync::Mutex::new(Some(jobs)));
        let store_world = Arc::clone(world);
        sim.host("store", move || {
            let (world, jobs) = (Arc::clone(&store_world), Arc::clone(&jobs));
            async move {
                let jobs = jobs.lock().ok().and_then(|mut jobs| jobs.take()).ok_or("the store has crashed")?;
                engine::run(world, jobs, MemoryStore::default()).await;
                Ok(())
            }
        });
        let mut servers = Vec::new();
        for number in 0..plan.servers {
            let (world, machine) = (Arc::clone(world), Arc::new(ServerMachine::default()));
            servers.push(Arc::clone(&machine));
            sim.host(server_name(number), move || server::run(Arc::clone(&world), number, Arc::clone(&machine)));
        }
        let mut readers = Vec::new();
        for number in 0..plan.readers.len() {
            readers.push(format!("reader-{number}"));
            sim.client(readers[number].as_str(), reader::read(Arc::clone(world), number));
        }
        for number in 0..plan.run_readers {
            let name = format!("run-reader-{number}");
            sim.client(name.as_str(), run_reader::read(Arc::clone(world), number));
            readers.push(name);
        }
        Self { world: Arc::clone(world), sim, readers, servers, drains: BTreeMap::new() }
    }

    fn run(&mut self) -> turmoil::Result {
        let world = Arc::clone(&self.world);
        let plan = &world.plan;
        let mut faults = plan.faults.iter().peekable();
        loop {
            let now = self.sim.elapsed();
            while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= now) {
                self.apply(*fault);
            }
            self.end_drained_processes();
            if !world.is_calm() && plan.calm_at <= now && faults.peek().is_none() {
                self.end_faults();
            }
            if self.sim.step()? && world.is_calm() && world.is_over() {
                return Ok(());
            }
            if now > plan.calm_at + PATIENCE {
                world.violation("something never ends".to_owned());
                return Ok(());
            }
        }
    }

    fn apply(&mut self, fault: Fault) {
        self.world.note(format_args!("fault {fault:?}"));
        let name = server_name;
        match fault {
            Fault::Crash(server) => {
                if self.sim.is_host_running(name(server)) {
                    self.world.count("crashes");
                    self.crash(server);
                }
            }
            Fault::Drain(server) => {
                if self.sim.is_host_running(name(server)) {
                    self.world.count("drains");
                    self.drains.insert(server, false);
                    self.servers[server].drain.notify_waiters();
                }
            }
            Fault::Start(server) => {
                if let Some(starts_again) = self.drains.get_mut(&server) {
                    *starts_again = true;
                } else if !self.sim.is_host_running(name(server)) {
                    self.sim.bounce(name(server));
                }
            }
            Fault::Partition(reader, server) => self.sim.partition(self.readers[reader].as_str(), name(server)),
            Fault::Repair(reader, server) => self.sim.repair(self.readers[reader].as_str(), name(server)),
            Fault::Hold(reader, server) => self.sim.hold(self.readers[reader].as_str(), name(server)),
            Fault::Release(reader, server) => self.sim.release(self.readers[reader].as_str(), name(server)),
            Fault::CutStore(server) => {
                self.world.count("cuts");
                self.servers[server].is_cut.store(true, Ordering::Relaxed);
            }
            Fault::HealStore(server) => self.servers[server].is_cut.store(false, Ordering::Relaxed),
            Fault::Latency(latency) => self.sim.set_max_message_latency(latency),
        }
    }

    fn crash(&mut self, server: usize) {
        self.drains.remove(&server);
        self.sim.crash(server_name(server));
    }

    /// Ends the processes of servers that have shut down.
    fn end_drained_processes(&mut self) {
        let drained = self.drains.clone().into_iter();
        let drained = drained.filter(|(server, _)| self.servers[*server].has_drained.load(Ordering::Relaxed));
        for (server, starts_again) in drained.collect::<Vec<_>>() {
            self.crash(server);
            if starts_again {
                self.apply(Fault::Start(server));
            }
        }
    }

    fn end_faults(&mut self) {
        for server in 0..self.world.plan.servers {
            self.apply(Fault::Start(server));
            self.apply(Fault::HealStore(server));
            for reader in 0..self.readers.len() {
                self.apply(Fault::Release(reader, server));
                self.apply(Fault::Repair(reader, server));
            }
        }
        self.world.set_calm();
    }
}
