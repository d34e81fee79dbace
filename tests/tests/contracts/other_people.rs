//! The contracts of the formats of other people.

use sse_typed::contract::{Contract, Policy, assert_compatible};

#[path = "../../../examples/contracts/formats/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only the contracts are tested")]
mod formats;

use self::formats::{
    a2a::{RpcEvent, StreamResponse},
    ag_ui::AgUiEvent,
    anthropic::MessageEvent,
    openai_chat::ChatCompletionEvent,
    openai_responses::ResponseEvent,
    vercel_ai::UiMessageChunk,
};

fn assert_contract(name: &str, contract: &Contract) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/formats_");
    assert_compatible(format!("{folder}{name}.json"), contract, Policy::both());
}

#[test]
fn the_contracts_of_the_formats_are_compatible() {
    assert_contract("a2a", &Contract::of::<StreamResponse>());
    assert_contract("a2a_rpc", &Contract::of::<RpcEvent>());
    assert_contract("ag_ui", &Contract::of::<AgUiEvent>());
    assert_contract("anthropic", &Contract::of::<MessageEvent>());
    assert_contract("openai_chat", &Contract::of::<ChatCompletionEvent>());
    assert_contract("openai_responses", &Contract::of::<ResponseEvent>());
    assert_contract("vercel_ai", &Contract::of::<UiMessageChunk>());
}
