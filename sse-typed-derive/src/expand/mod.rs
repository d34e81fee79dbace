//! Writes the impls. Everything that they name is found through the hidden module of the `sse-typed` crate.

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
mod kind;
mod lint;
mod mirror;
mod unites;

pub(crate) use self::unites::united;

/// All impls of a model that is free of errors.
pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let output = Output::new(input);
    // First, so that the error of two derives on one type begins with it.
    let mut items = output.implement("DeriveSseEventAlone", &[], &TokenStream::new());
    items.extend(kind::expand(&output));
    if input.sides.encode {
        items.extend(encode::expand(&output));
    }
    if input.sides.decode {
        items.extend(decode::expand(&output));
    }
    items.extend(describe::expand(&output));
    in_const(input.original, &items)
}

/// Keeps generated names out of the user's module.
///
/// Generated code gives no lint of its own. Types that repeat the user's names and types get the lints that those get, and so
/// the same leave: nothing is allowed that the user may have forbidden.
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

/// What the parts of the expansion share.
struct Output<'i, 'a> {
    input: &'i Input<'a>,
    ident: &'a Ident,
    /// The hidden module.
    private: TokenStream,
    /// What must hold for values to be written, and to be read.
    encode_predicates: Vec<WherePredicate>,
    decode_predicates: Vec<WherePredicate>,
}

impl<'i, 'a> Output<'i, 'a> {
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

    /// The hidden module, for a call that is wrong if the field's type is.
    fn private_at(&self, field: &Field<'_>) -> TokenStream {
        respanned(self.private.clone(), field.type_span())
    }

    /// `impl<..> Trait for Name<..> where .. { body }`.
    fn implement(&self, name: &str, predicates: &[WherePredicate], body: &TokenStream) -> TokenStream {
        self.implement_of(&format_ident!("{name}").into_token_stream(), predicates, body)
    }

    /// The same of a trait with arguments.
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

    /// How a value of the variant is written and matched: the forms with braces fit every shape of it.
    fn path(&self, variant: &Variant<'_>) -> TokenStream {
        if self.input.is_enum {
            let ident = variant.ident;
            quote!(Self::#ident)
        } else {
            quote!(Self)
        }
    }

    /// A lifetime that is none of the type's own.
    fn lifetime(&self) -> Lifetime {
        let mut name = "'__sse".to_owned();
        while self.input.original.generics.lifetimes().any(|own| own.lifetime.to_string() == name) {
            name.push('_');
        }
        Lifetime::new(&name, Span::call_site())
    }

    /// The path of serde, as its derives are told it.
    fn serde(&self) -> String {
        let private = &self.private;
        without_spaces(&quote!(#private::serde))
    }

    /// The event types that are this type's own: those of its variants, and the ignored ones.
    fn declared(&self) -> Vec<String> {
        let mut declared = self.event_types();
        declared.extend(self.input.ignore.iter().map(LitStr::value));
        declared
    }

    /// The event types that are read as one of its own variants, each once.
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

/// A local name for what a field holds, which neither a constant of the user has nor anything else in generated code. It
/// stands where the type stands, as what is wrong with the value is wrong with its type.
fn binding(field: &Field<'_>) -> Ident {
    let span = field.type_span();
    match &field.member {
        Member::Named(ident) => format_ident!("__field_{ident}", span = span),
        Member::Unnamed(_) => format_ident!("__data", span = span),
    }
}

/// Tokens that stand, for errors of types, where a field's type stands.
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
