//! Nodes as they are: they give little at once, refuse, stand still, name no final block, show their logs in disorder. The
//! follower goes on with them, or with the next one, and says so.

use std::time::Duration;

use application::trouble::TroubleKind;
use domain::account::Role;
use infrastructure::chain::{BlockId, EventLog, Node, RpcOptions, Signer, deploy};
use infrastructure::follower::{FinalityRule, FollowerConfig, Rebuild};
use infrastructure::postgres::{LIVE, REBUILD};
use projections::ReadModels;
use serde_json::json;
use tests::chain::{KEYS, TestChain};
use tests::clinic::Clinic;
use tests::following::{Running, hashes};
use tests::history::History;
use tests::log::TestLog;
use tests::people::Person;
use tests::proxy::{Conduct, Proxy, Refusal};
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// A log of many blocks, those with entries far apart and close together.
async fn long_log(history: &mut History) -> TestLog {
    let mut log = TestLog::start().await;
    log.append(&history.commits(200)).await;
    log.chain.call("anvil_mine", json!([90])).await;
    log.append(&history.commits(160)).await;
    log
}

/// What a follower of an honest node shows.
async fn honestly(log: &TestLog) -> Vec<application::ports::queries::ProjectionHash> {
    log.rebuild(FinalityRule::Instant).run(|_| ()).await.unwrap();
    hashes(log, LIVE).await
}

/// Nodes that give little, each in other ways.
fn misers() -> Vec<Vec<Conduct>> {
    vec![
        vec![
            Conduct::LimitsRanges(10),
            Conduct::LimitsBatches(20, Refusal::OneError),
            Conduct::LimitsAnswers(200_000, Refusal::OneError),
        ],
        vec![
            Conduct::LimitsRanges(0),
            Conduct::LimitsBatches(1, Refusal::Status413),
            Conduct::LimitsAnswers(150_000, Refusal::CutsShort),
        ],
        vec![Conduct::LimitsAnswers(150_000, Refusal::HangsUp)],
        vec![Conduct::LimitsRanges(1), Conduct::LimitsBatches(3, Refusal::OneError)],
    ]
}

#[tokio::test]
async fn the_live_follower_catches_up_with_nodes_that_give_little() {
    for miser in misers() {
        let mut history = History::new(41);
        let mut log = long_log(&mut history).await;
        let proxy = Proxy::of(log.chain.url());
        proxy.behave_all(miser.clone());
        let mut follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
        follower.caught_up(&log).await;
        assert!(proxy.lies() > 0, "{miser:?}");
        // What was learned is kept: what comes now is hardly refused any more.
        let refused = proxy.lies();
        for _ in 0..3 {
            log.append(&history.commits(20)).await;
            follower.caught_up(&log).await;
        }
        assert!(
            proxy.lies() <= refused + 6,
            "{miser:?}: {} after {refused}",
            proxy.lies()
        );
        assert_eq!(
            (follower.reverts(), follower.status.get().trouble),
            (0, None),
            "{miser:?}"
        );
        follower.stop().await;
        let live = hashes(&log, LIVE).await;
        assert_eq!(honestly(&log).await, live, "{miser:?}");
    }
}

#[tokio::test]
async fn a_rebuild_reads_from_nodes_that_give_little() {
    for miser in misers() {
        let log = long_log(&mut History::new(42)).await;
        let proxy = Proxy::of(log.chain.url());
        proxy.behave_all(miser.clone());
        let rebuild = log.rebuild_over(&[proxy.url()], FinalityRule::Instant);
        let head = log.log.head(BlockId::Latest).await.unwrap();
        assert_eq!(rebuild.run(|_| ()).await.unwrap().position, head.position, "{miser:?}");
        assert!(proxy.lies() > 0, "{miser:?}");
        let rebuilt = hashes(&log, LIVE).await;
        assert_eq!(honestly(&log).await, rebuilt, "{miser:?}");
    }
}

