//! The states of a chart, told in any order, with dates and without, in one file or several, in one run or several: the newest of
//! each resource is what a record says.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::chart::{Abated, Contents, Criticality};

use super::*;

/// What a resource says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// It is so, in these words.
    Is(u8),
    /// It is over, nobody knows since when.
    Over,
    InError,
    Deleted,
}

/// A state of a resource.
#[derive(Clone, Debug)]
struct State {
    resource: usize,
    /// The day of its date.
    day: Option<u8>,
    what: What,
    file: usize,
}

/// The resources: their kinds and ids.
const RESOURCES: [(&str, &str); 4] = [
    ("Condition", "c0"),
    ("Condition", "c1"),
    ("AllergyIntolerance", "a0"),
    ("MedicationRequest", "m0"),
];

const FILES: usize = 3;

fn start() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// How a state is told: an entry of a transaction.
fn entry(state: &State) -> Value {
    let (kind, id) = RESOURCES[state.resource];
    let date = state.day.map(|day| format!("2024-01-{:02}T00:00:00Z", day + 1));
    if state.what == What::Deleted {
        let mut entry = json!({ "request": { "method": "DELETE", "url": format!("{kind}/{id}") } });
        if let Some(date) = date {
            entry["response"] = json!({ "status": "204", "lastModified": date });
        }
        return entry;
    }
    let text = match state.what {
        What::Is(words) => format!("{id} in words {words}"),
        _ => format!("{id} in words 0"),
    };
    let is_void = state.what == What::InError;
    let is_over = state.what == What::Over;
    let mut resource = json!({
        "resourceType": kind, "id": id, "subject": to("Patient/p1"), "patient": to("Patient/p1"),
        "code": { "text": text }, "medicationCodeableConcept": { "text": text },
        "status": if is_void { "entered-in-error" } else if is_over { "cancelled" } else { "active" },
    });
    if is_void {
        resource["verificationStatus"] = json!({ "coding": [{ "code": "entered-in-error" }] });
    }
    if is_over {
        resource["clinicalStatus"] = json!({ "coding": [{ "code": "resolved" }] });
    }
    if let Some(date) = date {
        resource["meta"] = json!({ "lastUpdated": date });
    }
    json!({ "resource": resource, "request": { "method": "PUT", "url": format!("{kind}/{id}") } })
}

