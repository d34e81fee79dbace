//! The differences of two contracts, and who breaks at each.

mod change;
mod compare;
mod events;
mod forms;
mod judge;
mod pairs;

use serde_json::Value;

pub use self::change::{Change, ChangeKind, Verdict, Witness};
pub(super) use self::judge::unknown_parts;
use self::{
    compare::{Definitions, Difference},
    judge::{Before, Direction, Finding},
    pairs::{Key, Renames, key},
};
use super::{
    Contract,
    rules::{Data, EventRules, Rules},
};

/// The changes from one contract to another, in the order of the events. There are none between contracts that mean the same.
///
/// A verdict that breaks has a witness: an event that the writer writes and the reader misreads. If the new contract is that of a
/// type ([`Contract::of`]), its own decoder and encoder have confirmed it.
#[must_use]
pub fn changes(old: &Contract, new: &Contract) -> Vec<Change> {
    let (Some(old_writes), Some(old_reads)) = (old.writer(), old.reader()) else { return Vec::new() };
    let (Some(new_writes), Some(new_reads)) = (new.writer(), new.reader()) else { return Vec::new() };
    let defs = Definitions { old: &old.defs, new: &new.defs };
    let renames = |old: &Rules, new: &Rules| {
        Renames::find(old, new, |one, other| events::variants(&unnamed(one), &unnamed(other), defs).is_empty())
    };
    let renames = [renames(old_writes, new_writes), renames(old_reads, new_reads)];
    let mut groups = groups([(old_writes, new_writes), (old_reads, new_reads)], &renames, defs);
    let directions = [
        Direction {
            writer: new,
            reader: old,
            writes: new_writes,
            reads: old_reads,
            is_history: false,
            before: Before::Writer(old_writes),
        },
        Direction {
            writer: old,
            reader: new,
            writes: old_writes,
            reads: new_reads,
            is_history: false,
            before: Before::Reader(old_reads),
        },
        Direction {
            writer: old,
            reader: new,
            writes: old_writes,
            reads: new_reads,
            is_history: true,
            before: Before::Reader(old_reads),
        },
    ];
    let whole: Vec<_> = groups
        .iter()
        .filter(|group| group.old.is_none() && group.new.is_none())
        .map(|group| group.differences.len())
        .collect();
    let has_whole = whole.iter().sum::<usize>() > 0;
    for (at, direction) in directions.iter().enumerate() {
        for position in 0..direction.writes.events.len() {
            let event = &direction.writes.events[position];
            let is_new = at == 0;
            let group = groups.iter_mut().find(|group| group.has(&key(event), is_new));
            // An event without a change of its own may still be read otherwise.
            if group.is_none() && !has_whole {
                continue;
            }
            let counterpart = renames.iter().find_map(|renames| {
                if is_new {
                    renames.to_old(event, direction.writes, direction.reads)
                } else {
                    renames.to_new(event, direction.writes, direction.reads)
                }
            });
            let changed = group.as_ref().map(|group| group.changed()).unwrap_or_default();
            let findings = direction.findings(position, counterpart, &changed);
            match group {
                Some(group) => group.attach(at, findings),
                None => {
                    if let Some(group) = groups.iter_mut().find(|group| group.old.is_none() && group.new.is_none()) {
                        group.attach(at, findings);
                    }
                }
            }
        }
    }
    groups.into_iter().flat_map(Group::into_changes).collect()
}

/// A variant without what a rename changes.
fn unnamed(event: &EventRules) -> EventRules {
    EventRules { event: String::new(), name: String::new(), aliases: Vec::new(), marks: Vec::new(), ..event.clone() }
}

/// The differences of one variant, with the verdicts on each.
struct Group {
    old: Option<Key>,
    new: Option<Key>,
    label: Option<String>,
    differences: Vec<Judged>,
}

struct Judged {
    difference: Difference,
    verdicts: [Verdict; 3],
}

