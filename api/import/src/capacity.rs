//! What a chart has room for: as many findings as a list takes, and no more than one event of the log can hold. Pure.
//!
//! Somebody with a longer history is registered with the newest of it, rather than refused. What is left out is only ever what is told
//! and not noted yet: medications that are not taken any more, then conditions that are over, then the others, of each the oldest first.
//! Allergies only where a list takes no more of them, or an event cannot hold them: the last ones that are told.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::chart::{ChartEvent, Condition, Contents, Findings, List, ListKind, Medication, Report};
use domain::kernel::{ClinicEvent, EncodedEvent};
use infrastructure::sealing;
use uuid::Uuid;

/// How many items a list of a chart takes, and one of a report.
const MOST: usize = List::<()>::MOST;

/// How many bytes of an event are kept for what stands beside the findings: who told it, and when.
const BESIDE: usize = 16 * 1024;

/// A report as far as there is room for it.
pub(super) struct Fitted {
    /// What of it is told.
    pub(super) report: Report,
    /// The lists of what is not, each as often as a finding of it is left out.
    pub(super) no_room: Vec<ListKind>,
}

/// A finding that may be left out.
type Place = (ListKind, usize);

/// Leaves out of a report what a chart has no room for.
pub(super) fn fitted(noted: &Contents, report: Report, now: DateTime<Utc>) -> Fitted {
    let mut left_out: Vec<Place> = Vec::new();
    for list in [ListKind::Conditions, ListKind::Medications] {
        let of_list = worst_first(&report).into_iter().filter(|place| place.0 == list);
        let more = fewest(&of_list.collect::<Vec<_>>(), |places| {
            has_room(noted, &without(&report, &[&left_out[..], places].concat()), list, now)
        });
        left_out.extend(more);
    }
    let last_first = (0..report.allergies.list().len())
        .rev()
        .map(|at| (ListKind::Allergies, at))
        .collect::<Vec<Place>>();
    let more = fewest(&last_first, |places| {
        has_room(
            noted,
            &without(&report, &[&left_out[..], places].concat()),
            ListKind::Allergies,
            now,
        )
    });
    left_out.extend(more);
    // Where an event cannot hold the allergies alone, the last of them are left out after all.
    let rest = worst_first(&report).into_iter().chain(last_first);
    let rest: Vec<Place> = rest.filter(|place| !left_out.contains(place)).collect();
    let more = fewest(&rest, |places| {
        let all = [&left_out[..], places].concat();
        let events = noted.take_in(&without(&report, &all), Uuid::nil(), now);
        // What is refused for another reason is refused where it is sent.
        events.map_or(true, |events| are_held(&events))
    });
    left_out.extend(more);
    Fitted {
        report: without(&report, &left_out),
        no_room: left_out.into_iter().map(|(list, _)| list).collect(),
    }
}

/// Whether a list of the chart, and of the report, has room for what is told.
fn has_room(noted: &Contents, report: &Report, list: ListKind, now: DateTime<Utc>) -> bool {
    let told = match list {
        ListKind::Conditions => report.conditions.list().len(),
        ListKind::Allergies => report.allergies.list().len(),
        ListKind::Medications => report.medications.list().len(),
        ListKind::Symptoms => 0,
    };
    told <= MOST && !noted.merged(report, now).overfull().contains(&list)
}

