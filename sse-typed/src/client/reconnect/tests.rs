use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn outcome(cause: DisconnectCause) -> AttemptOutcome {
    AttemptOutcome { cause, events: 0, uptime: Duration::ZERO, retry: None, retry_after: None }
}

fn plain() -> ReconnectState {
    ReconnectState::new(ReconnectPolicy::new().jitter(0.0))
}

fn after(decision: Decision) -> Duration {
    match decision {
        Decision::Retry { after } => after,
        other => panic!("no retry: {other:?}"),
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn delays_double_from_one_second_to_thirty() {
    let mut reconnect = plain();
    let delays: Vec<_> =
        (0..8).map(|_| after(reconnect.decide(&outcome(DisconnectCause::NoResponse))).as_secs()).collect();
    assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn any_number_of_failures_keeps_the_longest_delay() {
    let mut reconnect = plain();
    for _ in 0..100 {
        reconnect.decide(&outcome(DisconnectCause::Broken));
    }
    reconnect.backoff_steps = u32::MAX;
    assert_eq!(after(reconnect.decide(&outcome(DisconnectCause::Broken))), 30 * SECOND);
}

#[test]
fn temporary_failures_are_retried_and_permanent_ones_end_the_source() {
    let status = |code| DisconnectCause::Status(StatusCode::from_u16(code).unwrap());
    let rows = [
        (DisconnectCause::Ended, true, true),
        (DisconnectCause::Broken, true, true),
        (DisconnectCause::NoResponse, true, true),
        (DisconnectCause::DefaultTimeout, true, true),
        (DisconnectCause::Permanent, false, false),
        (status(408), true, false),
        (status(425), true, false),
        (status(429), true, false),
        (status(500), true, false),
        (status(502), true, false),
        (status(503), true, false),
        (status(599), true, false),
        (status(205), false, false),
        (status(210), false, false),
        (status(302), false, false),
        (status(400), false, false),
        (status(401), false, false),
        (status(404), false, false),
        (status(410), false, false),
    ];
    for (cause, default, browser) in rows {
        for (policy, expected) in [(ReconnectPolicy::default(), default), (ReconnectPolicy::browser(), browser)] {
            let decision = ReconnectState::new(policy).decide(&outcome(cause));
            assert_eq!(matches!(decision, Decision::Retry { .. }), expected, "{cause:?}: {decision:?}");
        }
    }
}

#[test]
fn a_status_is_retried_as_often_in_a_row_as_the_policy_says() {
    let status = |code| DisconnectCause::Status(StatusCode::from_u16(code).unwrap());
    let (not_found, unauthorized, unavailable) = (status(404), status(401), status(503));
    let (default, browser) = (ReconnectPolicy::new(), ReconnectPolicy::browser());
    let unauthorized_once = default.clone().retry_status(StatusCode::UNAUTHORIZED, 1);
    let both = unauthorized_once.clone().retry_status(StatusCode::NOT_FOUND, 2);
    let rows: [(ReconnectPolicy, &[DisconnectCause], usize); 15] = [
        // The default, extended and restricted: the retries that follow.
        (default.clone(), &[not_found], 0),
        (default.clone().retry_status(StatusCode::NOT_FOUND, 5), &[not_found; 9], 5),
        (default.clone().retry_status(StatusCode::NOT_FOUND, None), &[not_found; 9], 9),
        (default.clone().retry_status(StatusCode::SERVICE_UNAVAILABLE, 0), &[unavailable], 0),
        (default.clone().retry_status(StatusCode::SERVICE_UNAVAILABLE, 2), &[unavailable; 9], 2),
        (default.retry_status(StatusCode::SERVICE_UNAVAILABLE, 0), &[status(502); 9], 9),
        (browser.clone().retry_status(StatusCode::SERVICE_UNAVAILABLE, None), &[unavailable; 9], 9),
        (browser.retry_status(StatusCode::SERVICE_UNAVAILABLE, None), &[status(502)], 0),
        (unauthorized_once.clone().retry_status(StatusCode::UNAUTHORIZED, 0), &[unauthorized], 0),
        // Only an event stream, with or without an event, resets the count.
        (
            unauthorized_once.clone(),
            &[unauthorized, DisconnectCause::Ended, unauthorized, DisconnectCause::Broken, unauthorized],
            5,
        ),
        (unauthorized_once.clone(), &[unauthorized, DisconnectCause::NoResponse, unauthorized], 2),
        (unauthorized_once, &[unauthorized, unavailable, unauthorized], 2),
        // Each status has its own count.
        (both.clone(), &[not_found, unauthorized, not_found, not_found], 3),
        (both, &[not_found, not_found, unauthorized, unauthorized], 3),
        // A policy that never reconnects does not retry a status either.
        (ReconnectPolicy::never().retry_status(StatusCode::NOT_FOUND, None), &[not_found], 0),
    ];
    for (number, (policy, causes, expected)) in rows.into_iter().enumerate() {
        let mut reconnect = ReconnectState::new(policy);
        let decisions: Vec<_> = causes.iter().map(|cause| reconnect.decide(&outcome(*cause))).collect();
        let retried = decisions.iter().take_while(|decision| matches!(decision, Decision::Retry { .. })).count();
        assert_eq!(retried, expected, "row {number}: {decisions:?}");
        assert!(decisions.get(retried).is_none_or(|end| *end == Decision::Stop), "row {number}: {decisions:?}");
    }
}

#[test]
fn a_retried_status_has_the_delays_and_the_limit_of_every_attempt() {
    let policy = ReconnectPolicy::new().jitter(0.0).retry_status(StatusCode::NOT_FOUND, None).max_attempts(4);
    let mut reconnect = ReconnectState::new(policy);
    let not_found = outcome(DisconnectCause::Status(StatusCode::NOT_FOUND));
    assert_eq!(after(reconnect.decide(&not_found)), SECOND);
    assert_eq!(after(reconnect.decide(&not_found)), 2 * SECOND);
    assert_eq!(after(reconnect.decide(&AttemptOutcome { retry_after: Some(60 * SECOND), ..not_found })), 60 * SECOND);
    assert_eq!(reconnect.decide(&not_found), Decision::GiveUp { attempts: 4 });
}

#[test]
fn a_restart_resets_the_retries_of_a_status() {
    let mut reconnect = ReconnectState::new(ReconnectPolicy::new().retry_status(StatusCode::UNAUTHORIZED, 1));
    let unauthorized = outcome(DisconnectCause::Status(StatusCode::UNAUTHORIZED));
    for _ in 0..3 {
        assert!(matches!(reconnect.decide(&unauthorized), Decision::Retry { .. }));
        reconnect.reset();
    }
}

#[test]
fn the_servers_retry_replaces_the_base() {
    for (retry, expected) in [
        (millis(2500), [2500, 5000, 10_000]),
        (millis(400), [400, 800, 1600]),
        (millis(40_000), [40_000, 40_000, 40_000]),
        (millis(1), [100, 200, 400]),
        (Duration::ZERO, [100, 200, 400]),
    ] {
        let mut reconnect = plain();
        let outcome = AttemptOutcome { retry: Some(retry), ..outcome(DisconnectCause::Broken) };
        for expected in expected {
            assert_eq!(after(reconnect.decide(&outcome)), millis(expected), "retry: {retry:?}");
        }
    }
}

#[test]
fn k3_no_delay_is_shorter_than_the_servers_and_jitter_only_adds() {
    for seed in 0..200 {
        let mut reconnect = ReconnectState::new(ReconnectPolicy::new().seed(seed));
        let with_retry = AttemptOutcome { retry: Some(millis(2000)), events: 1, ..outcome(DisconnectCause::Ended) };
        let delay = after(reconnect.decide(&with_retry));
        assert!((millis(2000)..millis(3000)).contains(&delay), "{delay:?}");

        let with_retry_after = AttemptOutcome {
            retry_after: Some(100 * SECOND),
            ..outcome(DisconnectCause::Status(StatusCode::SERVICE_UNAVAILABLE))
        };
        let delay = after(reconnect.decide(&with_retry_after));
        assert!((100 * SECOND..115 * SECOND).contains(&delay), "{delay:?}");
    }
}

#[test]
fn jitter_spreads_clients_and_a_seed_repeats_it() {
    let first =
        |seed| after(ReconnectState::new(ReconnectPolicy::new().seed(seed)).decide(&outcome(DisconnectCause::Ended)));
    let different: std::collections::HashSet<_> = (0..50).map(first).collect();
    assert!(different.len() > 40, "{}", different.len());
    assert_eq!(first(7), first(7));
}

#[test]
fn an_invalid_jitter_adds_nothing() {
    for part in [f64::NAN, f64::INFINITY, -1.0, f64::MAX] {
        let mut reconnect = ReconnectState::new(ReconnectPolicy::new().jitter(part).seed(1));
        assert_eq!(after(reconnect.decide(&outcome(DisconnectCause::Ended))), SECOND, "{part}");
    }
}

#[test]
fn an_event_or_a_minute_of_uptime_resets_the_delay_and_an_open_connection_does_not() {
    for (events, uptime, expected) in
        [(1, Duration::ZERO, 1), (0, 60 * SECOND, 1), (0, 59 * SECOND, 8), (0, Duration::ZERO, 8)]
    {
        let mut reconnect = plain();
        for _ in 0..3 {
            reconnect.decide(&outcome(DisconnectCause::NoResponse));
        }
        let delay = after(reconnect.decide(&AttemptOutcome { events, uptime, ..outcome(DisconnectCause::Ended) }));
        assert_eq!(delay, expected * SECOND, "{events} events, {uptime:?}");
    }
}

#[test]
fn max_attempts_counts_attempts_in_a_row_without_an_event() {
    let mut reconnect = ReconnectState::new(ReconnectPolicy::new().max_attempts(3));
    let lost = outcome(DisconnectCause::NoResponse);
    let good = AttemptOutcome { events: 5, ..outcome(DisconnectCause::Ended) };
    assert!(matches!(reconnect.decide(&lost), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&lost), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&good), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&lost), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&outcome(DisconnectCause::Ended)), Decision::Retry { .. }));
    assert_eq!(reconnect.decide(&lost), Decision::GiveUp { attempts: 3 });
}

