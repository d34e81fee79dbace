//! OpenAPI and AsyncAPI documents describe the events that are really sent. Their own tools read the documents in
//! `interop_programs`.

use std::{collections::BTreeMap, env, fs, path::Path, time::Duration};

use jsonschema::Validator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_typed::{
    Encoded, RawEvent, SseEvent,
    codec::{Decoder, Item},
    contract::Contract,
};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Position {
    lat: f64,
    history: Vec<(u8, Option<String>)>,
    next: Option<Box<Self>>,
}

#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Plain {
    Fields {
        #[sse(id)]
        number: u64,
        #[sse(retry)]
        wait: Option<Duration>,
        level: Level,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
    },
    Position(Position),
    Map(BTreeMap<u16, bool>),
    #[sse(text)]
    Text(String),
    #[sse(data = "[DONE]", terminal)]
    Done,
    #[sse(message)]
    Unit,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
enum Level {
    Low,
    High,
}

#[derive(SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Delta { index: u32 },
    Position(Position),
    Ping,
}

#[derive(SseEvent)]
enum Shared {
    #[sse(message)]
    Chunk { choices: Vec<u8> },
    #[sse(message, key = "error", error)]
    Failed { error: String },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(other)]
    Other(RawEvent),
}

fn position() -> Position {
    let inner = Position { lat: -1.0, history: Vec::new(), next: None };
    Position { lat: 10.5, history: vec![(1, None), (2, Some("b".to_owned()))], next: Some(Box::new(inner)) }
}

fn plain() -> Vec<Plain> {
    vec![
        Plain::Fields { number: 7, wait: None, level: Level::Low, position: None },
        Plain::Fields { number: 8, wait: Some(Duration::from_secs(2)), level: Level::High, position: Some(position()) },
        Plain::Position(position()),
        Plain::Map([(1, true), (77, false)].into()),
        Plain::Text("two\nlines".to_owned()),
        Plain::Done,
        Plain::Unit,
    ]
}

/// The events as OpenAPI sees them: after parsing.
pub(crate) fn items<E: SseEvent>(events: &[E]) -> Vec<Value> {
    let mut decoder = Decoder::new();
    for event in events {
        decoder.feed(Encoded::new(event).unwrap().as_bytes().clone());
    }
    let mut items = Vec::new();
    while let Some(item) = decoder.next_item() {
        let Item::Event(event) = item.unwrap() else { continue };
        let mut item = json!({ "data": event.data() });
        if event.event_type() != "message" {
            item["event"] = event.event_type().into();
        }
        if let Some(id) = event.id() {
            item["id"] = id.into();
        }
        if let Some(retry) = event.retry() {
            item["retry"] = u64::try_from(retry.as_millis()).unwrap().into();
        }
        items.push(item);
    }
    items
}

/// A validator of one schema of a document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = document["components"].clone();
    jsonschema::options().build(&root).unwrap()
}

/// Whether an item is valid, with the JSON in its data.
pub(crate) fn is_valid(document: &Value, name: &str, item: &Value) -> bool {
    let schema = &document["components"]["schemas"][name];
    if !validator(document, schema).is_valid(item) {
        return false;
    }
    let forms = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()).unwrap();
    forms.iter().any(|form| {
        let content = &form["properties"]["data"]["contentSchema"];
        let json = item["data"].as_str().and_then(|data| serde_json::from_str(data).ok());
        validator(document, form).is_valid(item)
            && (content.is_null() || json.is_some_and(|json: Value| validator(document, content).is_valid(&json)))
    })
}

#[test]
fn every_event_that_is_sent_is_an_item_of_the_document() {
    let document = Contract::of::<Plain>().openapi().document("Plain", "1.0.0", "/plain");
    for item in items(&plain()) {
        assert!(is_valid(&document, "Plain", &item), "{item}\n{document:#}");
    }
    let document = Contract::of::<Tagged>().openapi().document("Tagged", "1.0.0", "/tagged");
    for item in items(&[Tagged::Delta { index: 1 }, Tagged::Position(position()), Tagged::Ping]) {
        assert!(is_valid(&document, "Tagged", &item), "{item}\n{document:#}");
    }
    let document = Contract::of::<Shared>().openapi().document("Shared", "1.0.0", "/shared");
    let other = Shared::Other(RawEvent::new("later", "x"));
    let failed = Shared::Failed { error: "full".to_owned() };
    for item in items(&[Shared::Chunk { choices: vec![1] }, failed, Shared::Done, other]) {
        assert!(is_valid(&document, "Shared", &item), "{item}\n{document:#}");
    }
}

