use proc_macro2::Span;
use syn::{ExprPath, Fields, Ident, LitStr, Member, Type, ext::IdentExt as _, spanned::Spanned as _};

use super::{FieldCase, Inherited, field::Role, report_contradiction, serde_field_case, ungrouped};
use crate::{
    attr,
    ctxt::Ctxt,
    model::{Field, Id, RunEnd},
    symbol::{self, AttrTarget},
};

/// A variant of an enum, or a struct.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) fields: &'a Fields,
    /// Its doc comment.
    pub(crate) doc: String,
    /// Its declared name in the case of `rename_all`.
    pub(crate) cased_name: String,
    /// The event type.
    pub(crate) name: Name,
    /// Further event types that are decoded as this variant.
    pub(crate) aliases: Vec<Name>,
    pub(crate) data: Data<'a>,
    /// How its data is told from that of other variants with the same event type.
    pub(crate) selector: Option<Selector>,
    pub(crate) id: Option<Id<'a>>,
    pub(crate) retry: Option<Field<'a>>,
    pub(crate) terminal: bool,
    pub(crate) error: bool,
    pub(crate) gap: Option<Span>,
    /// The end of a run that it reports, with the span of the attribute.
    pub(crate) run_end: Option<(RunEnd, Span)>,
    /// It takes event types that no other variant has. The span is that of the attribute.
    pub(crate) takes_unknown: Option<Span>,
    /// It is never sent.
    pub(crate) skip_encode: bool,
    /// It is never received.
    pub(crate) skip_decode: bool,
    pub(crate) field_case: FieldCase,
    /// The type of `as`, which replaces the type of the data in descriptions.
    pub(crate) wire_type: Option<Type>,
}

