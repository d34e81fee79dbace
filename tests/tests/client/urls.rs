//! What is no URL is told by its name, and how one is written.

use sse_typed::{
    Client, RawEvent,
    client::{HttpService, RequestBuilder},
};
use tests::scripted::ScriptedService;

async fn told<S: HttpService>(request: RequestBuilder<S>) -> String {
    let error = request.connect::<RawEvent>().next().await.unwrap().unwrap_err();
    assert!(error.is_request() && error.is_fatal());
    error.to_string()
}

#[tokio::test]
async fn a_url_that_is_none_is_named_with_an_example_of_one() {
    for (url, expected) in [
        ("localhost:3000/feed", "`localhost:3000/feed` is no URL, such as `http://host/path`: invalid format"),
        ("http://a b/?token=1", "`http://a b/..` is no URL, such as `http://host/path`: invalid uri character"),
        ("", "`` is no URL, such as `http://host/path`: empty string"),
        ("localhost:3000", "`localhost:3000` is no absolute URL, such as `http://host/path`"),
        ("/feed?token=1", "`/feed..` is no absolute URL, such as `http://host/path`"),
    ] {
        let expected = format!("the request cannot be sent: {expected}");
        assert_eq!(told(Client::hyper().get(url)).await, expected);
        assert_eq!(told(Client::hyper().post(url.to_owned())).await, expected);
        assert_eq!(told(Client::reqwest(reqwest::Client::new()).get(url)).await, expected);
    }
}

#[tokio::test]
async fn a_source_of_a_url_that_is_none_asks_for_nothing_whatever_it_is_ordered() {
    let service = ScriptedService::new([]);
    let get = || Client::new(service.clone()).get("http://a b/").connect::<RawEvent>();
    let mut source = get();
    source.handle().restart();
    assert!(source.next().await.unwrap().unwrap_err().is_request());
    assert!(source.next().await.is_none());
    // Nor is it open.
    assert!(get().opened().await.unwrap_err().is_request());
    assert!(service.requests().is_empty());
}
