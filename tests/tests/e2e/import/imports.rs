//! Imports, one after another, into one system: nothing twice, and what changed at the source arrives.

use std::path::Path;
use std::time::Duration;

use api_import::Options;
use api_import::client::Client;
use api_import::report::Summary;
use chrono_tz::Tz;
use domain::account::Role;
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{chart_of, note, texts, treated};
use tests::system::{TestSystem, deployed};
use tests::{bundles, postgres};

/// Imports a folder, and checks the number of events against the log.
pub(crate) async fn import(system: &TestSystem, key: &str, folder: &Path, time_zone: Tz) -> Summary {
    let before = system.position().await;
    let client = Client::new(&system.url, SecretString::from(key.to_owned()), Duration::from_secs(60)).unwrap();
    let found = api_import::files::find(&[folder.to_owned()]).unwrap().files;
    let options = Options {
        concurrency: 16,
        time_zone,
    };
    let summary = api_import::run(Some(client), found, options, &ProgressBar::hidden()).await;
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
        // Patient, doctor and chart, the visits, and what each of both is called.
        (1, 1, 7, 12)
    );
    let (_, doctors) = system.get("/v1/practitioners", &key).await;
    assert_eq!(doctors["items"][0]["details"]["timeZone"], "Europe/Berlin", "{doctors}");
    let again = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!((again.events, again.commands, again.appointments.unchanged), (0, 7, 7));

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
    let nurse = treated(&system, &key, &path).await;
    note(&system, &nurse, &path, &json!({ "symptom": { "text": "cough" } })).await;
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
    let chart = chart_of(&system, &nurse, &path).await;
    assert_eq!(texts(&chart["conditions"]).len(), 2, "{chart}");
    assert_eq!(texts(&chart["symptoms"]), ["cough"], "{chart}");
    let again = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!((again.events, again.patients.unchanged), (0, 1), "{}", again.table());

    // A visit that is told otherwise is corrected.
    let mut visit = bundle["entry"].as_array_mut().unwrap().iter_mut();
    let visit = visit.find(|entry| entry["resource"]["id"] == "visit-0-0").unwrap();
    visit["resource"]["period"]["start"] = json!("1999-01-01T09:00:00Z");
    write(folder.path(), &bundle);
    let moved = import(&system, &key, folder.path(), Tz::Europe__Berlin).await;
    assert_eq!(
        (moved.events, moved.appointments.updated, moved.appointments.unchanged),
        (1, 1, 6),
        "{}",
        moved.table()
    );
    system.stop().await;
}

