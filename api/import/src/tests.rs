//! Whole runs, without a server: what becomes of files, whatever their form.

mod bare_ids;
mod charts;
mod exports;
mod persons;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use domain::chart::{Absence, Contents, FindingId, Report};
use domain::encounter::Outcome;
use domain::kernel::{Identifier, Sources};
use domain::patient::PatientDetails;
use domain::practitioner::PractitionerDetails;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::context::Context;
use super::fhir::{self, BundleError, Elements};
use super::identity::{self, Index};
use super::mapping::{Fate, Note, Notes, Provider, Visit};
use super::people::{self, Person};
use super::shares::{self, Gathering};

/// A patient whom a run registers, with the chart as it is then.
pub(crate) struct Registered {
    pub(crate) details: PatientDetails,
    pub(crate) report: Report,
    pub(crate) chart: Contents,
}

/// A chart after a report.
pub(crate) fn taken_in(chart: &Contents, report: &Report, now: DateTime<Utc>) -> Contents {
    let mut chart = chart.clone();
    let batch = uuid::Uuid::new_v4();
    for event in chart.take_in(report, batch, now).unwrap() {
        chart.change_by(event).unwrap();
    }
    chart
}

/// What a run comes to.
#[derive(Default)]
pub(crate) struct Ran {
    pub(crate) practitioners: Vec<PractitionerDetails>,
    pub(crate) patients: Vec<Registered>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) refused: Vec<BundleError>,
    pub(crate) notes: Notes,
    pub(crate) ignored: BTreeMap<String, u64>,
    pub(crate) elements: Elements,
}

/// Runs files of these contents, in this order.
pub(crate) fn run(files: &[Vec<u8>], context: &Context) -> Ran {
    let (mut outcome, persons) = run_whole(files, context);
    for person in persons {
        take(&mut outcome, person, context);
    }
    outcome
}

/// Takes in what a run tells of a person.
fn take(outcome: &mut Ran, person: Person, context: &Context) {
    let chart = taken_in(&Contents::default(), &person.report, context.now);
    if person.details.is_some() {
        super::record::planned(&person).remark(&person.path, &mut outcome.notes);
    }
    outcome.patients.extend(person.details.map(|details| Registered {
        details,
        report: person.report,
        chart,
    }));
    outcome.visits.extend(person.visits);
    outcome.refused.extend(person.refused);
    outcome.notes.append(person.notes);
}

/// The persons whom a run tells of.
fn persons(files: &[Vec<u8>], context: &Context) -> Vec<Person> {
    run_whole(files, context).1
}

fn run_whole(files: &[Vec<u8>], context: &Context) -> (Ran, Vec<Person>) {
    run_in(|file| PathBuf::from(format!("{file}.json")), files, context)
}

/// Runs files that stand at these places.
fn run_in(paths: impl Fn(u32) -> PathBuf, files: &[Vec<u8>], context: &Context) -> (Ran, Vec<Person>) {
    let mut index = Index::default();
    for (file, json) in (0..).zip(files) {
        index.add(
            file,
            &paths(file),
            identity::scan(&fhir::contents(json, false), context),
        );
    }
    index.close();
    let mut outcome = Ran::default();
    let (doctors, refused) = people::doctors(&index, context);
    for doctor in doctors {
        outcome.practitioners.push(doctor.registration());
        outcome.notes.append(doctor.notes);
    }
    for (_, path, why) in refused {
        outcome.notes.left_out("Practitioner", &path, why);
    }
    let mut gathering = Gathering::default();
    let mut complete = Vec::new();
    for (file, json) in (0..).zip(files) {
        let parts = shares::parts(&index, file, &paths(file), &fhir::contents(json, false));
        outcome.notes.append(parts.notes);
        outcome.refused.extend(parts.failures);
        outcome.elements.append(parts.elements);
        for (kind, count) in parts.ignored {
            *outcome.ignored.entry(kind).or_default() += count;
        }
        complete.extend(gathering.add(&index, parts.shares, context));
    }
    assert!(gathering.rest(context).is_empty(), "everybody is complete at the end");
    let person = |(owner, share): (u32, _)| people::person(&index, owner, &share, context);
    let persons = complete.into_iter().map(person).collect();
    (outcome, persons)
}

fn context() -> Context {
    Context {
        time_zone: chrono_tz::UTC,
        now: "2026-01-01T12:00:00Z".parse().unwrap(),
    }
}

fn bundle(kind: &str, entries: &[Value]) -> Vec<u8> {
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
        .to_string()
        .into_bytes()
}

/// A bundle of resources without addresses.
fn of(resources: &[Value]) -> Vec<u8> {
    let entries: Vec<Value> = resources
        .iter()
        .map(|resource| json!({ "resource": resource }))
        .collect();
    bundle("collection", &entries)
}

fn ran(files: &[Vec<u8>]) -> Ran {
    run(files, &context())
}

fn left_out(outcome: &Ran) -> Vec<String> {
    let notes = outcome
        .notes
        .list()
        .into_iter()
        .filter(|note| note.fate == Fate::LeftOut);
    notes.map(|note| format!("{} {}", note.resource, note.why)).collect()
}

