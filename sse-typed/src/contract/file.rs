//! The JSON of a contract.

use std::{error::Error, fmt};

use serde_json::{Map, Value, json};

use super::{
    Contract,
    program::Program,
    rules::{Data, EventRules, Line, MARKS, Other, Retry, Rules, TERMINAL, is_opaque, opaque},
    schema::normal::sort_keys,
};

/// The number of the format.
const FORMAT: u64 = 1;

/// The reason why JSON is no contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractError {
    /// Where in the JSON, as a JSON pointer.
    pointer: String,
    problem: String,
}

impl ContractError {
    pub(super) fn new(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), problem: problem.into() }
    }

    fn below(mut self, key: &str) -> Self {
        self.pointer = format!("/{key}{}", self.pointer);
        self
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a contract of sse-typed: ")?;
        if !self.pointer.is_empty() {
            write!(f, "at {}: ", self.pointer)?;
        }
        f.write_str(&self.problem)
    }
}

impl Error for ContractError {}

type Object = Map<String, Value>;

pub(super) fn write(contract: &Contract) -> Value {
    let mut file = Object::new();
    file.insert("contract".to_owned(), FORMAT.into());
    file.insert("type".to_owned(), contract.type_name.clone().into());
    if !contract.defs.is_empty() {
        file.insert("$defs".to_owned(), contract.defs.clone().into());
    }
    let side = |rules: &Rules| (head(rules), rules.events.iter().map(write_event).collect::<Vec<_>>());
    let events = match (&contract.written, &contract.read) {
        (Some(written), Some(read)) => {
            let ((written, written_events), (read, read_events)) = (side(written), side(read));
            file.extend(with_overrides(written, &read));
            merge(written_events, read_events)
        }
        (Some(only), None) | (None, Some(only)) => {
            let name = if contract.written.is_some() { "written" } else { "read" };
            file.insert("side".to_owned(), name.into());
            let (head, events) = side(only);
            file.extend(head);
            events
        }
        (None, None) => Vec::new(),
    };
    file.insert("events".to_owned(), events.into_iter().map(Value::Object).collect());
    sort_keys(Value::Object(file))
}

/// All of a side but its events.
fn head(rules: &Rules) -> Object {
    let mut head = Object::new();
    set(&mut head, "tag", rules.tag.clone());
    set_list(&mut head, "nested_tags", &rules.nested_tags);
    set_list(&mut head, "ignored", &rules.ignored);
    set(
        &mut head,
        "other",
        rules.other.map(|other| match other {
            Other::Raw => "raw",
            Other::Unit => "unit",
        }),
    );
    head
}

