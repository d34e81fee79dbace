//! The names of events in TypeScript.

use crate::codec::describe::{Data, Events, Variant};

/// An event of the type or of a nested type, with its name.
pub(super) struct NamedEvent<'a> {
    pub(super) name: String,
    pub(super) variant: &'a Variant<String>,
}

/// All events with unique names: the event type, or the variant's name where several variants share an event type.
pub(super) fn named_events(events: &Events<String>) -> Vec<NamedEvent<'_>> {
    let mut variants = Vec::new();
    collect_variants(events, &mut variants);
    let has_unique_type = |variant: &Variant<String>| {
        let has_type = |other: &Variant<String>| other.event_type == variant.event_type && !is_raw(other);
        !is_raw(variant) && variants.iter().filter(|other| has_type(other)).count() == 1
    };
    let event_types = variants.iter().filter(|variant| has_unique_type(variant));
    let mut taken: Vec<String> = event_types.map(|variant| variant.event_type.to_owned()).collect();
    let named = variants.iter().map(|&variant| {
        if has_unique_type(variant) {
            return NamedEvent { name: variant.event_type.to_owned(), variant };
        }
        let numbered = (2_usize..).map(|number| format!("{}{number}", variant.name));
        let mut names = std::iter::once(variant.name.to_owned()).chain(numbered);
        let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.push(name.clone());
        NamedEvent { name, variant }
    });
    named.collect()
}

fn collect_variants<'a>(events: &'a Events<String>, variants: &mut Vec<&'a Variant<String>>) {
    for variant in &events.variants {
        match &variant.data {
            Data::Nested(nested) => collect_variants(nested, variants),
            _ => variants.push(variant),
        }
    }
}

pub(super) fn is_raw(variant: &Variant<String>) -> bool {
    matches!(variant.data, Data::Raw)
}
