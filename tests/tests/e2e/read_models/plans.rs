//! What grows is never read whole: a command costs the same however long the log is.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::account::Role;
use serde_json::json;
use sqlx::{Executor, PgPool};
use tests::chain::TestChain;
use tests::charts::{agree_on_paper, note};
use tests::clinic::Clinic;
use tests::people::{Person, patient};
use tests::system::{TestSystem, deployed, until};

/// The tables that grow with the log.
const GROWING: [&str; 9] = [
    "journal",
    "patients",
    "charts",
    "patient_names",
    "calendars",
    "appointments",
    "relationships",
    "reads",
    "data_keys",
];

/// Rows, and rows read by scans of the whole table, for each table. Postgres counts when a backend ends a transaction and a second has
/// passed since it last did.
async fn scanned(pool: &PgPool) -> BTreeMap<String, (i64, i64)> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT relname::text, n_tup_ins, seq_tup_read FROM pg_stat_user_tables \
         WHERE schemaname IN ('live', 'core') AND relname = ANY ($1)",
    )
    .bind(GROWING.map(str::to_owned).to_vec())
    .fetch_all(pool)
    .await
    .expect("Postgres");
    rows.into_iter()
        .map(|(table, rows, scanned)| (table, (rows, scanned)))
        .collect()
}

/// Registers so many patients, each with a symptom, and each of whom books.
async fn work(system: &TestSystem, (clinic, nurse): (&Clinic, &str), patients: std::ops::Range<u32>) {
    for number in patients {
        let patient = clinic.patient(system, &format!("Patient{number}")).await;
        let symptom = json!({ "symptom": { "text": "a cough" } });
        let record = format!("/v1/patients/{patient}");
        agree_on_paper(system, nurse, &record).await;
        note(system, nurse, &record, &symptom).await;
        let (status, body) = clinic.book(system, &patient, number).await;
        assert_eq!(status, 201, "{body}");
    }
}

/// Has every connection of the server report what it has counted: the one on which the follower writes with its next transaction, for an
/// empty block.
async fn settle(chain: &TestChain, system: &TestSystem) {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    chain.mine(1).await;
    let block = chain.block_number().await;
    until("the follower has the empty block", async || {
        let followed = sqlx::query_scalar("SELECT block_number FROM checkpoint").fetch_one(&system.parts().pool);
        followed.await.map(i64::cast_unsigned).expect("Postgres") >= block
    })
    .await;
    let mut connections = Vec::new();
    for pool in system.parts().pools() {
        while let Some(connection) = pool.try_acquire() {
            connections.push(connection);
        }
    }
    for connection in &mut connections {
        connection
            .execute("SELECT pg_stat_force_next_flush()")
            .await
            .expect("Postgres");
    }
}

/// How many patients are made up for a search to have to choose.
const CROWD: i64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_search_by_name_reads_no_growing_table_whole() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let pool = system.parts().pool.clone();
    let clinic = Clinic::open(&system, "Doctor").await;
    let ada = clinic.patient(&system, "Zander Quill").await;
    // Copies of a record under other ids: every one is called Anna, every hundredth Zoe besides.
    for sql in [
        "INSERT INTO live.patients SELECT gen_random_uuid(), details, version, position, registered_at, updated_at \
         FROM live.patients, generate_series(1, $1)",
        "INSERT INTO live.patient_names SELECT id, 'anna' FROM live.patients, (VALUES ($1)) AS crowd LIMIT $1",
        "INSERT INTO live.patient_names SELECT patient, 'zoe' FROM live.patient_names WHERE name = 'anna' \
         AND abs(hashtext(patient::text) % 100) = 0 AND $1 > 0",
        "INSERT INTO live.patient_names SELECT patient, 'zz' || name FROM live.patient_names WHERE name = 'anna' AND $1 > 0",
    ] {
        sqlx::query(sql).bind(CROWD).execute(&pool).await.expect("Postgres");
    }
    pool.execute("ANALYZE live.patients; ANALYZE live.patient_names")
        .await
        .expect("Postgres");

    settle(&chain, &system).await;
    let before = scanned(&pool).await;
    for (name, found) in [
        ("quill zander", 1),
        ("ANNA", 50),
        ("anna zoe", 50),
        ("zz anna zo", 50),
        ("anna quill", 1),
        ("zoe quill", 0),
        ("a z q", 1),
        ("z q x", 0),
        ("nobody", 0),
    ] {
        let (status, page) = system
            .post("/v1/patients/search", &clinic.key, &json!({ "name": name }))
            .await;
        let items = page["items"].as_array().expect("items");
        assert_eq!((status, items.len()), (200, found), "{name}");
        assert!(found != 1 || items[0]["id"] == ada.as_str(), "{page}");
    }
    settle(&chain, &system).await;
    let after = scanned(&pool).await;
    for (table, (rows, scanned)) in &after {
        assert!(
            scanned - before[table].1 < CROWD,
            "{table} of {rows} rows: {scanned} read by scans"
        );
    }
    system.stop().await;
}

