//! What a day may offer.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::*;
use crate::calendar::CalendarError;

fn publish(sessions: Vec<Session>) -> CalendarCommand {
    publish_at(the_day_before(), sessions)
}

fn publish_at(now: DateTime<Utc>, sessions: Vec<Session>) -> CalendarCommand {
    CalendarCommand::PublishAvailability {
        day: day(),
        time_zone: BERLIN,
        sessions,
        now,
    }
}

/// One session, on another day or in another place.
fn publish_on(day: NaiveDate, time_zone: Tz, start: &str, end: &str) -> CalendarCommand {
    let session = Session {
        start: start.parse().unwrap(),
        end: end.parse().unwrap(),
        slot_minutes: 30,
    };
    CalendarCommand::PublishAvailability {
        day,
        time_zone,
        sessions: vec![session],
        now: DateTime::UNIX_EPOCH,
    }
}

fn refused(command: CalendarCommand, error: CalendarError) {
    given(Vec::new()).when(command).then_expect_error(error);
}

/// How many slots a command offers that nothing forbids.
fn slots_offered(command: CalendarCommand) -> usize {
    folded(given(Vec::new()).when(command).inspect_result().unwrap())
        .free_slots()
        .count()
}

#[test]
fn a_day_offers_what_was_published_in_order() {
    let (morning, afternoon) = (session(8, 12, 30), session(13, 16, 20));
    given(Vec::new())
        .when(publish(vec![afternoon, morning]))
        .then_expect_events(vec![CalendarEvent::AvailabilityPublished {
            sessions: vec![morning, afternoon],
        }]);
}

#[test]
fn a_session_is_at_least_as_long_as_its_slots() {
    let whole = session(8, 9, 60);
    assert_eq!(slots_offered(publish(vec![whole])), 1);
    let too_short = Session {
        slot_minutes: 61,
        ..whole
    };
    refused(publish(vec![too_short]), CalendarError::EmptySession { place: 0 });
    let longest = Session {
        slot_minutes: u32::MAX,
        ..whole
    };
    refused(publish(vec![longest]), CalendarError::EmptySession { place: 0 });
}

#[test]
fn publishing_again_replaces_what_was_offered() {
    let sessions = vec![session(13, 16, 20)];
    given(vec![published()])
        .when(publish(sessions.clone()))
        .then_expect_events(vec![CalendarEvent::AvailabilityPublished { sessions }]);
}

#[test]
fn publishing_the_same_again_changes_nothing_even_when_it_is_over() {
    given(vec![published()])
        .when(publish_at(at(23, 0), vec![session(8, 12, 30)]))
        .then_expect_events(vec![]);
}

#[test]
fn offering_nothing_where_nothing_was_offered_changes_nothing() {
    given(Vec::new()).when(publish(vec![])).then_expect_events(vec![]);
}

#[test]
fn a_day_can_be_closed_again() {
    given(vec![published()])
        .when(publish(vec![]))
        .then_expect_events(vec![CalendarEvent::AvailabilityPublished { sessions: vec![] }]);
}

#[test]
fn a_session_without_length_is_refused() {
    refused(
        publish(vec![session(8, 8, 30)]),
        CalendarError::EmptySession { place: 0 },
    );
    refused(
        publish(vec![session(9, 8, 30)]),
        CalendarError::EmptySession { place: 0 },
    );
    refused(
        publish(vec![session(8, 9, 0)]),
        CalendarError::EmptySession { place: 0 },
    );
}

#[test]
fn sessions_that_overlap_are_refused_and_sessions_that_touch_are_not() {
    refused(
        publish(vec![session(8, 12, 30), session(11, 13, 30)]),
        CalendarError::SessionsOverlap,
    );
    refused(
        publish(vec![session(8, 12, 30), session(8, 12, 30)]),
        CalendarError::SessionsOverlap,
    );
    assert_eq!(
        slots_offered(publish(vec![session(8, 12, 30), session(12, 13, 20)])),
        8 + 3
    );
}

#[test]
fn a_session_that_is_over_is_refused() {
    refused(
        publish_at(at(12, 0), vec![session(8, 12, 30)]),
        CalendarError::InThePast,
    );
}

#[test]
fn a_session_that_still_goes_on_may_be_published() {
    assert_eq!(slots_offered(publish_at(at(11, 59), vec![session(8, 12, 30)])), 8);
}

