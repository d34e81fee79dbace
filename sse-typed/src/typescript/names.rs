//! What events are called in TypeScript.

use crate::codec::describe::{Data, Events, Variant};

/// An event of the type, or of a nested one.
pub(super) struct Named<'a> {
    pub(super) name: String,
    pub(super) variant: &'a Variant<String>,
}

/// All events, each under a name of its own: the event type, or where several have one event type, the variant's name.
pub(super) fn all(events: &Events<String>) -> Vec<Named<'_>> {
    let mut variants = Vec::new();
    collect(events, &mut variants);
    let own_type = |variant: &Variant<String>| {
        let has_type = |other: &Variant<String>| other.event_type == variant.event_type && !is_raw(other);
        !is_raw(variant) && variants.iter().filter(|other| has_type(other)).count() == 1
    };
    let event_types = variants.iter().filter(|variant| own_type(variant));
    let mut taken: Vec<String> = event_types.map(|variant| variant.event_type.to_owned()).collect();
    let named = variants.iter().map(|&variant| {
        if own_type(variant) {
            return Named { name: variant.event_type.to_owned(), variant };
        }
        let numbered = (2_usize..).map(|number| format!("{}{number}", variant.name));
        let mut names = std::iter::once(variant.name.to_owned()).chain(numbered);
        let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.push(name.clone());
        Named { name, variant }
    });
    named.collect()
}

fn collect<'a>(events: &'a Events<String>, variants: &mut Vec<&'a Variant<String>>) {
    for variant in &events.variants {
        match &variant.data {
            Data::Nested(nested) => collect(nested, variants),
            _ => variants.push(variant),
        }
    }
}

pub(super) fn is_raw(variant: &Variant<String>) -> bool {
    matches!(variant.data, Data::Raw)
}
