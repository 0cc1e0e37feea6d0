//! What becomes here of what its source left open.

use super::*;

fn conclude(ending: Ending) -> EncounterCommand {
    EncounterCommand::Conclude { ending, now: at(12, 0) }
}

fn endings() -> [Ending; 3] {
    [Ending::Completed, Ending::NoShow, called_off()]
}

#[test]
fn a_visit_left_open_can_be_completed_cancelled_or_missed_once() {
    for ending in endings() {
        let (open, event) = (filed(visit(Outcome::Open)), concluded(ending.clone()));
        given(vec![open.clone()])
            .when(conclude(ending.clone()))
            .then_expect_events(vec![event.clone()]);
        given(vec![open, event])
            .when(conclude(ending))
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_visit_that_ended_takes_no_other_step() {
    for outcome in [Outcome::Completed, Outcome::Cancelled, Outcome::EnteredInError] {
        let status = EncounterStatus::from(outcome);
        for ending in endings() {
            let ended = given(vec![filed(visit(outcome))]).when(conclude(ending.clone()));
            if EncounterStatus::from(&ending) == status {
                ended.then_expect_events(vec![]);
            } else {
                ended.then_expect_error(EncounterError::WrongStatus { status });
            }
        }
    }
}

#[test]
fn a_visit_that_has_not_begun_is_only_cancelled() {
    // Nothing of the kind is filed; a log may hold it.
    let mut to_come = visit(Outcome::Open);
    to_come.slot.start = at(13, 0);
    for ending in endings() {
        let ended = given(vec![filed(to_come.clone())]).when(conclude(ending.clone()));
        match ending {
            Ending::Cancelled { .. } => ended.then_expect_events(vec![concluded(ending)]),
            _ => ended.then_expect_error(EncounterError::NotYetBegun),
        }
    }
}

#[test]
fn what_nobody_has_told_of_is_not_concluded() {
    given(vec![])
        .when(conclude(Ending::Completed))
        .then_expect_error(EncounterError::Unknown);
}
