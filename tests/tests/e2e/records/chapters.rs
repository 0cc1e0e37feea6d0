//! A record goes on over its chapters, against a running system: whoever writes notices nothing of it.

use std::collections::BTreeSet;
use std::time::Duration;

use api_config::FinalityRule;
use domain::account::Role;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tests::chain::TestChain;
use tests::charts::{chart_of, note, texts, treated};
use tests::people::patient;
use tests::rest::id;
use tests::site::{Desk, Site, agree_on_paper, for_a_nurse};
use tests::system::{SystemOptions, TestSystem, deployed, until};

fn allergy(number: u32) -> Value {
    json!({ "allergy": { "concept": { "text": format!("Allergen {number}") } } })
}

/// How many chapters are closed, and the most entries that one of them has.
async fn closed_chapters(pool: &PgPool) -> (i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM live.chapters),
                      (SELECT COALESCE(max(version), 0) FROM live.journal WHERE aggregate_id LIKE 'chapters/%')";
    sqlx::query_as(sql).fetch_one(pool).await.unwrap()
}

/// Every allergen, once.
fn shows_all(chart: &Value, count: usize) {
    let shown = texts(&chart["allergies"]);
    let different: BTreeSet<&str> = shown.iter().copied().collect();
    assert_eq!((shown.len(), different.len()), (count, count), "{chart}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_write_one_record_over_many_chapters_and_nothing_is_lost() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let with = |signer, database| SystemOptions {
        signer,
        database,
        chapter_entries: Some(4),
        ..SystemOptions::default()
    };
    let one = TestSystem::with(&chain, &deployment, with(1, None)).await;
    let two = TestSystem::with(&chain, &deployment, with(2, Some(one.database.clone()))).await;
    let hospital = one.service("front desk", Role::Hospital).await;
    let (status, registered) = one.post("/v1/patients", &hospital, &patient("Okafor")).await;
    assert_eq!(status, 201, "{registered}");
    let record = registered["resource"].as_str().unwrap();
    let nurse = treated(&one, &hospital, record).await;

    // One after the other, at either server; then many at once.
    for number in 0..24 {
        let system = if number % 3 == 0 { &two } else { &one };
        note(system, &nurse, record, &allergy(number)).await;
    }
    let at_once = (24..54).map(|number| {
        let (system, key) = (if number % 2 == 0 { &one } else { &two }, &nurse);
        async move { note(system, key, record, &allergy(number)).await }
    });
    join_all(at_once).await;
    let pool = &one.parts().pool;
    until("the chapters are closed", async || closed_chapters(pool).await.0 >= 6).await;
    for system in [&one, &two] {
        shows_all(&chart_of(system, &nurse, record).await, 54);
    }

    // What a caller has seen in one chapter is what they insist on in the next.
    let (_, seen) = one.get(record, &hospital).await;
    let version = seen["version"].as_u64().unwrap();
    let mut changed = seen["details"].clone();
    changed["phone"] = json!("555-0100");
    let with_version = async |version: u64| {
        let request = one
            .http
            .put(format!("{}{record}/details", one.url))
            .bearer_auth(&hospital);
        let request = request.header("If-Match", format!("\"{version}\""));
        request.json(&changed).send().await.unwrap().status().as_u16()
    };
    assert_eq!(with_version(version + 1).await, 412);
    assert_eq!(with_version(version).await, 200);
    let (_, now) = two.get(record, &hospital).await;
    assert_eq!(now["details"]["phone"], "555-0100");
    assert!(now["version"].as_u64().unwrap() >> 32 >= 6, "{now}");
    assert_eq!(with_version(version).await, 412);

    let void: i64 = sqlx::query_scalar("SELECT count(*) FROM live.journal WHERE void IS NOT NULL")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(void, 0);
    two.stop().await;
    one.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_on_over_its_chapters_though_the_server_is_killed() {
    let site = Site::ready(FinalityRule::Instant).await;
    let environment = [("MEDCONNECT_RECORDS__CHAPTER_ENTRIES", "2")];
    let mut server = site.serve(&environment).await;
    server.until_part("appender", true).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, _) = desk.visit(0).await;
    let nurse = for_a_nurse(&desk.rest, &administrator).await;
    agree_on_paper(&nurse, patient).await;
    let (rest, findings) = (nurse.clone(), format!("/v1/patients/{patient}/chart/findings"));
    let noting = tokio::spawn(async move {
        for number in 0..60 {
            rest.insist(Method::POST, &findings, &allergy(number)).await;
        }
    });
    for kill in 0..5 {
        tokio::time::sleep(Duration::from_millis(400 + kill * 130)).await;
        server.process.kill().await;
        server = site.serve(&environment).await;
    }
    noting.await.unwrap();
    // Somebody is booked in while the record is in a later chapter, and is erased with all of them.
    let booking = desk.booking(patient, 7);
    let booked = desk.rest.insist(Method::POST, "/v1/appointments", &booking).await;
    let shown = desk.rest.get(&format!("/v1/appointments/{}", id(&booked))).await;
    assert_eq!(shown["patient"], json!(patient), "{shown}");
    shows_all(&nurse.get(&format!("/v1/patients/{patient}/chart")).await, 60);
    let pool = PgPool::connect(&site.database).await.unwrap();
    let (chapters, longest) = closed_chapters(&pool).await;
    assert!(
        chapters >= 10 && longest < 20,
        "{chapters} chapters, the longest with {longest} entries"
    );
    site.compare_with_rebuild().await;
    let subject = format!("patient/{patient}");
    site.succeed(&["keys", "erase", "--config", &site.config(), "--yes", &subject], &[])
        .await;
    site.compare_with_rebuild().await;
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM core.data_keys WHERE subject = $1 AND destroyed_at IS NULL")
            .bind(patient)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(open, 0);
    server.process.stop().await;
}
