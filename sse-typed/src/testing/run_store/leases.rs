use std::time::Duration;

use tokio::time::timeout;

use super::{LATER, LONG, SHORT, TIME_LIMIT, answer, block, find, last, new_run, options, start};
use crate::{
    hub::{End, EventLog, Woken},
    runs::{NewRun, ReadRun, Renewed, RunEnded, RunRef, RunStore},
};

fn short_lease() -> NewRun {
    NewRun::new("owner", SHORT, LONG)
}

pub(super) async fn a_run_is_lost_once_its_lease_has_expired_and_not_before<S: RunStore>(
    store: &S,
    pass: &impl AsyncFn(Duration),
) {
    let held = start(store, "held", &new_run()).await.run;
    let late = start(store, "late", &short_lease()).await.run;
    let log = store.run_log(&late, &options());
    answer(log.append(&block("1"))).await;
    pass(LATER).await;
    let outcome = answer(store.end(&held, &last(), End::Lost)).await;
    assert!(
        matches!(outcome, RunEnded::Leased(left) if left <= LONG && !left.is_zero()),
        "a run whose lease holds is not lost, and the answer says how long it holds: {outcome:?}"
    );
    let found = find(store, "late").await.and_then(|record| record.lease_left);
    assert_eq!(found, Some(Duration::ZERO), "a record shows that the lease has expired, and ends nothing by itself");
    let (_, read) = answer(store.renew("reader", LONG, &[], &[late.clone(), held.clone()])).await;
    assert_eq!(read[0], ReadRun::Running(Duration::ZERO), "so does a look by a reader");
    assert!(matches!(read[1], ReadRun::Running(left) if !left.is_zero()), "a lease that holds is seen by a reader");
    answer(log.append(&block("2"))).await;
    let outcome = answer(store.end(&late, &last(), End::Lost)).await;
    assert!(matches!(outcome, RunEnded::Now(_)), "a run whose lease has expired can be lost: {outcome:?}");
    assert_eq!(find(store, "late").await.and_then(|record| record.end), Some(End::Lost), "its record says so");

    // Any process may end any run otherwise, whatever its lease.
    let outcome = answer(store.end(&held, &last(), End::Stopped)).await;
    assert!(matches!(outcome, RunEnded::Now(_)), "a lease prevents only that a run is lost: {outcome:?}");
}

pub(super) async fn a_renewal_holds_the_lease<S: RunStore>(store: &S, pass: &impl AsyncFn(Duration)) {
    let run = start(store, "renewed", &short_lease()).await.run;
    let expired = start(store, "expired", &short_lease()).await.run;
    let renew = async || answer(store.renew("owner", LONG, std::slice::from_ref(&run), &[])).await.0;
    assert_eq!(renew().await, [Renewed::Held { is_stop_asked: false, is_read_elsewhere: false }], "a lease is renewed");
    pass(LATER).await;
    let outcome = answer(store.end(&run, &last(), End::Lost)).await;
    assert!(matches!(outcome, RunEnded::Leased(_)), "a renewed lease holds: {outcome:?}");

    let late = answer(store.renew("owner", LONG, std::slice::from_ref(&expired), &[])).await.0;
    assert!(matches!(late[0], Renewed::Held { .. }), "an expired lease can be renewed until the run is lost: {late:?}");
    let outcome = answer(store.end(&expired, &last(), End::Lost)).await;
    assert!(matches!(outcome, RunEnded::Leased(_)), "it holds then: {outcome:?}");

    answer(store.end(&run, &last(), End::Failed)).await;
    let unknown = RunRef::new("never", run.run);
    let (own, read) = answer(store.renew(
        "owner",
        LONG,
        &[unknown.clone(), run.clone(), expired.clone()],
        &[run.clone(), expired.clone(), unknown.clone()],
    ))
    .await;
    assert_eq!(own[..2], [Renewed::Missing, Renewed::Ended(End::Failed)], "answers have the order of the questions");
    assert!(matches!(own[2], Renewed::Held { .. }), "answers have the order of the questions: {own:?}");
    assert_eq!((read[0], read[2]), (ReadRun::Ended(End::Failed), ReadRun::Missing), "for readers as well");
    assert!(matches!(read[1], ReadRun::Running(_)), "for readers as well: {read:?}");
    let nothing = answer(store.renew("owner", LONG, &[], &[])).await;
    assert_eq!(nothing, (vec![], vec![]), "nothing is asked, and nothing answered");
}

