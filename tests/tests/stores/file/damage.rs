//! A history whose bytes were changed.

use std::time::Duration;

use fastrand::Rng;
use sse_typed::{
    hub::{End, EventLog, EventStore},
    runs::{Claimed, NewRun, RunId, RunRef, RunStore},
    stores::FileStore,
};

use super::{append, block, memory::Disk, retain};

#[tokio::test]
async fn a_damaged_history_is_an_error_and_never_a_panic() {
    let disk = Disk::default();
    let store = FileStore::builder().hooks(disk.hooks()).open("").unwrap();
    for key in ["one", "two", "three"] {
        let log = store.open(key, &retain(100));
        append(&log, 0..200).await;
    }
    store.log("three").close(None, End::Complete).await.unwrap();
    for n in 0..40 {
        let new = NewRun::new("owner", Duration::from_secs(60), Duration::from_secs(60));
        let Claimed::Started(record) = store.claim(&format!("run {n}"), &new).await.unwrap() else {
            panic!("it is free")
        };
        store.end(&record.run, &block(n), End::Complete).await.unwrap();
    }
    store.close().await;

    let mut refused = 0;
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        let damaged = disk.damaged(&mut rng);
        let mut hooks = damaged.hooks();
        // It is not opened again meanwhile.
        hooks.reopen_after = Duration::from_secs(3600);
        let store = match FileStore::builder().hooks(hooks).open("") {
            Ok(store) => store,
            Err(error) => {
                assert!(error.is_corrupt() || error.is_newer_format(), "{error:?}");
                refused += 1;
                continue;
            }
        };
        for key in ["one", "two", "three"] {
            let log = store.log(key);
            // Either may fail, and does not panic. Damage in an event that is still one is not seen.
            let _ = log.read_after("", 1000).await;
            let _ = log.append(&block(7)).await;
        }
        for n in 0..40 {
            let (key, run) = (format!("run {n}"), RunRef::new(format!("run {n}"), RunId::from_u64(n)));
            let _ = store.find(&key).await;
            let _ = store.claim(&key, &NewRun::new("owner", Duration::ZERO, Duration::ZERO)).await;
            let _ = store.end(&run, &block(7), End::Lost).await;
        }
        let _ = store.list("", None, 1000).await;
        let _ = store.sweep().await;
        store.close().await;
    }
    assert!(refused > 0);
}