impl Judged {
    fn new(difference: Difference) -> Self {
        let undecided = |reason: &String| Verdict::Undecided {
            path: difference.paths.first().cloned().unwrap_or_default(),
            reason: reason.clone(),
        };
        let unless = difference.undecided.as_ref().map_or(Verdict::Safe, undecided);
        let mut verdicts = [unless.clone(), unless.clone(), unless];
        match difference.kind {
            // A reader of more values reads all that a writer of fewer writes.
            ChangeKind::Widened => verdicts[1..].fill(Verdict::Safe),
            ChangeKind::Narrowed => verdicts[0] = Verdict::Safe,
            ChangeKind::FieldRemoved => verdicts[0] = Verdict::Changes("the field is read as its default".to_owned()),
            ChangeKind::MarkAdded | ChangeKind::MarkDropped => {
                let note = Verdict::Changes("the event is read, and its mark decides who is notified of it".to_owned());
                verdicts = [note.clone(), note.clone(), note];
            }
            _ => {}
        }
        Self { difference, verdicts }
    }

    /// Whether a finding belongs to this difference, as a rank: higher is closer.
    fn rank(&self, finding: &Finding) -> u8 {
        use ChangeKind::{
            FieldAdded, FieldOptional, FieldRemoved, FieldRenamed, FieldRequired, NullAllowed, NullForbidden,
            UnknownFields,
        };
        let kind = self.difference.kind;
        let fits = match judge::class(&finding.verdict) {
            1 => matches!(kind, FieldAdded | FieldRemoved | FieldRenamed | FieldOptional | FieldRequired),
            2 => matches!(kind, FieldAdded | FieldRemoved | FieldRenamed | UnknownFields),
            3 => matches!(kind, NullAllowed | NullForbidden),
            _ => !matches!(kind, FieldOptional | FieldRequired | NullAllowed | NullForbidden),
        };
        let path = &finding.path;
        let is_within = |outer: &str, inner: &str| {
            outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        let near = self.difference.paths.iter().map(|own| match own {
            own if own == path => 8,
            own if is_within(own, path) => 5,
            own if is_within(path, own) => 4,
            _ => 1,
        });
        // The event itself: its type, its form, its marks.
        let near = near.max().unwrap_or(if path.is_empty() { 9 } else { 3 });
        near * 2 + u8::from(fits)
    }
}

impl Group {
    fn has(&self, key: &Key, is_new: bool) -> bool {
        let own = if is_new { &self.new } else { &self.old };
        own.as_ref() == Some(key) && !self.differences.is_empty()
    }

    /// The paths of the changed parts of the data.
    fn changed(&self) -> Vec<String> {
        let paths = self.differences.iter().flat_map(|judged| &judged.difference.paths);
        paths.filter(|path| !path.is_empty()).cloned().collect()
    }

    /// Adds a difference, unless the other side has it already.
    fn add(&mut self, difference: Difference) {
        let is_known = self.differences.iter().any(|judged| {
            let known = &judged.difference;
            known.kind == difference.kind && known.paths == difference.paths && {
                let several = [
                    ChangeKind::ValueAdded,
                    ChangeKind::ValueRemoved,
                    ChangeKind::Line,
                    ChangeKind::AliasAdded,
                    ChangeKind::AliasDropped,
                    ChangeKind::MarkAdded,
                    ChangeKind::MarkDropped,
                    ChangeKind::Ignored,
                    ChangeKind::FormAdded,
                    ChangeKind::FormRemoved,
                    ChangeKind::Opaque,
                ];
                !several.contains(&difference.kind) || known.description == difference.description
            }
        });
        if !is_known {
            self.differences.push(Judged::new(difference));
        }
    }

    /// Gives each finding to the differences that it is closest to.
    fn attach(&mut self, direction: usize, findings: Vec<Finding>) {
        for finding in findings {
            let best = self.differences.iter().map(|judged| judged.rank(&finding)).max();
            for judged in self.differences.iter_mut().filter(|judged| Some(judged.rank(&finding)) == best) {
                let verdict = &mut judged.verdicts[direction];
                let is_worse = match (&*verdict, &finding.verdict) {
                    (Verdict::Breaks(old), Verdict::Breaks(new)) => new.block.data.len() < old.block.data.len(),
                    (Verdict::Breaks(_), _) => false,
                    _ => true,
                };
                if is_worse {
                    *verdict = finding.verdict.clone();
                }
            }
        }
    }

