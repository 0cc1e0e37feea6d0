//! Encounters of the past, as their source tells them.

use super::*;
use crate::kernel::SourceId;

const OUTCOMES: [Outcome; 4] = [
    Outcome::Completed,
    Outcome::Cancelled,
    Outcome::Open,
    Outcome::EnteredInError,
];

const EARLY: fn() -> Option<DateTime<Utc>> = || Some(at(6, 0));
const LATE: fn() -> Option<DateTime<Utc>> = || Some(at(7, 0));

#[test]
fn a_visit_is_filed_as_it_was() {
    for outcome in OUTCOMES {
        let told = as_of(visit(outcome), LATE());
        given(vec![])
            .when(file(told.clone()))
            .then_expect_events(vec![filed(told.clone())]);
        assert_eq!(folded([filed(told)]).status(), Some(outcome.into()));
    }
}

#[test]
fn what_the_log_does_not_keep_is_dropped_before_it_is_decided() {
    let exact = Filed {
        slot: Slot {
            start: at(9, 0) + chrono::TimeDelta::microseconds(5),
            minutes: 30,
        },
        as_of: Some(at(7, 0) + chrono::TimeDelta::microseconds(5)),
        ..visit(Outcome::Completed)
    };
    let kept = as_of(visit(Outcome::Completed), LATE());
    given(vec![])
        .when(file(exact.clone()))
        .then_expect_events(vec![filed(kept.clone())]);
    given(vec![filed(kept)]).when(correct(exact)).then_expect_events(vec![]);
}

#[test]
fn a_visit_that_has_not_begun_is_refused() {
    let on = |hour, minute, minutes| Filed {
        slot: Slot {
            start: at(hour, minute),
            minutes,
        },
        ..visit(Outcome::Open)
    };
    given(vec![])
        .when(file(on(12, 1, 30)))
        .then_expect_error(EncounterError::NotYetBegun);
    given(vec![filed(visit(Outcome::Open))])
        .when(correct(on(12, 1, 30)))
        .then_expect_error(EncounterError::NotYetBegun);
    given(vec![])
        .when(file(on(12, 0, 600)))
        .then_expect_events(vec![filed(on(12, 0, 600))]);
}

#[test]
fn a_visit_without_length_is_refused() {
    let mut nothing = visit(Outcome::Completed);
    nothing.slot.minutes = 0;
    given(vec![])
        .when(file(nothing))
        .then_expect_error(EncounterError::Empty);
}

#[test]
fn filing_the_same_again_changes_nothing_whatever_became_of_it() {
    for outcome in OUTCOMES {
        given(vec![filed(as_of(visit(outcome), EARLY()))])
            .when(file(as_of(visit(outcome), EARLY())))
            .then_expect_events(vec![]);
    }
    let open = visit(Outcome::Open);
    given(vec![filed(open.clone()), concluded(Ending::Completed)])
        .when(file(open))
        .then_expect_events(vec![]);
}

#[test]
fn filing_again_with_other_content_is_refused() {
    let told = visit(Outcome::Completed);
    for other in [
        later(Outcome::Completed, None),
        visit(Outcome::Open),
        Filed {
            reason: None,
            ..told.clone()
        },
        Filed {
            day: day(3),
            ..told.clone()
        },
        Filed {
            provider: doctor(8),
            ..told.clone()
        },
        Filed {
            provider: Provider::Organization(Uuid::from_u128(7)),
            ..told.clone()
        },
    ] {
        given(vec![filed(told.clone())])
            .when(file(other))
            .then_expect_error(EncounterError::AlreadyExists);
    }
}

