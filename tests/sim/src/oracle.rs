//! What must hold when everything has ended.

use std::collections::BTreeMap;

use crate::{
    plan::ClosePlan,
    world::{Outcome, TrueLog, Truth, World},
};

impl World {
    /// Records that a producer has begun. The runs that it follows must have ended.
    pub(crate) fn begin_execution(&self, execution: u64, key: &str, run: &str) {
        self.note(format_args!("execution {execution} of {key}: run {run}"));
        self.count("executions");
        let run = format!("{key}@{run}");
        let mut truth = self.truth();
        let others: Vec<_> =
            truth.executions.values().filter(|other| other.starts_with(&format!("{key}@"))).cloned().collect();
        truth.executions.insert(execution, run.clone());
        let is_open = |other: &String| *other == run || truth.run_log(other).is_none_or(|log| log.end.is_none());
        let open: Vec<_> = others.into_iter().filter(is_open).collect();
        drop(truth);
        if !open.is_empty() {
            self.violation(format!("execution {execution} of {run} begins, and these have not ended: {open:?}"));
        }
    }

    /// Checks the logs against the results that publishers and producers received.
    pub(crate) fn check_logs(&self) {
        let found = {
            let truth = self.truth();
            let mut found = Vec::new();
            check_publishers(&truth, &mut found);
            self.check_topics(&truth, &mut found);
            check_runs(&truth, &mut found);
            found
        };
        found.into_iter().for_each(|text| self.violation(text));
    }

    /// Each topic is closed once, by its last event if it has one.
    fn check_topics(&self, truth: &Truth, found: &mut Vec<String>) {
        for (topic, plan) in self.plan.topics.iter().enumerate() {
            let key = self.plan.topic_key(topic);
            let Some(log) = truth.logs.get(&key) else { continue };
            let lasts = log.events.iter().filter(|event| event.event_type() == "last").count();
            let ends_in_last = log.events.last().is_some_and(|event| event.event_type() == "last");
            let expected = usize::from(plan.close == ClosePlan::Terminal);
            if log.end.is_none() || lasts != expected || ends_in_last != (expected == 1) {
                found.push(format!("{key} has {lasts} last events and the end {:?}", log.end));
            }
        }
    }
}

impl Truth {
    /// The log of a run, by `key@id`.
    fn run_log(&self, run: &str) -> Option<&TrueLog> {
        self.logs.iter().find(|(key, _)| key.ends_with(run)).map(|(_, log)| log)
    }
}

fn check_publishers(truth: &Truth, found: &mut Vec<String>) {
    // The keys and indices at which each number is stored.
    let mut stored: BTreeMap<u64, Vec<(&str, usize)>> = BTreeMap::new();
    for (key, log) in &truth.logs {
        for (index, event) in log.events.iter().enumerate() {
            if let Some(n) = event.number("n") {
                stored.entry(n).or_default().push((key, index));
            }
        }
    }
    for (n, positions) in stored.iter().filter(|(_, positions)| positions.len() > 1) {
        found.push(format!("{n} is stored twice: {positions:?}"));
    }
    for n in truth.refused.iter().filter(|n| stored.contains_key(n)) {
        found.push(format!("{n} is stored, and its publisher received an error that says that it is not"));
    }
    for (publisher, events) in &truth.acknowledged {
        let mut previous = None;
        for (key, n, id) in events {
            let index =
                truth.logs.get(key).and_then(|log| log.index_of(id).filter(|i| log.events[*i].number("n") == Some(*n)));
            if index.is_none() {
                found.push(format!("publisher {publisher}: {n} was acknowledged as {id}, and is not in {key}"));
            } else if index <= previous {
                found.push(format!("publisher {publisher}: {n} is before an event that was acknowledged earlier"));
            }
            previous = index.or(previous);
        }
    }
}

fn check_runs(truth: &Truth, found: &mut Vec<String>) {
    for (key, log) in truth.logs.iter().filter(|(key, _)| key.contains('@')) {
        let ends = log.events.iter().filter(|event| !["token"].contains(&event.event_type())).count();
        let ends_last = log.events.last().is_some_and(|event| event.event_type() != "token");
        if ends != 1 || !ends_last || log.end.is_none() {
            found.push(format!("{key} has {ends} ends, and is closed as {:?}", log.end));
        }
        check_outcomes(truth, key, log, found);
        let mut execution = None;
        for (index, event) in log.events.iter().enumerate().filter(|(_, event)| event.event_type() == "token") {
            let token = (event.number("execution"), event.number("index"));
            let expected = (*execution.get_or_insert(token.0), Some(index as u64));
            if token != expected {
                found.push(format!("{key}: event {index} is {token:?} and not {expected:?}"));
            }
        }
    }
    for (execution, index) in &truth.tokens {
        let log = truth.executions.get(execution).and_then(|run| truth.run_log(run));
        let stored = log.and_then(|log| log.events.get(usize::try_from(*index).ok()?));
        if stored.and_then(|event| event.number("index")) != Some(*index) {
            found.push(format!("execution {execution}: {index} was acknowledged, and is not stored"));
        }
    }
}

/// A run ends as its producer has returned, or it was stopped or lost.
fn check_outcomes(truth: &Truth, key: &str, log: &TrueLog, found: &mut Vec<String>) {
    let Some(last) = log.events.last() else { return };
    let executions = truth.executions.iter().filter(|(_, run)| key.ends_with(run.as_str()));
    for (execution, run) in executions {
        let outcome = truth.outcomes.get(execution);
        let name = run.split('@').next().unwrap_or_default();
        let is_expected = match (last.event_type(), outcome) {
            ("lost", _) => true,
            ("stopped", _) => truth.may_stop || truth.stops.contains(name),
            ("done", Some(Outcome::Done)) => true,
            ("failed", Some(Outcome::Failed(reason))) => last.has_text(reason),
            _ => false,
        };
        if !is_expected {
            let last = last.event_type();
            found.push(format!("execution {execution} of {run} has returned {outcome:?}, and the run is {last}"));
        }
    }
}
