//! The where clauses of generated impls. As in serde, a type parameter that is used in a field gets the bound of that field.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{
    Generics, Ident, Macro, Path, Type, TypePath, WherePredicate, parse_quote,
    visit::{self, Visit},
};

use crate::model::{Data, Field, Input, ungrouped};

/// The generics without defaults.
pub(crate) fn without_defaults(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        match param {
            syn::GenericParam::Type(param) => param.default = None,
            syn::GenericParam::Const(param) => param.default = None,
            syn::GenericParam::Lifetime(_) => {}
        }
    }
    generics
}

/// The generics with additional predicates.
pub(crate) fn with_predicates(generics: &Generics, predicates: &[WherePredicate]) -> Generics {
    let mut generics = without_defaults(generics);
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates.iter().cloned());
    }
    generics
}

/// The predicates for encoding.
pub(crate) fn encode(input: &Input<'_>, private: &TokenStream) -> Vec<WherePredicate> {
    if let Some(predicates) = &input.bounds.serialize {
        return predicates.clone();
    }
    let mut bounds = Bounds::new(&input.original.generics);
    let serialize: Path = parse_quote!(#private::serde::Serialize);
    let display: Path = parse_quote!(#private::Display);
    for variant in input.variants.iter().filter(|variant| !variant.skip_encode) {
        for field in variant.json_fields() {
            let skipped = ["skip", "skip_serializing", "with", "serialize_with"];
            bounds.json_field(field, &skipped, &serialize, |bounds| bounds.serialize.as_deref());
        }
        if let Data::Text(field) = &variant.data {
            bounds.whole_type(field.ty, &display);
        }
        if let Some(id) = &variant.id {
            let ty = id.field.optional().unwrap_or(id.field.ty);
            bounds.whole_type(ty, if id.json { &serialize } else { &display });
        }
    }
    bounds.predicates
}

/// The predicates for decoding.
pub(crate) fn decode(input: &Input<'_>, private: &TokenStream) -> Vec<WherePredicate> {
    if let Some(predicates) = &input.bounds.deserialize {
        return predicates.clone();
    }
    let mut bounds = Bounds::new(&input.original.generics);
    let deserialize: Path = parse_quote!(#private::serde::de::DeserializeOwned);
    let default: Path = parse_quote!(#private::Default);
    let parse: Path = parse_quote!(#private::FromText);
    for variant in input.variants.iter().filter(|variant| !variant.skip_decode) {
        for field in variant.json_fields() {
            let skipped = ["skip", "skip_deserializing", "with", "deserialize_with"];
            bounds.json_field(field, &skipped, &deserialize, |bounds| bounds.deserialize.as_deref());
            let defaulted = match field.serde.find("default") {
                Some(meta) => matches!(meta, syn::Meta::Path(_)),
                None => field.serde.has("skip") || field.serde.has("skip_deserializing"),
            };
            if defaulted {
                bounds.params_of(field.ty, &default);
            }
        }
        if let Data::Text(field) = &variant.data {
            bounds.whole_type(field.ty, &parse);
        }
        if let Some(id) = &variant.id {
            let ty = id.field.optional().unwrap_or(id.field.ty);
            bounds.whole_type(ty, if id.json { &deserialize } else { &parse });
        }
    }
    bounds.predicates
}

/// Whether a type uses a type parameter.
pub(crate) fn mentions_param(generics: &Generics, ty: &Type) -> bool {
    UsedParams::in_type(generics, ty).any
}

/// Collects predicates, each once.
struct Bounds<'a> {
    generics: &'a Generics,
    predicates: Vec<WherePredicate>,
    seen: HashSet<String>,
}

impl<'a> Bounds<'a> {
    fn new(generics: &'a Generics) -> Self {
        Self { generics, predicates: Vec::new(), seen: HashSet::new() }
    }

    fn push(&mut self, predicate: WherePredicate) {
        if self.seen.insert(predicate.to_token_stream().to_string()) {
            self.predicates.push(predicate);
        }
    }

    /// Adds the predicates of a field that serde handles, unless it has one of the attributes in `skipped`.
    fn json_field(
        &mut self,
        field: &Field<'_>,
        skipped: &[&str],
        bound: &Path,
        side: impl Fn(&crate::attr::Bounds) -> Option<&[WherePredicate]>,
    ) {
        if let Some(own) = &field.serde_bounds
            && let Some(predicates) = side(own)
        {
            for predicate in predicates {
                self.push(predicate.clone());
            }
            return;
        }
        if !skipped.iter().any(|name| field.serde.has(name)) {
            self.params_of(field.ty, bound);
        }
    }

    /// Adds `bound` to the type parameters in `ty`.
    fn params_of(&mut self, ty: &Type, bound: &Path) {
        let found = UsedParams::in_type(self.generics, ty);
        for param in self.generics.type_params().filter(|param| found.params.contains(&param.ident)) {
            let ident = &param.ident;
            self.push(parse_quote!(#ident: #bound));
        }
        if let Some(associated) = found.associated {
            self.push(parse_quote!(#associated: #bound));
        }
    }

    /// Adds `bound` to `ty` itself, if it depends on a type parameter.
    fn whole_type(&mut self, ty: &Type, bound: &Path) {
        if mentions_param(self.generics, ty) {
            self.push(parse_quote!(#ty: #bound));
        }
    }
}

/// The type parameters that a type uses.
struct UsedParams {
    all: HashSet<Ident>,
    params: HashSet<Ident>,
    /// The type, if it is an associated type of a parameter such as `T::Item`.
    associated: Option<TypePath>,
    /// Whether it uses any.
    any: bool,
}

impl UsedParams {
    fn in_type(generics: &Generics, ty: &Type) -> Self {
        let all: HashSet<_> = generics.type_params().map(|param| param.ident.clone()).collect();
        let mut found = Self { all, params: HashSet::new(), associated: None, any: false };
        if found.all.is_empty() {
            return found;
        }
        if let Type::Path(path) = ungrouped(ty) {
            let first = path.path.segments.first().filter(|_| path.path.segments.len() > 1);
            if first.is_some_and(|first| found.all.contains(&first.ident)) {
                found.associated = Some(path.clone());
            }
        }
        found.visit_type(ty);
        found
    }
}

impl Visit<'_> for UsedParams {
    fn visit_path(&mut self, path: &Path) {
        // serde supports `PhantomData<T>` for every `T`.
        if path.segments.last().is_some_and(|last| last.ident == "PhantomData") {
            return;
        }
        if let (None, Some(first)) = (path.leading_colon, path.segments.first())
            && self.all.contains(&first.ident)
        {
            self.any = true;
            if path.segments.len() == 1 {
                self.params.insert(first.ident.clone());
            }
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, _: &Macro) {
        // The name of a macro is not a type.
    }
}

/// `bound(side = "..")` for serde's derives, so that they have the same bounds as our impls. Empty without type parameters.
pub(crate) fn serde_bound(generics: &Generics, side: &str, predicates: &[WherePredicate]) -> TokenStream {
    if generics.type_params().next().is_none() {
        return TokenStream::new();
    }
    let side = quote::format_ident!("{side}");
    let predicates = quote!(#(#predicates),*).to_string();
    quote!(bound(#side = #predicates))
}
