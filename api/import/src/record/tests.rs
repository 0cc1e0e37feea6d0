//! No two persons become one, and no one becomes two: whatever their files tell of them, in whatever order, in one run or in several.

use std::path::Path;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::context::Context;
use crate::fhir;
use crate::identity::{self, Index, Kind, Origin};
use crate::people;
use crate::shares::{self, Gathering};

/// Somebody.
#[derive(Clone, Debug)]
struct Human {
    given: &'static str,
    family: &'static str,
    gender: &'static str,
    born: &'static str,
}

/// What a file tells of somebody.
#[derive(Clone, Debug)]
struct Told {
    human: usize,
    run: usize,
    file: usize,
    born: bool,
    married: bool,
    /// The medical record number, a number of their own without a type, and two that are a household's.
    numbers: [bool; 4],
    form: Form,
}

/// How an entry calls its resource.
#[derive(Clone, Copy, Debug)]
enum Form {
    Nothing,
    /// An id, which others have in other files.
    Id,
    Http,
}

#[derive(Clone, Debug)]
struct World {
    humans: Vec<Human>,
    told: Vec<Told>,
}

const RUNS: usize = 3;
const FILES: usize = 3;

fn human() -> impl Strategy<Value = Human> {
    (
        prop::sample::select(vec!["John", "Maria Teresa", "Maria Carmen"]),
        prop::sample::select(vec!["Smith", "Rossi"]),
        prop::sample::select(vec!["male", "female"]),
        prop::sample::select(vec!["1950-05-06", "1980-05-06", "1980-06-05"]),
    )
        .prop_map(|(given, family, gender, born)| Human {
            given,
            family,
            gender,
            born,
        })
}

fn told(humans: usize) -> impl Strategy<Value = Told> {
    (
        (0..humans, 0..RUNS, 0..FILES),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        any::<[bool; 4]>(),
        prop::sample::select(vec![Form::Nothing, Form::Id, Form::Http]),
    )
        .prop_map(|((human, run, file), born, married, numbers, form)| Told {
            human,
            run,
            file,
            born,
            married,
            numbers,
            form,
        })
}

fn worlds() -> impl Strategy<Value = World> {
    prop::collection::vec(human(), 2..5).prop_flat_map(|humans| {
        let told = prop::collection::vec(told(humans.len()), 1..10);
        (Just(humans), told).prop_map(|(humans, told)| World { humans, told })
    })
}

impl World {
    fn entry(&self, told: &Told) -> Value {
        let human = &self.humans[told.human];
        let typed = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }]);
        let numbers = [
            json!({ "system": "urn:mrn", "value": format!("m{}", told.human), "type": { "coding": typed } }),
            json!({ "system": "urn:own", "value": format!("n{}", told.human) }),
            json!({ "system": "urn:house", "value": "Q" }),
            json!({ "system": "urn:insurer", "value": "R" }),
        ];
        let numbers: Vec<&Value> = numbers
            .iter()
            .zip(told.numbers)
            .filter(|(_, has)| *has)
            .map(|(one, _)| one)
            .collect();
        let family = if told.married { "Newname" } else { human.family };
        let mut resource = json!({
            "resourceType": "Patient", "identifier": numbers, "gender": human.gender,
            "name": [{ "family": family, "given": [human.given] }],
        });
        if told.born {
            resource["birthDate"] = json!(human.born);
        }
        // In one file an id is one resource's.
        let id = format!("p{}", (told.human + told.file) % self.humans.len());
        let mut entry = json!({});
        match told.form {
            Form::Nothing => {}
            Form::Id => resource["id"] = json!(id),
            Form::Http => entry["fullUrl"] = json!(format!("https://a.test/Patient/{}", told.human)),
        }
        entry["resource"] = resource;
        entry
    }

    /// Whether anybody who sees the two sees two persons.
    fn are_seen_to_be_two(&self, one: &Told, two: &Told) -> bool {
        let (left, right) = (&self.humans[one.human], &self.humans[two.human]);
        let given = !left.given.starts_with(right.given) && !right.given.starts_with(left.given);
        one.human != two.human && (given || (one.born && two.born && left.born != right.born))
    }

    /// The files of a run: what of `told` is in each.
    fn run(&self, run: usize) -> Vec<Vec<usize>> {
        let of = |file| {
            let all = self.told.iter().enumerate();
            all.filter(|(_, told)| (told.run, told.file) == (run, file))
                .map(|(number, _)| number)
                .collect()
        };
        (0..FILES).map(of).collect()
    }

    fn contents(&self, told: &[usize]) -> Vec<u8> {
        let entries: Vec<Value> = told.iter().map(|number| self.entry(&self.told[*number])).collect();
        json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
            .to_string()
            .into_bytes()
    }

    fn index(&self, files: &[Vec<usize>]) -> Index {
        let mut index = Index::default();
        for (file, told) in (0..).zip(files) {
            index.add(
                file,
                Path::new(""),
                identity::scan(&fhir::contents(&self.contents(told), false), &context()),
            );
        }
        index.close();
        index
    }
}

