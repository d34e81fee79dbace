use super::*;
use crate::hub::store::event_store::EventStore;

#[tokio::test(start_paused = true)]
async fn removed_runs_take_no_memory() {
    let store = MemoryStore::default();
    let second = Duration::from_secs(1);
    let last = Block::new("data: last\n\n", true).unwrap();
    for n in 0..1_000 {
        let key = n.to_string();
        let Claimed::Started(record) = store.claim(&key, &NewRun::new("a", second, second)).await.unwrap() else {
            panic!("the key is free")
        };
        if n % 2 == 0 {
            store.end(&record.run, &last, End::Complete).await.unwrap();
        }
    }
    assert_eq!(store.shared.with_runs(|runs| runs.counts()), (1_000, 1_000));
    tokio::time::advance(3 * second).await;
    assert_eq!(store.find("999").await.unwrap(), None, "it is not found before it is removed");
    for _ in 0..300 {
        assert_eq!(store.find("another").await.unwrap(), None);
    }
    assert_eq!(store.shared.with_runs(|runs| runs.counts()), (0, 0));
    assert_eq!(store.shared.lock().by_name.len(), 0);
    assert!(store.health().is_up());
}

#[tokio::test]
async fn an_owner_that_appends_after_its_run_was_removed_leaves_nothing() {
    use crate::hub::log::{AppendError, EventLog};

    let store = MemoryStore::default();
    let block = Block::new("data: 1\n\n", false).unwrap();
    let new = NewRun::new("a", Duration::from_secs(60), Duration::ZERO);
    let Claimed::Started(record) = store.claim("k", &new).await.unwrap() else { panic!("the key is free") };
    let log = store.run_log(&record.run, &LogOptions::new().sole_writer());
    store.abandon(&record.run, &block);
    assert_eq!(store.find("k").await.unwrap(), None);
    let refused = log.append(&block).await;
    assert!(matches!(&refused, Err(AppendError::Failed(error)) if error.is_second_writer()), "{refused:?}");
    drop(log);
    assert_eq!(store.shared.lock().by_name.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_before_its_lease_is_removed_when_it_is_kept_no_longer() {
    let store = MemoryStore::default();
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
    let last = Block::new("data: last\n\n", true).unwrap();
    for n in 0..10 {
        let new = NewRun::new("a", hour, second);
        let Claimed::Started(record) = store.claim(&n.to_string(), &new).await.unwrap() else { panic!("it is new") };
        match n {
            0 => {}
            1 => store.release(&record.run).await.unwrap(),
            _ => drop(store.end(&record.run, &last, End::Complete).await.unwrap()),
        }
    }
    tokio::time::advance(2 * second).await;
    for _ in 0..10 {
        assert_eq!(store.find("another").await.unwrap(), None);
    }
    assert_eq!(store.shared.with_runs(|runs| runs.counts()), (1, 1), "one still runs");
}
