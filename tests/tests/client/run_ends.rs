//! The events that report how a run ended are terminal events for a client.

use futures_util::StreamExt as _;
use sse_typed::{
    Client, Encoded, HubEvent as _, SseEvent,
    testing::{Answer, ScriptedServer},
};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Run {
    Token(String),
    #[sse(terminal, failed)]
    Failed {
        reason: String,
    },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

#[tokio::test(start_paused = true)]
async fn a_client_does_not_reconnect_after_the_event_that_reports_the_end_of_a_run() {
    for end in [Run::failed("no tokens left".to_owned()), Run::stopped(), Run::lost()] {
        let end = end.unwrap();
        let wire = Encoded::new(&end).unwrap();
        let token = "event: token\ndata: \"a\"\n\n";
        let wire = format!("{token}{}{token}", std::str::from_utf8(wire.as_bytes()).unwrap());
        let service = ScriptedServer::new([Answer::stream().send(wire)]);
        let client = Client::new(service.clone());
        let source = client.get("/answers/1").connect::<Run>();
        let events: Vec<_> = source.map(|event| event.unwrap().data).collect().await;
        assert_eq!(events, [Run::Token("a".to_owned()), end]);
        assert_eq!(service.requests().len(), 1);
    }
}