fn context() -> Context {
    Context {
        time_zone: chrono_tz::UTC,
        now: "2026-01-01T12:00:00Z".parse().unwrap(),
    }
}

/// What is told of each group.
fn members(index: &Index, files: &[Vec<usize>], group: u32) -> BTreeSet<usize> {
    let mut members = BTreeSet::new();
    for (file, told) in (0..).zip(files) {
        for (item, number) in (0..).zip(told) {
            if index.group_at(Origin { file, item }) == Some(group) {
                members.insert(*number);
            }
        }
    }
    members
}

/// A record, and what was told of whom it describes.
struct Record {
    id: Uuid,
    details: PatientDetails,
    told: BTreeSet<usize>,
}

/// Imports files as the importer does, into records that take no identifier twice. `members` says what is told of a group. Answers how
/// many were not taken.
fn import(
    index: &Index,
    files: &[Vec<u8>],
    records: &mut Vec<Record>,
    members: impl Fn(u32) -> BTreeSet<usize>,
) -> usize {
    let mut gathering = Gathering::default();
    let (mut complete, mut refused) = (Vec::new(), 0);
    for (file, json) in (0..).zip(files) {
        let parts = shares::parts(index, file, Path::new(""), &fhir::contents(json, false));
        complete.extend(gathering.add(index, parts.shares, &context()));
    }
    for (owner, share) in complete {
        let person = people::person(index, owner, &share, &context());
        let Some(details) = &person.details else {
            refused += 1;
            continue;
        };
        let is_known = |one: &&Record| person.known_as.iter().any(|name| one.details.is_called(name));
        let known = records.iter().filter(is_known);
        let found: Vec<_> = known.map(|one| (one.id, one.details.clone())).collect();
        let place = place(&person, &found);
        let (mut details, _) = without_others_names(details, &place, &found);
        match place {
            Place::Known(id) => {
                let record = records.iter_mut().find(|one| one.id == id).unwrap();
                record.details = details_after(&person, &record.details, &details);
                record.told.extend(members(owner));
            }
            Place::New(name) => {
                let others = details.names().filter(|other| **other != name).cloned();
                details.other_identifiers = others.collect();
                details.identifier = Some(name);
                records.push(Record {
                    id: Uuid::new_v4(),
                    details,
                    told: members(owner),
                });
            }
            Place::Several | Place::Taken => refused += 1,
        }
        for (at, one) in records.iter().enumerate() {
            let is_taken = |name: &Identifier| records[..at].iter().any(|other| other.details.is_called(name));
            assert!(!one.details.names().any(is_taken), "an identifier is two records'");
        }
    }
    refused
}

