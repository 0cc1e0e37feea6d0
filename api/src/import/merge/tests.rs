//! What is told, in any order.

use domain::kernel::{CodeSystem, Coding, Gender, HumanName};
use domain::patient::{Allergy, Condition, Deceased};
use proptest::prelude::*;

use super::*;

fn concept(code: &str) -> Concept {
    let coding = Coding {
        system: CodeSystem::Snomed,
        code: code.to_owned(),
    };
    Concept {
        coding: Some(coding),
        text: code.to_owned(),
    }
}

fn condition(code: &str, onset: Option<&str>, abated: Option<&str>) -> Condition {
    let day = |day: &str| day.parse().unwrap();
    Condition {
        concept: concept(code),
        onset: onset.map(day),
        abated: abated.map(day),
        as_of: None,
    }
}

/// Days after some day.
fn at(day: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_700_000_000 + day * 86_400, 0)
}

fn ended(matter: Matter, code: &str, as_of: Option<DateTime<Utc>>) -> Ended {
    let ended = EndedFinding {
        matter,
        concept: concept(code),
        since: None,
        as_of,
    };
    Ended {
        findings: vec![ended],
        words: Vec::new(),
    }
}

fn conditions_of(list: &[Condition]) -> Intake {
    Intake {
        conditions: list.to_vec().into(),
        ..Intake::default()
    }
}

fn list(recorded: &[Condition], told: &[Condition], ended: &Ended) -> Vec<Condition> {
    let merged = intake(&conditions_of(recorded), &conditions_of(told), ended);
    merged.intake.conditions.into_list()
}

fn none() -> Ended {
    Ended::default()
}

#[test]
fn what_is_not_told_stays() {
    let recorded = [
        condition("asthma", None, None),
        condition("flu", Some("2001-01-01"), None),
    ];
    assert_eq!(list(&recorded, &[], &none()), recorded);
    let told = [condition("gout", None, None)];
    assert_eq!(list(&recorded, &told, &none()), [&recorded[..], &told[..]].concat());
}

#[test]
fn a_newer_state_takes_the_place_of_its_entry_and_of_no_other() {
    let recorded = [
        condition("flu", Some("2001-01-01"), None),
        condition("flu", Some("2005-01-01"), None),
    ];
    let over = condition("flu", Some("2005-01-01"), Some("2005-02-01"));
    assert_eq!(
        list(&recorded, std::slice::from_ref(&over), &none()),
        [recorded[0].clone(), over]
    );
    let again = condition("flu", Some("2010-01-01"), None);
    assert_eq!(list(&recorded, std::slice::from_ref(&again), &none()).len(), 3);
    let dated = condition("asthma", Some("1999-01-01"), None);
    assert_eq!(
        list(
            &[condition("asthma", None, None)],
            std::slice::from_ref(&dated),
            &none()
        ),
        [dated]
    );
}

#[test]
fn what_ended_is_taken_out_unless_it_is_told_again() {
    let recorded = [condition("asthma", None, None), condition("flu", None, None)];
    let over = |code| ended(Matter::Conditions, code, None);
    assert_eq!(list(&recorded, &[], &over("asthma")), recorded[1..]);
    assert_eq!(list(&recorded, &recorded[..1], &over("asthma")), recorded);
    assert_eq!(list(&recorded, &[], &over("gout")), recorded);
    let elsewhere = ended(Matter::Allergies, "asthma", None);
    assert_eq!(list(&recorded, &[], &elsewhere), recorded);
    let episodes = ["2001-01-01", "2005-01-01"].map(|onset| condition("flu", Some(onset), None));
    let mut second = over("flu");
    second.findings[0].since = episodes[1].onset;
    assert_eq!(
        list(&episodes, &[], &second),
        episodes[..1],
        "the episode that is meant"
    );
    assert_eq!(
        list(&episodes[..1], &[], &second),
        episodes[..1],
        "another episode is not the one that is meant"
    );
    let undated = [episodes[0].clone(), condition("flu", None, None)];
    assert_eq!(list(&undated, &[], &second), episodes[..1], "it may be the one");
}

#[test]
fn what_is_taken_out_is_told_of_every_list() {
    let record = Intake {
        allergies: vec![Allergy {
            concept: concept("latex"),
            high_criticality: true,
            as_of: None,
        }]
        .into(),
        ..conditions_of(&[condition("asthma", None, None)])
    };
    let gone = |matter, code| ended(matter, code, None);
    // One out and one in is one out.
    let gout = conditions_of(&[condition("gout", None, None)]);
    let merged = intake(&record, &gout, &gone(Matter::Conditions, "asthma"));
    assert_eq!(merged.taken_out, [Matter::Conditions]);
    let merged = intake(&record, &gout, &gone(Matter::Allergies, "latex"));
    assert_eq!(merged.taken_out, [Matter::Allergies]);
    assert_eq!(intake(&record, &gout, &gone(Matter::Allergies, "nuts")).taken_out, []);
}

