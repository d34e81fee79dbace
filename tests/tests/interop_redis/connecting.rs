//! What `connect` refuses, and what it says.

use std::time::Duration;

use redis::Value;
use sse_typed::{
    event::GapReason,
    hub::{AppendError, EventLog, EventStore, StoreState},
    stores::{RedisError, RedisStore},
};

use crate::{
    common::{Reader, append_at_last, block, store, until_up, within},
    server::{Server, found, not_run},
};

async fn refused(server: &Server, user: &str, password: &str) -> RedisError {
    RedisStore::builder(&server.url()).user(user).password(password).connect().await.unwrap_err()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_wrong_or_missing_password_is_refused_by_name() {
    if !found("a_wrong_or_missing_password_is_refused_by_name") {
        return;
    }
    let server = Server::start_with(&["--requirepass", "open sesame"]);
    let error = RedisStore::connect(&server.url()).await.unwrap_err();
    assert!(error.is_login_refused(), "{error:?}");
    let error = RedisStore::builder(&server.url()).password("wrong").connect().await.unwrap_err();
    assert!(error.is_login_refused(), "{error:?}");
    assert!(!format!("{error:?}").contains("wrong "), "{error:?}");
    let store = RedisStore::builder(&server.url()).password("open sesame").connect().await.unwrap();
    store.log("rides").append(&block(0)).await.unwrap();
    assert!(!format!("{store:?}").contains("sesame"));
    let url = server.url().replace("redis://", "redis://:open%20sesame@");
    RedisStore::connect(&url).await.unwrap();
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_user_and_a_password_of_any_characters_log_in_and_are_in_no_text() {
    if !found("a_user_and_a_password_of_any_characters_log_in_and_are_in_no_text") {
        return;
    }
    let server = Server::start();
    let (user, password) = ("u@x:é", "p@:/?#[]%41 é\"'+&");
    let _: Value = server.run(&["ACL", "SETUSER", user, "on", &format!(">{password}"), "~*", "&*", "+@all"]);
    let store = RedisStore::builder(&server.url()).user(user).password(password).connect().await.unwrap();
    assert!(!format!("{store:?}").contains("p@"), "{store:?}");
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let login = format!("redis://{}:{}@", encode(user), encode(password));
    let url = server.url().replace("redis://", &login) + "/3";
    let store = RedisStore::connect(&url).await.unwrap();
    store.log("rides").append(&block(0)).await.unwrap();
    assert!(!format!("{store:?} {:?}", RedisStore::builder(&url)).contains("p@"), "{store:?}");
    let error = RedisStore::connect(&url.replace("%2B", "%2C")).await.unwrap_err();
    assert!(error.is_login_refused(), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("p@"), "{error:?}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_right_that_the_user_lacks_is_named() {
    if !found("a_right_that_the_user_lacks_is_named") {
        return;
    }
    let server = Server::start();
    let commands = "+eval +evalsha +xadd +xrange +xrevrange +xlen +xtrim +time +pexpire +unlink +publish +subscribe \
                    +unsubscribe +ping +hello +select";
    let user = |name: &str, rules: &str| {
        let rules: Vec<_> = ["ACL", "SETUSER", name, "on", ">pw", "resetchannels"]
            .into_iter()
            .chain(rules.split_whitespace())
            .collect();
        let _: Value = server.run(&rules);
    };
    user("enough", &format!("~sse:* &sse:* {commands}"));
    let store = RedisStore::builder(&server.url()).user("enough").password("pw").connect().await.unwrap();
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    reader.follow_to(&log, 0).await;
    log.before_last(1).await.unwrap();
    store.remove("rides").await.unwrap();

    for (lacks, named) in [
        ("-eval", "EVAL"),
        ("-evalsha", "EVALSHA"),
        ("-publish", "PUBLISH"),
        ("-xadd", "XADD"),
        ("-xrange", "XRANGE"),
        ("-xtrim", "XTRIM"),
        ("-pexpire", "PEXPIRE"),
        ("-unlink", "UNLINK"),
        ("-subscribe", "SUBSCRIBE"),
    ] {
        user("lacking", &format!("reset on >pw resetchannels ~sse:* &sse:* {commands} {lacks}"));
        let error = refused(&server, "lacking", "pw").await;
        assert!(error.is_missing_right(), "{lacks}: {error:?}");
        assert!(error.to_string().contains(named), "{lacks}: {error}");
    }
    user("lacking", &format!("reset on >pw resetchannels ~sse:* {commands}"));
    let error = refused(&server, "lacking", "pw").await;
    assert!(error.is_missing_right() && error.to_string().contains("channel"), "no channel: {error}");
    user("lacking", &format!("reset on >pw resetchannels ~other:* &sse:* {commands}"));
    let error = refused(&server, "lacking", "pw").await;
    assert!(error.is_missing_right() && error.to_string().contains("key"), "no key: {error}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_cluster_is_refused() {
    if !found("a_cluster_is_refused") {
        return;
    }
    let server = Server::start_with(&["--cluster-enabled", "yes"]);
    let error = RedisStore::connect(&server.url()).await.unwrap_err();
    assert!(error.is_unsupported_server() && error.to_string().contains("Cluster"), "{error}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_server_that_does_not_answer_is_not_waited_for_without_end() {
    if !found("a_server_that_does_not_answer_is_not_waited_for_without_end") {
        return;
    }
    let server = Server::start();
    server.pause();
    let builder = RedisStore::builder(&server.url()).connect_timeout(Duration::from_millis(200));
    let error = builder.connect().await.unwrap_err();
    assert!(error.is_timeout() && error.is_unreachable(), "{error:?}");
    server.resume();
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn after_a_fail_over_that_lost_the_tail_the_lost_events_are_one_gap() {
    if !found("after_a_fail_over_that_lost_the_tail_the_lost_events_are_one_gap") {
        return;
    }
    let primary = Server::start();
    let replica = Server::start();
    let port = primary.port().to_string();
    let _: Value = replica.run(&["REPLICAOF", "127.0.0.1", &port]);
    let old = store(&primary).await;
    let log = old.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..5 {
        log.append(&block(n)).await.unwrap();
    }
    reader.read_all(&log).await;
    within(async {
        while replica.try_run(&["XLEN", "sse:rides"]) != Ok(5) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // A replica is refused for as long as it is one.
    let error = RedisStore::connect(&replica.url()).await.unwrap_err();
    assert!(error.is_read_only(), "{error:?}");
    let new = RedisStore::connect_lazy(&replica.url()).unwrap();
    let mut health = new.health();
    while !matches!(health.state(), StoreState::Away { error, .. } if error.to_string().contains("replica")) {
        health.changed().await;
    }
    // The old primary goes on for a moment: what it acknowledges now is lost.
    let _: Value = replica.run(&["REPLICAOF", "NO", "ONE"]);
    for n in 5..8 {
        log.append(&block(n)).await.unwrap();
    }
    reader.read_all(&log).await;
    drop((old, log, primary));
    until_up(&new, true).await;
    let log = new.log("rides");
    append_at_last(&log, 8).await;
    reader.read_all(&log).await;
    assert_eq!(reader.gaps.len(), 1, "{:?}", reader.gaps);
    assert_eq!(reader.gaps[0].gap.reason, GapReason::UnknownId);
    // Behind the gap comes all that is retained.
    assert_eq!(reader.seen, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 8]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_server_that_becomes_a_replica_is_away_until_it_is_a_primary_again() {
    if !found("a_server_that_becomes_a_replica_is_away_until_it_is_a_primary_again") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    log.append(&block(0)).await.unwrap();
    let _: Value = server.run(&["REPLICAOF", "127.0.0.1", "1"]);
    match log.append(&block(1)).await {
        Err(AppendError::Failed(error)) => assert!(error.is_read_only(), "{error:?}"),
        outcome => panic!("{outcome:?}"),
    }
    until_up(&store, false).await;
    let _: Value = server.run(&["REPLICAOF", "NO", "ONE"]);
    until_up(&store, true).await;
    append_at_last(&log, 2).await;
    let mut reader = Reader::at(log.before_last(9).await.unwrap());
    reader.read_all(&log).await;
    assert_eq!((reader.seen, reader.gaps), (vec![0, 2], Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn tls_is_spoken_to_a_server_whose_certificate_is_trusted() {
    if !found("tls_is_spoken_to_a_server_whose_certificate_is_trusted") {
        return;
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let folder = std::env::temp_dir().join(format!("sse-typed-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate_path, key_path) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate_path, certificate.pem()).unwrap();
    std::fs::write(&key_path, key.serialize_pem()).unwrap();
    let tls_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (certificate_path, key_path) = (certificate_path.to_str().unwrap(), key_path.to_str().unwrap());
    let server = Server::try_start_with(&[
        "--tls-port",
        &tls_port.to_string(),
        "--tls-cert-file",
        certificate_path,
        "--tls-key-file",
        key_path,
        "--tls-auth-clients",
        "no",
    ]);
    // The Valkey that xtask installs was built without TLS.
    let Some(server) = server else {
        return not_run("tls_is_spoken_to_a_server_whose_certificate_is_trusted", "a redis-server with TLS");
    };
    let url = format!("rediss://localhost:{tls_port}");
    let error = RedisStore::connect(&url).await.unwrap_err();
    assert!(error.is_unreachable(), "the platform does not trust it: {error:?}");
    let other_name = format!("rediss://127.0.0.1:{tls_port}");
    let error = RedisStore::builder(&other_name).root_certificates_pem(certificate.pem()).connect().await.unwrap_err();
    assert!(error.is_unreachable(), "the certificate is of another name: {error:?}");
    let store = RedisStore::builder(&url).root_certificates_pem(certificate.pem()).connect().await.unwrap();
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    reader.follow_to(&log, 0).await;
    let error = RedisStore::builder(&url).root_certificates_pem("nothing").connect().await.unwrap_err();
    assert!(error.is_invalid_settings(), "{error:?}");
    drop(server);
    std::fs::remove_dir_all(folder).unwrap();
}