/// Imports one bundle of patients. Answers how many were not taken.
fn tell(records: &mut Vec<Record>, patients: &[Value]) -> usize {
    let entry = |resource: &Value| json!({ "resource": resource });
    tell_entries(records, &patients.iter().map(entry).collect::<Vec<_>>())
}

/// Imports one bundle of these entries. Answers how many were not taken.
fn tell_entries(records: &mut Vec<Record>, entries: &[Value]) -> usize {
    let bundle = bundle(entries);
    let mut index = Index::default();
    index.add(
        0,
        Path::new(""),
        identity::scan(&fhir::contents(&bundle, false), &context()),
    );
    index.close();
    import(&index, &[bundle], records, |_| BTreeSet::new())
}

fn bundle(entries: &[Value]) -> Vec<u8> {
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
    bundle.to_string().into_bytes()
}

fn somebody(id: &str, given: &str, family: &str, born: &str, identifiers: &Value) -> Value {
    json!({
        "resourceType": "Patient", "id": id, "birthDate": born, "gender": "male", "identifier": identifiers,
        "name": [{ "family": family, "given": [given] }],
    })
}

fn plain(system: &str, value: &str) -> Value {
    json!([{ "system": system, "value": value }])
}

#[test]
fn father_and_son_of_one_name_and_a_number_in_common_are_refused() {
    let household = plain("https://insurer.test/hh", "Q");
    let father = somebody("f", "John", "Smith", "1950-05-06", &household);
    let son = somebody("s", "John", "Smith", "1980-05-06", &household);
    let mut records = Vec::new();
    assert_eq!(
        (tell(&mut records, &[father.clone(), son.clone()]), records.len()),
        (2, 0)
    );
    assert_eq!((tell(&mut records, &[father]), tell(&mut records, &[son])), (0, 1));
    assert_eq!(records.len(), 1);
}

#[test]
fn who_got_another_number_is_found_under_the_former_one_if_all_else_agrees() {
    let number = |value: &str, used: &str| json!({ "system": "https://clinic.test/mrn", "value": value, "use": used });
    let before = somebody("a", "John", "Smith", "1950-05-06", &json!([number("1", "usual")]));
    let numbers = json!([number("1", "old"), number("2", "usual")]);
    for (given, born, persons) in [
        ("John", "1950-05-06", 1),
        ("John", "1980-05-06", 2),
        ("Mary", "1950-05-06", 2),
    ] {
        let after = somebody("b", given, "Smith", born, &numbers);
        let mut records = Vec::new();
        assert_eq!(
            (
                tell(&mut records, std::slice::from_ref(&before)),
                tell(&mut records, &[after])
            ),
            (0, 0)
        );
        assert_eq!(records.len(), persons, "{given} {born}");
    }
    // Two records of one name: the present number is theirs, whoever had the former.
    let mut records = Vec::new();
    let other = somebody("b", "John", "Smith", "1950-05-06", &json!([number("2", "usual")]));
    let both = somebody("b", "John", "Smith", "1950-05-06", &numbers);
    for one in [&before, &other, &both] {
        assert_eq!(tell(&mut records, std::slice::from_ref(one)), 0);
    }
    assert_eq!(records.len(), 2);
}

#[test]
fn whoever_has_no_number_is_somebody_by_their_own_name() {
    let unknown = plain("https://clinic.test/mrn", "UNKNOWN");
    let all = [
        ("1", "Rossi", "1950-05-06"),
        ("2", "Bianchi", "1980-05-06"),
        ("3", "Verdi", "1950-05-07"),
    ];
    let all = all.map(|(id, family, born)| somebody(id, "Maria", family, born, &unknown));
    let mut records = Vec::new();
    assert_eq!((tell(&mut records, &all), records.len()), (0, 3));
    assert_eq!((tell(&mut records, &all), records.len()), (0, 3));
}