#[test]
fn a_default_response_timeout_counts_as_an_attempt_and_does_not_lengthen_the_delay() {
    let mut reconnect = ReconnectState::new(ReconnectPolicy::new().jitter(0.0).max_attempts(8));
    let causes = [
        (DisconnectCause::NoResponse, 1),
        (DisconnectCause::NoResponse, 2),
        (DisconnectCause::DefaultTimeout, 1),
        (DisconnectCause::DefaultTimeout, 1),
        (DisconnectCause::NoResponse, 1),
        (DisconnectCause::NoResponse, 2),
        (DisconnectCause::DefaultTimeout, 1),
    ];
    for (cause, expected) in causes {
        assert_eq!(after(reconnect.decide(&outcome(cause))), expected * SECOND, "{cause:?}");
    }
    assert_eq!(reconnect.decide(&outcome(DisconnectCause::DefaultTimeout)), Decision::GiveUp { attempts: 8 });
}

#[test]
fn never_ends_the_source_with_its_first_connection() {
    for policy in [ReconnectPolicy::never(), ReconnectPolicy::new().max_attempts(0)] {
        for cause in [DisconnectCause::Ended, DisconnectCause::Broken, DisconnectCause::NoResponse] {
            let outcome = AttemptOutcome { events: 9, ..outcome(cause) };
            assert_eq!(ReconnectState::new(policy.clone()).decide(&outcome), Decision::Stop);
        }
    }
}

