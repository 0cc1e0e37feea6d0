//! Events that a newer version wrote, and events that could not be read for a while.

use application::log::AnyEvent;
use application::trouble::TroubleKind;
use domain::account::AccountEvent;
use domain::kernel::AccountId;
use infrastructure::chain::Deployment;
use infrastructure::follower::{FinalityRule, FollowerError, Newer, RebuildError};
use infrastructure::keys::{LogSecrets, MasterSecret};
use infrastructure::notices::Notices;
use infrastructure::postgres::LIVE;
use tests::following::{Running, hashes};
use tests::history::History;
use tests::log::TestLog;
use tests::system::{SystemOptions, TestSystem, until};
use uuid::Uuid;

/// A schema that is not known for long.
const FUTURE: u8 = 100;

fn closed(account: u128) -> Vec<AnyEvent> {
    vec![AnyEvent::Account(
        AccountId::new(Uuid::from_u128(account)),
        AccountEvent::Closed,
    )]
}

async fn parked(log: &TestLog) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM parked");
    count.fetch_one(&log.pool(LIVE)).await.unwrap()
}

async fn position(log: &TestLog) -> i64 {
    let position = sqlx::query_scalar("SELECT position FROM checkpoint");
    position.fetch_one(&log.pool(LIVE)).await.unwrap()
}

async fn is_told(follower: &Running) {
    let kind = || follower.status.get().trouble.map(|trouble| trouble.kind);
    until("a newer version is told of", async || {
        kind() == Some(TroubleKind::EventOfANewerVersion)
    })
    .await;
}

/// Says that the read models are made of what a secret opens with the other check value.
async fn made_of(log: &TestLog, former: &str, now: &str) {
    let sql = "UPDATE checkpoint SET made_of = replace(made_of, $1, $2) WHERE made_of LIKE '%' || $1 || '%'";
    let said = sqlx::query(sql)
        .bind(former)
        .bind(now)
        .execute(&log.pool(LIVE))
        .await
        .unwrap();
    assert_eq!(said.rows_affected(), 1);
}

#[tokio::test]
async fn what_a_newer_version_wrote_stops_an_older_one_and_is_not_parked() {
    let mut log = TestLog::start().await;
    log.append(&History::new(51).commits(30)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    let (before, shown) = (position(&log).await, hashes(&log, LIVE).await);
    log.schema = Some(FUTURE);
    log.append(&[closed(1)]).await;
    is_told(&follower).await;
    let cause = follower.status.get().trouble.unwrap().cause;
    assert!(
        cause.contains("schema 100") && cause.contains("newer version"),
        "{cause}"
    );
    assert_eq!((position(&log).await, parked(&log).await), (before, 0));
    assert_eq!(hashes(&log, LIVE).await, shown);
    let refused = log.rebuild(FinalityRule::Instant).run(|_| ()).await;
    assert!(
        matches!(
            refused,
            Err(RebuildError::Follower(FollowerError::Newer {
                what: Newer::Schema(FUTURE),
                ..
            }))
        ),
        "{refused:?}"
    );

    // A replica that can read it goes on in the same database. What stands in for one has another secret, of which the read models are said to be made meanwhile: to it all
    // is foreign.
    let other = MasterSecret::new([8; 32]);
    let [ours, others] = [&log.secret, &other].map(|secret| LogSecrets::from(secret).check_values().own);
    made_of(&log, &ours, &others).await;
    let secret = std::mem::replace(&mut log.secret, other);
    let newer = Running::start(&log, FinalityRule::Instant);
    log.secret = secret;
    newer.caught_up(&log).await;
    made_of(&log, &others, &ours).await;
    assert_eq!((position(&log).await, parked(&log).await), (before + 1, 0));
    is_told(&follower).await;
    newer.stop().await;
    follower.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_for_its_log_is_not_ready() {
    let mut log = TestLog::start().await;
    let deployment = Deployment {
        chain_id: log.log.node().chain_id(),
        address: log.log.address(),
        block: log.deployed_in,
        namespace: log.namespace,
    };
    let system = TestSystem::launch(&log.chain, &deployment, SystemOptions::default()).await;
    until("it is ready", async || system.get("/health/ready", "").await.0 == 200).await;
    log.schema = Some(FUTURE);
    log.append(&[closed(1)]).await;
    until("it is not ready", async || {
        system.get("/health/ready", "").await.0 == 503
    })
    .await;
    system.stop().await;
}

#[tokio::test]
async fn parked_events_are_tried_again_page_by_page_and_what_is_released_stays_so() {
    const EVENTS: usize = 600;
    let mut log = TestLog::start().await;
    // It holds back all behind it.
    let account = AccountId::new(Uuid::from_u128(1));
    log.append_undecodable(AnyEvent::Account(account, AccountEvent::Closed))
        .await;
    log.append(&vec![closed(1); EVENTS]).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    assert_eq!(follower.status.get().parked_events, EVENTS as u64 + 1);
    let parking = log.follower(FinalityRule::Instant, Notices::default()).parking();
    let retried = parking.retry().await.unwrap();
    assert_eq!((retried.released.len(), retried.parked), (0, EVENTS as u64 + 1));

    // The event in front is readable at last; and the database fails at a later page.
    let pool = log.pool(LIVE);
    sqlx::raw_sql(
        "DELETE FROM parked WHERE position = (SELECT min(position) FROM parked);
         CREATE FUNCTION live.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a fault'; END $$;
         CREATE TRIGGER fault BEFORE DELETE ON parked FOR EACH ROW WHEN (OLD.position = 400) EXECUTE FUNCTION live.fail()",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert!(parking.retry().await.is_err());
    let left = parked(&log).await;
    assert!((1..EVENTS as i64).contains(&left), "{left}");

    sqlx::raw_sql("DROP TRIGGER fault ON parked")
        .execute(&pool)
        .await
        .unwrap();
    let retried = parking.retry().await.unwrap();
    assert_eq!((retried.released.len() as i64, retried.parked), (left, 0));
    assert!(retried.released.is_sorted());
    log.append(&[closed(1)]).await;
    follower.caught_up(&log).await;
    assert_eq!((follower.status.get().held_streams, parked(&log).await), (0, 0));
    follower.stop().await;
}