fn families(outcome: &Ran) -> Vec<&str> {
    let mut families: Vec<&str> = outcome
        .patients
        .iter()
        .map(|one| one.details.name.family.as_str())
        .collect();
    families.sort_unstable();
    families
}

fn patient(id: &str, family: &str, identifiers: &Value) -> Value {
    json!({
        "resourceType": "Patient", "id": id, "name": [{ "family": family, "given": ["Test"] }], "gender": "female",
        "birthDate": "1970-05-06", "identifier": identifiers,
    })
}

fn mrn(value: &str) -> Value {
    json!([{ "system": "https://clinic.test/mrn", "value": value }])
}

fn visit(id: &str, patient: &Value, doctor: &Value) -> Value {
    json!({
        "resourceType": "Encounter", "id": id, "status": "finished", "subject": patient,
        "participant": [{ "individual": doctor }], "identifier": [{ "system": "https://clinic.test/visit", "value": id }],
        "period": { "start": "2020-03-04T09:00:00Z", "end": "2020-03-04T09:20:00Z" },
    })
}

fn doctor(id: &str, family: &str) -> Value {
    json!({
        "resourceType": "Practitioner", "id": id, "name": [{ "family": family }],
        "qualification": [{ "code": { "text": "Cardiology" } }],
        "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": format!("npi-{id}") }],
    })
}

fn to(reference: &str) -> Value {
    json!({ "reference": reference })
}

#[test]
fn a_doctor_of_another_file_is_found_by_every_form_of_reference() {
    let on_a_server = bundle(
        "transaction",
        &[json!({ "fullUrl": "https://clinic.test/fhir/Practitioner/d1", "resource": doctor("d1", "Doctor") })],
    );
    let bare = of(&[doctor("d1", "Doctor")]);
    let number = "http://hl7.org/fhir/sid/us-npi|npi-d1";
    let escaped = "http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-npi%7Cnpi-d1";
    for (form, described) in [
        (to("Practitioner/d1"), &bare),
        (to("Practitioner/d1/_history/3"), &bare),
        (to("https://clinic.test/fhir/Practitioner/d1"), &on_a_server),
        (to(&format!("Practitioner?identifier={number}")), &on_a_server),
        (to(&format!("Practitioner?identifier={escaped}")), &on_a_server),
        (
            json!({ "identifier": { "system": "http://hl7.org/fhir/sid/us-npi", "value": "npi-d1" } }),
            &on_a_server,
        ),
    ] {
        let other = of(&[
            patient("p1", "Person", &mrn("1")),
            visit("e1", &to("Patient/p1"), &form),
        ]);
        let outcome = ran(&[other, described.clone()]);
        assert_eq!(left_out(&outcome), Vec::<String>::new(), "{form}");
        assert_eq!(outcome.visits.len(), 1, "{form}");
        assert!(
            matches!(&outcome.visits[0].provider, Provider::Practitioner(name) if name.value == "npi-d1"),
            "{form}"
        );
    }
}

#[test]
fn a_reference_reaches_no_other_server_and_beyond_its_file_none_that_may_be_another() {
    let base = |server: &str, resource: Value| {
        let path = format!(
            "{}/{}",
            resource["resourceType"].as_str().unwrap(),
            resource["id"].as_str().unwrap()
        );
        json!({ "fullUrl": format!("https://{server}.test/fhir/{path}"), "resource": resource })
    };
    let uuid = "5d2b3c1e-8f0a-4c7b-9f61-0a3b7d1c2e4f";
    for (id, from, at, is_found) in [
        // From which server, and at which one.
        ("191", Some("north"), None, false),
        ("191", None, Some("south"), false),
        ("191", Some("north"), Some("south"), false),
        ("191", Some("north"), Some("north"), true),
        ("191", None, None, true),
        (uuid, Some("north"), None, true),
        (uuid, None, Some("south"), true),
    ] {
        let on = |server: Option<&str>, resource: Value| match server {
            Some(server) => bundle("collection", &[base(server, resource)]),
            None => of(&[resource]),
        };
        let files = [
            on(from, persons::allergy("9", "Penicillin", id)),
            on(at, patient(id, "Bobson", &mrn("1"))),
        ];
        let outcome = ran(&files);
        let found: usize = outcome
            .patients
            .iter()
            .map(|one| one.chart.allergies.entries.len())
            .sum();
        assert_eq!(found, usize::from(is_found), "{id} from {from:?} at {at:?}");
        assert_eq!(
            left_out(&outcome).len(),
            usize::from(!is_found),
            "{id} from {from:?} at {at:?}"
        );
        // Within a file there is one server.
        let (Some(from), None) = (from, at) else { continue };
        let one = bundle(
            "collection",
            &[
                base(from, persons::allergy("9", "Penicillin", id)),
                json!({ "resource": patient(id, "Bobson", &mrn("1")) }),
            ],
        );
        assert_eq!(ran(&[one]).patients[0].chart.allergies.entries.len(), 1);
    }
}

