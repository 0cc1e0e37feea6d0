//! What stands in a patient's details, who may say it, and where it says what is wrong.

use chrono::{TimeDelta, Utc};
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::people::{Person, patient};
use tests::system::{TestSystem, deployed};

const AS_OF: &str = "2026-01-01T00:00:00.000Z";

/// A patient as a hospital's system tells them.
fn told(identifier: &str) -> Value {
    let mut patient = patient("Okafor");
    patient["details"]["identifier"] = json!({ "system": "urn:test", "value": identifier });
    patient["details"]["asOf"] = json!(AS_OF);
    patient
}

async fn refused_at(
    system: &TestSystem,
    method: reqwest::Method,
    path: &str,
    token: &str,
    body: &Value,
    pointer: &str,
) {
    let (status, problem) = system.send(method, path, token, Some(body)).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!(pointer)),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_hospital_says_as_of_when_its_system_told() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let (_, registered) = system.post("/v1/patients", &hospital, &told("1")).await;
    let resource = registered["resource"].as_str().unwrap();
    let details = format!("{resource}/details");
    let ada = Person::numbered(6001).join(&system, &hospital, resource).await;
    let (_, record) = system.get(resource, &ada).await;
    for said in ["2099-12-31T00:00:00Z", "2026-11-01T00:00:00Z"] {
        let mut new = record["details"].clone();
        new["asOf"] = json!(said);
        refused_at(&system, reqwest::Method::PUT, &details, &ada, &new, "/asOf").await;
    }
    for (said, phone) in [(json!(AS_OF), "555-0001"), (Value::Null, "555-0002")] {
        let (_, mut record) = system.get(resource, &ada).await;
        let mut new = record["details"].take();
        new["phone"] = json!(phone);
        new["asOf"] = said;
        let (status, updated) = system.put(&details, &ada, &new).await;
        assert_eq!(status, 200, "{updated}");
        let (_, record) = system.get(resource, &ada).await;
        assert_eq!(record["details"]["phone"], phone);
        let known = record["details"]["asOf"].as_str().unwrap();
        assert_eq!(known.parse::<chrono::DateTime<Utc>>(), AS_OF.parse(), "{phone}");
    }
    // Nor does anybody bring it along.
    let stranger = Person::numbered(6002).sign_in(&system).await;
    for (member, said) in [("asOf", json!(AS_OF)), ("detailDates", json!({ "phone": AS_OF }))] {
        let mut own = patient("Okafor");
        own["details"][member] = said;
        let pointer = format!("/details/{member}");
        refused_at(
            &system,
            reqwest::Method::POST,
            "/v1/patients",
            &stranger,
            &own,
            &pointer,
        )
        .await;
    }
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_true_of_a_patient_is_refused_where_it_stands() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let (_, registered) = system.post("/v1/patients", &hospital, &told("1")).await;
    let details = format!("{}/details", registered["resource"].as_str().unwrap());
    let tomorrow = Utc::now() + TimeDelta::days(3);
    for (member, wrong) in [
        ("asOf", json!(tomorrow)),
        ("detailDates", json!({ "phone": tomorrow })),
        ("birthDate", json!(tomorrow.date_naive())),
        ("deceased", json!({ "on": tomorrow.date_naive() })),
        ("deceased", json!({ "on": "1980-01-01" })),
    ] {
        let mut new = told("1");
        new["details"][member] = wrong.clone();
        let pointer = format!("/{member}");
        refused_at(
            &system,
            reqwest::Method::PUT,
            &details,
            &hospital,
            &new["details"],
            &pointer,
        )
        .await;
        let mut another = told("2");
        another["details"][member] = wrong;
        let pointer = format!("/details/{member}");
        refused_at(
            &system,
            reqwest::Method::POST,
            "/v1/patients",
            &hospital,
            &another,
            &pointer,
        )
        .await;
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_an_identifier_names_is_found_however_many_share_it() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let (_, registered) = system.post("/v1/patients", &hospital, &told("1")).await;
    // Namesakes whose ids come first.
    let sql = "INSERT INTO patients (id, details, version, position, registered_at, updated_at) \
               SELECT ('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid, \
                      jsonb_set(details, '{other_identifiers}', jsonb_build_array(details->'identifier')) || '{\"identifier\": null}', \
                      version, position, registered_at, updated_at \
               FROM patients CROSS JOIN generate_series(1, 150) AS number";
    sqlx::query(sql).execute(&system.parts().pool).await.unwrap();
    let wanted = json!({ "identifiers": [{ "system": "urn:test", "value": "1" }] });
    let (status, found) = system.post("/v1/patients/lookup", &hospital, &wanted).await;
    assert_eq!(status, 200, "{found}");
    let ids: Vec<_> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.contains(&registered["id"].as_str().unwrap()));
    assert!(ids.is_sorted());
    system.stop().await;
}