#[test]
fn an_id_of_two_servers_in_two_runs_makes_nobody_one() {
    let none = json!([]);
    let rossi = somebody("7", "Anna", "Rossi", "1970-05-06", &none);
    let mut records = Vec::new();
    assert_eq!(tell(&mut records, std::slice::from_ref(&rossi)), 0);
    assert_eq!(
        tell(&mut records, &[somebody("7", "Anna", "Kunz", "1999-09-09", &none)]),
        1
    );
    assert_eq!(records[0].details.name.family, "Rossi");
    assert_eq!(
        (tell(&mut records, &[rossi]), records.len()),
        (0, 1),
        "who is known again is known"
    );

    // One of them has a number.
    let numbered = somebody(
        "8",
        "Anna",
        "Rossi",
        "1970-05-06",
        &plain("https://clinic.test/mrn", "8"),
    );
    let mut records = Vec::new();
    assert_eq!(tell(&mut records, &[numbered]), 0);
    assert_eq!(
        tell(&mut records, &[somebody("8", "Anna", "Kunz", "1999-09-09", &none)]),
        1
    );
    assert_eq!(records[0].details.name.family, "Rossi");
}

#[test]
fn a_urn_that_every_bundle_has_makes_nobody_one_in_two_runs() {
    let urn = "urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a11";
    let told = |given: &str, born: &str| {
        let mut person = somebody("x", given, "Fa", born, &json!([]));
        person.as_object_mut().unwrap().remove("id");
        json!({ "fullUrl": urn, "resource": person })
    };
    for born in ["1950-01-01", "1950-01-02"] {
        let mut records = Vec::new();
        tell_entries(&mut records, &[told("Ada", "1950-01-01")]);
        tell_entries(&mut records, &[told("Zoe", born)]);
        assert!(records.len() < 2, "refused, or another record under another name");
        assert_eq!(records[0].details.name.given, ["Ada"], "{born}");
        tell_entries(&mut records, &[told("Ada", "1950-01-01")]);
        assert_eq!(records.len(), 1, "who is told just so is known again");
    }
}

#[test]
fn a_family_name_and_a_day_of_birth_make_nobody_one_in_two_runs() {
    let byron = |id: &str, identifiers: &Value| {
        let mut byron = somebody(id, "", "Byron", "1970-05-06", identifiers);
        byron["name"] = json!([{ "family": "Byron" }]);
        byron
    };
    let (none, household) = (json!([]), plain("https://insurer.test/hh", "Q"));
    for (one, two) in [
        (byron("1", &none), byron("1", &none)),
        (byron("1", &household), byron("2", &household)),
        (
            byron("1", &household),
            somebody("2", "Ada", "Byron", "1970-05-06", &household),
        ),
    ] {
        let mut records = Vec::new();
        assert_eq!(tell(&mut records, &[one]), 0);
        assert_eq!((tell(&mut records, &[two]), records.len()), (1, 1), "nobody knows");
    }
    // Whoever has a number and the id of before, or lives where they lived, is known again.
    let mut at_home = byron("1", &none);
    at_home["address"] = json!([{ "city": "London" }]);
    for one in [byron("1", &household), at_home] {
        let mut records = Vec::new();
        for _ in 0..2 {
            assert_eq!((tell(&mut records, std::slice::from_ref(&one)), records.len()), (0, 1));
        }
    }
}