pub(super) async fn a_released_lease_has_expired<S: RunStore>(store: &S) {
    let run = start(store, "released", &new_run()).await.run;
    let other = start(store, "held", &new_run()).await.run;
    answer(store.release(&run)).await;
    let left = find(store, "released").await.map(|record| (record.lease_left, record.end));
    assert_eq!(left, Some((Some(Duration::ZERO), None)), "a released lease has expired, and the run has not ended");
    let outcome = answer(store.end(&run, &last(), End::Lost)).await;
    assert!(matches!(outcome, RunEnded::Now(_)), "a run can be lost after its release: {outcome:?}");
    answer(store.release(&run)).await;
    let end = find(store, "released").await.and_then(|record| record.end);
    assert_eq!(end, Some(End::Lost), "the release of a run that has ended changes nothing");
    answer(store.release(&RunRef::new("held", run.run))).await;
    answer(store.release(&RunRef::new("never", run.run))).await;
    let outcome = answer(store.end(&other, &last(), End::Lost)).await;
    assert!(matches!(outcome, RunEnded::Leased(_)), "nor does that of a run that does not exist: {outcome:?}");
    answer(store.release(&other)).await;
    let renewed = answer(store.renew("owner", LONG, std::slice::from_ref(&other), &[])).await.0;
    assert!(matches!(renewed[0], Renewed::Held { .. }), "a released lease can be renewed until the run is lost");
}

pub(super) async fn an_abandoned_run_is_lost_at_the_latest_with_its_lease<S: RunStore>(
    store: &S,
    pass: &impl AsyncFn(Duration),
) {
    let run = start(store, "abandoned", &short_lease()).await.run;
    let ended = start(store, "ended", &short_lease()).await.run;
    answer(store.end(&ended, &last(), End::Complete)).await;
    store.abandon(&run, &last());
    store.abandon(&ended, &last());
    store.abandon(&RunRef::new("never", run.run), &last());
    pass(LATER).await;
    let outcome = answer(store.end(&run, &last(), End::Lost)).await;
    assert!(
        matches!(outcome, RunEnded::Now(_) | RunEnded::Before(End::Lost)),
        "an abandoned run is lost at the latest when its lease has expired: {outcome:?}"
    );
    let end = find(store, "ended").await.and_then(|record| record.end);
    assert_eq!(end, Some(End::Complete), "a run that has ended cannot be abandoned");
}

pub(super) async fn a_request_to_stop_is_reported<S: RunStore>(store: &S) {
    let run = start(store, "stopped", &new_run()).await.run;
    let other = start(store, "other", &new_run()).await.run;
    let log = store.run_log(&run, &options());
    assert!(log.wakes().is_some_and(|(_, key)| key == run.log_key()), "the log of a run has the wakes of its store");
    let woken = store.wakes().wait(&run.signal_key());
    let record = answer(store.ask_stop(&run)).await;
    assert!(
        record.is_some_and(|record| record.is_stop_asked && record.end.is_none() && record.run == run),
        "a request to stop returns the record"
    );
    reported("a request to stop", woken).await;
    assert!(find(store, "stopped").await.is_some_and(|record| record.is_stop_asked), "the record shows it");
    let (own, _) = answer(store.renew("owner", LONG, &[run.clone(), other], &[])).await;
    assert_eq!(
        own,
        [true, false].map(|is_stop_asked| Renewed::Held { is_stop_asked, is_read_elsewhere: false }),
        "the owner learns of it at the latest from the next renewal"
    );
    answer(log.append(&block("1"))).await;
    let woken = store.wakes().wait(&run.signal_key());
    answer(store.end(&run, &last(), End::Stopped)).await;
    reported("an end", woken).await;
    let record = answer(store.ask_stop(&run)).await;
    assert_eq!(record.and_then(|record| record.end), Some(End::Stopped), "a run that has ended cannot be stopped");
    let unknown = answer(store.ask_stop(&RunRef::new("never", run.run))).await;
    assert_eq!(unknown, None, "nor can one that does not exist");
}

async fn reported(change: &str, woken: Woken) {
    assert!(timeout(TIME_LIMIT, woken).await.is_ok(), "a change is reported to the wakes: {change}");
}

pub(super) async fn readers_elsewhere_count_for_as_long_as_their_lease<S: RunStore>(
    store: &S,
    pass: &impl AsyncFn(Duration),
) {
    let run = start(store, "read", &new_run()).await.run;
    let runs = std::slice::from_ref(&run);
    let is_read = async || {
        let (own, _) = answer(store.renew("owner", LONG, runs, &[])).await;
        matches!(own[..], [Renewed::Held { is_read_elsewhere: true, .. }])
    };
    answer(store.renew("owner", LONG, runs, runs)).await;
    assert!(!is_read().await, "the readers of the owner's process are not elsewhere");
    answer(store.renew("a", LONG, &[], runs)).await;
    assert!(is_read().await, "a reader of another process counts");
    answer(store.renew("b", LONG, &[], runs)).await;
    // It says so once more, for a shorter time.
    answer(store.renew("a", SHORT, &[], runs)).await;
    pass(LATER).await;
    assert!(is_read().await, "each process counts by itself");
    answer(store.renew("b", SHORT, &[], runs)).await;
    pass(LATER).await;
    assert!(!is_read().await, "a reader counts for as long as its lease");
}
