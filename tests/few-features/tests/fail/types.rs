use sse_typed::{Hub, Sse, server::Shutdown};

fn main() {}
