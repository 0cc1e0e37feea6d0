//! Postgres and chains of one's own.

use std::time::{Duration, Instant};

use api_dev::anvil::Mining;
use api_dev::port::Port;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, Row};
use tests::chain::TestChain;
use tests::postgres;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, other) = (postgres::database().await, postgres::database().await);
    assert_ne!(one, other);
    let mut connection = PgConnection::connect(&one).await.unwrap();
    connection.execute("CREATE TABLE only_here (id int)").await.unwrap();
    let mut connection = PgConnection::connect(&other).await.unwrap();
    let row = connection
        .fetch_one("SELECT to_regclass('only_here')::text, lower('ÄÉ')")
        .await
        .unwrap();
    assert_eq!(row.get::<Option<String>, _>(0), None);
    assert_eq!(
        row.get::<String, _>(1),
        "äé",
        "searches ignore the case of every letter"
    );
}

#[tokio::test]
async fn a_killed_postgres_comes_back_with_what_was_committed() {
    let folder = postgres::folder();
    let cluster = postgres::own_cluster(folder.path(), Port::Any).await;
    cluster.create_database("kept", None).await.unwrap();
    let mut connection = PgConnection::connect(&cluster.url("kept")).await.unwrap();
    connection
        .execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
        .await
        .unwrap();
    cluster.kill().await;

    let cluster = postgres::own_cluster(folder.path(), Port::Any).await;
    let mut connection = PgConnection::connect(&cluster.url("kept")).await.unwrap();
    let row = connection.fetch_one("SELECT id FROM kept").await.unwrap();
    assert_eq!(row.get::<i32, _>(0), 7);
    cluster.stop().await;
}

#[tokio::test]
async fn a_postgres_that_was_left_behind_is_ended_and_replaced() {
    let folder = postgres::folder();
    let former = postgres::own_cluster(folder.path(), Port::Any).await;
    let pid = former.pid();
    // As when its owner is killed and the guard with it.
    let cluster = postgres::own_cluster(folder.path(), Port::Any).await;
    assert_ne!(cluster.pid(), pid);
    assert!(PgConnection::connect(&former.url("postgres")).await.is_err());
    PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn a_dropped_service_ends_by_itself() {
    let folder = postgres::folder();
    let (chain, cluster) = (
        TestChain::start().await,
        postgres::own_cluster(folder.path(), Port::Any).await,
    );
    let pids = [chain.node.pid(), cluster.pid()];
    drop((chain, cluster));
    let deadline = Instant::now() + Duration::from_secs(20);
    let alive = |pid: i32| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok();
    while pids.into_iter().any(alive) {
        assert!(Instant::now() < deadline, "still running");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_chain_mines_when_it_is_told_to() {
    let chain = TestChain::with(|options| options.mining = Mining::OnDemand).await;
    assert_eq!(chain.call("eth_blockNumber", json!([])).await, "0x0");
    chain.call("evm_mine", json!([])).await;
    assert_eq!(chain.call("eth_blockNumber", json!([])).await, "0x1");
    assert_eq!(chain.call("eth_chainId", json!([])).await, "0x7a69");
}