#[test]
fn the_same_state_told_once_more_overrules_nothing_that_was_changed_here() {
    let told = PatientDetails {
        phone: Some("told".to_owned()),
        as_of: at(1),
        ..PatientDetails::default()
    };
    let changed = PatientDetails {
        phone: Some("changed here".to_owned()),
        ..told.clone()
    };
    assert_eq!(details(&changed, &told, &[]), changed);
    let since = |abated| Condition {
        as_of: at(1),
        ..condition("flu", Some("2001-01-01"), abated)
    };
    let changed = [since(Some("2001-02-01"))];
    assert_eq!(list(&changed, &[since(None)], &none()), changed);
    let practitioner = |gender: Gender| PractitionerDetails {
        name: HumanName {
            family: "Byron".to_owned(),
            ..HumanName::default()
        },
        gender,
        specializations: Vec::new(),
        credentials: Vec::new(),
        time_zone: chrono_tz::UTC,
        identifier: None,
        as_of: at(1),
    };
    let changed = practitioner(Gender::Female);
    assert_eq!(super::practitioner(&changed, &practitioner(Gender::Unknown)), changed);
}

#[test]
fn a_death_stays_where_none_is_told() {
    let dead = PatientDetails {
        deceased: Some(Deceased::Unknown),
        as_of: at(1),
        ..PatientDetails::default()
    };
    for as_of in [None, at(2)] {
        let told = PatientDetails {
            as_of,
            ..PatientDetails::default()
        };
        assert_eq!(details(&dead, &told, &[]).deceased, dead.deceased, "{as_of:?}");
    }
}

#[test]
fn what_somebody_noted_again_is_not_ended_by_the_same_word_once_more() {
    let over = ended(Matter::Conditions, "asthma", at(5));
    let recorded = conditions_of(&[condition("asthma", None, None)]);
    let mut record = intake(&recorded, &Intake::default(), &over).intake;
    assert_eq!((record.conditions.list().len(), record.withdrawn.len()), (0, 1));
    record.conditions = recorded.conditions.clone();
    assert_eq!(intake(&record, &Intake::default(), &over).intake, record);
}

#[test]
fn that_none_are_known_takes_nothing_out_and_can_be_taken_back() {
    let asthma = || Findings::Known(vec![condition("asthma", None, None)]);
    let merged = |recorded: Findings<Condition>, told: Findings<Condition>, ended: &Ended| {
        let of = |conditions| Intake {
            conditions,
            ..Intake::default()
        };
        intake(&of(recorded), &of(told), ended).intake.conditions
    };
    assert_eq!(merged(asthma(), Findings::NoneKnown, &none()), asthma());
    assert_eq!(merged(Findings::NoneKnown, asthma(), &none()), asthma());
    for (recorded, told, result) in [
        (Findings::Unknown, Findings::NoneKnown, Findings::NoneKnown),
        (Findings::NoneKnown, Findings::NotAsked, Findings::NoneKnown),
    ] {
        assert_eq!(merged(recorded, told, &none()), result);
    }
    let over = ended(Matter::Conditions, "asthma", None);
    assert_eq!(merged(asthma(), Findings::NotAsked, &over), Findings::NotAsked);
    let word = Ended {
        words: vec![(Matter::Conditions, None)],
        ..Ended::default()
    };
    assert_eq!(
        merged(Findings::NoneKnown, Findings::NotAsked, &word),
        Findings::NotAsked
    );
    assert_eq!(
        merged(Findings::NoneKnown, Findings::NoneKnown, &word),
        Findings::NoneKnown
    );
}

#[test]
fn that_none_of_a_kind_are_known_says_nothing_of_the_others() {
    let kinds = |kinds: &[AllergyKind]| Intake {
        no_known_allergies_to: kinds.to_vec(),
        ..Intake::default()
    };
    let (drugs, food) = (AllergyKind::Medication, AllergyKind::Food);
    let both = intake(&kinds(&[drugs]), &kinds(&[food, drugs]), &none()).intake;
    assert_eq!(both, kinds(&[drugs, food]));
    let word = Ended {
        words: vec![(Matter::Allergies, Some(drugs))],
        ..Ended::default()
    };
    assert_eq!(intake(&both, &Intake::default(), &word).intake, kinds(&[food]));
}

