//! What is held back by an event that cannot be read.

use application::log::AnyEvent;
use application::ports::invitations::Person;
use domain::account::{AccountEvent, Role};
use domain::claims::{Claim, ClaimsEvent, Name};
use domain::kernel::{AccountId, DataSubject, Identifier, PatientId, Personal, PractitionerId};
use domain::practitioner::PractitionerEvent;
use infrastructure::chain::Deployment;
use infrastructure::erasing::{self, Standing};
use serde_json::{Value, json};
use tests::log::TestLog;
use tests::people::{patient, practitioner};
use tests::system::{SystemOptions, TestSystem, until};

/// A server on the log of somebody who can append there what no program of ours would.
async fn start(log: &TestLog) -> TestSystem {
    let deployment = Deployment {
        chain_id: log.log.node().chain_id(),
        address: log.log.address(),
        block: log.deployed_in,
        namespace: log.namespace,
    };
    log.admit(1).await;
    TestSystem::with(&log.chain, &deployment, SystemOptions::default()).await
}

fn called(number: &str) -> Value {
    let mut patient = patient(number);
    patient["details"]["identifier"] = json!({ "system": "urn:test", "value": number });
    patient
}

async fn register(system: &TestSystem, key: &str, number: &str) -> PatientId {
    let (status, done) = system.post("/v1/patients", key, &called(number)).await;
    assert_eq!(status, 201, "{done}");
    done["id"].as_str().unwrap().parse().unwrap()
}

/// Appends an event that is authentic and says nothing, as a program with a mistake would write it.
async fn hold_back(log: &mut TestLog, system: &TestSystem, event: AnyEvent) {
    let (pool, stream) = (&system.parts().pool, log.stream(event.aggregate()));
    system.settled().await;
    log.learn_ends(pool).await;
    log.append_undecodable(event).await;
    until("it is parked", async || {
        let counting = sqlx::query_scalar("SELECT count(*) FROM parked WHERE stream = $1");
        let parked: i64 = counting.bind(stream.0.as_slice()).fetch_one(pool).await.unwrap();
        parked == 1
    })
    .await;
}

async fn erase(system: &TestSystem, subject: DataSubject) {
    let pool = &system.parts().pool;
    erasing::ask(pool, subject).await.unwrap();
    until("the keys are destroyed", async || {
        let standing = erasing::standing(pool, subject).await.unwrap();
        matches!(standing, Standing::Destroyed { .. } | Standing::Purged { .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_keeps_nobody_from_being_erased() {
    let mut log = TestLog::start().await;
    let system = start(&log).await;
    let key = system.service("front desk", Role::Hospital).await;
    let clinic = &system.parts().clinic;

    let by_account = register(&system, &key, "1").await;
    let account = clinic.account_of(&Person::Patient(by_account));
    hold_back(&mut log, &system, AnyEvent::Account(account, AccountEvent::Closed)).await;

    let by_bucket = register(&system, &key, "2").await;
    let name = Name::OfPatient(Identifier {
        system: "urn:test".to_owned(),
        value: "2".to_owned(),
    });
    let bucket = clinic.identities.bucket_of(&name);
    let subject = DataSubject::Patient(by_bucket);
    let released = ClaimsEvent::Released {
        claim: Personal::Known(Claim { name, subject }),
    };
    hold_back(&mut log, &system, AnyEvent::Claims(bucket, released)).await;

    let administrator = system.administrator().await;
    let staff = json!({ "name": "Ada", "role": "hospital", "kind": "person" });
    let (status, staff) = system.post("/v1/accounts", &administrator, &staff).await;
    assert_eq!(status, 201, "{staff}");
    let staff: AccountId = staff["id"].as_str().unwrap().parse().unwrap();
    hold_back(&mut log, &system, AnyEvent::Account(staff, AccountEvent::Closed)).await;

    let mut doctor = practitioner("Held", "UTC");
    doctor["details"]["identifier"] = json!({ "system": "urn:test", "value": "3" });
    let (status, by_stream) = system.post("/v1/practitioners", &key, &doctor).await;
    assert_eq!(status, 201, "{by_stream}");
    let by_stream: PractitionerId = by_stream["id"].as_str().unwrap().parse().unwrap();
    let details = Personal::Sealed;
    let updated = AnyEvent::Practitioner(by_stream, PractitionerEvent::DetailsUpdated { details });
    hold_back(&mut log, &system, updated).await;

    let (_, status) = system.get("/v1/admin/status", &administrator).await;
    let troubles = status["troubles"].as_array().unwrap();
    assert_eq!(troubles.len(), 1, "{status}");
    assert_eq!(troubles[0]["code"], "events-parked", "{status}");
    assert!(
        troubles[0]["cause"].as_str().unwrap().starts_with("4 events"),
        "{status}"
    );

    for subject in [
        DataSubject::Practitioner(by_stream),
        DataSubject::Patient(by_account),
        DataSubject::Patient(by_bucket),
        DataSubject::Staff(staff),
    ] {
        erase(&system, subject).await;
    }
    for patient in [by_account, by_bucket] {
        let (status, problem) = system.get(&format!("/v1/patients/{patient}"), &key).await;
        assert_eq!(status, 404, "{problem}");
    }
    let (status, problem) = system.get(&format!("/v1/accounts/{staff}"), &administrator).await;
    assert!(status == 404 || problem["name"].is_null(), "{problem}");
    // What they were called is free, where it can be read whose it is.
    assert_ne!(register(&system, &key, "1").await, by_account);
    // Of whom nothing could be read it is as soon as their keys are destroyed, here and on every other server.
    let mut again = (0, Value::Null);
    until("somebody may be called so", async || {
        again = system.post("/v1/practitioners", &key, &doctor).await;
        again.0 == 201
    })
    .await;
    assert_ne!(again.1["id"].as_str().unwrap(), by_stream.to_string());
    system.agrees_with_a_rebuild(&log.chain).await;
}
