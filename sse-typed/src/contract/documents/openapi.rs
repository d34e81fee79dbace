use serde_json::{Map, Value, json};

use super::components::{ComponentNames, add, new_name, sanitized, unique, with_names};
use crate::{
    contract::{
        Contract,
        rules::{Data, EventRules, Other, Rules},
        schema::normal::sort_keys,
    },
    event::MESSAGE,
};

/// The response of an event stream in OpenAPI 3.2.
///
/// OpenAPI describes an item of `text/event-stream` as the event after parsing: an object with `event`, `data`, `id` and `retry`, in
/// which `data` is a string. The schema of the data is its `contentSchema`. Many tools do not validate that by default.
///
#[cfg_attr(feature = "derive", doc = "```")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// use sse_typed::{SseEvent, contract::Contract};
///
/// #[derive(SseEvent)]
/// #[sse(rename_all = "snake_case")]
/// enum Job {
///     Progress { done: u8 },
///     #[sse(terminal)]
///     Finished,
/// }
///
/// let document = Contract::of::<Job>().openapi().document("Jobs", "1.0.0", "/jobs/{job}");
/// assert_eq!(document["openapi"], "3.2.0");
/// let item = &document["components"]["schemas"]["Job"]["oneOf"][0];
/// assert_eq!(item["properties"]["event"]["const"], "progress");
/// assert_eq!(item["properties"]["data"]["contentMediaType"], "application/json");
/// ```
#[derive(Clone, Debug)]
pub struct OpenApi {
    name: String,
    item: Value,
    schemas: Map<String, Value>,
}

impl Contract {
    /// The contract as a response of OpenAPI: what is written.
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        let name = sanitized(&self.type_name);
        let Some(rules) = self.writer() else { return OpenApi { name, item: json!({}), schemas: Map::new() } };
        let names = ComponentNames::new(self, rules);
        OpenApi { name, item: items(rules, &names), schemas: names.schemas(self) }
    }
}

impl OpenApi {
    /// A document with this stream as its only path.
    #[must_use]
    pub fn document(&self, title: &str, version: &str, path: &str) -> Value {
        let mut document = json!({ "info": { "title": title, "version": version }, "paths": {} });
        self.graft(&mut document, path);
        document
    }

    /// Adds this stream to a document, such as one of utoipa, and makes it a document of OpenAPI 3.2.
    ///
    /// The `get` operation of `path` is kept if there is one, with its parameters and other responses. A component that is in the
    /// document already is shared; if another one has its name, it gets a number. So does the id of a new operation.
    pub fn graft(&self, document: &mut Value, path: &str) {
        if !document.is_object() {
            *document = json!({});
        }
        for (key, below) in [("components", Some("schemas")), ("paths", None)] {
            if !document[key].is_object() {
                document[key] = json!({});
            }
            if let Some(below) = below.filter(|below| !document[key][below].is_object()) {
                document[key][below] = json!({});
            }
        }
        document["openapi"] = "3.2.0".into();
        let mut own = self.schemas.clone();
        let mut item_name = self.name.clone();
        if own.contains_key(&item_name) {
            item_name = unique(&(item_name + "Event"), |name| own.contains_key(name));
        }
        own.insert(item_name.clone(), self.item.clone());
        let renamed = add(document, own);
        let reference = format!("#/components/schemas/{}", new_name(&item_name, &renamed));
        debug_assert!(with_names(&json!({ "$ref": reference }), &[]).is_object());
        let ids = operation_ids(document);
        let id = unique(&format!("subscribe{}", self.name), |id| ids.iter().any(|own| own == id));
        self.operation(&mut document["paths"][path], path, &reference, &id);
        *document = sort_keys(document.take());
    }

