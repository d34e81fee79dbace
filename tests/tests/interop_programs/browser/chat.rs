//! The page of the chat, as its users see it.

use std::{env, fs, process};

use super::{
    chromium::{Browser, Page, browser_found},
    example::Example,
    pages::{PHONE, SMALL_PHONE, assert_no_error_and_no_overflow, text, wait_for_text},
};

async fn ask(page: &Page, question: &str) {
    page.evaluate(&format!(
        "void (document.querySelector('#question').value = {question:?}, document.querySelector('#ask').requestSubmit())"
    ))
    .await;
}

/// The answer to the last question.
const LAST: &str = ".exchange:last-child";

async fn wait_for_state(page: &Page, state: &str) {
    page.wait_until(&format!("document.querySelector({LAST:?})?.dataset.state === {state:?}")).await;
}

async fn click(page: &Page, button: &str) {
    page.evaluate(&format!("void document.querySelector('{LAST} {button}').click()")).await;
}

async fn answer(page: &Page) -> String {
    text(page, &format!("{LAST} .answer")).await
}

/// Waits until the last answer has this many characters.
async fn wait_for_length(page: &Page, length: usize) {
    page.wait_until(&format!("document.querySelector('{LAST} .answer')?.textContent.length >= {length}")).await;
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn an_answer_outlives_its_page_and_is_stopped_and_lost_in_every_tab() {
    if !browser_found("an_answer_outlives_its_page_and_is_stopped_and_lost_in_every_tab") {
        return;
    }
    let folder = env::temp_dir().join(format!("sse-typed-chat-{}", process::id()));
    drop(fs::remove_dir_all(&folder));
    let store = format!("file:{}", folder.display());
    let mut server = Example::start(env!("CARGO_BIN_EXE_resumable_chat"), &["--pace", "25", "--store", &store]).await;
    let url = format!("http://{}/", server.address());
    let browser = Browser::start();
    let mut page = browser.open_as(&url, PHONE).await;
    page.wait_until("document.querySelector('#empty')").await;

    // The page is reloaded in the middle of an answer, and a second tab reads it from the beginning.
    ask(&page, "How does a stream resume?").await;
    wait_for_length(&page, 60).await;
    page.evaluate("void location.reload()").await;
    wait_for_state(&page, "streaming").await;
    let mut tab = browser.open_as(&url, SMALL_PHONE).await;
    for page in [&page, &tab] {
        wait_for_state(page, "done").await;
        wait_for_text(page, &format!("{LAST} .note"), "89 words in").await;
    }
    let whole = answer(&page).await;
    assert!(whole.starts_with("How a stream resumes") && whole.ends_with("a second reader gets all of it."), "{whole}");
    assert_eq!(answer(&tab).await, whole);

    // The other tab shows a new question by itself, and stops its answer.
    ask(&page, "Write a long answer").await;
    tab.wait_until("document.querySelectorAll('.exchange').length === 2").await;
    wait_for_length(&tab, 60).await;
    click(&tab, ".stop").await;
    for page in [&page, &tab] {
        wait_for_state(page, "stopped").await;
    }
    assert_eq!(answer(&page).await, answer(&tab).await);

    // The server dies in the middle of the answer. The one that is started on its store tells that the answer is lost.
    click(&page, ".again").await;
    wait_for_state(&page, "streaming").await;
    wait_for_length(&page, 60).await;
    server.kill().await;
    wait_for_state(&page, "reconnecting").await;
    server.restart().await;
    wait_for_state(&page, "lost").await;
    click(&page, ".again").await;
    wait_for_state(&page, "streaming").await;
    wait_for_length(&page, 200).await;
    click(&page, ".stop").await;
    wait_for_state(&page, "stopped").await;

    ask(&page, "Please fail").await;
    wait_for_state(&page, "failed").await;
    wait_for_text(&page, &format!("{LAST} .note"), "the model is overloaded").await;
    assert_no_error_and_no_overflow(&mut page).await;
    assert_no_error_and_no_overflow(&mut tab).await;
    drop((page, tab, browser, server));
    fs::remove_dir_all(folder).unwrap();
}
