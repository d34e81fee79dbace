use serde_json::{Map, Value, json};

use super::components::{ComponentNames, sanitized, unique};
use crate::contract::{
    Contract,
    rules::{Data, EventRules, Rules},
    schema::normal::sort_keys,
};

/// An event stream in AsyncAPI 3.1: one message for each event.
///
/// AsyncAPI has no binding for Server-Sent Events. The operation has the binding of HTTP, and each message has the extension
/// `x-sse` with its event type and its marks.
#[derive(Clone, Debug)]
pub struct AsyncApi {
    name: String,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Contract {
    /// The contract as a channel of AsyncAPI: what is written.
    #[must_use]
    pub fn asyncapi(&self) -> AsyncApi {
        let name = sanitized(&self.type_name);
        let Some(rules) = self.writer() else { return AsyncApi { name, messages: Map::new(), schemas: Map::new() } };
        let names = ComponentNames::new(self, rules);
        let mut messages = Map::new();
        for event in &rules.events {
            let (content_type, payload) = match &event.data {
                Data::Sentinel(text) => ("text/plain", json!({ "type": "string", "const": text })),
                Data::Text(_) => ("text/plain", json!({ "type": "string" })),
                Data::Json(_) | Data::Unit => {
                    ("application/json", names.json_schema(event).unwrap_or_else(|| json!({})))
                }
            };
            let mut sse = Map::from_iter([("event".to_owned(), Value::from(event.event.clone()))]);
            sse.extend(event.marks.iter().map(|mark| (mark.clone(), true.into())));
            if let Some(id) = &event.id {
                sse.insert("id".to_owned(), names.component(&id.schema));
            }
            let message = json!({
                "name": event.event,
                "contentType": content_type,
                "payload": draft_07(payload),
                "x-sse": sse,
            });
            messages.insert(message_name(rules, event, &messages), message);
        }
        let schemas = names.schemas(self).into_iter().map(|(name, schema)| (name, draft_07(schema)));
        AsyncApi { name, messages, schemas: schemas.collect() }
    }
}

/// The name of the message of an event, which no message before it has.
fn message_name(rules: &Rules, event: &EventRules, before: &Map<String, Value>) -> String {
    let shares = rules.events.iter().filter(|other| other.event == event.event).count() > 1;
    // An event type of its own that needs no other letters is always the name.
    let is_own = |name: &str| {
        let others = rules.events.iter().filter(|other| other.event == name).count();
        others == 1 && (shares || event.event != name)
    };
    let name = sanitized(if shares { &event.name } else { &event.event });
    unique(&name, |name| before.contains_key(name) || is_own(name))
}

impl AsyncApi {
    /// A document with this stream as its only channel.
    #[must_use]
    pub fn document(&self, title: &str, version: &str, path: &str) -> Value {
        let channel = &self.name;
        let references = |place: &str| {
            let all = self.messages.keys().map(|name| (name.clone(), json!({ "$ref": format!("{place}/{name}") })));
            all.collect::<Map<_, _>>()
        };
        let in_channel: Vec<_> =
            references(&format!("#/channels/{channel}/messages")).into_iter().map(|(_, value)| value).collect();
        let parameters: Map<_, _> = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
            .map(|name| (name.to_owned(), json!({})))
            .collect();
        let mut document = json!({
            "asyncapi": "3.1.0",
            "info": { "title": title, "version": version },
            "channels": { channel: { "address": path, "messages": references("#/components/messages") } },
            "operations": {
                (format!("send{channel}")): {
                    "action": "send",
                    "channel": { "$ref": format!("#/channels/{channel}") },
                    "messages": in_channel,
                    "bindings": { "http": { "method": "GET", "bindingVersion": "0.3.0" } },
                },
            },
            "components": { "messages": self.messages, "schemas": self.schemas },
        });
        if !parameters.is_empty() {
            document["channels"][channel]["parameters"] = parameters.into();
        }
        sort_keys(document)
    }
}

/// The schema in the dialect of AsyncAPI, in which a tuple is a list of `items`, and keywords beside a reference are ignored.
fn draft_07(schema: Value) -> Value {
    match schema {
        Value::Object(mut object) => {
            if let Some(prefix) = object.remove("prefixItems") {
                if let Some(rest) = object.remove("items") {
                    object.insert("additionalItems".to_owned(), rest);
                }
                object.insert("items".to_owned(), prefix);
            }
            if object.len() > 1
                && let Some(reference) = object.remove("$ref")
            {
                let mut all = vec![json!({ "$ref": reference })];
                if let Some(Value::Array(others)) = object.remove("allOf") {
                    all.extend(others);
                }
                object.insert("allOf".to_owned(), all.into());
            }
            let entries = object.into_iter().map(|(keyword, value)| {
                let value = match (&*keyword, value) {
                    ("properties" | "patternProperties", Value::Object(map)) => {
                        map.into_iter().map(|(key, schema)| (key, draft_07(schema))).collect()
                    }
                    ("enum" | "const", value) => value,
                    (_, value) => draft_07(value),
                };
                (keyword, value)
            });
            Value::Object(entries.collect())
        }
        Value::Array(list) => list.into_iter().map(draft_07).collect(),
        other => other,
    }
}