fn set(object: &mut Object, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn set_list(object: &mut Object, key: &str, list: &[String]) {
    if !list.is_empty() {
        object.insert(key.to_owned(), list.into());
    }
}

fn write_event(event: &EventRules) -> Object {
    let mut object = Object::new();
    object.insert("event".to_owned(), event.event.clone().into());
    if event.name != event.event {
        object.insert("name".to_owned(), event.name.clone().into());
    }
    set_list(&mut object, "aliases", &event.aliases);
    set(
        &mut object,
        "data",
        match &event.data {
            Data::Unit => None,
            Data::Json(schema) => Some(json!({ "json": write_schema(schema) })),
            Data::Text(schema) => Some(json!({ "text": write_schema(schema) })),
            Data::Sentinel(text) => Some(json!({ "sentinel": text })),
        },
    );
    set(&mut object, "key", event.key.clone());
    set(&mut object, "tag", event.tag.clone());
    set(
        &mut object,
        "id",
        event.id.as_ref().map(|id| {
            let mut line = Object::new();
            line.insert(if id.json { "json" } else { "text" }.to_owned(), write_schema(&id.schema));
            set(&mut line, "optional", id.optional.then_some(true));
            line
        }),
    );
    set(
        &mut object,
        "retry",
        event.retry.map(|retry| {
            let mut line = Object::new();
            set(&mut line, "optional", retry.optional.then_some(true));
            line
        }),
    );
    for mark in &event.marks {
        object.insert(mark.clone(), true.into());
    }
    object
}

fn write_schema(schema: &Value) -> Value {
    if is_opaque(schema) { Value::Null } else { schema.clone() }
}

/// The written object, with the keys that differ on the read side under `read`. A key that it lacks is `null` there.
fn with_overrides(mut written: Object, read: &Object) -> Object {
    let mut overrides: Object = read
        .iter()
        .filter(|(key, value)| written.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    overrides.extend(written.keys().filter(|key| !read.contains_key(*key)).map(|key| (key.clone(), Value::Null)));
    if !overrides.is_empty() {
        written.insert("read".to_owned(), overrides.into());
    }
    written
}

/// One list of the events of both sides, which have the same order.
fn merge(written: Vec<Object>, read: Vec<Object>) -> Vec<Object> {
    let same =
        |one: &Object, other: &Object| one.get("event") == other.get("event") && one.get("name") == other.get("name");
    let mut merged = Vec::new();
    let mut rest = read.into_iter().peekable();
    for event in written {
        // Events that are only read come before the next one that is written too.
        let is_ahead = rest.clone().any(|read| same(&read, &event));
        while is_ahead && rest.peek().is_some_and(|read| !same(read, &event)) {
            merged.extend(rest.next().map(|read| marked(read, "written")));
        }
        match rest.next_if(|read| same(read, &event)) {
            Some(read) => merged.push(with_overrides(event, &read)),
            None => merged.push(marked(event, "read")),
        }
    }
    merged.extend(rest.map(|read| marked(read, "written")));
    merged
}

/// An event that one side lacks.
fn marked(mut event: Object, lacking: &str) -> Object {
    event.insert(lacking.to_owned(), false.into());
    event
}

pub(super) fn read(value: &Value) -> Result<Contract, ContractError> {
    let file = value.as_object().ok_or_else(|| ContractError::new("", "expected an object"))?;
    match file.get("contract") {
        Some(number) if number.as_u64() == Some(FORMAT) => {}
        Some(number) => {
            let problem = format!("format {number} is not known, this version of sse-typed knows {FORMAT}");
            return Err(ContractError::new("/contract", problem));
        }
        None => {
            return Err(ContractError::new("", "the key `contract` is missing, which has the number of the format"));
        }
    }
    let known = ["$defs", "contract", "events", "ignored", "nested_tags", "other", "read", "side", "tag", "type"];
    check_keys(file, &known)?;
    let type_name = text(file, "type")?.ok_or_else(|| ContractError::new("", "the key `type` is missing"))?;
    let defs = match file.get("$defs") {
        None => Object::new(),
        Some(Value::Object(defs)) => defs.clone(),
        Some(_) => return Err(ContractError::new("/$defs", "expected an object")),
    };
    let Some(Value::Array(events)) = file.get("events") else {
        return Err(ContractError::new("/events", "expected a list"));
    };
    let side = |read: bool| {
        let mut rules = read_head(&of_side(file, read)?)?;
        for (at, event) in events.iter().enumerate() {
            let below = |error: ContractError| error.below(&at.to_string()).below("events");
            let event = event.as_object().ok_or_else(|| below(ContractError::new("", "expected an object")))?;
            let lacking = if read { "read" } else { "written" };
            if event.get(lacking) != Some(&Value::Bool(false)) {
                let event = of_side(event, read).map_err(below)?;
                rules.events.push(read_event(&event).map_err(below)?);
            }
        }
        Ok(rules)
    };
    let (written, read) = match text(file, "side")?.as_deref() {
        None => (Some(side(false)?), Some(side(true)?)),
        Some("written") => (Some(side(false)?), None),
        Some("read") => (None, Some(side(true)?)),
        Some(_) => return Err(ContractError::new("/side", "expected `written` or `read`")),
    };
    let contract = Contract { type_name, defs, written, read, program: Program::default() };
    check_references(&contract)?;
    Ok(contract)
}

/// The object as one side has it.
fn of_side(object: &Object, read: bool) -> Result<Object, ContractError> {
    let mut side = object.clone();
    side.remove("written");
    match side.remove("read") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Object(overrides)) => {
            for (key, value) in overrides.into_iter().filter(|_| read) {
                // `null` is a key that the read side lacks.
                if value.is_null() {
                    side.remove(&key);
                } else {
                    side.insert(key, value);
                }
            }
        }
        Some(_) => return Err(ContractError::new("/read", "expected an object or `false`")),
    }
    Ok(side)
}

fn read_head(file: &Object) -> Result<Rules, ContractError> {
    let other = match text(file, "other")?.as_deref() {
        None => None,
        Some("raw") => Some(Other::Raw),
        Some("unit") => Some(Other::Unit),
        Some(_) => return Err(ContractError::new("/other", "expected `raw` or `unit`")),
    };
    Ok(Rules {
        tag: text(file, "tag")?,
        nested_tags: texts(file, "nested_tags")?,
        ignored: texts(file, "ignored")?,
        other,
        events: Vec::new(),
    })
}

