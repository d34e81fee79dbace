//! Names that documents cannot have as they are: of events, of types and of keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_typed::{
    SseEvent,
    contract::{Contract, changes},
};

use crate::documents::{is_valid, items};

/// The data of each event in the message with its event type. AsyncAPI validates it by JSON Schema draft-07.
fn assert_messages<E: SseEvent>(document: &Value, events: &[E]) {
    let messages = document["components"]["messages"].as_object().unwrap();
    for item in items(events) {
        let event_type = item["event"].as_str().unwrap_or("message");
        let data: Value = serde_json::from_str(item["data"].as_str().unwrap()).unwrap();
        let is_valid = messages.values().filter(|message| message["x-sse"]["event"] == event_type).any(|message| {
            let mut schema = message["payload"].clone();
            schema["components"] = document["components"].clone();
            jsonschema::draft7::options().build(&schema).unwrap().is_valid(&data)
        });
        assert!(is_valid, "{item}\n{document:#}");
    }
}

#[test]
fn each_event_has_a_message_of_its_own_whatever_its_name() {
    #[derive(SseEvent)]
    enum Chat {
        #[sse(rename = "message.read")]
        Read { by: u8 },
        #[sse(rename = "message/read")]
        ReadAll,
        #[sse(message)]
        Message(String),
        #[sse(rename = "聊天")]
        Talk(bool),
        #[sse(rename = "消息")]
        News(f64),
        #[sse(rename = "said", key = "a")]
        First { a: u8 },
        #[sse(rename = "said", key = "b")]
        Second { b: u8 },
        #[sse(rename = "Second")]
        Third([u8; 2]),
    }
    let events = [
        Chat::Read { by: 1 },
        Chat::ReadAll,
        Chat::Message("a".to_owned()),
        Chat::Talk(true),
        Chat::News(1.5),
        Chat::First { a: 1 },
        Chat::Second { b: 1 },
        Chat::Third([1, 2]),
    ];
    let document = Contract::of::<Chat>().asyncapi().document("Chat", "1.0.0", "/chat");
    assert_eq!(document["components"]["messages"].as_object().unwrap().len(), events.len(), "{document:#}");
    assert_eq!(document["components"]["messages"]["message"]["x-sse"]["event"], "message");
    assert_messages(&document, &events);
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Größe {
    breite: u32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "a/b~c<{T}>")]
struct Generic<T> {
    value: T,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "a(b~c<{T}>")]
struct Other<T> {
    other: T,
}

#[derive(SseEvent)]
enum Named {
    Size(Größe),
    Generic(Generic<bool>),
    Other(Other<Größe>),
}

fn named() -> [Named; 3] {
    let size = || Größe { breite: 7 };
    [Named::Size(size()), Named::Generic(Generic { value: true }), Named::Other(Other { other: size() })]
}

#[test]
fn a_contract_holds_types_of_any_name() {
    let contract = Contract::of::<Named>();
    let committed: Contract = contract.to_string().parse().unwrap();
    assert_eq!(committed, contract);
    // The type behind the name is compared.
    let changed = contract.to_string().replace("\"breite\"", "\"width\"");
    assert_ne!(changed, contract.to_string());
    assert!(!changes(&changed.parse().unwrap(), &contract).is_empty(), "{contract}");
}