#[test]
fn two_ids_of_one_bundle_under_one_number_are_two() {
    let plain = |id: &str| json!({ "system": "https://clinic.test/mother", "value": id });
    let typed = |id: &str| {
        let mut number = plain(id);
        number["type"] =
            json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
        number
    };
    let on = |server: Option<&str>, people: &[Value]| {
        let entry = |person: &Value| match server {
            Some(server) => {
                json!({ "fullUrl": format!("https://{server}.test/Patient/{}", person["id"].as_str().unwrap()), "resource": person })
            }
            None => json!({ "resource": person }),
        };
        bundle("collection", &people.iter().map(entry).collect::<Vec<_>>())
    };
    let child = |id: &str, given: &[&str], sex: &str, number: &Value| {
        let mut child = patient(id, "Twinsen", &json!([number]));
        child["name"][0]["given"] = json!(given);
        (child["birthDate"], child["gender"]) = (json!("2024-01-23"), json!(sex));
        child
    };
    for server in [None, Some("north")] {
        for (number, given, sex, are_two) in [
            (plain("7"), ["Baby", "Boy", "B"].as_slice(), "male", true),
            (typed("7"), &["Baby", "Boy", "B"], "male", true),
            (plain("7"), &["Baby", "Boy"], "female", true),
            (plain("7"), &["Baby"], "male", true),
            // Somebody who is written twice.
            (typed("7"), &["Baby"], "male", false),
        ] {
            let two = [child("1", &["Baby"], "male", &number), child("2", given, sex, &number)];
            let outcome = ran(&[on(server, &two)]);
            let said = left_out(&outcome).len();
            assert!(outcome.patients.len() != 1 || !are_two, "{given:?} {number} {server:?}");
            assert_eq!(
                said > 0 || !outcome.refused.is_empty(),
                are_two,
                "{given:?} {number} {server:?}"
            );
            // In two files of one server, other names are another's.
            if server.is_some() && given.len() > 1 {
                let files = two.map(|person| on(server, &[person]));
                assert_ne!(ran(&files).patients.len(), 1, "{given:?} {number}");
            }
        }
    }
}

#[test]
fn what_is_not_found_is_named() {
    let outcome = ran(&[of(&[
        patient("p1", "Person", &mrn("1")),
        visit("e1", &to("Patient/p1"), &to("Practitioner/nowhere")),
        visit("e2", &to("Patient/nowhere"), &to("Practitioner/nowhere")),
    ])]);
    assert_eq!((outcome.patients.len(), outcome.visits.len()), (1, 0));
    assert_eq!(left_out(&outcome).len(), 2, "{:?}", left_out(&outcome));
}

#[test]
fn two_servers_first_patients_are_two() {
    let of_server = |server: &str, family: &str, born: &str| {
        let url = |kind: &str| format!("https://{server}.test/fhir/{kind}/1");
        let mut person = patient("1", family, &json!([]));
        person["birthDate"] = json!(born);
        let doctor =
            json!({ "resourceType": "Practitioner", "id": "1", "name": [{ "family": format!("Doc{family}") }] });
        let condition = json!({
            "resourceType": "Condition", "id": "1", "subject": to("Patient/1"), "code": { "text": format!("of {family}") },
        });
        let mut encounter = visit("1", &to("Patient/1"), &to("Practitioner/1"));
        encounter["identifier"] = json!([]);
        let entries = [
            (person, "Patient"),
            (doctor, "Practitioner"),
            (condition, "Condition"),
            (encounter, "Encounter"),
        ];
        let entries = entries.map(|(resource, kind)| json!({ "fullUrl": url(kind), "resource": resource }));
        bundle("collection", &entries)
    };
    let outcome = ran(&[
        of_server("north", "Aardvark", "1950-01-01"),
        of_server("south", "Zebra", "1999-09-09"),
    ]);
    assert_eq!(left_out(&outcome), Vec::<String>::new());
    assert_eq!(
        (
            outcome.patients.len(),
            outcome.practitioners.len(),
            outcome.visits.len()
        ),
        (2, 2, 2)
    );
    for Registered { details, chart, .. } in &outcome.patients {
        let codes = serde_json::to_string(chart).unwrap();
        assert!(codes.contains(&format!("of {}", details.name.family)), "{codes}");
    }
    let identifiers: std::collections::BTreeSet<_> = outcome.visits.iter().map(|visit| &visit.identifier).collect();
    assert_eq!(identifiers.len(), 2);
}

#[test]
fn visits_without_ids_that_share_an_account_number_all_stand() {
    let account = || json!({ "system": "https://clinic.test/account", "value": "A1" });
    let seen = |day: u32, numbers: Value| {
        let mut encounter = visit("v", &to("Patient/p1"), &to("Practitioner/d1"));
        encounter.as_object_mut().unwrap().remove("id");
        encounter["identifier"] = numbers;
        encounter["period"] =
            json!({ "start": format!("2020-03-0{day}T09:00:00Z"), "end": format!("2020-03-0{day}T09:20:00Z") });
        let url = format!("urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a1{day}");
        (
            json!({ "fullUrl": url, "resource": encounter.clone() }),
            json!({ "resource": encounter }),
        )
    };
    let own = json!([{ "system": "https://clinic.test/visit", "value": "V1" }, account()]);
    for numbers in [own, json!([account()])] {
        let all = [
            seen(1, numbers),
            seen(2, json!([account()])),
            seen(3, json!([account()])),
        ];
        let others = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")].map(|one| json!({ "resource": one }));
        let with_urls: Vec<Value> = all
            .iter()
            .map(|(entry, _)| entry.clone())
            .chain(others.clone())
            .collect();
        let bare: Vec<Value> = all.iter().map(|(_, entry)| entry.clone()).chain(others).collect();
        for entries in [with_urls, bare] {
            let outcome = ran(&[bundle("transaction", &entries)]);
            assert_eq!((outcome.visits.len(), left_out(&outcome).len()), (3, 0));
            let names: std::collections::BTreeSet<_> = outcome.visits.iter().map(|visit| &visit.identifier).collect();
            assert_eq!(names.len(), 3, "none is known by what others have too");
            let again = ran(&[bundle("transaction", &entries)]);
            assert_eq!(again.visits, outcome.visits, "the next import knows them again");
        }
    }
}

