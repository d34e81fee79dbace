use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn outcome(cause: Cause) -> Outcome {
    Outcome { cause, events: 0, uptime: Duration::ZERO, retry: None, retry_after: None }
}

fn plain() -> Reconnect {
    Reconnect::new(ReconnectPolicy::new().jitter(0.0))
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
    let delays: Vec<_> = (0..8).map(|_| after(reconnect.decide(&outcome(Cause::NoResponse))).as_secs()).collect();
    assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn a_very_long_row_of_failures_stays_at_the_longest_delay() {
    let mut reconnect = plain();
    for _ in 0..100 {
        reconnect.decide(&outcome(Cause::Broken));
    }
    reconnect.fruitless = u32::MAX;
    assert_eq!(after(reconnect.decide(&outcome(Cause::Broken))), 30 * SECOND);
}

#[test]
fn what_is_repeated_and_what_is_the_end() {
    let status = |code| Cause::Status(StatusCode::from_u16(code).unwrap());
    let rows = [
        (Cause::Ended, true, true),
        (Cause::Broken, true, true),
        (Cause::NoResponse, true, true),
        (Cause::HeldBack, true, true),
        (Cause::Refused, false, false),
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
            let decision = Reconnect::new(policy).decide(&outcome(cause));
            assert_eq!(matches!(decision, Decision::Retry { .. }), expected, "{cause:?}: {decision:?}");
        }
    }
}

#[test]
fn a_status_is_retried_as_often_in_a_row_as_the_policy_says() {
    let status = |code| Cause::Status(StatusCode::from_u16(code).unwrap());
    let (not_found, unauthorized, unavailable) = (status(404), status(401), status(503));
    let (default, browser) = (ReconnectPolicy::new(), ReconnectPolicy::browser());
    let unauthorized_once = default.clone().retry_status(StatusCode::UNAUTHORIZED, 1);
    let both = unauthorized_once.clone().retry_status(StatusCode::NOT_FOUND, 2);
    let rows: [(ReconnectPolicy, &[Cause], usize); 15] = [
        // The default, widened and narrowed: the attempts that follow.
        (default.clone(), &[not_found], 0),
        (default.clone().retry_status(StatusCode::NOT_FOUND, 5), &[not_found; 9], 5),
        (default.clone().retry_status(StatusCode::NOT_FOUND, None), &[not_found; 9], 9),
        (default.clone().retry_status(StatusCode::SERVICE_UNAVAILABLE, 0), &[unavailable], 0),
        (default.clone().retry_status(StatusCode::SERVICE_UNAVAILABLE, 2), &[unavailable; 9], 2),
        (default.retry_status(StatusCode::SERVICE_UNAVAILABLE, 0), &[status(502); 9], 9),
        (browser.clone().retry_status(StatusCode::SERVICE_UNAVAILABLE, None), &[unavailable; 9], 9),
        (browser.retry_status(StatusCode::SERVICE_UNAVAILABLE, None), &[status(502)], 0),
        (unauthorized_once.clone().retry_status(StatusCode::UNAUTHORIZED, 0), &[unauthorized], 0),
        // An event stream ends the row, with or without an event, and nothing else does.
        (unauthorized_once.clone(), &[unauthorized, Cause::Ended, unauthorized, Cause::Broken, unauthorized], 5),
        (unauthorized_once.clone(), &[unauthorized, Cause::NoResponse, unauthorized], 2),
        (unauthorized_once, &[unauthorized, unavailable, unauthorized], 2),
        // Each status has a count of its own.
        (both.clone(), &[not_found, unauthorized, not_found, not_found], 3),
        (both, &[not_found, not_found, unauthorized, unauthorized], 3),
        // There may be no attempt at all.
        (ReconnectPolicy::never().retry_status(StatusCode::NOT_FOUND, None), &[not_found], 0),
    ];
    for (number, (policy, causes, expected)) in rows.into_iter().enumerate() {
        let mut reconnect = Reconnect::new(policy);
        let decisions: Vec<_> = causes.iter().map(|cause| reconnect.decide(&outcome(*cause))).collect();
        let retried = decisions.iter().take_while(|decision| matches!(decision, Decision::Retry { .. })).count();
        assert_eq!(retried, expected, "row {number}: {decisions:?}");
        assert!(decisions.get(retried).is_none_or(|end| *end == Decision::Stop), "row {number}: {decisions:?}");
    }
}

