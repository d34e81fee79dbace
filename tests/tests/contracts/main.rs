//! The contracts of the examples, and the documents about them. Those of `cluster`, `dashboard`, `notifications`, `prices` and
//! `resumable_chat` are judged in their own binaries.
//!
//!     SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts

#![allow(clippy::duplicate_mod, reason = "several examples listen in the same way")]

mod document_names;
mod documents;
mod judges;
mod other_people;

macro_rules! examples {
    ($($name:ident: $path:literal,)*) => {$(
        #[allow(dead_code, clippy::exit, unreachable_pub, reason = "a program, of which only the contract is tested")]
        #[path = $path]
        mod $name;
    )*};
}

examples! {
    axum_server: "../../../examples/axum_server.rs",
    chat_rooms: "../../../examples/chat_rooms.rs",
    client: "../../../examples/client.rs",
    hub_load: "../../../examples/hub_load.rs",
    hyper_server: "../../../examples/hyper_server.rs",
    llm_stream: "../../../examples/llm_stream.rs",
    metrics: "../../../examples/metrics.rs",
    openapi: "../../../examples/openapi.rs",
    shared_contract: "../../../examples/shared_contract/contract.rs",
}
