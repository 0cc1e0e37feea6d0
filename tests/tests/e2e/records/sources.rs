//! What only a hospital says of a record: how another system calls somebody, as of when it tells something, and what it has taken back.
//! By these an import knows whom it meets, and what is newer.

use chrono::{DateTime, Utc};
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::chart_of;
use tests::people::{Person, patient, practitioner};
use tests::system::{TestSystem, deployed};

const AS_OF: &str = "2024-01-01T00:00:00Z";

fn refused_at(answer: &(u16, Value), pointer: &str) {
    refused_because(answer, pointer, "only a hospital");
}

fn refused_because(answer: &(u16, Value), pointer: &str, why: &str) {
    let (status, problem) = answer;
    assert_eq!(*status, 422, "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(why), "{detail}");
}

fn numbers(value: &str) -> Value {
    json!([{ "system": "http://hl7.org/fhir/sid/us-ssn", "value": value }])
}

fn penicillin() -> Value {
    json!({ "concept": { "text": "Penicillin" }, "criticality": "high" })
}

/// A report of an allergy, as of a time.
fn report(as_of: &str) -> Value {
    json!({ "allergies": [{ "finding": penicillin(), "asOf": as_of, "source": "0123456789abcdef" }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_hospital_says_what_another_system_says() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let mut okafor = patient("Okafor");
    okafor["details"]["otherIdentifiers"] = numbers("999-12-3456");
    okafor["details"]["asOf"] = json!(AS_OF);
    let (status, registered) = system.post("/v1/patients", &hospital, &okafor).await;
    assert_eq!(status, 201, "{registered}");
    let path = registered["resource"].as_str().unwrap().to_owned();
    let token = Person::numbered(1).join(&system, &hospital, &path).await;

    // The patient changes what is theirs, and sends the rest back as it is.
    let (_, record) = system.get(&path, &token).await;
    let mut details = record["details"].clone();
    details["phone"] = json!("555-0100");
    let details_path = format!("{path}/details");
    let (status, answer) = system.put(&details_path, &token, &details).await;
    assert_eq!(status, 200, "{answer}");

    let with = |body: &Value, field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    let later = json!("2025-01-01T00:00:00Z");
    let (others, dates) = ("/otherIdentifiers", "/asOf");
    for (body, pointer) in [
        (with(&details, "otherIdentifiers", numbers("999-65-4321")), others),
        (with(&details, "otherIdentifiers", json!([])), others),
        (with(&details, "asOf", later.clone()), dates),
    ] {
        refused_at(&system.put(&details_path, &token, &body).await, pointer);
        let (status, answer) = system.put(&details_path, &hospital, &body).await;
        assert_eq!(status, 200, "a hospital says so: {answer}");
        let (status, answer) = system.put(&details_path, &hospital, &details).await;
        assert_eq!(status, 200, "{answer}");
    }

    // Nor does a person report what another system tells of a chart.
    let reports = format!("{path}/chart/reports");
    let (status, problem) = system.post(&reports, &token, &report(AS_OF)).await;
    assert_eq!(
        (status, &problem["type"]),
        (403, &json!("/problems/forbidden")),
        "{problem}"
    );
    let (status, answer) = system.post(&reports, &hospital, &report(AS_OF)).await;
    assert_eq!(status, 200, "{answer}");
    // What is noted is of no other system, whoever notes it; what has been told of it stays when it is changed.
    let chart = chart_of(&system, &token, &path).await;
    let noted = chart["allergies"][0].clone();
    assert_eq!(
        (&noted["finding"], &noted["asOf"], &noted["sources"]),
        (&penicillin(), &json!(AS_OF), &json!(["0123456789abcdef"])),
        "{chart}"
    );
    let findings = format!("{path}/chart/findings");
    let finding = format!("{findings}/{}", noted["id"].as_str().unwrap());
    let nurse = system.for_a_nurse(&hospital).await;
    for key in [&token, &nurse] {
        let dated = json!({ "allergy": with(&penicillin(), "asOf", later.clone()) });
        let named = json!({ "allergy": with(&penicillin(), "sources", noted["sources"].clone()) });
        for (body, pointer) in [(dated, "/allergy/asOf"), (named, "/allergy/sources")] {
            refused_because(&system.post(&findings, key, &body).await, pointer, "not known here");
            refused_because(&system.put(&finding, key, &body).await, pointer, "not known here");
        }
    }
    let milder = with(&penicillin(), "criticality", json!("low"));
    let (status, answer) = system.put(&finding, &token, &json!({ "allergy": milder })).await;
    assert_eq!(status, 200, "{answer}");
    let chart = chart_of(&system, &token, &path).await;
    let changed = &chart["allergies"][0];
    assert_eq!(
        (&changed["finding"], &changed["sources"]),
        (&milder, &noted["sources"]),
        "{chart}"
    );
    // It is as of now: what the source told before does not undo it.
    assert!(changed["asOf"].as_str().unwrap() > AS_OF, "{chart}");

    // Nobody tells anything as of a time to come: what is told after it would be older.
    let to_come = json!("2099-01-01T00:00:00Z");
    let told = with(&details, "asOf", to_come.clone());
    let refused = system.put(&details_path, &hospital, &told).await;
    refused_because(&refused, dates, "in the future");
    let latex = json!({ "text": "Latex" });
    for (told, pointer) in [
        (report("2099-01-01T00:00:00Z"), "/allergies/0/asOf"),
        (
            json!({ "conditions": [{ "finding": { "concept": latex, "onset": "2099-01-01" } }] }),
            "/conditions/0/finding/onset",
        ),
        (
            json!({ "withdrawn": [{ "list": "allergies", "concept": latex, "asOf": to_come }] }),
            "/withdrawn/0/asOf",
        ),
        (
            json!({ "negations": [{ "list": "medications", "holds": true, "asOf": to_come }] }),
            "/negations/0/asOf",
        ),
    ] {
        refused_because(&system.post(&reports, &hospital, &told).await, pointer, "in the future");
    }
    let doctor = with(&practitioner("Sato", "Asia/Tokyo")["details"], "asOf", to_come);
    let doctor = json!({ "details": doctor });
    let refused = system.post("/v1/practitioners", &hospital, &doctor).await;
    refused_because(&refused, "/details/asOf", "in the future");

    // A doctor says of themselves who they are, and not as of when somebody else said so.
    let (status, registered) = system
        .post("/v1/practitioners", &hospital, &practitioner("Sato", "Asia/Tokyo"))
        .await;
    assert_eq!(status, 201, "{registered}");
    let path = registered["resource"].as_str().unwrap().to_owned();
    let token = Person::numbered(2).join(&system, &hospital, &path).await;
    let body = with(&practitioner("Sato", "Asia/Tokyo")["details"], "asOf", later);
    refused_at(&system.put(&path, &token, &body).await, dates);
    // Who leaves the time out says it now.
    let told = with(&body, "asOf", json!(AS_OF));
    assert_eq!(system.put(&path, &hospital, &told).await.0, 200);
    let without = practitioner("Sato-Ito", "Asia/Tokyo")["details"].clone();
    assert_eq!(system.put(&path, &token, &without).await.0, 200);
    let (_, entry) = system.get(&path, &token).await;
    let said: DateTime<Utc> = entry["details"]["asOf"].as_str().unwrap().parse().unwrap();
    assert!(
        said > AS_OF.parse::<DateTime<Utc>>().unwrap() && said <= Utc::now(),
        "{entry}"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_themselves_says_nothing_for_another_system() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let token = Person::numbered(1).sign_in(&system).await;
    let with = |field: &str, value: Value| {
        let mut patient = patient("Okafor");
        patient["details"][field] = value;
        patient
    };
    for (body, pointer) in [
        (with("otherIdentifiers", numbers("1")), "/details/otherIdentifiers"),
        (with("asOf", json!(AS_OF)), "/details/asOf"),
    ] {
        refused_at(&system.post("/v1/patients", &token, &body).await, pointer);
    }
    // A chart is filled once there is somebody whose it is, and not by a report.
    let mut with_chart = patient("Okafor");
    with_chart["chart"] = report(AS_OF);
    let refused = system.post("/v1/patients", &token, &with_chart).await;
    refused_because(&refused, "/chart", "not known here");
    let (status, answer) = system.post("/v1/patients", &token, &patient("Okafor")).await;
    assert_eq!(status, 201, "{answer}");
    let reports = format!("{}/chart/reports", answer["resource"].as_str().unwrap());
    let (status, problem) = system.post(&reports, &token, &report(AS_OF)).await;
    assert_eq!(status, 403, "{problem}");
    system.stop().await;
}