/// The files of a run; each is about the one patient.
fn files(states: &[State]) -> Vec<Vec<u8>> {
    let of = |file: usize| {
        let person = json!({ "resource": dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z") });
        let states = states.iter().filter(|state| state.file == file).map(entry);
        let entries: Vec<Value> = std::iter::once(person).chain(states).collect();
        bundle("transaction", &entries)
    };
    (0..FILES).map(of).collect()
}

/// Imports files into a record at this time.
fn tell(record: &Contents, files: &[Vec<u8>], now: DateTime<Utc>) -> Contents {
    let persons = persons(files, &Context { now, ..context() });
    assert_eq!(persons.len(), 1);
    taken_in(record, &persons[0].report_on(record).0, now)
}

/// What a record says: what there is, and whether it is over.
fn says(record: &Contents) -> BTreeMap<String, bool> {
    let mut says = BTreeMap::new();
    for one in record.conditions.findings() {
        assert_ne!(
            one.abated.map(|abated| matches!(abated, Abated::On(_))),
            Some(true),
            "nobody told a day"
        );
        says.insert(one.concept.text.clone(), one.abated.is_some());
    }
    says.extend(record.allergies.findings().map(|one| (one.concept.text.clone(), false)));
    says.extend(
        record
            .medications
            .findings()
            .map(|one| (one.concept.text.clone(), false)),
    );
    let count = record.conditions.entries.len() + record.allergies.entries.len() + record.medications.entries.len();
    assert_eq!(says.len(), count, "nothing is there twice: {record:?}");
    says
}

/// What a state leaves of its resource: in which words it is so, and whether it is over. `None` when there is nothing.
fn left(state: &State) -> Option<(u8, bool)> {
    let (kind, _) = RESOURCES[state.resource];
    match state.what {
        What::Is(words) => Some((words, false)),
        What::Over if kind == "Condition" => Some((0, true)),
        What::Over | What::InError | What::Deleted => None,
    }
}

/// What a record has to say after these runs: of each resource the newest state. One without a date is as of its run, unless it says
/// what is known already: then it is no news.
fn right(runs: &[Vec<State>]) -> BTreeMap<String, bool> {
    let mut right = BTreeMap::new();
    for (resource, (_, id)) in RESOURCES.iter().enumerate() {
        let mut known: Option<(usize, Option<(u8, bool)>)> = None;
        for (run, states) in runs.iter().enumerate() {
            let in_order = (0..FILES).flat_map(|file| states.iter().filter(move |state| state.file == file));
            let of_it = in_order.filter(|state| state.resource == resource);
            let when = |state: &State| state.day.map_or(100 + run, usize::from);
            let mut told: Vec<&State> = of_it.collect();
            told.sort_by_key(|state| when(state));
            // A run tells the newest state of what is in it. Deletions alone are told each, for nothing is there that has states.
            if told.iter().any(|state| state.what != What::Deleted) {
                told.drain(..told.len() - 1);
            }
            let before = known;
            for state in told {
                let (when, left) = (when(state), left(state));
                if before.is_none_or(|(known, was)| when > known && (state.day.is_some() || was != left)) {
                    known = Some((when, left));
                }
            }
        }
        if let Some((_, Some((words, is_over)))) = known {
            right.insert(format!("{id} in words {words}"), is_over);
        }
    }
    right
}

fn runs() -> impl Strategy<Value = Vec<Vec<State>>> {
    let what = prop_oneof![
        3 => (0..3_u8).prop_map(What::Is),
        1 => Just(What::Over),
        2 => Just(What::InError),
        1 => Just(What::Deleted),
    ];
    let state = (0..RESOURCES.len(), any::<bool>(), what, 0..FILES, 0..4_usize);
    let states = prop::collection::vec(state, 1..10);
    let days = Just((0..10_u8).collect::<Vec<_>>()).prop_shuffle();
    (states, days).prop_map(|(states, days)| {
        let mut runs = vec![Vec::new(); 4];
        for ((resource, is_dated, what, file, run), day) in states.into_iter().zip(days) {
            let day = is_dated.then_some(day);
            runs[run].push(State {
                resource,
                day,
                what,
                file,
            });
        }
        runs
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_newest_state_of_each_resource_is_what_a_record_says(runs in runs()) {
        let mut record = Contents::default();
        for (number, states) in (0..).zip(&runs) {
            let now = start() + TimeDelta::days(number);
            let files = files(states);
            record = tell(&record, &files, now);
            let again = tell(&record, &files, now + TimeDelta::hours(1));
            prop_assert_eq!(&again, &record, "telling it again changes nothing");
        }
        prop_assert_eq!(says(&record), right(&runs), "{:?}", record);
    }
}

/// A file about one patient, with these entries.
fn about(entries: &[Value]) -> Vec<u8> {
    let person = json!({ "resource": patient("p1", "Person", &mrn("1")) });
    bundle("transaction", &[&[person], entries].concat())
}

#[test]
fn what_its_bundle_says_is_the_date_of_a_finding_that_has_none() {
    let asthma = |state: &Value| {
        let mut condition =
            json!({ "resourceType": "Condition", "subject": to("Patient/p1"), "code": { "text": "Asthma" } });
        condition
            .as_object_mut()
            .unwrap()
            .extend(state.as_object().unwrap().clone());
        json!({ "resource": condition })
    };
    let at = |time: &str, entry: Value| {
        let mut bundle: Value = serde_json::from_slice(&about(&[entry])).unwrap();
        bundle["timestamp"] = json!(time);
        bundle.to_string().into_bytes()
    };
    let in_error = json!({ "verificationStatus": { "coding": [{ "code": "entered-in-error" }] } });
    let gone = at("2022-01-01T00:00:00Z", asthma(&in_error));
    let (before, after) = ("2021-01-01T00:00:00Z", "2023-01-01T00:00:00Z");
    for (time, count) in [(before, 0), (after, 1)] {
        for files in [
            [gone.clone(), at(time, asthma(&json!({})))],
            [at(time, asthma(&json!({}))), gone.clone()],
        ] {
            let apart = files.iter().fold(Contents::default(), |record, file| {
                tell(&record, std::slice::from_ref(file), start())
            });
            assert_eq!(apart.conditions.entries.len(), count, "{time}");
        }
    }
    let record = tell(&Contents::default(), &[gone], start());
    assert_eq!(record.withdrawn[0].as_of.to_rfc3339(), "2022-01-01T00:00:00+00:00");
}

#[test]
fn what_was_deleted_and_stands_in_no_file_stays_deleted() {
    let condition = |at: &str| {
        let asthma = json!({ "resourceType": "Condition", "id": "c1", "subject": to("Patient/p1"), "code": { "text": "Asthma" } });
        about(&[json!({ "resource": dated(asthma, at) })])
    };
    for gone in [
        json!({ "request": { "method": "DELETE", "url": "Condition/c1" } }),
        json!({ "request": { "method": "DELETE", "url": "Condition/c1" }, "response": { "lastModified": "2024-01-01T00:00:00Z" } }),
        json!({ "fullUrl": "https://a.test/fhir/Condition/c1", "request": { "method": "DELETE", "url": "Condition/c1" } }),
    ] {
        let gone = about(&[gone]);
        let outcome = ran(std::slice::from_ref(&gone));
        assert_eq!((outcome.patients.len(), left_out(&outcome)), (1, Vec::new()));
        let old = condition("2021-01-01T00:00:00Z");
        for files in [
            vec![gone.clone(), old.clone()],
            vec![old.clone(), gone.clone(), old.clone()],
        ] {
            let record = files.iter().fold(Contents::default(), |record, file| {
                tell(&record, std::slice::from_ref(file), start())
            });
            assert_eq!(record.conditions.entries.len(), 0, "{record:?}");
        }
        // What is told anew is there again.
        let record = tell(&Contents::default(), &[gone], start());
        let record = tell(&record, &[condition("2026-01-01T12:05:00Z")], start());
        assert_eq!(record.conditions.entries.len(), 1);
    }
}

#[test]
fn a_deletion_that_may_be_anybodys_is_named() {
    let gone = json!({ "request": { "method": "DELETE", "url": "Condition/c1" } });
    let mut entries = vec![gone];
    entries.extend(["1", "2"].map(|number| {
        let mut person = patient(number, "Person", &mrn(number));
        person["name"][0]["given"] = json!([format!("Given{number}")]);
        json!({ "resource": person })
    }));
    let outcome = ran(&[bundle("transaction", &entries)]);
    assert_eq!((outcome.patients.len(), left_out(&outcome).len()), (2, 1));
}

#[test]
fn a_visit_that_is_taken_back_without_a_date_is_so_in_a_run_with_its_older_states() {
    let state = |status: &str, at: Option<&str>| {
        let mut state = visit("e1", &to("Patient/p1"), &to("Practitioner/d1"));
        state["status"] = json!(status);
        at.map_or(state.clone(), |at| dated(state, at))
    };
    let finished = state("finished", Some("2024-01-01T00:00:00Z"));
    for (undated, outcome) in [
        ("entered-in-error", Outcome::EnteredInError),
        // Not dated, an open visit is the older one.
        ("in-progress", Outcome::Completed),
    ] {
        let others = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")];
        let states = [state(undated, None), finished.clone()];
        for states in [states.clone(), [states[1].clone(), states[0].clone()]] {
            let outcome_of = ran(&[of(&others), of(&states[..1]), of(&states[1..])]);
            assert_eq!(outcome_of.visits[0].outcome, outcome, "{undated}");
        }
    }
}

#[test]
fn a_visit_is_taken_back_by_a_state_that_tells_nothing_else_of_it() {
    let finished = dated(
        visit("e1", &to("Patient/p1"), &to("Practitioner/d1")),
        "2024-01-01T00:00:00Z",
    );
    for stripped in [
        &["period", "participant"][..],
        &["period"],
        &["participant"],
        &["period", "participant", "subject"],
    ] {
        let mut taken_back = dated(finished.clone(), "2024-02-01T00:00:00Z");
        taken_back["status"] = json!("entered-in-error");
        stripped.iter().for_each(|element| {
            taken_back.as_object_mut().unwrap().remove(*element);
        });
        let all = |states: [&Value; 2]| {
            let others = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")];
            of(&others.iter().chain(states).cloned().collect::<Vec<_>>())
        };
        for file in [all([&finished, &taken_back]), all([&taken_back, &finished])] {
            let outcome = ran(&[file]);
            assert_eq!(left_out(&outcome), Vec::<String>::new(), "{stripped:?}");
            assert_eq!(outcome.visits[0].outcome, Outcome::EnteredInError, "{stripped:?}");
        }
        // A newer state brings it back.
        let back = dated(finished.clone(), "2024-03-01T00:00:00Z");
        let outcome = ran(&[all([&back, &taken_back])]);
        assert_eq!(outcome.visits[0].outcome, Outcome::Completed, "{stripped:?}");
    }
}

#[test]
fn states_of_one_file_are_of_one_resource_whether_they_tell_its_address_or_its_id_alone() {
    let person = || json!({ "resource": patient("p1", "Person", &mrn("1")) });
    let state = |kind: &str, status: &str, date: &str| {
        let mut resource = json!({
            "resourceType": kind, "id": "c1", "subject": to("Patient/p1"), "patient": to("Patient/p1"), "code": { "text": "Asthma" },
            "clinicalStatus": { "coding": [{ "code": status }] },
        });
        resource["meta"] = json!({ "lastUpdated": date });
        resource
    };
    let addressed =
        |resource: Value| json!({ "fullUrl": "https://clinic.test/fhir/Condition/c1", "resource": resource });
    let active = addressed(state("Condition", "active", "2024-01-01T00:00:00Z"));
    let resolved = json!({ "resource": state("Condition", "resolved", "2024-02-01T00:00:00Z") });
    for entries in [[&active, &resolved], [&resolved, &active]] {
        let all = [person(), entries[0].clone(), entries[1].clone()];
        let record = tell(&Contents::default(), &[bundle("collection", &all)], start());
        assert_eq!(says(&record), BTreeMap::from([("Asthma".to_owned(), true)]));
        // Whichever of them counts, another server's resource of that id is another one.
        let mut elsewhere = addressed(state("Condition", "active", "2024-03-01T00:00:00Z"));
        elsewhere["fullUrl"] = json!("https://other.test/fhir/Condition/c1");
        elsewhere["resource"]["code"]["text"] = json!("Gout");
        let record = tell(&record, &[bundle("collection", &[person(), elsewhere])], start());
        assert_eq!(record.conditions.entries.len(), 2);
    }

    // Two ids of a visit are two visits, whatever number they have in common.
    let of_case = |id: &str, start: &str| {
        let mut visit = visit(id, &to("Patient/p1"), &to("Practitioner/d1"));
        let kind = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "VN" }] });
        visit["identifier"] = json!([{ "system": "https://clinic.test/case", "value": "1", "type": kind }]);
        visit["period"] = json!({ "start": start });
        json!({ "fullUrl": format!("https://clinic.test/fhir/Encounter/{id}"), "resource": visit })
    };
    for second in ["2020-03-04T09:00:00Z", "2020-05-05T09:00:00Z"] {
        let doctor = json!({ "resource": doctor("d1", "Doctor") });
        let all = [
            person(),
            doctor,
            of_case("e1", "2020-03-04T09:00:00Z"),
            of_case("e2", second),
        ];
        assert_eq!(ran(&[bundle("collection", &all)]).visits.len(), 2);
    }
}

