//! What `medconnect dev` puts a server on: it survives restarts and kills, and says what is in its way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_dev::DevError;
use api_dev::data_dir::DataDir;
use api_dev::port::Port;
use api_dev::restart::Listener;
use api_dev::system::{System, SystemPorts};
use api_dev::tools::silent;
use infrastructure::chain::{BlockId, EventLog, Node, RpcOptions};
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, Row};
use tests::binary::{Dev, free_port};
use tests::postgres;
use tests::rest::Rest;

async fn start(path: &Path) -> System {
    try_start(path, SystemPorts::ANY).await.unwrap()
}

async fn try_start(path: &Path, ports: SystemPorts) -> Result<System, DevError> {
    let listener: Listener = Arc::new(|_: &str| ());
    let directory = DataDir::open(path)?;
    Ok(System::start(directory, ports, &silent, listener).await?.0)
}

async fn position(system: &System) -> u64 {
    let config = system.config();
    let node = Node::new(&config.chain.nodes, config.chain.id, RpcOptions::default()).unwrap();
    EventLog::new(node, config.chain.contract)
        .head(BlockId::Latest)
        .await
        .unwrap()
        .position
}

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// How many entries a log has in which nothing was done yet: a namespace was opened, and a writer admitted; so did both registries, and one of them
/// said whose it is, and appointed a registrar.
const OPENED: u64 = 8;

#[tokio::test]
async fn a_restart_finds_contract_database_and_secrets_as_they_were() {
    let folder = postgres::folder();
    let path = folder.path().join("data");
    let system = start(&path).await;
    let (deployment, master) = (*system.deployment(), system.secrets().master_secret.expose().to_owned());
    let mut connection = PgConnection::connect(system.database_url()).await.unwrap();
    connection
        .execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
        .await
        .unwrap();
    assert_eq!(position(&system).await, OPENED);
    system.stop().await;

    let system = start(&path).await;
    assert_eq!(*system.deployment(), deployment);
    assert_eq!(system.secrets().master_secret.expose(), master);
    assert_eq!(position(&system).await, OPENED);
    let mut connection = PgConnection::connect(system.database_url()).await.unwrap();
    let row = connection.fetch_one("SELECT id FROM kept").await.unwrap();
    assert_eq!(row.get::<i32, _>(0), 7);
    system.config().chain.signer().unwrap();
    system.config().keys.master_secret().unwrap();
    system.config().keys.encryption_keys().unwrap();
    system.stop().await;
}

#[tokio::test]
async fn killed_children_come_back_at_the_same_addresses() {
    let folder = postgres::folder();
    let system = start(&folder.path().join("data")).await;
    let mut connection = PgConnection::connect(system.database_url()).await.unwrap();
    let lock = std::fs::read_to_string(system.directory().path().join("postgres/data/postmaster.pid")).unwrap();
    kill(lock.lines().next().unwrap().parse().unwrap());
    kill(system.chain().node_pid().await.unwrap());
    while connection.fetch_one("SELECT 1").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while PgConnection::connect(system.database_url()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while system.chain().node_pid().await.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(position(&system).await, OPENED);
    system.stop().await;
}

#[tokio::test]
async fn what_is_in_the_way_is_said_before_anything_is_started() {
    let folder = postgres::folder();
    let path = folder.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let chain = Port::new(port, "--chain-port");
    let refused = try_start(
        &path,
        SystemPorts {
            chain,
            ..SystemPorts::ANY
        },
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            refused,
            DevError::PortTaken {
                option: "--chain-port",
                ..
            }
        ),
        "{refused}"
    );
    assert!(!path.join("postgres").exists());

    let directory = DataDir::open(&path).unwrap();
    assert!(matches!(
        try_start(&path, SystemPorts::ANY).await.unwrap_err(),
        DevError::Locked { .. }
    ));
    drop(directory);

    std::fs::write(path.join("secrets.toml"), "master_secret = 7").unwrap();
    let refused = try_start(&path, SystemPorts::ANY).await.unwrap_err();
    assert!(matches!(refused, DevError::Damaged { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_killed_starts_again_at_once_and_says_which_demo_identity_is_gone() {
    let folder = postgres::folder();
    let (data, port, postgres) = (folder.path().join("data"), free_port(), free_port());
    let dev = Dev::start_with(&data, port, postgres).await;
    let (admin, url) = (dev.token("administrator").await, dev.url.clone());
    let admin = Rest::new(&url, &admin);
    let insurer = dev.get("insurer", "/v1/me").await;
    let close = format!("/v1/accounts/{}/close", insurer["account"].as_str().unwrap());
    admin.insist(Method::POST, &close, &json!({})).await;
    // Its Postgres holds the port for a moment longer.
    dev.kill().await;
    let dev = Dev::start_with(&data, port, postgres).await;
    let output = dev.output();
    assert!(output.contains("insurer        is GONE"), "{output}");
    assert!(!output.contains("the follower has not begun yet"), "{output}");
    dev.token("hospital").await;
    dev.stop().await;
}
