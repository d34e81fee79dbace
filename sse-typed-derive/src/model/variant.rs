use proc_macro2::Span;
use syn::{ExprPath, Fields, Ident, LitStr, Member, Type, ext::IdentExt as _, spanned::Spanned as _};

use super::{FieldCase, Inherited, contradict, field::Role, serde_field_case, ungrouped};
use crate::{
    attr,
    ctxt::Ctxt,
    model::{Field, Id},
    symbol::{self, Place},
};

/// A variant of an enum, or a struct.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) fields: &'a Fields,
    /// Its doc comment.
    pub(crate) doc: String,
    /// Its own name, in the case that is asked for: the event type, unless that was given in other ways.
    pub(crate) cased: String,
    /// The event type.
    pub(crate) name: Name,
    /// Further event types that are read as this one.
    pub(crate) aliases: Vec<Name>,
    pub(crate) data: Data<'a>,
    /// What tells it from other variants of its event type.
    pub(crate) selector: Option<Selector>,
    pub(crate) id: Option<Id<'a>>,
    pub(crate) retry: Option<Field<'a>>,
    pub(crate) terminal: bool,
    pub(crate) error: bool,
    pub(crate) gap: Option<Span>,
    /// It takes event types that no other variant has.
    pub(crate) takes_unknown: Option<Span>,
    /// It is never written.
    pub(crate) skip_encode: bool,
    /// It is never read.
    pub(crate) skip_decode: bool,
    pub(crate) field_case: FieldCase,
    /// The type whose schema its data has on the wire.
    pub(crate) wire_type: Option<Type>,
}

