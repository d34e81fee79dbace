//! The pages of the examples in a browser.

use serde_json::Value;

use super::{
    chromium::{Browser, Page, Viewport, browser_found},
    example::Example,
};
use crate::server::Server;

const PHONE: Viewport = Viewport { width: 390, height: 844, dark: true };

async fn text(page: &Page, selector: &str) -> String {
    let text = page.evaluate(&format!("document.querySelector({selector:?}).textContent")).await;
    text.as_str().unwrap().to_owned()
}

/// Waits until the text of an element contains `text`.
async fn wait_for_text(page: &Page, selector: &str, text: &str) {
    page.wait_until(&format!("document.querySelector({selector:?})?.textContent.includes({text:?})")).await;
}

/// Asserts that no script has failed and that the page is not wider than the viewport.
async fn assert_no_error_and_no_overflow(page: &mut Page) {
    assert_eq!(page.unread(), [Value::Null; 0]);
    let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(page.evaluate(wider).await, false);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_dashboard_shows_readings_and_reports_a_restart_of_its_server() {
    if !browser_found("the_dashboard_shows_readings_and_reports_a_restart_of_its_server") {
        return;
    }
    let mut dashboard = Example::start(env!("CARGO_BIN_EXE_dashboard"), &[]).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&format!("http://{}/", dashboard.address()), PHONE).await;
    wait_for_text(&page, "#state", "open").await;
    wait_for_text(&page, "#cpu-now", "%").await;
    wait_for_text(&page, "#memory-now", "iB of").await;
    wait_for_text(&page, "#about", "cores").await;
    wait_for_text(&page, "#wire", "event: load").await;
    page.wait_until("document.querySelectorAll('#cpu path').length === 2").await;
    assert_no_error_and_no_overflow(&mut page).await;
    let last = text(&page, "#id").await;

    dashboard.kill().await;
    wait_for_text(&page, "#state", "connecting").await;
    wait_for_text(&page, "#notice", "connecting again").await;
    dashboard.restart().await;
    wait_for_text(&page, "#notice", "the server was started anew").await;
    wait_for_text(&page, "#state", "open").await;
    let epoch = last.split_once('-').unwrap().0.to_owned();
    page.wait_until(&format!("!document.querySelector('#id').textContent.startsWith({epoch:?})")).await;
    assert_no_error_and_no_overflow(&mut page).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn an_order_is_tracked_to_its_delivery_although_the_connection_is_cut() {
    if !browser_found("an_order_is_tracked_to_its_delivery_although_the_connection_is_cut") {
        return;
    }
    let shop = Example::start(env!("CARGO_BIN_EXE_notifications"), &["--pace", "500"]).await;
    let mut between = Server::in_front_of(shop.address()).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&between.url("/"), PHONE).await;
    page.evaluate("void document.querySelector('#wish button').click()").await;
    wait_for_text(&page, ".order .done[data-step=packed]", "").await;
    // The shop continues with the order while the page is disconnected.
    between.kill().await;
    wait_for_text(&page, ".order .pill", "connecting").await;
    between.restart().await;
    wait_for_text(&page, ".order .now", "it was left with").await;
    wait_for_text(&page, ".order .pill", "stream closed").await;
    assert_eq!(page.evaluate("document.querySelectorAll('.order .steps .done').length").await, 4);
    let news = "[...document.querySelectorAll('#news li')].map((item) => item.lastChild.textContent.split(': ')[1])";
    let steps = ["it was left with the neighbour's cat", "Kiwi Express has it", "it is packed", "the shop has it"];
    assert_eq!(page.evaluate(news).await, Value::from(&steps[..]), "each step is shown once");
    assert_no_error_and_no_overflow(&mut page).await;

    // A page that is reloaded gets all events again.
    page.evaluate("void location.reload()").await;
    wait_for_text(&page, ".order .pill", "stream closed").await;
    assert_eq!(page.evaluate(news).await, Value::from(&steps[..]));
    assert_no_error_and_no_overflow(&mut page).await;
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
    wait_for_text(&page, "#log .info", "the shop is open").await;
    page.evaluate("void document.querySelector('#wish button').click()").await;
    wait_for_text(&page, "#log", "order 1042").await;
    assert_eq!(page.evaluate("document.querySelectorAll('#log .gap').length").await, 0);

    shop.kill().await;
    wait_for_text(&page, "#log-state", "connecting").await;
    shop.restart().await;
    wait_for_text(&page, "#log .gap", "lines are missing here: the server was started anew").await;
    wait_for_text(&page, "#log .gap ~ .info", "").await;
    // The restarted process has no orders, and the page shows that.
    wait_for_text(&page, ".order .now", "it was started anew").await;
    assert_eq!(text(&page, ".order .pill").await, "no stream");

    let choose = "const level = document.querySelector('#level'); level.value = 'failure'; level.dispatchEvent(new Event('change'))";
    page.evaluate(&format!("void (() => {{ {choose} }})()")).await;
    // An event may have several lines of text.
    wait_for_text(&page, "#log .failure", "no answer\n  caused by: connection refused\n  caused by").await;
    assert_eq!(page.evaluate("document.querySelectorAll('#log li:not(.failure)').length").await, 0);
    assert_no_error_and_no_overflow(&mut page).await;
}