    fn into_changes(self) -> impl Iterator<Item = Change> {
        let label = self.label;
        self.differences.into_iter().map(move |Judged { difference, verdicts }| {
            let [old_clients, new_clients, history] = verdicts;
            Change {
                event: label.clone(),
                path: difference.paths.first().filter(|_| difference.kind != ChangeKind::Line).cloned(),
                kind: difference.kind,
                description: difference.description,
                old_clients,
                new_clients,
                history,
            }
        })
    }
}

/// The differences by variant: of what is read first, because it says what is required.
fn groups(sides: [(&Rules, &Rules); 2], renames: &[Renames; 2], defs: Definitions<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for ((old, new), renames) in sides.iter().zip(renames).rev() {
        for event in &new.events {
            let before = renames.to_old(event, new, old).map(|at| &old.events[at]);
            let own = (before.map(key), Some(key(event)));
            let group = group(&mut groups, own, || new.label(event));
            match before {
                Some(before) => {
                    events::variants(before, event, defs).into_iter().for_each(|difference| group.add(difference));
                }
                None => {
                    let what = if event.is_terminal() { "a new event, which ends the stream" } else { "a new event" };
                    group.add(Difference::of_event(ChangeKind::EventAdded, what));
                }
            }
        }
        for event in &old.events {
            if renames.to_new(event, old, new).is_none() {
                let group = group(&mut groups, (Some(key(event)), None), || old.label(event));
                group.add(Difference::of_event(ChangeKind::EventRemoved, "the event is gone"));
            }
        }
        for event_type in events::reordered(old, new) {
            let how = "variants that are told apart by a key have another order";
            for group in
                groups.iter_mut().filter(|group| group.new.as_ref().is_some_and(|(event, _)| *event == event_type))
            {
                group.add(Difference::of_event(ChangeKind::VariantOrder, how));
            }
        }
        for difference in events::whole(old, new) {
            let group = match groups.iter().position(|group| group.old.is_none() && group.new.is_none()) {
                Some(at) => &mut groups[at],
                None => {
                    groups.push(Group { old: None, new: None, label: None, differences: Vec::new() });
                    let last = groups.len() - 1;
                    &mut groups[last]
                }
            };
            group.add(difference);
        }
    }
    groups
}

fn group(
    groups: &mut Vec<Group>,
    (old, new): (Option<Key>, Option<Key>),
    label: impl FnOnce() -> String,
) -> &mut Group {
    let found = groups
        .iter()
        .position(|group| (new.is_some() && group.new == new) || (new.is_none() && old.is_some() && group.old == old));
    let at = found.unwrap_or_else(|| {
        groups.push(Group { old, new, label: Some(label()), differences: Vec::new() });
        groups.len() - 1
    });
    &mut groups[at]
}

/// The parts of a contract that no change is found in: their event, their place, and why.
pub(super) fn not_judged(contract: &Contract) -> Vec<String> {
    let sides = contract.written.iter().chain(&contract.read);
    let mut found: Vec<String> = Vec::new();
    for event in sides.flat_map(|rules| &rules.events) {
        let schema = match &event.data {
            Data::Json(schema) | Data::Text(schema) => Some((schema, "")),
            Data::Unit | Data::Sentinel(_) => None,
        };
        let id: Option<(&Value, &str)> = event.id.as_ref().map(|id| (&id.schema, "id"));
        for (schema, line) in schema.into_iter().chain(id) {
            for (path, reason) in unknown_parts(schema, &contract.defs) {
                let place = if line.is_empty() { path } else { "the `id:` line".to_owned() };
                let place = if place.is_empty() { "the data".to_owned() } else { place };
                let text = format!("{}: {place}: {reason}", event.event);
                if !found.contains(&text) {
                    found.push(text);
                }
            }
        }
    }
    found
}