#[test]
fn children_under_one_number_are_two_in_two_runs_whatever_its_type() {
    let typed = |code: &str| {
        let coding = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code }]);
        json!([{ "system": "urn:number", "value": "1", "type": { "coding": coding } }])
    };
    for number in [plain("urn:number", "1"), typed("MC"), typed("HC"), typed("MR")] {
        let mut anna = somebody("t1", "Anna", "Twin", "2015-05-05", &number);
        anna["gender"] = json!("female");
        let bert = somebody("t2", "Bert", "Twin", "2015-05-05", &number);
        let later = somebody("t2", "Anna", "Twin", "2017-05-05", &number);
        for other in [bert, later] {
            let mut records = Vec::new();
            assert_eq!(tell(&mut records, std::slice::from_ref(&anna)), 0);
            assert_eq!((tell(&mut records, &[other]), records.len()), (1, 1), "{number}");
        }
        // Of whom a year is known it may be this day.
        let mut vague = anna.clone();
        vague["birthDate"] = json!("2015");
        let mut records = Vec::new();
        if number[0]["type"].is_object() {
            assert_eq!((tell(&mut records, &[vague]), tell(&mut records, &[anna])), (0, 0));
            assert_eq!(records.len(), 1);
        }
    }
    let house = plain("urn:house", "1");
    let mut records = Vec::new();
    let twin = |given: &str| somebody(given, given, "Twin", "2015-05-05", &house);
    assert_eq!(tell(&mut records, &[twin("Anna Maria")]), 0);
    assert_eq!(tell(&mut records, &[twin("Berta Maria")]), 1);
    assert_eq!(tell(&mut records, &[twin("Maria Theresia")]), 1);
    assert_eq!((tell(&mut records, &[twin("Anna")]), records.len()), (0, 1));
}

