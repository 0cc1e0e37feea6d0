//! Given-when-then, and what holds whatever was asked.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    Category, ClinicAggregate as _, Contradiction, DomainError as _, Flaw, Personal, PractitionerId, RefusalKind,
    testing,
};
use crate::samples::values::time;

const DOCTOR: PractitionerId = PractitionerId::new(Uuid::from_u128(1));
const OTHER: PractitionerId = PractitionerId::new(Uuid::from_u128(2));

fn now() -> DateTime<Utc> {
    time("2026-03-01T08:00:00Z")
}

fn opening(categories: &[Category], minutes: u16) -> Opening {
    Opening {
        practitioner: DOCTOR,
        system: None,
        open: 0,
        reason: "Unconscious.".to_owned(),
        categories: categories.to_vec(),
        minutes,
        to_justify: TimeDelta::hours(24),
        now: now(),
    }
}

fn known() -> Opened {
    Opened {
        practitioner: DOCTOR,
        system: None,
        reason: "Unconscious.".to_owned(),
        categories: vec![Category::Identity, Category::Summary],
        at: now(),
        until: time("2026-03-01T09:00:00Z"),
        justify_by: time("2026-03-02T08:00:00Z"),
    }
}

fn event_of(opened: Opened) -> EmergencyEvent {
    EmergencyEvent::Opened {
        opened: Personal::Known(opened),
    }
}

fn opened() -> EmergencyEvent {
    event_of(known())
}

fn justified(text: &str) -> EmergencyEvent {
    EmergencyEvent::Justified {
        justification: Personal::Known(Justification {
            text: text.to_owned(),
            system: None,
            at: now(),
        }),
    }
}

fn flagged(at: &str) -> EmergencyEvent {
    EmergencyEvent::Flagged {
        flag: Personal::Known(Flag { at: time(at) }),
    }
}

fn justify(practitioner: PractitionerId, text: &str) -> EmergencyCommand {
    EmergencyCommand::Justify {
        practitioner,
        system: None,
        text: text.to_owned(),
        now: now(),
    }
}

fn flag(at: &str) -> EmergencyCommand {
    EmergencyCommand::Flag { now: time(at) }
}

/// What is asked, and what comes of it.
fn asked(given: Vec<EmergencyEvent>, command: EmergencyCommand) -> Result<Vec<EmergencyEvent>, EmergencyError> {
    testing::folded::<Emergency>(given).decide(command)
}

#[test]
fn a_record_is_opened_with_who_the_patient_is_each_category_once_and_in_order() {
    let categories = [Category::Summary, Category::Summary];
    testing::given::<Emergency>(vec![])
        .when(EmergencyCommand::Open(opening(&categories, 60)))
        .then_expect_events(vec![opened()]);
}

#[test]
fn the_same_again_changes_nothing_and_anything_else_under_its_id_is_refused() {
    let open = |minutes| EmergencyCommand::Open(opening(&[Category::Summary], minutes));
    assert_eq!(asked(vec![opened()], open(60)), Ok(vec![]));
    assert_eq!(asked(vec![opened()], open(61)), Err(EmergencyError::Exists));
}

#[test]
fn neither_bills_nor_who_may_read_nor_what_is_sensitive_is_opened_and_nothing_for_long_or_without_a_reason() {
    use EmergencyError::{Minutes, NotForEmergencies, Nothing, Reason};
    let open = |opening: Opening| asked(vec![], EmergencyCommand::Open(opening)).map(drop);
    for category in Category::ALL {
        let is_closed = [Category::Billing, Category::Access, Category::Sensitive].contains(&category);
        let expected = if is_closed { Err(NotForEmergencies) } else { Ok(()) };
        assert_eq!(open(opening(&[category], 60)), expected, "{category}");
    }
    assert_eq!(open(opening(&[], 60)), Err(Nothing));
    for (minutes, expected) in [
        (0, Err(Minutes)),
        (4, Err(Minutes)),
        (5, Ok(())),
        (240, Ok(())),
        (241, Err(Minutes)),
    ] {
        assert_eq!(open(opening(&[Category::Summary], minutes)), expected, "{minutes}");
    }
    let because = |reason: &str| {
        open(Opening {
            reason: reason.to_owned(),
            ..opening(&[Category::Summary], 60)
        })
    };
    assert_eq!(because(" \n"), Err(Reason(Flaw::Empty)));
    assert_eq!(because(&"a".repeat(2000)), Ok(()));
    assert_eq!(because(&"a".repeat(2001)), Err(Reason(Flaw::TooLong { most: 2000 })));
}

#[test]
fn only_who_has_opened_it_justifies_it_once_and_also_late() {
    use EmergencyError::{Justification as Unjust, Justified, NotOpened, Sealed};
    let late = flagged("2026-03-02T08:00:00Z");
    let sealed = EmergencyEvent::Opened {
        opened: Personal::Sealed,
    };
    let said = "Nobody could ask her.";
    for (given, command, expected) in [
        (vec![], justify(DOCTOR, said), Err(NotOpened)),
        (vec![sealed], justify(DOCTOR, said), Err(Sealed)),
        (vec![opened()], justify(OTHER, said), Err(NotOpened)),
        (vec![opened()], justify(DOCTOR, ""), Err(Unjust(Flaw::Empty))),
        (vec![opened()], justify(DOCTOR, said), Ok(vec![justified(said)])),
        (vec![opened(), late], justify(DOCTOR, said), Ok(vec![justified(said)])),
        (vec![opened(), justified(said)], justify(DOCTOR, said), Ok(vec![])),
        (
            vec![opened(), justified(said)],
            justify(DOCTOR, "Else."),
            Err(Justified),
        ),
        (vec![opened(), justified(said)], justify(OTHER, said), Err(NotOpened)),
    ] {
        assert_eq!(asked(given.clone(), command.clone()), expected, "{given:?} {command:?}");
    }
    assert!(matches!(NotOpened.kind(), RefusalKind::Missing(_)));
}

