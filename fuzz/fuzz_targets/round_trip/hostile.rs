//! Hostile text.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use sse_typed::EventId;

#[derive(Debug, Arbitrary)]
pub(crate) struct Hostile(Vec<Piece>);

#[derive(Debug, Arbitrary)]
enum Piece {
    Char(char),
    Lf,
    Cr,
    CrLf,
    Nul,
    Space,
    Tab,
    Bom,
    LineSeparator,
    Colon,
    Quote,
    Data,
    Event,
    Id,
    Retry,
    Block,
    /// Names that the derived enums declare.
    Message,
    Json,
    Type,
}

impl Hostile {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Char(char) => text.push(*char),
                Piece::Lf => text.push('\n'),
                Piece::Cr => text.push('\r'),
                Piece::CrLf => text.push_str("\r\n"),
                Piece::Nul => text.push('\0'),
                Piece::Space => text.push(' '),
                Piece::Tab => text.push('\t'),
                Piece::Bom => text.push('\u{feff}'),
                Piece::LineSeparator => text.push('\u{2028}'),
                Piece::Colon => text.push(':'),
                Piece::Quote => text.push('"'),
                Piece::Data => text.push_str("data: "),
                Piece::Event => text.push_str("event: "),
                Piece::Id => text.push_str("id: "),
                Piece::Retry => text.push_str("retry: 5"),
                Piece::Block => text.push_str("\n\ndata: forged\n\n"),
                Piece::Message => text.push_str("message"),
                Piece::Json => text.push_str("json"),
                Piece::Type => text.push_str("type"),
            }
        }
        text
    }

    /// The text as an id, if it is valid. The rule is implemented here independently of the library.
    pub(crate) fn id(&self) -> Option<EventId> {
        let text = self.text();
        let can_travel = (1..=1024).contains(&text.len())
            && text.trim_matches([' ', '\t']) == text
            && text.bytes().all(|byte| byte == b'\t' || !matches!(byte, 0..0x20 | 0x7F));
        let id = EventId::new(&*text);
        assert_eq!(id.is_ok(), can_travel, "{text:?}");
        id.ok()
    }
}

/// The text as a client receives it.
pub(crate) fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
