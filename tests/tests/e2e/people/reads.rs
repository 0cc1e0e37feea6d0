//! Patients see who has read what is known of them: what was shown is in the log, once, whatever happens to the server.

use std::time::Duration;

use api_config::FinalityRule;
use api_dev::anvil::Mining;
use chrono::{DateTime, Utc};
use domain::account::Role;
use infrastructure::crash::{READ_NOTED, READS_LOGGED, READS_TAKEN, VARIABLE};
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::{Heartbeat, TestChain};
use tests::people::{Person, patient};
use tests::rest::id;
use tests::site::Site;
use tests::system::{SystemOptions, TestSystem, deployed, until};
use tests::wire::{Line, Proxy};

use super::grants::World;

const LOG: &str = "/v1/me/access-log";
const NOTED: &str = "/v1/me/noted-reads";

async fn items(system: &TestSystem, path: &str, token: &str) -> Vec<Value> {
    let (status, body) = system.get(path, token).await;
    assert_eq!(status, 200, "{body}");
    body["items"].as_array().unwrap().clone()
}

/// What kind of reader has seen what by which right.
fn told(entry: &Value) -> [&str; 3] {
    [&entry["reader"]["kind"], &entry["shown"], &entry["basis"]].map(|value| value.as_str().unwrap())
}

/// A patient with a wallet whom nobody has looked at.
async fn patient_of(system: &TestSystem, number: u32) -> (String, String) {
    let token = Person::numbered(number).sign_in(system).await;
    let (status, registered) = system.post("/v1/patients", &token, &patient("Okafor")).await;
    assert_eq!(status, 201, "{registered}");
    (token, registered["id"].as_str().unwrap().to_owned())
}

