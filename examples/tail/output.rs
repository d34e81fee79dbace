//! The output: events on the standard output, the connection's state on the standard error.

use std::{
    borrow::Cow,
    ffi::OsString,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::value::RawValue;
use sse_typed::RawEvent;

/// Prints events.
pub(crate) struct EventPrinter<W> {
    output: W,
    json: bool,
    /// A terminal acts on control characters, so they are escaped.
    is_terminal: bool,
    coloured: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct JsonLine<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    id: Option<&'a str>,
    data: JsonData<'a>,
}

/// The data of an event: as it is if it is JSON, otherwise as a string.
#[derive(Serialize)]
#[serde(untagged)]
enum JsonData<'a> {
    Json(Box<RawValue>),
    Text(&'a str),
}

impl<'a> JsonData<'a> {
    fn new(data: &'a str) -> Self {
        let json = serde_json::from_str::<&RawValue>(data).ok().and_then(|json| {
            // A line feed of JSON is between its tokens, where a space means the same.
            RawValue::from_string(json.get().replace(['\n', '\r'], " ")).ok()
        });
        json.map_or(Self::Text(data), Self::Json)
    }
}

impl<W: Write> EventPrinter<W> {
    pub(crate) fn new(output: W, json: bool, is_terminal: bool, coloured: bool) -> Self {
        Self { output, json, is_terminal, coloured }
    }

    /// Prints an event and flushes the output.
    pub(crate) fn print(&mut self, event: &RawEvent) -> io::Result<()> {
        let mut text = String::new();
        if self.json {
            let line = JsonLine { event_type: event.event_type(), id: event.id(), data: JsonData::new(event.data()) };
            text = serde_json::to_string(&line)?;
            if self.is_terminal && text.contains(char::is_control) {
                // Control characters are in strings only, where an escape means the same.
                let escaped = text.chars().map(|c| match c {
                    c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
                    c => c.to_string(),
                });
                text = escaped.collect();
            }
        } else {
            self.field(&mut text, "event", event.event_type());
            if let Some(id) = event.id() {
                self.field(&mut text, "id", id);
            }
            for line in event.data().split('\n') {
                self.field(&mut text, "data", line);
            }
        }
        text.push('\n');
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }

    fn field(&self, text: &mut String, name: &str, value: &str) {
        let value = if self.is_terminal { printable(value) } else { value.into() };
        if self.coloured {
            text.push_str(&format!("\x1b[2m{name}:\x1b[0m {value}\n"));
        } else {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
}

/// Escapes control characters, so that a server cannot control the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\t';
    if !text.contains(is_control) {
        return text.into();
    }
    let escaped =
        text.chars().map(|c| if is_control(c) { c.escape_default().collect::<String>() } else { c.to_string() });
    escaped.collect::<String>().into()
}

/// Whether to colour an output: if it is a terminal, [`NO_COLOR`](https://no-color.org) is not set, and `TERM` is not `dumb`.
pub(crate) fn use_colours(is_terminal: bool, environment: impl Fn(&'static str) -> Option<OsString>) -> bool {
    let no_color = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_terminal && !no_color && environment("TERM").is_none_or(|terminal| terminal != "dumb")
}

#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

/// Reports the connection's state on the standard error.
pub(crate) struct StatusPrinter {
    coloured: bool,
}

impl StatusPrinter {
    pub(crate) fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    pub(crate) fn print(&self, colour: Colour, text: &str) {
        let mut stderr = io::stderr().lock();
        // An error on stderr does not end the program, because stdout still receives the events.
        let _ = if self.coloured {
            writeln!(stderr, "\x1b[{}m{text}\x1b[0m", colour as u8)
        } else {
            writeln!(stderr, "{text}")
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(event: &RawEvent, json: bool, is_terminal: bool, coloured: bool) -> String {
        let mut bytes = Vec::new();
        EventPrinter::new(&mut bytes, json, is_terminal, coloured).print(event).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn events_are_printed_as_they_are_sent() {
        let event = RawEvent::new("cpu", "1\n\n 2\x1b").with_id(sse_typed::EventId::from(7));
        assert_eq!(printed(&event, false, false, false), "event: cpu\nid: 7\ndata: 1\ndata: \ndata:  2\x1b\n\n");
    }

    #[test]
    fn json_is_one_object_on_a_line_whatever_the_data() {
        let event = RawEvent::new("cpu", "a\n\"\x1b…");
        let expected = "{\"type\":\"cpu\",\"id\":null,\"data\":\"a\\n\\\"\\u001b…\"}\n";
        assert_eq!(printed(&event, true, true, true), expected);
    }

    #[test]
    fn data_that_is_json_is_printed_as_json_and_other_data_as_a_string() {
        for (data, expected) in [
            (
                r#"{"b":1.0,"a":[1e999,12345678901234567890,null]}"#,
                r#"{"b":1.0,"a":[1e999,12345678901234567890,null]}"#,
            ),
            ("{\n  \"a\": \"b\\n\"\n}", r#"{   "a": "b\n" }"#),
            ("\"text\"", r#""text""#),
            (" 7 ", "7"),
            ("", r#""""#),
            ("[DONE]", r#""[DONE]""#),
            ("1 2", r#""1 2""#),
            ("\"a\nb\"", r#""\"a\nb\"""#),
            ("NaN", r#""NaN""#),
        ] {
            let expected = format!("{{\"type\":\"message\",\"id\":null,\"data\":{expected}}}\n");
            assert_eq!(printed(&RawEvent::new("message", data), true, false, false), expected);
        }
    }

    #[test]
    fn json_on_a_terminal_has_no_control_characters() {
        let event = RawEvent::new("a\x7f", "{\"a\": \"\u{9b}31m\"}");
        let expected = "{\"type\":\"a\\u007f\",\"id\":null,\"data\":{\"a\": \"\\u009b31m\"}}\n";
        assert_eq!(printed(&event, true, true, true), expected);
    }

    #[test]
    fn a_terminal_gets_no_control_characters_of_the_server() {
        let event = RawEvent::new("a\x1b[31m", "b\x07\tc\u{9b}");
        let expected = "event: a\\u{1b}[31m\ndata: b\\u{7}\tc\\u{9b}\n\n";
        assert_eq!(printed(&event, false, true, false), expected);
        assert_eq!(
            printed(&RawEvent::new("a", ""), false, true, true),
            "\x1b[2mevent:\x1b[0m a\n\x1b[2mdata:\x1b[0m \n\n"
        );
    }

    #[test]
    fn only_a_terminal_is_coloured_and_no_color_turns_colours_off() {
        let on = |is_terminal, name, value: &'static str| {
            use_colours(is_terminal, |variable| (variable == name).then(|| OsString::from(value)))
        };
        assert!(on(true, "TERM", "xterm") && on(true, "NO_COLOR", "") && on(true, "PATH", ""));
        assert!(!on(false, "TERM", "xterm") && !on(true, "NO_COLOR", "0") && !on(true, "TERM", "dumb"));
    }
}
