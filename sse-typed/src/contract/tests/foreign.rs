//! Types that are only sent or only received, and parts that cannot be judged.
#![expect(dead_code, reason = "types that are only described and decoded")]

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_typed_derive::{DecodeEvent, EncodeEvent, SseEvent};

use super::super::{ChangeKind, Contract, Policy, Undecided, UnknownEvents, Verdict, changes};

fn committed(contract: &Contract) -> Contract {
    contract.to_string().parse().unwrap()
}

/// The names of the worst verdicts.
fn worst(old: &Contract, new: &Contract) -> [&'static str; 3] {
    let order = ["safe", "changes", "skipped", "undecided", "breaks"];
    let mut worst = [0; 3];
    for change in changes(&committed(old), new) {
        for (worst, verdict) in worst.iter_mut().zip(change.verdicts()) {
            *worst = order.iter().position(|name| *name == verdict.name()).unwrap().max(*worst);
        }
    }
    worst.map(|at| order[at])
}

mod tagged {
    #[derive(sse_typed_derive::DecodeEvent)]
    #[sse(crate = "crate", tag = "type")]
    pub(super) enum E {
        A { x: u8 },
    }
}

mod untagged {
    #[derive(sse_typed_derive::DecodeEvent)]
    #[sse(crate = "crate")]
    pub(super) enum E {
        A { x: u8 },
    }
}

#[test]
fn a_foreign_server_may_leave_the_event_type_to_the_tag() {
    let (tagged, untagged) = (Contract::received::<tagged::E>(), Contract::received::<untagged::E>());
    let found = changes(&committed(&tagged), &untagged);
    let tag = found.iter().find(|change| change.kind == ChangeKind::Tag).unwrap();
    let witness = tag.new_clients.witness().unwrap();
    assert_eq!(witness.block.to_string(), r#"data: {"type":"A","x":0}"#);
    assert_eq!(worst(&untagged, &tagged), ["breaks", "safe", "safe"], "the new server may leave it to the tag");
}

mod keys {
    #[derive(sse_typed_derive::DecodeEvent)]
    #[sse(crate = "crate")]
    pub(super) enum Before {
        #[sse(message, key = "result")]
        Answer { result: u8 },
        #[sse(message, key = "error")]
        Failure { error: u8 },
    }

    #[derive(sse_typed_derive::DecodeEvent)]
    #[sse(crate = "crate")]
    pub(super) enum After {
        #[sse(message, key = "error")]
        Failure { error: u8 },
        #[sse(message, key = "result")]
        Answer { result: u8 },
    }
}

#[test]
fn a_foreign_block_may_have_the_keys_of_two_variants() {
    let (before, after) = (Contract::received::<keys::Before>(), Contract::received::<keys::After>());
    let found = changes(&committed(&before), &after);
    assert!(found.iter().all(|change| change.kind == ChangeKind::VariantOrder));
    // The first variant takes such a block.
    let answer = found.iter().find(|change| change.event.as_deref() == Some("message (Answer)")).unwrap();
    let block = &answer.new_clients.witness().unwrap().block;
    let data: BTreeMap<String, Value> = serde_json::from_str(block.data()).unwrap();
    assert!(data.contains_key("error") && data.contains_key("result"), "{block}");
}

#[derive(EncodeEvent)]
#[sse(crate = "crate")]
enum Sent<'a> {
    A {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        more: Option<u8>,
    },
}

#[derive(EncodeEvent)]
#[sse(crate = "crate")]
enum SentMore {
    A { text: Option<String> },
}

#[test]
fn a_type_that_is_only_sent_is_judged_by_its_schema() {
    let (old, new) = (Contract::sent::<Sent<'_>>(), Contract::sent::<SentMore>());
    assert_eq!(old.to_value()["side"], "written");
    let found = changes(&committed(&old), &new);
    let null = found.iter().find(|change| change.kind == ChangeKind::NullAllowed).unwrap();
    assert_eq!(null.old_clients.witness().unwrap().block.data(), r#"{"text":null}"#);
    assert!(!null.new_clients.breaks());
}

mod codec {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[derive(SseEvent)]
#[sse(crate = "crate")]
enum Hidden {
    A {
        #[serde(with = "codec")]
        wait: Duration,
        name: Name,
    },
    #[sse(text)]
    Own(Own),
}

#[derive(Serialize, Deserialize)]
struct Name(String);

impl JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[a-z]+$" })
    }
}

struct Own;

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("own")
    }
}

