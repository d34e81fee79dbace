//! Reads a block by the rules of a contract, as the generated decoder of its type does.

use serde_json::{Map, Value};

use super::{
    block::Block,
    rules::{Data, EventRules, Line, Other, Rules},
    schema::{
        text,
        validate::{As, Validator, Violation},
    },
};
use crate::event::MESSAGE;

/// What the rules make of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The variant at this position.
    Event(usize),
    /// The variant that takes undeclared event types.
    Other,
    Unknown,
    Ignored,
    Refused {
        variant: Option<usize>,
        violation: Violation,
    },
}

/// The rules of one side, with the definitions of its contract.
#[derive(Clone, Copy)]
pub(super) struct Interpreter<'a> {
    pub(super) rules: &'a Rules,
    pub(super) defs: &'a Map<String, Value>,
    pub(super) side: As,
}

impl<'a> Interpreter<'a> {
    pub(super) const fn new(rules: &'a Rules, defs: &'a Map<String, Value>, side: As) -> Self {
        Self { rules, defs, side }
    }

    pub(super) fn read(&self, block: &Block) -> Reading {
        let json: Option<Value> = serde_json::from_str(&block.data).ok();
        let name = self.event_type(block, json.as_ref());
        let candidates: Vec<_> = self.candidates(&name).collect();
        if let Some((at, event)) = select(&candidates, &block.data, json.as_ref()) {
            return self.read_as(at, event, block, json);
        }
        if !candidates.is_empty() {
            return unmatched(&candidates, block, json.is_some());
        }
        if self.rules.ignored.contains(&name) {
            return Reading::Ignored;
        }
        match self.rules.other {
            Some(Other::Raw | Other::Unit) => Reading::Other,
            None if self.rules.tag.is_some() && block.event == MESSAGE && block.data.is_empty() => Reading::Ignored,
            None => Reading::Unknown,
        }
    }

    fn candidates(&self, name: &str) -> impl Iterator<Item = (usize, &'a EventRules)> + use<'a> {
        let name = name.to_owned();
        self.rules.events.iter().enumerate().filter(move |(_, event)| event.types().any(|own| own == name))
    }

    /// The event type by the `event:` line, or by a tag if there is none.
    fn event_type(&self, block: &Block, json: Option<&Value>) -> String {
        if block.event != MESSAGE {
            return block.event.clone();
        }
        let at =
            |tag: &str| json.and_then(|json| json.get(tag)).and_then(Value::as_str).filter(|name| !name.is_empty());
        if let Some(name) = self.rules.tag.as_deref().and_then(at)
            && (self.candidates(name).next().is_some() || self.rules.nested_tags.is_empty())
        {
            return name.to_owned();
        }
        // A nested type that declares `message` itself is asked before the tags of the others.
        let declares: Vec<_> = self.candidates(MESSAGE).map(|(_, event)| event.tag.as_ref()).collect();
        let nested = self.rules.nested_tags.iter().find_map(|tag| {
            if !declares.is_empty() && !declares.contains(&Some(tag)) {
                return None;
            }
            let name = at(tag)?;
            self.candidates(name).any(|(_, event)| event.tag.as_ref() == Some(tag)).then(|| name.to_owned())
        });
        nested.unwrap_or_else(|| MESSAGE.to_owned())
    }

    fn read_as(&self, at: usize, event: &EventRules, block: &Block, json: Option<Value>) -> Reading {
        let refused = |violation| Reading::Refused { variant: Some(at), violation };
        match &event.data {
            Data::Json(_) if block.data.is_empty() => return Reading::Ignored,
            Data::Json(schema) => {
                let Some(mut json) = json else { return refused(violation("", "the data is not JSON")) };
                if let (Some(tag), Some(object)) = (&event.tag, json.as_object_mut()) {
                    object.remove(tag);
                }
                if let Err(violation) = self.check(schema, &json) {
                    return refused(violation);
                }
            }
            Data::Text(schema) => {
                let values = text::values(&block.data);
                let checked = values.iter().map(|value| self.check(schema, value)).reduce(|one, other| one.or(other));
                if let Some(Err(violation)) = checked {
                    return refused(violation);
                }
            }
            Data::Unit | Data::Sentinel(_) => {}
        }
        match self.read_lines(event, block) {
            Ok(()) => Reading::Event(at),
            Err(violation) => refused(violation),
        }
    }

    fn check(&self, schema: &Value, value: &Value) -> Result<(), Violation> {
        Validator { defs: self.defs, side: self.side }.check(schema, value)
    }

    /// Checks id and reconnection time. A writer that declares none may still have one, from a hub.
    fn read_lines(&self, event: &EventRules, block: &Block) -> Result<(), Violation> {
        if let Some(Line { json, optional, schema }) = &event.id {
            match block.id.as_deref().filter(|id| !id.is_empty()) {
                None if *optional => {}
                None => return Err(violation("id:", "the event has no `id:` line")),
                Some(id) => {
                    let values =
                        if *json { serde_json::from_str(id).ok().into_iter().collect() } else { text::values(id) };
                    let checked =
                        values.iter().map(|value| self.check(schema, value)).reduce(|one, other| one.or(other));
                    match checked {
                        Some(Ok(())) => {}
                        Some(Err(error)) => return Err(violation("id:", &error.problem)),
                        None => return Err(violation("id:", "the id is not JSON")),
                    }
                }
            }
        }
        match event.retry {
            Some(retry) if block.retry.is_none() && !retry.optional => {
                Err(violation("retry:", "the event has no `retry:` line"))
            }
            _ => Ok(()),
        }
    }
}

fn violation(path: &str, problem: &str) -> Violation {
    Violation { path: path.to_owned(), problem: problem.to_owned() }
}

/// The variant that the data selects among those with its event type.
fn select<'a>(
    candidates: &[(usize, &'a EventRules)],
    data: &str,
    json: Option<&Value>,
) -> Option<(usize, &'a EventRules)> {
    let find = |wanted: &dyn Fn(&EventRules) -> bool| candidates.iter().find(|(_, event)| wanted(event)).copied();
    let value = |key: &Option<String>| key.as_ref().and_then(|key| json?.as_object()?.get(key));
    find(&|event| event.data == Data::Sentinel(data.to_owned()))
        .or_else(|| find(&|event| value(&event.key).is_some_and(|value| !value.is_null())))
        .or_else(|| find(&|event| value(&event.key).is_some()))
        .or_else(|| find(&|event| event.key.is_none() && !matches!(event.data, Data::Sentinel(_))))
}

fn unmatched(candidates: &[(usize, &EventRules)], block: &Block, is_json: bool) -> Reading {
    let keyed = candidates.iter().any(|(_, event)| event.key.is_some());
    if keyed && block.data.is_empty() {
        return Reading::Ignored;
    }
    let expected: Vec<_> = candidates
        .iter()
        .map(|(_, event)| match (&event.key, &event.data) {
            (Some(key), _) => format!("an object with the key `{key}`"),
            (None, Data::Sentinel(text)) => format!("`{text}`"),
            (None, _) => "other data".to_owned(),
        })
        .collect();
    let problem = if keyed && !is_json {
        "the data is not JSON".to_owned()
    } else {
        format!("expected {}", expected.join(" or "))
    };
    Reading::Refused {
        variant: candidates.first().map(|(at, _)| *at).filter(|_| candidates.len() == 1),
        violation: violation("", &problem),
    }
}
