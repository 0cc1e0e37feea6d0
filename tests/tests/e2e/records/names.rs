//! An identifier names one patient, and one practitioner, whoever registers whom, at whatever moment.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use api_import::Options;
use api_import::client::Client;
use api_import::report::Summary;
use chrono_tz::Tz;
use domain::account::Role;
use futures::future::join_all;
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::people::{Person, patient, practitioner};
use tests::postgres;
use tests::system::{TestSystem, deployed, two_servers};

fn number(value: &str) -> Value {
    json!({ "system": "https://clinic.test/mrn", "value": value })
}

fn called(family: &str, identifier: &str, others: &[&str]) -> Value {
    let mut patient = patient(family);
    patient["details"]["identifier"] = number(identifier);
    patient["details"]["otherIdentifiers"] = others.iter().map(|other| number(other)).collect();
    patient
}

fn refused_for((status, problem): &(u16, Value), record: &str) {
    assert_eq!(*status, 409, "{problem}");
    assert_eq!(problem["type"], "/problems/already-registered", "{problem}");
    assert!(problem.to_string().contains(record), "{record}: {problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_called_as_another_patient_is_refused() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("front desk", Role::Hospital).await;
    let (here, hospital) = (&system, &*key);
    let register = |body: Value| async move { here.post("/v1/patients", hospital, &body).await };
    let (status, first) = register(called("First", "A", &["B"])).await;
    assert_eq!(status, 201, "{first}");
    let first = first["resource"].as_str().unwrap().to_owned();
    refused_for(&register(called("Second", "B", &["A"])).await, &first);
    refused_for(&register(called("Third", "C", &["A", "B"])).await, &first);
    let (status, third) = register(called("Third", "C", &[])).await;
    assert_eq!(status, 201, "{third}");
    let third = third["resource"].as_str().unwrap().to_owned();
    let change = |path: &str, body: Value| {
        let path = format!("{path}/details");
        let details = body["details"].clone();
        async move { here.put(&path, hospital, &details).await }
    };
    refused_for(&change(&third, called("Third", "C", &["B"])).await, &first);
    // What the first one is not called any more, another may be called.
    for (path, body) in [
        (&first, called("First", "A", &[])),
        (&third, called("Third", "C", &["B"])),
        (&third, called("Renamed", "C", &["B"])),
    ] {
        let (status, answer) = change(path, body).await;
        assert_eq!(status, 200, "{answer}");
    }
    refused_for(&change(&first, called("First", "A", &["B"])).await, &third);

    // Of many at once one is registered.
    let at_once = (0..8).map(|one| register(called("Crowd", &format!("own {one}"), &["shared"])));
    let mut answers: Vec<u16> = join_all(at_once).await.into_iter().map(|(status, _)| status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [201, 409, 409, 409, 409, 409, 409, 409]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_are_registered_under_one_number_at_two_servers_one_is() {
    let chain = TestChain::start().await;
    let servers = two_servers(&chain).await;
    let key = servers[0].service("front desk", Role::Hospital).await;
    for round in 0..25 {
        let (number, shared) = (format!("main {round}"), format!("shared {round}"));
        let attempts = (0..8).map(|attempt| {
            // Half of them under one number as the first, and half under another that is shared among those that are not.
            let body = match attempt / 2 % 2 {
                0 => called("Same", &number, &[]),
                _ => called("Other", &format!("own {round} {attempt}"), &[&*shared]),
            };
            let (server, key) = (&servers[attempt % 2], &key);
            async move { (attempt, server.post("/v1/patients", key, &body).await) }
        });
        let answers = join_all(attempts).await;
        let (same, other): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(attempt, _)| attempt / 2 % 2 == 0);
        // Who is told alike is the same one, whoever came first.
        let records: HashSet<Option<&str>> = same.iter().map(|(_, (_, answer))| answer["id"].as_str()).collect();
        assert!(
            records.len() == 1 && !records.contains(&None),
            "round {round}: {same:?}"
        );
        let new = same.iter().filter(|(_, (status, _))| *status == 201).count();
        let met = same.iter().filter(|(_, (status, _))| *status == 200).count();
        assert_eq!((new, met), (1, same.len() - 1), "round {round}: {same:?}");
        // Of those who are told apart one is registered, and the others are told which.
        let (won, lost): (Vec<_>, Vec<_>) = other.iter().partition(|(_, (status, _))| *status == 201);
        assert_eq!(won.len(), 1, "round {round}: {other:?}");
        for (_, answer) in lost {
            refused_for(answer, won[0].1.1["resource"].as_str().unwrap());
        }
    }
    let [one, two] = servers;
    two.stop().await;
    one.stop().await;
}

fn doctor(family: &str, identifier: &str, others: &[&str]) -> Value {
    let mut doctor = practitioner(family, "UTC");
    doctor["details"]["identifier"] = number(identifier);
    doctor["details"]["otherIdentifiers"] = others.iter().map(|other| number(other)).collect();
    doctor
}

/// Where the practitioners are found whom one of these numbers names.
async fn doctors_called(system: &TestSystem, key: &str, numbers: &[&str]) -> Vec<String> {
    let identifiers: Vec<Value> = numbers.iter().map(|one| number(one)).collect();
    let wanted = json!({ "identifiers": identifiers });
    let (status, found) = system.post("/v1/practitioners/lookup", key, &wanted).await;
    assert_eq!(status, 200, "{found}");
    let items = found["items"].as_array().unwrap().iter();
    let path = |item: &Value| format!("/v1/practitioners/{}", item["id"].as_str().unwrap());
    items.map(path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_called_as_another_practitioner_is_refused() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("front desk", Role::Hospital).await;
    let (here, hospital) = (&system, &*key);
    let register = |body: Value| async move { here.post("/v1/practitioners", hospital, &body).await };
    let change = |path: &str, body: Value| {
        let (path, details) = (path.to_owned(), body["details"].clone());
        async move { here.put(&path, hospital, &details).await }
    };
    let (status, first) = register(doctor("First", "A", &["B"])).await;
    assert_eq!(status, 201, "{first}");
    let first = first["resource"].as_str().unwrap().to_owned();
    for numbers in [vec!["A"], vec!["B"], vec!["B", "A", "nobody's"]] {
        assert_eq!(doctors_called(here, hospital, &numbers).await, [&*first], "{numbers:?}");
    }
    assert!(doctors_called(here, hospital, &["nobody's"]).await.is_empty());

    // The same once more changes nothing; nobody else is called so.
    let (status, again) = register(doctor("First", "A", &["B"])).await;
    assert_eq!((status, &again["resource"]), (200, &json!(first)), "{again}");
    for body in [doctor("Second", "B", &[]), doctor("Second", "C", &["A", "B"])] {
        let refused = register(body).await;
        refused_for(&refused, &first);
        assert_eq!(refused.1["resource"], first, "{}", refused.1);
    }
    let (status, third) = register(doctor("Third", "C", &[])).await;
    assert_eq!(status, 201, "{third}");
    let third = third["resource"].as_str().unwrap().to_owned();
    refused_for(&change(&third, doctor("Third", "C", &["B"])).await, &first);
    // What the first one is not called any more, another may be called.
    for (path, body) in [
        (&first, doctor("First", "A", &[])),
        (&third, doctor("Third", "C", &["B"])),
        (&third, doctor("Renamed", "C", &["B"])),
    ] {
        let (status, answer) = change(path, body).await;
        assert_eq!(status, 200, "{answer}");
    }
    refused_for(&change(&first, doctor("First", "A", &["B"])).await, &third);
    assert_eq!(doctors_called(here, hospital, &["B"]).await, [&*third]);

    // A doctor may be somebody's patient, under the same numbers.
    let (status, answer) = here.post("/v1/patients", hospital, &called("First", "A", &["B"])).await;
    assert_eq!(status, 201, "{answer}");

    // Who they are a doctor says, and not what other systems call them.
    let token = Person::numbered(1).join(here, hospital, &third).await;
    let (_, entry) = here.get(&third, &token).await;
    let mut details = entry["details"].clone();
    details["name"]["family"] = json!("Married");
    let (status, answer) = here.put(&third, &token, &details).await;
    assert_eq!(status, 200, "{answer}");
    for others in [json!([]), json!([number("B"), number("D")])] {
        details["otherIdentifiers"] = others;
        let (status, problem) = here.put(&third, &token, &details).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/otherIdentifiers")),
            "{problem}"
        );
    }

    // Of many at once one is registered.
    let at_once = (0..8).map(|one| register(doctor("Crowd", &format!("own {one}"), &["shared"])));
    let mut answers: Vec<u16> = join_all(at_once).await.into_iter().map(|(status, _)| status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [201, 409, 409, 409, 409, 409, 409, 409]);
    system.stop().await;
}

/// Persons of these numbers: a medical record number, a social security number.
fn persons(numbers: &[&str]) -> Value {
    let person = |which: u32| {
        let identifiers: Vec<Value> = numbers
            .iter()
            .map(|kind| {
                json!({
                    "system": format!("https://{kind}.test"), "value": format!("{kind}-{which}"),
                    "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind }] },
                })
            })
            .collect();
        json!({ "resource": {
            "resourceType": "Patient", "birthDate": format!("1970-01-{:02}", which + 1), "gender": "female",
            "identifier": identifiers, "name": [{ "family": format!("Family{which}"), "given": ["Test"] }],
        }})
    };
    let entries: Vec<Value> = (0..12).map(person).collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

fn write(folder: &Path, bundle: &Value) {
    std::fs::write(folder.join("bundle.json"), bundle.to_string()).unwrap();
}

async fn import(system: &TestSystem, key: &str, bundle: &Value) -> Summary {
    let folder = postgres::folder();
    write(folder.path(), bundle);
    let client = Client::new(&system.url, SecretString::from(key.to_owned()), Duration::from_secs(60)).unwrap();
    let found = api_import::files::find(&[folder.path().to_owned()]).unwrap().files;
    let options = Options {
        concurrency: 16,
        time_zone: Tz::UTC,
    };
    api_import::run(Some(client), found, options, &ProgressBar::hidden()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_at_once_make_one_record_of_each_person() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("Import", Role::Hospital).await;
    let bundles = [persons(&["MR", "SS"]), persons(&["SS", "MR"]), persons(&["SS"])];
    let at_once = join_all(bundles.iter().map(|bundle| import(&system, &key, bundle))).await;
    let again = import(&system, &key, &bundles[0]).await;
    for summary in at_once.iter().chain([&again]) {
        assert_eq!(
            (&summary.failures, summary.left_out),
            (&Vec::new(), 0),
            "{}",
            summary.table()
        );
    }
    let (_, patients) = system.get("/v1/patients", &key).await;
    assert_eq!(patients["items"].as_array().unwrap().len(), 12, "{patients}");
    system.stop().await;
}

/// Somebody who has nothing but a household's number, with a visit.
fn with_a_visit(given: &str, born: &str) -> Value {
    json!({ "resourceType": "Bundle", "type": "collection", "entry": [
        { "resource": {
            "resourceType": "Patient", "id": given, "birthDate": born, "name": [{ "family": "Familyson", "given": [given] }],
            "identifier": [{ "system": "https://insurer.test/household", "value": "H-6" }],
        }},
        { "resource": {
            "resourceType": "Encounter", "id": format!("visit-{given}"), "status": "finished",
            "subject": { "reference": format!("Patient/{given}") },
            "serviceProvider": { "identifier": { "system": "https://clinic.test/ward", "value": "1" } },
            "period": { "start": "2020-03-04T09:00:00Z", "end": "2020-03-04T09:20:00Z" },
        }},
    ]})
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_visits_are_filed_under_a_record_that_may_not_be_read() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("Reader", Role::Hospital).await;
    let administrator = system.administrator().await;
    let service = json!({ "name": "Writer", "role": "hospital" });
    let (status, account) = system.post("/v1/accounts", &administrator, &service).await;
    assert_eq!(status, 201, "{account}");
    let keys = format!("{}/keys", account["resource"].as_str().unwrap());
    let scopes = json!({ "scopes": ["write", "import"] });
    let (status, issued) = system.post(&keys, &administrator, &scopes).await;
    assert_eq!(status, 201, "{issued}");
    let blind = issued["secret"].as_str().unwrap();

    let first = import(&system, blind, &with_a_visit("Mother", "1970-05-06")).await;
    assert_eq!(
        (first.patients.added, first.appointments.added),
        (1, 1),
        "{}",
        first.table()
    );
    let second = import(&system, blind, &with_a_visit("Child", "2015-02-03")).await;
    assert_eq!((second.events, second.left_out), (0, 2), "{}", second.table());
    let (_, visits) = system.get("/v1/appointments", &key).await;
    assert_eq!(visits["items"].as_array().unwrap().len(), 1, "{visits}");
    system.stop().await;
}
