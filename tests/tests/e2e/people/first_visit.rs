//! The way to a visit, in the hands of those who go it: a patient with a wallet registers, notes what they bring, finds a doctor of a
//! specialization and books; the doctor keeps the schedule.

use chrono::{Days, NaiveDate, Utc};
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{chart_of, findings, note};
use tests::office::Office;
use tests::people::{Person, patient, practitioner};
use tests::system::{SystemOptions, TestSystem, deployed};

const SNOMED: &str = "http://snomed.info/sct";

fn day() -> NaiveDate {
    Utc::now().date_naive() + Days::new(7)
}

/// A slot of 20 minutes that begins on the hour.
fn slot(hour: u32) -> Value {
    json!({ "start": format!("{}T{hour:02}:00:00Z", day()), "minutes": 20 })
}

async fn created(system: &TestSystem, path: &str, key: &str, body: &Value) -> String {
    let (status, answer) = system.post(path, key, body).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// A doctor of a specialization.
async fn doctor(system: &TestSystem, hospital: &str, family: &str, specialization: Value) -> String {
    let mut doctor = practitioner(family, "UTC");
    doctor["details"]["specializations"] = json!([specialization]);
    created(system, "/v1/practitioners", hospital, &doctor).await
}

/// Offers the day from 8 to 12 o'clock.
async fn offer(system: &TestSystem, key: &str, doctor: &str) {
    let day = day();
    let session = json!({ "start": format!("{day}T08:00:00Z"), "end": format!("{day}T12:00:00Z"), "slotMinutes": 20 });
    let path = format!("/v1/practitioners/{doctor}/availability/{day}");
    let (status, answer) = system.put(&path, key, &json!({ "sessions": [session] })).await;
    assert_eq!(status, 200, "{answer}");
}

/// What a list has in one of its fields.
async fn listed(system: &TestSystem, key: &str, path: &str, field: &str) -> Vec<Value> {
    let (status, page) = system.get(path, key).await;
    assert_eq!(status, 200, "{path}: {page}");
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item[field].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_registers_notes_all_that_they_bring_and_books_a_doctor_of_a_specialization() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let heart = json!({ "coding": { "system": SNOMED, "code": "394579002" }, "text": "Cardiology" });
    let cardiologist = doctor(&system, &hospital, "Heart", heart).await;
    let dermatologist = doctor(&system, &hospital, "Skin", json!({ "text": "Dermatology" })).await;
    for one in [&cardiologist, &dermatologist] {
        offer(&system, &hospital, one).await;
    }

    let concept = |code: &str, text: &str| json!({ "coding": { "system": SNOMED, "code": code }, "text": text });
    let brought = [
        (
            "conditions",
            json!({ "condition": { "concept": concept("38341003", "Hypertension"), "onset": "2020-01-01" } }),
        ),
        (
            "allergies",
            json!({ "allergy": { "concept": concept("91936005", "Penicillin"), "criticality": "high" } }),
        ),
        (
            "medications",
            json!({ "medication": { "concept": concept("386872004", "Ramipril"), "since": "2020-02-01", "active": true } }),
        ),
        ("symptoms", json!({ "symptom": { "text": "a pain in the chest" } })),
    ];
    let registration = patient("Lovelace");
    let token = Person::numbered(9001).sign_in(&system).await;
    let ada = created(&system, "/v1/patients", &token, &registration).await;
    let path = format!("/v1/patients/{ada}");
    let (_, record) = system.get(&path, &token).await;
    let (_, me) = system.get("/v1/me", &token).await;
    assert_eq!((&me["role"], &me["patient"]), (&json!("patient"), &json!(ada)));
    assert_eq!(record["details"]["name"]["family"], "Lovelace", "{record}");
    assert_eq!(record["details"]["birthDate"], registration["details"]["birthDate"]);
    for (_, finding) in &brought {
        note(&system, &token, &path, finding).await;
    }
    let chart = chart_of(&system, &token, &path).await;
    for (list, finding) in &brought {
        let noted = finding.as_object().unwrap().values().collect::<Vec<_>>();
        assert_eq!(findings(&chart[list]), noted, "{chart}");
    }

    // By a part of the name, whatever its case, and by the code.
    for wanted in ["cardio", "CARDIOLOGY", "394579002"] {
        let path = format!("/v1/practitioners?specialization={wanted}");
        assert_eq!(
            listed(&system, &token, &path, "id").await,
            [json!(cardiologist)],
            "{wanted}"
        );
        let path = format!("/v1/slots?specialization={wanted}");
        let free = listed(&system, &token, &path, "practitioner").await;
        assert_eq!(free, vec![json!(cardiologist); 12], "{wanted}");
    }
    let none = listed(&system, &token, "/v1/practitioners?specialization=neurology", "id").await;
    assert!(none.is_empty(), "{none:?}");

    let booking = json!({ "practitioner": cardiologist, "slot": slot(9) });
    let appointment = created(&system, "/v1/appointments", &token, &booking).await;
    let (_, shown) = system.get(&format!("/v1/appointments/{appointment}"), &token).await;
    assert_eq!(
        (&shown["patient"], &shown["practitioner"]),
        (&json!(ada), &json!(cardiologist))
    );
    let free = listed(&system, &token, "/v1/slots?specialization=cardio", "start").await;
    assert_eq!(free.len(), 11);
    assert!(!free.contains(&slot(9)["start"]), "{free:?}");
    let other = Person::numbered(9002).sign_in(&system).await;
    created(&system, "/v1/patients", &other, &patient("Byron")).await;
    let (status, problem) = system.post("/v1/appointments", &other, &booking).await;
    assert_eq!(status, 409, "{problem}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_sees_and_keeps_the_schedule() {
    let chain = TestChain::start().await;
    let (office, system) = Office::serve(&chain, SystemOptions::default()).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let doctor = doctor(&system, &hospital, "Heart", json!({ "text": "Cardiology" })).await;
    let entry = format!("/v1/practitioners/{doctor}");
    let token = Person::numbered(9011).join(&system, &hospital, &entry).await;
    office.attests(&system, &hospital, &doctor).await;
    offer(&system, &token, &doctor).await;
    let ada = created(&system, "/v1/patients", &hospital, &patient("Lovelace")).await;
    let mut booked = Vec::new();
    for hour in 8..11 {
        let reason = json!({ "text": "A pain in the chest" });
        let booking = json!({ "patient": ada, "practitioner": doctor, "slot": slot(hour), "reason": reason });
        booked.push(created(&system, "/v1/appointments", &hospital, &booking).await);
    }
    // What has begun already can be told only of visits of the past.
    for number in 1..3 {
        let visit = json!({
            "identifier": { "system": "urn:test", "value": number.to_string() }, "patient": ada, "practitioner": doctor,
            "start": format!("2020-03-0{number}T09:00:00Z"), "minutes": 20, "outcome": "open",
        });
        booked.push(created(&system, "/v1/visits", &hospital, &visit).await);
    }

    for (appointment, step, body) in [
        (0, "confirm", json!({})),
        (1, "reschedule", json!({ "slot": slot(11) })),
        (2, "cancel", json!({ "reason": "The doctor is ill." })),
        (3, "complete", json!({})),
        (4, "no-show", json!({})),
    ] {
        let path = format!("/v1/appointments/{}/{step}", booked[appointment]);
        let (status, answer) = system.post(&path, &token, &body).await;
        assert_eq!(status, 200, "{step}: {answer}");
    }
    for (status, appointment) in [
        ("confirmed", 0),
        ("booked", 1),
        ("cancelled", 2),
        ("completed", 3),
        ("no-show", 4),
    ] {
        let path = format!("/v1/appointments?status={status}");
        let shown = listed(&system, &token, &path, "id").await;
        assert_eq!(shown, [json!(booked[appointment])], "{status}");
    }
    let day = day();
    let path = format!("/v1/appointments?from={day}&to={day}");
    let starts = listed(&system, &token, &path, "start").await;
    assert_eq!(starts, [8, 10, 11].map(|hour| slot(hour)["start"].clone()));
    let reasons = listed(&system, &token, &path, "reason").await;
    assert!(
        reasons.iter().all(|reason| reason["text"] == "A pain in the chest"),
        "{reasons:?}"
    );
    let (_, offered) = system.get(&format!("{entry}/availability/{day}"), &token).await;
    let free = offered["free"].as_array().unwrap();
    assert_eq!(free.len(), 10, "two of twelve are taken: {offered}");
    system.agrees_with_a_rebuild(&chain).await;
}
