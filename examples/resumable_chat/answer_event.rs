//! The contract of an answer: the events of one run.

use sse_typed::SseEvent;

/// The events of `/answers/{key}`, from the question to the end of its answer.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum AnswerEvent {
    /// The first event: the server that writes the answer.
    Asked { server: String },
    /// The next part of the answer, in Markdown.
    Part { text: String },
    /// The answer is complete.
    #[sse(terminal)]
    Done { words: u32, seconds: f64 },
    /// The model, or the server, failed.
    #[sse(terminal, failed)]
    Failed { reason: String },
    /// A reader stopped the answer.
    #[sse(terminal, stopped)]
    Stopped,
    /// The server that wrote the answer stopped responding.
    #[sse(terminal, lost)]
    Lost,
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the files that the page imports.
#[cfg(test)]
#[test]
fn the_typescript_of_the_page_is_current() {
    use sse_typed::typescript::{Options, assert_current, assert_runtime_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/resumable_chat/page/");
    assert_current::<AnswerEvent>(format!("{path}answer_event.ts"), &Options::new().runtime_at("./sse_typed.ts"));
    assert_runtime_current(format!("{path}sse_typed.ts"));
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/resumable_chat.json");
    // Answers are kept in a store, so newer servers also read those of older ones.
    assert_compatible(path, &Contract::of::<AnswerEvent>(), Policy::both().stored_history());
}
