//! A visit is one, by whichever of its names a source tells of it: a number, an address, an id, in one run or over several.

use std::time::Duration;

use api_import::Options;
use api_import::client::Client;
use chrono_tz::Tz;
use domain::account::Role;
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::postgres;
use tests::system::{TestSystem, deployed};
use uuid::Uuid;

/// How a source tells of a visit: its number, its id, and the address of its entry, each with the patient's number for `N`.
#[derive(Clone, Copy)]
struct Form {
    number: Option<&'static str>,
    id: Option<&'static str>,
    address: Option<&'static str>,
}

const fn form(number: Option<&'static str>, id: Option<&'static str>, address: Option<&'static str>) -> Form {
    Form { number, id, address }
}

const UNIQUE: &str = "0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a1N";
const ADDRESS: &str = "https://h.test/fhir/Encounter/eN";

/// The visit of a patient, told in this form and with this status.
fn bundle(patient: usize, form: Form, status: &str, at: &str) -> Value {
    let mrn = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    let person = json!({
        "resourceType": "Patient", "id": format!("p{patient}"), "birthDate": "1970-05-06", "gender": "female",
        "name": [{ "family": format!("Family{patient}"), "given": ["Given"] }],
        "identifier": [{ "system": "urn:mrn", "value": patient.to_string(), "type": mrn }],
    });
    let doctor = json!({
        "resourceType": "Practitioner", "id": "d1", "name": [{ "family": "Sato" }],
        "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1000000001" }],
    });
    let mut visit = json!({
        "resourceType": "Encounter", "status": status, "class": { "code": "AMB" }, "meta": { "lastUpdated": at },
        "subject": { "reference": format!("Patient/p{patient}") },
        "participant": [{ "individual": { "reference": "Practitioner/d1" } }],
        "period": { "start": "2021-01-01T10:00:00Z", "end": "2021-01-01T11:00:00Z" },
    });
    if let Some(number) = form.number {
        visit["identifier"] = json!([{ "system": "urn:visit", "value": format!("{number} of {patient}") }]);
    }
    let of_patient = |text: &str| json!(text.replace('N', &patient.to_string()));
    if let Some(id) = form.id {
        visit["id"] = of_patient(id);
    }
    let mut entry = json!({ "resource": visit });
    if let Some(address) = form.address {
        entry["fullUrl"] = of_patient(address);
    }
    json!({ "resourceType": "Bundle", "type": "collection", "entry": [{ "resource": person }, { "resource": doctor }, entry] })
}

/// Imports bundles, each from a file of its own, and loses nothing. Tells how many events came of it.
async fn import(system: &TestSystem, key: &str, bundles: &[Value]) -> u64 {
    let folder = postgres::folder();
    for (number, bundle) in bundles.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.json")), bundle.to_string()).unwrap();
    }
    let client = Client::new(&system.url, SecretString::from(key.to_owned()), Duration::from_secs(60)).unwrap();
    let found = api_import::files::find(&[folder.path().to_owned()]).unwrap().files;
    let options = Options {
        concurrency: 16,
        time_zone: Tz::UTC,
    };
    let summary = api_import::run(Some(client), found, options, &ProgressBar::hidden()).await;
    assert_eq!(
        (&summary.failures, summary.left_out),
        (&Vec::new(), 0),
        "{}",
        summary.table()
    );
    summary.events
}

