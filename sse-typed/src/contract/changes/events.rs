//! The differences of two variants, and of the rules around them.

use super::{
    ChangeKind,
    compare::{Definitions, Difference, schemas},
};
use crate::contract::rules::{Data, EventRules, Line, Rules, TERMINAL};

/// The differences of a variant that both contracts have.
pub(super) fn variants(old: &EventRules, new: &EventRules, defs: Definitions<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    if old.event != new.event {
        let mut how = format!("the event type is `{}` now, instead of `{}`", new.event, old.event);
        if new.aliases.contains(&old.event) {
            how += ", which is still read";
        }
        found.push(Difference::of_event(ChangeKind::EventRenamed, how));
    }
    for alias in new.aliases.iter().filter(|alias| !old.aliases.contains(alias) && **alias != old.event) {
        found.push(Difference::of_event(ChangeKind::AliasAdded, format!("it is also read as `{alias}`")));
    }
    for alias in old.aliases.iter().filter(|alias| !new.aliases.contains(alias) && **alias != new.event) {
        found.push(Difference::of_event(ChangeKind::AliasDropped, format!("it is no longer read as `{alias}`")));
    }
    for mark in new.marks.iter().filter(|mark| !old.marks.contains(mark)) {
        found.push(Difference::of_event(ChangeKind::MarkAdded, marked(mark, true)));
    }
    for mark in old.marks.iter().filter(|mark| !new.marks.contains(mark)) {
        found.push(Difference::of_event(ChangeKind::MarkDropped, marked(mark, false)));
    }
    data(old, new, defs, &mut found);
    if old.key != new.key {
        let shown =
            |key: &Option<String>| key.as_ref().map_or_else(|| "no key".to_owned(), |key| format!("the key `{key}`"));
        let how = format!("{} selects the variant, instead of {}", shown(&new.key), shown(&old.key));
        found.push(Difference::of_event(ChangeKind::Selector, how));
    }
    if old.tag != new.tag {
        let shown =
            |tag: &Option<String>| tag.as_ref().map_or_else(|| "no tag".to_owned(), |tag| format!("the tag `{tag}`"));
        let how = format!("the data has {}, instead of {}", shown(&new.tag), shown(&old.tag));
        found.push(Difference::of_event(ChangeKind::Tag, how));
    }
    lines(old, new, defs, &mut found);
    found
}

fn marked(mark: &str, added: bool) -> String {
    match (mark, added) {
        (TERMINAL, true) => "it ends the stream now".to_owned(),
        (TERMINAL, false) => "it no longer ends the stream".to_owned(),
        (mark, true) => format!("it is marked `{mark}` now"),
        (mark, false) => format!("it is no longer marked `{mark}`"),
    }
}

fn data(old: &EventRules, new: &EventRules, defs: Definitions<'_>, found: &mut Vec<Difference>) {
    match (&old.data, &new.data) {
        (Data::Json(old), Data::Json(new)) | (Data::Text(old), Data::Text(new)) => {
            found.extend(schemas(old, new, defs, ""));
        }
        (Data::Sentinel(old), Data::Sentinel(new)) if old != new => {
            found.push(Difference::of_event(ChangeKind::Selector, format!("the data is `{new}`, instead of `{old}`")));
        }
        (one, other) if std::mem::discriminant(one) != std::mem::discriminant(other) => {
            let how = format!("the data is {}, instead of {}", form(other), form(one));
            found.push(Difference::of_event(ChangeKind::DataForm, how));
        }
        _ => {}
    }
}

pub(super) const fn form(data: &Data) -> &'static str {
    match data {
        Data::Unit => "`null`",
        Data::Json(_) => "JSON",
        Data::Text(_) => "plain text",
        Data::Sentinel(_) => "a fixed text",
    }
}

fn lines(old: &EventRules, new: &EventRules, defs: Definitions<'_>, found: &mut Vec<Difference>) {
    let mut push = |how: &str| found.push(Difference::at("id:", ChangeKind::Line, how));
    match (&old.id, &new.id) {
        (None, Some(Line { optional: false, .. })) => push("the `id:` line is read now, and required"),
        (None, Some(_)) => push("the `id:` line is read now, if there is one"),
        (Some(_), None) => push("the `id:` line is no longer read"),
        (Some(old), Some(new)) => {
            match (old.optional, new.optional) {
                (true, false) => push("the `id:` line is required now"),
                (false, true) => push("the `id:` line may be absent now"),
                _ => {}
            }
            if old.json != new.json {
                push(if new.json { "the id is JSON now" } else { "the id is no longer JSON" });
            } else {
                for difference in schemas(&old.schema, &new.schema, defs, "id:") {
                    let (paths, kind) = (vec!["id:".to_owned()], ChangeKind::Line);
                    let description = format!("the id: {}", difference.description);
                    found.push(Difference { paths, kind, description, ..difference });
                }
            }
        }
        (None, None) => {}
    }
    let retry = match (old.retry, new.retry) {
        (None, Some(retry)) if !retry.optional => "the `retry:` line is read now, and required",
        (None, Some(_)) => "the `retry:` line is read now, if there is one",
        (Some(_), None) => "the `retry:` line is no longer read",
        (Some(old), Some(new)) if old.optional && !new.optional => "the `retry:` line is required now",
        (Some(old), Some(new)) if !old.optional && new.optional => "the `retry:` line may be absent now",
        _ => return,
    };
    found.push(Difference::at("retry:", ChangeKind::Line, retry));
}

/// The differences that concern no single variant.
pub(super) fn whole(old: &Rules, new: &Rules) -> Vec<Difference> {
    let mut found = Vec::new();
    if old.tag != new.tag || old.nested_tags != new.nested_tags {
        found
            .push(Difference::of_event(ChangeKind::Tag, "an event without an event type is recognized by another tag"));
    }
    for ignored in new.ignored.iter().filter(|name| !old.ignored.contains(name)) {
        found.push(Difference::of_event(ChangeKind::Ignored, format!("the event type `{ignored}` is ignored now")));
    }
    for ignored in old.ignored.iter().filter(|name| !new.ignored.contains(name)) {
        found.push(Difference::of_event(
            ChangeKind::Ignored,
            format!("the event type `{ignored}` is no longer ignored"),
        ));
    }
    match (old.other, new.other) {
        (None, Some(_)) => {
            found.push(Difference::of_event(ChangeKind::Other, "a variant takes undeclared event types now"));
        }
        (Some(_), None) => {
            found.push(Difference::of_event(ChangeKind::Other, "no variant takes undeclared event types any more"));
        }
        (old, new) if old != new => {
            found.push(Difference::of_event(
                ChangeKind::Other,
                "undeclared event types are read as another kind of variant",
            ));
        }
        _ => {}
    }
    found
}

/// The event types whose variants are told apart by keys in another order.
pub(super) fn reordered(old: &Rules, new: &Rules) -> Vec<String> {
    let mut types: Vec<&String> = old.events.iter().map(|event| &event.event).collect();
    types.dedup();
    let keys = |rules: &Rules, event_type: &str| {
        let events = rules.events.iter().filter(|event| event.event == event_type);
        events.filter_map(|event| event.key.clone()).collect::<Vec<_>>()
    };
    let mut found: Vec<String> = Vec::new();
    for event_type in types {
        let (mut old, mut new) = (keys(old, event_type), keys(new, event_type));
        let common: Vec<_> = old.iter().filter(|key| new.contains(key)).cloned().collect();
        old.retain(|key| common.contains(key));
        new.retain(|key| common.contains(key));
        if old != new && !found.contains(event_type) {
            found.push(event_type.clone());
        }
    }
    found
}
