//! A page that receives a stream over HTTP/3, through Caddy.

use std::time::Duration;

use axum::routing::get;
use serde_json::json;
use sse_typed::{Hub, LastEventId, Sse, SseLayer};

use super::{
    chromium::Browser,
    fetch::{moved, page_of},
    typed::{Parcel, next},
};
use crate::{
    caddy::Caddy,
    program::{Program, found},
    server::Server,
};

#[tokio::test]
#[ignore = "needs Caddy, Chromium, Node and npm packages"]
async fn a_page_receives_each_event_over_http_3_and_resumes() {
    let programs = [Program::Caddy, Program::Chromium, Program::Node, Program::NpmPackages];
    if !found("a_page_receives_each_event_over_http_3_and_resumes", &programs) {
        return;
    }
    let hub = Hub::<Parcel>::builder().build();
    let moved_to = |to: &str| hub.publish_now(&Parcel::Moved { to: to.to_owned() }).unwrap().as_str().to_owned();
    let subscribed = hub.clone();
    let events = move |id: LastEventId| std::future::ready(Sse::new(subscribed.subscribe(id)));
    let layer = SseLayer::new().retry(Duration::from_millis(50));
    let mut server = Server::start(page_of::<Parcel>().await.route("/events", get(events)).layer(layer)).await;
    let caddy = Caddy::start(server.address());
    let browser = Browser::start_with_http_3(caddy.address(), &caddy.certificate());
    for transport in ["eventsource", "fetch"] {
        let mut page = browser.open(&format!("https://{}/", caddy.address())).await;
        page.wait_until("globalThis.parcel !== undefined").await;
        page.evaluate(&format!("void follow('/events', {{ transport: '{transport}', recreate: {{ delay: 20 }} }})"))
            .await;
        assert_eq!(page.next().await, json!({ "state": "open" }));
        // The next event is sent when the one before has arrived.
        for to in ["a", "b", "c"] {
            let id = moved_to(to);
            assert_eq!(next(&mut page).await, moved(to, &id), "{transport}");
        }
        server.kill().await;
        let missed = moved_to("missed");
        server.restart().await;
        assert_eq!(next(&mut page).await, moved("missed", &missed), "{transport}");
        let protocols =
            "[...new Set(performance.getEntries().map((entry) => entry.nextHopProtocol).filter(Boolean))].join()";
        assert_eq!(page.evaluate(protocols).await, "h3", "{transport}");
        page.close().await;
    }
}
