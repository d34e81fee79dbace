use std::fmt::Write as _;

/// The eight cases of serde's `rename_all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenameRule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const RULES: [(&str, RenameRule); 8] = [
    ("lowercase", RenameRule::Lower),
    ("UPPERCASE", RenameRule::Upper),
    ("PascalCase", RenameRule::Pascal),
    ("camelCase", RenameRule::Camel),
    ("snake_case", RenameRule::Snake),
    ("SCREAMING_SNAKE_CASE", RenameRule::ScreamingSnake),
    ("kebab-case", RenameRule::Kebab),
    ("SCREAMING-KEBAB-CASE", RenameRule::ScreamingKebab),
];

impl RenameRule {
    /// Parses the name of a case. The error lists all names.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        if let Some((_, rule)) = RULES.iter().find(|(known, _)| *known == name) {
            return Ok(*rule);
        }
        let mut message = format!("unknown case `{}`: expected ", name.escape_debug());
        for (position, (known, _)) in RULES.iter().enumerate() {
            let separator = match position {
                0 => "",
                7 => " or ",
                _ => ", ",
            };
            // Writing to a string does not fail.
            let _ = write!(message, "{separator}\"{known}\"");
        }
        Err(message)
    }

    /// Applies the case to a variant's name, which is in `PascalCase`.
    pub(crate) fn apply_to_variant(self, variant: &str) -> String {
        match self {
            Self::Pascal => variant.to_owned(),
            Self::Lower => variant.to_ascii_lowercase(),
            Self::Upper => variant.to_ascii_uppercase(),
            Self::Camel => lower_first(variant),
            Self::Snake => {
                let mut snake = String::new();
                for (at, letter) in variant.char_indices() {
                    if at > 0 && letter.is_uppercase() {
                        snake.push('_');
                    }
                    snake.push(letter.to_ascii_lowercase());
                }
                snake
            }
            Self::ScreamingSnake => Self::Snake.apply_to_variant(variant).to_ascii_uppercase(),
            Self::Kebab => Self::Snake.apply_to_variant(variant).replace('_', "-"),
            Self::ScreamingKebab => Self::ScreamingSnake.apply_to_variant(variant).replace('_', "-"),
        }
    }

    /// Applies the case to a field's name, which is in `snake_case`.
    pub(crate) fn apply_to_field(self, field: &str) -> String {
        match self {
            Self::Lower | Self::Snake => field.to_owned(),
            Self::Upper | Self::ScreamingSnake => field.to_ascii_uppercase(),
            Self::Pascal => {
                let mut capitalise = true;
                let mut pascal = String::new();
                for letter in field.chars() {
                    if letter == '_' {
                        capitalise = true;
                    } else if capitalise {
                        pascal.push(letter.to_ascii_uppercase());
                        capitalise = false;
                    } else {
                        pascal.push(letter);
                    }
                }
                pascal
            }
            Self::Camel => lower_first(&Self::Pascal.apply_to_field(field)),
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => Self::ScreamingSnake.apply_to_field(field).replace('_', "-"),
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_renamed_as_serde_renames_them() {
        for (rule, outcome, short, very) in [
            ("lowercase", "outcome", "a", "verytasty"),
            ("UPPERCASE", "OUTCOME", "A", "VERYTASTY"),
            ("PascalCase", "Outcome", "A", "VeryTasty"),
            ("camelCase", "outcome", "a", "veryTasty"),
            ("snake_case", "outcome", "a", "very_tasty"),
            ("SCREAMING_SNAKE_CASE", "OUTCOME", "A", "VERY_TASTY"),
            ("kebab-case", "outcome", "a", "very-tasty"),
            ("SCREAMING-KEBAB-CASE", "OUTCOME", "A", "VERY-TASTY"),
        ] {
            let rule = RenameRule::parse(rule).unwrap();
            assert_eq!(rule.apply_to_variant("Outcome"), outcome);
            assert_eq!(rule.apply_to_variant("A"), short);
            assert_eq!(rule.apply_to_variant("VeryTasty"), very);
        }
    }

    #[test]
    fn fields_are_renamed_as_serde_renames_them() {
        for (rule, very, z42) in [
            ("lowercase", "very_tasty", "z42"),
            ("UPPERCASE", "VERY_TASTY", "Z42"),
            ("PascalCase", "VeryTasty", "Z42"),
            ("camelCase", "veryTasty", "z42"),
            ("snake_case", "very_tasty", "z42"),
            ("SCREAMING_SNAKE_CASE", "VERY_TASTY", "Z42"),
            ("kebab-case", "very-tasty", "z42"),
            ("SCREAMING-KEBAB-CASE", "VERY-TASTY", "Z42"),
        ] {
            let rule = RenameRule::parse(rule).unwrap();
            assert_eq!(rule.apply_to_field("very_tasty"), very);
            assert_eq!(rule.apply_to_field("z42"), z42);
        }
    }

    #[test]
    fn names_that_begin_with_a_non_ascii_letter_do_not_panic() {
        for (_, rule) in RULES {
            rule.apply_to_variant("Ähnlich");
            rule.apply_to_field("ähnlich_wie");
        }
        assert_eq!(RenameRule::Camel.apply_to_field("_"), "");
    }

    #[test]
    fn an_unknown_case_is_refused_with_a_list_of_all_cases() {
        let message = RenameRule::parse("snake").unwrap_err();
        assert!(message.starts_with("unknown case `snake`: expected \"lowercase\", "), "{message}");
        assert!(message.ends_with("\"kebab-case\" or \"SCREAMING-KEBAB-CASE\""), "{message}");
    }
}
