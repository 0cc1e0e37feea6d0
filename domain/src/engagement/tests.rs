//! Given-when-then, and what holds whatever was asked.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    AccountId, AggregateRef, ClinicAggregate as _, ClinicEvent as _, Contradiction, DomainError as _, EngagementId,
    Flaw, PatientId, Personal, RefusalKind, testing,
};
use crate::samples::values::time;

const AUDITOR: AccountId = AccountId::new(Uuid::from_u128(1));
const OTHER: AccountId = AccountId::new(Uuid::from_u128(2));
const PATIENT: PatientId = PatientId::new(Uuid::from_u128(3));

fn now() -> DateTime<Utc> {
    time("2026-03-02T08:00:00Z")
}

fn end() -> DateTime<Utc> {
    time("2026-03-09T08:00:00Z")
}

fn beginning() -> Beginning {
    Beginning {
        auditor: AUDITOR,
        scope: AuditScope::Patient(Personal::Known(PATIENT)),
        from: time("2026-02-01T00:00:00Z"),
        until: time("2026-03-01T00:00:00Z"),
        reason: AuditReason::Complaint,
        reference: Some("2026-17".to_owned()),
        days: 7,
        now: now(),
    }
}

fn terms() -> Terms {
    let Beginning {
        auditor,
        from,
        until,
        reason,
        reference,
        ..
    } = beginning();
    Terms {
        auditor,
        from,
        until,
        reason,
        reference,
        at: now(),
        ends: end(),
    }
}

fn begun() -> EngagementEvent {
    EngagementEvent::Begun {
        scope: beginning().scope,
        terms: terms(),
    }
}

fn ended(at: DateTime<Utc>) -> EngagementEvent {
    EngagementEvent::Ended { at }
}

/// What comes of beginning anew otherwise.
fn begin(change: impl FnOnce(&mut Beginning)) -> Result<(), EngagementError> {
    let mut beginning = beginning();
    change(&mut beginning);
    let decided = Engagement::default().decide(EngagementCommand::Begin(beginning));
    decided.map(drop)
}

#[test]
fn an_auditor_is_engaged_for_so_many_days() {
    testing::given::<Engagement>(vec![])
        .when(EngagementCommand::Begin(beginning()))
        .then_expect_events(vec![begun()]);
}

#[test]
fn the_same_again_changes_nothing_and_anything_else_under_its_id_is_refused() {
    testing::given::<Engagement>(vec![begun()])
        .when(EngagementCommand::Begin(beginning()))
        .then_expect_events(vec![]);
    let other = Beginning {
        auditor: OTHER,
        ..beginning()
    };
    testing::given::<Engagement>(vec![begun()])
        .when(EngagementCommand::Begin(other))
        .then_expect_error(EngagementError::Exists);
    let later = Beginning {
        now: now() + TimeDelta::milliseconds(1),
        ..beginning()
    };
    testing::given::<Engagement>(vec![begun()])
        .when(EngagementCommand::Begin(later))
        .then_expect_error(EngagementError::Exists);
}

#[test]
fn the_time_that_is_examined_and_the_time_to_do_so_are_limited() {
    use EngagementError::{Backwards, Days, Reference, TooLong};
    for (until, expected) in [
        ("2026-02-01T00:00:00Z", Err(Backwards)),
        ("2026-02-01T00:00:00.001Z", Ok(())),
        ("2027-02-02T00:00:00Z", Ok(())),
        ("2027-02-02T00:00:00.001Z", Err(TooLong)),
    ] {
        assert_eq!(begin(|beginning| beginning.until = time(until)), expected, "{until}");
    }
    for (days, expected) in [(0, Err(Days)), (1, Ok(())), (90, Ok(())), (91, Err(Days))] {
        assert_eq!(begin(|beginning| beginning.days = days), expected, "{days}");
    }
    for (reference, expected) in [
        (None, Ok(())),
        (Some("a".repeat(64)), Ok(())),
        (Some(String::new()), Err(Reference(Flaw::Empty))),
        (Some("a".repeat(65)), Err(Reference(Flaw::TooLong { most: 64 }))),
    ] {
        let named = reference.clone();
        assert_eq!(
            begin(|beginning| beginning.reference = named),
            expected,
            "{reference:?}"
        );
    }
}

