//! A reference decoder that follows the text of the standard, for complete inputs only. The real decoder must agree with it on
//! every input and every split. The fuzz targets use it, too.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NaiveItem {
    Event { event_type: String, data: String, id: Option<String>, retry: Option<Duration> },
    Comment(String),
    Update { id: Option<String>, retry: Option<Duration> },
    TooLarge,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NaiveStream {
    pub(crate) items: Vec<NaiveItem>,
    pub(crate) last_event_id: String,
    pub(crate) reconnection_time: Option<Duration>,
}

pub(crate) fn decode(input: &[u8], max_event_size: usize) -> NaiveStream {
    let mut stream = NaiveStream { items: Vec::new(), last_event_id: String::new(), reconnection_time: None };
    // UTF-8 decode: removes the byte order mark and replaces invalid bytes by U+FFFD. An unfinished character is not decoded yet.
    let mut text = String::from_utf8_lossy(&input[..input.len() - unfinished_character(input)]).into_owned();
    if text.starts_with('\u{FEFF}') {
        text.remove(0);
    }
    let (mut lines, unfinished) = split_lines(&text);
    let finished_lines = lines.len();
    lines.push(unfinished);

    let mut block = NaiveBlock::default();
    for (number, line) in lines.iter().enumerate() {
        let finished = number < finished_lines;
        let (field, value) = split_field(line);
        if let "data" | "event" | "id" = field {
            // An unfinished line is measured as soon as its name is certain.
            if (finished || line.len() >= 7) && !block.too_large {
                block.size += value.len() + usize::from(field == "data" && finished);
                if block.size > max_event_size {
                    block.too_large = true;
                    stream.items.push(NaiveItem::TooLarge);
                }
            }
        }
        if !finished {
            break;
        }
        if line.is_empty() {
            block.dispatch(&mut stream);
            block = NaiveBlock::default();
            continue;
        }
        match field {
            "" if value.len() <= max_event_size => stream.items.push(NaiveItem::Comment(value.to_owned())),
            "event" => block.event_type = value.to_owned(),
            "data" => {
                block.data.push_str(value);
                block.data.push('\n');
            }
            "id" if !value.contains('\0') => block.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let time = Duration::from_millis(value.parse().unwrap_or(u64::MAX));
                stream.reconnection_time = Some(time);
                block.retry = Some(time);
            }
            _ => {}
        }
    }
    stream
}

/// The lines that are neither a field nor a comment, including an unfinished one.
#[cfg(test)]
pub(crate) fn ignored_lines(input: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(&input[..input.len() - unfinished_character(input)]);
    let (lines, unfinished) = split_lines(text.strip_prefix('\u{FEFF}').unwrap_or(&text));
    let lines = lines.into_iter().chain([unfinished]);
    let is_ignored =
        |line: &&str| !line.is_empty() && !matches!(split_field(line).0, "" | "data" | "event" | "id" | "retry");
    lines.filter(is_ignored).map(str::to_owned).collect()
}

/// The input, completed so that an unfinished event is dispatched. For comparison with [`Decoder::finish`](super::Decoder::finish).
#[cfg(test)]
pub(crate) fn ended_leniently(input: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(input);
    let (lines, unfinished) = split_lines(text.strip_prefix('\u{FEFF}').unwrap_or(&text));
    let mut ended = text.clone().into_owned();
    let keeps_last_line = matches!(split_field(unfinished).0, "data" | "event");
    if keeps_last_line {
        ended.push('\n');
    } else {
        ended.truncate(text.len() - unfinished.len());
    }
    let start = lines.iter().rposition(|line| line.is_empty()).map_or(0, |empty| empty + 1);
    let mut block = lines[start..].to_vec();
    block.extend(keeps_last_line.then_some(unfinished));
    let last_of = |name| block.iter().rev().map(|line| split_field(line)).find(|(field, _)| *field == name);
    if last_of("data").is_none() {
        if last_of("event").is_none_or(|(_, event_type)| event_type.is_empty()) {
            // It is not an event, and stays unfinished.
            return ended.into_bytes();
        }
        ended.push_str("data\n");
    }
    // After a CR, an LF would not be a line end of its own.
    ended.push('\r');
    ended.into_bytes()
}

#[derive(Default)]
struct NaiveBlock {
    event_type: String,
    data: String,
    id: Option<String>,
    retry: Option<Duration>,
    size: usize,
    too_large: bool,
}

impl NaiveBlock {
    fn dispatch(&self, stream: &mut NaiveStream) {
        if self.too_large {
            return;
        }
        if let Some(id) = &self.id {
            stream.last_event_id.clone_from(id);
        }
        if let Some(data) = self.data.strip_suffix('\n') {
            stream.items.push(NaiveItem::Event {
                event_type: if self.event_type.is_empty() { "message".to_owned() } else { self.event_type.clone() },
                data: data.to_owned(),
                id: self.id.clone(),
                retry: self.retry,
            });
        } else if self.id.is_some() || self.retry.is_some() {
            stream.items.push(NaiveItem::Update { id: self.id.clone(), retry: self.retry });
        }
    }
}

fn split_lines(text: &str) -> (Vec<&str>, &str) {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(end) = rest.find(['\r', '\n']) {
        lines.push(&rest[..end]);
        rest = rest[end..].strip_prefix("\r\n").unwrap_or(&rest[end + 1..]);
    }
    (lines, rest)
}

fn split_field(line: &str) -> (&str, &str) {
    match line.split_once(':') {
        Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
        None => (line, ""),
    }
}

/// How many bytes at the end are the beginning of an unfinished character.
fn unfinished_character(input: &[u8]) -> usize {
    let is_unfinished = |length: &usize| {
        let end = input.get(input.len().wrapping_sub(*length)..).unwrap_or_default();
        std::str::from_utf8(end).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=3).find(is_unfinished).unwrap_or(0)
}
