//! Generates the impls. They refer to everything through the hidden module of the `sse-typed` crate.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::{DeriveInput, Ident, Lifetime, LitStr, Member, Path, WherePredicate};

use crate::{
    bound,
    model::{Field, Input, Variant},
};

mod decode;
mod describe;
mod encode;
mod hub_event;
mod kind;
mod lint;
mod mirror;
mod nests;

pub(crate) use self::nests::nested_types;

/// All impls of a model without errors.
pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let expansion = Expansion::new(input);
    // This comes first, so that the error for two derives on one type begins with its name.
    let mut items = expansion.implement("DeriveSseEventAlone", &[], &TokenStream::new());
    items.extend(kind::expand(&expansion));
    if input.sides.encode {
        items.extend(encode::expand(&expansion));
    }
    if input.sides.decode {
        items.extend(decode::expand(&expansion));
    }
    items.extend(describe::expand(&expansion));
    in_const(input.original, &items)
}

/// Wraps the items in a `const`, which keeps generated names out of the user's module.
///
/// Generated code causes no lints itself. Generated types that repeat the user's names and types get the same lints as those, so
/// the lints that the user allows are allowed here. No other lint is allowed, because the user may forbid it.
pub(crate) fn in_const(original: &DeriveInput, items: &TokenStream) -> TokenStream {
    let allowed = lint::allowed(original);
    let allowed = (!allowed.is_empty()).then(|| quote!(#[allow(#(#allowed),*)]));
    quote! {
        #[doc(hidden)]
        #allowed
        const _: () = {
            #items
        };
    }
}

/// The input and everything that the parts of the expansion share.
struct Expansion<'i, 'a> {
    input: &'i Input<'a>,
    ident: &'a Ident,
    /// The hidden module.
    private: TokenStream,
    /// The predicates for encoding and for decoding.
    encode_predicates: Vec<WherePredicate>,
    decode_predicates: Vec<WherePredicate>,
}

impl<'i, 'a> Expansion<'i, 'a> {
    fn new(input: &'i Input<'a>) -> Self {
        let krate: &Path = &input.krate;
        let private = quote!(#krate::__private);
        Self {
            input,
            ident: &input.original.ident,
            encode_predicates: bound::encode(input, &private),
            decode_predicates: bound::decode(input, &private),
            private,
        }
    }

    /// The hidden module, for a call whose errors belong to the field's type.
    fn private_at(&self, field: &Field<'_>) -> TokenStream {
        respanned(self.private.clone(), field.type_span())
    }

    /// `impl<..> Trait for Name<..> where .. { body }`.
    fn implement(&self, name: &str, predicates: &[WherePredicate], body: &TokenStream) -> TokenStream {
        self.implement_of(&format_ident!("{name}").into_token_stream(), predicates, body)
    }

    /// Like `implement`, for a trait with arguments.
    fn implement_of(&self, name: &TokenStream, predicates: &[WherePredicate], body: &TokenStream) -> TokenStream {
        let (private, ident) = (&self.private, self.ident);
        let generics = bound::with_predicates(&self.input.original.generics, predicates);
        let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::#name for #ident #ty_generics #where_clause {
                #body
            }
        }
    }

    /// The path of the variant, for expressions and patterns. With braces after it, it fits every kind of variant.
    fn path(&self, variant: &Variant<'_>) -> TokenStream {
        if self.input.is_enum {
            let ident = variant.ident;
            quote!(Self::#ident)
        } else {
            quote!(Self)
        }
    }

    /// A lifetime that the type does not use.
    fn lifetime(&self) -> Lifetime {
        let mut name = "'__sse".to_owned();
        while self.input.original.generics.lifetimes().any(|own| own.lifetime.to_string() == name) {
            name.push('_');
        }
        Lifetime::new(&name, Span::call_site())
    }

    /// The path of serde, for `#[serde(crate = "..")]`.
    fn serde(&self) -> String {
        let private = &self.private;
        without_spaces(&quote!(#private::serde))
    }

    /// The event types of the type's own variants, and the ignored ones.
    fn declared(&self) -> Vec<String> {
        let mut declared = self.event_types();
        declared.extend(self.input.ignore.iter().map(LitStr::value));
        declared
    }

    /// The event types that are decoded as the type's own variants, without duplicates.
    fn event_types(&self) -> Vec<String> {
        let mut types: Vec<String> = Vec::new();
        for variant in self.input.variants.iter().filter(|variant| variant.is_named() && !variant.skip_decode) {
            for name in variant.names() {
                if !types.contains(&name.text) {
                    types.push(name.text.clone());
                }
            }
        }
        types
    }
}

/// A local variable for a field's value. No constant of the user and nothing else in generated code has its name. It has the span
/// of the type, because an error of the value is an error of its type.
fn binding(field: &Field<'_>) -> Ident {
    let span = field.type_span();
    match &field.member {
        Member::Named(ident) => format_ident!("__field_{ident}", span = span),
        Member::Unnamed(_) => format_ident!("__data", span = span),
    }
}

/// The tokens with the span of a field's type, for type errors.
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respanned = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    respanned.collect()
}

fn without_spaces(tokens: &TokenStream) -> String {
    tokens.to_string().replace(' ', "")
}
