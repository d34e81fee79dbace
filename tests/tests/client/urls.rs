//! The error of an invalid URL names it and shows the expected form.

use sse_typed::{
    Client, RawEvent,
    client::{HttpService, RequestBuilder},
    testing::ScriptedServer,
};

async fn error_message<S: HttpService>(request: RequestBuilder<S>) -> String {
    let error = request.connect::<RawEvent>().next().await.unwrap().unwrap_err();
    assert!(error.is_request() && error.is_fatal());
    error.to_string()
}

#[tokio::test]
async fn the_error_of_an_invalid_url_names_it_and_shows_the_expected_form() {
    for (url, expected) in [
        ("localhost:3000/feed", "`localhost:3000/feed` is not a URL such as `http://host/path`: invalid format"),
        ("http://a b/?token=1", "`http://a b/..` is not a URL such as `http://host/path`: invalid uri character"),
        ("", "`` is not a URL such as `http://host/path`: empty string"),
        ("localhost:3000", "`localhost:3000` is not an absolute URL such as `http://host/path`"),
        ("/feed?token=1", "`/feed..` is not an absolute URL such as `http://host/path`"),
    ] {
        let expected = format!("the request cannot be sent: {expected}");
        assert_eq!(error_message(Client::hyper().get(url)).await, expected);
        assert_eq!(error_message(Client::hyper().post(url.to_owned())).await, expected);
        assert_eq!(error_message(Client::reqwest(reqwest::Client::new()).get(url)).await, expected);
    }
}

#[tokio::test]
async fn a_source_with_an_invalid_url_sends_no_request_whatever_the_command() {
    let service = ScriptedServer::new([]);
    let get = || Client::new(service.clone()).get("http://a b/").connect::<RawEvent>();
    let mut source = get();
    source.handle().restart();
    assert!(source.next().await.unwrap().unwrap_err().is_request());
    assert!(source.next().await.is_none());
    // It does not count as open.
    assert!(get().opened().await.unwrap_err().is_request());
    assert!(service.requests().is_empty());
}