#[test]
fn other_events_are_no_items_of_the_document() {
    let document = Contract::of::<Plain>().openapi().document("Plain", "1.0.0", "/plain");
    for item in [
        json!({ "event": "undeclared", "data": "{}" }),
        json!({ "event": "text" }),
        json!({ "event": "done", "data": "{}" }),
        json!({ "event": "fields", "data": "{\"level\":\"Low\"}" }),
        json!({ "event": "position", "data": "{\"lat\":\"a\"}" }),
        json!({ "event": "position", "data": "no JSON" }),
        json!({ "event": "map", "data": "{\"a\":true}" }),
        json!({ "event": "text", "data": 7 }),
    ] {
        assert!(!is_valid(&document, "Plain", &item), "{item}");
    }
}

#[test]
fn a_stream_is_added_to_a_document_of_another_tool() {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Rides", "version": "2.0.0" },
        "paths": {
            "/plain": { "get": {
                "operationId": "plain",
                "parameters": [{ "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" } }],
                "responses": { "200": { "description": "Mine." }, "401": { "description": "No." } },
            } },
            "/health": { "get": { "responses": { "200": { "description": "Fine." } } } },
        },
        "components": { "schemas": { "Position": { "type": "string" } } },
    });
    let contract = Contract::of::<Plain>();
    contract.openapi().graft(&mut document, "/plain");
    assert_eq!(document["openapi"], "3.2.0");
    let operation = &document["paths"]["/plain"]["get"];
    assert_eq!(operation["operationId"], "plain");
    assert_eq!(operation["parameters"].as_array().unwrap().len(), 1);
    assert_eq!(operation["responses"]["200"]["description"], "Mine.");
    assert_eq!(operation["responses"]["401"]["description"], "No.");
    let item = &operation["responses"]["200"]["content"]["text/event-stream"]["itemSchema"];
    assert_eq!(item["$ref"], "#/components/schemas/Plain");
    assert_eq!(document["components"]["schemas"]["Position"], json!({ "type": "string" }), "another type of that name");
    for item in items(&plain()) {
        assert!(is_valid(&document, "Plain", &item), "{item}\n{document:#}");
    }
    // The same components again are shared.
    let before = document["components"].clone();
    contract.openapi().graft(&mut document, "/again/{room}");
    assert_eq!(
        document["components"]["schemas"].as_object().unwrap().len(),
        before["schemas"].as_object().unwrap().len() + 2
    );
    let parameters = &document["paths"]["/again/{room}"]["get"]["parameters"];
    assert_eq!(parameters[0]["name"], "room");
}

#[test]
fn a_message_of_asyncapi_describes_each_event() {
    let document = Contract::of::<Plain>().asyncapi().document("Plain", "1.0.0", "/plain/{room}");
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.len(), 6);
    assert_eq!(messages["done"]["x-sse"], json!({ "event": "done", "terminal": true }));
    for item in items(&plain()) {
        let name = item["event"].as_str().unwrap_or("message");
        let message = &messages[name];
        let data = item["data"].as_str().unwrap();
        let data = match message["contentType"].as_str() {
            Some("application/json") => serde_json::from_str(data).unwrap(),
            _ => Value::from(data),
        };
        let mut schema = message["payload"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::draft7::options().build(&schema).unwrap();
        assert!(validator.is_valid(&data), "{item} {message:#}");
    }
}

/// The documents that `interop_programs` passes to the tools of OpenAPI and AsyncAPI.
#[test]
fn the_documents_that_other_tools_read_are_current() {
    let contracts = [Contract::of::<Plain>(), Contract::of::<Tagged>(), Contract::of::<Shared>()];
    for contract in contracts {
        let name = contract.type_name().to_lowercase();
        let path = format!("/{name}/{{room}}");
        for (kind, document) in [
            ("openapi", contract.openapi().document(contract.type_name(), "1.0.0", &path)),
            ("asyncapi", contract.asyncapi().document(contract.type_name(), "1.0.0", &path)),
        ] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("browser/documents/{name}.{kind}.json"));
            let text = format!("{document:#}\n");
            if env::var_os("SSE_TYPED_UPDATE").is_some() && env::var_os("CI").is_none() {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &text).unwrap();
            }
            let committed = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
            assert!(committed == text, "{} is not current: set SSE_TYPED_UPDATE=1", file.display());
        }
    }
}