#[test]
fn the_browser_policys_delay_is_always_the_reconnection_time() {
    let mut reconnect = ReconnectState::new(ReconnectPolicy::browser());
    for (retry, expected) in [(None, 3000), (None, 3000), (Some(50_000), 50_000), (Some(200), 200), (Some(0), 100)] {
        let outcome = AttemptOutcome { retry: retry.map(millis), ..outcome(DisconnectCause::Ended) };
        assert_eq!(after(reconnect.decide(&outcome)), millis(expected));
    }
}

#[test]
fn a_servers_delay_is_limited_to_an_hour_by_default() {
    let hour = 3600 * SECOND;
    let policies = [
        (ReconnectPolicy::new().jitter(0.0), hour),
        (ReconnectPolicy::new().jitter(0.0).max_server_delay(90 * SECOND), 90 * SECOND),
        (ReconnectPolicy::browser(), Duration::from_secs(u64::MAX)),
    ];
    let unavailable = || outcome(DisconnectCause::Status(StatusCode::SERVICE_UNAVAILABLE));
    for (policy, longest) in policies {
        for asked in [60 * SECOND, 3600 * SECOND, 7200 * SECOND, Duration::from_secs(u64::MAX)] {
            let expected = asked.min(longest);
            let with_retry = AttemptOutcome { retry: Some(asked), ..outcome(DisconnectCause::Ended) };
            assert_eq!(after(ReconnectState::new(policy.clone()).decide(&with_retry)), expected, "retry: {asked:?}");
            // A browser does not retry this status.
            if longest <= hour {
                let with_retry_after = AttemptOutcome { retry_after: Some(asked), ..unavailable() };
                assert_eq!(after(ReconnectState::new(policy.clone()).decide(&with_retry_after)), expected, "{asked:?}");
            }
        }
    }
    // The limit does not apply to the policy's own delays.
    let own = ReconnectPolicy::new().jitter(0.0).base(2 * hour);
    assert_eq!(after(ReconnectState::new(own).decide(&outcome(DisconnectCause::Ended))), 2 * hour);
}

#[test]
fn p15_the_longest_retry_does_not_overflow() {
    let unlimited = ReconnectPolicy::new().max_server_delay(Duration::MAX);
    for policy in [ReconnectPolicy::browser(), unlimited.clone(), unlimited.max(Duration::MAX)] {
        let mut reconnect = ReconnectState::new(policy.jitter(0.9));
        let outcome = AttemptOutcome {
            retry: Some(Duration::from_millis(u64::MAX)),
            retry_after: Some(Duration::from_secs(u64::MAX)),
            ..outcome(DisconnectCause::Broken)
        };
        for _ in 0..40 {
            assert!(after(reconnect.decide(&outcome)) >= Duration::from_secs(u64::MAX));
        }
    }
}
