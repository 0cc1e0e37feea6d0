//! What people of each role see of each other, against a running system. The table of all endpoints and roles is tested in
//! `api`; here it is one story with real wallets and keys.

use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::office::Office;
use tests::people::{Person, patient, practitioner};
use tests::system::SystemOptions;

fn id(answer: &Value) -> String {
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id: {answer}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_what_is_theirs_and_the_rest_does_not_exist() {
    let chain = TestChain::start().await;
    let (office, system) = Office::serve(&chain, SystemOptions::default()).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let insurer = system.service("insurer", Role::Insurer).await;

    let (ada, bob) = (Person::numbered(2001), Person::numbered(2002));
    let (ada_token, bob_token) = (ada.sign_in(&system).await, bob.sign_in(&system).await);
    let ada_id = id(&system.post("/v1/patients", &ada_token, &patient("Ada")).await.1);
    let bob_id = id(&system.post("/v1/patients", &bob_token, &patient("Bob")).await.1);

    let (hers, other) = (Person::numbered(2003), Person::numbered(2004));
    let doctor = practitioner("Hers", "Europe/Paris");
    let doctor = id(&system.post("/v1/practitioners", &hospital, &doctor).await.1);
    let stranger = practitioner("Other", "UTC");
    let stranger = id(&system.post("/v1/practitioners", &hospital, &stranger).await.1);
    let entry = |id: &str| format!("/v1/practitioners/{id}");
    let doctor_token = hers.join(&system, &hospital, &entry(&doctor)).await;
    let stranger_token = other.join(&system, &hospital, &entry(&stranger)).await;
    for doctor in [&doctor, &stranger] {
        office.attests(&system, &hospital, doctor).await;
    }

    let day = chrono::Utc::now().date_naive() + chrono::Days::new(7);
    let sessions = json!({ "sessions": [
        { "start": format!("{day}T10:00:00+02:00"), "end": format!("{day}T11:00:00+02:00"), "slotMinutes": 20 },
    ] });
    let availability = |of: &str| format!("/v1/practitioners/{of}/availability/{day}");
    assert_eq!(
        system.put(&availability(&doctor), &doctor_token, &sessions).await.0,
        200
    );
    assert_eq!(
        system.put(&availability(&stranger), &doctor_token, &sessions).await.0,
        404
    );
    assert_eq!(system.put(&availability(&doctor), &ada_token, &sessions).await.0, 403);

    let slot = |minute: u32| json!({ "start": format!("{day}T10:{minute:02}:00+02:00"), "minutes": 20 });
    let book = |who: Option<&str>, minute| json!({ "patient": who, "practitioner": doctor, "slot": slot(minute) });
    let (status, booked) = system.post("/v1/appointments", &ada_token, &book(None, 20)).await;
    assert_eq!(status, 201, "{booked}");
    let (status, problem) = system
        .post("/v1/appointments", &ada_token, &book(Some(&bob_id), 40))
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/patient")),
        "{problem}"
    );
    assert_eq!(
        system
            .post("/v1/appointments", &doctor_token, &book(Some(&ada_id), 40))
            .await
            .0,
        403
    );

    let appointment = booked["resource"].as_str().unwrap();
    let nothing = format!("/v1/appointments/{}", uuid::Uuid::new_v4());
    for (who, token, status) in [
        ("the patient", &ada_token, 200),
        ("the doctor", &doctor_token, 200),
        ("the hospital", &hospital, 200),
        ("another patient", &bob_token, 404),
        ("another doctor", &stranger_token, 404),
        ("an insurer", &insurer, 403),
    ] {
        assert_eq!(system.get(appointment, token).await.0, status, "{who}");
    }
    let strip = |mut problem: Value| {
        problem.as_object_mut().unwrap().remove("instance");
        problem
    };
    let (foreign, missing) = (
        system.get(appointment, &bob_token).await,
        system.get(&nothing, &bob_token).await,
    );
    assert_eq!(
        (foreign.0, strip(foreign.1)),
        (missing.0, strip(missing.1)),
        "a foreign id is answered like a missing one"
    );

    for (who, token, status) in [
        ("another doctor", &stranger_token, 404),
        ("the patient", &ada_token, 403),
    ] {
        assert_eq!(
            system
                .post(&format!("{appointment}/confirm"), token, &json!({}))
                .await
                .0,
            status,
            "{who}"
        );
    }
    let (status, confirmed) = system
        .post(&format!("{appointment}/confirm"), &doctor_token, &json!({}))
        .await;
    assert_eq!(status, 200, "{confirmed}");
    assert_eq!(
        system
            .post(&format!("{appointment}/cancel"), &bob_token, &json!({}))
            .await
            .0,
        404
    );

    // Records: one's own, and nobody's without consent.
    let record = format!("/v1/patients/{ada_id}");
    let chart = format!("{record}/chart");
    let (findings, absences, reports) = (
        format!("{chart}/findings"),
        format!("{chart}/absences"),
        format!("{chart}/reports"),
    );
    let symptom = json!({ "symptom": { "text": "a cough" } });
    let none = json!({ "list": "allergies", "absence": "none-known" });
    let report = json!({ "medications": "unknown" });
    let nurse = system.for_a_nurse(&hospital).await;
    for (who, token, reads, notes, reports_it) in [
        ("herself", &ada_token, 200, 201, 403),
        ("the hospital's system for a nurse", &nurse, 200, 201, 403),
        ("another patient", &bob_token, 404, 404, 403),
        ("her doctor, without consent", &doctor_token, 404, 404, 403),
        ("an insurer", &insurer, 403, 403, 403),
    ] {
        assert_eq!(system.get(&record, token).await.0, reads, "{who}");
        assert_eq!(system.get(&chart, token).await.0, reads, "{who}");
        assert_eq!(system.post(&findings, token, &symptom).await.0, notes, "{who}");
        assert_eq!(system.post(&absences, token, &none).await.0, reads, "{who}");
        assert_eq!(system.post(&reports, token, &report).await.0, reports_it, "{who}");
    }
    let (_, noted) = system.post(&findings, &ada_token, &symptom).await;
    let finding = noted["resource"].as_str().unwrap();
    let refute = format!("{finding}/refute");
    for (who, token, status) in [
        ("another patient", &bob_token, 404),
        ("her doctor, without consent", &doctor_token, 404),
        ("an insurer", &insurer, 403),
        ("the hospital's system for a nurse", &nurse, 200),
    ] {
        assert_eq!(system.put(finding, token, &symptom).await.0, status, "{who}");
        assert_eq!(system.post(&refute, token, &json!({})).await.0, status, "{who}");
    }

    // Lists show one's own.
    for (token, expected) in [
        (&ada_token, 1),
        (&bob_token, 0),
        (&doctor_token, 1),
        (&stranger_token, 0),
        (&hospital, 1),
    ] {
        let (_, page) = system.get("/v1/appointments", token).await;
        assert_eq!(page["items"].as_array().unwrap().len(), expected, "{page}");
    }
    let (_, page) = system
        .get(&format!("/v1/appointments?patient={ada_id}"), &bob_token)
        .await;
    assert_eq!(page["items"], json!([]));
    let (_, page) = system
        .get(&format!("/v1/practitioners/{doctor}/patients"), &doctor_token)
        .await;
    assert_eq!(page["items"][0]["patient"], json!(ada_id), "{page}");
    assert_eq!(
        system
            .get(&format!("/v1/practitioners/{doctor}/patients"), &stranger_token)
            .await
            .0,
        404
    );

    // History comes from systems only.
    let visit = json!({
        "identifier": { "system": "urn:test", "value": "1" }, "patient": ada_id, "practitioner": doctor,
        "start": "2020-03-02T12:00:00Z", "minutes": 20, "outcome": "completed",
    });
    assert_eq!(system.post("/v1/visits", &doctor_token, &visit).await.0, 403);
    assert_eq!(system.post("/v1/visits", &hospital, &visit).await.0, 201);
    assert_eq!(
        system.post("/v1/visits", &hospital, &visit).await.0,
        200,
        "recording it again changes nothing"
    );
    system.stop().await;
}
