//! The TypeScript types of a gap. They are here because the `event` module does not depend on TypeScript.

use ts_rs::{Config, TS, TypeVisitor};

use crate::event::{Gap, GapReason, PartName};

impl TS for Gap {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn docs() -> Option<String> {
        Some(
            "/** Lost history: the number of missing events, if known, the reason, and the part of a merged stream. */"
                .to_owned(),
        )
    }

    fn name(_: &Config) -> String {
        "Gap".to_owned()
    }

    fn inline(_: &Config) -> String {
        // Always a number, whatever the setting for large integers.
        "{ missed: number | null, reason: GapReason, part?: string, }".to_owned()
    }

    fn inline_flattened(config: &Config) -> String {
        Self::inline(config)
    }

    fn decl(config: &Config) -> String {
        format!("type Gap = {};", Self::inline(config))
    }

    fn decl_concrete(config: &Config) -> String {
        Self::decl(config)
    }

    fn visit_dependencies(visitor: &mut impl TypeVisitor) {
        visitor.visit::<GapReason>();
    }

    fn output_path() -> Option<std::path::PathBuf> {
        Some("Gap.ts".into())
    }
}

impl TS for GapReason {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;
    const IS_ENUM: bool = true;

    fn docs() -> Option<String> {
        Some(
            "/**\n * Why history is lost: it is no longer retained, the subscription fell behind, or the last event ID of the client\n * \
             does not belong to this stream.\n */"
                .to_owned(),
        )
    }

    fn name(_: &Config) -> String {
        "GapReason".to_owned()
    }

    fn inline(_: &Config) -> String {
        r#""trimmed" | "lagged" | "unknown_id" | "other""#.to_owned()
    }

    fn decl(config: &Config) -> String {
        format!("type GapReason = {};", Self::inline(config))
    }

    fn decl_concrete(config: &Config) -> String {
        Self::decl(config)
    }

    fn output_path() -> Option<std::path::PathBuf> {
        Some("GapReason.ts".into())
    }
}

/// A plain string.
impl TS for PartName {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn name(config: &Config) -> String {
        <str as TS>::name(config)
    }

    fn inline(config: &Config) -> String {
        <str as TS>::inline(config)
    }
}
