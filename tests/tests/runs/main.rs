//! Runs: each promise, on each store. The tests on a Redis server are ignored, and `cargo xtask test` runs them where it is found.
//!
//! | # | promise | tests |
//! |---|---|---|
//! | 1 | a run is apart from every connection; `cancel_on_disconnect` is the other choice | `reading::a_reader_that_leaves_stops_nothing`, `reading::dropping_every_handle_stops_nothing`, `disconnecting` |
//! | 2 | an event is stored before anybody sees it | `reading::an_event_is_stored_when_publish_returns`, `outages::an_event_is_published_once_through_an_outage` |
//! | 3 | a reader resumes on any process | `reading::a_reader_resumes_on_another_process` |
//! | 4 | a reader without an id begins at the beginning | `reading::a_second_reader_gets_the_whole_run` |
//! | 5 | a stop reaches the producer wherever it runs | `stopping` |
//! | 6 | the end is durable, and a reader that has it all has nothing to wait for | `reading::a_reader_that_comes_after_the_end_gets_the_whole_run`, `reading::a_reader_that_has_everything_is_over_at_once` |
//! | 7 | a producer that died is reported within a lease | `failing`, `losing`, `runtimes` |
//! | 8 | one run for a key | `starting` |
//! | 9 | a run is kept for a time and then gone | `starting::a_run_that_is_kept_no_longer_is_gone_and_may_begin_anew` |
//! | 10 | status and list | `operating` |
//!
//! `outages` has what holds while the store fails, `hostile` what holds for the worst settings and producers, `scopes` who reaches which run, and `responding` the responses of a server.

mod common;
mod disconnecting;
mod failing;
mod faulty;
mod hostile;
mod losing;
mod operating;
mod outages;
mod reading;
mod responding;
mod runtimes;
mod scopes;
#[path = "../interop_redis/server.rs"]
#[allow(dead_code, reason = "these tests do not need all of it")]
mod server;
mod starting;
mod stopping;
mod stress;

use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sse_typed::{
    hub::MemoryStore,
    stores::{FileStore, RedisStore},
};

use self::{common::Setup, server::Server};

/// Tests that run on a store.
macro_rules! on_each_store {
    ($($module:ident: $($test:ident),+;)+) => {
        mod memory {
            $(mod $module {
                $(#[tokio::test(start_paused = true)]
                async fn $test() {
                    crate::$module::$test(&crate::memory_setup()).await;
                })+
            })+
        }

        mod file {
            $(mod $module {
                $(#[tokio::test]
                async fn $test() {
                    let folder = crate::Folder::new();
                    crate::$module::$test(&crate::file_setup(&folder)).await;
                })+
            })+
        }

        mod redis {
            $(mod $module {
                $(#[tokio::test]
                #[ignore = "needs redis-server"]
                async fn $test() {
                    if !crate::server::found(stringify!($test)) {
                        return;
                    }
                    let server = crate::server::Server::start();
                    crate::$module::$test(&crate::redis_setup(&server).await).await;
                })+
            })+
        }
    };
}

fn memory_setup() -> Setup<MemoryStore> {
    Setup { store: MemoryStore::default(), lease: Duration::from_secs(15), slack: Duration::from_secs(1) }
}

/// The leases of a folder run on the clock of the host, so these tests wait.
fn file_setup(folder: &Folder) -> Setup<FileStore> {
    let store = FileStore::open(&folder.0).unwrap();
    Setup { store, lease: Duration::from_secs(1), slack: Duration::from_secs(5) }
}

/// These leases run on the clock of the server.
async fn redis_setup(server: &Server) -> Setup<RedisStore> {
    let store = RedisStore::connect(&server.url()).await.unwrap();
    Setup { store, lease: Duration::from_secs(1), slack: Duration::from_secs(5) }
}

/// A folder that is deleted with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("sse-typed-runs-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

