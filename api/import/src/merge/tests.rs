//! Who somebody is, told in any order.

use domain::kernel::{Gender, HumanName};
use domain::patient::Deceased;
use proptest::prelude::*;

use super::*;

/// Days after some day.
fn at(day: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_700_000_000 + day * 86_400, 0)
}

/// A doctor of whom the name alone is told.
fn doctor(family: &str, given: &[&str], as_of: Option<DateTime<Utc>>) -> PractitionerDetails {
    PractitionerDetails {
        name: HumanName {
            family: family.to_owned(),
            given: given.iter().map(|name| (*name).to_owned()).collect(),
            prefix: Vec::new(),
        },
        gender: Gender::Unknown,
        specializations: Vec::new(),
        credentials: Vec::new(),
        time_zone: chrono_tz::UTC,
        identifier: None,
        other_identifiers: Vec::new(),
        as_of,
    }
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
    let practitioner = |gender| PractitionerDetails {
        gender,
        ..doctor("Byron", &[], at(1))
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
    for as_of in [None, at(2), at(0)] {
        let told = PatientDetails {
            as_of,
            ..PatientDetails::default()
        };
        assert_eq!(details(&dead, &told, &[]).deceased, dead.deceased, "{as_of:?}");
    }
    let living = PatientDetails {
        as_of: at(2),
        ..PatientDetails::default()
    };
    assert_eq!(details(&living, &dead, &[]).deceased, dead.deceased, "newer first");
    let taken_back = PatientDetails {
        deceased: None,
        ..dead.clone()
    };
    assert_eq!(
        details(&taken_back, &dead, &[]),
        taken_back,
        "somebody took it back here"
    );
}

#[test]
fn a_stub_takes_nothing_away() {
    let whole = PatientDetails {
        name: HumanName {
            family: "Byron".to_owned(),
            given: vec!["Ada".to_owned()],
            prefix: Vec::new(),
        },
        gender: Gender::Female,
        address: Some(domain::kernel::Address::default()),
        phone: Some("1".to_owned()),
        email: Some("ada@clinic.test".to_owned()),
        deceased: Some(Deceased::On("2020-01-01".parse().unwrap())),
        as_of: at(1),
        ..PatientDetails::default()
    };
    let stub = |family: &str, as_of| PatientDetails {
        name: HumanName {
            family: family.to_owned(),
            ..HumanName::default()
        },
        deceased: Some(Deceased::Unknown),
        as_of,
        ..PatientDetails::default()
    };
    for (recorded, told) in [
        (&whole, stub("Byron", at(2))),
        (&whole, stub("Byron", None)),
        (&stub("Byron", at(2)), whole.clone()),
    ] {
        let merged = details(recorded, &told, &[]);
        assert_eq!(merged.told_as_of(Detail::Phone), at(1));
        assert_eq!(merged.undated(), whole.undated());
    }
    assert_eq!(details(&whole, &stub("Lovelace", at(2)), &[]).name.given, ["Ada"]);
    let in_one_piece = |name: &str| details(&whole, &stub(name, at(2)), &[]).name;
    assert_eq!(in_one_piece("Ada Byron"), whole.name);
    let other = in_one_piece("Ada King");
    assert_eq!((other.family.as_str(), other.given.len()), ("Ada King", 0));
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

#[test]
fn what_people_changed_here_is_undone_by_no_state_from_before() {
    let told = |phone: &str, day| PatientDetails {
        phone: Some(phone.to_owned()),
        deceased: Some(Deceased::Unknown),
        gender: Gender::Female,
        as_of: at(day),
        ..PatientDetails::default()
    };
    // On the fifth day people change the number, and say that the patient lives.
    let changed = PatientDetails {
        phone: Some("changed".to_owned()),
        deceased: None,
        detail_dates: [Detail::Phone, Detail::Deceased]
            .into_iter()
            .zip([at(5), at(5)].into_iter().flatten())
            .collect(),
        ..told("1", 1)
    };
    for day in [0, 1, 3] {
        let merged = details(&changed, &told("3", day), &[]);
        assert_eq!(
            (merged.phone.as_deref(), merged.deceased),
            (Some("changed"), None),
            "{day}"
        );
        assert_eq!(merged.as_of, at(day.max(1)));
        assert!(keeps_newer_details(&merged, &told("3", day)) && !keeps_newer_details(&merged, &merged));
        let again = details(&merged, &told("4", 4), &[]);
        assert_eq!((again.phone.as_deref(), again.deceased), (Some("changed"), None));
    }
    let later = details(&changed, &told("6", 6), &[]);
    assert_eq!(later, told("6", 6));
    let undated = PatientDetails {
        as_of: None,
        ..told("now", 0)
    };
    let merged = details(&changed, &undated, &[]);
    assert_eq!(
        (merged.phone.as_deref(), merged.as_of),
        (Some("now"), at(1)),
        "the record dates it"
    );
    assert_eq!(merged.detail_dates, changed.detail_dates);
}

#[test]
fn what_a_dated_state_completes_is_not_as_of_now() {
    let called = |given: &[&str], day| PatientDetails {
        name: HumanName {
            family: "Byron".to_owned(),
            given: given.iter().map(|name| (*name).to_owned()).collect(),
            prefix: Vec::new(),
        },
        as_of: at(day),
        ..PatientDetails::default()
    };
    let merged = details(&called(&[], 3), &called(&["Ada"], 1), &[]);
    assert_eq!(
        (merged.name.given.as_slice(), merged.as_of),
        (["Ada".to_owned()].as_slice(), at(3))
    );
    assert_eq!(
        merged.detail_dates.get(Detail::Name),
        at(3),
        "it is said, for otherwise the server takes it as told now"
    );
    let with_phone = PatientDetails {
        phone: Some("1".to_owned()),
        ..called(&["Ada"], 2)
    };
    let filled = details(&merged, &with_phone, &[]);
    assert_eq!(filled.phone.as_deref(), Some("1"));
    assert_eq!(
        details(&filled, &with_phone, &[]),
        filled,
        "the same once more is no news"
    );
}

#[test]
fn who_is_told_to_live_is_not_told_to_have_died_before() {
    let dead = |day| PatientDetails {
        deceased: Some(Deceased::Unknown),
        as_of: at(day),
        ..PatientDetails::default()
    };
    let living = PatientDetails {
        as_of: at(3),
        ..PatientDetails::default()
    };
    let living = alive(living, at(3).unwrap());
    let recorded = details(&dead(1), &living, &[]);
    assert_eq!(
        (recorded.deceased, recorded.told_as_of(Detail::Deceased)),
        (None, at(3))
    );
    assert_eq!(details(&recorded, &dead(2), &[]), recorded);
    assert_eq!(details(&living, &dead(2), &[]), living, "told first");
    let silent = PatientDetails {
        as_of: at(4),
        ..PatientDetails::default()
    };
    let recorded = details(&recorded, &silent, &[]);
    assert_eq!(details(&recorded, &dead(2), &[]), recorded);
    assert_eq!(details(&recorded, &dead(5), &[]).deceased, Some(Deceased::Unknown));
}

#[test]
fn the_day_of_a_death_that_any_state_tells_is_known_unless_people_say_later_that_they_do_not_know_it() {
    let died = Some(Deceased::On("2020-04-02".parse().unwrap()));
    let state = |deceased, day, dates: &[i64]| PatientDetails {
        deceased,
        as_of: at(day),
        detail_dates: dates
            .iter()
            .filter_map(|day| Some((Detail::Deceased, at(*day)?)))
            .collect(),
        ..PatientDetails::default()
    };
    let exact = state(died, 13, &[]);
    // That they have died was told on the eighteenth, and the newest state says nothing of it.
    let vague = state(Some(Deceased::Unknown), 19, &[18]);
    for (recorded, told) in [(&exact, &vague), (&vague, &exact)] {
        let merged = details(recorded, told, &[]);
        assert_eq!((merged.deceased, merged.as_of), (died, at(19)));
        assert_eq!(details(&merged, told, &[]), merged, "once more is no news");
    }
    // A run that has the state of the thirteenth and one of the nineteenth that says nothing of it.
    let filled = state(died, 19, &[13]);
    assert_eq!(
        details(&state(Some(Deceased::Unknown), 18, &[]), &filled, &[]).deceased,
        died
    );
    let by_people = state(Some(Deceased::Unknown), 1, &[18]);
    assert_eq!(details(&by_people, &exact, &[]).deceased, Some(Deceased::Unknown));
}

#[test]
fn what_an_older_state_makes_more_exact_is_as_of_when_it_was_told_and_no_change_by_people() {
    let died = Some(Deceased::On("2020-04-02".parse().unwrap()));
    let state = |deceased, day| PatientDetails {
        deceased,
        as_of: at(day),
        ..PatientDetails::default()
    };
    let told = [state(Some(Deceased::Unknown), 2), state(None, 3), state(died, 1)];
    let record = told.iter().fold(PatientDetails::default(), |recorded, told| {
        let merged = details(&recorded, told, &[]);
        let leaves_dates = (merged.as_of, &merged.detail_dates) == (recorded.as_of, &recorded.detail_dates);
        assert!(
            merged == recorded || !leaves_dates,
            "otherwise the server takes it as changed by people, now"
        );
        merged
    });
    assert_eq!(record.deceased, died);
    assert!(record.told_as_of(Detail::Deceased) < at(3));
    let living = alive(state(None, 5), at(5).unwrap());
    assert_eq!(details(&record, &living, &[]).deceased, None);
}

#[test]
fn who_was_nameless_has_the_name_that_an_older_state_tells() {
    let unnamed = PatientDetails {
        name: nameless(),
        as_of: at(2),
        ..PatientDetails::default()
    };
    let named = PatientDetails {
        name: HumanName {
            family: "Byron".to_owned(),
            given: vec!["Ada".to_owned()],
            prefix: Vec::new(),
        },
        as_of: at(1),
        ..PatientDetails::default()
    };
    assert_eq!(details(&unnamed, &named, &[]).name, named.name);
}

#[test]
fn what_several_states_tell_of_whom_the_newest_was_recorded_is_said_not_to_be_added() {
    let newest = PatientDetails {
        as_of: at(2),
        ..PatientDetails::default()
    };
    let filled = PatientDetails {
        deceased: Some(Deceased::Unknown),
        ..newest.clone()
    };
    assert!(tells_more(&newest, &filled) && !tells_more(&filled, &newest) && !tells_more(&newest, &newest));
    let newer = PatientDetails { as_of: at(3), ..filled };
    assert!(!tells_more(&newest, &newer), "it is added");
}

#[test]
fn a_specialization_that_was_supposed_gives_way_to_one_that_an_older_state_tells() {
    let practitioner = |specializations, day| PractitionerDetails {
        specializations,
        ..doctor("Byron", &[], at(day))
    };
    let cardiology = Concept {
        coding: None,
        text: "Cardiology".to_owned(),
    };
    let told = practitioner(vec![cardiology.clone()], 1);
    let supposed = practitioner(vec![supposed_specialization()], 2);
    assert_eq!(
        super::practitioner(&supposed, &told).specializations,
        told.specializations
    );
    let known = practitioner(vec![cardiology], 2);
    let older = practitioner(vec![supposed_specialization()], 1);
    assert_eq!(super::practitioner(&known, &older), known);
}

fn any_state() -> impl Strategy<Value = PatientDetails> {
    let told = |texts: &'static [&'static str]| prop::option::of(prop::sample::select(texts));
    let genders = prop::sample::select(&[Gender::Unknown, Gender::Female, Gender::Male]);
    let names = told(&["Byron", "King"]);
    (told(&["1", "2"]), told(&["a", "b"]), genders, names, any::<bool>()).prop_map(
        |(phone, email, gender, name, died)| PatientDetails {
            phone: phone.map(str::to_owned),
            email: email.map(str::to_owned),
            gender,
            name: name.map_or_else(nameless, |family| HumanName {
                family: family.to_owned(),
                ..HumanName::default()
            }),
            deceased: died.then_some(Deceased::On("2020-01-01".parse().unwrap())),
            ..PatientDetails::default()
        },
    )
}

proptest! {
    #[test]
    fn dated_states_that_are_told_in_any_order_are_one_record(
        (states, order) in prop::collection::vec(any_state(), 1..6).prop_flat_map(|states| {
            let dated = states.into_iter().zip(1..);
            let dated: Vec<_> = dated.map(|(state, day)| PatientDetails { as_of: at(day), ..state }).collect();
            (Just(dated.clone()), Just(dated).prop_shuffle())
        }),
    ) {
        let after = |states: &[PatientDetails]| {
            let (first, others) = states.split_first().unwrap();
            others.iter().fold(first.clone(), |recorded, told| details(&recorded, told, &[]))
        };
        prop_assert_eq!(after(&order), after(&states));
        let record = after(&states);
        for detail in Detail::iter() {
            let newest = states.iter().rfind(|state| tells(state, detail));
            prop_assert_eq!(newest.is_some(), tells(&record, detail));
            if let Some(newest) = newest {
                prop_assert_eq!(record.told_as_of(detail), newest.as_of);
                prop_assert!(record.changed_details(newest).all(|changed| changed != detail));
            }
        }
    }
}

#[test]
fn a_doctor_keeps_the_name_and_the_sex_that_others_do_not_tell() {
    let house = |day| PractitionerDetails {
        gender: Gender::Male,
        ..doctor("House", &["Greg"], day)
    };
    for (family, given) in [("Unknown", &[][..]), ("Dr. House", &[]), ("House", &["G"])] {
        let untold = |day| doctor(family, given, day);
        for day in [None, at(1), at(3)] {
            for (recorded, told) in [(house(at(2)), untold(day)), (untold(at(2)), house(day))] {
                let merged = practitioner(&recorded, &told);
                assert_eq!(
                    (merged.name, merged.gender),
                    (house(None).name, Gender::Male),
                    "{family} {day:?}"
                );
            }
        }
    }
    let married = PractitionerDetails {
        gender: Gender::Male,
        ..doctor("Cuddy", &["Greg"], at(3))
    };
    assert_eq!(practitioner(&house(at(2)), &married), married);
}