#[test]
fn a_retried_status_has_the_delays_and_the_limit_of_every_attempt() {
    let policy = ReconnectPolicy::new().jitter(0.0).retry_status(StatusCode::NOT_FOUND, None).max_attempts(4);
    let mut reconnect = Reconnect::new(policy);
    let not_found = outcome(Cause::Status(StatusCode::NOT_FOUND));
    assert_eq!(after(reconnect.decide(&not_found)), SECOND);
    assert_eq!(after(reconnect.decide(&not_found)), 2 * SECOND);
    assert_eq!(after(reconnect.decide(&Outcome { retry_after: Some(60 * SECOND), ..not_found })), 60 * SECOND);
    assert_eq!(reconnect.decide(&not_found), Decision::GiveUp { attempts: 4 });
}

#[test]
fn a_restart_forgets_how_often_a_status_was_retried() {
    let mut reconnect = Reconnect::new(ReconnectPolicy::new().retry_status(StatusCode::UNAUTHORIZED, 1));
    let unauthorized = outcome(Cause::Status(StatusCode::UNAUTHORIZED));
    for _ in 0..3 {
        assert!(matches!(reconnect.decide(&unauthorized), Decision::Retry { .. }));
        reconnect.reset();
    }
}

#[test]
fn the_servers_retry_takes_the_place_of_the_base() {
    for (retry, expected) in [
        (millis(2500), [2500, 5000, 10_000]),
        (millis(400), [400, 800, 1600]),
        (millis(40_000), [40_000, 40_000, 40_000]),
        (millis(1), [100, 200, 400]),
        (Duration::ZERO, [100, 200, 400]),
    ] {
        let mut reconnect = plain();
        let outcome = Outcome { retry: Some(retry), ..outcome(Cause::Broken) };
        for expected in expected {
            assert_eq!(after(reconnect.decide(&outcome)), millis(expected), "retry: {retry:?}");
        }
    }
}

#[test]
fn k3_no_delay_is_shorter_than_the_server_said_and_jitter_only_adds() {
    for seed in 0..200 {
        let mut reconnect = Reconnect::new(ReconnectPolicy::new().seed(seed));
        let with_retry = Outcome { retry: Some(millis(2000)), events: 1, ..outcome(Cause::Ended) };
        let delay = after(reconnect.decide(&with_retry));
        assert!((millis(2000)..millis(3000)).contains(&delay), "{delay:?}");

        let with_retry_after =
            Outcome { retry_after: Some(100 * SECOND), ..outcome(Cause::Status(StatusCode::SERVICE_UNAVAILABLE)) };
        let delay = after(reconnect.decide(&with_retry_after));
        assert!((100 * SECOND..115 * SECOND).contains(&delay), "{delay:?}");
    }
}

#[test]
fn jitter_spreads_clients_and_a_seed_repeats_it() {
    let first = |seed| after(Reconnect::new(ReconnectPolicy::new().seed(seed)).decide(&outcome(Cause::Ended)));
    let different: std::collections::HashSet<_> = (0..50).map(first).collect();
    assert!(different.len() > 40, "{}", different.len());
    assert_eq!(first(7), first(7));
}

#[test]
fn jitter_out_of_range_is_no_jitter() {
    for part in [f64::NAN, f64::INFINITY, -1.0, f64::MAX] {
        let mut reconnect = Reconnect::new(ReconnectPolicy::new().jitter(part).seed(1));
        assert_eq!(after(reconnect.decide(&outcome(Cause::Ended))), SECOND, "{part}");
    }
}

#[test]
fn an_event_or_a_minute_of_uptime_ends_the_row_and_an_open_does_not() {
    for (events, uptime, expected) in
        [(1, Duration::ZERO, 1), (0, 60 * SECOND, 1), (0, 59 * SECOND, 8), (0, Duration::ZERO, 8)]
    {
        let mut reconnect = plain();
        for _ in 0..3 {
            reconnect.decide(&outcome(Cause::NoResponse));
        }
        let delay = after(reconnect.decide(&Outcome { events, uptime, ..outcome(Cause::Ended) }));
        assert_eq!(delay, expected * SECOND, "{events} events, {uptime:?}");
    }
}

