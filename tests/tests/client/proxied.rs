//! Requests through an HTTP proxy: tunnels for `https`, full URLs for `http`, and where the proxy's credentials are
//! sent.

use std::sync::{Arc, Mutex};

use sse_typed::client::{HyperClient, HyperClientBuilder};
use sse_typed::testing::{Answer, ScriptedServer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::tls_settings::{Authority, ask};

/// `user:pa ss@word`, which a URL percent-encodes.
const CREDENTIALS: &str = "Basic dXNlcjpwYSBzc0B3b3Jk";

/// A proxy that accepts one user.
struct Proxy {
    port: u16,
    /// The heads of its requests.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Responds to forwarded requests with `answer`.
    async fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, heads) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
        let recorded = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Self::serve(client, answer.clone(), Arc::clone(&recorded)));
            }
        });
        Self { port, heads }
    }

    async fn serve(mut client: TcpStream, answer: String, heads: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        heads.lock().unwrap().push(head.clone());
        if !head.contains(&format!("proxy-authorization: {}\r\n", CREDENTIALS.to_ascii_lowercase())) {
            return client.write_all(b"HTTP/1.1 407 Who?\r\ncontent-length: 0\r\n\r\n").await;
        }
        match head.strip_prefix("connect ").and_then(|rest| rest.split_once(' ')) {
            Some((server, _)) => {
                let mut server = TcpStream::connect(server).await?;
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
                copy_bidirectional(&mut client, &mut server).await.map(drop)
            }
            None => client.write_all(answer.as_bytes()).await,
        }
    }

    fn client(&self) -> HyperClientBuilder {
        HyperClient::builder().proxy(format!("http://user:pa%20ss%40word@127.0.0.1:{}", self.port))
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn events(data: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {data}\n\n")
}

#[tokio::test]
async fn requests_for_http_urls_send_the_full_url_to_the_proxy() {
    let proxy = Proxy::start(events("forwarded")).await;
    // Only the proxy can resolve that host.
    let data = ask(proxy.client(), "http://feed.invalid/events?of=today").await.unwrap();
    assert_eq!(data, "forwarded");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("get http://feed.invalid/events?of=today http/1.1\r\n"), "{heads:?}");
    assert_eq!((heads.len(), heads[0].matches("proxy-authorization").count()), (1, 1));
}