#[test]
fn in_one_run_visits_are_one_by_the_names_by_which_they_are_in_several() {
    let typed = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "VN" }] });
    let number = |value: &str| json!({ "system": "https://clinic.test/case", "value": value, "type": typed });
    let told = |address: &str, id: Option<&str>, numbers: &[&str], start: &str| {
        let mut visit = visit("e", &to("Patient/p1"), &to("Practitioner/d1"));
        visit["id"] = json!(id);
        visit["identifier"] = numbers.iter().map(|value| number(value)).collect();
        visit["period"] = json!({ "start": start });
        json!({ "fullUrl": address, "resource": visit })
    };
    let (march, may) = ("2020-03-04T09:00:00Z", "2020-05-05T09:00:00Z");
    let urn = |last: u8| format!("urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a{last:02}");
    let there = "https://clinic.test/fhir/Encounter/e1";
    for (one, other, count) in [
        // A bundle's URN is no id: the number says that it is one.
        (
            told(&urn(1), None, &["own"], march),
            told(&urn(2), None, &["own"], march),
            1,
        ),
        // Who names a resource may tell a case's number alone.
        (
            told(there, Some("e1"), &["case"], march),
            told(&urn(2), None, &["own", "case"], may),
            2,
        ),
        (
            told(&urn(1), None, &["one", "case"], march),
            told(&urn(2), None, &["two", "case"], march),
            2,
        ),
        (
            told(there, Some("e1"), &["own", "case"], march),
            told(&urn(2), None, &["own"], march),
            1,
        ),
    ] {
        let file = |entry: &Value| {
            let resources = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")];
            let mut all: Vec<Value> = resources.iter().map(|one| json!({ "resource": one })).collect();
            all.push(entry.clone());
            bundle("collection", &all)
        };
        for files in [vec![file(&one), file(&other)], vec![file(&other), file(&one)]] {
            let outcome = ran(&files);
            assert_eq!(
                (outcome.visits.len(), left_out(&outcome)),
                (count, Vec::new()),
                "{one} {other}"
            );
        }
    }
}