#[test]
fn who_justifies_too_late_is_flagged_though_nobody_has_looked() {
    let due = "2026-03-02T08:00:00Z";
    let late = |at: &str| EmergencyCommand::Justify {
        practitioner: DOCTOR,
        system: None,
        text: "Right.".to_owned(),
        now: time(at),
    };
    let said = |at: &str| EmergencyEvent::Justified {
        justification: Personal::Known(Justification {
            text: "Right.".to_owned(),
            system: None,
            at: time(at),
        }),
    };
    let early = "2026-03-02T07:59:59.999Z";
    assert_eq!(asked(vec![opened()], late(early)), Ok(vec![said(early)]));
    assert_eq!(asked(vec![opened()], late(due)), Ok(vec![flagged(due), said(due)]));
    assert_eq!(asked(vec![opened(), flagged(due)], late(due)), Ok(vec![said(due)]));
}

#[test]
fn a_practitioner_has_a_record_open_only_so_often() {
    let open = |open| {
        let opening = Opening {
            open,
            ..opening(&[Category::Summary], 60)
        };
        asked(vec![], EmergencyCommand::Open(opening)).map(drop)
    };
    assert_eq!(open(Opened::MOST - 1), Ok(()));
    assert_eq!(open(Opened::MOST), Err(EmergencyError::TooMany));
}

#[test]
fn what_is_not_justified_in_time_is_flagged_once() {
    let (early, due) = ("2026-03-02T07:59:59.999Z", "2026-03-02T08:00:00Z");
    for (given, at, expected) in [
        (vec![], due, Err(EmergencyError::NotOpened)),
        (vec![opened()], early, Err(EmergencyError::NotDue)),
        (vec![opened()], due, Ok(vec![flagged(due)])),
        (vec![opened(), flagged(due)], due, Ok(vec![])),
        (vec![opened(), justified("Right.")], due, Ok(vec![])),
    ] {
        assert_eq!(asked(given.clone(), flag(at)), expected, "{given:?} {at}");
    }
}

#[test]
fn what_contradicts_the_rules_is_told() {
    use Contradiction::{BeforeTheBeginning, Impossible, Twice};
    let with = |change: fn(&mut Opened)| {
        let mut opened = known();
        change(&mut opened);
        event_of(opened)
    };
    let due = "2026-03-02T08:00:00Z";
    for (given, event, expected) in [
        (vec![], opened(), None),
        (vec![opened()], opened(), Some(Twice)),
        (vec![], justified("Right."), Some(BeforeTheBeginning)),
        (vec![], flagged(due), Some(BeforeTheBeginning)),
        (vec![opened()], justified("Right."), None),
        (vec![opened()], justified(""), Some(Impossible)),
        (vec![opened(), justified("Right.")], justified("Else."), Some(Twice)),
        (vec![opened()], flagged(due), None),
        (vec![opened()], flagged("2026-03-02T07:59:59.999Z"), Some(Impossible)),
        (vec![opened(), flagged(due)], flagged(due), Some(Twice)),
        (vec![opened(), justified("Right.")], flagged(due), Some(Twice)),
        (vec![], with(|opened| opened.reason.clear()), Some(Impossible)),
        (
            vec![],
            with(|opened| opened.categories = vec![Category::Summary]),
            Some(Impossible),
        ),
        (vec![], with(|opened| opened.categories.reverse()), Some(Impossible)),
        (
            vec![],
            with(|opened| opened.categories.push(Category::Sensitive)),
            Some(Impossible),
        ),
        (vec![], with(|opened| opened.until = opened.at), Some(Impossible)),
        (
            vec![],
            with(|opened| opened.until = time("2026-03-01T12:00:00.001Z")),
            Some(Impossible),
        ),
        (
            vec![],
            with(|opened| opened.justify_by = time("2026-03-01T07:59:59Z")),
            Some(Impossible),
        ),
    ] {
        let told = testing::contradiction::<Emergency>(given.clone(), &event);
        assert_eq!(told, expected, "{given:?} {event:?}");
    }
}

#[test]
fn what_cannot_be_read_opens_nothing() {
    let sealed = EmergencyEvent::Opened {
        opened: Personal::Sealed,
    };
    let emergency = testing::folded::<Emergency>([sealed]);
    assert_eq!(emergency.open_to(DOCTOR, now()), []);
}

proptest! {
    /// Whatever is opened is open to who has opened it, for as long as they have said and no longer, and is contradicted by nothing.
    #[test]
    fn a_record_is_open_to_who_has_opened_it_and_for_so_long(
        minutes in 5..=240_u16,
        categories in prop::sample::subsequence(Opened::CATEGORIES.to_vec(), 1..=7),
        millis in -60_000..20_000_000_i64,
    ) {
        let events = asked(vec![], EmergencyCommand::Open(opening(&categories, minutes))).unwrap();
        prop_assert_eq!(testing::contradiction::<Emergency>([], &events[0]), None);
        let emergency = testing::folded::<Emergency>(events);
        let at = now() + TimeDelta::milliseconds(millis);
        let is_open = millis < i64::from(minutes) * 60_000;
        let open = emergency.open_to(DOCTOR, at);
        prop_assert_eq!(emergency.open_to(OTHER, at), &[]);
        for category in Category::ALL {
            let is_asked = category == Category::Identity || categories.contains(&category);
            prop_assert_eq!(open.contains(&category), is_open && is_asked);
        }
    }
}