#[test]
fn a_correction_takes_the_place_of_what_is_not_newer() {
    use Outcome::{Cancelled, Completed, Open};
    for (before, before_as_of, outcome, as_of_then) in [
        (Open, None, Completed, None),
        (Open, EARLY(), Completed, LATE()),
        (Open, EARLY(), Open, LATE()),
        (Completed, EARLY(), Cancelled, LATE()),
        (Completed, EARLY(), Cancelled, EARLY()),
        (Completed, LATE(), Cancelled, None),
        (Completed, None, Cancelled, EARLY()),
        (Completed, EARLY(), Open, LATE()),
    ] {
        let told = later(outcome, as_of_then);
        given(vec![filed(as_of(visit(before), before_as_of))])
            .when(correct(told.clone()))
            .then_expect_events(vec![filed(match (before_as_of, as_of_then) {
                // It is as of now, for what it takes the place of was dated.
                (Some(_), None) => as_of(told, Some(at(12, 0))),
                _ => told,
            })]);
    }
    // Of two states of one moment the later stage counts, or else the first one; a reason is added.
    let first = as_of(visit(Completed), EARLY());
    for told in [later(Completed, EARLY()), later(Open, EARLY())] {
        given(vec![filed(first.clone())])
            .when(correct(told))
            .then_expect_error(EncounterError::Superseded);
    }
    let unknown = Filed {
        reason: None,
        ..first.clone()
    };
    given(vec![filed(unknown)])
        .when(correct(first.clone()))
        .then_expect_events(vec![filed(first)]);
    // Nor does an older state undo an undated one that took the place of what people said here.
    let told = as_of(later(Completed, None), Some(at(12, 0)));
    let history = || vec![filed(as_of(visit(Open), EARLY())), concluded(Ending::NoShow)];
    given(history())
        .when(correct(later(Completed, None)))
        .then_expect_events(vec![filed(told.clone())]);
    given([history(), vec![filed(told)]].concat())
        .when(correct(later(Cancelled, LATE())))
        .then_expect_error(EncounterError::Superseded);
}

#[test]
fn an_older_state_takes_no_place() {
    use Outcome::{Completed, Open};
    for (before, before_as_of, outcome, as_of_then) in [
        (Completed, LATE(), Completed, EARLY()),
        (Open, LATE(), Completed, EARLY()),
        // Not dated, an open visit is the older one.
        (Completed, None, Open, None),
        (Completed, EARLY(), Open, None),
        (Completed, None, Open, LATE()),
    ] {
        given(vec![filed(as_of(visit(before), before_as_of))])
            .when(correct(later(outcome, as_of_then)))
            .then_expect_error(EncounterError::Superseded);
    }
    // A state without a date is applied as it comes, and does not hide when the last dated one was.
    given(vec![
        filed(as_of(visit(Completed), LATE())),
        filed(later(Completed, None)),
    ])
    .when(correct(as_of(visit(Completed), EARLY())))
    .then_expect_error(EncounterError::Superseded);
}

#[test]
fn the_same_content_of_a_newer_state_counts_as_the_newer_one() {
    let again = as_of(visit(Outcome::Completed), LATE());
    given(vec![filed(as_of(visit(Outcome::Completed), EARLY()))])
        .when(correct(again.clone()))
        .then_expect_events(vec![filed(again.clone())]);
    given(vec![filed(again.clone())])
        .when(correct(again))
        .then_expect_events(vec![]);
}

#[test]
fn further_names_are_kept_with_those_that_are_known() {
    let known = as_of(named(visit(Outcome::Open), &[1]), LATE());
    let further = |numbers: &[u8]| EncounterEvent::Named {
        names: Personal::Known(named(visit(Outcome::Open), numbers).names),
    };
    for before in [vec![], vec![concluded(Ending::Completed)]] {
        let history = || [vec![filed(known.clone())], before.clone()].concat();
        for told in [named(visit(Outcome::Open), &[1]), visit(Outcome::Open)] {
            given(history()).when(file(told)).then_expect_events(vec![]);
        }
        let told = named(visit(Outcome::Open), &[2]);
        given(history())
            .when(file(told.clone()))
            .then_expect_events(vec![further(&[2, 1])]);
        given(history())
            .when(EncounterCommand::Name(told.names))
            .then_expect_events(vec![further(&[2, 1])]);
        // A name opens nothing.
        let status = folded(history()).status();
        assert_eq!(folded([history(), vec![further(&[2, 1])]].concat()).status(), status);
    }
    let told = named(later(Outcome::Completed, LATE()), &[2]);
    given(vec![filed(known), further(&[3, 1])])
        .when(correct(told.clone()))
        .then_expect_events(vec![filed(named(told, &[2, 3, 1]))]);
    given(vec![])
        .when(EncounterCommand::Name(named(visit(Outcome::Open), &[1]).names))
        .then_expect_events(vec![]);
}