#[test]
fn a_deletion_of_a_hospital_that_calls_the_patient_otherwise_is_of_another_resource() {
    let nuts = json!({ "resourceType": "AllergyIntolerance", "id": "a1", "patient": to("Patient/north"), "code": { "text": "Nuts" } });
    let north = of(&[
        patient("north", "Person", &mrn("1")),
        dated(nuts, "2024-01-01T00:00:00Z"),
    ]);
    let gone = json!({ "request": { "method": "DELETE", "url": "AllergyIntolerance/a1" } });
    for (called, count) in [("north", 0), ("south", 1)] {
        let person = json!({ "resource": patient(called, "Person", &mrn("1")) });
        let deletes = bundle("transaction", &[person, gone.clone()]);
        for files in [[north.clone(), deletes.clone()], [deletes.clone(), north.clone()]] {
            let record = tell(&Contents::default(), &files, start());
            assert_eq!(record.allergies.entries.len(), count, "{called}");
        }
    }
}

#[test]
fn what_may_be_several_visits_of_a_case_is_none_of_them() {
    let number = |value: &str| json!({ "system": "https://clinic.test/case", "value": value });
    let told = |numbers: &[&str], start: &str| {
        let mut visit = visit("e", &to("Patient/p1"), &to("Practitioner/d1"));
        visit.as_object_mut().unwrap().remove("id");
        visit["identifier"] = numbers.iter().map(|value| number(value)).collect();
        visit["period"] = json!({ "start": start });
        json!({ "resource": visit })
    };
    let days = ["2020-03-04T09:00:00Z", "2020-05-05T09:00:00Z", "2020-07-06T09:00:00Z"];
    for (numbers, count) in [
        ([&["case"][..], &["case", "one"], &["case", "two"]], 3),
        (
            [&["case", "day"][..], &["case", "day", "one"], &["case", "day", "two"]],
            3,
        ),
        // All that is told of one visit of a case.
        ([&["case"][..], &["case", "one"], &["one"]], 1),
    ] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let resources = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")];
            let mut all: Vec<Value> = resources.iter().map(|one| json!({ "resource": one })).collect();
            all.extend(order.map(|at| told(numbers[at], days[at])));
            let outcome = ran(&[bundle("collection", &all)]);
            assert_eq!(outcome.visits.len(), count, "{numbers:?} in the order {order:?}");
        }
    }
}

