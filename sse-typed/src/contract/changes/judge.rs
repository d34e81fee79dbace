//! Judges what one side makes of the blocks of the other.

use serde_json::Value;

use super::{Verdict, Witness, compare::is_undecidable, events::form};
use crate::contract::{
    Contract,
    block::Block,
    interpret::{Interpreter, Reading},
    program::{Outcome, Program},
    rules::{Data, EventRules, Rules, is_opaque, resolve},
    schema::validate::As,
    witness::blocks::{Reader, Writer},
};

/// A block that is misread.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Where in the data. Empty for the event itself.
    pub(super) path: String,
    pub(super) verdict: Verdict,
}

/// One direction: who writes, and who reads.
pub(super) struct Direction<'a> {
    pub(super) writer: &'a Contract,
    pub(super) reader: &'a Contract,
    pub(super) writes: &'a Rules,
    pub(super) reads: &'a Rules,
    pub(super) is_history: bool,
    /// The contract that the writer, or the reader, has changed from. A block that it already misread is no news.
    pub(super) before: Before<'a>,
}

/// The other contract of the changed side.
pub(super) enum Before<'a> {
    /// The rules of the writer before the change.
    Writer(&'a Rules),
    /// The rules of the reader before the change.
    Reader(&'a Rules),
}

impl<'a> Direction<'a> {
    fn writer<'b>(&'b self, changed: &'b [String]) -> Writer<'b> {
        let is_foreign = self.writer.written.is_none();
        Writer {
            rules: self.writes,
            defs: &self.writer.defs,
            writes_aliases: is_foreign || self.is_history,
            is_foreign,
            changed,
        }
    }

    /// The code that really writes, if the writer is the new type.
    const fn encoder(&self) -> Option<&Program> {
        match self.before {
            Before::Writer(_) if self.writer.program.can_encode_again() => Some(&self.writer.program),
            _ => None,
        }
    }

    /// The blocks of a variant that the reader misreads. `counterpart` is the variant that must read them, and
    /// `before` that of the contract before the change. `changed` are the paths of the changed parts of the data.
    pub(super) fn findings(&self, at: usize, counterpart: Option<usize>, changed: &[String]) -> Vec<Finding> {
        let event = &self.writes.events[at];
        let expected = counterpart.and_then(|at| self.reads.events.get(at));
        let reader = Reader { rules: self.reads, defs: &self.reader.defs };
        let mut found = self.judge_all(at, counterpart, self.writer(changed).blocks(event, expected, reader));
        if found.is_empty() {
            found = self.judge_all(at, counterpart, self.writer(changed).further_blocks(event, expected, reader));
        }
        found
    }

    fn judge_all(&self, at: usize, counterpart: Option<usize>, blocks: Vec<Block>) -> Vec<Finding> {
        let side = if self.writer(&[]).writes_aliases { As::Reader } else { As::Writer };
        let writes = Interpreter::new(self.writes, &self.writer.defs, side);
        let valid: Vec<_> = blocks.into_iter().filter(|block| writes.read(block) == Reading::Event(at)).collect();
        let valid = match self.encoder() {
            Some(program) => {
                let written: Vec<_> = valid.iter().filter_map(|block| program.encode_again(block)).collect();
                // A variant that the type writes and does not read is judged by its schema.
                if written.is_empty() { valid } else { written }
            }
            None => valid,
        };
        let mut found: Vec<Finding> = Vec::new();
        for block in valid {
            let Some(finding) = self.judge(at, counterpart, block) else { continue };
            let is_known = found
                .iter()
                .any(|known| known.path == finding.path && class(&known.verdict) == class(&finding.verdict));
            if !is_known {
                found.push(finding);
            }
        }
        found
    }

    fn judge(&self, at: usize, counterpart: Option<usize>, block: Block) -> Option<Finding> {
        let reads = Interpreter::new(self.reads, &self.reader.defs, As::Reader);
        let (path, verdict) = self.compare(at, counterpart, &block, reads.read(&block))?;
        let error = match &verdict {
            Found::Skipped(error) | Found::Breaks(error) => error.clone(),
        };
        if self.is_old_news(&block, &path) {
            return None;
        }
        let witness = Witness { block, error };
        let verdict = match verdict {
            Found::Skipped(_) => Verdict::Skipped(witness),
            Found::Breaks(_) => Verdict::Breaks(witness),
        };
        Some(Finding { path, verdict })
    }

    /// What is wrong with a reading.
    fn compare(
        &self,
        at: usize,
        counterpart: Option<usize>,
        block: &Block,
        reading: Reading,
    ) -> Option<(String, Found)> {
        let event = &self.writes.events[at];
        let decoded = self.reader.program.decode(block);
        let broken = |path: &str, error: String| Some((path.to_owned(), Found::Breaks(error)));
        match reading {
            Reading::Refused { violation, .. } => match decoded {
                // The type reads more than its schema says, such as an alias of a payload's field.
                Some(Ok(_)) => None,
                Some(Err(error)) => broken(&violation.path, error_chain(&error)),
                None => broken(&violation.path, format!("error: {violation}")),
            },
            Reading::Event(read) => {
                let variant = &self.reads.events[read];
                if let Some(Err(error)) = decoded
                    && !self.has_unknown_parts(event)
                    && !self.has_unknown_parts(variant)
                {
                    return broken("", error_chain(&error));
                }
                if counterpart != Some(read) {
                    let label = self.reads.label(variant);
                    return broken("", format!("it is read as another event: {label}"));
                }
                match (event.is_terminal(), variant.is_terminal()) {
                    (true, false) => return broken("", goes_on().to_owned()),
                    (false, true) => {
                        return broken(
                            "",
                            "the reader takes it for the end of the stream, and reads nothing after it".to_owned(),
                        );
                    }
                    _ => {}
                }
                misunderstood(event, variant, block).and_then(|error| broken("", error))
            }
            Reading::Ignored if counterpart.is_some() => {
                broken("", "the reader drops it, because it has no data for it".to_owned())
            }
            Reading::Ignored => None,
            Reading::Unknown | Reading::Other => {
                if matches!(decoded, Some(Ok(Outcome::Event { .. }))) && reading == Reading::Unknown {
                    return None;
                }
                let how = if reading == Reading::Other {
                    "it is read as an event of an undeclared type"
                } else {
                    "it is skipped, because its event type is unknown"
                };
                if event.is_terminal() {
                    return broken("", format!("{how}: {}", goes_on()));
                }
                if counterpart.is_some() || self.is_history {
                    return broken("", how.to_owned());
                }
                Some((String::new(), Found::Skipped(how.to_owned())))
            }
        }
    }

    /// Whether the block was misread before the change as well.
    fn is_old_news(&self, block: &Block, path: &str) -> bool {
        match self.before {
            // A writer of before wrote it, to the same reader.
            Before::Writer(rules) => {
                let before = Interpreter::new(rules, &self.reader.defs, As::Writer);
                let read = Interpreter::new(self.reads, &self.reader.defs, As::Reader).read(block);
                matches!((before.read(block), read), (Reading::Event(_), Reading::Refused { .. })) && !path.is_empty()
            }
            // The reader of before refused it too.
            Before::Reader(rules) => match Interpreter::new(rules, &self.writer.defs, As::Reader).read(block) {
                Reading::Refused { violation, .. } => violation.path == path,
                _ => false,
            },
        }
    }

    fn has_unknown_parts(&self, event: &EventRules) -> bool {
        let schema = match &event.data {
            Data::Json(schema) | Data::Text(schema) => Some(schema),
            Data::Unit | Data::Sentinel(_) => None,
        };
        let line = event.id.as_ref().map(|id| &id.schema);
        schema.into_iter().chain(line).any(|schema| {
            !unknown_parts(schema, &self.writer.defs).is_empty() || !unknown_parts(schema, &self.reader.defs).is_empty()
        })
    }
}

enum Found {
    Skipped(String),
    Breaks(String),
}

const fn goes_on() -> &'static str {
    "the reader misses the end of the stream, and reconnects"
}

