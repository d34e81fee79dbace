//! Attributes: their names, places and forms.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn an_unknown_attribute_is_refused_with_a_list_of_the_known_ones() {
    refused(
        "enum E {\n    #[sse(renam = \"x\", terminal)]\n    A,\n}",
        BOTH,
        &[
            "2:11 renam: unknown attribute `renam` (did you mean `rename`?): a variant takes `rename`, `alias`, `message`, `text`, `with`, `data`, `key`, \
           `other`, `nested`, `terminal`, `error`, `gap`, `failed`, `stopped`, `lost`, `skip`, `as`",
        ],
    );
    refused(
        "#[sse(renameall = \"x\")]\nenum E { A }",
        BOTH,
        &[
            "1:7 renameall: unknown attribute `renameall` (did you mean `rename_all`?): an enum takes `rename_all`, `rename_all_fields`, `prefix`, `tag`, \
           `ignore`, `allow_reserved`, `crate`, `bound`",
        ],
    );
    refused(
        "enum E { A { #[sse(ident(u8), defau1t = 3)] a: u8 } }",
        BOTH,
        &[
            "1:20 ident: unknown attribute `ident`: a field takes `as`, `id`, `retry`",
            "1:31 defau1t: unknown attribute `defau1t`: a field takes `as`, `id`, `retry`",
        ],
    );
}

#[test]
fn an_attribute_on_the_wrong_item_is_refused_with_the_right_one() {
    refused(
        "#[sse(terminal)]\nenum E {\n    #[sse(tag = \"x\")]\n    A,\n}",
        BOTH,
        &[
            "1:7 terminal: `terminal` belongs on a variant or a struct, not on an enum",
            "3:11 tag: `tag` belongs on an enum or a struct, not on a variant",
        ],
    );
    refused("#[sse(other)]\nstruct S(u8);", BOTH, &["1:7 other: `other` belongs on a variant, not on a struct"]);
}

#[test]
fn an_attribute_with_wrong_syntax_is_refused_with_the_right_syntax() {
    refused(
        "#[sse(ignore = \"x\", allow_reserved = true, bound(to = \"T\"))]\nenum E {\n    #[sse(rename, alias(\"b\"), message())]\n    A,\n}",
        BOTH,
        &[
            "1:7 ignore: `ignore` takes a list of strings: write `ignore(\"..\", ..)`",
            "1:21 allow_reserved: `allow_reserved` takes no value: write `allow_reserved` alone",
            "1:50 to: expected `serialize = \"..\"` or `deserialize = \"..\"`",
            "3:11 rename: expected `rename = \"..\"`",
            "3:19 alias: expected `alias = \"..\"`",
            "3:31 message: `message` takes no value: write `message` alone",
        ],
    );
    refused(
        "#[sse(rename = 3)]\nstruct E { #[sse(id(xml))] a: u8 }",
        BOTH,
        &["1:16 3: expected a string: `rename = \"..\"`", "2:18 id: expected `id` or `id(json)`"],
    );
    refused(
        "#[sse(rename_all = \"snake\")]\nenum E { A }",
        BOTH,
        &[
            "1:20 \"snake\": unknown case `snake`: expected \"lowercase\", \"UPPERCASE\", \"PascalCase\", \"camelCase\", \
         \"snake_case\", \"SCREAMING_SNAKE_CASE\", \"kebab-case\" or \"SCREAMING-KEBAB-CASE\"",
        ],
    );
}

#[test]
fn a_repeated_attribute_is_refused() {
    refused(
        "enum E {\n    #[sse(rename = \"a\")]\n    #[sse(rename = \"b\")]\n    A,\n}",
        BOTH,
        &["3:11 rename: `rename` is given twice: remove one"],
    );
    accepted("#[sse(ignore(\"a\"), ignore(\"b\"))] enum E { #[sse(alias = \"c\", alias = \"d\")] A }", BOTH);
}

