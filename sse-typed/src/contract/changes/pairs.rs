//! Which variant of one contract corresponds to which of the other.

use super::super::rules::{Data, EventRules, Rules};

/// The identity of a variant: event type and name.
pub(super) type Key = (String, String);

pub(super) fn key(event: &EventRules) -> Key {
    (event.event.clone(), event.name.clone())
}

/// Renamed variants: the old key and the new one.
#[derive(Clone, Debug, Default)]
pub(super) struct Renames(Vec<(Key, Key)>);

/// What tells a variant from others with its event type.
#[derive(PartialEq, Eq)]
enum Selector<'a> {
    Key(&'a str),
    Sentinel(&'a str),
    None,
}

fn selector(event: &EventRules) -> Selector<'_> {
    match (&event.key, &event.data) {
        (Some(key), _) => Selector::Key(key),
        (None, Data::Sentinel(text)) => Selector::Sentinel(text),
        (None, _) => Selector::None,
    }
}

impl Renames {
    /// Finds the variants that one contract calls otherwise than the other. `same_data` compares their data.
    pub(super) fn find(old: &Rules, new: &Rules, same_data: impl Fn(&EventRules, &EventRules) -> bool) -> Self {
        let removed: Vec<_> = old.events.iter().filter(|event| same(event, old, new).is_none()).collect();
        let added: Vec<_> = new.events.iter().filter(|event| same(event, new, old).is_none()).collect();
        let mut renames = Self::default();
        for old in &removed {
            let by_alias =
                added.iter().find(|new| new.aliases.contains(&old.event) || old.aliases.contains(&new.event));
            // Two variants with the same data do not say which one was renamed: the search stops at the second.
            let alike = || {
                let mut alike =
                    added.iter().filter(|new| new.marks == old.marks && is_telling(old) && same_data(old, new));
                let first = alike.next()?;
                let only_one = || removed.iter().filter(|other| same_data(other, old)).take(2).count() == 1;
                (alike.next().is_none() && only_one()).then_some(first)
            };
            let new = by_alias.or_else(alike);
            if let Some(new) = new {
                renames.0.push((key(old), key(new)));
            }
        }
        renames
    }

    /// The variant of `new` that corresponds to a variant of `old`.
    pub(super) fn to_new(&self, event: &EventRules, old: &Rules, new: &Rules) -> Option<usize> {
        let renamed = || self.0.iter().find(|(from, _)| *from == key(event)).and_then(|(_, to)| at(to, new));
        // An event type that is an alias now.
        let alias = || new.events.iter().position(|other| other.aliases.contains(&event.event));
        same(event, old, new).or_else(renamed).or_else(alias)
    }

    /// The variant of `old` that corresponds to a variant of `new`.
    pub(super) fn to_old(&self, event: &EventRules, new: &Rules, old: &Rules) -> Option<usize> {
        let renamed = || self.0.iter().find(|(_, to)| *to == key(event)).and_then(|(from, _)| at(from, old));
        let alias = || old.events.iter().position(|other| other.aliases.contains(&event.event));
        same(event, new, old).or_else(renamed).or_else(alias)
    }
}

fn at(key: &Key, rules: &Rules) -> Option<usize> {
    rules.events.iter().position(|event| event.event == key.0 && event.name == key.1)
}

/// Whether equal data is a sign of a renamed variant. Many variants have no data.
fn is_telling(event: &EventRules) -> bool {
    event.is_terminal() || !matches!(event.data, Data::Unit)
}

/// The variant with the same event type and selector, or with the same event type and name.
pub(super) fn same(event: &EventRules, own: &Rules, others: &Rules) -> Option<usize> {
    let with_type = |rules: &Rules| rules.events.iter().filter(|other| other.event == event.event).count();
    let find = |wanted: &dyn Fn(&EventRules) -> bool| {
        others.events.iter().position(|other| other.event == event.event && wanted(other))
    };
    find(&|other| selector(other) == selector(event))
        .or_else(|| find(&|other| other.name == event.name))
        .or_else(|| find(&|_| true).filter(|_| with_type(own) == 1 && with_type(others) == 1))
}