#[test]
fn two_entries_of_one_bundle_are_two_visits_though_one_tells_the_cases_number_alone() {
    let number = |value: &str| json!({ "system": "https://clinic.test/case", "value": value });
    let told = |last: u8, numbers: &[&str]| {
        let mut visit = visit("e", &to("Patient/p1"), &to("Practitioner/d1"));
        visit.as_object_mut().unwrap().remove("id");
        visit["identifier"] = numbers.iter().map(|value| number(value)).collect();
        json!({ "fullUrl": format!("urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a{last:02}"), "resource": visit })
    };
    let people = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")];
    let mut all: Vec<Value> = people.iter().map(|one| json!({ "resource": one })).collect();
    all.extend([told(1, &["case"]), told(2, &["case", "own"])]);
    assert_eq!(ran(&[bundle("transaction", &all)]).visits.len(), 2);
}

#[test]
fn an_allergy_is_as_critical_as_its_newest_state_says_that_says_it() {
    let state = |criticality: Option<&str>, day: u8| {
        let mut allergy = json!({
            "resourceType": "AllergyIntolerance", "id": "a1", "patient": to("Patient/p1"), "code": { "text": "Nuts" },
        });
        if let Some(criticality) = criticality {
            allergy["criticality"] = json!(criticality);
        }
        dated(allergy, &format!("2024-01-{day:02}T00:00:00Z"))
    };
    let person = || patient("p1", "Person", &mrn("1"));
    let unsaid = Some("unable-to-assess");
    for (states, expected) in [
        (vec![Some("high"), None], Criticality::High),
        (vec![Some("high"), unsaid, None], Criticality::High),
        (vec![Some("low"), Some("high"), None], Criticality::High),
        (vec![Some("low"), unsaid], Criticality::Low),
        (vec![Some("high"), Some("low"), None], Criticality::Low),
    ] {
        let states: Vec<Value> = (1..).zip(&states).map(|(day, told)| state(*told, day)).collect();
        let mut of_run = vec![person()];
        of_run.extend(states.iter().rev().cloned());
        let in_run = tell(&Contents::default(), &[of(&of_run)], start());
        let over_runs = |states: &[&Value]| {
            states.iter().fold(Contents::default(), |record, state| {
                tell(&record, &[of(&[person(), (*state).clone()])], start())
            })
        };
        let first_to_last: Vec<&Value> = states.iter().collect();
        let mut last_first = first_to_last.clone();
        last_first.rotate_right(1);
        let mut records = vec![in_run, over_runs(&first_to_last)];
        if states.len() == 2 {
            records.push(over_runs(&last_first));
        }
        for record in records {
            let all: Vec<_> = record.allergies.findings().map(|one| one.criticality).collect();
            assert_eq!(all, [Some(expected)], "{states:?}");
        }
    }
}

#[test]
fn what_was_said_of_another_substance_says_nothing_of_how_critical_an_allergy_is() {
    let state = |text: &str, criticality: Option<&str>, status: &str, date: &str| {
        let mut allergy = dated(
            json!({
                "resourceType": "AllergyIntolerance", "id": "a1", "patient": to("Patient/p1"), "code": { "text": text },
                "verificationStatus": { "coding": [{ "code": status }] },
            }),
            date,
        );
        if let Some(criticality) = criticality {
            allergy["criticality"] = json!(criticality);
        }
        allergy
    };
    let peanut = || state("Peanut", None, "confirmed", "2024-03-01T00:00:00Z");
    for (what, former) in [
        (
            "another",
            vec![state("Codeine", Some("low"), "confirmed", "2024-01-01T00:00:00Z")],
        ),
        (
            "in error",
            vec![state("Peanut", Some("low"), "entered-in-error", "2024-01-01T00:00:00Z")],
        ),
        (
            "in error since",
            vec![
                state("Peanut", Some("high"), "confirmed", "2024-01-01T00:00:00Z"),
                state("Peanut", None, "entered-in-error", "2024-02-01T00:00:00Z"),
            ],
        ),
        (
            "none",
            vec![state(
                "No known allergies",
                Some("low"),
                "confirmed",
                "2024-01-01T00:00:00Z",
            )],
        ),
    ] {
        let states: Vec<Value> = former.into_iter().chain([peanut()]).collect();
        let person = || dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z");
        let in_one = tell(
            &Contents::default(),
            &[of(&[&[person()][..], &states].concat())],
            start(),
        );
        let one_by_one = states.iter().fold(Contents::default(), |record, state| {
            tell(&record, &[of(&[person(), state.clone()])], start())
        });
        for record in [in_one, one_by_one] {
            let all: Vec<_> = record
                .allergies
                .findings()
                .map(|one| (one.concept.text.as_str(), one.criticality))
                .collect();
            assert_eq!(all, [("Peanut", None)], "{what}");
        }
    }
}