#[test]
fn what_has_ended_stays_ended() {
    let early = end() - TimeDelta::milliseconds(1);
    for (given, at, expected) in [
        (vec![], now(), Err(EngagementError::Missing)),
        (vec![begun()], early, Ok(vec![ended(early)])),
        // By a clock that is late.
        (vec![begun()], now() - TimeDelta::seconds(1), Ok(vec![ended(now())])),
        (vec![begun()], end(), Ok(vec![])),
        (vec![begun(), ended(now())], now(), Ok(vec![])),
    ] {
        let decided = testing::folded::<Engagement>(given.clone()).decide(EngagementCommand::End { now: at });
        assert_eq!(decided, expected, "{given:?} {at}");
    }
    assert!(matches!(EngagementError::Missing.kind(), RefusalKind::Missing(_)));
}

#[test]
fn it_is_open_to_its_auditor_alone_until_it_ends_and_never_about_somebody_who_cannot_be_read() {
    let early = end() - TimeDelta::milliseconds(1);
    let sealed = EngagementEvent::Begun {
        scope: AuditScope::Patient(Personal::Sealed),
        terms: terms(),
    };
    for (given, auditor, at, expected) in [
        (vec![], AUDITOR, now(), false),
        (vec![begun()], AUDITOR, now(), true),
        (vec![begun()], OTHER, now(), false),
        (vec![begun()], AUDITOR, early, true),
        (vec![begun()], AUDITOR, end(), false),
        (vec![begun(), ended(now())], AUDITOR, now(), false),
        (vec![sealed], AUDITOR, now(), false),
    ] {
        let engagement = testing::folded::<Engagement>(given.clone());
        assert_eq!(engagement.open_to(auditor, at).is_some(), expected, "{given:?} {at}");
    }
}

#[test]
fn whom_it_is_about_stands_under_that_patients_key_and_of_others_nothing_is_sealed_so() {
    let id = EngagementId::new(Uuid::from_u128(9));
    let subject = |event: &EngagementEvent| event.subject(&AggregateRef::Engagement(id));
    assert_eq!(subject(&begun()), Some(PATIENT.into()));
    let account = EngagementEvent::Begun {
        scope: AuditScope::Account { account: OTHER },
        terms: terms(),
    };
    assert_eq!(subject(&account), None);
    assert_eq!(account.encode().unwrap().personal, None);
}

#[test]
fn what_contradicts_the_rules_is_told() {
    use Contradiction::{BeforeTheBeginning, Impossible, Twice};
    let with = |change: fn(&mut Terms)| {
        let mut terms = terms();
        change(&mut terms);
        let scope = AuditScope::Everybody;
        EngagementEvent::Begun { scope, terms }
    };
    let early = end() - TimeDelta::milliseconds(1);
    for (given, event, expected) in [
        (vec![], begun(), None),
        (vec![begun()], begun(), Some(Twice)),
        (vec![], ended(now()), Some(BeforeTheBeginning)),
        (vec![begun()], ended(now()), None),
        (vec![begun()], ended(early), None),
        (vec![begun()], ended(end()), Some(Impossible)),
        (
            vec![begun()],
            ended(now() - TimeDelta::milliseconds(1)),
            Some(Impossible),
        ),
        (vec![begun(), ended(now())], ended(now()), Some(Twice)),
        (vec![], with(|terms| terms.until = terms.from), Some(Impossible)),
        (vec![], with(|terms| terms.ends = terms.at), Some(Impossible)),
        (
            vec![],
            with(|terms| terms.reference = Some(String::new())),
            Some(Impossible),
        ),
    ] {
        let told = testing::contradiction::<Engagement>(given.clone(), &event);
        assert_eq!(told, expected, "{given:?} {event:?}");
    }
}

proptest! {
    /// Whatever is asked for: what is begun is open from when it began, for no longer than it may be, and nothing the rules forbid.
    #[test]
    fn whatever_is_begun_is_open_and_ends(days in 0..200_u16, length in -10..400_i64, later in 0..300_i64) {
        let mut asked = beginning();
        asked.days = days;
        asked.until = asked.from + TimeDelta::days(length);
        let Ok(events) = Engagement::default().decide(EngagementCommand::Begin(asked)) else {
            prop_assert!(days == 0 || days > 90 || length <= 0 || length > 366);
            return Ok(());
        };
        for event in &events {
            prop_assert_eq!(Engagement::default().contradiction(event), None);
        }
        let engagement = testing::folded::<Engagement>(events);
        let end = EngagementCommand::End { now: now() + TimeDelta::days(later - 150) };
        for event in engagement.decide(end).unwrap() {
            prop_assert_eq!(engagement.contradiction(&event), None);
        }
        let open = engagement.open_to(AUDITOR, now() + TimeDelta::days(later)).is_some();
        prop_assert_eq!(open, later < i64::from(days));
    }
}
