use std::{env, fs, process};

use super::{
    super::{
        Durability,
        engine::{Engine, RUN_EXPIRY, RUNS},
        folder::Folder,
        hooks::Hooks,
        job::transact,
        record::pair,
    },
    *,
};
use crate::hub::EventLog;

/// A folder of the test's own, with an event, that is changed while no store has it open.
async fn changed(test: &str, change: impl FnOnce(&redb::WriteTransaction)) -> (FileStore, std::path::PathBuf) {
    let path = env::temp_dir().join(format!("sse-typed-runs-{test}-{}", process::id()));
    let store = FileStore::open(&path).unwrap();
    store.log("rides").append(&Block::new("data: 1\n\n", false).unwrap()).await.unwrap();
    let new = NewRun::new("owner", Duration::from_secs(60), Duration::from_secs(60));
    store.claim("run", &new).await.unwrap();
    store.close().await;
    let folder = Folder::open(&path).unwrap();
    let engine = Engine::open(&folder, Durability::Os, 0).unwrap();
    let transaction = engine.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
    drop((engine, folder));
    (FileStore::open(&path).unwrap(), path)
}

#[tokio::test]
async fn a_folder_of_a_version_without_runs_is_opened() {
    let (store, path) = changed("old", |transaction| {
        assert!(transaction.delete_table(RUNS).unwrap() && transaction.delete_table(RUN_EXPIRY).unwrap());
    })
    .await;
    assert_eq!(store.list("", None, 9).await.unwrap(), []);
    let new = NewRun::new("owner", Duration::from_secs(60), Duration::from_secs(60));
    assert!(matches!(store.claim("run", &new).await.unwrap(), Claimed::Started(_)));
    let log = store.log("rides");
    let before = log.before_last(9).await.unwrap();
    assert_eq!(log.read_after(before.as_str(), 9).await.unwrap().entries.len(), 1);
    drop((store, log));
    fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_an_error_of_its_key_alone() {
    let (store, path) = changed("newer", |transaction| {
        transaction.open_table(RUNS).unwrap().insert("run", &[2, 0, 0][..]).unwrap();
    })
    .await;
    let new = NewRun::new("owner", Duration::from_secs(60), Duration::from_secs(60));
    let (found, claimed, other) = tokio::join!(store.find("run"), store.claim("run", &new), store.claim("other", &new));
    assert!(found.unwrap_err().is_newer_format());
    assert!(claimed.unwrap_err().is_newer_format());
    assert!(matches!(other.unwrap(), Claimed::Started(_)));
    assert!(store.health().is_up());
    drop(store);
    fs::remove_dir_all(path).unwrap();
}

/// A renewal looks runs up first. Meanwhile a run may end and its key begin anew.
#[test]
fn a_renewal_that_is_late_takes_no_lease_from_the_next_run_of_the_key() {
    let leases = Leases::new(Hooks::default());
    let lease = Duration::from_secs(60);
    let (old, new) = (NewRun::new("owner", lease, lease), NewRun::new("owner", lease, lease));
    leases.claim("key", &old);
    leases.forget(&RunRef::new("key", old.run));
    leases.claim("key", &new);
    assert_eq!(leases.renew(&RunRef::new("key", old.run), "owner", lease, lease), (false, false));
    assert!(!leases.left(&RunRef::new("key", new.run)).is_zero());
}

#[test]
fn a_record_that_cannot_be_read_keeps_no_other_run_from_expiring() {
    let path = env::temp_dir().join(format!("sse-typed-runs-expiry-{}", process::id()));
    let folder = Folder::open(&path).unwrap();
    let engine = Engine::open(&folder, Durability::Os, 0).unwrap();
    let transaction = engine.begin_write().unwrap();
    for (log, key, record) in [(1, "damaged", 0), (2, "newer", 2)] {
        transaction.open_table(RUNS).unwrap().insert(key, &[record][..]).unwrap();
        transaction.open_table(RUN_EXPIRY).unwrap().insert(&pair(0, log), key).unwrap();
    }
    transaction.commit().unwrap();
    let leases = Leases::new(Hooks::default());
    let new = NewRun::new("owner", Duration::ZERO, Duration::ZERO);
    let claim = RunChange::Claim { key: "run".into(), new: new.clone() };
    let now = leases.now();
    transact(&engine, now, |batch| claim.apply(batch, &leases)).unwrap();
    let (removed, all) = transact(&engine, now, |batch| batch.expire_runs(&leases, 9)).unwrap();
    assert_eq!((removed, all), (vec![RunRef::new("run", new.run)], true));
    drop((engine, folder));
    fs::remove_dir_all(path).unwrap();
}
