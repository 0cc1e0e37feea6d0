//! What a record has room for: as many entries as a list takes, and no more than one event of the log can hold. Pure.
//!
//! Somebody with a longer history is registered with the newest of it, rather than refused. What is left out is only ever what is told
//! and not recorded yet: medications that are not taken any more, then conditions that are over, then the others, of each the oldest first.
//! Allergies only where a list takes no more of them: the last ones that are told.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::{ClinicEvent, Personal};
use domain::patient::{Condition, Findings, Intake, Matter, Medication, PatientEvent};
use infrastructure::sealing;

use super::merge::{self, Beside, Merged, Remark};

/// How many bytes of an event are kept for what stands beside the intake: who the patient is.
const DETAILS: usize = 16 * 1024;

/// What is told as far as there is room for it, and the record with that.
pub(super) struct Fitted {
    /// What is told.
    pub(super) told: Intake,
    /// The record.
    pub(super) merged: Merged,
}

/// An entry that may be left out.
type Place = (Matter, usize);

/// Takes into a record of what is told what there is room for.
pub(super) fn fitted(recorded: &Intake, told: &Intake, beside: &Beside, now: DateTime<Utc>) -> Fitted {
    let merge = |told: &Intake| merge::intake(recorded, told, beside, now);
    let mut left_out: Vec<Place> = Vec::new();
    for matter in [Matter::Conditions, Matter::Medications] {
        let of_matter = worst_first(told).into_iter().filter(|place| place.0 == matter);
        let is_short = |merged: &Merged| match matter {
            Matter::Conditions => merged.intake.conditions.list().len() <= Intake::MOST,
            _ => merged.intake.medications.list().len() <= Intake::MOST,
        };
        left_out.extend(fewest(&of_matter.collect::<Vec<_>>(), |places| {
            is_short(&merge(&without(told, places)))
        }));
    }
    let last_first = (0..told.allergies.list().len()).rev().map(|at| (Matter::Allergies, at));
    left_out.extend(fewest(&last_first.collect::<Vec<_>>(), |places| {
        merge(&without(told, places)).intake.allergies.list().len() <= Intake::MOST
    }));
    let rest = worst_first(told);
    let rest: Vec<Place> = rest.into_iter().filter(|place| !left_out.contains(place)).collect();
    let more = fewest(&rest, |places| {
        let all = [&left_out[..], places].concat();
        is_held(&merge(&without(told, &all)).intake)
    });
    left_out.extend(more);
    let told = without(told, &left_out);
    let mut merged = merge(&told);
    let remarks = left_out.iter().map(|(matter, _)| (*matter, Remark::NoRoom));
    merged.remarks.extend(remarks);
    Fitted { told, merged }
}