/// A report in parts whose lists a request takes: the findings in the first one. What ends and what is negated is the same in whichever part.
pub(super) fn in_parts(mut report: Report) -> Vec<Report> {
    let ended = report.ended.split_off(report.ended.len().min(MOST));
    let negations = report.negations.split_off(report.negations.len().min(MOST));
    let mut parts = vec![report];
    parts.extend(ended.chunks(MOST).map(|ended| Report {
        ended: ended.to_vec(),
        ..Report::default()
    }));
    parts.extend(negations.chunks(MOST).map(|negations| Report {
        negations: negations.to_vec(),
        ..Report::default()
    }));
    parts
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
fn worst_first(told: &Report) -> Vec<Place> {
    let medication = |(at, one): (usize, &Medication)| {
        let rank = if one.active { 2 } else { 0 };
        (rank, one.since, (ListKind::Medications, at))
    };
    let condition = |(at, one): (usize, &Condition)| {
        let rank = if one.abated.is_none() { 3 } else { 1 };
        (rank, one.onset, (ListKind::Conditions, at))
    };
    let medications = told.medications.list().iter().enumerate().map(medication);
    let conditions = told.conditions.list().iter().enumerate().map(condition);
    let mut all: Vec<(u8, Option<NaiveDate>, Place)> = medications.chain(conditions).collect();
    // What tells no day may be as old as anything. Of one day the first is the oldest.
    all.sort_by_key(|(rank, since, (_, at))| (*rank, *since, *at));
    all.into_iter().map(|(.., place)| place).collect()
}

fn without(told: &Report, places: &[Place]) -> Report {
    fn rest<T: Clone>(findings: &Findings<T>, out: &HashSet<usize>) -> Findings<T> {
        match findings {
            Findings::Known(list) => {
                let stay = list.iter().enumerate().filter(|(at, _)| !out.contains(at));
                stay.map(|(_, one)| one.clone()).collect::<Vec<_>>().into()
            }
            other => other.clone(),
        }
    }
    let of = |list: ListKind| -> HashSet<usize> {
        let places = places.iter().filter(|place| place.0 == list);
        places.map(|(_, at)| *at).collect()
    };
    Report {
        conditions: rest(&told.conditions, &of(ListKind::Conditions)),
        allergies: rest(&told.allergies, &of(ListKind::Allergies)),
        medications: rest(&told.medications, &of(ListKind::Medications)),
        ..told.clone()
    }
}

/// Whether one commit of the log can hold them. What cannot be written is refused where it is sent.
fn are_held(events: &[ChartEvent]) -> bool {
    let all = events.iter().map(ClinicEvent::encode).collect::<Result<Vec<_>, _>>();
    all.is_ok_and(|all| {
        let personal: Vec<u8> = all
            .iter()
            .flat_map(|event| event.personal.iter().flatten().copied())
            .collect();
        let together = EncodedEvent {
            schema: 1,
            shared: Vec::new(),
            personal: Some(personal),
        };
        sealing::fits(&together, BESIDE)
    })
}

#[cfg(test)]
mod tests {
    use domain::chart::{Allergy, Criticality};
    use domain::kernel::{CodeSystem, Coding, Concept, Sources};

    use super::*;
    use crate::tests::taken_in;

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

    fn told(medications: Vec<Medication>) -> Report {
        let allergy = |number| Allergy {
            concept: concept(number, 900),
            criticality: Some(Criticality::High),
            as_of: None,
            sources: Sources::default(),
        };
        Report {
            allergies: (0..10).map(allergy).collect::<Vec<_>>().into(),
            medications: medications.into(),
            ..Report::default()
        }
    }

    /// The chart after what there is room for was taken in, and how much was left out.
    fn fit(noted: &Contents, told: &Report) -> (Contents, usize) {
        let Fitted { report, no_room } = fitted(noted, told.clone(), now());
        let events = noted.take_in(&report, Uuid::from_u128(1), now()).unwrap();
        assert!(are_held(&events));
        assert!(
            told.medications.list().is_empty() || !no_room.contains(&ListKind::Allergies),
            "an allergy is not left out where anything else can be"
        );
        (taken_in(noted, &report, now()), no_room.len())
    }

    #[test]
    fn a_long_history_of_usual_words_is_whole() {
        let many = (0..500).map(|number| {
            let mut one = medication(number, number % 2 == 0, 0);
            one.concept.text = format!("Hydrochlorothiazide {} MG Oral Tablet", number % 40);
            one
        });
        let (chart, lost) = fit(&Contents::default(), &told(many.collect()));
        assert_eq!((lost, chart.medications.entries.len()), (0, 500));
    }

    /// The chart when it is told so again and again, until everything has room.
    fn filled_up(chart: Contents, told: &Report) -> Contents {
        let mut chart = chart;
        for _ in 0..20 {
            let (fuller, lost) = fit(&chart, told);
            chart = fuller;
            if lost == 0 {
                return chart;
            }
        }
        panic!("there is never room for all of it");
    }

    #[test]
    fn of_what_no_event_can_hold_the_oldest_that_are_over_are_left_out() {
        let told = told(
            (0..300)
                .map(|number| medication(number, number % 3 == 0, 900))
                .collect(),
        );
        let (chart, lost) = fit(&Contents::default(), &told);
        assert_eq!(chart.medications.entries.len() + lost, 300);
        assert_eq!(chart.allergies.entries.len(), 10);
        assert!(lost > 100 && lost < 290, "{lost}");
        let stays = |active: bool| chart.medications.findings().filter(|one| one.active == active).count();
        assert_eq!((stays(true) > 0, stays(false) == 0 || stays(true) == 100), (true, true));
        let newest = told.medications.list().last().unwrap();
        let newest_active = told.medications.list().iter().rfind(|one| one.active).unwrap();
        let has = |one: &Medication| chart.medications.findings().any(|known| known.concept == one.concept);
        assert!(has(newest_active) && (has(newest) || stays(false) == 0));
        // Told again, what one event had no room for has room in the next ones.
        assert_eq!(filled_up(chart, &told).medications.entries.len(), 300);
    }

    #[test]
    fn what_is_noted_takes_no_room_from_what_is_told() {
        let (chart, lost) = fit(
            &Contents::default(),
            &told((0..100).map(|number| medication(number, false, 900)).collect()),
        );
        assert_eq!(lost, 0);
        let new = told((1000..1100).map(|number| medication(number, true, 900)).collect());
        let (both, lost) = fit(&chart, &new);
        assert_eq!((both.medications.entries.len(), lost), (200, 0));
        for known in chart.medications.findings() {
            assert!(both.medications.findings().any(|one| one == known));
        }
    }

    #[test]
    fn allergies_that_no_event_can_hold_leave_the_last_ones_out_and_go_in_later() {
        let allergies = (0..800).map(|number| Allergy {
            concept: concept(number, 990),
            criticality: None,
            as_of: None,
            sources: Sources::default(),
        });
        let told = Report {
            allergies: allergies.collect::<Vec<_>>().into(),
            ..Report::default()
        };
        let (chart, lost) = fit(&Contents::default(), &told);
        assert!(lost > 0 && lost < 800, "{lost}");
        assert_eq!(chart.allergies.entries.len() + lost, 800);
        assert_eq!(filled_up(chart, &told).allergies.entries.len(), 800);
    }

    #[test]
    fn a_list_takes_as_many_as_a_list_takes() {
        let told = told((0..1200).map(|number| medication(number, false, 3)).collect());
        let (chart, lost) = fit(&Contents::default(), &told);
        assert_eq!((lost, chart.medications.entries.len()), (200, List::<Medication>::MOST));
        let newest = told.medications.list().last().unwrap();
        assert!(chart.medications.findings().any(|one| one.concept == newest.concept));
    }
}