#[test]
fn twins_under_one_number_of_any_type_have_one_first_name_between_them() {
    let typed = json!([{ "system": "urn:mrn", "value": "1", "type": { "coding": [
        { "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }
    ] } }]);
    for number in [plain("urn:house", "1"), typed] {
        for [one, two] in [
            ["Baby Boy A", "Baby Boy B"],
            ["Maria Teresa", "Maria Carmen"],
            ["Jane", "Mary"],
        ] {
            let twin = |given: &str| somebody(given, given, "Twin", "2015-05-05", &number);
            let mut records = Vec::new();
            assert_eq!(
                tell(&mut records, &[twin(one), twin(two)]),
                2,
                "in one run neither has it"
            );
            assert_eq!(
                (tell(&mut records, &[twin(one)]), tell(&mut records, &[twin(two)])),
                (0, 1)
            );
            assert_eq!((tell(&mut records, &[twin(one)]), records.len()), (0, 1), "{one}");
        }
    }
}

#[test]
fn a_name_that_tells_less_leaves_the_given_names_that_are_known() {
    let number = plain("urn:house", "1");
    let told = |given: &str| somebody("", given, "Rossi", "2015-05-05", &number);
    for [known, less] in [["Maria Teresa", "Maria"], ["Maria Teresa", "M. T."]] {
        let mut records = Vec::new();
        assert_eq!(
            (tell(&mut records, &[told(known)]), tell(&mut records, &[told(less)])),
            (0, 0)
        );
        assert_eq!(records[0].details.name.given, [known], "{less}");
        // Otherwise her sister would be taken for her.
        assert_eq!(tell(&mut records, &[told("Maria Carmen")]), 1);
        assert_eq!(
            (tell(&mut records, &[told("Maria Teresa Anna")]), records.len()),
            (0, 1)
        );
        assert_eq!(records[0].details.name.given, ["Maria Teresa Anna"]);
        // In one run as well.
        let mut records = Vec::new();
        assert_eq!(tell(&mut records, &[told(known), told(less)]), 0);
        assert_eq!((tell(&mut records, &[told("Maria Carmen")]), records.len()), (1, 1));
    }
}

#[test]
fn a_state_without_a_name_in_use_leaves_the_name() {
    let number = plain("urn:mrn", "1");
    let whole = somebody("p1", "Jane", "Smith", "2015-05-05", &number);
    for name in [
        json!([]),
        json!([{ "use": "old", "family": "Former", "given": ["Jane"] }]),
        json!([{ "given": ["Jane"] }]),
        json!([{ "text": "Jane Smith" }]),
    ] {
        let mut less = whole.clone();
        less["name"] = name.clone();
        let mut records = Vec::new();
        assert_eq!(
            (
                tell(&mut records, std::slice::from_ref(&whole)),
                tell(&mut records, &[less.clone()])
            ),
            (0, 0),
            "{name}"
        );
        let known = &records[0].details.name;
        assert_eq!(
            (known.family.as_str(), known.given.as_slice()),
            ("Smith", &["Jane".to_owned()][..]),
            "{name}"
        );
        // In one run as well.
        let mut records = Vec::new();
        assert_eq!(tell(&mut records, &[whole.clone(), less]), 0);
        let family = if name[0]["text"].is_string() {
            "Jane Smith"
        } else {
            "Smith"
        };
        assert_eq!(records[0].details.name.family, family, "{name}");
    }
}

#[test]
fn what_its_source_calls_out_of_use_goes_and_nothing_else() {
    let with = |of: &Value, member: &str, value: &Value| {
        let mut with = of.clone();
        with[member] = value.clone();
        with
    };
    let person = somebody("p1", "Jane", "Smith", "2015-05-05", &plain("urn:mrn", "1"));
    let state = |month: usize, member: &str, values: &[Value]| {
        let date = json!({ "lastUpdated": format!("2023-{month:02}-01T00:00:00Z") });
        with(&with(&person, "meta", &date), member, &json!(values))
    };
    let over = [
        |one: &Value| json!({ "use": "old" }).as_object().map(|more| extended(one, more)),
        |one: &Value| {
            json!({ "period": { "end": "2022-12-01" } })
                .as_object()
                .map(|more| extended(one, more))
        },
    ];
    let phone = |number: &str| json!({ "system": "phone", "value": number });
    let mail = |name: &str| json!({ "system": "email", "value": format!("{name}@example.org") });
    let town = |name: &str| json!({ "city": name });
    for (member, x, y) in [
        ("telecom", phone("1"), phone("2")),
        ("telecom", mail("x"), mail("y")),
        ("address", town("X"), town("Y")),
    ] {
        for over in over {
            let over = over(&x).unwrap();
            let (x, y) = (std::slice::from_ref(&x), std::slice::from_ref(&y));
            let over = std::slice::from_ref(&over);
            let of = |states: &[&[Value]]| -> Vec<Value> {
                (1..)
                    .zip(states)
                    .map(|(month, values)| state(month, member, values))
                    .collect()
            };
            // The states in their order; what of them is left in one run, and over a run for each, where the record keeps one only.
            for (states, in_one, over_runs) in [
                (of(&[x, over]), None, None),
                (of(&[x, y, over]), Some(y), Some(y)),
                (of(&[y, x, over]), Some(y), None),
                (of(&[y, over]), Some(y), Some(y)),
                (of(&[over, y]), Some(y), Some(y)),
            ] {
                for (runs, left) in [(vec![&states[..]], in_one), (states.chunks(1).collect(), over_runs)] {
                    let mut records = Vec::new();
                    runs.iter().for_each(|run| assert_eq!(tell(&mut records, run), 0));
                    let PatientDetails {
                        phone, email, address, ..
                    } = records[0].details.clone();
                    let told = phone.or(email).or(address.map(|address| address.city));
                    let left = left.map(|left| left[0]["value"].as_str().or(left[0]["city"].as_str()).unwrap());
                    assert_eq!(told.as_deref(), left, "{states:?} {}", runs.len());
                }
            }
        }
    }
}

/// The same with more members.
fn extended(one: &Value, more: &serde_json::Map<String, Value>) -> Value {
    let members = one.as_object().unwrap().iter().chain(more);
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[test]
fn whoever_is_told_under_another_number_of_one_id_is_said_to_look_the_same() {
    let [one, two] = ["1", "2"].map(|number| somebody("p1", "Jane", "Smith", "2015-05-05", &plain("urn:mrn", number)));
    let mut records = Vec::new();
    assert_eq!(
        (
            tell(&mut records, &[one]),
            tell(&mut records, std::slice::from_ref(&two))
        ),
        (0, 0)
    );
    assert_eq!(records.len(), 2);
    let bundle = bundle(&[json!({ "resource": two })]);
    let mut index = Index::default();
    index.add(
        0,
        Path::new(""),
        identity::scan(&fhir::contents(&bundle, false), &context()),
    );
    index.close();
    let parts = shares::parts(&index, 0, Path::new(""), &fhir::contents(&bundle, false));
    let (owner, share) = Gathering::default()
        .add(&index, parts.shares, &context())
        .pop()
        .unwrap();
    let person = people::person(&index, owner, &share, &context());
    assert!(is_double(&person, &records[0].details));
}

#[test]
fn one_number_of_two_hospitals_leaves_each_patient_their_address_in_one_run_as_in_two() {
    let number = json!([{
        "system": "urn:mrn", "value": "1",
        "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] },
    }]);
    let at = |server: &str, given: &str, family: &str, born: &str| {
        let patient = somebody("1", given, family, born, &number);
        json!({ "fullUrl": format!("https://{server}.test/Patient/1"), "resource": patient })
    };
    let (ann, bob) = (
        at("a", "Ann", "Bell", "1980-01-01"),
        at("b", "Bob", "Cook", "1990-02-02"),
    );
    let mut apart = Vec::new();
    for told in [&ann, &bob, &bob, &ann] {
        assert_eq!(tell_entries(&mut apart, std::slice::from_ref(told)), 0);
    }
    let mut together = Vec::new();
    assert_eq!(tell_entries(&mut together, &[ann, bob.clone()]), 0);
    assert_eq!((apart.len(), together.len()), (2, 2));
    // Without an address nothing names the second one.
    let mut records = Vec::new();
    let bare = |entry: &Value| json!({ "resource": entry["resource"] });
    assert_eq!(tell_entries(&mut records, &[at("a", "Ann", "Bell", "1980-01-01")]), 0);
    assert_eq!((tell_entries(&mut records, &[bare(&bob)]), records.len()), (1, 1));
}

#[test]
fn a_year_of_birth_is_told_exactly_later_under_one_id() {
    let number = plain("urn:mrn", "1");
    let told = |born: &str| somebody("p1", "Jane", "Smith", born, &number);
    let mut records = Vec::new();
    assert_eq!(
        (
            tell(&mut records, &[told("1980")]),
            tell(&mut records, &[told("1980-05-06")])
        ),
        (0, 0)
    );
    assert_eq!(records[0].details.birth_date.to_string(), "1980-05-06");
}

#[test]
fn a_day_of_birth_that_only_an_older_state_tells_counts() {
    let house = plain("urn:house", "1");
    let father = somebody("", "John", "Rossi", "1950-05-06", &house);
    let son = somebody("", "John", "Rossi", "1980-05-06", &house);
    let mut undated = son.clone();
    undated.as_object_mut().unwrap().remove("birthDate");
    let mut records = Vec::new();
    assert_eq!(tell(&mut records, &[father]), 0);
    assert_eq!((tell(&mut records, &[son, undated]), records.len()), (2, 1));
    assert_eq!(records[0].details.birth_date.to_string(), "1950-05-06");
}

#[test]
fn two_of_whom_no_day_of_birth_is_told_share_a_households_number_and_an_id_of_two_files() {
    let house = plain("urn:house", "1");
    let undated = |given: &str| {
        let mut patient = somebody("p0", given, "Smith", "1980-06-05", &house);
        patient.as_object_mut().unwrap().remove("birthDate");
        patient
    };
    let mut index = Index::default();
    for (file, given) in ["John", "Maria"].into_iter().enumerate() {
        let bundle = bundle(&[json!({ "resource": undated(given) })]);
        index.add(
            u32::try_from(file).unwrap(),
            Path::new(""),
            identity::scan(&fhir::contents(&bundle, false), &context()),
        );
    }
    index.close();
    assert_eq!(index.groups_of(Kind::Patient).len(), 2);
}

fn assert_one_person(world: &World, told: &BTreeSet<usize>) -> Result<(), TestCaseError> {
    for one in told {
        for two in told {
            let (one, two) = (&world.told[*one], &world.told[*two]);
            prop_assert!(!world.are_seen_to_be_two(one, two), "two became one: {one:?} {two:?}");
        }
    }
    Ok(())
}

#[test]
fn every_address_on_a_server_is_remembered_and_of_other_names_one() {
    let known = |address: &str| PatientDetails {
        other_identifiers: vec![Identifier {
            system: ADDRESSES.to_owned(),
            value: address.to_owned(),
        }],
        ..PatientDetails::default()
    };
    let (id, one, other) = (
        known("urn:uuid:7"),
        known("https://a.test/Patient/7"),
        known("https://b.test/Patient/7"),
    );
    let both = merge::details(&id, &one, &[]);
    assert_eq!(both.other_identifiers.len(), 2);
    assert_eq!(merge::details(&both, &other, &[]).other_identifiers.len(), 3);
    let export = known("urn:uuid:8f1d1d0a-4b9f-4f0e-9d5e-0a4a3c1f2b6d");
    assert_eq!(merge::details(&both, &export, &[]), both, "the next export has another");
}

#[test]
fn who_was_taken_for_another_is_nobody_else_when_they_are_told_once_more() {
    let john = |number: u32, family: &str| {
        let insurer = plain("urn:insurer", "R");
        let resource = somebody("", "John", family, "1980-06-05", &insurer);
        json!({ "fullUrl": format!("https://a.test/Patient/{number}"), "resource": resource })
    };
    let told = [john(2, "Newname"), john(0, "Newname"), john(2, "Smith")];
    let mut records = Vec::new();
    for entry in told.iter().chain(&told) {
        assert_eq!(tell_entries(&mut records, std::slice::from_ref(entry)), 0);
        assert_eq!(records.len(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn in_one_run_no_two_become_one_in_whatever_order(world in worlds()) {
        let mut world = world;
        world.told.iter_mut().for_each(|told| told.run = 0);
        let files = world.run(0);
        let groups = |files: &[Vec<usize>]| {
            let index = world.index(files);
            let groups = index.groups_of(Kind::Patient).into_iter();
            groups.map(|group| members(&index, files, group)).collect::<BTreeSet<_>>()
        };
        let all = groups(&files);
        for group in &all {
            assert_one_person(&world, group)?;
        }
        let reversed: Vec<Vec<usize>> = files.iter().rev().map(|told| told.iter().rev().copied().collect()).collect();
        prop_assert_eq!(groups(&reversed), all);
    }

    #[test]
    fn over_runs_no_two_become_one_and_no_one_becomes_two(world in worlds()) {
        let mut records = Vec::new();
        for run in 0..RUNS {
            let files = world.run(run);
            let index = world.index(&files);
            let contents: Vec<Vec<u8>> = files.iter().map(|told| world.contents(told)).collect();
            let mut again = || {
                import(&index, &contents, &mut records, |group| members(&index, &files, group));
                records.len()
            };
            let count = again();
            prop_assert_eq!(again(), count, "the same once more is nobody else");
        }
        for record in &records {
            assert_one_person(&world, &record.told)?;
        }
        for human in 0..world.humans.len() {
            let is_theirs = |number: &usize| world.told[*number].human == human;
            let is_numbered = world.told.iter().filter(|told| told.human == human).all(|told| told.numbers[0]);
            let theirs: Vec<_> = records.iter().filter(|record| record.told.iter().any(is_theirs)).collect();
            // Whom nobody can tell from another is in a record with them, numbers and all.
            let is_mixed = theirs.iter().any(|record| !record.told.iter().all(is_theirs));
            let count = if is_mixed { 0 } else { theirs.len() };
            prop_assert!(!is_numbered || count <= 1, "one became {}", count);
        }
    }
}