/// The fewest of these, from the first on, without which it is enough.
fn fewest(places: &[Place], is_enough: impl Fn(&[Place]) -> bool) -> Vec<Place> {
    let first = |count: usize| places.get(..count).unwrap_or(places);
    if is_enough(&[]) {
        return Vec::new();
    }
    let (mut too_few, mut enough) = (0, places.len());
    while enough.saturating_sub(too_few) > 1 {
        let middle = too_few.midpoint(enough);
        if is_enough(first(middle)) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    first(enough).to_vec()
}

/// What may be left out, in the order in which it is.
fn worst_first(told: &Intake) -> Vec<Place> {
    let medication = |(at, one): (usize, &Medication)| {
        let rank = if one.active { 2 } else { 0 };
        (rank, one.since, (Matter::Medications, at))
    };
    let condition = |(at, one): (usize, &Condition)| {
        let rank = if one.abated.is_none() { 3 } else { 1 };
        (rank, one.onset, (Matter::Conditions, at))
    };
    let medications = told.medications.list().iter().enumerate().map(medication);
    let conditions = told.conditions.list().iter().enumerate().map(condition);
    let mut all: Vec<(u8, Option<NaiveDate>, Place)> = medications.chain(conditions).collect();
    // What tells no day may be as old as anything. Of one day the first is the oldest.
    all.sort_by_key(|(rank, since, (_, at))| (*rank, *since, *at));
    all.into_iter().map(|(.., place)| place).collect()
}

fn without(told: &Intake, places: &[Place]) -> Intake {
    fn rest<T: Clone>(findings: &Findings<T>, out: &HashSet<usize>) -> Findings<T> {
        match findings {
            Findings::Known(list) => {
                let stay = list.iter().enumerate().filter(|(at, _)| !out.contains(at));
                stay.map(|(_, one)| one.clone()).collect::<Vec<_>>().into()
            }
            other => other.clone(),
        }
    }
    let of = |matter: Matter| -> HashSet<usize> {
        let places = places.iter().filter(|place| place.0 == matter);
        places.map(|(_, at)| *at).collect()
    };
    Intake {
        conditions: rest(&told.conditions, &of(Matter::Conditions)),
        allergies: rest(&told.allergies, &of(Matter::Allergies)),
        medications: rest(&told.medications, &of(Matter::Medications)),
        ..told.clone()
    }
}

/// Whether an event of the log can hold it. One that cannot be written is refused where it is sent.
fn is_held(intake: &Intake) -> bool {
    let event = PatientEvent::IntakeUpdated {
        intake: Personal::Known(intake.clone()),
    };
    event.encode().is_ok_and(|event| sealing::fits(&event, DETAILS))
}

#[cfg(test)]
mod tests {
    use domain::kernel::{CodeSystem, Coding, Concept, Sources};
    use domain::patient::Allergy;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    /// A text that does not get any smaller, however it is packed.
    fn noise(seed: usize, length: usize) -> String {
        let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let letter = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'a' + u8::try_from(state % 26).unwrap())
        };
        (0..length).map(letter).collect()
    }

    fn concept(seed: usize, length: usize) -> Concept {
        let coding = Coding {
            system: CodeSystem::RxNorm,
            code: seed.to_string(),
        };
        Concept {
            coding: Some(coding),
            text: noise(seed, length),
        }
    }

    fn medication(number: usize, active: bool, length: usize) -> Medication {
        let first: NaiveDate = "1990-01-01".parse().unwrap();
        Medication {
            concept: concept(number, length),
            since: first.checked_add_days(chrono::Days::new(number as u64)),
            active,
            as_of: None,
            sources: Sources::default(),
        }
    }

    fn told(medications: Vec<Medication>) -> Intake {
        let allergy = |number| Allergy {
            concept: concept(number, 900),
            high_criticality: true,
            as_of: None,
            sources: Sources::default(),
        };
        Intake {
            allergies: (0..10).map(allergy).collect::<Vec<_>>().into(),
            medications: medications.into(),
            ..Intake::default()
        }
    }

    fn fit(recorded: &Intake, told: &Intake) -> Fitted {
        fitted(recorded, told, &Beside::default(), now())
    }

    fn count(fitted: &Fitted) -> usize {
        let no_room = (Matter::Medications, Remark::NoRoom);
        fitted
            .merged
            .remarks
            .iter()
            .filter(|remark| **remark == no_room)
            .count()
    }

    #[test]
    fn a_long_history_of_usual_words_is_whole() {
        let many = (0..500).map(|number| {
            let mut one = medication(number, number % 2 == 0, 0);
            one.concept.text = format!("Hydrochlorothiazide {} MG Oral Tablet", number % 40);
            one
        });
        let told = told(many.collect());
        let fitted = fit(&Intake::default(), &told);
        assert_eq!(
            (count(&fitted), fitted.merged.intake.medications.list().len()),
            (0, 500)
        );
    }

    #[test]
    fn of_what_no_event_can_hold_the_oldest_that_are_over_are_left_out() {
        let told = told(
            (0..300)
                .map(|number| medication(number, number % 3 == 0, 900))
                .collect(),
        );
        assert!(!is_held(&told));
        let fitted = fit(&Intake::default(), &told);
        let (intake, lost) = (&fitted.merged.intake, count(&fitted));
        assert!(is_held(intake));
        assert_eq!(intake.medications.list().len() + lost, 300);
        assert_eq!(intake.allergies.list().len(), 10, "an allergy never is");
        assert!(lost > 100 && lost < 290, "{lost}");
        let stays = |active: bool| {
            intake
                .medications
                .list()
                .iter()
                .filter(|one| one.active == active)
                .count()
        };
        assert_eq!((stays(true) > 0, stays(false) == 0 || stays(true) == 100), (true, true));
        let newest = told.medications.list().last().unwrap();
        let newest_active = told.medications.list().iter().rfind(|one| one.active).unwrap();
        let has = |one: &Medication| {
            intake
                .medications
                .list()
                .iter()
                .any(|known| known.concept == one.concept)
        };
        assert!(has(newest_active) && (has(newest) || stays(false) == 0));
        // Telling it again changes nothing.
        let again = fit(intake, &told);
        assert_eq!((&again.merged.intake, count(&again)), (intake, lost));
    }

    #[test]
    fn what_is_recorded_is_never_left_out_for_what_is_told() {
        let recorded = fit(
            &Intake::default(),
            &told((0..100).map(|number| medication(number, false, 900)).collect()),
        );
        assert_eq!(count(&recorded), 0);
        let new = told((1000..1100).map(|number| medication(number, true, 900)).collect());
        let fitted = fit(&recorded.merged.intake, &new);
        let list = fitted.merged.intake.medications.list();
        assert!(is_held(&fitted.merged.intake) && count(&fitted) > 0);
        for known in recorded.merged.intake.medications.list() {
            assert!(list.contains(known));
        }
        assert_eq!(list.len() + count(&fitted), 200);
    }

    #[test]
    fn a_list_takes_as_many_as_a_list_takes() {
        let told = told((0..1200).map(|number| medication(number, false, 3)).collect());
        let fitted = fit(&Intake::default(), &told);
        assert_eq!(
            (count(&fitted), fitted.merged.intake.medications.list().len()),
            (200, Intake::MOST)
        );
        let last = |intake: &Intake| intake.medications.list().last().map(|one| one.since);
        assert_eq!(last(&fitted.merged.intake), last(&told));
    }
}