on_each_store! {
    starting:
        concurrent_starts_make_one_run,
        a_post_that_is_repeated_joins_the_run_while_it_runs_and_after,
        another_input_is_an_error,
        a_start_that_is_dropped_at_any_await_leaves_no_run_without_a_producer,
        a_post_that_is_dropped_during_the_claim_leaves_a_run_with_a_producer,
        a_restart_replaces_a_run_that_has_ended,
        two_clicks_on_restart_start_one_run,
        a_run_that_is_kept_no_longer_is_gone_and_may_begin_anew,
        a_joined_closure_is_dropped_without_being_called;
    reading:
        a_reader_that_leaves_stops_nothing,
        dropping_every_handle_stops_nothing,
        an_event_is_stored_when_publish_returns,
        a_reader_resumes_on_another_process,
        a_second_reader_gets_the_whole_run,
        a_reader_that_comes_after_the_end_gets_the_whole_run,
        a_reader_that_has_everything_is_over_at_once,
        an_id_of_an_earlier_run_begins_anew,
        a_reader_of_a_run_that_was_replaced_ends,
        a_last_event_that_is_not_terminal_ends_the_run_all_the_same;
    stopping:
        a_stop_from_another_process_drops_the_producer,
        a_stop_from_the_same_process_drops_the_producer,
        a_producer_has_the_grace_to_return_its_own_last_event,
        a_producer_that_ignores_the_grace_is_dropped_after_it,
        a_stop_after_the_end_changes_nothing,
        a_stop_of_a_producer_that_does_not_hear_is_done_by_the_caller,
        spurious_wake_ups_stop_nothing,
        a_stop_that_is_dropped_at_any_await_leaves_no_reader_waiting,
        a_stop_of_no_run_is_none;
    failing:
        an_error_is_the_failed_event_with_its_text,
        a_panic_is_the_failed_event_without_its_text,
        a_panic_when_the_closure_is_called_fails_the_run,
        a_run_that_publishes_too_many_events_fails,
        a_run_that_publishes_too_many_bytes_fails,
        an_event_that_cannot_be_sent_does_not_end_the_run;
    losing:
        a_reader_is_told_within_a_lease_that_the_process_died,
        a_look_finds_that_the_process_died,
        a_producer_that_is_late_is_fenced,
        a_producer_whose_run_was_ended_elsewhere_is_dropped,
        a_look_after_an_outage_finds_a_lost_run_one_lease_later,
        a_run_whose_lease_expired_goes_on_until_somebody_looks,
        a_process_takes_none_of_its_own_runs_for_lost,
        leases_are_renewed_for_as_long_as_a_run_takes,
        after_an_outage_nobody_is_lost_for_one_lease,
        a_shutdown_lets_runs_finish_and_ends_the_rest_as_lost,
        a_renewal_during_the_shutdown_keeps_no_run_running;
    outages:
        an_event_is_published_once_through_an_outage,
        an_outage_that_lasts_too_long_is_an_error,
        a_start_without_a_store_is_an_error,
        a_claim_whose_reply_was_lost_is_run,
        renewals_that_fail_kill_no_producer,
        renewals_that_panic_are_tried_again,
        a_publish_that_is_dropped_is_finished_by_the_next;
    disconnecting:
        a_run_is_stopped_when_its_last_reader_has_left,
        a_run_that_nobody_ever_read_is_stopped,
        a_reader_that_comes_back_in_time_keeps_the_run,
        a_reader_on_another_process_keeps_the_run,
        a_reader_on_another_process_keeps_the_run_through_an_outage,
        a_reader_on_a_process_of_the_same_name_keeps_the_run;
    hostile:
        the_largest_settings_are_no_panic,
        the_smallest_settings_are_no_panic,
        readers_get_the_end_of_a_run_that_is_kept_for_no_time,
        a_run_that_ignores_its_limit_is_not_done,
        an_error_that_panics_fails_the_run,
        a_last_event_that_panics_ends_the_run,
        a_joined_closure_may_panic_when_it_is_dropped,
        a_producer_that_panics_when_it_is_dropped_is_stopped,
        a_writer_that_outlives_its_closure_cannot_publish,
        clones_of_a_writer_publish_each_event_once,
        the_mark_of_an_earlier_end_does_not_hide_a_run,
        a_terminal_event_before_the_end_hides_nothing_from_those_who_resume,
        a_producer_may_start_join_and_stop_runs,
        a_reader_of_a_run_that_expires_meanwhile_ends,
        a_shutdown_may_be_called_twice_and_while_runs_start,
        a_task_of_a_stopped_producer_reaches_no_later_run,
        readers_get_the_largest_events;
    operating:
        the_status_shows_how_a_run_is,
        all_runs_are_listed_in_pages,
        a_store_of_any_type_keeps_runs,
        nothing_is_left_when_nothing_runs_and_nobody_reads;
    scopes:
        subjects_do_not_share_keys,
        an_empty_subject_is_an_error;
}