#[test]
fn a_session_offered_before_may_stand_beside_a_new_one_when_it_is_over() {
    let sessions = vec![session(8, 12, 30), session(14, 15, 30)];
    given(vec![published()])
        .when(publish_at(at(13, 0), sessions.clone()))
        .then_expect_events(vec![CalendarEvent::AvailabilityPublished { sessions }]);
}

#[test]
fn fractions_of_a_second_are_dropped() {
    let fraction = TimeDelta::milliseconds(250);
    let Session {
        start,
        end,
        slot_minutes,
    } = session(8, 12, 30);
    given(Vec::new())
        .when(publish(vec![Session {
            start: start + fraction,
            end: end + fraction,
            slot_minutes,
        }]))
        .then_expect_events(vec![published()]);
}

fn outside(day: NaiveDate, time_zone: Tz) -> CalendarError {
    CalendarError::OutsideTheDay {
        place: 0,
        day,
        time_zone,
    }
}

#[test]
fn a_day_begins_and_ends_at_midnight_of_its_time_zone() {
    let whole = publish_on(day(), BERLIN, "2026-03-01T23:00:00Z", "2026-03-02T23:00:00Z");
    assert_eq!(slots_offered(whole), 48);
    for (start, end) in [
        ("2026-03-01T22:59:59Z", "2026-03-02T08:00:00Z"),
        ("2026-03-02T20:00:00Z", "2026-03-02T23:00:01Z"),
        ("2026-03-01T08:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-02T08:00:00Z", "2026-04-02T12:00:00Z"),
    ] {
        refused(publish_on(day(), BERLIN, start, end), outside(day(), BERLIN));
    }
}

#[test]
fn the_day_on_which_clocks_go_forward_has_twenty_three_hours() {
    let spring = date(2026, 3, 29);
    let whole = |end| publish_on(spring, BERLIN, "2026-03-28T23:00:00Z", end);
    assert_eq!(slots_offered(whole("2026-03-29T22:00:00Z")), 46);
    refused(whole("2026-03-29T22:00:01Z"), outside(spring, BERLIN));
}

#[test]
fn the_day_on_which_clocks_go_back_has_twenty_five_hours() {
    let autumn = date(2026, 10, 25);
    let whole = |end| publish_on(autumn, BERLIN, "2026-10-24T22:00:00Z", end);
    assert_eq!(slots_offered(whole("2026-10-25T23:00:00Z")), 50);
    refused(whole("2026-10-25T23:00:01Z"), outside(autumn, BERLIN));
}

#[test]
fn a_session_runs_through_the_hour_that_is_repeated() {
    let repeated = publish_on(
        date(2026, 10, 25),
        BERLIN,
        "2026-10-25T00:00:00Z",
        "2026-10-25T02:00:00Z",
    );
    assert_eq!(slots_offered(repeated), 4, "02:00 to 03:00 by the clock, twice");
}

#[test]
fn a_day_whose_midnight_is_skipped_begins_at_one() {
    let beirut = chrono_tz::Asia::Beirut;
    let spring = date(2026, 3, 29);
    let from = |start| publish_on(spring, beirut, start, "2026-03-29T21:00:00Z");
    assert_eq!(slots_offered(from("2026-03-28T22:00:00Z")), 46);
    refused(from("2026-03-28T21:59:59Z"), outside(spring, beirut));
}

#[test]
fn a_session_at_the_edge_of_the_calendar_is_refused_without_a_panic() {
    let session = Session {
        start: DateTime::<Utc>::MIN_UTC,
        end: DateTime::<Utc>::MAX_UTC,
        slot_minutes: 1,
    };
    for (day, time_zone) in [
        (NaiveDate::MIN, chrono_tz::America::New_York),
        (NaiveDate::MAX, chrono_tz::Asia::Tokyo),
    ] {
        let command = CalendarCommand::PublishAvailability {
            day,
            time_zone,
            sessions: vec![session],
            now: the_day_before(),
        };
        refused(command, outside(day, time_zone));
    }
}

#[test]
fn a_remainder_at_the_end_of_a_session_offers_nothing() {
    assert_eq!(slots_offered(publish(vec![session(8, 9, 25)])), 2);
}

#[test]
fn slots_end_with_the_calendar() {
    let last = DateTime::<Utc>::MAX_UTC;
    let session = Session {
        start: last - TimeDelta::minutes(5),
        end: last,
        slot_minutes: 2,
    };
    assert!(session.slots().count() <= 3);
}
