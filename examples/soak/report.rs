//! The numbers of a soak, while it runs and at its end.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    faults::Faults,
    publisher::Ledger,
    received::{Counts, Received},
    run_reader::{RunCounts, RunLedger},
    usage::Usage,
};

#[derive(Debug)]
pub(crate) struct Report {
    faults: Arc<Faults>,
    ledger: Ledger,
    runs: RunLedger,
    clients: Vec<Arc<Mutex<Received>>>,
    /// When, and of the soak and of the server's process.
    usages: Vec<(&'static str, Usage, Option<Usage>)>,
}

impl Report {
    pub(crate) const fn new(faults: Arc<Faults>, ledger: Ledger, runs: RunLedger) -> Self {
        Self { faults, ledger, runs, clients: Vec::new(), usages: Vec::new() }
    }

    pub(crate) fn add_client(&mut self) -> Arc<Mutex<Received>> {
        let client = Arc::<Mutex<Received>>::default();
        self.clients.push(Arc::clone(&client));
        client
    }

    pub(crate) const fn is_warm(&self) -> bool {
        self.usages.len() > 1
    }

    /// Records the memory and the open files.
    pub(crate) async fn measure(&mut self, when: &'static str) {
        let (soak, server) = self.usage().await;
        self.usages.push((when, soak, server));
    }

    async fn usage(&self) -> (Usage, Option<Usage>) {
        let process = self.faults.server.lock().await.process_id();
        (Usage::of(None), process.map(|process| Usage::of(Some(process))))
    }

    /// The line of the progress.
    pub(crate) async fn line(&self, elapsed: Duration) -> String {
        let (soak, server) = self.usage().await;
        let server = server.map_or_else(String::new, |server| format!("; server {server}"));
        format!("{:>5}s  {}; soak {soak}{server}", elapsed.as_secs(), self.numbers())
    }

    fn numbers(&self) -> String {
        let (counts, reconnects) = self.totals();
        let Counts { received, gaps, missing, duplicates, out_of_order, .. } = counts;
        let published = self.ledger.lock().last;
        format!(
            "published {published}, received {received}, gaps {gaps}, missing {missing}, duplicates {duplicates}, \
             out of order {out_of_order}, reconnects {reconnects}"
        )
    }

    fn totals(&self) -> (Counts, u64) {
        let mut totals = (Counts::default(), 0);
        self.each(|client| {
            totals.0.add(&client.counts);
            totals.1 += client.reconnects;
        });
        totals
    }

    fn each(&self, mut act: impl FnMut(&Received)) {
        self.clients.iter().for_each(|client| act(&client.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    /// The processes whose memory has grown since the warm-up.
    fn grown(&self) -> Vec<&'static str> {
        let of = |name| self.usages.iter().find(|(when, ..)| *when == name);
        let (Some((_, soak_warm, server_warm)), Some((_, soak, server))) = (of("warm"), of("end")) else {
            return Vec::new();
        };
        let soak_grown = soak.has_grown_since(soak_warm).then_some("the soak");
        let server_grown = server.as_ref().zip(server_warm.as_ref()).filter(|(end, warm)| end.has_grown_since(warm));
        soak_grown.into_iter().chain(server_grown.map(|_| "the server")).collect()
    }

    /// Whether each client has received each event once and in order, or was told of the gap, up to the terminal event, each run
    /// has ended once and alike for its readers, and no memory has grown.
    pub(crate) fn is_kept(&self) -> bool {
        let mut have_ended = true;
        self.each(|client| have_ended &= client.has_ended && client.errors.is_empty());
        let are_runs_kept = {
            let runs = self.runs.lock();
            runs.errors.is_empty() && runs.counts.are_kept()
        };
        have_ended && self.totals().0.are_kept() && are_runs_kept && self.grown().is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = {
            let done = self.faults.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.iter().map(|(name, count)| format!("{name} {count}")).collect()
        };
        let (unknown, refused) = {
            let published = self.ledger.lock();
            (published.unknown.len(), published.refused)
        };
        let (counts, _) = self.totals();
        writeln!(f, "faults:    {}", if faults.is_empty() { "none".to_owned() } else { faults.join(", ") })?;
        writeln!(f, "publisher: {refused} requests refused and repeated, {unknown} events without an answer")?;
        writeln!(
            f,
            "gaps:      {} events were reported lost, {} gaps were needless",
            counts.reported, counts.needless
        )?;
        for (when, soak, server) in &self.usages {
            write!(f, "{:<10} soak {soak}", format!("{when}:"))?;
            match server {
                Some(server) => writeln!(f, "; server {server}")?,
                None => writeln!(f)?,
            }
        }
        let (mut number, mut unfinished, mut errors) = (0, Vec::new(), Vec::new());
        self.each(|client| {
            number += 1;
            if !client.has_ended {
                unfinished.push(format!("client {number} {}, its last event is {:?}", client.state, client.last()));
            }
            errors.extend(client.errors.iter().cloned());
        });
        let runs = {
            let runs = self.runs.lock();
            errors.extend(runs.errors.iter().cloned());
            runs.counts
        };
        errors.truncate(10);
        errors.iter().try_for_each(|error| writeln!(f, "ERROR      {error}"))?;
        unfinished.iter().try_for_each(|client| writeln!(f, "UNFINISHED {client}"))?;
        for process in self.grown() {
            writeln!(f, "GROWN      the memory of {process}")?;
        }
        let RunCounts { read, runs, tokens, done, failed, lost, missing, duplicates, differing, reconnects } = runs;
        writeln!(
            f,
            "runs {runs}, read {read}: done {done}, failed {failed}, lost {lost}; tokens {tokens}, missing {missing}, \
             duplicates {duplicates}, differing {differing}, reconnects {reconnects}"
        )?;
        writeln!(f, "{}", self.numbers())?;
        let result = if self.is_kept() { "every promise was kept" } else { "A PROMISE WAS BROKEN" };
        writeln!(f, "{result}")
    }
}