/// A patient of this number with a chart: an allergy and a condition.
fn charted(number: &str, phone: &str, chart: bool) -> Value {
    let mut entries = vec![json!({ "resource": {
        "resourceType": "Patient", "id": format!("p{number}"), "birthDate": "1970-05-06", "gender": "female",
        "identifier": [{ "system": "https://clinic.test/mrn", "value": number }],
        "name": [{ "family": "Chartson", "given": ["Test"] }], "telecom": [{ "system": "phone", "value": phone }],
    }})];
    if chart {
        let subject = json!({ "reference": format!("Patient/p{number}") });
        entries.push(json!({ "resource": {
            "resourceType": "AllergyIntolerance", "code": { "text": "Penicillin" }, "criticality": "high", "patient": subject,
        }}));
        entries.push(json!({ "resource": {
            "resourceType": "Condition", "code": { "text": "Asthma" }, "subject": subject,
        }}));
    }
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

fn dated(mut bundle: Value, at: &str) -> Value {
    for entry in bundle["entry"].as_array_mut().unwrap() {
        entry["resource"]["meta"] = json!({ "lastUpdated": at });
    }
    bundle
}

/// The path of the record of the only patient there is.
async fn only_record(system: &TestSystem, key: &str) -> String {
    let (_, patients) = system.get("/v1/patients", key).await;
    assert_eq!(patients["items"].as_array().unwrap().len(), 1, "{patients}");
    format!("/v1/patients/{}", patients["items"][0]["id"].as_str().unwrap())
}

async fn only_patient(system: &TestSystem, key: &str) -> Value {
    system.get(&only_record(system, key).await, key).await.1
}

async fn only_chart(system: &TestSystem, key: &str) -> Value {
    let record = only_record(system, key).await;
    chart_of(system, &treated(system, key, &record).await, &record).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_followed_there_and_back_and_never_to_an_older_state() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    let (first, second) = (charted("70", "+1 555 AAAA", true), charted("70", "+1 555 BBBB", false));
    for bundle in [&first, &second, &first] {
        write(folder.path(), bundle);
        let summary = import(&system, &key, folder.path(), Tz::UTC).await;
        assert_eq!(
            (&summary.failures, summary.left_out),
            (&Vec::new(), 0),
            "{}",
            summary.table()
        );
        let patient = only_patient(&system, &key).await;
        let phone = &bundle["entry"][0]["resource"]["telecom"][0]["value"];
        assert_eq!(&patient["details"]["phone"], phone, "{patient}");
        let chart = only_chart(&system, &key).await;
        assert_eq!(
            texts(&chart["allergies"]),
            ["Penicillin"],
            "absence is not deletion: {chart}"
        );
        assert_eq!(texts(&chart["conditions"]), ["Asthma"], "{chart}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_detail_is_as_the_newest_state_tells_it_or_as_people_changed_it_since() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    for (phone, at, expected) in [
        ("+1 555 2024", "2024-01-01T00:00:00Z", "+1 555 2024"),
        ("+1 555 2020", "2020-01-01T00:00:00Z", "+1 555 2024"),
        ("+1 555 2025", "2025-01-01T00:00:00Z", "+1 555 2025"),
        // The newest one tells no number: the newest that does counts, whenever it comes.
        ("", "2026-01-01T00:00:00Z", "+1 555 2025"),
        ("+1 555 2023", "2023-01-01T00:00:00Z", "+1 555 2025"),
        ("+1 555 June", "2025-06-01T00:00:00Z", "+1 555 June"),
    ] {
        let mut bundle = dated(charted("70", phone, false), at);
        if phone.is_empty() {
            bundle["entry"][0]["resource"]
                .as_object_mut()
                .unwrap()
                .remove("telecom");
        }
        write(folder.path(), &bundle);
        let summary = import(&system, &key, folder.path(), Tz::UTC).await;
        assert_eq!(
            (&summary.failures, summary.left_out),
            (&Vec::new(), 0),
            "{}",
            summary.table()
        );
        assert_eq!(only_patient(&system, &key).await["details"]["phone"], expected);
    }
    // Now people correct it; no export from before undoes that, whether they say as of when or not.
    let path = format!("{}/details", only_record(&system, &key).await);
    for (number, keeps_date) in [("+1 555 here", true), ("+1 555 again", false)] {
        let mut details = only_patient(&system, &key).await["details"].take();
        details["phone"] = json!(number);
        if !keeps_date {
            details.as_object_mut().unwrap().remove("asOf");
        }
        let (status, answer) = system.put(&path, &key, &details).await;
        assert_eq!(status, 200, "{answer}");
        for at in ["2024-06-01T00:00:00Z", "2026-06-01T00:00:00Z"] {
            write(folder.path(), &dated(charted("70", "+1 555 old", false), at));
            import(&system, &key, folder.path(), Tz::UTC).await;
            let patient = only_patient(&system, &key).await;
            assert_eq!(patient["details"]["phone"], number, "{at}: {patient}");
        }
    }
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_states_of_one_person_end_as_the_newest_whatever_the_files_are_called() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    for (name, year) in [("a", 2024), ("b", 2020), ("c", 2022), ("d", 2023), ("e", 2021)] {
        let bundle = dated(
            charted("81", &format!("+1 555 {year}"), false),
            &format!("{year}-01-01T00:00:00Z"),
        );
        std::fs::write(folder.path().join(format!("{name}.json")), bundle.to_string()).unwrap();
    }
    let summary = import(&system, &key, folder.path(), Tz::UTC).await;
    assert_eq!(
        (&summary.failures, summary.patients.added, summary.events),
        // The patient, with two names.
        (&Vec::new(), 1, 3),
        "{}",
        summary.table()
    );
    assert_eq!(only_patient(&system, &key).await["details"]["phone"], "+1 555 2024");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_visit_that_is_finished_later_ends_as_completed_with_its_times() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    let bundle = |status: &str, end: Option<&str>| {
        let mut bundle = charted("80", "+1 555 0080", false);
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries.push(json!({ "resource": {
            "resourceType": "Practitioner", "id": "d80", "name": [{ "family": "Opendoc" }],
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1000000080" }],
        }}));
        let mut period = json!({ "start": "2020-03-04T09:00:00Z" });
        if let Some(end) = end {
            period["end"] = json!(end);
        }
        entries.push(json!({ "resource": {
            "resourceType": "Encounter", "id": "e80", "status": status, "subject": { "reference": "Patient/p80" },
            "identifier": [{ "system": "https://clinic.test/visit", "value": "V80" }], "period": period,
            "participant": [{ "individual": { "reference": "Practitioner/d80" } }],
        }}));
        bundle
    };
    write(folder.path(), &bundle("in-progress", None));
    let open = import(&system, &key, folder.path(), Tz::UTC).await;
    assert_eq!(
        (open.appointments.added, open.failures.len()),
        (1, 0),
        "{}",
        open.table()
    );
    write(folder.path(), &bundle("finished", Some("2020-03-04T11:00:00Z")));
    let closed = import(&system, &key, folder.path(), Tz::UTC).await;
    assert_eq!(
        (closed.appointments.updated, closed.events),
        (1, 1),
        "{}",
        closed.table()
    );
    let visit = || async {
        let (_, visits) = system.get("/v1/appointments", &key).await;
        assert_eq!(visits["items"].as_array().unwrap().len(), 1, "{visits}");
        visits["items"][0].clone()
    };
    let visit_now = visit().await;
    assert_eq!(
        (&visit_now["status"], &visit_now["minutes"]),
        (&json!("completed"), &json!(120)),
        "{visit_now}"
    );
    // The first export once more is the older state.
    write(folder.path(), &bundle("in-progress", None));
    let again = import(&system, &key, folder.path(), Tz::UTC).await;
    assert_eq!((again.events, again.left_out), (0, 0), "{}", again.table());
    assert_eq!(visit().await, visit_now);
    system.stop().await;
}

/// A dated chart: an allergy and a condition, of which the first has these fields, and the second those.
fn chart(at: &str, allergy: &Value, condition: &Value) -> Value {
    let mut bundle = charted("90", "+1 555 0090", false);
    let subject = json!({ "reference": "Patient/p90" });
    let entries = bundle["entry"].as_array_mut().unwrap();
    for (kind, id, text, fields) in [
        ("AllergyIntolerance", "a90", "Penicillin", allergy),
        ("Condition", "c90", "Asthma", condition),
    ] {
        let mut resource = json!({
            "resourceType": kind, "id": id, "subject": subject, "patient": subject, "code": { "text": text },
        });
        for (field, value) in fields.as_object().unwrap() {
            resource[field] = value.clone();
        }
        entries.push(json!({ "resource": resource }));
    }
    dated(bundle, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_export_that_comes_later_brings_nothing_back() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    let (none, over) = (json!({}), json!({ "abatementDateTime": "2022-05-06" }));
    let refuted = json!({ "verificationStatus": { "coding": [{ "code": "refuted" }] } });
    let exports = [
        (chart("2021-01-01T00:00:00Z", &none, &none), false, 0),
        (chart("2023-01-01T00:00:00Z", &refuted, &over), true, 0),
        // That an allergy is not taken is never said in passing: another source may mean another one.
        (chart("2019-01-01T00:00:00Z", &none, &none), true, 1),
    ];
    for (export, is_over, left_out) in &exports {
        write(folder.path(), export);
        let summary = import(&system, &key, folder.path(), Tz::UTC).await;
        assert_eq!(summary.failures, [], "{}", summary.table());
        let chart = only_chart(&system, &key).await;
        let allergies = chart["allergies"].as_array().unwrap();
        assert_eq!(allergies.len(), usize::from(!is_over), "{chart}");
        let asthma = &chart["conditions"][0]["finding"];
        assert_eq!(asthma["abated"].is_string(), *is_over, "{chart}");
        assert_eq!(summary.left_out, *left_out, "{}", summary.table());
        let again = import(&system, &key, folder.path(), Tz::UTC).await;
        assert_eq!(again.events, 0, "{}", again.table());
    }
    // What is told anew counts again.
    write(folder.path(), &chart("2025-01-01T00:00:00Z", &none, &none));
    let summary = import(&system, &key, folder.path(), Tz::UTC).await;
    assert_eq!(
        (&summary.failures, summary.left_out),
        (&Vec::new(), 0),
        "{}",
        summary.table()
    );
    let chart = only_chart(&system, &key).await;
    assert_eq!(texts(&chart["allergies"]), ["Penicillin"], "{chart}");
    assert_eq!(chart["withdrawn"], Value::Null, "{chart}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_its_source_takes_back_counts_no_more_and_a_doctor_is_who_they_are_now() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    let bundle = |status: &str, family: &str, at: &str| {
        let mut bundle = charted("95", "+1 555 0095", false);
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries.push(json!({ "resource": {
            "resourceType": "Practitioner", "id": "d95", "name": [{ "family": family, "given": ["Ruth"] }],
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1000000095" }],
        }}));
        entries.push(json!({ "resource": {
            "resourceType": "Encounter", "id": "e95", "status": status, "subject": { "reference": "Patient/p95" },
            "identifier": [{ "system": "https://clinic.test/visit", "value": "V95" }],
            "period": { "start": "2020-03-04T09:00:00Z", "end": "2020-03-04T09:20:00Z" },
            "participant": [{ "individual": { "reference": "Practitioner/d95" } }],
        }}));
        dated(bundle, at)
    };
    // The last one is an older export.
    for (status, family, at, is_now) in [
        ("finished", "Maiden", "2021-01-01T00:00:00Z", ("completed", "Maiden")),
        (
            "entered-in-error",
            "Married",
            "2022-01-01T00:00:00Z",
            ("entered-in-error", "Married"),
        ),
        (
            "finished",
            "Maiden",
            "2021-01-01T00:00:00Z",
            ("entered-in-error", "Married"),
        ),
    ] {
        write(folder.path(), &bundle(status, family, at));
        let summary = import(&system, &key, folder.path(), Tz::UTC).await;
        assert_eq!(
            (&summary.failures, summary.left_out),
            (&Vec::new(), 0),
            "{}",
            summary.table()
        );
        let (_, visits) = system.get("/v1/appointments", &key).await;
        assert_eq!(visits["items"].as_array().unwrap().len(), 1, "{visits}");
        assert_eq!(visits["items"][0]["status"], is_now.0, "{visits}");
        let (_, doctors) = system.get("/v1/practitioners", &key).await;
        let doctor = &doctors["items"][0];
        assert_eq!(doctor["details"]["name"]["family"], is_now.1, "{doctors}");
        assert_eq!(
            doctor["details"]["specializations"][0]["text"], "General practice",
            "{doctors}"
        );
        let treated = format!("/v1/practitioners/{}/patients", doctor["id"].as_str().unwrap());
        let (_, treated) = system.get(&treated, &key).await;
        let counts = is_now.0 == "completed";
        assert_eq!(
            treated["items"].as_array().unwrap().len(),
            usize::from(counts),
            "{treated}"
        );
    }
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_that_comes_in_two_runs_stays_a_family() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    let member = |id: &str, given: &str, born: &str| {
        json!({ "resource": {
            "resourceType": "Patient", "id": id, "birthDate": born, "name": [{ "family": "Familyson", "given": [given] }],
            "identifier": [
                { "system": "https://insurer.test/household", "value": "H-6" },
                { "system": "https://clinic.test/mrn", "value": id },
            ],
        }})
    };
    let (mother, child) = (member("a", "Mother", "1970-05-06"), member("b", "Child", "2015-02-03"));
    let bundle = |entries: &[&Value]| json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    let mut known = Vec::new();
    // Alone, together, alone again, and with a number less: always the same two.
    for (entries, added) in [
        (vec![&mother], 1),
        (vec![&child], 1),
        (vec![&mother, &child], 0),
        (vec![&child], 0),
    ] {
        write(folder.path(), &bundle(&entries));
        let summary = import(&system, &key, folder.path(), Tz::UTC).await;
        assert_eq!(
            (&summary.failures, summary.patients.added),
            (&Vec::new(), added),
            "{}",
            summary.table()
        );
        let (_, patients) = system.get("/v1/patients", &key).await;
        known = patients["items"].as_array().unwrap().clone();
    }
    let mut names: Vec<&str> = known
        .iter()
        .map(|one| one["details"]["name"]["given"][0].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Child", "Mother"]);
    // Somebody else who has nothing but the household's number is not made one with either of them.
    let mut other = member("c", "Other", "2001-01-01");
    other["resource"]["identifier"].as_array_mut().unwrap().pop();
    write(folder.path(), &bundle(&[&other]));
    let summary = import(&system, &key, folder.path(), Tz::UTC).await;
    assert_eq!((summary.events, summary.failures.len()), (0, 1), "{}", summary.table());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_an_import_would_and_sends_nothing() {
    let folder = postgres::folder();
    std::fs::write(folder.path().join("good.json"), bundles::bundle(0, 3).to_string()).unwrap();
    std::fs::write(folder.path().join("bad.json"), "{}").unwrap();
    let options = Options {
        concurrency: 16,
        time_zone: Tz::UTC,
    };
    let found = api_import::files::find(&[folder.path().to_owned()]).unwrap().files;
    let summary = api_import::run(None, found, options, &ProgressBar::hidden()).await;
    assert_eq!(
        (
            summary.patients.checked,
            summary.doctors.checked,
            summary.appointments.checked,
            summary.commands
        ),
        (1, 1, 3, 0)
    );
    assert_eq!(summary.failures.len(), 1);
    assert!(summary.failures[0].file.ends_with("bad.json"), "{}", summary.table());
}