/// The statuses of each patient's visits.
async fn visits(system: &TestSystem, key: &str, patients: usize) -> Vec<Vec<String>> {
    let (_, all) = system.get("/v1/patients?limit=100", key).await;
    let all = all["items"].as_array().unwrap();
    let mut visits = vec![Vec::new(); patients];
    for patient in all {
        let (id, family) = (
            patient["id"].as_str().unwrap(),
            patient["details"]["name"]["family"].as_str().unwrap(),
        );
        let number: usize = family.strip_prefix("Family").unwrap().parse().unwrap();
        let (_, of_it) = system.get(&format!("/v1/appointments?patient={id}"), key).await;
        let statuses = of_it["items"].as_array().unwrap().iter();
        visits[number] = statuses.map(|one| one["status"].as_str().unwrap().to_owned()).collect();
    }
    visits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_one_by_whichever_of_its_names_it_is_told() {
    let plain = form(None, Some("eN"), None);
    let placed = form(None, Some("eN"), Some(ADDRESS));
    let numbered = form(Some("1"), Some("eN"), Some(ADDRESS));
    let cases = [
        (placed, numbered),
        (numbered, placed),
        (plain, placed),
        (numbered, plain),
        (plain, numbered),
        // A number that was corrected, of one address.
        (numbered, form(Some("2"), Some("eN"), Some(ADDRESS))),
        // An id that is nobody else's, once in a bundle's own way and once at its address.
        (
            form(
                None,
                Some(UNIQUE),
                Some("urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a1N"),
            ),
            form(
                None,
                Some(UNIQUE),
                Some("https://h.test/fhir/Encounter/0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a1N"),
            ),
        ),
        // Another id under the same number: exported anew.
        (form(Some("1"), None, None), form(Some("1"), Some(UNIQUE), None)),
    ];
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let (key, runs) = (
        system.service("Import", Role::Hospital).await,
        ["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"],
    );
    let told = |run: usize, status: &str| -> Vec<Value> {
        let form = |case: &(Form, Form)| if run == 0 { case.0 } else { case.1 };
        let all = cases.iter().enumerate();
        all.map(|(number, case)| bundle(number, form(case), status, runs[run]))
            .collect()
    };
    import(&system, &key, &told(0, "finished")).await;
    import(&system, &key, &told(1, "entered-in-error")).await;
    let expected = vec![vec!["entered-in-error".to_owned()]; cases.len()];
    assert_eq!(visits(&system, &key, cases.len()).await, expected, "over runs");
    // The older ones, told once more, bring nothing back.
    import(&system, &key, &told(0, "finished")).await;
    assert_eq!(visits(&system, &key, cases.len()).await, expected, "told again");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_visits_of_one_number_or_one_id_of_two_servers_are_two() {
    let (here, there) = ("https://h.test/fhir/Encounter/eN", "https://i.test/fhir/Encounter/eN");
    let cases = [
        // A case has a number, and each visit of it.
        (
            form(Some("1"), Some("eN"), Some(here)),
            form(Some("1"), Some("fN"), Some("https://h.test/fhir/Encounter/fN")),
        ),
        (form(None, Some("eN"), Some(here)), form(None, Some("eN"), Some(there))),
    ];
    let chain = TestChain::start().await;
    let told = |run: usize| -> Vec<Value> {
        let form = |case: &(Form, Form)| if run == 0 { case.0 } else { case.1 };
        let all = cases.iter().enumerate();
        all.map(|(number, case)| bundle(number, form(case), "finished", "2024-01-01T00:00:00Z"))
            .collect()
    };
    let (first, second) = (told(0), told(1));
    let both = [first.clone(), second.clone()].concat();
    for runs in [vec![&first, &second, &first, &second], vec![&both, &both]] {
        let system = TestSystem::start(&chain, &deployed(&chain).await).await;
        let key = system.service("Import", Role::Hospital).await;
        for run in &runs {
            import(&system, &key, run).await;
        }
        let expected = vec![vec!["completed".to_owned(); 2]; cases.len()];
        assert_eq!(
            visits(&system, &key, cases.len()).await,
            expected,
            "{} runs",
            runs.len()
        );
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_only_its_bundle_names_is_the_same_in_the_next_one() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("Import", Role::Hospital).await;
    for urn in [
        "urn:uuid:00000000-0000-4000-8000-000000000001",
        "urn:uuid:00000000-0000-4000-8000-000000000002",
    ] {
        import(
            &system,
            &key,
            &[bundle(
                0,
                form(None, None, Some(urn)),
                "finished",
                "2024-01-01T00:00:00Z",
            )],
        )
        .await;
    }
    assert_eq!(visits(&system, &key, 1).await, [["completed"]]);
    system.stop().await;
}

const DOCTOR: &str = "1000000001";

/// An encounter with a doctor.
fn encounter(id: &str, patient: &str, start: &str, status: &str, number: Option<&str>) -> Value {
    let number: Vec<Value> = number
        .iter()
        .map(|number| json!({ "system": "urn:visit", "value": number }))
        .collect();
    json!({
        "resourceType": "Encounter", "id": id, "status": status, "class": { "code": "AMB" }, "identifier": number,
        "subject": { "reference": format!("Patient/{patient}") }, "period": { "start": start },
        "participant": [{ "individual": { "reference": format!("Practitioner/{patient}") } }],
    })
}

/// An export of a patient, with a doctor who is called by the same id, and these encounters.
fn export(patient: &str, encounters: &[Value]) -> Value {
    let mrn = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    let mut resources = vec![
        json!({
            "resourceType": "Patient", "id": patient, "birthDate": "1970-05-06", "gender": "female",
            "name": [{ "family": "Family0", "given": ["Given"] }],
            "identifier": [{ "system": "urn:mrn", "value": "M-1", "type": mrn }],
        }),
        json!({
            "resourceType": "Practitioner", "id": patient, "name": [{ "family": "Sato" }],
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": DOCTOR }],
        }),
    ];
    resources.extend_from_slice(encounters);
    let entries: Vec<Value> = resources
        .iter()
        .map(|resource| json!({ "resource": resource }))
        .collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

/// A night's export of a source that gives everything a new id, in an order of its own.
fn night(turn: usize) -> Value {
    let id = || Uuid::new_v4().to_string();
    let patient = id();
    let visit = |start: &str, number| encounter(&id(), &patient, start, "finished", number);
    let mut visits = vec![
        visit("2021-01-01T10:00:00Z", None),
        // Two that begin together.
        visit("2021-01-02T10:00:00Z", None),
        visit("2021-01-02T10:00:00Z", None),
        visit("2021-01-03T10:00:00Z", Some("V1")),
        // Two that begin together, with numbers; and another of the first one's case.
        visit("2021-01-04T10:00:00Z", Some("V2")),
        visit("2021-01-04T10:00:00Z", Some("V3")),
        visit("2021-01-05T10:00:00Z", Some("V2")),
    ];
    visits.rotate_left(turn);
    export(&patient, &visits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_to_which_each_export_gives_a_new_id_is_the_same_in_the_next_one() {
    let chain = TestChain::start().await;
    for nights in [1, 2] {
        let system = TestSystem::start(&chain, &deployed(&chain).await).await;
        let key = system.service("Import", Role::Hospital).await;
        for turn in 0..3 {
            let bundles: Vec<Value> = (0..nights).map(|_| night(turn)).collect();
            let events = import(&system, &key, &bundles).await;
            assert!(turn == 0 || events == 0, "{nights} {turn}: {events} events");
            assert_eq!(visits(&system, &key, 1).await, [["completed"; 7]], "{nights} {turn}");
        }
        system.agrees_with_a_rebuild(&chain).await;
    }
}

/// The bundles of a run, by their visits.
type Run = Vec<Vec<Value>>;

#[tokio::test(flavor = "multi_thread")]
async fn visits_that_begin_together_stand_both_where_ids_are_for_good() {
    const NOON: &str = "2021-01-02T12:00:00Z";
    const ONE: &str = "0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a11";
    const OTHER: &str = "0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a12";
    let told = |id: &str, status: &str, number: Option<&str>| encounter(id, "p1", NOON, status, number);
    let chain = TestChain::start().await;
    let (one, other) = (vec![told(ONE, "finished", None)], vec![told(OTHER, "finished", None)]);
    let corrected = vec![told(OTHER, "finished", None), told(ONE, "entered-in-error", None)];
    let of_case = |id| vec![told(id, "finished", Some("case"))];
    let both = vec!["completed", "completed"];
    let cases: [(Vec<Run>, Vec<&str>); 4] = [
        (vec![vec![one.clone(), other.clone()]], both.clone()),
        (vec![vec![one.clone()], vec![other.clone()]], both.clone()),
        (vec![vec![one], vec![corrected]], vec!["completed", "entered-in-error"]),
        (vec![vec![of_case(ONE)], vec![of_case(OTHER)]], both),
    ];
    for (number, (runs, mut expected)) in cases.into_iter().enumerate() {
        let system = TestSystem::start(&chain, &deployed(&chain).await).await;
        let key = system.service("Import", Role::Hospital).await;
        for _ in 0..2 {
            for run in &runs {
                let bundles: Vec<Value> = run.iter().map(|visits| export("p1", visits)).collect();
                import(&system, &key, &bundles).await;
            }
        }
        let mut seen = visits(&system, &key, 1).await.concat();
        seen.sort();
        expected.sort_unstable();
        assert_eq!(seen, expected, "case {number}");
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_in_error_does_not_come_back_under_a_new_id() {
    const NOON: &str = "2021-01-02T12:00:00Z";
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("Import", Role::Hospital).await;
    // A visit; it was entered in error, and is entered anew; and then there is the new one alone.
    for statuses in [&["finished"][..], &["entered-in-error", "finished"], &["finished"]] {
        let patient = Uuid::new_v4().to_string();
        let visits: Vec<Value> = statuses
            .iter()
            .map(|status| encounter(&Uuid::new_v4().to_string(), &patient, NOON, status, None))
            .collect();
        import(&system, &key, &[export(&patient, &visits)]).await;
    }
    let mut seen = visits(&system, &key, 1).await.concat();
    seen.sort();
    assert_eq!(seen, ["completed", "entered-in-error"]);
    system.stop().await;
}

/// A state of an encounter, at nine o'clock if nothing else is said, with these numbers, as of a day of February.
fn state(numbers: &[&str], start: &str, status: &str, day: u32) -> Value {
    let mut encounter = encounter("", "", start, status, None);
    let numbers = numbers.iter();
    encounter["identifier"] = numbers
        .map(|number| json!({ "system": format!("urn:{}", &number[..1]), "value": number }))
        .collect();
    encounter["meta"] = json!({ "lastUpdated": format!("2024-02-{day:02}T00:00:00Z") });
    encounter
}

/// An export of these, in which everything has a new id.
fn renamed(states: &[Value]) -> Value {
    let patient = Uuid::new_v4().to_string();
    let mut states = states.to_vec();
    for state in &mut states {
        state["id"] = json!(Uuid::new_v4());
        state["subject"]["reference"] = json!(format!("Patient/{patient}"));
        state["participant"][0]["individual"]["reference"] = json!(format!("Practitioner/{patient}"));
    }
    export(&patient, &states)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_visit_of_one_moment_is_lost_in_another_under_new_ids() {
    const NINE: &str = "2024-01-01T09:00:00Z";
    const TEN: &str = "2024-01-01T10:00:00Z";
    let plain = |status, day| state(&[], NINE, status, day);
    let of_stay = |number, start, status, day| state(&["case", number], start, status, day);
    let nights = [
        // Booked again after a cancellation, and told in another order.
        vec![
            vec![plain("cancelled", 22), plain("finished", 4)],
            vec![plain("finished", 4), plain("cancelled", 22)],
        ],
        // Taken back, and told again.
        vec![
            vec![plain("finished", 1), plain("finished", 2)],
            vec![plain("entered-in-error", 5), plain("finished", 2)],
            vec![plain("finished", 7), plain("finished", 2)],
        ],
        // A stay that grows; its first visit is taken back.
        vec![
            vec![of_stay("v1", NINE, "finished", 1)],
            vec![
                of_stay("v1", NINE, "entered-in-error", 5),
                of_stay("v2", TEN, "finished", 2),
            ],
        ],
        // One of a stay without a number of its own, which changes.
        vec![
            vec![
                state(&["case"], NINE, "planned", 10),
                of_stay("v1", NINE, "finished", 20),
            ],
            vec![
                state(&["case"], NINE, "finished", 25),
                of_stay("v1", NINE, "finished", 20),
            ],
        ],
        // A stay of which only what changed is told.
        vec![
            vec![of_stay("v1", NINE, "in-progress", 1), of_stay("v2", TEN, "finished", 2)],
            vec![of_stay("v1", NINE, "cancelled", 5)],
        ],
    ];
    let expected = [
        ["cancelled", "completed"],
        ["completed", "completed"],
        ["completed", "entered-in-error"],
        ["completed", "completed"],
        ["cancelled", "completed"],
    ];
    let chain = TestChain::start().await;
    for (number, (nights, expected)) in nights.iter().zip(expected).enumerate() {
        let system = TestSystem::start(&chain, &deployed(&chain).await).await;
        let key = system.service("Import", Role::Hospital).await;
        for night in nights {
            import(&system, &key, &[renamed(night)]).await;
        }
        let events = import(&system, &key, &[renamed(nights.last().unwrap())]).await;
        let mut seen = visits(&system, &key, 1).await.concat();
        seen.sort();
        assert_eq!(
            (seen.as_slice(), events),
            (&expected.map(str::to_owned)[..], 0),
            "case {number}"
        );
        system.stop().await;
    }
}