#[test]
fn a_visit_that_a_bundles_urn_names_is_known_again_whatever_becomes_known_of_it() {
    let night = |night: u32, is_numbered: bool, encounter: &Value| {
        let url = |number: u32| format!("urn:uuid:00000000-0000-4000-8000-{night:06}{number:06}");
        let mut doctor = doctor("d", "Doctor");
        if !is_numbered {
            doctor["identifier"] = json!([]);
        }
        let mut visit = visit("v", &to(&url(1)), &to(&url(2)));
        visit["identifier"] = json!([]);
        for (name, value) in encounter.as_object().unwrap() {
            visit[name] = value.clone();
        }
        let resources = [patient("p", "Person", &mrn("1")), doctor, visit];
        let entries: Vec<Value> = (1..)
            .zip(resources)
            .map(|(number, mut resource)| {
                resource.as_object_mut().unwrap().remove("id");
                json!({ "fullUrl": url(number), "resource": resource })
            })
            .collect();
        bundle("collection", &entries)
    };
    let start = "2020-03-04T09:00:00Z";
    let states = [
        json!({ "status": "in-progress", "period": { "start": start } }),
        json!({ "period": { "start": start, "end": "2020-03-04T09:20:00Z" } }),
        json!({ "period": { "start": start, "end": "2020-03-04T09:45:00Z" } }),
        json!({ "period": { "start": start }, "reasonCode": [{ "text": "Cough" }] }),
    ];
    for is_numbered in [true, false] {
        let files: Vec<Vec<u8>> = (0..)
            .zip(&states)
            .map(|(number, state)| night(number, is_numbered, state))
            .collect();
        let mut names: std::collections::BTreeSet<Identifier> = std::collections::BTreeSet::new();
        for file in &files {
            let outcome = ran(std::slice::from_ref(file));
            names.extend(outcome.visits.iter().map(|visit| visit.identifier.clone()));
            let said = outcome.notes.list();
            let is_said = said
                .iter()
                .any(|note| note.resource == "Practitioner" && note.why.contains("makes a second entry"));
            assert_eq!(
                is_said, !is_numbered,
                "who has no number is another doctor in the next bundle"
            );
        }
        names.extend(ran(&files).visits.into_iter().map(|visit| visit.identifier));
        assert_eq!(names.len(), 1);
    }
}

#[test]
fn without_addresses_one_id_of_two_persons_visits_is_two_visits() {
    let export = |family: &str, mrn: &str| {
        let number = json!([{ "system": format!("https://{family}.test/mrn"), "value": mrn }]);
        let mut encounter = visit("1", &to(&format!("Patient/{family}")), &to("Practitioner/d"));
        encounter["identifier"] = json!([]);
        of(&[patient(family, family, &number), doctor("d", "77"), encounter])
    };
    let outcome = ran(&[export("Aardvark", "1"), export("Zebra", "2")]);
    assert_eq!(left_out(&outcome), Vec::<String>::new());
    assert_eq!((outcome.patients.len(), outcome.visits.len()), (2, 2));
}

#[test]
fn without_addresses_one_id_of_two_persons_names_neither() {
    let mut other = patient("1", "Zebra", &json!([]));
    (other["birthDate"], other["name"][0]["given"]) = (json!("1999-09-09"), json!(["Zoe"]));
    let outcome = ran(&[of(&[patient("1", "Aardvark", &json!([]))]), of(&[other])]);
    assert_eq!(
        (outcome.patients.len(), outcome.refused.len()),
        (0, 2),
        "{:?}",
        outcome.refused
    );
}

