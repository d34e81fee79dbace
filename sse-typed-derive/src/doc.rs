//! Reads doc comments, which descriptions contain.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of an item's doc comments as in rustdoc, without the space after each `///`. Docs that are not string literals, such
/// as `include_str!(..)`, are omitted.
pub(crate) fn text(attrs: &[Attribute]) -> String {
    let blocks = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| {
        let Meta::NameValue(pair) = &attr.meta else { return None };
        let mut value = &pair.value;
        while let Expr::Group(group) = value {
            value = &group.expr;
        }
        match value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        }
    });
    let lines: Vec<String> =
        blocks.flat_map(|block| block.split('\n').map(str::to_owned).collect::<Vec<_>>()).collect();
    let indentation = |line: &String| line.len() - line.trim_start_matches(' ').len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or(0);
    let lines: Vec<_> = lines.iter().map(|line| line.get(common..).unwrap_or_default().trim_end()).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use syn::{ItemStruct, parse_quote};

    use super::text;

    #[test]
    fn a_doc_comment_keeps_its_lines_without_their_common_indentation() {
        let item: ItemStruct = parse_quote! {
            /// One.
            ///
            /// - two
            ///   three
            #[doc = include_str!("elsewhere.md")]
            #[doc(hidden)]
            struct X;
        };
        assert_eq!(text(&item.attrs), "One.\n\n- two\n  three");
        let item: ItemStruct = parse_quote! { struct X; };
        assert_eq!(text(&item.attrs), "");
    }
}
