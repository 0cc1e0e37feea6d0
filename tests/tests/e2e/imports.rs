//! Imports, one after another, into one system: nothing twice, and what changed at the source arrives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use api::import::client::Client;
use api::import::report::Summary;
use api::import::{self, Options};
use chrono_tz::Tz;
use domain::account::Role;
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::system::{TestSystem, deployed};
use tests::{bundles, postgres};

/// Imports a folder, and checks the number of events against the log.
async fn import(system: &TestSystem, key: &str, folder: &Path, time_zone: Tz) -> Summary {
    let before = system.position().await;
    let client = Client::new(&system.url, SecretString::from(key.to_owned()), Duration::from_secs(60)).unwrap();
    let found: Vec<PathBuf> = import::files::find(&[folder.to_owned()]).unwrap();
    let options = Options {
        concurrency: 16,
        time_zone,
    };
    let summary = import::run(client, found, options, &ProgressBar::hidden()).await;
    assert_eq!(summary.events, system.position().await - before, "{}", summary.table());
    summary
}

fn write(folder: &Path, bundle: &Value) {
    std::fs::write(folder.join("bundle.json"), bundle.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_adds_nothing_and_next_months_export_adds_what_is_new() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    let mut bundle = bundles::bundle(0, 7);
    write(folder.path(), &bundle);

    let first = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!(first.failures, [], "{}", first.table());
    assert_eq!(
        (
            first.patients.added,
            first.doctors.added,
            first.appointments.added,
            first.events
        ),
        (1, 1, 7, 9)
    );
    let (_, doctors) = system.get("/v1/practitioners", &key).await;
    assert_eq!(doctors["items"][0]["details"]["timeZone"], "Europe/Berlin", "{doctors}");
    let again = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!((again.events, again.commands, again.appointments.unchanged), (0, 9, 7));

    // Another time zone is not taken over, and doubles nothing.
    let elsewhere = import(&system, &key, folder.path(), Tz::America__New_York).await;
    assert_eq!(elsewhere.failures, [], "{}", elsewhere.table());
    assert_eq!(
        (
            elsewhere.events,
            elsewhere.doctors.differing,
            elsewhere.appointments.unchanged
        ),
        (0, 1, 7)
    );

    // What the patient says in their own words survives what the source knows.
    let (_, patients) = system.get("/v1/patients", &key).await;
    let path = format!("/v1/patients/{}", patients["items"][0]["id"].as_str().unwrap());
    let (_, patient) = system.get(&path, &key).await;
    let mut intake = patient["intake"].clone();
    intake["symptoms"] = json!(["cough"]);
    let (status, answer) = system.put(&format!("{path}/intake"), &key, &intake).await;
    assert_eq!(status, 200, "{answer}");
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.push(json!({ "resource": {
        "resourceType": "Condition", "id": "new", "subject": { "reference": "urn:uuid:patient-0" },
        "code": { "coding": [{ "system": "http://snomed.info/sct", "code": "38341003" }] },
    }}));
    write(folder.path(), &bundle);
    let next = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!(next.failures, [], "{}", next.table());
    assert_eq!(
        (next.events, next.patients.updated, next.appointments.unchanged),
        (1, 1, 7)
    );
    let (_, patient) = system.get(&path, &key).await;
    assert_eq!(
        patient["intake"]["conditions"].as_array().unwrap().len(),
        2,
        "{patient}"
    );
    assert_eq!(patient["intake"]["symptoms"], json!(["cough"]), "{patient}");
    let again = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!((again.events, again.patients.unchanged), (0, 1), "{}", again.table());

    // A visit that is told otherwise stays as it was told first, and is named.
    let mut visit = bundle["entry"].as_array_mut().unwrap().iter_mut();
    let visit = visit.find(|entry| entry["resource"]["id"] == "visit-0-0").unwrap();
    visit["resource"]["period"]["start"] = json!("1999-01-01T09:00:00Z");
    write(folder.path(), &bundle);
    let moved = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!(
        (moved.events, moved.appointments.differing, moved.appointments.unchanged),
        (0, 1, 6)
    );
    assert!(
        moved.table().contains("was recorded before with other content"),
        "{}",
        moved.table()
    );
    system.stop().await;
}