    fn operation(&self, item: &mut Value, path: &str, reference: &str, id: &str) {
        if !item.is_object() {
            *item = json!({});
        }
        if !item["get"].is_object() {
            item["get"] = json!({
                "operationId": id,
                "summary": format!("A stream of {}.", self.name),
            });
        }
        let shared = item["parameters"].as_array().cloned().unwrap_or_default();
        if shared.is_empty()
            && let Some(item) = item.as_object_mut()
        {
            item.remove("parameters");
        }
        let operation = &mut item["get"];
        let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let own = in_path
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .chain([json!({
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last event that the client has received. The stream resumes after it.",
                "schema": { "type": "string" },
            })]);
        for parameter in own {
            let is_given = parameters
                .iter()
                .chain(&shared)
                .any(|given| given["name"] == parameter["name"] && given["in"] == parameter["in"]);
            if !is_given {
                parameters.push(parameter);
            }
        }
        operation["parameters"] = parameters.into();
        if !operation["responses"].is_object() {
            operation["responses"] = json!({});
        }
        let responses = &mut operation["responses"];
        if !responses["200"]["description"].is_string() {
            responses["200"] = json!({ "description": "The events." });
        }
        responses["200"]["content"] = json!({ "text/event-stream": { "itemSchema": { "$ref": reference } } });
        if responses["204"].is_null() {
            responses["204"] = json!({ "description": "The stream has ended. The client does not reconnect." });
        }
        if responses["503"].is_null() {
            responses["503"] = json!({
                "description": "The server has too many streams, or shuts down. The client reconnects later.",
                "headers": { "Retry-After": { "schema": { "type": "integer", "minimum": 0 } } },
            });
        }
    }
}

/// The ids of the operations in a document, which differ.
fn operation_ids(document: &Value) -> Vec<String> {
    let items = document["paths"].as_object().into_iter().flat_map(Map::values);
    let operations = items.filter_map(Value::as_object).flat_map(Map::values);
    operations.filter_map(|operation| operation["operationId"].as_str()).map(str::to_owned).collect()
}

/// The schema of an event after parsing.
fn items(rules: &Rules, names: &ComponentNames) -> Value {
    let mut items: Vec<_> = rules.events.iter().map(|event| item(event, names)).collect();
    let shares = |event: &EventRules| rules.events.iter().filter(|other| other.event == event.event).count() > 1;
    // Data may fit several variants with one event type, and a catch-all takes any event.
    let overlap = rules.events.iter().any(shares) || rules.other == Some(Other::Raw);
    if rules.other == Some(Other::Raw) {
        items.push(
            json!({ "type": "object", "properties": { "event": { "type": "string" }, "data": { "type": "string" } } }),
        );
    }
    if items.is_empty() {
        // No event is ever sent.
        return json!({ "not": {} });
    }
    let keyword = if overlap { "anyOf" } else { "oneOf" };
    json!({ keyword: items })
}

fn item(event: &EventRules, names: &ComponentNames) -> Value {
    let data = match &event.data {
        Data::Sentinel(text) => json!({ "const": text, "type": "string" }),
        Data::Text(_) => json!({ "type": "string" }),
        Data::Json(_) | Data::Unit => json!({
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": names.json_schema(event),
        }),
    };
    let mut properties = json!({
        "event": { "const": event.event, "type": "string" },
        "data": data,
        "id": { "type": "string" },
        "retry": { "type": "integer", "minimum": 0 },
    });
    if let Some(id) = event.id.as_ref().filter(|id| id.json) {
        properties["id"]["contentMediaType"] = "application/json".into();
        properties["id"]["contentSchema"] = names.component(&id.schema);
    }
    let mut required = vec!["data"];
    if event.event != MESSAGE {
        required.push("event");
    }
    if event.id.as_ref().is_some_and(|id| !id.optional) {
        required.push("id");
    }
    if event.retry.is_some_and(|retry| !retry.optional) {
        required.push("retry");
    }
    let mut item = json!({ "type": "object", "required": required, "properties": properties });
    if !event.marks.is_empty() {
        item["x-sse"] = event.marks.iter().map(|mark| (mark.clone(), Value::from(true))).collect();
    }
    item
}