async fn count(database: &str, sql: &str) -> i64 {
    let mut connection: sqlx::PgConnection = sqlx::Connection::connect(database).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

const NOTES: &str = "SELECT (SELECT count(*) FROM core.noted_reads) + (SELECT count(*) FROM core.taken_reads)";
const READS: &str = "SELECT count(*) FROM live.reads";
const EVENTS: &str = "SELECT count(*) FROM live.journal WHERE aggregate_id LIKE 'access_log/%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_sees_who_has_read_what_by_which_right_and_where_the_log_says_so() {
    let world = World::open("Reads").await;
    let (system, patient) = (&world.system, &world.token);
    // What the world has read itself.
    items(system, LOG, patient).await;
    let before = items(system, LOG, patient).await.len();
    let grant = world.give(&world.to_the_doctor(&["summary"])).await;
    assert_eq!(world.reads("/chart").await.0, 200);
    assert_eq!(world.reads("").await.0, 404, "nothing is shown");
    let hospital = &world.clinic.key;
    assert_eq!(system.get(&world.path(""), hospital).await.0, 200);
    assert_eq!(system.get(&world.path("/grants"), patient).await.0, 200);
    let (status, found) = system.get("/v1/patients?limit=200", hospital).await;
    assert_eq!(status, 200, "{found}");

    let logged = items(system, LOG, patient).await;
    assert_eq!(items(system, NOTED, patient).await, Vec::<Value>::new());
    let since: Vec<_> = logged[..logged.len() - before].iter().map(told).collect();
    assert_eq!(
        since,
        [
            ["service", "patient-in-a-list", "role"],
            ["patient", "grants", "own"],
            ["service", "patient", "role"],
            ["practitioner", "chart", "grants"],
            // What is signed.
            ["patient", "grants", "own"],
        ]
    );
    let by_the_doctor = &logged[3];
    assert_eq!(by_the_doctor["grants"], json!([grant]));
    assert_eq!(by_the_doctor["purpose"], "treatment");
    assert_eq!(by_the_doctor["categories"], json!(["summary"]));
    assert_eq!(by_the_doctor["reader"]["practitioner"], json!(world.clinic.doctor));
    assert_eq!(by_the_doctor["reader"]["name"]["family"], "Reads");

    // The chain has the entry in which it is told, where the item says.
    let administrator = system.administrator().await;
    let position = by_the_doctor["position"].as_u64().unwrap();
    let (status, listed) = system
        .get(&format!("/v1/events?from={position}&to={position}"), &administrator)
        .await;
    assert_eq!(status, 200, "{listed}");
    let entry = &listed["items"][0];
    assert_eq!(
        (&entry["transaction"], &entry["block"]),
        (&by_the_doctor["transaction"], &by_the_doctor["block"])
    );
    let receipt = world
        .chain
        .call("eth_getTransactionReceipt", json!([by_the_doctor["transaction"]]))
        .await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    // Nobody else reads it.
    for token in [&world.doctor, hospital, &administrator] {
        let (status, problem) = system.get(LOG, token).await;
        assert_eq!(status, 403, "{problem}");
    }
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_of_a_patient_in_a_while_is_told_by_one_event() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        log_reads_after: Some(5),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let nurse = system.service("ward", Role::Hospital).await;
    let nurse = system.for_a_nurse(&nurse).await;
    let mut patients = Vec::new();
    for number in 0..3 {
        patients.push(patient_of(&system, 300 + number).await);
    }
    for _ in 0..5 {
        for (_, patient) in &patients {
            assert_eq!(
                system.get(&format!("/v1/patients/{patient}/chart"), &nurse).await.0,
                200
            );
        }
    }
    until("all of it is in the log", async || {
        count(&system.database, NOTES).await == 0
    })
    .await;
    assert_eq!(count(&system.database, READS).await, 15);
    let events = count(&system.database, EVENTS).await;
    assert!((3..=6).contains(&events), "{events} events tell of three patients");
    // And in pages, each read once, the latest first.
    let (token, _) = &patients[0];
    let mut seen = Vec::new();
    let mut path = format!("{LOG}?limit=2");
    loop {
        let (status, page) = system.get(&path, token).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    let at = |entry: &Value| entry["at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let times: Vec<_> = seen.iter().map(at).collect();
    assert_eq!(times.len(), 5);
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_while_no_node_answers_is_noted_and_told_and_is_in_the_log_later() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let way = Proxy::of(chain.url().trim_start_matches("http://").parse().unwrap()).await;
    let options = SystemOptions {
        node: Some(format!("http://127.0.0.1:{}", way.port())),
        command_wait: Some(1),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    let hospital = system.service("ward", Role::Hospital).await;
    let (token, patient) = patient_of(&system, 310).await;
    way.set(Line::Cut);
    assert_eq!(system.get(&format!("/v1/patients/{patient}"), &hospital).await.0, 200);
    assert_eq!(items(&system, LOG, &token).await, Vec::<Value>::new());
    let noted = items(&system, NOTED, &token).await;
    assert_eq!(
        noted.iter().map(told).collect::<Vec<_>>(),
        [["service", "patient", "role"]]
    );
    assert_eq!(noted[0].get("position"), None);
    way.set(Line::Open);
    until("it is in the log", async || {
        items(&system, LOG, &token).await.len() == 1
    })
    .await;
    assert_eq!(items(&system, NOTED, &token).await, Vec::<Value>::new());
    until("it is forgotten here", async || {
        count(&system.database, NOTES).await == 0
    })
    .await;
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_in_the_log_once_though_blocks_are_undone() {
    let chain = TestChain::with(|options| options.mining = Mining::OnDemand).await;
    let heartbeat = Heartbeat::of(&chain);
    let options = SystemOptions {
        finality: FinalityRule::Confirmations(5),
        log_reads_after: Some(1),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let hospital = system.service("ward", Role::Hospital).await;
    let (token, patient) = patient_of(&system, 320).await;
    let mut shown = 0;
    for depth in [1, 3, 4, 2, 4, 3] {
        for _ in 0..3 {
            assert_eq!(system.get(&format!("/v1/patients/{patient}"), &hospital).await.0, 200);
            shown += 1;
        }
        // While the patient looks, blocks are taken back.
        let reorganisation = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            let reorganisation = chain.call("anvil_reorg", json!([depth, []]));
            heartbeat.between_beats(reorganisation).await;
        };
        let (looked, _) = tokio::join!(system.get(LOG, &token), reorganisation);
        assert_eq!(looked.0, 200, "{}", looked.1);
    }
    until("all of it is in the log for good", async || {
        count(&system.database, NOTES).await == 0
    })
    .await;
    assert_eq!(count(&system.database, READS).await, shown);
    system.agrees_with_a_rebuild(&chain).await;
    drop(heartbeat);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_kept_and_keeps_nothing_else_back() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        log_reads_after: Some(3),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let hospital = system.service("ward", Role::Hospital).await;
    let (token, patient) = patient_of(&system, 340).await;
    let path = format!("/v1/patients/{patient}");
    for _ in 0..3 {
        assert_eq!(system.get(&path, &hospital).await.0, 200);
    }
    let pool = &system.parts().pool;
    let altered = "UPDATE noted_reads SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE id = (SELECT min(id) FROM noted_reads)";
    assert_eq!(sqlx::query(altered).execute(pool).await.unwrap().rows_affected(), 1);
    until("the others are in the log", async || {
        count(&system.database, READS).await == 2
    })
    .await;
    assert_eq!(system.get(&path, &hospital).await.0, 200);
    until("so is what was read later", async || {
        count(&system.database, READS).await == 3
    })
    .await;
    until("one note is left, by itself", async || {
        count(&system.database, NOTES).await == 1
    })
    .await;
    // It is said once it is old.
    let aged = "UPDATE noted_reads SET noted_at = noted_at - interval '1 hour'";
    sqlx::query(aged).execute(pool).await.unwrap();
    let administrator = system.administrator().await;
    system.says(&administrator, "reads", "1 reads").await;
    assert_eq!(items(&system, LOG, &token).await.len(), 3);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_reads_each_is_in_the_log_once() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("ward", Role::Hospital).await;
    let (token, patient) = patient_of(&system, 350).await;
    let path = format!("/v1/patients/{patient}");
    assert_eq!(system.get(&path, &hospital).await.0, 200);
    // As many more as nobody asks for in a test.
    let copied = "INSERT INTO noted_reads (patient, sealed, due_at) SELECT patient, sealed, due_at FROM noted_reads, generate_series(1, 1199)";
    let pool = &system.parts().pool;
    assert_eq!(sqlx::query(copied).execute(pool).await.unwrap().rows_affected(), 1199);
    until("all of them are in the log", async || {
        items(&system, LOG, &token).await;
        count(&system.database, NOTES).await == 0
    })
    .await;
    assert_eq!(count(&system.database, READS).await, 1200);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nobody_nothing_is_noted_and_that_a_patient_has_no_appointments_is_for_hospitals() {
    let world = World::open("Empty").await;
    let (system, nobody) = (&world.system, "22222222-2222-8333-8444-555555555555");
    items(system, LOG, &world.token).await;
    let before = count(&system.database, NOTES).await;
    for (token, patient, notes) in [
        (&world.clinic.key, nobody, 0),
        (&world.doctor, nobody, 0),
        (&world.doctor, world.patient.as_str(), 0),
        (&world.clinic.key, world.patient.as_str(), 1),
    ] {
        let found = items(system, &format!("/v1/appointments?patient={patient}"), token).await;
        assert_eq!(found, Vec::<Value>::new());
        assert_eq!(count(&system.database, NOTES).await - before, notes, "{patient}");
    }
    let logged = items(system, LOG, &world.token).await;
    assert_eq!(told(&logged[0]), ["service", "appointments", "role"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_reads_of_others_that_wait_for_their_finality() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        finality: FinalityRule::Confirmations(3),
        log_reads_after: Some(1),
        ..SystemOptions::default()
    };
    let heartbeat = Heartbeat::of(&chain);
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let hospital = system.service("ward", Role::Hospital).await;
    let mut patients = Vec::new();
    for number in 0..2 {
        patients.push(patient_of(&system, 360 + number).await);
    }
    // From now on nothing becomes final by itself.
    drop(heartbeat);
    for (n, (_, patient)) in patients.iter().enumerate() {
        assert_eq!(system.get(&format!("/v1/patients/{patient}"), &hospital).await.0, 200);
        until("it is in a block", async || {
            count(&system.database, EVENTS).await > n.try_into().unwrap()
        })
        .await;
    }
    assert!(
        count(&system.database, NOTES).await >= 4,
        "nothing is final, and nothing forgotten"
    );
    until("all of it is final", async || {
        chain.mine(1).await;
        count(&system.database, NOTES).await == 0
    })
    .await;
    system.agrees_with_a_rebuild(&chain).await;
}

/// A server dies at a place; whatever was shown is in the log, once, and beside it at most what was noted and not answered.
async fn dies_at(place: &str) {
    let site = Site::ready(FinalityRule::Instant).await;
    let soon = ("MEDCONNECT_RECORDS__LOG_READS_AFTER_SECONDS", "1");
    let mut dying = site.serve(&[(VARIABLE, place), soon]).await;
    dying.until_part("appender", true).await;
    let administrator = dying.administrator().await;
    let hospital = dying.service(&administrator, "ward").await;
    let registered = hospital.insist(Method::POST, "/v1/patients", &patient("Okafor")).await;
    let path = format!("/v1/patients/{}", id(&registered));
    let mut shown = 0;
    while let Ok(answer) = hospital.send(Method::GET, &path, None, None).await {
        assert_eq!(answer.status, 200, "{place}");
        shown += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(dying);
    let server = site.serve(&[soon]).await;
    assert_eq!(hospital.get(&path).await["id"], json!(id(&registered)));
    shown += 1;
    until("all of it is in the log", async || {
        count(&site.database, NOTES).await == 0
    })
    .await;
    let logged = count(&site.database, READS).await;
    let unanswered = i64::from(place == READ_NOTED);
    assert!(
        (shown..=shown + 1).contains(&logged) && logged >= shown + unanswered,
        "{place}: {shown} shown, {logged} logged"
    );
    drop(server);
    site.compare_with_rebuild().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_before_it_answers_has_noted_who_asked() {
    dies_at(READ_NOTED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_before_it_logs_what_it_has_taken_leaves_it_to_the_next() {
    dies_at(READS_TAKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_once_the_log_has_what_was_noted_leaves_nothing_that_is_logged_twice() {
    dies_at(READS_LOGGED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_put_what_both_have_noted_into_the_log_once() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let options = SystemOptions {
        log_reads_after: Some(1),
        ..SystemOptions::default()
    };
    let one = TestSystem::with(&chain, &deployment, options.clone()).await;
    let two = TestSystem::with(
        &chain,
        &deployment,
        SystemOptions {
            signer: 2,
            database: Some(one.database.clone()),
            ..options
        },
    )
    .await;
    let hospital = one.service("ward", Role::Hospital).await;
    let (token, patient) = patient_of(&one, 330).await;
    let path = format!("/v1/patients/{patient}");
    let mut shown = 0;
    for _ in 0..40 {
        let (here, there) = tokio::join!(one.get(&path, &hospital), two.get(&path, &hospital));
        assert_eq!((here.0, there.0), (200, 200));
        shown += 2;
        // The patient looks as well.
        let looked = tokio::join!(one.get(LOG, &token), two.get(LOG, &token));
        assert_eq!((looked.0.0, looked.1.0), (200, 200));
    }
    until("all of it is in the log", async || {
        count(&one.database, NOTES).await == 0
    })
    .await;
    assert_eq!(count(&one.database, READS).await, shown);
    two.stop().await;
    one.agrees_with_a_rebuild(&chain).await;
}
