//! What grows is never read whole: a command costs the same however long the log is.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{Executor, PgPool};
use tests::chain::TestChain;
use tests::clinic::Clinic;
use tests::system::{TestSystem, deployed};

/// The tables that grow with the log.
const GROWING: [&str; 7] = [
    "journal",
    "patients",
    "patient_names",
    "calendars",
    "appointments",
    "relationships",
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

/// Registers so many patients, each of whom books.
async fn work(system: &TestSystem, clinic: &Clinic, patients: std::ops::Range<u32>) {
    for number in patients {
        let patient = clinic.patient(system, &format!("Patient{number}")).await;
        let (status, body) = clinic.book(system, &patient, number).await;
        assert_eq!(status, 201, "{body}");
    }
}

/// Has every connection of the pool report what it has counted.
async fn settle(pool: &PgPool) {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut connections = Vec::new();
    while let Some(connection) = pool.try_acquire() {
        connections.push(connection);
    }
    for connection in &mut connections {
        connection
            .execute("SELECT pg_stat_force_next_flush()")
            .await
            .expect("Postgres");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_reads_a_growing_table_whole() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let pool = system.parts().pool.clone();
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 45).await;

    work(&system, &clinic, 0..15).await;
    settle(&pool).await;
    let before = scanned(&pool).await;
    work(&system, &clinic, 15..45).await;
    settle(&pool).await;
    let after = scanned(&pool).await;

    assert_eq!(before.len(), GROWING.len(), "{before:?}");
    assert!(after["journal"].0 - before["journal"].0 >= 60, "{before:?} {after:?}");
    for (table, (rows, scanned)) in &after {
        let scanned = scanned - before[table].1;
        // Thirty patients came in some sixty transactions: one scan each would be thousands of rows.
        assert!(scanned <= *rows, "{table} of {rows} rows: {scanned} read by scans");
    }
    system.stop().await;
}