/// How many accesses are made up for an auditor to find some among.
const ACCESSES: i64 = 40_000;

/// How many rows of the accesses were found by an index.
async fn found_by_indexes(pool: &PgPool) -> i64 {
    let sql = "SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE schemaname = 'live' AND relname = 'reads'";
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("Postgres")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_auditor_examines_is_found_without_reading_the_others() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let (pool, administrator) = (system.parts().pool.clone(), system.administrator().await);
    let auditor = json!({ "name": "Audit", "role": "auditor", "kind": "person" });
    let (_, auditor) = system.post("/v1/accounts", &administrator, &auditor).await;
    let account = auditor["resource"].as_str().unwrap();
    let token = Person::numbered(8201).join(&system, &administrator, account).await;
    let ada = Person::numbered(8202).sign_in(&system).await;
    let (status, registered) = system.post("/v1/patients", &ada, &patient("Okafor")).await;
    assert_eq!(status, 201, "{registered}");
    let hospital = system.service("ward", Role::Hospital).await;
    let record = registered["resource"].as_str().unwrap();
    assert_eq!(system.get(record, &hospital).await.0, 200);
    assert_eq!(system.get("/v1/me/access-log", &ada).await.0, 200);
    // The one there is, over and over, of somebody else, who is shown it by somebody else.
    let sql = "INSERT INTO live.reads (patient, n, at, reader, reading, position) \
               SELECT '7c9e6679-7425-40de-944b-e07fc1f90ae7', n + number, at - number * interval '1 second', patient, reading, position \
               FROM live.reads, generate_series(1, $1) AS number";
    let made = sqlx::query(sql).bind(ACCESSES).execute(&pool).await.expect("Postgres");
    assert_eq!(made.rows_affected(), ACCESSES.cast_unsigned());
    pool.execute("ANALYZE live.reads").await.expect("Postgres");

    let ward = system.get("/v1/me", &hospital).await.1["account"].clone();
    let now = Utc::now();
    let mut engagements = Vec::new();
    for (scope, found) in [
        (json!({ "kind": "everybody" }), 50),
        (json!({ "kind": "patient", "id": registered["id"] }), 1),
        (json!({ "kind": "account", "id": ward }), 1),
    ] {
        let terms = json!({
            "auditor": auditor["id"], "scope": scope, "from": now - TimeDelta::days(300), "until": now + TimeDelta::days(1), "reason": "review",
        });
        let (status, begun) = system.post("/v1/engagements", &administrator, &terms).await;
        assert_eq!(status, 201, "{begun}");
        engagements.push((format!("{}/accesses", begun["resource"].as_str().unwrap()), found));
    }
    settle(&chain, &system).await;
    let before = (scanned(&pool).await, found_by_indexes(&pool).await);
    for (path, found) in engagements {
        let (status, page) = system.get(&path, &token).await;
        let items = page["items"].as_array().expect("items").len();
        assert_eq!((status, items), (200, found), "{page}");
    }
    settle(&chain, &system).await;
    let after = (scanned(&pool).await, found_by_indexes(&pool).await);
    assert_eq!(after.0["reads"].1, before.0["reads"].1, "the table was read whole");
    assert!(after.1 - before.1 < 1_000, "{} rows were looked at", after.1 - before.1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_reads_a_growing_table_whole() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let pool = system.parts().pool.clone();
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 45).await;

    let nurse = system.for_a_nurse(&clinic.key).await;
    work(&system, (&clinic, &nurse), 0..15).await;
    settle(&chain, &system).await;
    let before = scanned(&pool).await;
    work(&system, (&clinic, &nurse), 15..45).await;
    settle(&chain, &system).await;
    let after = scanned(&pool).await;

    assert_eq!(before.len(), GROWING.len(), "{before:?}");
    assert!(after["journal"].0 - before["journal"].0 >= 90, "{before:?} {after:?}");
    for (table, (rows, scanned)) in &after {
        let scanned = scanned - before[table].1;
        // Thirty patients came in some ninety transactions: one scan each would be thousands of rows.
        assert!(scanned <= *rows, "{table} of {rows} rows: {scanned} read by scans");
    }
    system.stop().await;
}