#[tokio::test]
async fn requests_for_https_urls_use_a_tunnel_and_carry_nothing_of_the_proxy_to_the_server() {
    let authority = Authority::new();
    let server = format!("localhost:{}", authority.serve(None).await);
    let proxy = Proxy::start(String::new()).await;
    let builder = proxy.client().add_root_certificate_pem(authority.pem()).only_these_roots();
    assert_eq!(ask(builder, &format!("https://{server}/")).await.unwrap(), "HTTP/2.0 []");
    let heads = proxy.heads();
    assert!(heads.len() == 1 && heads[0].starts_with(&format!("connect {server} http/1.1\r\n")), "{heads:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error() {
    let proxy = Proxy::start(String::new()).await;
    let stranger = || HyperClient::builder().proxy(format!("http://user:secret@127.0.0.1:{}", proxy.port));
    let error = ask(stranger(), "http://feed.invalid/").await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(407));
    let error = ask(stranger(), "https://feed.invalid/").await.unwrap_err();
    assert!(error.is_request() && error.is_fatal(), "{error:?}");
    let expected = "the request cannot be sent: the proxy refused the credentials (407 Proxy Authentication Required)";
    assert_eq!(error.to_string(), expected);
    assert!(!format!("{error:?}").contains("secret"));

    // No server listens there.
    for url in ["http://feed.invalid/", "https://feed.invalid/"] {
        let error = ask(HyperClient::builder().proxy("http://127.0.0.1:1"), url).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
}

#[tokio::test]
async fn requests_to_excluded_servers_use_neither_the_proxy_nor_its_credentials() {
    let server = ScriptedServer::new([Answer::stream().send("data: direct\n\n")]).listen().await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", server.url("/"));
    let proxy = Proxy::start(redirect).await;
    let data = ask(proxy.client().no_proxy("127.0.0.1, .internal"), "http://feed.invalid/").await.unwrap();
    assert_eq!(data, "direct");
    assert_eq!((proxy.heads().len(), server.requests().len()), (1, 1));
    assert_eq!(server.requests()[0].header("proxy-authorization"), None);
}

#[test]
fn an_invalid_proxy_url_is_an_error_that_does_not_show_it() {
    for (url, expected) in [
        ("", "is malformed"),
        ("http://user:sec ret@host", "is malformed"),
        ("http://user:sec/ret@host", "has no valid port"),
        ("http://user:sec@ret@host", "is malformed"),
        ("http://user:secret@host:99999", "has no valid port"),
        ("http://user:secret@[::1]:", "has no valid port"),
        ("secret:3128", "does not begin with `http://`"),
        ("user:secret@host:3128", "does not begin with `http://`"),
        ("https://user:secret@host", "does not begin with `http://`"),
        ("socks5://user:secret@host", "does not begin with `http://`"),
        ("http://user:secret@", "is malformed"),
        ("http://user:secret@:3128", "has no host"),
        ("http://user:1/secret@host", "has a path or a query"),
        ("http://host?secret", "has a path or a query"),
    ] {
        let builder = HyperClient::builder().proxy(url);
        let shown = format!("{builder:?}");
        let error = builder.build().unwrap_err();
        assert!(error.to_string().contains(expected), "{url}: {error}");
        for text in [shown, error.to_string(), format!("{error:?}")] {
            assert!(!["secret", "sec/", "sec ", "sec@"].iter().any(|secret| text.contains(secret)), "{text}");
        }
    }
    for url in ["http://host", "http://host/", "http://[::1]:3128", "http://user@host:80"] {
        assert!(HyperClient::builder().proxy(url).build().is_ok(), "{url}");
    }
}

#[tokio::test]
async fn the_proxy_does_not_receive_the_user_of_a_url() {
    let proxy = Proxy::start(events("forwarded")).await;
    ask(proxy.client(), "http://me:hidden@feed.invalid/events").await.unwrap();
    let heads = proxy.heads();
    assert!(heads[0].starts_with("get http://feed.invalid/events http/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("\r\nauthorization: basic bwu6aglkzgvu\r\n") && !heads[0].contains('@'), "{heads:?}");
}

#[tokio::test]
async fn the_proxy_does_not_receive_the_user_of_a_redirects_location() {
    let proxy = Proxy::start(
        "HTTP/1.1 302 Found\r\nlocation: http://me:hidden@other.invalid/\r\ncontent-length: 0\r\n\r\n".to_owned(),
    )
    .await;
    let error = ask(proxy.client(), "http://feed.invalid/").await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(302));
    let heads = proxy.heads();
    assert!(heads[1].starts_with("get http://other.invalid/ http/1.1\r\n"), "{heads:?}");
    assert!(!heads.concat().contains("hidden") && !heads.concat().contains("\r\nauthorization"), "{heads:?}");
}

#[tokio::test]
async fn reqwests_proxy_does_not_receive_the_user_of_a_url() {
    let proxy = Proxy::start(events("forwarded")).await;
    let through = reqwest::Proxy::all(format!("http://user:pa%20ss%40word@127.0.0.1:{}", proxy.port)).unwrap();
    let client = sse_typed::Client::reqwest(reqwest::Client::builder().proxy(through).build().unwrap());
    drop(client.get("http://me:hidden@feed.invalid/events").send::<sse_typed::RawEvent>().await.unwrap());
    let heads = proxy.heads();
    assert!(heads[0].starts_with("get http://feed.invalid/events http/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("\r\nauthorization: basic bwu6aglkzgvu\r\n"), "{heads:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_the_credentials_receives_one_request_whatever_the_scheme() {
    use sse_typed::{Client, RawEvent, client::ReconnectPolicy};
    let mut request_counts = Vec::new();
    for url in ["http://feed.invalid/", "https://feed.invalid/"] {
        let proxy = Proxy::start(String::new()).await;
        let hyper =
            HyperClient::builder().proxy(format!("http://user:wrong@127.0.0.1:{}", proxy.port)).build().unwrap();
        let policy = ReconnectPolicy::new().base(std::time::Duration::from_millis(100)).jitter(0.0).max_attempts(4);
        let mut source = Client::from(hyper).get(url).reconnect(policy).connect::<RawEvent>();
        assert!(source.next().await.unwrap().is_err());
        request_counts.push(proxy.heads().len());
    }
    assert_eq!(request_counts, [1, 1]);
}
