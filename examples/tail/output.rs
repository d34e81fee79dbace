//! What is printed, and in which colours.

use std::{
    borrow::Cow,
    ffi::OsString,
    io::{self, Write},
};

use serde::Serialize;
use sse_typed::RawEvent;

/// Prints events.
pub(crate) struct Events<W> {
    to: W,
    json: bool,
    /// Control characters of the server's would reach it.
    is_terminal: bool,
    colourful: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    id: Option<&'a str>,
    data: &'a str,
}

impl<W: Write> Events<W> {
    pub(crate) fn new(to: W, json: bool, is_terminal: bool, colourful: bool) -> Self {
        Self { to, json, is_terminal, colourful }
    }

    /// Prints an event at once.
    pub(crate) fn write(&mut self, event: &RawEvent) -> io::Result<()> {
        let mut text = String::new();
        if self.json {
            let line = Line { event_type: event.event_type(), id: event.id(), data: event.data() };
            text = serde_json::to_string(&line)?;
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
        self.to.write_all(text.as_bytes())?;
        self.to.flush()
    }

    fn field(&self, text: &mut String, name: &str, value: &str) {
        let value = if self.is_terminal { printable(value) } else { value.into() };
        if self.colourful {
            text.push_str(&format!("\x1b[2m{name}:\x1b[0m {value}\n"));
        } else {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
}

/// Without control characters: a server does not write on the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\t';
    if !text.contains(is_control) {
        return text.into();
    }
    let escaped =
        text.chars().map(|c| if is_control(c) { c.escape_default().collect::<String>() } else { c.to_string() });
    escaped.collect::<String>().into()
}

/// Whether a stream takes colours: only a terminal does, and not if the [environment](https://no-color.org) says no.
pub(crate) fn is_colourful(is_terminal: bool, environment: impl Fn(&'static str) -> Option<OsString>) -> bool {
    let unwanted = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_terminal && !unwanted && environment("TERM").is_none_or(|terminal| terminal != "dumb")
}

#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

/// Tells on the standard error what happens to the connection.
pub(crate) struct Reports {
    colourful: bool,
}

impl Reports {
    pub(crate) fn new(colourful: bool) -> Self {
        Self { colourful }
    }

    pub(crate) fn say(&self, colour: Colour, text: &str) {
        let mut stderr = io::stderr().lock();
        // Nobody may be listening, and the events are what matters.
        let _ = if self.colourful {
            writeln!(stderr, "\x1b[{}m{text}\x1b[0m", colour as u8)
        } else {
            writeln!(stderr, "{text}")
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &RawEvent, json: bool, is_terminal: bool, colourful: bool) -> String {
        let mut bytes = Vec::new();
        Events::new(&mut bytes, json, is_terminal, colourful).write(event).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn events_are_printed_as_they_are_sent() {
        let event = RawEvent::new("cpu", "1\n\n 2\x1b").with_id(sse_typed::EventId::from(7));
        assert_eq!(written(&event, false, false, false), "event: cpu\nid: 7\ndata: 1\ndata: \ndata:  2\x1b\n\n");
    }

    #[test]
    fn json_is_one_object_on_a_line_whatever_the_data() {
        let event = RawEvent::new("cpu", "a\n\"\x1b…");
        let expected = "{\"type\":\"cpu\",\"id\":null,\"data\":\"a\\n\\\"\\u001b…\"}\n";
        assert_eq!(written(&event, true, true, true), expected);
    }

    #[test]
    fn a_terminal_gets_no_control_characters_of_the_server() {
        let event = RawEvent::new("a\x1b[31m", "b\x07\tc\u{9b}");
        let expected = "event: a\\u{1b}[31m\ndata: b\\u{7}\tc\\u{9b}\n\n";
        assert_eq!(written(&event, false, true, false), expected);
        assert_eq!(
            written(&RawEvent::new("a", ""), false, true, true),
            "\x1b[2mevent:\x1b[0m a\n\x1b[2mdata:\x1b[0m \n\n"
        );
    }

    #[test]
    fn colours_are_for_terminals_and_no_color_has_the_last_word() {
        let on = |is_terminal, name, value: &'static str| {
            is_colourful(is_terminal, |asked| (asked == name).then(|| OsString::from(value)))
        };
        assert!(on(true, "TERM", "xterm") && on(true, "NO_COLOR", "") && on(true, "PATH", ""));
        assert!(!on(false, "TERM", "xterm") && !on(true, "NO_COLOR", "0") && !on(true, "TERM", "dumb"));
    }
}
