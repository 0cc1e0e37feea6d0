//! Nothing waits for ever: sessions have limits, the parts of a server do not starve each other, and a line to a node that swallows
//! what is sent is noticed.

use std::time::Duration;

use api_config::FinalityRule;
use infrastructure::postgres::{LIVE, Limits, pool_within};
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tests::chain::KEYS;
use tests::rest::Rest;
use tests::site::{Desk, Server, Site, signer};
use tests::wire::{Line, Proxy};
use tokio::task::JoinSet;

/// Within which a request has an answer, whatever is broken.
const BOUND: Duration = Duration::from_secs(40);

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Waits until an administrator is told of a trouble.
async fn until_told(administrator: &Rest, code: &str) {
    let told = async {
        loop {
            let status = administrator.get("/v1/admin/status").await;
            let troubles = status["troubles"].as_array().unwrap();
            if troubles.iter().any(|one| one["code"] == code) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    in_time(code, told).await;
}

/// How far the follower of a server has come, by the server's metrics: nobody asks the database for them.
async fn position(server: &Server) -> u64 {
    let metrics = reqwest::get(format!("{}/metrics", server.url)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("medconnect_log_position "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_session_has_limits() {
    let url = tests::postgres::database().await;
    for limits in [Limits::SHORT, Limits::FOLLOWER, Limits::LONG] {
        let session = pool_within(&limits, &url, LIVE, 1).unwrap();
        for (setting, limit) in [
            ("lock_timeout", limits.lock),
            ("statement_timeout", limits.statement),
            ("idle_in_transaction_session_timeout", limits.idle_in_transaction),
            ("idle_session_timeout", limits.idle),
        ] {
            let set: i64 = sqlx::query_scalar("SELECT setting::bigint FROM pg_settings WHERE name = $1")
                .bind(setting)
                .fetch_one(&session)
                .await
                .unwrap();
            assert_eq!(u128::from(set.unsigned_abs()), limit.as_millis(), "{setting}");
        }
        for (setting, value) in [
            ("tcp_keepalives_idle", "30"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "60000"),
        ] {
            let set: String = sqlx::query_scalar("SELECT setting FROM pg_settings WHERE name = $1")
                .bind(setting)
                .fetch_one(&session)
                .await
                .unwrap();
            assert_eq!(set, value, "{setting}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_who_wait_for_a_status_make_no_server_look_unready() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let mut locking = PgConnection::connect(&site.database).await.unwrap();
    locking
        .execute("BEGIN; LOCK TABLE live.parked IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..20 {
        let administrator = administrator.clone();
        waiting.spawn(async move { administrator.send(Method::GET, "/v1/admin/status", None, None).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..3 {
        let ready = administrator
            .send(Method::GET, "/health/ready", None, None)
            .await
            .unwrap();
        assert_eq!(ready.status, 200, "{}", ready.body);
    }
    locking.execute("ROLLBACK").await.unwrap();
    in_time("a status", waiting.join_all()).await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_lock_keeps_nobody_waiting_for_ever() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    desk.visit(0).await;
    // Somebody looks at the checkpoint, and goes to lunch.
    let mut other = PgConnection::connect(&site.database).await.unwrap();
    let lock = "BEGIN; SELECT FROM live.checkpoint FOR UPDATE";
    other.execute(lock).await.unwrap();
    let patient = Desk::patient(1);
    let register = desk
        .rest
        .send(Method::POST, "/v1/patients", Some("lunch"), Some(&patient));
    let answer = in_time("a command", register).await.unwrap();
    assert_eq!(answer.status, 202, "it is stored, and not applied: {}", answer.body);
    until_told(&administrator, "follower-without-database").await;
    other.execute("ROLLBACK").await.unwrap();
    in_time("a visit", desk.visit(2)).await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_reads_starves_neither_the_follower_nor_what_tells_whether_the_server_is_ready() {
    let site = Site::bare().await;
    let writers = [1, 2].map(|number| signer(number).address().to_string());
    let chain = site.deploy(&writers).await;
    site.configure(&chain, FinalityRule::Instant);
    std::fs::write(site.file("second.key"), KEYS[2]).unwrap();
    let second = site.file("second.key");
    let server = site.serve(&[("MEDCONNECT_DATABASE__CONNECTIONS", "2")]).await;
    let signer_of_the_other = [("MEDCONNECT_CHAIN__SIGNER_FILE", second.to_str().unwrap())];
    let mut beside = site.serve_beside(&signer_of_the_other).await;
    beside.until_part("appender", true).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;

    // What is read is locked, so that each read holds a connection as long as it may.
    let mut other = PgConnection::connect(&site.database).await.unwrap();
    let lock = "BEGIN; LOCK TABLE live.appointments IN ACCESS EXCLUSIVE MODE";
    other.execute(lock).await.unwrap();
    let reads = (0..8).map(|_| {
        let rest = desk.rest.clone();
        async move {
            let read = rest.send(Method::GET, "/v1/appointments", None, None);
            in_time("a read", read).await.unwrap()
        }
    });
    let reads: JoinSet<_> = reads.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = position(&server).await;
    in_time(
        "a patient",
        desk.at(&beside.url)
            .rest
            .insist(Method::POST, "/v1/patients", &Desk::patient(0)),
    )
    .await;
    let (status, readiness) = server.readiness().await;
    assert_eq!((status, &readiness["ready"]), (200, &json!(true)), "{readiness}");
    let goes_on = async {
        while position(&server).await <= before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    in_time("the follower goes on", goes_on).await;
    for answer in reads.join_all().await {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.body["type"], "/problems/database-unavailable");
    }
    other.execute("ROLLBACK").await.unwrap();
    in_time("a read", desk.rest.get("/v1/appointments")).await;
    server.process.stop().await;
    beside.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_reads_does_not_keep_a_commit_from_being_stored_and_sent() {
    let site = Site::ready(FinalityRule::Instant).await;
    let server = site.serve(&[("MEDCONNECT_DATABASE__CONNECTIONS", "2")]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let before = position(&server).await;

    // A commit is decided, and cannot be stored yet.
    let mut outbox = PgConnection::connect(&site.database).await.unwrap();
    let lock = "BEGIN; LOCK TABLE core.outbox_transactions IN ACCESS EXCLUSIVE MODE";
    outbox.execute(lock).await.unwrap();
    let rest = desk.rest.clone();
    let register = tokio::spawn(async move { rest.insist(Method::POST, "/v1/patients", &Desk::patient(0)).await });
    tokio::time::sleep(Duration::from_millis(500)).await;

    // Then reads hold every connection that requests have.
    let mut other = PgConnection::connect(&site.database).await.unwrap();
    let lock = "BEGIN; LOCK TABLE live.appointments IN ACCESS EXCLUSIVE MODE";
    other.execute(lock).await.unwrap();
    let reads = (0..8).map(|_| {
        let rest = desk.rest.clone();
        async move { rest.send(Method::GET, "/v1/appointments", None, None).await.unwrap() }
    });
    let mut reads: JoinSet<_> = reads.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(position(&server).await, before, "it is not stored");
    outbox.execute("ROLLBACK").await.unwrap();
    let goes_on = async {
        while position(&server).await <= before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_time("the appender goes on", goes_on).await;
    assert!(reads.try_join_next().is_none(), "the reads have ended before");
    other.execute("ROLLBACK").await.unwrap();
    in_time("a patient", register).await.unwrap();
    in_time("the reads", reads.join_all()).await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_the_node_that_swallows_what_is_sent_is_noticed_and_recovered_from() {
    let site = Site::ready(FinalityRule::Instant).await;
    let chain = site.chain.url().trim_start_matches("http://").to_owned();
    let line = Proxy::of(chain.parse().unwrap()).await;
    let node = format!("[\"http://127.0.0.1:{}\"]", line.port());
    let mut server = site.serve(&[("MEDCONNECT_CHAIN__NODES", &node)]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let before = desk.visit(0).await;

    line.set(Line::Swallows);
    let patient = Desk::patient(1);
    let register = desk
        .rest
        .send(Method::POST, "/v1/patients", Some("swallowed"), Some(&patient));
    let answer = in_time("a command", register).await.unwrap();
    assert!(matches!(answer.status, 202 | 503), "{} {}", answer.status, answer.body);
    in_time("a read", desk.rest.get("/v1/patients")).await;
    server.until_part("chain", false).await;
    until_told(&administrator, "follower-without-node").await;
    until_told(&administrator, "appender-without-node").await;
    server.until_part("follower", false).await;

    line.set(Line::Open);
    let another = Desk::patient(2);
    in_time("a patient", desk.rest.insist(Method::POST, "/v1/patients", &another)).await;
    let (status, readiness) = server.until_part("appender", true).await;
    assert_eq!((status, &readiness["ready"]), (200, &json!(true)), "{readiness}");
    let (patients, count) = desk.rest.list("/v1/patients?limit=200").await;
    assert!(patients.contains_key(&before.0));
    let acknowledged = if answer.status == 202 { 3 } else { 2 };
    assert_eq!(count, acknowledged, "what was acknowledged is there, once");
    site.compare_with_rebuild().await;
    server.process.stop().await;
}
