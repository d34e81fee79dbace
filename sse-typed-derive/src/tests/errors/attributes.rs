//! Attributes: their names, places and forms.

use crate::tests::{BOTH, DECODE, ENCODE, accepted, refused};

#[test]
fn an_unknown_attribute_is_answered_with_the_known_ones() {
    refused(
        "enum E {\n    #[sse(renam = \"x\", terminal)]\n    A,\n}",
        BOTH,
        &[
            "2:11 renam: unknown attribute `renam` (did you mean `rename`?): a variant takes `rename`, `alias`, `message`, `text`, `with`, `data`, `key`, \
           `other`, `nested`, `terminal`, `error`, `gap`, `skip`, `as`",
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
fn an_attribute_in_the_wrong_place_is_told_where_it_belongs() {
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
fn an_attribute_of_the_wrong_form_is_told_the_right_one() {
    refused(
        "#[sse(ignore = \"x\", allow_reserved = true, bound(to = \"T\"))]\nenum E {\n    #[sse(rename, alias(\"b\"), message())]\n    A,\n}",
        BOTH,
        &[
            "1:7 ignore: `ignore` is a list of texts: write `ignore(\"..\", ..)`",
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
fn an_attribute_that_is_given_twice_is_told_so() {
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
            "2:17 with: `with` cannot stand beside `text`: remove one",
            "4:11 message: `message` cannot stand beside `rename`: remove one",
            "6:17 other: `other` cannot stand beside `skip`: remove one",
            "8:19 terminal: `terminal` cannot stand beside `nested`: remove one",
        ],
    );
}

#[test]
fn what_is_only_read_is_refused_on_a_type_that_is_only_sent() {
    refused(
        "#[sse(ignore(\"x\"))]\nenum E {\n    #[sse(alias = \"b\")]\n    A,\n}",
        ENCODE,
        &[
            "1:7 ignore: `ignore` is for events that are read, and `EncodeEvent` only sends: remove it, or derive `SseEvent`",
            "3:11 alias: `alias` is for events that are read, and `EncodeEvent` only sends: remove it, or derive `SseEvent`",
        ],
    );
    accepted("enum E { #[serde(alias = \"b\")] A }", ENCODE);
    accepted("#[sse(ignore(\"x\"))] enum E { #[sse(alias = \"b\")] A }", DECODE);
}

#[test]
fn what_is_no_rust_is_refused_at_its_text() {
    refused(
        "#[sse(crate = \"1x\", bound = \"T\")]\nenum E { #[sse(with = \"a b\")] A(u8), #[sse(as = \"<\", text)] B(u8), #[sse(as = \"u8\")] C }",
        BOTH,
        &[
            "1:29 \"T\": this is no where clause such as `\"T: Trait\"`: expected `:`",
            "2:23 \"a b\": expected `with = \"module\"`",
            "2:49 \"<\": expected `as = \"Type\"`",
            "2:74 as: `as` names the type that stands on the wire, and this event has no data of a type",
            "1:15 \"1x\": expected `crate = \"path\"`",
        ],
    );
}

#[test]
fn an_attribute_of_serde_s_is_told_to_be_written_so() {
    refused(
        "#[sse(deny_unknown_fields)]\nenum E {\n    #[sse(rename_all = \"camelCase\")]\n    A {\n        #[sse(rename = \"q\", skip, default)]\n        a: u8,\n    },\n}",
        BOTH,
        &[
            "1:7 deny_unknown_fields: `deny_unknown_fields` on an enum is serde's: write `#[serde(deny_unknown_fields)]`",
            "3:11 rename_all: `rename_all` on a variant is serde's: write `#[serde(rename_all = ..)]`",
            "5:15 rename: `rename` on a field is serde's: write `#[serde(rename = ..)]`",
            "5:29 skip: `skip` on a field is serde's: write `#[serde(skip)]`",
            "5:35 default: `default` on a field is serde's: write `#[serde(default)]`",
        ],
    );
}

#[test]
fn an_attribute_without_a_name_is_answered_with_the_known_ones() {
    refused(
        "#[sse]\nenum E {\n    #[sse(\"x\")]\n    A {\n        #[sse = \"x\"]\n        a: u8,\n    },\n}",
        BOTH,
        &[
            "1:3 sse: expected `#[sse(..)]`: an enum takes `rename_all`, `rename_all_fields`, `prefix`, `tag`, `ignore`, `allow_reserved`, `crate`, `bound`",
            "3:11 \"x\": expected the name of an attribute: a variant takes `rename`, `alias`, `message`, `text`, `with`, `data`, `key`, `other`, `nested`, `terminal`, `error`, `gap`, `skip`, `as`",
            "5:11 sse = \"x\": expected `#[sse(..)]`: a field takes `as`, `id`, `retry`",
        ],
    );
    accepted("#[sse()] enum E { A }", BOTH);
}
