use sse_typed::{Encoded, SseEvent};

#[derive(SseEvent)]
#[sse(rename_all = "snake_case", prefiks = "ride.")]
enum RideEvent {
    DriverAssigned(String, u32),
    #[sse(rename = "driver_assigned")]
    Reassigned { driver: String },
    #[sse(rename = "arrived\n")]
    Arrived,
    Error { code: u16 },
    #[sse(text, with = "codec")]
    Note(String),
}

fn main() {
    // No further errors: the impls are generated.
    let _ = Encoded::new(&RideEvent::Arrived);
}
