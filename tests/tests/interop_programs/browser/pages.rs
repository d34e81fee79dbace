//! The pages of the examples, as their users see them.

use serde_json::Value;

use super::{
    chromium::{Browser, Look, Page, browser_found},
    example::Example,
};
use crate::server::Server;

const PHONE: Look = Look { width: 390, height: 844, dark: true };

async fn text(page: &Page, selector: &str) -> String {
    let text = page.evaluate(&format!("document.querySelector({selector:?}).textContent")).await;
    text.as_str().unwrap().to_owned()
}

/// Waits until an element of the page shows this among other text.
async fn until_shown(page: &Page, selector: &str, text: &str) {
    page.until(&format!("document.querySelector({selector:?})?.textContent.includes({text:?})")).await;
}

/// Nothing was thrown, and nothing stands out to the right.
async fn assert_well(page: &mut Page) {
    assert_eq!(page.unasked(), [Value::Null; 0]);
    let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(page.evaluate(wider).await, false);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_dashboard_shows_readings_and_says_when_its_server_was_started_anew() {
    if !browser_found("the_dashboard_shows_readings_and_says_when_its_server_was_started_anew") {
        return;
    }
    let mut dashboard = Example::start(env!("CARGO_BIN_EXE_dashboard"), &[]).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&format!("http://{}/", dashboard.address()), PHONE).await;
    until_shown(&page, "#state", "open").await;
    until_shown(&page, "#cpu-now", "%").await;
    until_shown(&page, "#memory-now", "iB of").await;
    until_shown(&page, "#about", "cores").await;
    until_shown(&page, "#wire", "event: load").await;
    page.until("document.querySelectorAll('#cpu path').length === 2").await;
    assert_well(&mut page).await;
    let last = text(&page, "#id").await;

    dashboard.kill().await;
    until_shown(&page, "#state", "connecting").await;
    until_shown(&page, "#notice", "connecting again").await;
    dashboard.start_again().await;
    until_shown(&page, "#notice", "the server was started anew").await;
    until_shown(&page, "#state", "open").await;
    let epoch = last.split_once('-').unwrap().0.to_owned();
    page.until(&format!("!document.querySelector('#id').textContent.startsWith({epoch:?})")).await;
    assert_well(&mut page).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn an_order_is_tracked_to_its_delivery_whatever_happens_to_the_connection() {
    if !browser_found("an_order_is_tracked_to_its_delivery_whatever_happens_to_the_connection") {
        return;
    }
    let shop = Example::start(env!("CARGO_BIN_EXE_notifications"), &["--pace", "500"]).await;
    let mut between = Server::in_front_of(shop.address()).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&between.url("/"), PHONE).await;
    page.evaluate("void document.querySelector('#wish button').click()").await;
    until_shown(&page, ".order .done[data-step=packed]", "").await;
    // The shop goes on with the order while the page is cut off.
    between.kill().await;
    until_shown(&page, ".order .pill", "connecting").await;
    between.start_again().await;
    until_shown(&page, ".order .now", "it was left with").await;
    until_shown(&page, ".order .pill", "stream closed").await;
    assert_eq!(page.evaluate("document.querySelectorAll('.order .steps .done').length").await, 4);
    let news = "[...document.querySelectorAll('#news li')].map((item) => item.lastChild.textContent.split(': ')[1])";
    let told = ["it was left with the neighbour's cat", "Kiwi Express has it", "it is packed", "the shop has it"];
    assert_eq!(page.evaluate(news).await, Value::from(&told[..]), "each is told once");
    assert_well(&mut page).await;

    // A page that is loaded again is told the story from its beginning.
    page.evaluate("void location.reload()").await;
    until_shown(&page, ".order .pill", "stream closed").await;
    assert_eq!(page.evaluate(news).await, Value::from(&told[..]));
    assert_well(&mut page).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_log_keeps_its_lines_shows_a_gap_and_can_be_filtered() {
    if !browser_found("the_log_keeps_its_lines_shows_a_gap_and_can_be_filtered") {
        return;
    }
    let mut shop = Example::start(env!("CARGO_BIN_EXE_notifications"), &["--pace", "800"]).await;
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{}/", shop.address())).await;
    until_shown(&page, "#log .info", "the shop is open").await;
    page.evaluate("void document.querySelector('#wish button').click()").await;
    until_shown(&page, "#log", "order 1042").await;
    assert_eq!(page.evaluate("document.querySelectorAll('#log .gap').length").await, 0);

    shop.kill().await;
    until_shown(&page, "#log-state", "connecting").await;
    shop.start_again().await;
    until_shown(&page, "#log .gap", "lines are missing here: the server was started anew").await;
    until_shown(&page, "#log .gap ~ .info", "").await;
    // Its orders are gone with the process, and a page that asks for one is told so.
    until_shown(&page, ".order .now", "it was started anew").await;
    assert_eq!(text(&page, ".order .pill").await, "no stream");

    let choose = "const level = document.querySelector('#level'); level.value = 'failure'; level.dispatchEvent(new Event('change'))";
    page.evaluate(&format!("void (() => {{ {choose} }})()")).await;
    // Some lines of text are one event.
    until_shown(&page, "#log .failure", "no answer\n  caused by: connection refused\n  caused by").await;
    assert_eq!(page.evaluate("document.querySelectorAll('#log li:not(.failure)').length").await, 0);
    assert_well(&mut page).await;
}
