use sse_typed::{DecodeEvent, EncodeEvent};

#[derive(EncodeEvent, DecodeEvent)]
enum Feed {
    Line(String),
}

fn main() {}