/// What a record says after these states were told in one run, in one run for each, and in one run for each, the last one first.
fn in_every_order(states: &[Value]) -> [BTreeMap<String, bool>; 3] {
    let person = || dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z");
    let run = |record: &Contents, states: &[Value]| {
        let all = [&[person()], states].concat();
        tell(record, &[of(&all)], start())
    };
    let none = Contents::default();
    let one_by_one = |states: &mut dyn Iterator<Item = &Value>| {
        states.fold(none.clone(), |record, state| run(&record, std::slice::from_ref(state)))
    };
    [
        says(&run(&none, states)),
        says(&one_by_one(&mut states.iter())),
        says(&one_by_one(&mut states.iter().rev())),
    ]
}

/// A finding in these words, of a resource of one id.
fn in_words(kind: &str, text: &str, date: &str) -> Value {
    let resource = json!({
        "resourceType": kind, "id": "x1", "subject": to("Patient/p1"), "patient": to("Patient/p1"), "status": "active",
        "code": { "text": text }, "medicationCodeableConcept": { "text": text },
    });
    dated(resource, date)
}

#[test]
fn a_resource_that_does_not_say_any_more_what_it_said_leaves_nothing_of_it() {
    let (condition, allergy, medication) = ("Condition", "AllergyIntolerance", "MedicationRequest");
    for (kind, was, is) in [
        (condition, "Pneumonia", "Pneumonia ruled out"),
        (condition, "Breast cancer", "No evidence of breast cancer"),
        (condition, "Gout", "Unknown"),
        (condition, "Gout", "No known problems"),
        (condition, "Gout", "Not asked"),
        (medication, "Warfarin", "No warfarin"),
        (medication, "Warfarin", "-"),
        (allergy, "Penicillin", "Not allergic to penicillin"),
        (allergy, "Penicillin", "Unknown"),
        (allergy, "Penicillin", "No known allergies"),
    ] {
        let states = [
            in_words(kind, was, "2024-03-01T00:00:00Z"),
            in_words(kind, is, "2024-05-01T00:00:00Z"),
        ];
        for record in in_every_order(&states) {
            assert_eq!(record, BTreeMap::new(), "{was}, then {is}");
        }
    }
    // While nobody can tell what it says, it is as it was.
    for (kind, was, is) in [
        (allergy, "Sulfonamides", "Sulfonamides. No known food allergies."),
        (allergy, "Penicillin", "Allergic to penicillin, no known food allergies"),
        (allergy, "Penicillin", "Penicillin; food: none known"),
        (allergy, "Ibuprofen", "No NSAIDs - GI bleed 2019"),
        (allergy, "Ibuprofen", "Not tolerated: ibuprofen"),
        (allergy, "Penicillin", "NKDA. NKFA."),
        (condition, "Nephrectomy", "No left kidney"),
        (medication, "Warfarin", "No more than 5 mg warfarin daily"),
        (condition, "Pneumonia", "Pneumonia. Tuberculosis ruled out"),
        (condition, "Diabetes", "Diabetes (none)"),
    ] {
        let states = [
            in_words(kind, was, "2024-03-01T00:00:00Z"),
            in_words(kind, is, "2024-05-01T00:00:00Z"),
        ];
        for record in in_every_order(&states) {
            assert_eq!(record, BTreeMap::from([(was.to_owned(), false)]), "{is}");
        }
    }
    // What is withheld tells nothing.
    for (system, code) in [("data-absent-reason", "masked"), ("v3-NullFlavor", "MSK")] {
        let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
        let mut withheld = in_words(allergy, "", "2024-05-01T00:00:00Z");
        withheld["code"] = json!({ "coding": [{ "system": system, "code": code }] });
        for record in in_every_order(&[in_words(allergy, "Penicillin", "2024-03-01T00:00:00Z"), withheld]) {
            assert_eq!(record, BTreeMap::from([("Penicillin".to_owned(), false)]), "{code}");
        }
    }
    // Nor does one that takes back that none are known say what it said before.
    let mut taken_back = in_words(allergy, "No known allergies", "2024-05-01T00:00:00Z");
    taken_back["verificationStatus"] = json!({ "coding": [{ "code": "entered-in-error" }] });
    for record in in_every_order(&[in_words(allergy, "Kiwi", "2024-03-01T00:00:00Z"), taken_back]) {
        assert_eq!(record, BTreeMap::new());
    }
}