impl FromStr for Own {
    type Err = std::convert::Infallible;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Ok(Self)
    }
}

#[derive(SseEvent)]
#[sse(crate = "crate")]
enum Shown {
    A {
        wait: u64,
        name: String,
    },
    #[sse(text)]
    Own(Own),
}

#[test]
fn a_hidden_part_that_changes_is_undecided_and_one_that_does_not_is_listed() {
    let (hidden, shown) = (Contract::of::<Hidden>(), Contract::of::<Shown>());
    assert_eq!(
        hidden.not_judged(),
        ["A: name: the keyword `pattern`", "A: wait: a codec hides its type", "Own: the data: a codec hides its type"]
    );
    assert_eq!(changes(&committed(&hidden), &hidden).len(), 0);
    assert_eq!(worst(&hidden, &shown), ["undecided"; 3]);
    let found = changes(&committed(&hidden), &shown);
    assert!(
        found.iter().any(|change| matches!(&change.old_clients, Verdict::Undecided { path, .. } if path == "wait"))
    );
    assert!(found.iter().all(|change| Policy::both().forbids(change)));
    let warn = Policy::both().undecided(Undecided::Warn);
    assert!(found.iter().all(|change| !warn.forbids(change) && warn.warns(change)));
}

#[derive(SseEvent)]
#[sse(crate = "crate")]
enum One {
    A(u8),
}

#[derive(SseEvent)]
#[sse(crate = "crate")]
enum Two {
    A(u8),
    B(bool),
}

#[test]
fn a_policy_says_whose_verdicts_matter() {
    let found = changes(&committed(&Contract::of::<Two>()), &Contract::of::<One>());
    let [removed] = &found[..] else { panic!("{found:?}") };
    assert!(!Policy::both().forbids(removed), "clients skip it");
    assert!(Policy::both().unknown_events(UnknownEvents::Break).forbids(removed));
    assert!(!Policy::server_first().unknown_events(UnknownEvents::Break).forbids(removed), "no new client meets it");
    assert!(Policy::client_first().stored_history().forbids(removed));
}

#[test]
fn json_that_is_no_contract_is_an_error_with_its_place() {
    let error = |value: Value| Contract::from_value(&value).unwrap_err().to_string();
    let of_event = |event: Value| error(json!({ "contract": 1, "type": "E", "events": [event] }));
    assert_eq!(error(json!([])), "not a contract of sse-typed: expected an object");
    assert!(error(json!({ "contract": 2 })).contains("at /contract: format 2 is not known"));
    assert!(error(json!({ "type": "E" })).contains("the key `contract` is missing"));
    assert!(of_event(json!({ "event": "a", "dta": 1 })).contains("at /events/0: the key `dta` is not known"));
    assert!(of_event(json!({ "event": 7 })).contains("at /events/0/event: expected text"));
    assert!(
        of_event(json!({ "event": "a", "data": { "xml": 1 } })).contains("at /events/0/data: expected an object with")
    );
    let reference = json!({ "event": "a", "data": { "json": { "$ref": "#/$defs/Gone" } } });
    assert!(of_event(reference).contains("the definition `Gone` is missing"));
    assert!("{".parse::<Contract>().is_err());
    let other: Result<Contract, _> = serde_json::from_value(json!({ "contract": 1 }));
    assert!(other.is_err());
}

#[derive(DecodeEvent)]
#[sse(crate = "crate")]
struct Stops(Vec<u8>);

#[test]
fn a_contract_serializes_as_its_file() {
    let contract = Contract::received::<Stops>();
    assert_eq!(serde_json::to_value(&contract).unwrap(), contract.to_value());
    let read: Contract = serde_json::from_value(contract.to_value()).unwrap();
    assert_eq!(read, contract);
    assert_eq!(contract.to_value()["side"], "read");
}
