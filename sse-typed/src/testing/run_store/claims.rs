use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use tokio::task::yield_now;

use super::{LONG, answer, find, last, new_run, start};
use crate::{
    hub::End,
    runs::{Claimed, InputHash, NewRun, RunEnded, RunId, RunStore},
};

/// How many processes claim a key at the same time.
const CLAIMS: usize = 64;

/// Claims a key many times at the same time. Returns the run that was started, which is one.
async fn claim_at_once<S: RunStore>(store: &S, key: &str, replaces: Option<RunId>) -> RunId {
    let mut claims = Vec::new();
    for _ in 0..CLAIMS {
        let (store, key, mut new) = (store.clone(), key.to_owned(), new_run());
        new.replaces = replaces;
        claims.push(tokio::spawn(async move { (answer(store.claim(&key, &new)).await, new.run) }));
    }
    let (mut started, mut seen) = (Vec::new(), Vec::new());
    for claim in claims {
        match claim.await {
            Ok((Claimed::Started(record), run)) => {
                assert_eq!(record.run.run, run, "a run is started under the id of its claim");
                started.push(run);
            }
            Ok((Claimed::Exists(record), _)) => seen.push(record.run.run),
            Err(error) => panic!("a key is claimed: {error}"),
        }
    }
    assert_eq!(started.len(), 1, "of {CLAIMS} claims at the same time one starts a run");
    assert!(seen.iter().all(|run| *run == started[0]), "the other claims return the run that was started");
    started[0]
}

pub(super) async fn a_key_is_claimed_once<S: RunStore>(store: &S) {
    let run = claim_at_once(store, "once", None).await;
    let found = find(store, "once").await.map(|record| record.run.run);
    assert_eq!(found, Some(run), "the run that was started is found");
    assert!(find(store, "another").await.is_none(), "other keys have no run");
}

pub(super) async fn a_repeated_claim_has_the_same_outcome<S: RunStore>(store: &S) {
    let new = new_run();
    let first = start(store, "repeated", &new).await;
    let again = start(store, "repeated", &new).await;
    assert_eq!((&again.run, again.since), (&first.run, first.since), "a claim that is repeated has the same outcome");
    let other = answer(store.claim("repeated", &new_run())).await;
    assert!(
        matches!(&other, Claimed::Exists(record) if record.run == first.run),
        "a claim under another id does not start a second run: {other:?}"
    );
    assert_eq!(start(store, "repeated", &new).await.run, first.run, "not even after the claim of another process");
}

pub(super) async fn a_run_is_replaced_by_its_id_once_it_has_ended<S: RunStore>(store: &S) {
    let first_claim = new_run();
    let first = start(store, "replaced", &first_claim).await.run;
    let exists = async |new: &NewRun, why: &str| {
        let claimed = answer(store.claim("replaced", new)).await;
        assert!(matches!(&claimed, Claimed::Exists(record) if record.run == first), "{why}: {claimed:?}");
    };
    let mut replacement = new_run();
    replacement.replaces = Some(first.run);
    exists(&replacement, "a run that has not ended is not replaced").await;
    assert!(matches!(answer(store.end(&first, &last(), End::Complete)).await, RunEnded::Now(_)));
    exists(&new_run(), "a run is not replaced by a claim that does not name it").await;
    let mut other = new_run();
    other.replaces = Some(RunId::random());
    exists(&other, "a run is not replaced by a claim that names another").await;
    exists(&first_claim, "an ended run is not started again under its own id").await;

    let second = claim_at_once(store, "replaced", Some(first.run)).await;
    let found = find(store, "replaced").await;
    assert!(
        found.is_some_and(|record| record.run.run == second && record.end.is_none() && record.last.is_none()),
        "the record is that of the new run"
    );
    let late = answer(store.claim("replaced", &first_claim)).await;
    assert!(
        matches!(&late, Claimed::Exists(record) if record.run.run == second),
        "a late claim of the old run starts nothing: {late:?}"
    );

    let mut unused = new_run();
    unused.replaces = Some(first.run);
    assert_eq!(start(store, "unused", &unused).await.run.run, unused.run, "a key without a run can be claimed anyway");
}

pub(super) async fn a_record_says_what_was_claimed<S: RunStore>(store: &S) {
    assert_eq!(find(store, "record").await, None, "a key that was never claimed has no record");
    let mut new = NewRun::new("häst:é\n7 💥", LONG, LONG);
    new.input = Some(InputHash::of(b"input"));
    let record = start(store, "record", &new).await;
    assert_eq!((&*record.run.key, record.run.run), ("record", new.run), "a record names its run");
    assert_eq!((&record.owner, record.input), (&new.owner, new.input), "a record has the owner and the input");
    assert!(
        record.lease_left.is_some_and(|left| left <= LONG && left > LONG / 2),
        "a record says how long the lease holds: {:?}",
        record.lease_left
    );
    assert_eq!((record.is_stop_asked, record.end, &record.last), (false, None, &None), "a new run is running");
    let mut found = find(store, "record").await.unwrap_or_else(|| panic!("a run is found"));
    found.lease_left = record.lease_left;
    assert_eq!(found, record, "a run is found as it was claimed");
    let bare = start(store, "bare", &new_run()).await;
    assert_eq!(bare.input, None, "a run may have no input");
}

/// Polls a call a few times, and drops it if it is not ready.
async fn drop_after(call: impl Future, polls: usize) {
    let mut call = pin!(call);
    for _ in 0..polls {
        if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        yield_now().await;
    }
}

pub(super) async fn a_dropped_call_has_happened_or_not<S: RunStore>(store: &S) {
    for polls in 0..4 {
        let (key, new) = (format!("dropped/{polls}"), new_run());
        drop_after(store.claim(&key, &new), polls).await;
        let run = start(store, &key, &new).await.run;
        drop_after(store.ask_stop(&run), polls).await;
        let asked = answer(store.ask_stop(&run)).await;
        assert!(asked.is_some_and(|record| record.is_stop_asked), "a call after a dropped one is answered");
        drop_after(store.end(&run, &last(), End::Stopped), polls).await;
        let ended = answer(store.end(&run, &last(), End::Complete)).await;
        let end = find(store, &key).await.and_then(|record| record.end);
        match ended {
            RunEnded::Now(_) => assert_eq!(end, Some(End::Complete), "a dropped end has not happened"),
            ended => assert_eq!(
                (ended, end),
                (RunEnded::Before(End::Stopped), Some(End::Stopped)),
                "or it has happened as a whole"
            ),
        }
    }
}
