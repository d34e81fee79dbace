//! The pages of the examples, as their users see them.

use std::{env, fs, process};

use serde_json::{Value, json};

use super::{
    chromium::{Browser, Page, Viewport, browser_found},
    example::Example,
};
use crate::server::Server;

pub(super) const PHONE: Viewport = Viewport { width: 390, height: 844, dark: true };

/// The page of the shop with an `EventSource` for each stream, and with `fetch`.
const TRANSPORTS: [&str; 2] = ["/", "/?transport=fetch"];

pub(super) const SMALL_PHONE: Viewport = Viewport { width: 320, height: 640, dark: false };

pub(super) async fn text(page: &Page, selector: &str) -> String {
    let text = page.evaluate(&format!("document.querySelector({selector:?}).textContent")).await;
    text.as_str().unwrap().to_owned()
}

/// Waits until an element of the page shows this among other text.
pub(super) async fn wait_for_text(page: &Page, selector: &str, text: &str) {
    page.wait_until(&format!("document.querySelector({selector:?})?.textContent.includes({text:?})")).await;
}

/// Asserts that no error was thrown, and that the page does not scroll sideways.
pub(super) async fn assert_no_error_and_no_overflow(page: &mut Page) {
    assert_eq!(page.unread(), [Value::Null; 0]);
    let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(page.evaluate(wider).await, false);
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_dashboard_plots_readings_and_shows_a_gap_after_a_restart() {
    if !browser_found("the_dashboard_plots_readings_and_shows_a_gap_after_a_restart") {
        return;
    }
    let mut dashboard = Example::start(env!("CARGO_BIN_EXE_dashboard"), &[]).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&format!("http://{}/", dashboard.address()), PHONE).await;
    wait_for_text(&page, "#state", "Live").await;
    wait_for_text(&page, "#cpu-now", "%").await;
    wait_for_text(&page, "#memory-now", "iB of").await;
    wait_for_text(&page, "#about", "cores").await;
    wait_for_text(&page, "#wire", "event: load").await;
    page.wait_until("document.querySelectorAll('#cpu path').length === 2").await;
    assert_no_error_and_no_overflow(&mut page).await;
    let last = text(&page, "#id").await;

    dashboard.kill().await;
    wait_for_text(&page, "#state", "Reconnecting").await;
    wait_for_text(&page, "#notice", "Connection lost").await;
    dashboard.restart().await;
    wait_for_text(&page, "#notice", "the server was restarted").await;
    wait_for_text(&page, "#state", "Live").await;
    let epoch = last.split_once('-').unwrap().0.to_owned();
    page.wait_until(&format!("!document.querySelector('#id').textContent.startsWith({epoch:?})")).await;
    // The plots do not draw a line over the missing events.
    page.wait_until("document.querySelectorAll('.plot .gap').length === 4").await;
    assert_no_error_and_no_overflow(&mut page).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn an_order_is_tracked_to_its_delivery_over_a_lost_connection() {
    if !browser_found("an_order_is_tracked_to_its_delivery_over_a_lost_connection") {
        return;
    }
    for path in TRANSPORTS {
        assert_an_order_is_tracked(path).await;
    }
}

async fn assert_an_order_is_tracked(path: &str) {
    let shop = Example::start(env!("CARGO_BIN_EXE_notifications"), &["--pace", "500"]).await;
    let mut between = Server::in_front_of(shop.address()).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&between.url(path), PHONE).await;
    wait_for_text(&page, "#no-orders:not([hidden])", "No orders yet").await;
    assert_eq!(page.evaluate("document.querySelector('#updates-title').hidden").await, true, "it has no items yet");
    page.evaluate("void document.querySelector('#order-form button').click()").await;
    wait_for_text(&page, ".order .done[data-step=packed]", "").await;
    // The server continues the order while the page is disconnected.
    between.kill().await;
    wait_for_text(&page, ".order .pill", "Reconnecting").await;
    between.restart().await;
    wait_for_text(&page, ".order .now", "Left with").await;
    wait_for_text(&page, ".order .pill", "Ended").await;
    assert_eq!(page.evaluate("document.querySelectorAll('.order .steps .done').length").await, 4);
    let updates =
        "[...document.querySelectorAll('#updates li')].map((item) => item.lastChild.textContent.split(': ')[1])";
    let steps = ["Left with the neighbour's cat", "Handed over to Kiwi Express", "Packed", "Accepted by the shop"];
    assert_eq!(page.evaluate(updates).await, Value::from(&steps[..]), "each step is announced once");
    assert_no_error_and_no_overflow(&mut page).await;

    // A page that is loaded again shows all steps.
    page.evaluate("void location.reload()").await;
    wait_for_text(&page, ".order .pill", "Ended").await;
    assert_eq!(page.evaluate(updates).await, Value::from(&steps[..]));
    assert_no_error_and_no_overflow(&mut page).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn the_log_keeps_its_lines_shows_a_gap_and_filters_by_level() {
    if !browser_found("the_log_keeps_its_lines_shows_a_gap_and_filters_by_level") {
        return;
    }
    for path in TRANSPORTS {
        assert_the_log_keeps_its_lines(path).await;
    }
}

async fn assert_the_log_keeps_its_lines(path: &str) {
    let mut shop = Example::start(env!("CARGO_BIN_EXE_notifications"), &["--pace", "800"]).await;
    let browser = Browser::start();
    let mut page = browser.open(&format!("http://{}{path}", shop.address())).await;
    wait_for_text(&page, "#log .info", "the server is started").await;
    page.evaluate("void document.querySelector('#order-form button').click()").await;
    wait_for_text(&page, "#log", "order 1042").await;
    assert_eq!(page.evaluate("document.querySelectorAll('#log .gap').length").await, 0);

    shop.kill().await;
    wait_for_text(&page, "#log-state", "Reconnecting").await;
    shop.restart().await;
    wait_for_text(&page, "#log .gap", "lines are missing here: the server was restarted").await;
    wait_for_text(&page, "#log .gap ~ .info", "").await;
    // The orders were in the memory of the killed process.
    wait_for_text(&page, ".order .now", "The server was restarted and no longer has this order").await;
    assert_eq!(text(&page, ".order .pill").await, "Unavailable");
    assert_eq!(page.evaluate("sessionStorage.getItem('orders')").await, "[]");

    let choose = "const level = document.querySelector('#level'); level.value = 'failure'; level.dispatchEvent(new Event('change'))";
    page.evaluate(&format!("void (() => {{ {choose} }})()")).await;
    // An event holds several lines of text.
    wait_for_text(&page, "#log .failure", "does not respond\n  caused by: connection refused\n  caused by").await;
    assert_eq!(page.evaluate("document.querySelectorAll('#log li:not(.failure)').length").await, 0);
    assert_no_error_and_no_overflow(&mut page).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn an_open_page_receives_each_step_and_each_line_once_over_a_server_that_is_killed() {
    if !browser_found("an_open_page_receives_each_step_and_each_line_once_over_a_server_that_is_killed") {
        return;
    }
    let folder = env::temp_dir().join(format!("sse-typed-shop-{}", process::id()));
    let store = format!("file:{}", folder.display());
    let mut shop = Example::start(env!("CARGO_BIN_EXE_notifications"), &["--pace", "500", "--store", &store]).await;
    let url = format!("http://{}/", shop.address());
    let browser = Browser::start();
    let mut page = browser.open(&url).await;
    page.evaluate("void document.querySelector('#order-form button').click()").await;
    wait_for_text(&page, ".order .done[data-step=packed]", "").await;

    shop.kill().await;
    wait_for_text(&page, "#log-state", "Reconnecting").await;
    wait_for_text(&page, ".order .pill", "Reconnecting").await;
    shop.restart().await;
    wait_for_text(&page, "#log", "order 1042 continues after a restart of the server").await;
    wait_for_text(&page, ".order .now", "Left with").await;
    wait_for_text(&page, ".order .pill", "Ended").await;
    let updates =
        "[...document.querySelectorAll('#updates li')].map((item) => item.lastChild.textContent.split(': ')[1])";
    let steps = ["Left with the neighbour's cat", "Handed over to Kiwi Express", "Packed", "Accepted by the shop"];
    assert_eq!(page.evaluate(updates).await, Value::from(&steps[..]), "each step is announced once");

    // A page that was opened later receives the lines in one piece.
    let later = browser.open(&url).await;
    wait_for_text(&later, "#log", "order 1042 is delivered").await;
    let lines = "[...document.querySelectorAll('#log li')].map((line) => line.textContent)";
    let received = page.evaluate(lines).await.as_array().unwrap().clone();
    later.wait_until(&format!("document.querySelectorAll('#log li').length >= {}", received.len())).await;
    let in_one_piece = later.evaluate(lines).await.as_array().unwrap().clone();
    assert_eq!(received, in_one_piece[..received.len()]);
    let starts = received.iter().filter(|line| line.as_str().unwrap().contains("the server is started"));
    assert_eq!(starts.count(), 2);
    assert_eq!(page.evaluate("document.querySelectorAll('#log .gap').length").await, 0);
    assert_no_error_and_no_overflow(&mut page).await;

    // An order that is placed now has a number of its own.
    page.evaluate("void document.querySelector('#order-form button').click()").await;
    wait_for_text(&page, "#log", "order 1043: ").await;
    shop.kill().await;
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn chosen_prices_arrive_on_one_stream_that_resumes_every_symbol_after_a_cut() {
    if !browser_found("chosen_prices_arrive_on_one_stream_that_resumes_every_symbol_after_a_cut") {
        return;
    }
    let mut market = Example::start(env!("CARGO_BIN_EXE_prices"), &[]).await;
    let mut between = Server::in_front_of(market.address()).await;
    let browser = Browser::start();
    let mut page = browser.open_as(&between.url("/?symbols=gold,diesel"), SMALL_PHONE).await;

    // The snapshot of each symbol has two minutes of prices, before the first new one.
    wait_for_text(&page, "#snapshots", "2").await;
    let drawn = |symbol: &str| format!("section[data-symbol={symbol}] .plot path:not(.area)");
    let points =
        |symbol: &str| format!("document.querySelector({:?})?.getAttribute('d').split('L').length", drawn(symbol));
    page.wait_until(&format!("{} > 200 && {} > 70", points("gold"), points("diesel"))).await;
    page.wait_until("Number(document.querySelector('#prices').textContent) > 2").await;
    for card in ["gold", "diesel"] {
        page.wait_until(&format!(
            "document.querySelector('section[data-symbol={card}] .change').textContent.includes('%')"
        ))
        .await;
    }

    // Nothing has moved since the page began to load.
    let observe = "void new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({ value }) => value)))
        .observe({ type: 'layout-shift', buffered: true })";
    page.evaluate(&format!("void (globalThis.shifts = []), {observe}")).await;
    page.wait_until("Number(document.querySelector('#prices').textContent) > 5").await;
    assert_eq!(page.evaluate("shifts").await, json!([]));

    // A new symbol begins with a snapshot. Those that were chosen before resume without one.
    page.evaluate("void document.querySelector('button[data-symbol=lumen]').click()").await;
    wait_for_text(&page, "#snapshots", "3").await;
    page.wait_until(&format!("{} > 200", points("lumen"))).await;
    page.evaluate("void document.querySelector('button[data-symbol=diesel]').click()").await;
    assert_eq!(
        page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.dataset.symbol).join()").await,
        "gold,lumen"
    );
    assert_eq!(page.evaluate("location.search").await, "?symbols=gold,lumen");
    // One ID has a position in each symbol of the stream.
    page.wait_until("/^\\*gold~[^*]+\\*lumen~[^*]+$/.test(document.querySelector('#id').textContent)").await;
    assert_no_error_and_no_overflow(&mut page).await;

    // The server continues while the page is disconnected.
    page.evaluate("void (shifts.length = 0)").await;
    between.kill().await;
    wait_for_text(&page, "#state", "Reconnecting").await;
    between.restart().await;
    wait_for_text(&page, "#notice", "Connected again: no price is missing").await;
    assert_eq!(text(&page, "#snapshots").await, "3");
    // All prices of the time between are there: gold has one in each half second.
    page.wait_until(&format!("{} >= 240", points("gold"))).await;

    // A server that was restarted does not know the ID, and sends snapshots.
    between.kill().await;
    market.kill().await;
    wait_for_text(&page, "#state", "Reconnecting").await;
    market.restart().await;
    between.restart().await;
    wait_for_text(&page, "#notice", "the server has sent the last two minutes again").await;
    // One for each of the two symbols.
    wait_for_text(&page, "#snapshots", "5").await;
    assert_eq!(page.evaluate("shifts").await, json!([]), "a lost connection moves nothing");
    assert_no_error_and_no_overflow(&mut page).await;

    for symbol in ["gold", "lumen"] {
        page.evaluate(&format!("void document.querySelector('button[data-symbol={symbol}]').click()")).await;
    }
    wait_for_text(&page, "#state", "No stream").await;
    wait_for_text(&page, "#none:not([hidden])", "No symbol is chosen").await;
    assert_no_error_and_no_overflow(&mut page).await;
}
