//! From end to end: a command over HTTP becomes a sealed event on the chain and comes back from the read models.

use domain::account::Role;
use serde_json::json;
use tests::chain::TestChain;
use tests::system::{TestSystem, deployed};

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_books_a_slot_and_reads_it_back() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("front desk", Role::Hospital).await;

    let doctor = json!({ "details": {
        "name": { "family": "Doctor", "given": ["A"] }, "gender": "female", "timeZone": "UTC",
        "specializations": [{ "text": "Cardiology" }],
    } });
    let (status, doctor) = system.post("/v1/practitioners", &key, &doctor).await;
    assert_eq!(status, 201, "{doctor}");
    let doctor = doctor["id"].as_str().unwrap();

    let patient =
        json!({ "details": { "name": { "family": "Patient" }, "birthDate": "1980-02-29", "gender": "male" } });
    let (status, patient) = system.post("/v1/patients", &key, &patient).await;
    assert_eq!(status, 201, "{patient}");
    let patient = patient["id"].as_str().unwrap();

    let day = chrono::Utc::now().date_naive() + chrono::Days::new(7);
    let sessions = json!({ "sessions": [{ "start": format!("{day}T09:00:00Z"), "end": format!("{day}T10:00:00Z"), "slotMinutes": 20 }] });
    let (status, answer) = system
        .put(
            &format!("/v1/practitioners/{doctor}/availability/{day}"),
            &key,
            &sessions,
        )
        .await;
    assert!(status < 300, "{status} {answer}");

    let booking = json!({ "patient": patient, "practitioner": doctor, "slot": { "start": format!("{day}T09:20:00Z"), "minutes": 20 } });
    let (status, appointment) = system.post("/v1/appointments", &key, &booking).await;
    assert_eq!(status, 201, "{appointment}");
    let (status, problem) = system.post("/v1/appointments", &key, &booking).await;
    assert_eq!(status, 409, "{problem}");

    let id = appointment["id"].as_str().unwrap();
    let (status, read) = system.get(&format!("/v1/appointments/{id}"), &key).await;
    assert_eq!(status, 200, "{read}");
    assert_eq!(read["status"], "booked");
    assert_eq!(read["patient"], patient);
    system.stop().await;
}