fn read_event(event: &Object) -> Result<EventRules, ContractError> {
    let known = ["aliases", "data", "event", "id", "key", "name", "retry", "tag"];
    check_keys(event, &[&known[..], &MARKS[..]].concat())?;
    let event_type = text(event, "event")?.ok_or_else(|| ContractError::new("", "the key `event` is missing"))?;
    let mut marks: Vec<String> = Vec::new();
    for mark in MARKS {
        match event.get(mark) {
            Some(Value::Bool(true)) => marks.push(mark.to_owned()),
            None | Some(Value::Bool(false)) => {}
            Some(_) => return Err(ContractError::new(format!("/{mark}"), "expected `true`")),
        }
    }
    debug_assert!(MARKS.contains(&TERMINAL));
    Ok(EventRules {
        name: text(event, "name")?.unwrap_or_else(|| event_type.clone()),
        event: event_type,
        aliases: texts(event, "aliases")?,
        data: read_data(event.get("data"))?,
        key: text(event, "key")?,
        tag: text(event, "tag")?,
        id: read_id(event.get("id"))?,
        retry: match event.get("retry") {
            None => None,
            Some(Value::Object(retry)) if check_keys(retry, &["optional"]).is_ok() => {
                Some(Retry { optional: is_optional(retry) })
            }
            Some(_) => return Err(ContractError::new("/retry", "expected an object with no key but `optional`")),
        },
        marks,
    })
}

fn read_data(data: Option<&Value>) -> Result<Data, ContractError> {
    let Some(data) = data else { return Ok(Data::Unit) };
    let expected = || ContractError::new("/data", "expected an object with `json`, `text` or `sentinel`");
    let data = data.as_object().filter(|data| data.len() == 1).ok_or_else(expected)?;
    match (data.get("json"), data.get("text"), data.get("sentinel")) {
        (Some(schema), ..) => Ok(Data::Json(read_schema(schema))),
        (_, Some(schema), _) => Ok(Data::Text(read_schema(schema))),
        (.., Some(Value::String(text))) => Ok(Data::Sentinel(text.clone())),
        _ => Err(expected()),
    }
}

fn read_id(id: Option<&Value>) -> Result<Option<Line>, ContractError> {
    let Some(id) = id else { return Ok(None) };
    let expected = || ContractError::new("/id", "expected an object with `json` or `text`");
    let line = id.as_object().ok_or_else(expected)?;
    check_keys(line, &["json", "optional", "text"]).map_err(|error| error.below("id"))?;
    let json = line.contains_key("json");
    let schema = line.get(if json { "json" } else { "text" }).ok_or_else(expected)?;
    Ok(Some(Line { json, optional: is_optional(line), schema: read_schema(schema) }))
}

fn read_schema(schema: &Value) -> Value {
    if schema.is_null() { opaque() } else { schema.clone() }
}

fn is_optional(line: &Object) -> bool {
    line.get("optional") == Some(&Value::Bool(true))
}

fn check_keys(object: &Object, known: &[&str]) -> Result<(), ContractError> {
    match object.keys().find(|key| !known.contains(&&***key)) {
        Some(key) => Err(ContractError::new("", format!("the key `{}` is not known", key.escape_debug()))),
        None => Ok(()),
    }
}

fn text(object: &Object, key: &str) -> Result<Option<String>, ContractError> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ContractError::new(format!("/{key}"), "expected text")),
    }
}

fn texts(object: &Object, key: &str) -> Result<Vec<String>, ContractError> {
    let expected = || ContractError::new(format!("/{key}"), "expected a list of texts");
    match object.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            list.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(expected)).collect()
        }
        Some(_) => Err(expected()),
    }
}

/// Reports a reference to a definition that is missing.
fn check_references(contract: &Contract) -> Result<(), ContractError> {
    let sides = contract.written.iter().chain(&contract.read).flat_map(Rules::schemas);
    let missing = sides
        .chain(contract.defs.values())
        .flat_map(super::rules::references)
        .find(|name| !contract.defs.contains_key(name));
    match missing {
        Some(name) => Err(ContractError::new("/$defs", format!("the definition `{}` is missing", name.escape_debug()))),
        None => Ok(()),
    }
}
