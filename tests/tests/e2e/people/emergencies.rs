//! In an emergency a doctor opens a record without a grant, says why, and answers for it.

use application::log::Position;
use domain::account::Role;
use domain::registries::practitioners::Message;
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{note, treated};
use tests::office::{Office, practitioner};
use tests::people::{Person, patient, practitioner as practitioner_entry};
use tests::system::{SystemOptions, TestSystem, deployed, until};
use uuid::Uuid;

use super::grants::{World, registered};

const OWN: &str = "/v1/me/emergencies";

pub(super) fn opening(categories: &[&str]) -> Value {
    json!({ "reason": "Unconscious after a fall.", "categories": categories, "minutes": 5 })
}

fn justification() -> Value {
    json!({ "text": "Nobody could ask her." })
}

/// Opens a record, and answers with the path of the emergency.
pub(super) async fn open(system: &TestSystem, doctor: &str, patient: &str, categories: &[&str]) -> String {
    let path = format!("/v1/patients/{patient}/emergencies");
    let (status, opened) = system.post(&path, doctor, &opening(categories)).await;
    assert_eq!(status, 201, "{opened}");
    opened["resource"].as_str().unwrap().to_owned()
}

async fn items(system: &TestSystem, path: &str, token: &str) -> Vec<Value> {
    let (status, page) = system.get(path, token).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

/// How often something has happened to emergencies.
async fn happened(system: &TestSystem) -> i64 {
    let sql = "SELECT count(*) FROM live.journal WHERE aggregate_id LIKE 'emergency/%'";
    sqlx::query_scalar(sql).fetch_one(&system.parts().pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_opens_what_they_need_reads_no_more_and_the_patient_sees_it_and_why() {
    let world = World::open("Curie").await;
    let system = &world.system;
    let nurse = system.for_a_nurse(&world.clinic.key).await;
    let record = world.path("");
    note(
        system,
        &nurse,
        &record,
        &json!({ "allergy": { "concept": { "text": "Penicillin" } } }),
    )
    .await;
    note(
        system,
        &nurse,
        &record,
        &json!({ "medication": { "concept": { "text": "Warfarin" }, "active": true } }),
    )
    .await;
    assert_eq!(world.reads("/chart").await.0, 404);
    assert_eq!(world.reads("").await.0, 404);

    let emergency = open(system, &world.doctor, &world.patient, &["summary"]).await;
    let (status, chart) = world.reads("/chart").await;
    assert_eq!(status, 200, "{chart}");
    let shown = chart.to_string();
    assert!(shown.contains("Penicillin") && !shown.contains("Warfarin"), "{shown}");
    assert_eq!(world.reads("").await.0, 200);
    // It is for reading, of this record, and by this doctor.
    let finding = json!({ "symptom": { "text": "a cough" } });
    let (status, refused) = system
        .post(&world.path("/chart/findings"), &world.doctor, &finding)
        .await;
    assert_eq!((status, &refused["type"]), (404, &json!("/problems/not-found")));
    let nobody = format!("/v1/patients/{}/emergencies", Uuid::new_v4());
    assert_eq!(system.post(&nobody, &world.doctor, &opening(&["summary"])).await.0, 404);
    let (status, refused) = system
        .post(&world.path("/emergencies"), &nurse, &opening(&["summary"]))
        .await;
    assert_eq!((status, &refused["type"]), (403, &json!("/problems/forbidden")));

    // What is granted besides is read with it.
    let grant = world.give(&world.to_the_doctor(&["medication"])).await;
    let (_, chart) = world.reads("/chart").await;
    assert!(chart.to_string().contains("Warfarin"), "{chart}");

    // The patient sees it, and who has read by it.
    let told = items(system, OWN, &world.token).await;
    assert_eq!(told, items(system, OWN, &world.doctor).await);
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told["reason"], "Unconscious after a fall.", "{told}");
    assert_eq!(told["categories"], json!(["identity", "summary"]), "{told}");
    assert_eq!(told["standing"], "to-justify", "{told}");
    assert_eq!(system.get(&emergency, &world.token).await, (200, told.clone()));
    let logged = items(system, "/v1/me/access-log", &world.token).await;
    let charts: Vec<_> = logged.iter().filter(|read| read["shown"] == "chart").collect();
    let [granted, opened] = charts.as_slice() else {
        panic!("{logged:?}")
    };
    for (read, categories, grants) in [
        (granted, json!(["summary", "medication"]), json!([grant])),
        (opened, json!(["summary"]), Value::Null),
    ] {
        assert_eq!(read["grants"], grants, "{read}");
        assert_eq!(read["basis"], "emergencies", "{read}");
        assert_eq!(read["emergencies"], json!([told["id"]]), "{read}");
        assert_eq!(read["categories"], categories, "{read}");
    }

    // Another doctor has nothing of it.
    let entry = practitioner_entry("Other", "UTC");
    let (_, other) = system.post("/v1/practitioners", &world.clinic.key, &entry).await;
    let resource = other["resource"].as_str().unwrap();
    let stranger = Person::numbered(150).join(system, &world.clinic.key, resource).await;
    world
        .office
        .attests(system, &world.clinic.key, other["id"].as_str().unwrap())
        .await;
    assert_eq!(items(system, OWN, &stranger).await, Vec::<Value>::new());
    assert_eq!(system.get(&emergency, &stranger).await.0, 404);
    assert_eq!(system.get(&world.path("/chart"), &stranger).await.0, 404);
    let path = format!("{emergency}/justification");
    assert_eq!(system.post(&path, &stranger, &justification()).await.0, 404);

    // The doctor answers for it, once.
    assert_eq!(system.post(&path, &world.token, &justification()).await.0, 403);
    let nothing = format!(
        "/v1/patients/{}/emergencies/{}/justification",
        world.patient,
        Uuid::new_v4()
    );
    assert_eq!(system.post(&nothing, &world.doctor, &justification()).await.0, 404);
    for position_is_told in [true, false] {
        let (status, justified) = system.post(&path, &world.doctor, &justification()).await;
        assert_eq!(
            (status, justified["position"].is_u64()),
            (200, position_is_told),
            "{justified}"
        );
    }
    let other = json!({ "text": "Something else." });
    assert_eq!(system.post(&path, &world.doctor, &other).await.0, 409);
    let (_, told) = system.get(&emergency, &world.token).await;
    assert_eq!(
        (&told["standing"], &told["justification"]),
        (&json!("justified"), &justification()["text"]),
        "{told}"
    );
    assert_eq!(told.get("flaggedAt"), None, "{told}");
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_justified_in_time_is_flagged_once_by_two_servers_and_shown_to_who_oversees() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let office = Office::open(&chain, &deployment).await;
    let options = |signer, database: Option<String>| SystemOptions {
        justify_emergencies_within: Some(8),
        recorders: office.recorders.clone(),
        signer,
        database,
        ..SystemOptions::default()
    };
    let one = TestSystem::with(&chain, &deployment, options(1, None)).await;
    let two = TestSystem::with(&chain, &deployment, options(2, Some(one.database.clone()))).await;
    let world = World::of(chain, office, one, "Garrett").await;
    let system = &world.system;
    let late = open(system, &world.doctor, &world.patient, &["summary"]).await;
    let in_time = open(&two, &world.doctor, &world.patient, &["medication"]).await;
    let justified = format!("{in_time}/justification");
    assert_eq!(two.post(&justified, &world.doctor, &justification()).await.0, 200);
    // What one server has opened the other knows as well.
    for server in [system, &two] {
        let (status, chart) = server.get(&world.path("/chart"), &world.doctor).await;
        assert_eq!(status, 200, "{chart}");
    }
    let registrar = system.service("registrar", Role::Registrar).await;
    until("it is flagged", async || {
        items(system, "/v1/emergencies?standing=flagged", &registrar)
            .await
            .len()
            == 1
    })
    .await;
    // Both have looked again since.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(
        happened(system).await,
        4,
        "two were opened, one is justified and one flagged"
    );

    // Who oversees sees neither whose nor why, and finds it in the log.
    let [flagged] = items(system, "/v1/emergencies?standing=flagged", &registrar)
        .await
        .try_into()
        .unwrap();
    assert_eq!(flagged["practitioner"], json!(world.clinic.doctor), "{flagged}");
    let shown = flagged.to_string();
    assert!(
        !shown.contains(&world.patient) && !shown.contains("Unconscious"),
        "{shown}"
    );
    let position: Position = flagged["position"].as_u64().unwrap();
    let administrator = system.administrator().await;
    let entries = items(
        system,
        &format!("/v1/events?from={position}&to={position}"),
        &administrator,
    )
    .await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(items(system, "/v1/emergencies", &registrar).await.len(), 2);
    for (standing, count) in [("to-justify", 0), ("justified", 1)] {
        let path = format!("/v1/emergencies?standing={standing}");
        assert_eq!(items(system, &path, &registrar).await.len(), count, "{standing}");
    }

    // Late is better than never, and is seen to be late.
    assert_eq!(
        system
            .post(&format!("{late}/justification"), &world.doctor, &justification())
            .await
            .0,
        200
    );
    let (_, told) = system.get(&late, &world.doctor).await;
    assert_eq!(
        (&told["standing"], told["flaggedAt"].is_string()),
        (&json!("justified"), true),
        "{told}"
    );
    two.stop().await;
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_in_the_tables_opens_nothing_and_who_is_suspended_reads_nothing_more() {
    let world = World::open("Pirogov").await;
    let (system, pool) = (&world.system, &world.system.parts().pool);
    let (_, _, other) = registered(system, &world.clinic, 140).await;
    open(system, &world.doctor, &world.patient, &["summary"]).await;
    let copied = "INSERT INTO emergencies SELECT ($1::uuid), id, practitioner, opened, until, justify_by, is_justified, justification, is_flagged, flagged_at, opened_in, version, position FROM emergencies";
    let copying = sqlx::query(copied).bind(other.parse::<Uuid>().unwrap());
    assert_eq!(copying.execute(pool).await.unwrap().rows_affected(), 1);
    assert_eq!(
        system
            .get(&format!("/v1/patients/{other}/chart"), &world.doctor)
            .await
            .0,
        404
    );
    sqlx::query("UPDATE emergencies SET until = until + interval '1 day', opened = jsonb_set(opened, '{categories}', '[\"Identity\", \"Summary\", \"Medication\"]')")
        .execute(pool)
        .await
        .unwrap();
    let (_, chart) = world.reads("/chart").await;
    assert!(chart.get("medications").is_none(), "the log says what is open: {chart}");

    let suspension = Message::Suspension {
        practitioner: practitioner(&world.clinic.doctor),
        reinstatements: 0,
    };
    world.office.says(&suspension).await;
    until("the doctor is suspended", async || world.reads("/chart").await.0 == 403).await;
    let (status, refused) = world.reads("/chart").await;
    assert_eq!(
        (status, &refused["type"]),
        (403, &json!("/problems/suspended")),
        "{refused}"
    );
    let path = world.path("/emergencies");
    let (status, refused) = system
        .send(Method::POST, &path, &world.doctor, Some(&opening(&["summary"])))
        .await;
    // They answer for what they did before.
    let mine = items(system, OWN, &world.doctor).await;
    let mine = mine.iter().find(|one| one["patient"] == json!(world.patient)).unwrap();
    let path = world.path(&format!("/emergencies/{}/justification", mine["id"].as_str().unwrap()));
    assert_eq!(system.post(&path, &world.doctor, &justification()).await.0, 200);
    assert_eq!(
        (status, &refused["type"]),
        (403, &json!("/problems/suspended")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_opens_a_record_for_a_doctor_and_for_nobody_else() {
    let world = World::open("Nightingale").await;
    let system = &world.system;
    let ward = system.service("ward", Role::Hospital).await;
    // Somebody who has said nothing: even the staff does not know their chart.
    let (status, registered) = system.post("/v1/patients", &ward, &patient("Okafor")).await;
    assert_eq!(status, 201, "{registered}");
    let record = registered["resource"].as_str().unwrap();
    let for_the_doctor = format!("{ward} for practitioner/{}", world.clinic.doctor);
    let for_a_nurse = system.for_a_nurse(&ward).await;
    let path = format!("{record}/emergencies");
    for (key, problem) in [(&ward, "no-person"), (&for_a_nurse, "forbidden")] {
        let (status, refused) = system.post(&path, key, &opening(&["summary"])).await;
        assert_eq!(
            (status, &refused["type"]),
            (403, &json!(format!("/problems/{problem}"))),
            "{refused}"
        );
    }
    let chart = format!("{record}/chart");
    assert_eq!(system.get(&chart, &for_the_doctor).await.0, 403);
    let (status, opened) = system
        .post(&path, &for_the_doctor, &opening(&["summary", "medication"]))
        .await;
    assert_eq!(status, 201, "{opened}");
    for key in [&for_the_doctor, &world.doctor] {
        assert_eq!(system.get(&chart, key).await.0, 200);
    }
    assert_eq!(system.get(&chart, &for_a_nurse).await.0, 403);
    let resource = opened["resource"].as_str().unwrap();
    let (_, told) = system.get(resource, &world.doctor).await;
    assert!(told["system"].is_string(), "the system is named that has asked: {told}");
    let path = format!("{resource}/justification");
    assert_eq!(system.post(&path, &world.doctor, &justification()).await.0, 200);
    let (_, told) = system.get(resource, &world.doctor).await;
    assert_eq!(told.get("justifyingSystem"), None, "{told}");
    assert_eq!(
        items(system, OWN, &for_the_doctor).await,
        items(system, OWN, &world.doctor).await
    );
    // From the patient's paper on, the staff reads by that.
    let nurse = treated(system, &ward, record).await;
    assert_eq!(system.get(&chart, &nurse).await.0, 200);
}
