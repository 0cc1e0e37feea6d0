//! What only a hospital says of a record: how another system calls somebody, as of when it tells something, and what it has taken back.
//! By these an import knows whom it meets, and what is newer.

use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
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

fn withdrawn() -> Value {
    json!([{ "matter": "allergies", "concept": { "text": "Latex" }, "asOf": AS_OF }])
}

fn words() -> Value {
    json!([{ "matter": "allergies", "holds": true, "source": "0123456789abcdef", "asOf": AS_OF }])
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_hospital_says_what_another_system_says() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let mut okafor = patient("Okafor");
    okafor["details"]["otherIdentifiers"] = numbers("999-12-3456");
    okafor["details"]["asOf"] = json!(AS_OF);
    let allergies = json!([{ "concept": { "text": "Penicillin" }, "asOf": AS_OF }]);
    okafor["intake"] = json!({ "allergies": allergies, "withdrawn": withdrawn() });
    let (status, registered) = system.post("/v1/patients", &hospital, &okafor).await;
    assert_eq!(status, 201, "{registered}");
    let path = registered["resource"].as_str().unwrap().to_owned();
    let token = Person::numbered(1).join(&system, &hospital, &path).await;

    // The patient changes what is theirs, and sends the rest back as it is.
    let (_, record) = system.get(&path, &token).await;
    let (mut details, mut intake) = (record["details"].clone(), record["intake"].clone());
    details["phone"] = json!("555-0100");
    intake["symptoms"] = json!(["a cough"]);
    let details_path = format!("{path}/details");
    let intake_path = format!("{path}/intake");
    for (path, body) in [(&details_path, &details), (&intake_path, &intake)] {
        let (status, answer) = system.put(path, &token, body).await;
        assert_eq!(status, 200, "{answer}");
    }

    let with = |body: &Value, field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    let later = json!("2025-01-01T00:00:00Z");
    let dated = json!([{ "concept": { "text": "Penicillin" }, "asOf": later }]);
    let (others, dates) = ("/otherIdentifiers", "/asOf");
    for (path, body, pointer) in [
        (
            &details_path,
            with(&details, "otherIdentifiers", numbers("999-65-4321")),
            others,
        ),
        (&details_path, with(&details, "otherIdentifiers", json!([])), others),
        (&details_path, with(&details, "asOf", later.clone()), dates),
        (
            &intake_path,
            with(&intake, "allergies", dated.clone()),
            "/allergies/0/asOf",
        ),
        (&intake_path, with(&intake, "withdrawn", json!([])), "/withdrawn"),
        (&intake_path, with(&intake, "words", words()), "/words/0"),
    ] {
        refused_at(&system.put(path, &token, &body).await, pointer);
        let (status, answer) = system.put(path, &hospital, &body).await;
        assert_eq!(status, 200, "a hospital says so: {answer}");
        let before = if path == &intake_path { &intake } else { &details };
        let (status, answer) = system.put(path, &hospital, before).await;
        assert_eq!(status, 200, "{answer}");
    }

    // Nobody tells anything as of a time to come: what is told after it would be older.
    let to_come = json!("2099-01-01T00:00:00Z");
    let told = json!([{ "concept": { "text": "Penicillin" }, "asOf": to_come }]);
    for (path, body, pointer) in [
        (&details_path, with(&details, "asOf", to_come.clone()), dates),
        (&intake_path, with(&intake, "allergies", told), "/allergies/0/asOf"),
    ] {
        refused_because(&system.put(path, &hospital, &body).await, pointer, "in the future");
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
    // Who leaves the time out keeps it.
    let told = with(&body, "asOf", json!(AS_OF));
    assert_eq!(system.put(&path, &hospital, &told).await.0, 200);
    let without = practitioner("Sato-Ito", "Asia/Tokyo")["details"].clone();
    assert_eq!(system.put(&path, &token, &without).await.0, 200);
    let (_, entry) = system.get(&path, &token).await;
    assert_eq!(entry["details"]["asOf"], json!(AS_OF), "{entry}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_themselves_says_nothing_for_another_system() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let token = Person::numbered(1).sign_in(&system).await;
    let with = |part: &str, field: &str, value: Value| {
        let mut patient = patient("Okafor");
        patient[part][field] = value;
        patient
    };
    for (body, pointer) in [
        (
            with("details", "otherIdentifiers", numbers("1")),
            "/details/otherIdentifiers",
        ),
        (with("details", "asOf", json!(AS_OF)), "/details/asOf"),
        (with("intake", "withdrawn", withdrawn()), "/intake/withdrawn/0"),
        (
            with(
                "intake",
                "medications",
                json!([
                    { "concept": { "text": "Lisinopril" }, "active": true },
                    { "concept": { "text": "Penicillin" }, "active": true, "asOf": AS_OF },
                ]),
            ),
            "/intake/medications/1/asOf",
        ),
        (with("intake", "words", words()), "/intake/words/0"),
    ] {
        refused_at(&system.post("/v1/patients", &token, &body).await, pointer);
    }
    let (status, answer) = system.post("/v1/patients", &token, &patient("Okafor")).await;
    assert_eq!(status, 201, "{answer}");
    system.stop().await;
}