#[test]
fn a_state_whose_date_is_to_come_or_is_none_counts_as_of_now_in_one_run_too() {
    for date in [
        "2099-01-01T00:00:00Z",
        "2026-01-01T15:00:00Z",
        "2023-02-30T00:00:00Z",
        "2023-01-01T24:00:00Z",
        "?",
    ] {
        let mut refuted = in_words("AllergyIntolerance", "Penicillin", date);
        refuted["verificationStatus"] = json!({ "coding": [{ "code": "refuted" }] });
        let states = [
            in_words("AllergyIntolerance", "Penicillin", "2023-06-01T00:00:00Z"),
            refuted,
        ];
        for record in &in_every_order(&states)[..2] {
            assert_eq!(*record, BTreeMap::new(), "{date}");
        }
    }
    // Without a zone it is in the one that the run names.
    let zone = Context {
        time_zone: chrono_tz::Asia::Tokyo,
        ..context()
    };
    let states = [
        in_words("AllergyIntolerance", "Penicillin", "2026-01-01T01:00:00Z"),
        in_words("AllergyIntolerance", "Latex", "2026-01-01T20:00:00"),
    ];
    let person = patient("p1", "Person", &mrn("1"));
    let files = [of(&[&[person][..], &states].concat())];
    let persons = persons(&files, &zone);
    let told = persons[0].report.allergies.list();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].concept.text, "Latex");
    assert_eq!(told[0].as_of, Some("2026-01-01T11:00:00Z".parse().unwrap()));
}

#[test]
fn a_medication_that_is_corrected_where_it_is_told_is_corrected_here() {
    let request = dated(
        json!({
            "resourceType": "MedicationRequest", "id": "r1", "status": "active", "intent": "order",
            "subject": to("Patient/p1"), "medicationReference": to("Medication/m1"),
        }),
        "2024-01-01T00:00:00Z",
    );
    let medication = |text: &str, date: &str| {
        dated(
            json!({ "resourceType": "Medication", "id": "m1", "code": { "text": text } }),
            date,
        )
    };
    let person = || dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z");
    let run =
        |record: &Contents, medication: Value| tell(record, &[of(&[person(), request.clone(), medication])], start());
    let wrong = medication("Methotrexate", "2024-01-01T00:00:00Z");
    let corrected = medication("Metformin", "2024-06-01T00:00:00Z");
    let expected = BTreeMap::from([("Metformin".to_owned(), false)]);
    for runs in [[&wrong, &corrected], [&corrected, &wrong]] {
        let record = runs
            .iter()
            .fold(Contents::default(), |record, told| run(&record, (*told).clone()));
        assert_eq!(says(&record), expected);
    }
}

#[test]
fn a_prescription_that_is_over_ends_where_its_medication_is_not_told_again() {
    let request = |status: &str, date: &str| {
        dated(
            json!({
                "resourceType": "MedicationRequest", "id": "r1", "status": status, "intent": "order",
                "subject": to("Patient/p1"), "medicationReference": to("Medication/m1"),
            }),
            date,
        )
    };
    let medication = json!({ "resourceType": "Medication", "id": "m1", "code": { "text": "Warfarin" } });
    let person = || dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z");
    let first = of(&[person(), request("active", "2024-01-01T00:00:00Z"), medication]);
    let recorded = tell(&Contents::default(), &[first], start());
    for (status, date, is_active) in [
        ("stopped", "2024-06-01T00:00:00Z", false),
        ("completed", "2024-06-01T00:00:00Z", false),
        // An older state is no news.
        ("stopped", "2023-06-01T00:00:00Z", true),
        // It may be another medication by now.
        ("active", "2024-06-01T00:00:00Z", true),
    ] {
        let later = of(&[person(), request(status, date)]);
        let persons = persons(&[later], &context());
        let (report, unnamed) = persons[0].report_on(&recorded);
        let record = taken_in(&recorded, &report, start());
        let medications: Vec<_> = record.medications.findings().collect();
        assert_eq!(medications.len(), 1, "{status} {date}");
        assert_eq!(medications[0].concept.text, "Warfarin");
        assert_eq!(medications[0].active, is_active, "{status} {date}");
        assert_eq!(
            unnamed.len(),
            usize::from(status == "active"),
            "what is not known is said"
        );
    }
    // Nothing is recorded under another id.
    let mut other = request("stopped", "2024-06-01T00:00:00Z");
    other["id"] = json!("r2");
    let persons = persons(&[of(&[person(), other])], &context());
    assert_eq!(persons[0].report_on(&recorded).1.len(), 1);
}

#[test]
fn one_id_of_two_hospitals_is_two_findings_however_each_names_its_patient() {
    let ssn = json!([{
        "system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-12-3456",
        "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SS" }] },
    }]);
    let by_number = json!({ "identifier": { "system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-12-3456" } });
    let conditional = to("Patient?identifier=http://hl7.org/fhir/sid/us-ssn|999-12-3456");
    let told = |id: &str, subject: &Value, text: &str| {
        let mut condition = json!({ "resourceType": "Condition", "id": "1", "code": { "text": text } });
        condition["subject"] = subject.clone();
        of(&[patient(id, "Person", &ssn), condition])
    };
    let forms = |id: &str| [to(&format!("Patient/{id}")), by_number.clone(), conditional.clone()];
    for north in forms("north") {
        for south in forms("south") {
            let files = [told("north", &north, "Gout"), told("south", &south, "Asthma")];
            let record = tell(&Contents::default(), &files, start());
            assert_eq!(record.conditions.entries.len(), 2, "{north} {south}");
        }
    }
}