#[test]
fn a_family_shares_a_number_and_stays_several() {
    let household = json!({ "system": "https://insurer.test/household", "value": "H-6" });
    let member = |id: &str, given: &str, born: &str, own: bool| {
        let number = json!({ "system": "https://clinic.test/mrn", "value": id });
        let identifiers = if own {
            json!([household, number])
        } else {
            json!([household])
        };
        let mut member = patient(id, "Familyson", &identifiers);
        (member["birthDate"], member["name"][0]["given"]) = (json!(born), json!([given]));
        member
    };
    let (mother, child) = (
        member("a", "Mother", "1970-05-06", true),
        member("b", "Child", "2015-02-03", true),
    );
    for files in [
        vec![of(&[mother.clone(), child.clone()])],
        vec![of(std::slice::from_ref(&child)), of(std::slice::from_ref(&mother))],
    ] {
        let outcome = ran(&files);
        let mut names: Vec<&str> = outcome
            .patients
            .iter()
            .map(|one| one.details.identifier.as_ref().unwrap().value.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b"]);
        let known = |one: &Registered| one.details.other_identifiers.iter().any(|other| other.value == "H-6");
        assert!(
            !outcome.patients.iter().any(known),
            "a number of several names none of them"
        );
    }
    // Twins whom nothing else names.
    let (ada, bea) = (
        member("a", "Ada", "2015-02-03", false),
        member("b", "Bea", "2015-02-03", false),
    );
    let outcome = ran(&[of(&[ada, bea])]);
    assert_eq!((outcome.patients.len(), outcome.refused.len()), (0, 2));
}

#[test]
fn an_account_number_of_two_visits_names_neither() {
    let account = json!({ "system": "https://clinic.test/account", "value": "A29" });
    let visit = |id: &str, start: &str| {
        let mut visit = visit(id, &to("Patient/p1"), &to("Practitioner/d1"));
        visit["identifier"] = json!([account, visit["identifier"][0]]);
        visit["period"] = json!({ "start": start });
        visit
    };
    let (one, two) = (visit("V1", "2020-03-04T09:00:00Z"), visit("V2", "2020-05-05T09:00:00Z"));
    let outcome = ran(&[of(&[
        patient("p1", "Person", &mrn("1")),
        doctor("d1", "Doctor"),
        one,
        two,
    ])]);
    let mut names: Vec<&str> = outcome
        .visits
        .iter()
        .map(|visit| visit.identifier.value.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["V1", "V2"]);
}

#[test]
fn contained_doctors_and_organisations_count() {
    let contained = |id: &str, participant: bool, contained: Value| {
        let mut visit = visit(id, &to("Patient/p1"), &to("#doc"));
        if !participant {
            visit["participant"] = json!([]);
        }
        visit["serviceProvider"] = to("#org");
        visit["contained"] = contained;
        visit
    };
    let inside = json!({ "resourceType": "Practitioner", "id": "doc", "name": [{ "family": "Insidedoc" }] });
    let mut numbered = inside.clone();
    numbered["identifier"] = doctor("1", "")["identifier"].clone();
    let organization = json!({
        "resourceType": "Organization", "id": "org", "identifier": [{ "system": "https://clinic.test/org", "value": "O-11" }],
    });
    let outcome = ran(&[of(&[
        patient("p1", "Person", &mrn("1")),
        contained("a", true, json!([numbered])),
        contained("b", true, json!([inside, organization.clone()])),
        contained("c", false, json!([organization])),
    ])]);
    // A doctor who has no number, and stands nowhere else, would not be known again: the organisation is.
    assert_eq!(left_out(&outcome).len(), 1, "{:?}", left_out(&outcome));
    assert_eq!((outcome.visits.len(), outcome.practitioners.len()), (3, 1));
    let by_organisation = outcome
        .visits
        .iter()
        .find(|visit| visit.identifier.value == "c")
        .unwrap();
    assert!(matches!(&by_organisation.provider, Provider::Organization(name) if name.value == "O-11"));
}

fn dated(mut resource: Value, at: &str) -> Value {
    resource["meta"] = json!({ "lastUpdated": at });
    resource
}

#[test]
fn what_is_deleted_at_the_source_is_not_imported_in_an_older_state() {
    let person = dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z");
    let gone = |kind: &str, id: &str, at: &str| {
        json!({
            "fullUrl": format!("https://a.test/fhir/{kind}/{id}"), "response": { "status": "204", "lastModified": at },
            "request": { "method": "DELETE", "url": format!("{kind}/{id}") },
        })
    };
    let there = |resource: &Value| {
        let url = format!(
            "https://a.test/fhir/{}/{}",
            resource["resourceType"].as_str().unwrap(),
            resource["id"].as_str().unwrap()
        );
        json!({ "fullUrl": url, "resource": resource, "request": { "method": "PUT", "url": "x" } })
    };
    let outcome = ran(&[bundle(
        "history",
        &[gone("Patient", "p1", "2021-01-01T00:00:00Z"), there(&person)],
    )]);
    assert_eq!(
        (outcome.patients.len(), outcome.refused.len(), left_out(&outcome).len()),
        (0, 0, 0)
    );
    assert!(
        outcome
            .notes
            .list()
            .iter()
            .any(|note| note.why.starts_with("was deleted at the source"))
    );
    // Who was registered again after that is there.
    let again = dated(person.clone(), "2022-01-01T00:00:00Z");
    let outcome = ran(&[bundle(
        "history",
        &[
            there(&again),
            gone("Patient", "p1", "2021-01-01T00:00:00Z"),
            there(&person),
        ],
    )]);
    assert_eq!(outcome.patients.len(), 1);
    let condition = dated(
        json!({ "resourceType": "Condition", "id": "c1", "subject": to("Patient/p1"), "code": { "text": "Asthma" } }),
        "2020-01-01T00:00:00Z",
    );
    let entries = [
        there(&condition),
        gone("Condition", "c1", "2021-01-01T00:00:00Z"),
        there(&person),
    ];
    let outcome = ran(&[bundle("history", &entries)]);
    let chart = &outcome.patients[0].chart;
    assert_eq!(chart.conditions.absence(), Some(Absence::NotAsked));
    let withdrawn: Vec<String> = chart.withdrawn.iter().map(|one| one.as_of.to_rfc3339()).collect();
    assert_eq!(withdrawn, ["2021-01-01T00:00:00+00:00"], "as of when it was deleted");
}

#[test]
fn a_deletion_by_an_id_is_of_no_other_servers_patient() {
    let there = |server: &str, id: &str, value: &str| {
        let url = format!("https://{server}.test/fhir/Patient/{id}");
        json!({ "fullUrl": url, "resource": patient(id, "Person", &mrn(value)) })
    };
    let gone = json!({ "request": { "method": "DELETE", "url": "Patient/1" } });
    let first = bundle("transaction", &[there("north", "2", "2"), gone]);
    let others = |server: &str| bundle("transaction", &[there(server, "1", "1")]);
    assert_eq!(ran(&[first.clone(), others("south")]).patients.len(), 2);
    assert_eq!(ran(&[others("south"), first.clone()]).patients.len(), 2);
    // Of its own server's it is, whatever the file; unless that tells of them later.
    assert_eq!(ran(&[others("north"), first.clone()]).patients.len(), 1);
    assert_eq!(ran(&[first, others("north")]).patients.len(), 2);
}

#[test]
fn a_state_of_the_future_is_no_newer_than_others() {
    let state = |family: &str, at: &str| dated(patient("p1", family, &mrn("1")), at);
    let outcome = ran(&[of(&[
        state("Never", "2099-01-01T00:00:00Z"),
        state("Now", "2025-01-01T00:00:00Z"),
    ])]);
    assert_eq!(families(&outcome), ["Now"]);
    let outcome = ran(&[of(&[state("Never", "2099-01-01T00:00:00Z")])]);
    assert_eq!(outcome.patients[0].details.as_of, None);
}

#[test]
fn what_names_several_and_whom_their_source_links_is_named() {
    let household = json!({ "system": "https://insurer.test/household", "value": "H-6" });
    let member = |id: &str, given: &str| {
        let own = json!({ "system": "https://clinic.test/mrn", "value": id });
        let mut member = patient(id, "Familyson", &json!([household, own]));
        member["name"][0]["given"] = json!([given]);
        member
    };
    let outcome = ran(&[of(&[member("a", "Ada"), member("b", "Bea")])]);
    assert_eq!(outcome.patients.len(), 2);
    let notes = outcome.notes.list();
    assert!(
        notes.iter().any(|note| note.fate == Fate::LeftOut && note.count == 2),
        "{notes:?}"
    );
    let mut linked = member("a", "Ada");
    linked["link"] = json!([{ "other": to("Patient/b"), "type": "replaced-by" }]);
    linked["active"] = json!(false);
    let notes = ran(&[of(&[linked])]).notes.list();
    let fates: Vec<Fate> = notes.iter().map(|note| note.fate).collect();
    assert_eq!(fates, [Fate::LeftOut, Fate::Changed], "{notes:?}");
}

#[test]
fn what_is_deleted_and_nowhere_told_is_named() {
    let gone = |kind: &str| json!({ "request": { "method": "DELETE", "url": format!("{kind}/x") } });
    for (kind, lost) in [
        ("AllergyIntolerance", 1),
        ("Encounter", 1),
        ("Patient", 0),
        ("Observation", 0),
    ] {
        let outcome = ran(&[bundle("transaction", &[gone(kind)])]);
        assert_eq!(left_out(&outcome).len(), lost, "{kind}");
        assert_eq!(outcome.notes.list().len(), 1, "{kind}");
    }
}

#[test]
fn a_visit_that_is_deleted_or_was_entered_in_error_counts_as_none() {
    let entry = |resource: &Value| json!({ "fullUrl": "https://a.test/fhir/Encounter/e1", "resource": resource });
    let there = dated(
        visit("e1", &to("Patient/p1"), &to("Practitioner/d1")),
        "2020-01-01T00:00:00Z",
    );
    let mut in_error = dated(there.clone(), "2021-01-01T00:00:00Z");
    in_error["status"] = json!("entered-in-error");
    let gone = json!({
        "fullUrl": "https://a.test/fhir/Encounter/e1", "response": { "lastModified": "2021-01-01T00:00:00Z" },
        "request": { "method": "DELETE", "url": "Encounter/e1" },
    });
    for taken_back in [entry(&in_error), gone] {
        let others = [patient("p1", "Person", &mrn("1")), doctor("d1", "Doctor")];
        let others = others.map(|resource| json!({ "resource": resource }));
        let entries = [&others[..], &[taken_back.clone(), entry(&there)]].concat();
        let outcome = ran(&[bundle("history", &entries)]);
        assert_eq!(left_out(&outcome), Vec::<String>::new(), "{taken_back}");
        let visits: Vec<_> = outcome.visits.iter().map(|one| (one.outcome, one.as_of)).collect();
        let as_of = "2021-01-01T00:00:00Z".parse().ok();
        assert_eq!(visits, [(Outcome::EnteredInError, as_of)], "{taken_back}");
    }
}

#[test]
fn elements_without_a_place_are_named_and_lose_nothing_else() {
    let mut person = patient("p1", "Person", &mrn("1"));
    (person["photo"], person["maritalStatus"]) = (json!([{ "data": "SECRET" }]), json!({ "text": "SECRET" }));
    person["name"][0]["suffix"] = json!(["SECRET"]);
    let mut practitioner = doctor("d1", "Doctor");
    practitioner["photo"] = json!([]);
    let organization = json!({ "resourceType": "Organization", "id": "o1", "name": "SECRET" });
    let outcome = ran(&[of(&[person.clone(), practitioner, organization]), of(&[person])]);
    assert_eq!(left_out(&outcome), Vec::<String>::new());
    assert_eq!(outcome.notes.list(), []);
    let expected = [
        "Organization.name",
        "Patient.maritalStatus",
        "Patient.name.suffix",
        "Patient.photo",
        "Practitioner.photo",
    ];
    let elements = outcome.elements.into_map();
    assert_eq!(elements.keys().collect::<Vec<_>>(), expected);
    assert!(
        elements.values().all(|count| *count == 1),
        "only the state that counts: {elements:?}"
    );
}

#[test]
fn whoever_cannot_be_read_is_a_failure_and_so_is_what_a_source_could_not_give() {
    let bundle = |resource: &str| {
        format!(r#"{{ "resourceType": "Bundle", "type": "collection", "entry": [{{ "resource": {resource} }}] }}"#)
    };
    let ran = |resource: &str| ran(&[bundle(resource).into_bytes()]);
    for unread in [
        r#"{ "resourceType": "Patient", "id": "a", "id": "b" }"#,
        r#"{ "resourceType": "Patient", "birthDate": 7, "birthDate": 8 }"#,
    ] {
        let ran = ran(unread);
        assert_eq!((ran.refused.len(), ran.notes.list().len()), (1, 0), "{unread}");
    }
    for (severity, count) in [("fatal", 1), ("error", 1), ("warning", 0), ("information", 0)] {
        let outcome = format!(
            r#"{{ "resourceType": "OperationOutcome", "issue": [{{ "severity": "{severity}", "code": "x" }}] }}"#
        );
        assert_eq!(left_out(&ran(&outcome)).len(), count, "{severity}");
    }
}

#[test]
fn what_may_change_the_meaning_of_a_resource_is_not_passed_over() {
    let mut person = patient("p1", "Person", &mrn("1"));
    person["modifierExtension"] = json!([{ "url": "https://a.test/is-a-test-patient", "valueBoolean": true }]);
    person["meta"] = json!({ "security": [{ "code": "R" }] });
    let outcome = ran(&[of(&[person])]);
    assert_eq!((outcome.patients.len(), left_out(&outcome).len()), (1, 1));
    let changed = |note: &Note| note.fate == Fate::Changed && note.why.starts_with("has labels of who may see it");
    assert!(outcome.notes.list().iter().any(changed));
}

#[test]
fn a_history_without_dates_has_its_newest_state_first_and_other_files_their_newest_last() {
    let (old, new) = (patient("p1", "Old", &mrn("1")), patient("p1", "New", &mrn("1")));
    let entry = |resource: &Value| json!({ "resource": resource, "request": { "method": "PUT", "url": "Patient/p1" } });
    assert_eq!(
        families(&ran(&[bundle("history", &[entry(&new), entry(&old)])])),
        ["New"]
    );
    assert_eq!(families(&ran(&[bundle("batch", &[entry(&old), entry(&new)])])), ["New"]);
    assert_eq!(families(&ran(&[of(&[old]), of(&[new])])), ["New"]);
}

/// How a resource is addressed, and how it is referred to.
#[derive(Clone, Copy, Debug)]
enum Form {
    Urn,
    Http,
    Relative,
    Versioned,
    Conditional,
    Logical,
}

/// A world: persons with conditions and visits, each resource in several states.
#[derive(Clone, Debug)]
struct World {
    persons: usize,
    states: usize,
    form: Form,
    with_ids: bool,
}

/// The resources of a world, each state an entry. `newest` alone, or all of them.
fn entries(world: &World, newest: bool) -> Vec<Value> {
    let mut entries = Vec::new();
    let reference = |kind: &str, id: &str, system: &str| match world.form {
        Form::Urn => to(&format!("urn:uuid:{}", uuid(kind, id))),
        Form::Http => to(&format!("https://a.test/fhir/{kind}/{id}")),
        Form::Relative => to(&format!("{kind}/{id}")),
        Form::Versioned => to(&format!("{kind}/{id}/_history/1")),
        Form::Conditional => to(&format!("{kind}?identifier={system}|{id}")),
        Form::Logical => json!({ "identifier": { "system": system, "value": id } }),
    };
    let mut add = |mut resource: Value, kind: &str, id: &str, system: &str| {
        resource["resourceType"] = json!(kind);
        resource["identifier"] = json!([{ "system": system, "value": id }]);
        if world.with_ids {
            resource["id"] = json!(id);
        }
        let mut entry = json!({ "resource": resource });
        match world.form {
            Form::Urn | Form::Conditional | Form::Logical => {
                entry["fullUrl"] = json!(format!("urn:uuid:{}", uuid(kind, id)))
            }
            Form::Http => entry["fullUrl"] = json!(format!("https://a.test/fhir/{kind}/{id}")),
            Form::Relative | Form::Versioned => {}
        }
        entries.push(entry);
    };
    for state in (0..world.states).filter(|state| !newest || state + 1 == world.states) {
        let meta = json!({ "lastUpdated": format!("202{state}-01-01T00:00:00Z"), "versionId": state.to_string() });
        for person in 0..world.persons {
            let id = format!("p{person}");
            let whose = reference("Patient", &id, "urn:mrn");
            let name = json!([{ "family": format!("Family{state}"), "given": [format!("Given{person}")] }]);
            let born = format!("19{}0-05-06", 5 + person);
            add(
                json!({ "meta": meta, "name": name, "birthDate": born, "gender": "female" }),
                "Patient",
                &id,
                "urn:mrn",
            );
            let code = json!({ "text": format!("Condition {state}") });
            add(
                json!({ "meta": meta, "subject": whose, "code": code }),
                "Condition",
                &format!("c{person}"),
                "urn:condition",
            );
            let allergy = json!({ "text": format!("Allergy {state}") });
            add(
                json!({ "meta": meta, "patient": whose, "code": allergy }),
                "AllergyIntolerance",
                &format!("a{person}"),
                "urn:a",
            );
            let by = reference("Practitioner", "d1", "urn:npi");
            let status = if state == 0 { "in-progress" } else { "finished" };
            add(
                json!({
                    "meta": meta, "status": status, "subject": whose, "participant": [{ "individual": by }],
                    "period": { "start": "2020-03-04T09:00:00Z", "end": format!("2020-03-04T09:1{state}:00Z") },
                }),
                "Encounter",
                &format!("e{person}"),
                "urn:visit",
            );
        }
        add(
            json!({ "meta": meta, "name": [{ "family": "Doctor", "given": [format!("G{state}"), "D"] }] }),
            "Practitioner",
            "d1",
            "urn:npi",
        );
    }
    entries
}

fn uuid(kind: &str, id: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("{kind}/{id}").as_bytes())
}

/// What a run comes to, without what depends on where things stood.
fn essence(outcome: &Ran) -> Value {
    let mut people: Vec<String> = outcome
        .patients
        .iter()
        .map(|Registered { details, chart, .. }| {
            let mut details = details.clone();
            details
                .other_identifiers
                .retain(|other| other.system != identity::ADDRESSES);
            // How a finding is addressed, and its id, do not change what it says.
            let mut chart = chart.clone();
            for entry in &mut chart.conditions.entries {
                (entry.id, entry.finding.sources) = (FindingId(uuid::Uuid::nil()), Sources::default());
            }
            for entry in &mut chart.allergies.entries {
                (entry.id, entry.finding.sources) = (FindingId(uuid::Uuid::nil()), Sources::default());
            }
            json!({ "details": details, "chart": chart }).to_string()
        })
        .collect();
    people.sort();
    let mut visits: Vec<String> = outcome
        .visits
        .iter()
        .map(|visit| {
            let (patient, provider): (&Identifier, String) = (&visit.patient, format!("{:?}", visit.provider));
            let times = (
                visit.slot.start,
                visit.slot.minutes,
                visit.as_of,
                format!("{:?}", visit.outcome),
            );
            json!([visit.identifier, patient, provider, times.0, times.1, times.2, times.3]).to_string()
        })
        .collect();
    visits.sort();
    let mut doctors: Vec<String> = outcome.practitioners.iter().map(|one| format!("{one:?}")).collect();
    doctors.sort();
    let refused: Vec<String> = outcome.refused.iter().map(ToString::to_string).collect();
    json!([people, visits, doctors, refused, left_out(outcome)])
}

fn worlds() -> impl Strategy<Value = World> {
    let forms = vec![
        Form::Urn,
        Form::Http,
        Form::Relative,
        Form::Versioned,
        Form::Conditional,
        Form::Logical,
    ];
    (1..4_usize, 1..4_usize, prop::sample::select(forms), any::<bool>()).prop_map(|(persons, states, form, ids)| {
        World {
            persons,
            states,
            form,
            with_ids: ids || matches!(form, Form::Relative | Form::Versioned),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_world_is_the_same_in_any_order_form_and_number_of_files(
        (world, order, files) in worlds().prop_flat_map(|world| {
            let count = entries(&world, false).len();
            let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
            let files = prop::collection::vec(0..3_usize, count);
            (Just(world), order, files)
        })
    ) {
        let reference = World { form: Form::Urn, with_ids: true, ..world.clone() };
        let expected = ran(&[bundle("collection", &entries(&reference, true))]);
        prop_assert_eq!(expected.patients.len(), world.persons);
        prop_assert_eq!(left_out(&expected), Vec::<String>::new());
        let all = entries(&world, false);
        let mut split = vec![Vec::new(); 3];
        for (entry, file) in order.into_iter().zip(files) {
            split[file].push(all[entry].clone());
        }
        let files: Vec<Vec<u8>> = split.iter().map(|entries| bundle("collection", entries)).collect();
        prop_assert_eq!(essence(&ran(&files)), essence(&expected));
    }
}
