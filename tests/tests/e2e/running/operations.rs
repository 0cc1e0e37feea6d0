//! What those who run a server meet: rights, a wrong contract, metrics, troubles.

use api_config::Config;
use api_dev::running::server_config;
use domain::account::Role;
use infrastructure::follower::is_current;
use infrastructure::postgres::LIVE;
use projections::ReadModels;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use tests::binary::{Dev, program};
use tests::chain::{KEYS, TestChain};
use tests::people::{Person, patient};
use tests::system::{SystemOptions, TestSystem, deployed};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_right_to_create_anything_runs_on_a_database_that_was_migrated() {
    let database = tests::postgres::database().await;
    let mut owner = PgConnection::connect(&database).await.unwrap();
    // For its own role, so that other tests' tables are not concerned.
    owner
        .execute(
            "CREATE ROLE restricted_server LOGIN PASSWORD 'test';
             CREATE ROLE restricted_owner LOGIN SUPERUSER PASSWORD 'test';
             ALTER DEFAULT PRIVILEGES FOR ROLE restricted_owner GRANT USAGE ON SCHEMAS TO restricted_server;
             ALTER DEFAULT PRIVILEGES FOR ROLE restricted_owner
                 GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO restricted_server",
        )
        .await
        .unwrap();
    let as_role = |role: &str| {
        let mut url = reqwest::Url::parse(&database).unwrap();
        url.set_username(role).unwrap();
        url.set_password(Some("test")).unwrap();
        url.to_string()
    };
    for _ in 0..2 {
        let migrated = tokio::process::Command::new(program())
            .arg("migrate")
            .env("MEDCONNECT_DATABASE__URL", as_role("restricted_owner"))
            .output()
            .await
            .unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
    }

    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let options = SystemOptions {
        database: Some(as_role("restricted_server")),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    let refused = system.parts().pool.execute("CREATE TABLE live.anything (id int)").await;
    assert!(refused.is_err());
    let key = system.service("front desk", Role::Hospital).await;
    assert_eq!(system.post("/v1/patients", &key, &patient("Ada")).await.0, 201);
    assert_eq!(system.get("/v1/patients", &key).await.0, 200);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_contract_address_is_named_at_the_start() {
    let chain = TestChain::start().await;
    let mut deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let mut config = system.config.clone();
    system.stop().await;
    deployment.address.0[0] ^= 1;
    config.chain.contract = deployment.address;
    config.database.url = tests::postgres::database().await.into();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = api_server::System::start(&config, listener).await.err().unwrap();
    let said = refused.to_string();
    assert!(
        said.contains("chain.contract") && said.contains(&deployment.address.to_string()),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_on_when_a_server_starts_while_no_node_answers_and_the_trouble_is_told() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("front desk", Role::Hospital).await;
    assert_eq!(system.post("/v1/patients", &key, &patient("Ada")).await.0, 201);
    let auditor = system.service("auditor", Role::Auditor).await;
    let mut config = system.config.clone();
    system.stop().await;

    config.chain.nodes = vec!["http://127.0.0.1:1".to_owned()];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let started = api_server::System::start(&config, listener).await.unwrap();
    let http = reqwest::Client::new();
    let get = async |path: &str, key: &str| {
        let answer = http.get(format!("{url}{path}")).bearer_auth(key).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, page) = get("/v1/patients", &key).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Ada"), "{page}");
    let mut troubles = json!([]);
    for _ in 0..200 {
        let (status, report) = get("/v1/admin/status", &auditor).await;
        assert_eq!(status, 200, "{report}");
        troubles = serde_json::from_str::<serde_json::Value>(&report).unwrap()["troubles"].clone();
        if troubles.as_array().unwrap().len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(
        (&troubles[0]["part"], &troubles[1]["part"]),
        (&json!("follower"), &json!("appender"))
    );
    let (_, metrics) = get("/metrics", "").await;
    assert!(metrics.contains("medconnect_follower_trouble 1"), "{metrics}");
    started.stop().await;
}

/// How many entries the tests' logs begin with: a namespace is opened, and every test key admitted.
const OPENED: usize = 1 + KEYS.len();

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_tell_how_follower_and_appender_are() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let metrics = system.http.get(format!("{}/metrics", system.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let position = format!("medconnect_log_position {}", OPENED + 3);
    for line in [
        position.as_str(),
        "medconnect_parked_events 0",
        "medconnect_foreign_events 0",
        "medconnect_follower_lag_blocks 0",
        "medconnect_follower_trouble 0",
        "medconnect_outbox_waiting 0",
        "medconnect_appender_trouble 0",
        "medconnect_appender_appended_total 1",
        "medconnect_appender_rejected_total 0",
    ] {
        assert!(metrics.lines().any(|shown| shown == line), "{line}: {metrics}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_has_parked_events_tried_again() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
    let pool = infrastructure::postgres::pool(&system.database, LIVE, 1).unwrap();
    sqlx::query("INSERT INTO parked (position, stream, reason) SELECT position, stream, 'too new' FROM journal WHERE position > $1")
        .bind(OPENED as i64)
        .execute(&pool)
        .await
        .unwrap();
    let (status, retried) = system.post("/v1/admin/parked/retry", &administrator, &json!({})).await;
    assert_eq!(
        (status, retried),
        (
            200,
            json!({ "released": [OPENED + 1, OPENED + 2, OPENED + 3], "parked": 0 })
        )
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_rebuilds_the_read_models_of_another_version_by_itself() {
    let folder = tests::postgres::folder();
    let data = folder.path().join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let pool = || {
        let config = Config::read(Some(&server_config(&data))).unwrap();
        infrastructure::postgres::pool(config.database.url.expose_secret(), LIVE, 1).unwrap()
    };
    let dev = Dev::start(&data, port).await;
    let accounts = dev.get("administrator", "/v1/accounts").await;
    pool().execute("DROP TABLE live.shape").await.unwrap();
    dev.stop().await;

    let dev = Dev::start(&data, port).await;
    assert!(dev.output().contains("rebuilding the read models"), "{}", dev.output());
    assert!(is_current(&pool(), &ReadModels).await.unwrap());
    assert_eq!(dev.get("administrator", "/v1/accounts").await, accounts);
    dev.stop().await;
}
