use serde_json::{Value, json};

use crate::{
    feed::{EXPECTED, Feed, RETRY},
    program::{Program, found, script},
};

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn npm_eventsource_parser_reads_every_field() {
    if !found("npm_eventsource_parser_reads_every_field", &[Program::Node, Program::NpmPackages]) {
        return;
    }
    let feed = Feed::start().await;
    let lines = script("parser.mjs", &[&feed.url("/whole")]).await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();

    let mut expected = vec![json!({ "retry": RETRY.as_millis() })];
    for (event_type, data, id) in EXPECTED {
        // The parser reports only the fields on the wire: no event type and no id if none was sent.
        let mut event = json!({ "data": data });
        if event_type != "message" {
            event["event"] = event_type.into();
        }
        if !id.is_empty() {
            event["id"] = id.into();
        }
        expected.push(event);
    }
    assert_eq!(lines, expected);
}