/// What kind of error a witness has. Two kinds at one place may come from two changes.
pub(super) fn class(verdict: &Verdict) -> u8 {
    match verdict.witness().map(|witness| &*witness.error) {
        Some(error) if error.contains("missing field") => 1,
        Some(error) if error.contains("unknown field") => 2,
        Some(error) if error.contains("found null") || error.contains("invalid type: null") => 3,
        _ => 0,
    }
}

/// JSON that is read as text keeps its quotes.
fn misunderstood(event: &EventRules, variant: &EventRules, block: &Block) -> Option<String> {
    match (&event.data, &variant.data) {
        (Data::Json(_) | Data::Unit, Data::Text(_))
            if block.data.starts_with(['"', '{', '[']) || block.data == "null" =>
        {
            Some(format!("{} is read as {}, as it is: {}", form(&event.data), form(&variant.data), block.data))
        }
        (Data::Sentinel(_), Data::Text(_)) => Some(format!("the fixed text is read as {}", form(&variant.data))),
        (Data::Text(_), Data::Json(_))
            if block.data.parse::<f64>().is_err() && block.data != "true" && block.data != "false" =>
        {
            Some(format!("{} is read as {}", form(&event.data), form(&variant.data)))
        }
        _ => None,
    }
}

/// The parts of a schema that are not known or not compared: their places and the reasons.
pub(in crate::contract) fn unknown_parts(
    schema: &Value,
    defs: &serde_json::Map<String, Value>,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(schema, defs, "", &mut Vec::new(), &mut found);
    found
}

fn walk<'a>(
    schema: &'a Value,
    defs: &'a serde_json::Map<String, Value>,
    path: &str,
    visited: &mut Vec<&'a Value>,
    found: &mut Vec<(String, String)>,
) {
    let schema = resolve(schema, defs);
    if visited.iter().any(|visited| std::ptr::eq(*visited, schema)) {
        return;
    }
    visited.push(schema);
    if is_opaque(schema) {
        found.push((path.to_owned(), "a codec hides its type".to_owned()));
        return;
    }
    let Value::Object(object) = schema else { return };
    for (keyword, value) in object {
        if is_undecidable(keyword, object) {
            found.push((path.to_owned(), format!("the keyword `{keyword}`")));
        }
        match (&**keyword, value) {
            ("$ref", _) if object.len() > 1 => {
                // Only its aliases are beside the reference.
                if let Some(name) = value.as_str().and_then(|path| path.strip_prefix("#/$defs/"))
                    && let Some(schema) = defs.get(name)
                {
                    walk(schema, defs, path, visited, found);
                }
            }
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    walk(schema, defs, &crate::contract::schema::validate::join(path, name), visited, found);
                }
            }
            ("patternProperties", Value::Object(patterns)) => {
                for schema in patterns.values() {
                    walk(schema, defs, &crate::contract::schema::validate::join(path, "*"), visited, found);
                }
            }
            ("additionalProperties" | "unevaluatedProperties", schema) => {
                walk(schema, defs, &crate::contract::schema::validate::join(path, "*"), visited, found);
            }
            ("items", schema) => walk(schema, defs, &format!("{path}[]"), visited, found),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                for schema in schemas {
                    walk(schema, defs, path, visited, found);
                }
            }
            _ => {}
        }
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    text
}
