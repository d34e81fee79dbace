use std::time::Duration;

use redis::{Cmd, Value};

use super::{
    super::{
        append::millis,
        commands::CallError,
        error::RedisError,
        position::random_mark,
        record::{self, letter},
        script::ServerScript,
        store::Shared,
    },
    reply::{Reply, not_understood},
};
use crate::{
    hub::{Block, End},
    runs::{NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef},
};

/// How many runs one call renews. The server does nothing else meanwhile.
const RENEWED_PER_CALL: usize = 250;

/// How many keys of the index one call lists.
const LISTED_PER_CALL: usize = 100;

/// The scripts of runs.
#[derive(Debug)]
pub(in super::super) struct Scripts {
    claim: ServerScript,
    find: ServerScript,
    list: ServerScript,
    renew: ServerScript,
    end: ServerScript,
}

/// What a call does with the run of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    Find,
    Stop(&'a RunRef),
    Release(&'a RunRef),
}

impl Scripts {
    pub(in super::super) fn new() -> Self {
        Self {
            claim: ServerScript::new(concat!(include_str!("prelude.lua"), include_str!("claim.lua"))),
            find: ServerScript::new(concat!(include_str!("prelude.lua"), include_str!("find.lua"))),
            list: ServerScript::new(concat!(include_str!("prelude.lua"), include_str!("list.lua"))),
            renew: ServerScript::new(concat!(include_str!("prelude.lua"), include_str!("renew.lua"))),
            end: ServerScript::new(concat!(include_str!("prelude.lua"), include_str!("end.lua"))),
        }
    }
}

/// The name of the stream of a run, or of its channel, without the id of the run.
fn without_id(name: impl FnOnce(&str) -> String, key: &str) -> String {
    name(&format!("{key}@"))
}

impl Shared {
    fn streams(&self, key: &str) -> String {
        without_id(|key| self.stream(key), key)
    }

    fn channels(&self, key: &str) -> String {
        without_id(|key| self.channel(key), key)
    }

    async fn run_script(&self, script: &ServerScript, arguments: impl Fn(&mut Cmd)) -> Result<Value, RedisError> {
        let reply = script.call(self.commands(), arguments).await.map_err(CallError::into_error)?;
        Reply::check(&reply)?;
        Ok(reply)
    }

    /// The outcome of a claim: whether the run was started, and the run.
    pub(super) async fn claim_run(&self, key: &str, new: &NewRun) -> Result<(bool, RunRecord), RedisError> {
        let (streams, channels) = (self.streams(key), self.channels(key));
        let reply = self.run_script(&self.run_scripts().claim, |command| {
            command.arg(2).arg(self.run_record(key)).arg(self.run_index());
            command.arg(key).arg(&streams).arg(&channels).arg(self.run_record(""));
            command.arg(new.run.to_string());
            command.arg(new.replaces.map(|run| run.to_string()).unwrap_or_default());
            command.arg(&*new.owner).arg(millis(new.lease)).arg(millis(new.keep));
            command.arg(new.input.map(|input| super::reply::hex(&input)).unwrap_or_default());
        });
        let reply = reply.await?;
        let reply = Reply::of(&reply)?;
        let is_new = match reply.outcome() {
            "started" => true,
            "exists" => false,
            _ => return Err(not_understood()),
        };
        Ok((is_new, reply.run(1, key)?))
    }

    /// The run of a key, after the change. `None` if there is none, or only another than is to be changed.
    pub(super) async fn find_run(&self, key: &str, change: Change<'_>) -> Result<Option<RunRecord>, RedisError> {
        let (name, run) = match change {
            Change::Find => ("find", None),
            Change::Stop(run) => ("stop", Some(run)),
            Change::Release(run) => ("release", Some(run)),
        };
        let (streams, channels) = (self.streams(key), self.channels(key));
        let reply = self.run_script(&self.run_scripts().find, |command| {
            command.arg(1).arg(self.run_record(key)).arg(&streams).arg(&channels).arg(name);
            command.arg(run.map(|run| run.run.to_string()).unwrap_or_default());
        });
        let reply = reply.await?;
        let reply = Reply::of(&reply)?;
        match reply.outcome() {
            "found" => reply.run(1, key).map(Some),
            "missing" => Ok(None),
            _ => Err(not_understood()),
        }
    }

    pub(super) async fn list_runs(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, RedisError> {
        let mut after = after.filter(|after| *after >= prefix).unwrap_or_default().to_owned();
        let mut runs = Vec::new();
        while runs.len() < limit {
            let wanted = (limit - runs.len()).min(LISTED_PER_CALL);
            let reply = self.run_script(&self.run_scripts().list, |command| {
                command.arg(1).arg(self.run_index()).arg(prefix).arg(&after).arg(wanted);
                command.arg(self.run_record("")).arg(self.stream(""));
            });
            let reply = reply.await?;
            let reply = Reply::of(&reply)?;
            if reply.outcome() != "listed" {
                return Err(not_understood());
            }
            runs.extend(reply.runs()?);
            reply.text(1)?.clone_into(&mut after);
            if after.is_empty() {
                break;
            }
        }
        Ok(runs)
    }

    /// Renews the runs of this process, which are the first `own`, and looks at the others.
    pub(super) async fn renew_runs(
        &self,
        reader: &str,
        lease: Duration,
        own: &[RunRef],
        read: &[RunRef],
    ) -> Result<(Vec<Renewed>, Vec<ReadRun>), RedisError> {
        let (mut renewed, mut seen) = (Vec::with_capacity(own.len()), Vec::with_capacity(read.len()));
        let all: Vec<_> = own.iter().map(|run| (true, run)).chain(read.iter().map(|run| (false, run))).collect();
        for runs in all.chunks(RENEWED_PER_CALL) {
            let own = runs.iter().filter(|(is_own, _)| *is_own).count();
            let reply = self.run_script(&self.run_scripts().renew, |command| {
                command.arg(runs.len());
                for (_, run) in runs {
                    command.arg(self.run_record(&run.key));
                }
                command.arg(reader).arg(millis(lease)).arg(own);
                for (_, run) in runs {
                    command.arg(self.streams(&run.key)).arg(run.run.to_string());
                }
            });
            let reply = reply.await?;
            let reply = Reply::all(&reply, runs.len())?;
            for n in 0..own {
                renewed.push(super::reply::renewed(reply.text(n)?)?);
            }
            for n in own..runs.len() {
                seen.push(super::reply::read_run(reply.text(n)?)?);
            }
        }
        Ok((renewed, seen))
    }

    /// Ends a run. One that is `lost` is not asked for its lease if `is_owner`.
    pub(super) async fn end_run(
        &self,
        run: &RunRef,
        last: &Block,
        end: End,
        is_owner: bool,
    ) -> Result<RunEnded, RedisError> {
        let head = record::head(random_mark(), last.is_terminal(), Some(end));
        let streams = self.streams(&run.key);
        let reply = self.run_script(&self.run_scripts().end, |command| {
            command.arg(2).arg(self.run_record(&run.key)).arg(self.stream(&run.log_key()));
            command.arg(&streams).arg(run.run.to_string()).arg(letter(end)).arg(&head).arg(&**last.as_bytes());
            command.arg(self.channel(&run.log_key())).arg(self.channel(&run.signal_key()));
            command.arg(if end == End::Lost && !is_owner { "1" } else { "" });
        });
        let reply = reply.await?;
        Reply::of(&reply)?.ended()
    }
}