/// What the live schema says of the times of blocks, as Postgres writes it.
async fn block_times(log: &TestLog) -> Vec<String> {
    sqlx::query_scalar("SELECT block_times::text FROM block_times ORDER BY block")
        .fetch_all(&log.pool(LIVE))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rebuild_asks_for_headers_only_where_the_logs_do_not_tell_their_time() {
    let log = long_log(&mut History::new(46)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    follower.stop().await;
    let live = block_times(&log).await;
    let proxy = Proxy::of(log.chain.url());
    let mut headers = Vec::new();
    for conduct in [Conduct::Honest, Conduct::TellsNoTimes] {
        proxy.behave(conduct.clone());
        let rebuild = log.rebuild_over(&[proxy.url()], FinalityRule::Instant);
        let before = proxy.asked("eth_getBlockByNumber");
        rebuild.run(|_| ()).await.unwrap();
        headers.push(proxy.asked("eth_getBlockByNumber") - before);
        assert_eq!(block_times(&log).await, live, "{conduct:?}");
    }
    assert!(proxy.lies() > 0);
    let [told, untold] = headers[..] else {
        panic!("{headers:?}")
    };
    assert_eq!(untold, told + u32::try_from(live.len()).unwrap(), "each block once");
}

#[tokio::test]
async fn blocks_that_were_made_anew_are_found_again_on_a_node_that_gives_little() {
    let mut log = TestLog::start().await;
    let snapshot = log.chain.call("evm_snapshot", json!([])).await;
    log.append(&History::new(43).commits(240)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    follower.stop().await;
    let before = hashes(&log, LIVE).await;

    // The same transactions, in blocks that stand elsewhere.
    log.chain.call("evm_revert", json!([snapshot])).await;
    log.chain.call("anvil_mine", json!([30])).await;
    for raw in log.sent().to_vec() {
        log.resend(&raw).await;
        log.chain.call("anvil_mine", json!([7])).await;
    }
    let proxy = Proxy::of(log.chain.url());
    proxy.behave_all([Conduct::LimitsRanges(10), Conduct::LimitsBatches(20, Refusal::OneError)]);
    let mut follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
    follower.caught_up(&log).await;
    assert_eq!(follower.reverts(), 1);
    assert_eq!(hashes(&log, LIVE).await, before);
    follower.stop().await;
}

/// A log whose entries stand all in one block.
async fn log_in_one_block() -> TestLog {
    let mut log = TestLog::start().await;
    let snapshot = log.chain.call("evm_snapshot", json!([])).await;
    log.append(&History::new(45).commits(320)).await;
    log.chain.call("evm_revert", json!([snapshot])).await;
    log.chain.call("evm_setBlockGasLimit", json!(["0x20000000"])).await;
    log.chain.call("evm_setAutomine", json!([false])).await;
    for raw in log.sent() {
        log.log.node().send_raw(raw).await.unwrap();
    }
    log.chain.mine(1).await;
    let latest = log.chain.block_number().await;
    let blocks = log.log.blocks(latest, latest).await.unwrap();
    let appended: usize = blocks.iter().map(|block| block.appended.len()).sum();
    assert!(appended > 300, "{appended} entries in one block");
    log
}

#[tokio::test]
async fn a_block_that_has_more_than_a_node_gives_at_once_is_read_transaction_by_transaction() {
    for refusal in [Refusal::OneError, Refusal::CutsShort, Refusal::HangsUp] {
        let log = log_in_one_block().await;
        let proxy = Proxy::of(log.chain.url());
        proxy.behave_all([Conduct::LimitsRanges(10), Conduct::LimitsAnswers(100_000, refusal)]);
        let follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
        follower.caught_up(&log).await;
        assert!(proxy.lies() > 0, "{refusal:?}");
        assert_eq!(follower.status.get().trouble, None, "{refusal:?}");
        follower.stop().await;
        let live = hashes(&log, LIVE).await;
        assert_eq!(honestly(&log).await, live, "{refusal:?}");
    }
}

#[tokio::test]
async fn logs_in_disorder_are_put_in_order() {
    for disorder in [Conduct::ReordersLogs, Conduct::DoublesLogs, Conduct::AddsRemovedLogs] {
        let mut history = History::new(44);
        let mut log = long_log(&mut history).await;
        let proxy = Proxy::of(log.chain.url());
        proxy.behave_all([disorder.clone(), Conduct::LimitsRanges(50)]);
        let follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
        follower.caught_up(&log).await;
        log.append(&history.commits(20)).await;
        follower.caught_up(&log).await;
        assert!(proxy.lies() > 0, "{disorder:?}");
        follower.stop().await;
        let live = hashes(&log, LIVE).await;
        assert_eq!(honestly(&log).await, live, "{disorder:?}");
    }
}

/// A node in front of the chain that behaves badly, and the chain's own as the second.
async fn two_nodes(log: &TestLog) -> (Proxy, [String; 2]) {
    let proxy = Proxy::of(log.chain.url());
    let urls = [proxy.url(), log.chain.url().to_owned()];
    (proxy, urls)
}

async fn notices(follower: &Running, kind: TroubleKind) -> String {
    let told = || follower.status.get().noticed.cause(kind).map(ToOwned::to_owned);
    until(kind.title(), async || told().is_some()).await;
    told().unwrap()
}

async fn all_is_well(follower: &Running) {
    until("nothing is wrong", async || follower.status.get().troubles().is_empty()).await;
}

#[tokio::test]
async fn a_node_that_does_not_serve_is_left_for_the_next_one_and_comes_back() {
    let mut history = History::new(45);
    let mut log = TestLog::start().await;
    log.append(&history.commits(20)).await;
    for (status, code, message) in [
        (200, 429, "Too Many Requests"),
        (429, -32005, "rate limited"),
        (200, -32016, "over the limit"),
        (401, -32000, "no"),
        (200, -32000, "header not found"),
    ] {
        let (proxy, urls) = two_nodes(&log).await;
        let follower = Running::over(&log, &urls, FinalityRule::Instant);
        follower.caught_up(&log).await;
        all_is_well(&follower).await;
        proxy.behave(Conduct::AnswersOnlyErrors(status, code, message));
        log.append(&history.commits(20)).await;
        follower.caught_up(&log).await;
        let why = notices(&follower, TroubleKind::NodeLeft).await;
        assert!(
            why.starts_with("node 1 of 2 was left") && why.contains(message),
            "{why}"
        );

        proxy.behave(Conduct::Honest);
        all_is_well(&follower).await;
        let asked = proxy.asked("eth_getLogs");
        log.append(&history.commits(20)).await;
        follower.caught_up(&log).await;
        assert!(proxy.asked("eth_getLogs") > asked, "it is asked first again");
        follower.stop().await;
    }
}

#[tokio::test]
async fn a_node_that_stands_still_while_another_goes_on_is_left_and_nothing_is_undone() {
    let mut history = History::new(46);
    let mut log = TestLog::start().await;
    log.append(&history.commits(20)).await;
    for back in [0, 3] {
        let (proxy, urls) = two_nodes(&log).await;
        let mut follower = Running::over(&log, &urls, FinalityRule::Confirmations(8));
        follower.caught_up(&log).await;
        let block = log.chain.block_number().await;
        proxy.behave(Conduct::IsStillAt(block - back));
        log.append(&history.commits(20)).await;
        follower.caught_up(&log).await;
        assert!(proxy.lies() > 0);
        let why = notices(&follower, TroubleKind::NodeLeft).await;
        assert!(why.starts_with("node 1 of 2 was left"), "{why}");
        assert_eq!(follower.reverts(), 0);
        proxy.behave(Conduct::Honest);
        all_is_well(&follower).await;
        follower.stop().await;
    }
}

#[tokio::test]
async fn a_node_that_fails_at_what_the_follower_needs_is_left() {
    let mut history = History::new(47);
    let mut log = TestLog::start().await;
    log.append(&history.commits(20)).await;
    let (proxy, urls) = two_nodes(&log).await;
    let follower = Running::over(&log, &urls, FinalityRule::Instant);
    follower.caught_up(&log).await;
    proxy.behave(Conduct::Refuses("eth_call", -32000, "missing trie node", u32::MAX));
    log.append(&history.commits(20)).await;
    follower.caught_up(&log).await;
    let why = notices(&follower, TroubleKind::NodeLeft).await;
    assert!(why.contains("missing trie node"), "{why}");
    follower.stop().await;
}

#[tokio::test]
async fn without_a_final_block_what_is_included_is_followed_and_it_is_said() {
    let mut history = History::new(48);
    let mut log = TestLog::start().await;
    log.append(&history.commits(20)).await;
    for conduct in [
        Conduct::NamesNoFinalBlock,
        Conduct::RefusesToNameAFinalBlock,
        Conduct::NamesAnotherFinalBlock,
    ] {
        log.chain.call("anvil_mine", json!([150])).await;
        let proxy = Proxy::of(log.chain.url());
        let follower = Running::over(&log, &[proxy.url()], FinalityRule::Finalized);
        follower.caught_up(&log).await;
        all_is_well(&follower).await;
        let before = follower.status.get().progress;
        assert!(before.final_block > 0);
        proxy.behave(conduct.clone());
        log.append(&history.commits(20)).await;
        log.chain.call("anvil_mine", json!([150])).await;
        follower.caught_up(&log).await;
        let why = notices(&follower, TroubleKind::NothingFinal).await;
        assert!(why.contains("final"), "{conduct:?}: {why}");
        let now = follower.status.get();
        assert_eq!(
            (now.progress.final_block, now.trouble),
            (before.final_block, None),
            "{conduct:?}"
        );

        proxy.behave(Conduct::Honest);
        all_is_well(&follower).await;
        until("more is final", async || {
            follower.status.get().progress.final_block > before.final_block
        })
        .await;
        follower.stop().await;
    }
}

#[tokio::test]
async fn a_node_that_is_behind_does_not_make_the_follower_read_the_log_again_and_again() {
    let mut history = History::new(49);
    let mut log = TestLog::start().await;
    log.append(&history.commits(200)).await;
    let proxy = Proxy::of(log.chain.url());
    let follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
    follower.caught_up(&log).await;
    proxy.behave(Conduct::IsStillAt(log.chain.block_number().await - 2));
    let behind =
        || matches!(follower.status.get().trouble, Some(trouble) if trouble.cause.contains("behind the block"));
    until("it is said", async || behind()).await;
    let asked = proxy.asked("eth_getLogs");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(behind());
    assert_eq!(proxy.asked("eth_getLogs"), asked);
    follower.stop().await;
}

#[tokio::test]
async fn nor_does_one_that_catches_up_and_cannot_be_asked_for_a_state_by_its_blocks_hash() {
    let mut history = History::new(51);
    let mut log = TestLog::start().await;
    for _ in 0..12 {
        log.append(&history.commits(10)).await;
    }
    let proxy = Proxy::of(log.chain.url());
    let follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
    follower.caught_up(&log).await;
    let newest = log.chain.block_number().await;
    let stands = |back: u64| proxy.behave_all([Conduct::RefusesStateByHash, Conduct::IsStillAt(newest - back)]);
    stands(9);
    let behind =
        || matches!(follower.status.get().trouble, Some(trouble) if trouble.cause.contains("behind the block"));
    until("it is said", async || behind()).await;
    let asked = proxy.asked("eth_getLogs");
    for back in (3..9).rev() {
        stands(back);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(behind());
    assert_eq!(proxy.asked("eth_getLogs"), asked);
    proxy.behave(Conduct::Honest);
    log.append(&history.commits(10)).await;
    follower.caught_up(&log).await;
    follower.stop().await;
}

#[tokio::test]
async fn another_chains_log_is_read_once_however_it_grows() {
    let mut history = History::new(52);
    let mut log = TestLog::start().await;
    log.append(&history.commits(20)).await;
    let mut other = TestLog::start().await;
    assert_eq!(other.log.address(), log.log.address());
    other.append(&History::new(53).commits(100)).await;
    // So many that what is new of it is not even asked for.
    other.chain.call("anvil_mine", json!([90])).await;
    let proxy = Proxy::of(log.chain.url());
    let follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
    follower.caught_up(&log).await;
    proxy.behave(Conduct::IsAnother(other.chain.url().to_owned()));
    let contradicts =
        || matches!(follower.status.get().trouble, Some(trouble) if trouble.cause.contains("contradicts block"));
    until("it is said", async || contradicts()).await;
    let asked = proxy.asked("eth_getLogs");
    for _ in 0..5 {
        other.chain.mine(1).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(contradicts());
    assert_eq!(proxy.asked("eth_getLogs"), asked);
    proxy.behave(Conduct::Honest);
    log.append(&history.commits(20)).await;
    follower.caught_up(&log).await;
    follower.stop().await;
}

#[tokio::test]
async fn a_rebuild_leaves_a_node_that_stands_still_for_one_that_is_ahead_and_says_so_where_there_is_none() {
    let mut history = History::new(54);
    let mut log = TestLog::start().await;
    log.append(&history.commits(40)).await;
    let still = log.chain.block_number().await;
    log.append(&history.commits(40)).await;
    let follower = Running::start(&log, FinalityRule::Instant);
    follower.caught_up(&log).await;
    let proxy = Proxy::of(log.chain.url());
    proxy.behave(Conduct::IsStillAt(still));
    let rebuild = |nodes: &[String]| {
        let node = Node::new(nodes, log.log.node().chain_id(), RpcOptions::default()).unwrap();
        let config = FollowerConfig::new(FinalityRule::Instant, log.deployed_in);
        let log_there = EventLog::new(node, log.log.address());
        Rebuild::new(config, log_there, log.opener(), log.pool(REBUILD), ReadModels)
    };
    let refused = rebuild(&[proxy.url()]).run(|_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("behind the block"), "{refused}");
    let head = log.log.head(BlockId::Latest).await.unwrap();
    let rebuilt = rebuild(&[proxy.url(), log.chain.url().to_owned()]).run(|_| ()).await;
    assert_eq!(rebuilt.unwrap().position, head.position);
    log.append(&history.commits(20)).await;
    follower.caught_up(&log).await;
    follower.stop().await;
}

#[tokio::test]
async fn empty_blocks_that_a_node_lost_are_given_up_without_reading_the_log() {
    let mut history = History::new(50);
    let mut log = TestLog::start().await;
    log.append(&history.commits(100)).await;
    log.chain.mine(2).await;
    let proxy = Proxy::of(log.chain.url());
    let follower = Running::over(&log, &[proxy.url()], FinalityRule::Instant);
    follower.caught_up(&log).await;
    let (block, asked) = (log.chain.block_number().await, proxy.asked("eth_getLogs"));
    proxy.behave(Conduct::IsStillAt(block - 2));
    until("the follower is where the node is", async || {
        follower.status.get().progress.block == block - 2
    })
    .await;
    assert_eq!(follower.status.get().trouble, None);
    assert_eq!(proxy.asked("eth_getLogs"), asked);
    proxy.behave(Conduct::Honest);
    log.append(&history.commits(20)).await;
    follower.caught_up(&log).await;
    follower.stop().await;
    let live = hashes(&log, LIVE).await;
    assert_eq!(honestly(&log).await, live);
}

/// A node that is left again and again is left for longer each time, so each conduct has a system of its own: what is waited for is one
/// first pause.
#[tokio::test(flavor = "multi_thread")]
async fn commands_go_on_with_the_second_node_and_the_status_says_why() {
    let refuses = Conduct::AnswersOnlyErrors(200, -32000, "header not found");
    for (conduct, words) in [
        (Some(refuses), "header not found"),
        (None, "lacked for"),
        (Some(Conduct::Fails), "HTTP status 500"),
    ] {
        let chain = TestChain::start().await;
        let proxy = Proxy::of(chain.url());
        let options = SystemOptions {
            node: Some(proxy.url()),
            second_node: Some(chain.url().to_owned()),
            ..SystemOptions::default()
        };
        let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
        let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
        let clinic = Clinic::open(&system, "Doctor").await;
        clinic.offer(&system, 20).await;
        let patient = clinic.patient(&system, "Patient").await;
        let mut booked = clinic.book_all(&system, &patient, 0..2).await;

        let still = Conduct::IsStillAt(chain.block_number().await);
        proxy.behave(conduct.unwrap_or(still));
        booked.extend(clinic.book_all(&system, &patient, 2..4).await);
        system.says(&administrator, "follower", words).await;
        assert!(proxy.lies() > 0, "{words}");
        proxy.behave(Conduct::Honest);
        system.recovers(&administrator).await;
        booked.extend(clinic.book_all(&system, &patient, 4..6).await);

        let service = system.service("front desk", Role::Hospital).await;
        assert_eq!(system.get("/v1/patients", &service).await.0, 200);
        clinic.has_exactly(&system, booked).await;
        system.agrees_with_a_rebuild(&chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_node_refuses_or_forgets_the_second_one_is_given() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let proxy = Proxy::of(chain.url());
    let options = SystemOptions {
        node: Some(proxy.url()),
        second_node: Some(chain.url().to_owned()),
        // What a node has swallowed the other one is given after a while.
        command_wait: Some(60),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 20).await;
    let patient = clinic.patient(&system, "Patient").await;
    let mut booked = Vec::new();

    let full = "txpool is full";
    proxy.behave(Conduct::Refuses("eth_sendRawTransaction", -32000, full, u32::MAX));
    booked.extend(clinic.book_all(&system, &patient, 0..2).await);
    system.says(&administrator, "follower", full).await;
    assert!(proxy.lies() > 0);
    proxy.behave(Conduct::Honest);
    system.recovers(&administrator).await;

    proxy.behave(Conduct::SwallowsTransactions(u32::MAX));
    booked.extend(clinic.book_all(&system, &patient, 2..4).await);
    assert!(proxy.lies() > 0);
    proxy.behave(Conduct::Honest);
    clinic.has_exactly(&system, booked).await;
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test]
async fn a_deployment_outlasts_a_node_that_says_it_has_the_transaction_already() {
    for words in ["already known", "nonce too low: next nonce 1, tx nonce 0"] {
        let chain = TestChain::start().await;
        let proxy = Proxy::of(chain.url());
        let node = Node::discover(&[proxy.url()], RpcOptions::default()).await.unwrap();
        let admin: Signer = KEYS[0].parse().unwrap();
        proxy.behave(Conduct::Refuses("eth_sendRawTransaction", -32000, words, 1));
        let deployment = deploy::deploy(&node, &admin, &[], 0, |_| ()).await;
        deployment.unwrap_or_else(|error| panic!("{words}: {error}"));
        assert_eq!(
            (proxy.lies(), node.nonce(admin.address()).await.unwrap()),
            (1, 2),
            "{words}"
        );
    }
}

#[tokio::test]
async fn a_deployment_outlasts_a_node_that_is_not_ready_and_deploys_once() {
    const METHODS: [&str; 6] = [
        "eth_getTransactionReceipt",
        "eth_getTransactionCount",
        "eth_estimateGas",
        "eth_getCode",
        "eth_sendRawTransaction",
        "eth_call",
    ];
    for method in METHODS {
        let chain = TestChain::start().await;
        let proxy = Proxy::of(chain.url());
        let node = Node::discover(&[proxy.url()], RpcOptions::default()).await.unwrap();
        let (admin, writer): (Signer, Signer) = (KEYS[0].parse().unwrap(), KEYS[1].parse().unwrap());
        proxy.behave(Conduct::Refuses(
            method,
            -32000,
            "transaction indexing is in progress",
            2,
        ));
        let deployment = deploy::deploy(&node, &admin, &[writer.address()], 0, |_| ()).await;
        let deployment = deployment.unwrap_or_else(|error| panic!("{method}: {error}"));
        assert_eq!(proxy.lies(), 2, "{method}");
        let log = EventLog::new(node.clone(), deployment.address);
        let number = log.writer_of(deployment.namespace, writer.address()).await.unwrap();
        assert_eq!(
            (number, node.nonce(admin.address()).await.unwrap()),
            (Some(1), 3),
            "{method}: one to deploy, one to open the namespace, one to admit"
        );
    }
}