#[test]
fn max_attempts_counts_attempts_in_a_row_that_brought_nothing() {
    let mut reconnect = Reconnect::new(ReconnectPolicy::new().max_attempts(3));
    let lost = outcome(Cause::NoResponse);
    let good = Outcome { events: 5, ..outcome(Cause::Ended) };
    assert!(matches!(reconnect.decide(&lost), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&lost), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&good), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&lost), Decision::Retry { .. }));
    assert!(matches!(reconnect.decide(&outcome(Cause::Ended)), Decision::Retry { .. }));
    assert_eq!(reconnect.decide(&lost), Decision::GiveUp { attempts: 3 });
}

#[test]
fn a_head_that_is_held_back_counts_as_an_attempt_and_does_not_lengthen_the_delay() {
    let mut reconnect = Reconnect::new(ReconnectPolicy::new().jitter(0.0).max_attempts(8));
    let causes = [
        (Cause::NoResponse, 1),
        (Cause::NoResponse, 2),
        (Cause::HeldBack, 1),
        (Cause::HeldBack, 1),
        (Cause::NoResponse, 1),
        (Cause::NoResponse, 2),
        (Cause::HeldBack, 1),
    ];
    for (cause, expected) in causes {
        assert_eq!(after(reconnect.decide(&outcome(cause))), expected * SECOND, "{cause:?}");
    }
    assert_eq!(reconnect.decide(&outcome(Cause::HeldBack)), Decision::GiveUp { attempts: 8 });
}

#[test]
fn never_is_the_end_of_the_first_connection() {
    for policy in [ReconnectPolicy::never(), ReconnectPolicy::new().max_attempts(0)] {
        for cause in [Cause::Ended, Cause::Broken, Cause::NoResponse] {
            let outcome = Outcome { events: 9, ..outcome(cause) };
            assert_eq!(Reconnect::new(policy.clone()).decide(&outcome), Decision::Stop);
        }
    }
}

#[test]
fn the_browsers_delay_is_the_reconnection_time_each_time() {
    let mut reconnect = Reconnect::new(ReconnectPolicy::browser());
    for (retry, expected) in [(None, 3000), (None, 3000), (Some(50_000), 50_000), (Some(200), 200), (Some(0), 100)] {
        let outcome = Outcome { retry: retry.map(millis), ..outcome(Cause::Ended) };
        assert_eq!(after(reconnect.decide(&outcome)), millis(expected));
    }
}

#[test]
fn a_server_is_obeyed_up_to_an_hour_unless_said_otherwise() {
    let hour = 3600 * SECOND;
    let policies = [
        (ReconnectPolicy::new().jitter(0.0), hour),
        (ReconnectPolicy::new().jitter(0.0).max_server_delay(90 * SECOND), 90 * SECOND),
        (ReconnectPolicy::browser(), Duration::from_secs(u64::MAX)),
    ];
    let unavailable = || outcome(Cause::Status(StatusCode::SERVICE_UNAVAILABLE));
    for (policy, longest) in policies {
        for asked in [60 * SECOND, 3600 * SECOND, 7200 * SECOND, Duration::from_secs(u64::MAX)] {
            let expected = asked.min(longest);
            let with_retry = Outcome { retry: Some(asked), ..outcome(Cause::Ended) };
            assert_eq!(after(Reconnect::new(policy.clone()).decide(&with_retry)), expected, "retry: {asked:?}");
            // A browser does not come back at all.
            if longest <= hour {
                let with_retry_after = Outcome { retry_after: Some(asked), ..unavailable() };
                assert_eq!(after(Reconnect::new(policy.clone()).decide(&with_retry_after)), expected, "{asked:?}");
            }
        }
    }
    // One's own delays are one's own.
    let own = ReconnectPolicy::new().jitter(0.0).base(2 * hour);
    assert_eq!(after(Reconnect::new(own).decide(&outcome(Cause::Ended))), 2 * hour);
}

#[test]
fn p15_the_longest_retry_does_not_overflow() {
    let unlimited = ReconnectPolicy::new().max_server_delay(Duration::MAX);
    for policy in [ReconnectPolicy::browser(), unlimited.clone(), unlimited.max(Duration::MAX)] {
        let mut reconnect = Reconnect::new(policy.jitter(0.9));
        let outcome = Outcome {
            retry: Some(Duration::from_millis(u64::MAX)),
            retry_after: Some(Duration::from_secs(u64::MAX)),
            ..outcome(Cause::Broken)
        };
        for _ in 0..40 {
            assert!(after(reconnect.decide(&outcome)) >= Duration::from_secs(u64::MAX));
        }
    }
}