#[test]
fn an_older_state_changes_nothing_but_what_names_the_person() {
    let identifier = |value: &str| Identifier {
        system: "urn:x".to_owned(),
        value: value.to_owned(),
    };
    let state = |phone: &str, as_of: &str| PatientDetails {
        phone: Some(phone.to_owned()),
        identifier: Some(identifier("1")),
        as_of: as_of.parse().ok(),
        ..PatientDetails::default()
    };
    let (old, new) = (
        state("old", "2020-01-01T00:00:00Z"),
        state("new", "2024-01-01T00:00:00Z"),
    );
    assert_eq!(details(&new, &old, &[]), new);
    assert_eq!(details(&old, &new, &[]), new);
    let undated = state("undated", "");
    assert_eq!(details(&new, &undated, &[]).phone.as_deref(), Some("undated"));
    assert_eq!(details(&new, &undated, &[]).as_of, new.as_of);
    let numbered = PatientDetails {
        identifier: Some(identifier("2")),
        other_identifiers: vec![identifier("3")],
        ..old
    };
    let merged = details(&new, &numbered, &[]);
    assert_eq!(merged.identifier, new.identifier);
    assert_eq!(merged.other_identifiers, [identifier("2"), identifier("3")]);
    assert_eq!(
        details(&merged, &new, &[identifier("3")]).other_identifiers,
        [identifier("2")]
    );
}

fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    let days = prop::sample::select(vec![None, Some("2001-01-01"), Some("2002-02-02")]);
    let one = ("[abc]", days.clone(), days).prop_map(|(code, onset, abated)| condition(&code, onset, abated));
    prop::collection::vec(one, 0..6)
}

/// A state of an allergy: which one, when, and whether it is severe. `None` is that it is none.
type State = (u8, i64, Option<bool>);

/// Different states, in any order.
fn states() -> impl Strategy<Value = Vec<State>> {
    let severe = prop::option::of(any::<bool>());
    let states = prop::collection::btree_map((0..3u8, 0..8i64), severe, 0..12);
    states.prop_flat_map(|states| {
        let states: Vec<State> = states
            .into_iter()
            .map(|((which, day), severe)| (which, day, severe))
            .collect();
        Just(states).prop_shuffle()
    })
}

/// Tells some states, as one run does: of each allergy the newest.
fn tell(record: &Intake, run: &[State]) -> Intake {
    let newest = |state: &&State| !run.iter().any(|other| other.0 == state.0 && other.1 > state.1);
    let (mut told, mut gone) = (Vec::new(), none());
    for (which, day, severe) in run.iter().filter(newest) {
        let concept = concept(&format!("allergy {which}"));
        match severe {
            Some(severe) => told.push(Allergy {
                concept,
                high_criticality: *severe,
                as_of: at(*day),
            }),
            None => gone.findings.push(EndedFinding {
                matter: Matter::Allergies,
                concept,
                since: None,
                as_of: at(*day),
            }),
        }
    }
    let told = Intake {
        allergies: told.into(),
        ..Intake::default()
    };
    intake(record, &told, &gone).intake
}

/// What a record says: which allergies, and how severe.
fn allergies(record: &Intake) -> std::collections::BTreeMap<String, bool> {
    let list = record.allergies.list().iter();
    list.map(|one| (one.concept.text.clone(), one.high_criticality))
        .collect()
}

proptest! {
    #[test]
    fn telling_it_again_changes_nothing_and_nothing_is_lost(recorded in conditions(), told in conditions()) {
        let merged = list(&recorded, &told, &none());
        prop_assert_eq!(&list(&merged, &told, &none()), &merged);
        for new in &told {
            let count = |list: &[Condition]| list.iter().filter(|one| *one == new).count();
            prop_assert!(count(&merged) >= count(&told));
        }
        for known in &recorded {
            prop_assert!(merged.iter().any(|one| one.concept == known.concept));
        }
        prop_assert!(merged.len() >= recorded.len().max(told.len()));
    }

    #[test]
    fn dated_states_end_as_the_newest_in_whatever_runs_and_order_they_are_told(
        states in states(),
        cut in 1..4usize,
    ) {
        let mut record = Intake::default();
        for run in states.chunks(cut) {
            record = tell(&record, run);
            prop_assert_eq!(&tell(&record, run), &record, "telling it again changes nothing");
        }
        prop_assert_eq!(allergies(&record), allergies(&tell(&Intake::default(), &states)));
    }
}
