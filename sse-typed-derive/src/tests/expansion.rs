//! Snapshots of the formatted expansion.

use super::{BOTH, DECODE, ENCODE};
use crate::Sides;

fn expansion(input: &str, sides: Sides) -> String {
    let tokens = crate::expand(syn::parse_str(input).unwrap(), sides);
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

macro_rules! snapshots {
    ($($name:ident: $sides:expr, $input:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(stringify!($name), expansion($input, $sides));
            });
        }
    )*};
}

snapshots! {
    an_enum_of_fields_payload_gap_and_unit: BOTH, r#"
        #[sse(rename_all = "snake_case")]
        pub enum RideEvent {
            DriverAssigned { driver: String, eta_s: u32 },
            Position(Position),
            #[sse(gap)]
            Missed(Gap),
            #[sse(terminal)]
            Completed,
        }
    "#;
    a_tagged_enum_with_text_id_ignored_types_and_a_catch_all: BOTH, r#"
        #[sse(tag = "type", rename_all_fields = "camelCase", ignore("ping"))]
        #[serde(deny_unknown_fields)]
        enum Feed {
            #[sse(alias = "entry")]
            Entry { #[sse(id)] id: u64, #[serde(default)] page_title: String },
            #[sse(text, error)]
            Text { line: String, #[sse(id(json))] at: Option<Place>, #[sse(retry)] wait: Duration },
            #[sse(skip)]
            Internal(A, B),
            Newtype(#[serde(with = "hex")] Key),
            #[sse(other)]
            Other(RawEvent),
        }
    "#;
    the_ends_of_a_run: ENCODE, r#"
        enum Answer<T> {
            #[sse(terminal, failed)]
            Failed { reason: T },
            #[sse(terminal, stopped)]
            Stopped,
            #[sse(terminal, lost)]
            Lost {},
        }
    "#;
    variants_of_one_event_type: BOTH, r#"
        enum Completion {
            #[sse(message)]
            Chunk(Chunk),
            #[sse(message, key = "error", error)]
            Failed { error: Failure },
            #[sse(message, data = "[DONE]", terminal)]
            Done,
            #[sse(rename = "end", data = "x")]
            End,
        }
    "#;
    nested_types_and_an_own_codec: BOTH, r#"
        #[sse(crate = "my::sse")]
        enum Topics {
            #[sse(nested)]
            Ride(Ride),
            #[sse(nested)]
            Chat(Box<Chat>),
            #[sse(with = "codec::lines")]
            Own(Patch),
            #[serde(other)]
            Unknown,
        }
    "#;
    a_generic_enum: BOTH, r#"
        enum Generic<T: Debug, U = u8, const N: usize = 3> where U: Clone {
            Named { list: Vec<T>, next: Option<Box<Self>>, assoc: T::Item },
            #[sse(text)]
            Text(U),
        }
    "#;
    a_struct_that_is_sent_and_borrows: ENCODE, r#"
        #[sse(rename = "line")]
        struct Line<'a> { #[serde(rename = "t")] text: &'a str, #[sse(id)] id: Option<u64> }
    "#;
    a_struct_that_is_received_with_defaults: DECODE, r#"
        #[serde(default)]
        #[expect(non_snake_case, dead_code, reason = "as in the settings")]
        struct Settings { #[deprecated] size: u32, #[sse(id)] revision: u64 }
    "#;
    an_enum_without_variants: BOTH, "enum Never {}";
    an_enum_with_an_error: BOTH, "enum Wrong<T> { #[sse(renam)] A(T) }";
}