#[test]
fn attributes_that_contradict_each_other_are_refused() {
    refused(
        "enum E {\n    #[sse(text, with = \"m\")]\n    A(u8),\n    #[sse(message, rename = \"x\")]\n    B,\n    #[sse(skip, other)]\n    C(R),\n    #[sse(nested, terminal)]\n    D(N),\n}",
        BOTH,
        &[
            "2:17 with: `with` and `text` contradict each other: remove one",
            "4:11 message: `message` and `rename` contradict each other: remove one",
            "6:17 other: `other` and `skip` contradict each other: remove one",
            "8:19 terminal: `terminal` and `nested` contradict each other: remove one",
        ],
    );
}

#[test]
fn attributes_for_received_events_are_refused_on_a_type_that_is_only_sent() {
    refused(
        "#[sse(ignore(\"x\"))]\nenum E {\n    #[sse(alias = \"b\")]\n    A,\n}",
        ENCODE,
        &[
            "1:7 ignore: `ignore` is for received events, and `EncodeEvent` is only for sending: remove it, or derive `SseEvent`",
            "3:11 alias: `alias` is for received events, and `EncodeEvent` is only for sending: remove it, or derive `SseEvent`",
        ],
    );
    accepted("enum E { #[serde(alias = \"b\")] A }", ENCODE);
    accepted("#[sse(ignore(\"x\"))] enum E { #[sse(alias = \"b\")] A }", DECODE);
}

#[test]
fn a_string_that_is_not_valid_rust_is_refused_at_the_string() {
    refused(
        "#[sse(crate = \"1x\", bound = \"T\")]\nenum E { #[sse(with = \"a b\")] A(u8), #[sse(as = \"<\", text)] B(u8), #[sse(as = \"u8\")] C }",
        BOTH,
        &[
            "1:29 \"T\": expected a where clause such as `\"T: Trait\"`: expected `:`",
            "2:23 \"a b\": expected `with = \"module\"`",
            "2:49 \"<\": expected `as = \"Type\"`",
            "2:74 as: `as` names the type of the data, and the data of this variant has no type: remove it",
            "1:15 \"1x\": expected `crate = \"path\"`",
        ],
    );
}

#[test]
fn an_attribute_of_serde_is_refused_with_the_serde_syntax() {
    refused(
        "#[sse(deny_unknown_fields)]\nenum E {\n    #[sse(rename_all = \"camelCase\")]\n    A {\n        #[sse(rename = \"q\", skip, default)]\n        a: u8,\n    },\n}",
        BOTH,
        &[
            "1:7 deny_unknown_fields: `deny_unknown_fields` on an enum is an attribute of serde: write `#[serde(deny_unknown_fields)]`",
            "3:11 rename_all: `rename_all` on a variant is an attribute of serde: write `#[serde(rename_all = ..)]`",
            "5:15 rename: `rename` on a field is an attribute of serde: write `#[serde(rename = ..)]`",
            "5:29 skip: `skip` on a field is an attribute of serde: write `#[serde(skip)]`",
            "5:35 default: `default` on a field is an attribute of serde: write `#[serde(default)]`",
        ],
    );
}

#[test]
fn an_attribute_without_a_name_is_refused_with_a_list_of_the_known_ones() {
    refused(
        "#[sse]\nenum E {\n    #[sse(\"x\")]\n    A {\n        #[sse = \"x\"]\n        a: u8,\n    },\n}",
        BOTH,
        &[
            "1:3 sse: expected `#[sse(..)]`: an enum takes `rename_all`, `rename_all_fields`, `prefix`, `tag`, `ignore`, `allow_reserved`, `crate`, `bound`",
            "3:11 \"x\": expected the name of an attribute: a variant takes `rename`, `alias`, `message`, `text`, `with`, `data`, `key`, `other`, `nested`, `terminal`, `error`, `gap`, `failed`, `stopped`, `lost`, `skip`, `as`",
            "5:11 sse = \"x\": expected `#[sse(..)]`: a field takes `as`, `id`, `retry`",
        ],
    );
    accepted("#[sse()] enum E { A }", BOTH);
}