/// An event type, with the span of the token that sets it.
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// The data of a variant.
pub(crate) enum Data<'a> {
    /// No data: `null`.
    Unit,
    /// The JSON of one payload.
    Newtype(Field<'a>),
    /// A JSON object.
    Object(Vec<Field<'a>>),
    /// Plain text.
    Text(Field<'a>),
    /// Text by a `with` module.
    With(ExprPath, Field<'a>),
    /// A fixed text.
    Sentinel(LitStr),
    /// An untyped event.
    Other(Field<'a>),
    /// A payload that is an event type itself.
    Nested(Field<'a>),
    /// Never on the wire, or an error that was reported.
    None,
}

/// How the data of a variant is told from that of other variants with the same event type.
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
        let is_struct = inherited.target == AttrTarget::Struct;
        check_contradictions(ctxt, attrs);
        let skip = attrs.span(&symbol::SKIP).is_some() || (!is_struct && serde.has("skip"));
        let (skip_encode, skip_decode) =
            (skip || serde.has("skip_serializing"), skip || serde.has("skip_deserializing"));

        let mut id = None;
        let mut retry = None;
        let mut data_fields = Vec::new();
        for (position, field) in fields.iter().enumerate() {
            match Role::new(ctxt, field, position) {
                Role::Data(field) => data_fields.push(field),
                Role::Id(_, span) | Role::Retry(_, span) if field.ident.is_none() => {
                    ctxt.error(span, format_args!("`id` and `retry` need named fields: write `{ident} {{ .. }}`"));
                }
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
        let field_outside_json = match &data {
            Data::Text(field) | Data::With(_, field) | Data::Other(field) | Data::Nested(field) => Some(field),
            _ => None,
        };
        for field in id.iter().map(|id: &Id<'_>| &id.field).chain(&retry).chain(field_outside_json).filter(|_| !skip) {
            field.serde.check_outside_json(ctxt);
        }
        let selector = match (&data, attrs.text(&symbol::KEY)) {
            (Data::Sentinel(text), _) => Some(Selector::Sentinel(text.clone())),
            (Data::Unit, Some(key)) => {
                ctxt.error(key.span(), "`key` names a key of the data, and a unit variant has no data: add a payload, or use `data = \"..\"`");
                None
            }
            (_, Some(key)) => Some(Selector::Key(key.clone())),
            (_, None) => None,
        };
        if let (Data::Unit | Data::Sentinel(_) | Data::Other(_) | Data::Nested(_), Some(span)) =
            (&data, attrs.span(&symbol::AS))
        {
            ctxt.error(span, "`as` names the type of the data, and the data of this variant has no type: remove it");
        }
        let gap = attrs.span(&symbol::GAP);
        if let Some(span) = gap {
            check_gap(ctxt, span, &data, id.is_some() || retry.is_some());
        }
        let run_end = RunEnd::of(attrs);
        if let Some((end, span)) = run_end {
            end.check(ctxt, span, ident, attrs, &data, id.is_some() || retry.is_some());
            let never_sent = serde.span("skip").filter(|_| !is_struct).or_else(|| serde.span("skip_serializing"));
            if let Some(never_sent) = never_sent {
                let name = end.symbol().name;
                ctxt.error(never_sent, format_args!("a `{name}` event is sent when a run ends: remove this attribute"));
            }
        }
        let serde_other = if is_struct { None } else { serde.span("other") };
        if let (Some(span), false) = (serde_other, matches!(data, Data::Unit)) {
            ctxt.error(
                span,
                "`#[serde(other)]` needs a unit variant: to keep the data, use `#[sse(other)]` on `Other(RawEvent)`",
            );
        }
        if let Some((end, _)) = run_end {
            report_contradiction(ctxt, end.symbol().name, serde_other, "other");
        }
        let own_case = if is_struct { FieldCase::default() } else { serde_field_case(ctxt, serde, "rename_all") };
        let variant_aliases = attrs.texts(&symbol::ALIAS).iter().cloned().chain(serde.texts("alias"));
        Self {
            ident,
            fields,
            doc,
            name: name(ctxt, inherited, ident, attrs, serde, is_struct),
            cased_name: cased_name(inherited, ident),
            aliases: variant_aliases.map(|alias| Name::explicit(&alias)).collect(),
            data,
            selector,
            id,
            retry,
            terminal: attrs.span(&symbol::TERMINAL).is_some(),
            error: attrs.span(&symbol::ERROR).is_some(),
            gap,
            run_end,
            takes_unknown: attrs.span(&symbol::OTHER).or(serde_other),
            skip_encode,
            skip_decode,
            field_case: if own_case.tokens.is_empty() { inherited.field_case.clone() } else { own_case },
            wire_type: attrs.parsed(ctxt, &symbol::AS),
        }
    }

    /// The event types that are decoded as this variant.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.name).chain(&self.aliases)
    }

    /// The payload, if it is nested.
    pub(crate) fn nested(&self) -> Option<&Field<'a>> {
        match &self.data {
            Data::Nested(field) => Some(field),
            _ => None,
        }
    }

    /// Whether it has an event type of its own, unlike a catch-all and a nested type.
    pub(crate) fn is_named(&self) -> bool {
        !matches!(self.data, Data::Other(_) | Data::Nested(_))
    }

    /// Whether serde's derive must write its JSON, because it has fields, or a payload with attributes or a tag.
    pub(crate) fn needs_mirror(&self, tagged: bool) -> bool {
        match &self.data {
            Data::Object(_) => true,
            Data::Newtype(field) => tagged || field.serde_attrs().next().is_some(),
            Data::Unit => tagged,
            _ => false,
        }
    }

    /// The fields in the JSON.
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
            "an event type is the same for sending and receiving: use `#[sse(rename = \"..\")]`, and `#[sse(alias = \"..\")]` \
             for another one that is received",
        );
    }
    if let Some(text) = serde.text("rename") {
        return Name::explicit(&text);
    }
    let cased_name = cased_name(inherited, ident);
    match &inherited.prefix {
        // An error in the name is an error in the prefix.
        Some(prefix) => Name { text: prefix.value() + &cased_name, span: prefix.span() },
        None => Name { text: cased_name, span: ident.span() },
    }
}

/// The declared name in the case of `rename_all`.
fn cased_name(inherited: &Inherited, ident: &Ident) -> String {
    let written = ident.unraw().to_string();
    inherited.rule.map_or_else(|| written.clone(), |rule| rule.apply_to_variant(&written))
}

/// Reports attributes that contradict each other.
fn check_contradictions(ctxt: &Ctxt, attrs: &attr::Attrs) {
    use symbol::{
        ALIAS, DATA, ERROR, FAILED, GAP, KEY, LOST, MESSAGE, NESTED, OTHER, RENAME, SKIP, STOPPED, TERMINAL, TEXT, WITH,
    };
    let pairs = [
        (&RENAME, &[&MESSAGE][..]),
        (&TEXT, &[&WITH, &DATA, &KEY]),
        (&WITH, &[&DATA, &KEY]),
        (&DATA, &[&KEY]),
        (&OTHER, &[&RENAME, &ALIAS, &MESSAGE, &TEXT, &WITH, &DATA, &KEY, &GAP]),
        (&NESTED, &[&RENAME, &ALIAS, &MESSAGE, &TEXT, &WITH, &DATA, &KEY, &GAP, &OTHER, &TERMINAL, &ERROR]),
        (&GAP, &[&TEXT, &WITH, &DATA, &KEY]),
        (&SKIP, &[&MESSAGE, &TEXT, &WITH, &DATA, &KEY, &GAP, &OTHER, &NESTED]),
        (&FAILED, &[&STOPPED, &LOST, &OTHER, &NESTED, &GAP, &SKIP]),
        (&STOPPED, &[&LOST, &OTHER, &NESTED, &GAP, &SKIP]),
        (&LOST, &[&OTHER, &NESTED, &GAP, &SKIP]),
    ];
    for (first, others) in pairs {
        if attrs.span(first).is_some() {
            for other in others {
                if report_contradiction(ctxt, first.name, attrs.span(other), other.name) {
                    break;
                }
            }
        }
    }
}

/// The data of a variant, from the fields that are neither id nor reconnection time.
fn data<'a>(ctxt: &Ctxt, ident: &Ident, shape: &Fields, mut fields: Vec<Field<'a>>, attrs: &attr::Attrs) -> Data<'a> {
    let sentinel = attrs.text(&symbol::DATA);
    let form = [&symbol::TEXT, &symbol::WITH, &symbol::OTHER, &symbol::NESTED]
        .into_iter()
        .find_map(|symbol| attrs.span(symbol).map(|span| (symbol.name, span)));
    if let (Some(text), Fields::Named(_) | Fields::Unnamed(_)) = (sentinel, shape) {
        ctxt.error(
            text.span(),
            format_args!("`data` is the complete data of the event: make `{ident}` a unit variant"),
        );
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
                ctxt.error(unnamed.span(), format_args!("an event without data is a unit variant: write `{ident}`"));
                return Data::None;
            }
            if unnamed.unnamed.len() != 1 {
                ctxt.error(
                    unnamed.span(),
                    format_args!(
                        "the data of an event is one JSON value, and `{ident}` has {} fields: name the fields, `{ident} {{ .. }}`, or \
                         hold one struct",
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

/// Whether a type is named `RawEvent`. A derive cannot recognize it by any other name.
fn is_raw_event(ty: &Type) -> bool {
    let Type::Path(path) = ungrouped(ty) else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "RawEvent")
}

/// Reports fields of a `gap` variant that a `Gap` does not have.
fn check_gap(ctxt: &Ctxt, span: Span, data: &Data<'_>, has_more: bool) {
    if has_more {
        ctxt.error(span, "a hub creates the gap event and its id: remove the `id` and `retry` fields");
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
                "a `gap` variant has only the fields `missed: Option<u64>`, `reason: GapReason` and `part: Option<PartName>`; or it \
                 holds a `Gap`, or nothing",
            );
        }
    }
}