#[test]
fn documents_hold_types_of_any_name() {
    let contract = Contract::of::<Named>();
    let document = contract.openapi().document("Named", "1.0.0", "/named");
    for item in items(&named()) {
        assert!(is_valid(&document, "Named", &item), "{item}\n{document:#}");
    }
    for item in [
        json!({ "event": "Size", "data": "{\"breite\":-1}" }),
        json!({ "event": "Generic", "data": "{\"value\":1}" }),
        json!({ "event": "Other", "data": "{\"other\":{\"breite\":true}}" }),
    ] {
        assert!(!is_valid(&document, "Named", &item), "{item}\n{document:#}");
    }
    assert_messages(&contract.asyncapi().document("Named", "1.0.0", "/named"), &named());
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Ride {
    from: u8,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct RideEvent {
    to: u8,
}

mod events {
    #[derive(sse_typed::SseEvent)]
    pub(super) enum Ride {
        Begun(super::Ride),
        Event(super::RideEvent),
    }
}

#[test]
fn the_event_type_may_have_the_name_of_a_payload() {
    let events = [events::Ride::Begun(Ride { from: 1 }), events::Ride::Event(RideEvent { to: 2 })];
    let document = Contract::of::<events::Ride>().openapi().document("Ride", "1.0.0", "/ride");
    let item = &document["paths"]["/ride"]["get"]["responses"]["200"]["content"]["text/event-stream"]["itemSchema"];
    let name = item["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(document["components"]["schemas"].as_object().unwrap().len(), 3);
    for item in items(&events) {
        assert!(is_valid(&document, name, &item), "{item}\n{document:#}");
    }
}

/// Keys that are also keywords of JSON Schema, or of contracts.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Keys {
    #[serde(rename = "enum")]
    enumeration: Inner,
    #[serde(rename = "const")]
    constant: Inner,
    #[serde(rename = "$ref")]
    reference: Inner,
    #[serde(rename = "x-open")]
    open: Inner,
    #[serde(rename = "x-aliases")]
    aliases: Option<Inner>,
    #[serde(rename = "x-opaque")]
    opaque: u8,
    #[serde(rename = "prefixItems")]
    prefix_items: Inner,
    items: BTreeMap<String, Inner>,
    properties: Vec<Inner>,
    required: (Inner, bool),
    #[serde(rename = "type")]
    kind: Inner,
    #[serde(rename = "allOf")]
    all_of: Inner,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Inner {
    number: u8,
}

#[test]
fn keys_may_be_keywords_of_json_schema() {
    #[derive(SseEvent)]
    enum Keyed {
        Payload(Keys),
        Fields {
            r#enum: Inner,
            #[serde(rename = "x-open")]
            open: u8,
            #[serde(rename = "x-opaque")]
            opaque: Inner,
        },
    }
    let inner = Inner { number: 7 };
    let keys = Keys {
        enumeration: inner.clone(),
        constant: inner.clone(),
        reference: inner.clone(),
        open: inner.clone(),
        aliases: Some(inner.clone()),
        opaque: 1,
        prefix_items: inner.clone(),
        items: [("a".to_owned(), inner.clone())].into(),
        properties: vec![inner.clone()],
        required: (inner.clone(), true),
        kind: inner.clone(),
        all_of: inner.clone(),
    };
    let events = [Keyed::Payload(keys), Keyed::Fields { r#enum: inner.clone(), open: 1, opaque: inner }];
    let contract = Contract::of::<Keyed>();
    assert_eq!(contract.to_string().parse::<Contract>().unwrap(), contract);
    let document = contract.openapi().document("Keyed", "1.0.0", "/keyed");
    for item in items(&events) {
        assert!(is_valid(&document, "Keyed", &item), "{item}\n{document:#}");
        for key in ["enum", "const", "$ref", "x-open", "x-aliases", "x-opaque", "prefixItems", "items", "type", "allOf"]
        {
            let mut data: Value = serde_json::from_str(item["data"].as_str().unwrap()).unwrap();
            if data.get(key).is_some() {
                data[key] = "wrong".into();
                let wrong = json!({ "event": item["event"], "data": data.to_string() });
                assert!(!is_valid(&document, "Keyed", &wrong), "{key}: {document:#}");
            }
        }
    }
    assert_messages(&contract.asyncapi().document("Keyed", "1.0.0", "/keyed"), &events);
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Move {
    Up(Inner),
    Down(Inner),
}

#[derive(SseEvent)]
enum Lift {
    Moved(Move),
}

#[test]
fn forms_of_one_payload_are_told_apart_in_asyncapi() {
    let events = [Lift::Moved(Move::Up(Inner { number: 1 })), Lift::Moved(Move::Down(Inner { number: 2 }))];
    assert_messages(&Contract::of::<Lift>().asyncapi().document("Lift", "1.0.0", "/lift"), &events);
}

#[test]
fn each_operation_of_a_document_has_an_id_of_its_own() {
    let mut document = json!({
        "paths": { "/old": { "post": { "operationId": "subscribeLift2", "responses": {} } } },
    });
    for path in ["/lifts/{lift}", "/lifts", "/all", "/all"] {
        Contract::of::<Lift>().openapi().graft(&mut document, path);
    }
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["subscribeLift", "subscribeLift2", "subscribeLift3", "subscribeLift4"]);
}

#[test]
fn streams_of_one_document_may_have_types_of_the_same_names() {
    mod cargo {
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub(super) struct Inner {
            pub(super) tons: f64,
        }
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub(super) struct Load {
            pub(super) parts: Vec<Inner>,
        }
        #[derive(sse_typed::SseEvent)]
        pub(super) enum Ship {
            Loaded(Load),
        }
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Load {
        parts: Vec<Inner>,
    }
    #[derive(SseEvent)]
    enum Truck {
        Loaded(Load),
    }
    let mut document = json!({});
    Contract::of::<Truck>().openapi().graft(&mut document, "/truck");
    Contract::of::<cargo::Ship>().openapi().graft(&mut document, "/ship");
    for item in items(&[Truck::Loaded(Load { parts: vec![Inner { number: 7 }] })]) {
        assert!(is_valid(&document, "Truck", &item), "{document:#}");
    }
    for item in items(&[cargo::Ship::Loaded(cargo::Load { parts: vec![cargo::Inner { tons: 1.5 }] })]) {
        assert!(is_valid(&document, "Ship", &item), "{document:#}");
    }
}
