//! The follower's read models, and the same ones rebuilt from the chain alone.

use std::time::Duration;

use application::log::AnyEvent;
use application::ports::queries::ProjectionHash;
use application::trouble::TroubleKind;
use domain::account::AccountEvent;
use domain::kernel::AccountId;
use infrastructure::chain::{EventLog, Node, RpcOptions};
use infrastructure::follower::{self, FinalityRule, FollowerConfig, FollowerError, Phase, Rebuild, RebuildError};
use infrastructure::notices::Notices;
use infrastructure::postgres::{LIVE, REBUILD};
use projections::ReadModels;
use serde_json::json;
use tests::following::{Running, hashes};
use tests::history::History;
use tests::log::TestLog;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

/// What a rebuild of another database would show.
async fn rebuilt(log: &TestLog, finality: FinalityRule) -> Vec<ProjectionHash> {
    log.rebuild(finality).run(|_| ()).await.unwrap();
    hashes(log, LIVE).await
}

#[tokio::test]
async fn a_rebuild_shows_what_the_follower_shows() {
    let mut log = TestLog::start().await;
    log.append(&History::new(11).commits(400)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    let live = hashes(&log, LIVE).await;
    let report = log
        .rebuild(FinalityRule::Instant)
        .run_and_compare(
            |_| (),
            Some(|| async {
                let rebuilt = hashes(&log, REBUILD).await;
                if rebuilt == hashes(&log, LIVE).await {
                    Ok(())
                } else {
                    Err(format!("{rebuilt:?}"))
                }
            }),
        )
        .await
        .unwrap();
    assert_eq!(
        (report.position, report.resumed_at, report.foreign_events),
        (live[0].position, 0, 0)
    );
    assert_eq!(hashes(&log, LIVE).await, live);
    follower.stop().await;
}

#[tokio::test]
async fn the_follower_goes_on_in_the_schema_that_was_swapped_in() {
    let mut log = TestLog::start().await;
    let mut history = History::new(12);
    log.append(&history.commits(100)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    log.rebuild(FinalityRule::Instant).run(|_| ()).await.unwrap();
    log.append(&history.commits(100)).await;
    follower.caught_up(&log).await;
    follower.stop().await;
    let live = hashes(&log, LIVE).await;
    assert_eq!(rebuilt(&log, FinalityRule::Instant).await, live);
}

#[tokio::test]
async fn rebuilds_while_events_go_on_lose_nothing() {
    let mut log = TestLog::start().await;
    let mut history = History::new(13);
    log.append(&history.commits(60)).await;
    let follower = Running::start(&log, FinalityRule::Confirmations(3));
    follower.caught_up(&log).await;
    let rebuild = log.rebuild(FinalityRule::Confirmations(3));
    let rebuilding = tokio::spawn(async move {
        for _ in 0..3 {
            rebuild.run(|_| ()).await.unwrap();
        }
    });
    while !rebuilding.is_finished() {
        log.append(&history.commits(3)).await;
    }
    rebuilding.await.unwrap();
    log.append(&history.commits(10)).await;
    follower.caught_up(&log).await;
    follower.stop().await;
    let live = hashes(&log, LIVE).await;
    assert_eq!(rebuilt(&log, FinalityRule::Confirmations(3)).await, live);
}

#[tokio::test]
async fn an_interrupted_rebuild_goes_on_where_it_stopped() {
    let mut log = TestLog::start().await;
    let mut history = History::new(14);
    log.append(&history.commits(200)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    // What was filled is kept when the rebuild is given up in the middle, here as soon as it begins to create indexes.
    let rebuild = log.rebuild(FinalityRule::Instant);
    let (reached, interrupted) = tokio::sync::oneshot::channel();
    let reached = std::sync::Mutex::new(Some(reached));
    let run = rebuild.run(|progress| {
        if progress.phase == Phase::Indexing
            && let Some(reached) = reached.lock().unwrap().take()
        {
            reached.send(progress.position).unwrap();
        }
    });
    let stopped_at = tokio::select! {
        biased;
        stopped_at = interrupted => stopped_at.unwrap(),
        result = run => panic!("{result:?}"),
    };
    assert!(stopped_at > 0);
    log.append(&history.commits(50)).await;
    follower.caught_up(&log).await;
    let live = hashes(&log, LIVE).await;
    let report = log.rebuild(FinalityRule::Instant).run(|_| ()).await.unwrap();
    assert_eq!(report.resumed_at, stopped_at);
    assert_eq!(hashes(&log, LIVE).await, live);
    follower.stop().await;
}

#[tokio::test]
async fn two_rebuilds_of_one_database_do_not_run_at_the_same_time() {
    let mut log = TestLog::start().await;
    log.append(&History::new(15).commits(50)).await;
    let (one, other) = (log.rebuild(FinalityRule::Instant), log.rebuild(FinalityRule::Instant));
    let (one, other) = tokio::join!(one.run(|_| ()), other.run(|_| ()));
    let refused = [one, other]
        .into_iter()
        .filter(|ran| matches!(ran, Err(RebuildError::AlreadyRunning)))
        .count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn a_rebuild_that_does_not_pass_the_comparison_changes_nothing() {
    let mut log = TestLog::start().await;
    log.append(&History::new(16).commits(50)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    let live = hashes(&log, LIVE).await;
    let refuse = || async { Err("not the same".to_owned()) };
    let refused = log
        .rebuild(FinalityRule::Instant)
        .run_and_compare(|_| (), Some(refuse))
        .await;
    assert!(matches!(refused, Err(RebuildError::Mismatch(_))), "{refused:?}");
    assert_eq!(hashes(&log, LIVE).await, live);
    follower.stop().await;
}

#[tokio::test]
async fn after_reorganisations_of_any_depth_in_the_window_the_read_models_equal_a_rebuild() {
    let mut log = TestLog::start().await;
    let mut history = History::new(17);
    let finality = FinalityRule::Confirmations(12);
    log.append(&history.commits(60)).await;
    let mut follower = Running::start(&log, finality);
    for (round, depth) in [1_usize, 5, 2, 9, 1, 11].into_iter().enumerate() {
        let snapshot = log.chain.call("evm_snapshot", json!([])).await;
        let (heads, stands) = (log.heads(), history.clone());
        for _ in 0..depth {
            log.append(&history.commits(4)).await;
        }
        follower.caught_up(&log).await;
        // The chain goes back and on with something else, one block longer.
        log.chain.call("evm_revert", json!([snapshot])).await;
        log.go_back(heads);
        history = stands;
        history.diverge(u64::try_from(round).unwrap() + 1);
        // Another time makes other blocks, also where nothing else differs.
        log.chain.call("evm_increaseTime", json!([60])).await;
        for _ in 0..=depth {
            log.append(&history.commits(4)).await;
        }
        follower.caught_up(&log).await;
        assert_eq!(follower.reverts(), 1);
    }
    follower.stop().await;
    let live = hashes(&log, LIVE).await;
    assert_eq!(rebuilt(&log, finality).await, live);
}

#[tokio::test]
async fn former_images_of_blocks_that_were_numbered_anew_are_never_put_back() {
    let mut log = TestLog::start().await;
    let mut history = History::new(19);
    let finality = FinalityRule::Confirmations(6);
    log.append(&history.commits(60)).await;
    let (beginning, before) = (log.chain.call("evm_snapshot", json!([])).await, log.sent().len());
    let mut follower = Running::start(&log, finality);
    for _ in 0..6 {
        log.append(&history.commits(4)).await;
        log.chain.call("anvil_mine", json!(["0x2"])).await;
    }
    follower.caught_up(&log).await;

    // Deeper than what is final: the chain goes back to the beginning, and has the same log again in fewer blocks.
    log.chain.call("evm_revert", json!([beginning])).await;
    log.chain.call("evm_increaseTime", json!([60])).await;
    for raw in &log.sent()[before..] {
        log.resend(raw).await;
    }
    follower.caught_up(&log).await;
    assert_eq!(follower.reverts(), 1);
    let head = log.log.node().block_number().await.unwrap();
    let on_chain: Vec<_> = log.log.logs(log.deployed_in, head).await.unwrap();
    let on_chain: Vec<(i64, Vec<u8>)> = on_chain
        .iter()
        .flat_map(|block| block.appended.iter().map(|entry| (block.number, entry.transaction)))
        .map(|(number, transaction)| (number.cast_signed(), transaction.to_vec()))
        .collect();
    let pool = log.pool(LIVE);
    let journal: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT block_number, transaction FROM journal ORDER BY position")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(journal, on_chain, "the journal names the blocks as they are now");

    // A shallow reorganisation on top of that, up to the old numbers.
    let snapshot = log.chain.call("evm_snapshot", json!([])).await;
    let (heads, stands) = (log.heads(), history.clone());
    log.append(&history.commits(4)).await;
    follower.caught_up(&log).await;
    log.chain.call("evm_revert", json!([snapshot])).await;
    log.go_back(heads);
    history = stands;
    history.diverge(1);
    log.chain.call("evm_increaseTime", json!([60])).await;
    log.append(&history.commits(4)).await;
    log.append(&history.commits(4)).await;
    follower.caught_up(&log).await;
    assert_eq!(follower.reverts(), 1);
    follower.stop().await;
    let live = hashes(&log, LIVE).await;
    assert_eq!(rebuilt(&log, finality).await, live);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_parked_with_its_stream_until_it_can() {
    let mut log = TestLog::start().await;
    let mut history = History::new(18);
    let account = AccountId::new(Uuid::from_u128(77));
    let stream = log.stream(account.into());
    // A payload that claims to be sealed under the organisation's key, and is not authentic.
    let mut forged = vec![1];
    forged.extend(log.secret.org_key_id());
    forged.resize(96, 5);
    log.append_raw(stream, &forged).await;
    log.append(&[vec![AnyEvent::Account(account, AccountEvent::Closed)]])
        .await;
    log.append(&history.commits(30)).await;

    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    assert_eq!(follower.status.get().held_streams, 1);
    let pool = log.pool(LIVE);
    let parked = || async {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM parked")
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    assert_eq!(parked().await, 2);
    assert!(hashes(&log, LIVE).await.iter().any(|hash| hash.rows > 0));

    let parking = log.follower(FinalityRule::Instant, Notices::default()).parking();
    let retried = parking.retry().await.unwrap();
    assert_eq!((retried.released, retried.parked), (Vec::new(), 2));
    assert_eq!(follower.status.get().parked_events, 2);

    // The event in front is readable at last: what stands behind it is released.
    sqlx::query("DELETE FROM parked WHERE position = 1")
        .execute(&pool)
        .await
        .unwrap();
    let retried = parking.retry().await.unwrap();
    assert_eq!((retried.released, retried.parked), (vec![2], 0));
    log.append(&[vec![AnyEvent::Account(account, AccountEvent::Closed)]])
        .await;
    follower.caught_up(&log).await;
    assert_eq!((follower.status.get().held_streams, parked().await), (0, 0));
    follower.stop().await;
}

#[tokio::test]
async fn a_follower_that_starts_releases_what_can_be_read_by_now() {
    let mut log = TestLog::start().await;
    log.append(&History::new(20).commits(30)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    follower.stop().await;
    // As if the last event had been too new for the program that ran before.
    let pool = log.pool(LIVE);
    sqlx::query("INSERT INTO parked (position, stream, reason) SELECT position, stream, 'too new' FROM journal ORDER BY position DESC LIMIT 1")
        .execute(&pool)
        .await
        .unwrap();
    let follower = Running::start(&log, FinalityRule::Instant);
    let released = async {
        loop {
            let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM parked")
                .fetch_one(&pool)
                .await
                .unwrap();
            let status = follower.status.get();
            if (parked, status.parked_events, status.held_streams) == (0, 0, 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, released).await.unwrap();
    follower.caught_up(&log).await;
    follower.stop().await;
}

#[tokio::test]
async fn read_models_of_another_shape_are_named_and_rebuilt_from_the_beginning() {
    let mut log = TestLog::start().await;
    log.append(&History::new(21).commits(50)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    let live = hashes(&log, LIVE).await;
    let pool = log.pool(LIVE);
    for other in [
        "UPDATE shape SET hash = decode(repeat('00', 32), 'hex')",
        "DROP TABLE live.shape",
    ] {
        sqlx::query(other).execute(&pool).await.unwrap();
        assert!(!follower::is_current(&pool, &ReadModels).await.unwrap());
        let refused = follower::prepare(&pool, &ReadModels).await;
        assert!(matches!(refused, Err(FollowerError::OtherShape)), "{refused:?}");
        assert!(refused.unwrap_err().to_string().contains("medconnect rebuild"));
        log.rebuild(FinalityRule::Instant).run(|_| ()).await.unwrap();
        follower::prepare(&pool, &ReadModels).await.unwrap();
    }
    assert_eq!(hashes(&log, LIVE).await, live);

    // A follower of another version that is still running keeps its hands off.
    sqlx::query("UPDATE shape SET hash = decode(repeat('00', 32), 'hex')")
        .execute(&pool)
        .await
        .unwrap();
    log.append(&History::new(22).commits(1)).await;
    let told = async {
        while follower.status.get().trouble.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.unwrap();
    let trouble = follower.status.get().trouble.unwrap();
    assert_eq!(trouble.kind, TroubleKind::ReadModelsOfAnotherVersion);
    assert!(trouble.cause.contains("another version"), "{trouble:?}");
    assert_eq!(hashes(&log, LIVE).await, live);
    follower.stop().await;
}

#[tokio::test]
async fn what_an_interrupted_rebuild_of_another_shape_has_left_is_discarded() {
    let mut log = TestLog::start().await;
    log.append(&History::new(23).commits(50)).await;
    let rebuild = log.rebuild(FinalityRule::Instant);
    let (reached, interrupted) = tokio::sync::oneshot::channel();
    let reached = std::sync::Mutex::new(Some(reached));
    let run = rebuild.run(|progress| {
        if progress.phase == Phase::Indexing
            && let Some(reached) = reached.lock().unwrap().take()
        {
            reached.send(progress.position).unwrap();
        }
    });
    tokio::select! {
        biased;
        stopped_at = interrupted => assert!(stopped_at.unwrap() > 0),
        result = run => panic!("{result:?}"),
    }
    sqlx::query("UPDATE rebuild.shape SET hash = decode(repeat('00', 32), 'hex')")
        .execute(&log.pool(LIVE))
        .await
        .unwrap();
    let again = async {
        loop {
            match log.rebuild(FinalityRule::Instant).run(|_| ()).await {
                // The interrupted one's connection is being closed.
                Err(RebuildError::AlreadyRunning) => tokio::time::sleep(Duration::from_millis(20)).await,
                report => return report.unwrap(),
            }
        }
    };
    assert_eq!(tokio::time::timeout(SOON, again).await.unwrap().resumed_at, 0);
}

#[tokio::test]
async fn a_node_that_contradicts_what_is_final_is_left_for_the_next_one() {
    let mut log = TestLog::start().await;
    let mut history = History::new(24);
    log.append(&history.commits(20)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    follower.stop().await;

    // Another chain of the same id, with the contract at the same address.
    let mut other = TestLog::start().await;
    assert_eq!(other.log.address(), log.log.address());
    other.append(&History::new(25).commits(200)).await;
    other.chain.call("anvil_mine", json!(["0x40"])).await;
    let nodes = [other.chain.url().to_owned(), log.chain.url().to_owned()];
    let follower = Running::over(&log, &nodes, FinalityRule::Instant);
    log.append(&history.commits(20)).await;
    follower.caught_up(&log).await;
    // And that they disagree is said.
    let told = async {
        while !follower.status.get().noticed.has(TroubleKind::NodesDisagree) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.unwrap();
    follower.stop().await;
}

#[tokio::test]
async fn nodes_that_agree_are_no_trouble() {
    let mut log = TestLog::start().await;
    log.append(&History::new(26).commits(20)).await;
    let url = log.chain.url().to_owned();
    let follower = Running::over(&log, &[url.clone(), url], FinalityRule::Instant);
    follower.caught_up(&log).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(follower.status.get().noticed.is_empty());
    follower.stop().await;
}

#[tokio::test]
async fn a_rebuild_goes_on_with_the_next_node_when_the_first_has_no_such_log() {
    let mut log = TestLog::start().await;
    log.append(&History::new(27).commits(20)).await;
    let empty = tests::chain::TestChain::start().await;
    let nodes = [empty.url().to_owned(), log.chain.url().to_owned()];
    let node = Node::new(&nodes, log.log.node().chain_id(), RpcOptions::default()).unwrap();
    let rebuild = Rebuild::new(
        FollowerConfig::new(FinalityRule::Instant, log.deployed_in),
        EventLog::new(node, log.log.address()),
        log.opener(),
        log.pool(REBUILD),
        ReadModels,
    );
    let head = log.log.head(infrastructure::chain::BlockId::Latest).await.unwrap();
    assert_eq!(rebuild.run(|_| ()).await.unwrap().position, head.position);
}

#[tokio::test]
async fn a_follower_that_was_away_for_long_finds_that_the_chain_reorganised_meanwhile() {
    let mut log = TestLog::start().await;
    let mut history = History::new(19);
    let finality = FinalityRule::Confirmations(12);
    log.append(&history.commits(60)).await;
    let snapshot = log.chain.call("evm_snapshot", json!([])).await;
    let (heads, stands) = (log.heads(), history.clone());
    log.append(&history.commits(20)).await;
    let follower = Running::start(&log, finality);
    follower.caught_up(&log).await;
    follower.stop().await;

    log.chain.call("evm_revert", json!([snapshot])).await;
    log.go_back(heads);
    history = stands;
    history.diverge(1);
    log.chain.call("evm_increaseTime", json!([60])).await;
    log.append(&history.commits(30)).await;
    // More than is read at once.
    log.chain.call("anvil_mine", json!([100])).await;
    log.append(&history.commits(10)).await;

    let mut follower = Running::start(&log, finality);
    follower.caught_up(&log).await;
    assert_eq!(follower.reverts(), 1);
    follower.stop().await;
    let live = hashes(&log, LIVE).await;
    assert_eq!(rebuilt(&log, finality).await, live);
}
