use sse_typed::SseEvent;

mod hex {
    pub fn encode(data: &[u8; 4]) -> Result<String, std::fmt::Error> {
        Ok(format!("{data:x?}"))
    }
}

#[derive(SseEvent)]
enum Feed {
    #[sse(with = "hex")]
    Key([u8; 4]),
}

fn main() {}