/// An event type, and the token that says it.
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What becomes of the fields.
pub(crate) enum Data<'a> {
    /// No data: `null`.
    Unit,
    /// The JSON of one payload.
    Newtype(Field<'a>),
    /// A JSON object.
    Object(Vec<Field<'a>>),
    /// Plain text.
    Text(Field<'a>),
    /// A codec of its own.
    With(ExprPath, Field<'a>),
    /// A fixed text.
    Sentinel(LitStr),
    /// An untyped event.
    Other(Field<'a>),
    /// An event type of its own.
    Nested(Field<'a>),
    /// Never on the wire, or wrong and reported.
    None,
}

/// What tells variants of one event type apart.
pub(crate) enum Selector {
    /// The data is exactly this.
    Sentinel(LitStr),
    /// The data has this key.
    Key(LitStr),
}

impl<'a> Variant<'a> {
    pub(super) fn new(
        ctxt: &Ctxt,
        inherited: &Inherited,
        ident: &'a Ident,
        fields: &'a Fields,
        doc: String,
        attrs: &attr::Attrs,
        serde: &attr::serde::Attrs,
    ) -> Self {
        let is_struct = inherited.place == Place::Struct;
        contradictions(ctxt, attrs);
        let skip = attrs.span(&symbol::SKIP).is_some() || (!is_struct && serde.has("skip"));
        let (skip_encode, skip_decode) =
            (skip || serde.has("skip_serializing"), skip || serde.has("skip_deserializing"));

        let mut id = None;
        let mut retry = None;
        let mut data_fields = Vec::new();
        for (position, field) in fields.iter().enumerate() {
            match Role::new(ctxt, field, position) {
                Role::Data(field) => data_fields.push(field),
                Role::Id(_, span) | Role::Retry(_, span) if field.ident.is_none() => ctxt.error(
                    span,
                    format_args!(
                        "`id` and `retry` stand on named fields: write `{ident} {{ .. }}` with a name for each"
                    ),
                ),
                Role::Id(_, span) if id.is_some() => {
                    ctxt.error(span, "an event has one id: only one field can be `#[sse(id)]`");
                }
                Role::Retry(_, span) if retry.is_some() => {
                    ctxt.error(span, "an event has one reconnection time: only one field can be `#[sse(retry)]`");
                }
                Role::Id(field, _) => id = Some(field),
                Role::Retry(field, _) => retry = Some(field),
            }
        }

        let data = if skip { Data::None } else { data(ctxt, ident, fields, data_fields, attrs) };
        let unseen = match &data {
            Data::Text(field) | Data::With(_, field) | Data::Other(field) | Data::Nested(field) => Some(field),
            _ => None,
        };
        for field in id.iter().map(|id: &Id<'_>| &id.field).chain(&retry).chain(unseen).filter(|_| !skip) {
            field.serde.check_beside(ctxt);
        }
        let selector = match (&data, attrs.text(&symbol::KEY)) {
            (Data::Sentinel(text), _) => Some(Selector::Sentinel(text.clone())),
            (Data::Unit, Some(key)) => {
                ctxt.error(key.span(), "`key` looks into the data, and a unit variant has none: give it a payload");
                None
            }
            (_, Some(key)) => Some(Selector::Key(key.clone())),
            (_, None) => None,
        };
        if let (Data::Unit | Data::Sentinel(_) | Data::Other(_) | Data::Nested(_), Some(span)) =
            (&data, attrs.span(&symbol::AS))
        {
            ctxt.error(span, "`as` names the type that stands on the wire, and this event has no data of a type");
        }
        let gap = attrs.span(&symbol::GAP);
        if let Some(span) = gap {
            check_gap(ctxt, span, &data, id.is_some() || retry.is_some());
        }
        let unknown_to_serde = if is_struct { None } else { serde.span("other") };
        if let (Some(span), false) = (unknown_to_serde, matches!(data, Data::Unit)) {
            ctxt.error(
                span,
                "`#[serde(other)]` needs a unit variant: `#[sse(other)]` on `Other(RawEvent)` keeps the data",
            );
        }
        let own_case = if is_struct { FieldCase::default() } else { serde_field_case(ctxt, serde, "rename_all") };
        let variant_aliases = attrs.texts(&symbol::ALIAS).iter().cloned().chain(serde.texts("alias"));
        Self {
            ident,
            fields,
            doc,
            name: name(ctxt, inherited, ident, attrs, serde, is_struct),
            cased: cased(inherited, ident),
            aliases: variant_aliases.map(|alias| Name::explicit(&alias)).collect(),
            data,
            selector,
            id,
            retry,
            terminal: attrs.span(&symbol::TERMINAL).is_some(),
            error: attrs.span(&symbol::ERROR).is_some(),
            gap,
            takes_unknown: attrs.span(&symbol::OTHER).or(unknown_to_serde),
            skip_encode,
            skip_decode,
            field_case: if own_case.tokens.is_empty() { inherited.field_case.clone() } else { own_case },
            wire_type: attrs.parsed(ctxt, &symbol::AS),
        }
    }

    /// The event types that are read as this variant.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.name).chain(&self.aliases)
    }

    /// The payload that is an event type itself.
    pub(crate) fn nested(&self) -> Option<&Field<'a>> {
        match &self.data {
            Data::Nested(field) => Some(field),
            _ => None,
        }
    }

    /// Whether it has an event type of its own: a catch-all and a nested type have not.
    pub(crate) fn is_named(&self) -> bool {
        !matches!(self.data, Data::Other(_) | Data::Nested(_))
    }

    /// Whether its data is JSON that only serde's derive can write: fields, or a payload with attributes.
    pub(crate) fn needs_mirror(&self, tagged: bool) -> bool {
        match &self.data {
            Data::Object(_) => true,
            Data::Newtype(field) => tagged || field.serde_attrs().next().is_some(),
            Data::Unit => tagged,
            _ => false,
        }
    }

    /// The fields that are read from and written as JSON.
    pub(crate) fn json_fields(&self) -> &[Field<'a>] {
        match &self.data {
            Data::Object(fields) => fields,
            Data::Newtype(field) => std::slice::from_ref(field),
            _ => &[],
        }
    }
}

impl Name {
    fn explicit(text: &LitStr) -> Self {
        Self { text: text.value(), span: text.span() }
    }
}

/// The event type.
fn name(
    ctxt: &Ctxt,
    inherited: &Inherited,
    ident: &Ident,
    attrs: &attr::Attrs,
    serde: &attr::serde::Attrs,
    is_struct: bool,
) -> Name {
    if let Some(span) = attrs.span(&symbol::MESSAGE) {
        return Name { text: "message".to_owned(), span };
    }
    if let Some(text) = attrs.text(&symbol::RENAME) {
        return Name::explicit(text);
    }
    if let (Some(meta), false) = (serde.two_sided("rename"), is_struct) {
        ctxt.error_spanned(
            meta,
            "an event type is the same on both sides: use `#[sse(rename = \"..\")]`, and `#[sse(alias = \"..\")]` for a \
             second one that is read",
        );
    }
    if let Some(text) = serde.text("rename") {
        return Name::explicit(&text);
    }
    let cased = cased(inherited, ident);
    match &inherited.prefix {
        // What is wrong with the name is then in the prefix.
        Some(prefix) => Name { text: prefix.value() + &cased, span: prefix.span() },
        None => Name { text: cased, span: ident.span() },
    }
}

/// The name as it is written, in the case of `rename_all`.
fn cased(inherited: &Inherited, ident: &Ident) -> String {
    let written = ident.unraw().to_string();
    inherited.rule.map_or_else(|| written.clone(), |rule| rule.apply_to_variant(&written))
}

/// Attributes that say different things of the same thing.
fn contradictions(ctxt: &Ctxt, attrs: &attr::Attrs) {
    use symbol::{ALIAS, DATA, ERROR, GAP, KEY, MESSAGE, NESTED, OTHER, RENAME, SKIP, TERMINAL, TEXT, WITH};
    let pairs = [
        (&RENAME, &[&MESSAGE][..]),
        (&TEXT, &[&WITH, &DATA, &KEY]),
        (&WITH, &[&DATA, &KEY]),
        (&DATA, &[&KEY]),
        (&OTHER, &[&RENAME, &ALIAS, &MESSAGE, &TEXT, &WITH, &DATA, &KEY, &GAP]),
        (&NESTED, &[&RENAME, &ALIAS, &MESSAGE, &TEXT, &WITH, &DATA, &KEY, &GAP, &OTHER, &TERMINAL, &ERROR]),
        (&GAP, &[&TEXT, &WITH, &DATA, &KEY]),
        (&SKIP, &[&MESSAGE, &TEXT, &WITH, &DATA, &KEY, &GAP, &OTHER, &NESTED]),
    ];
    for (first, others) in pairs {
        if attrs.span(first).is_some() {
            for other in others {
                if contradict(ctxt, first.name, attrs.span(other), other.name) {
                    break;
                }
            }
        }
    }
}

/// What becomes of the fields that are neither id nor reconnection time.
fn data<'a>(ctxt: &Ctxt, ident: &Ident, shape: &Fields, mut fields: Vec<Field<'a>>, attrs: &attr::Attrs) -> Data<'a> {
    let sentinel = attrs.text(&symbol::DATA);
    let form = [&symbol::TEXT, &symbol::WITH, &symbol::OTHER, &symbol::NESTED]
        .into_iter()
        .find_map(|symbol| attrs.span(symbol).map(|span| (symbol.name, span)));
    if let (Some(text), Fields::Named(_) | Fields::Unnamed(_)) = (sentinel, shape) {
        ctxt.error(text.span(), format_args!("`data` is all that the event says: make `{ident}` a unit variant"));
        return Data::None;
    }
    match shape {
        Fields::Unit => match (sentinel, form) {
            (Some(text), _) => Data::Sentinel(text.clone()),
            (None, None) => Data::Unit,
            (None, Some((name, span))) => {
                let payload = if name == "other" { "RawEvent" } else { "Payload" };
                ctxt.error(span, format_args!("`{name}` needs data: write `{ident}({payload})`"));
                Data::None
            }
        },
        Fields::Unnamed(unnamed) => {
            if unnamed.unnamed.is_empty() {
                ctxt.error(unnamed.span(), format_args!("an event without data is a unit: write `{ident}`"));
                return Data::None;
            }
            if unnamed.unnamed.len() != 1 {
                ctxt.error(
                    unnamed.span(),
                    format_args!(
                        "an event has one piece of data, and `{ident}` has {}: name the fields, `{ident} {{ .. }}`, or hold one \
                         struct",
                        unnamed.unnamed.len()
                    ),
                );
                return Data::None;
            }
            let Some(field) = fields.pop() else { return Data::None };
            match form {
                None => Data::Newtype(field),
                Some(("text", _)) => Data::Text(field),
                Some(("other", _)) if !is_raw_event(field.ty) => {
                    ctxt.error_spanned(
                        field.ty,
                        format_args!("`other` holds an untyped event: write `{ident}(RawEvent)`"),
                    );
                    Data::None
                }
                Some(("other", _)) => Data::Other(field),
                Some(("nested", _)) => Data::Nested(field),
                Some(_) => attrs.parsed(ctxt, &symbol::WITH).map_or(Data::None, |module| Data::With(module, field)),
            }
        }
        Fields::Named(_) => match form {
            None => Data::Object(fields),
            Some(("text", span)) => {
                if fields.len() == 1 {
                    return fields.pop().map_or(Data::None, Data::Text);
                }
                ctxt.error(
                    span,
                    format_args!(
                        "`text` needs exactly one field besides id and retry, and `{ident}` has {}",
                        fields.len()
                    ),
                );
                Data::None
            }
            Some((name, span)) => {
                let payload = if name == "other" { "RawEvent" } else { "Payload" };
                ctxt.error(span, format_args!("`{name}` needs a single unnamed field: write `{ident}({payload})`"));
                Data::None
            }
        },
    }
}

/// Whether a type is called as an untyped event is. Under another name it would pass for any other type until its use.
fn is_raw_event(ty: &Type) -> bool {
    let Type::Path(path) = ungrouped(ty) else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "RawEvent")
}

/// A gap has no data, or what a `Gap` has.
fn check_gap(ctxt: &Ctxt, span: Span, data: &Data<'_>, has_more: bool) {
    if has_more {
        ctxt.error(span, "a gap is told by the hub, which gives it its id: remove the `id` and `retry` fields");
    }
    let Data::Object(fields) = data else { return };
    for field in fields {
        if let Member::Named(ident) = &field.member
            && ident != "missed"
            && ident != "reason"
            && ident != "part"
        {
            ctxt.error(
                ident.span(),
                "a gap has the fields `missed: Option<u64>`, `reason: GapReason` and `part: Option<PartName>`, or holds a `Gap`, or \
                 nothing",
            );
        }
    }
}