#[test]
fn the_id_of_another_visit_is_refused() {
    let here = |resource: u8| SourceId {
        server: Some(SourceId::of_server([1; 4])),
        patient: None,
        resource: [resource; 8],
    };
    let told_by = |numbers: &[u8], source: Option<SourceId>| {
        let mut told = named(visit(Outcome::Completed), numbers);
        told.names.sources = source.into();
        told
    };
    let known = told_by(&[1, 3], Some(here(7)));
    let file = |told: Filed, recognised| {
        let told = Told {
            filed: told,
            recognised,
            corrects: true,
            now: at(12, 0),
        };
        given(vec![filed(known.clone())]).when(EncounterCommand::File(told))
    };
    // What was not looked for must be this one by its names.
    file(told_by(&[1, 2], None), false).then_expect_error(EncounterError::AnotherVisit);
    file(told_by(&[1, 3], None), false).then_expect_events(vec![]);
    // What was found is another one only if it certainly is.
    file(told_by(&[1, 3], Some(here(8))), true).then_expect_error(EncounterError::AnotherVisit);
    file(told_by(&[1, 3], Some(here(7))), true).then_expect_events(vec![]);
}

#[test]
fn what_was_concluded_here_is_not_undone_by_what_its_source_told_before() {
    let history = || {
        vec![
            filed(as_of(visit(Outcome::Open), EARLY())),
            concluded(Ending::Completed),
        ]
    };
    // It was concluded at noon.
    for outcome in [
        Outcome::Open,
        Outcome::Completed,
        Outcome::Cancelled,
        Outcome::EnteredInError,
    ] {
        given(history())
            .when(correct(later(outcome, LATE())))
            .then_expect_error(EncounterError::Superseded);
    }
    let since = Some(at(12, 1));
    given(history())
        .when(correct(later(Outcome::Open, since)))
        .then_expect_error(EncounterError::Superseded);
    let told = later(Outcome::Cancelled, since);
    given(history())
        .when(correct(told.clone()))
        .then_expect_events(vec![filed(told)]);
}

#[test]
fn a_visit_that_its_source_takes_back_is_none_and_an_older_state_does_not_bring_it() {
    use Outcome::{Completed, EnteredInError};
    let taken_back = as_of(visit(EnteredInError), LATE());
    // In whatever order they are told.
    for before in [vec![], vec![filed(as_of(visit(Completed), EARLY()))]] {
        given(before)
            .when(correct(taken_back.clone()))
            .then_expect_events(vec![filed(taken_back.clone())]);
    }
    given(vec![filed(taken_back.clone())])
        .when(correct(as_of(visit(Completed), EARLY())))
        .then_expect_error(EncounterError::Superseded);
    let again = as_of(visit(Completed), Some(at(8, 0)));
    given(vec![filed(taken_back)])
        .when(correct(again.clone()))
        .then_expect_events(vec![filed(again)]);
}

#[test]
fn a_visit_that_is_taken_back_without_a_date_is_taken_back_as_of_now() {
    use Outcome::{Completed, EnteredInError};
    let taken_back = as_of(visit(EnteredInError), Some(at(12, 0)));
    for before in [
        vec![],
        vec![filed(as_of(visit(Completed), EARLY()))],
        vec![filed(visit(Completed))],
    ] {
        given(before)
            .when(correct(visit(EnteredInError)))
            .then_expect_events(vec![filed(taken_back.clone())]);
    }
    // An older state does not bring it back, and the same word once more changes nothing.
    given(vec![filed(taken_back.clone())])
        .when(correct(as_of(visit(Completed), EARLY())))
        .then_expect_error(EncounterError::Superseded);
    given(vec![filed(taken_back)])
        .when(correct(visit(EnteredInError)))
        .then_expect_events(vec![]);
}

#[test]
fn what_is_sealed_can_neither_be_compared_nor_concluded() {
    let sealed = EncounterEvent::Filed {
        encounter: Personal::Sealed,
    };
    for command in [
        file(visit(Outcome::Open)),
        correct(visit(Outcome::Open)),
        EncounterCommand::Conclude {
            ending: Ending::Completed,
            now: at(12, 0),
        },
    ] {
        given(vec![sealed.clone()])
            .when(command)
            .then_expect_error(EncounterError::Sealed);
    }
}

#[test]
fn a_snapshot_holds_nothing_of_what_is_in_it() {
    let encounter = folded([filed(visit(Outcome::Open)), concluded(called_off())]);
    let snapshot = serde_json::to_string(&encounter).unwrap();
    for word in ["headache", "moved away", "2026"] {
        assert!(!snapshot.contains(word), "{snapshot}");
    }
}