#[test]
fn a_reason_that_is_told_by_a_condition_is_found_wherever_it_is_and_else_named() {
    let dated = |resource: Value, date: &str| {
        let mut resource = resource;
        resource["meta"] = json!({ "lastUpdated": date });
        resource
    };
    let person = || patient("p1", "Person", &mrn("1"));
    let seen = |reason: Value, contained: Value| {
        let mut visit = visit("v1", &to("Patient/p1"), &to("Practitioner/d1"));
        (visit["reasonReference"], visit["contained"]) = (json!([reason]), contained);
        visit["type"] = json!([{ "text": "a type" }]);
        visit
    };
    let gout =
        || json!({ "resourceType": "Condition", "id": "c1", "subject": to("Patient/p1"), "code": { "text": "Gout" } });
    let reason = |files: &[Vec<u8>]| {
        let outcome = ran(files);
        let visit = outcome.visits.first().unwrap();
        (
            visit.reason.as_ref().map(|reason| reason.text.clone()),
            left_out(&outcome).len(),
        )
    };
    let doctors = || doctor("d1", "Doctor");
    let there = Some("Gout".to_owned());
    let within = of(&[person(), doctors(), seen(to("Condition/c1"), json!([])), gout()]);
    assert_eq!(reason(&[within]), (there.clone(), 0));
    let inside = of(&[person(), doctors(), seen(to("#c1"), json!([gout()]))]);
    assert_eq!(reason(&[inside]), (there, 0));
    // It is in none of the files: of what type the visit is says less, and the record may know more.
    let missing = || of(&[person(), doctors(), seen(to("Condition/c1"), json!([]))]);
    assert_eq!(reason(&[missing()]), (Some("a type".to_owned()), 1));
    let recorded = tell(
        &Contents::default(),
        &[of(&[person(), dated(gout(), "2024-01-01T00:00:00Z")])],
        start(),
    );
    let person_again = &persons(&[missing()], &context())[0];
    let named = person_again.reasons_in(&recorded).name(&person_again.visits[0]);
    assert_eq!(named.reason.unwrap().text, "Gout");
}

#[test]
fn nobody_is_the_doctor_in_the_place_of_one_who_is_told_first_and_in_none_of_the_files() {
    let mut seen = visit("v1", &to("Patient/p1"), &to("Practitioner/d1"));
    let second = json!({ "individual": to("Practitioner/d2") });
    seen["participant"].as_array_mut().unwrap().push(second);
    let person = patient("p1", "Person", &mrn("1"));
    let outcome = ran(&[of(&[person.clone(), doctor("d2", "Second"), seen.clone()])]);
    assert_eq!((outcome.visits.len(), left_out(&outcome).len()), (0, 1));
    let outcome = ran(&[of(&[person, doctor("d1", "First"), seen])]);
    assert_eq!(
        (outcome.visits.len(), left_out(&outcome).len()),
        (1, 0),
        "who is told later is not needed"
    );
}

#[test]
fn a_visit_is_as_of_the_newest_of_what_is_told_of_it() {
    let early = "2024-01-01T00:00:00Z";
    for (reason, role) in [
        (early, early),
        ("2024-02-01T00:00:00Z", early),
        (early, "2024-03-01T00:00:00Z"),
    ] {
        let condition = json!({
            "resourceType": "Condition", "id": "c1", "subject": to("Patient/p1"), "code": { "text": "Migraine" },
        });
        let works = json!({
            "resourceType": "PractitionerRole", "id": "r1", "practitioner": to("Practitioner/d1"),
        });
        let mut visit = visit("e1", &to("Patient/p1"), &to("PractitionerRole/r1"));
        visit["reasonReference"] = json!([to("Condition/c1")]);
        let as_of = |visit: &Value| {
            let outcome = ran(&[of(&[
                patient("p1", "Person", &mrn("1")),
                doctor("d1", "Doctor"),
                dated(works.clone(), role),
                dated(condition.clone(), reason),
                dated(visit.clone(), early),
            ])]);
            assert_eq!(outcome.visits.len(), 1);
            outcome.visits[0].as_of
        };
        assert_eq!(
            as_of(&visit),
            Some(reason.max(role).parse().unwrap()),
            "{reason} {role}"
        );
        // The reason is told beside the condition.
        visit["reasonCode"] = json!([{ "text": "Headache" }]);
        assert_eq!(as_of(&visit), Some(role.parse().unwrap()), "{reason} {role}");
    }
}
