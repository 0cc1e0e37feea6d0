//! `medconnect check-node`: what a node gives and lacks, and whether that is enough.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::binary::{free_port, program};
use tests::chain::TestChain;
use tests::log::TestLog;
use tests::proxy::{Conduct, Proxy, Refusal};
use tests::site::signer;
use tokio::process::Command;

/// The exit code, the report, and what was said beside it.
async fn check(url: &str, more: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(program());
    command
        .args(["check-node", url, "--json"])
        .args(more)
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), report, said)
}

/// What was found about one thing.
fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("{report}"));
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check}: {report}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_all_is_usable() {
    let chain = TestChain::start().await;
    chain.mine(20).await;
    let (code, report, said) = check(chain.url(), &["--account", &signer(1).address().to_string()]).await;
    assert_eq!(code, 0, "{report} {said}");
    assert_eq!(report["usable"], true);
    for finding in report["findings"].as_array().unwrap() {
        assert!(
            matches!(finding["verdict"].as_str().unwrap(), "good" | "limited"),
            "{finding}"
        );
        assert!(
            finding["verdict"] == "good" || finding["advice"].is_string(),
            "{finding}"
        );
    }
    assert_eq!(finding(&report, "chain id")["value"], 31_337);
    assert_eq!(finding(&report, "newest block")["value"]["number"], 20);
    assert_eq!(finding(&report, "rules")["value"], "Osaka (2025)");
    let prices = &finding(&report, "gas prices")["value"];
    assert_eq!(
        (&prices["transaction"], &prices["logByte"]),
        (&json!(21_000), &json!(8))
    );
    assert!(
        (22_100..23_000).contains(&prices["newSlot"].as_u64().unwrap()),
        "{prices}"
    );
    let deployment = finding(&report, "deployment")["value"].as_u64().unwrap();
    assert!((1_500_000..2_500_000).contains(&deployment), "{deployment}");
    assert_eq!(finding(&report, "old logs")["value"], 1);

    // It is said what goes on; nothing was sent.
    assert!(said.contains("gas rules"), "{said}");
    assert_eq!(chain.block_number().await, 20);

    // For people.
    let output = Command::new(program())
        .args(["check-node", chain.url()])
        .output()
        .await
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("good     chain id       31337"), "{table}");
    assert!(table.ends_with("Medconnect can use this node.\n"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_ether_is_told() {
    let chain = TestChain::start().await;
    let poor = format!("0x{}", "0e".repeat(20));
    let (code, report, _) = check(chain.url(), &["--account", &poor]).await;
    assert_eq!(code, 1, "{report}");
    assert_eq!(finding(&report, "ether")["verdict"], "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_node_nothing_is_checked() {
    let chain = TestChain::start().await;
    let proxy = Proxy::of(chain.url());
    let nobody = format!("http://user:p4ssword@127.0.0.1:{}/api-key", free_port());
    for (url, conduct, words) in [
        (nobody.as_str(), Conduct::Honest, "cannot be reached"),
        ("nonsense", Conduct::Honest, "http://"),
        (proxy.url().as_str(), Conduct::AnswersNoJson, "no Ethereum node"),
        (proxy.url().as_str(), Conduct::AnswersAnotherShape, "no Ethereum node"),
        (proxy.url().as_str(), Conduct::Fails, "status 500"),
    ] {
        proxy.behave(conduct);
        let (code, report, said) = check(url, &[]).await;
        assert_eq!((code, &report), (2, &Value::Null), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("p4ssword") && !said.contains("api-key"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_is_left_in_time() {
    let chain = TestChain::start().await;
    let proxy = Proxy::of(chain.url());
    // So slow that a busy machine makes no difference.
    proxy.behave(Conduct::Delays(Duration::from_secs(2)));
    let started = Instant::now();
    let (code, report, _) = check(&proxy.url(), &["--patience", "9"]).await;
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert_eq!(code, 1, "{report}");
    assert_eq!(finding(&report, "history")["verdict"], "unknown");
    assert_eq!(finding(&report, "speed")["verdict"], "limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_limited_is_named_with_the_limit_and_is_enough() {
    let chain = TestChain::start().await;
    chain.mine(150).await;
    let proxy = Proxy::of(chain.url());
    proxy.behave_all([
        Conduct::LimitsRanges(10),
        Conduct::LimitsBatches(20, Refusal::OneError),
        Conduct::NamesNoFinalBlock,
    ]);
    let (code, report, _) = check(&proxy.url(), &[]).await;
    assert_eq!(code, 0, "{report}");
    for (check, words, advice) in [
        ("log entries", "10 blocks", "by itself"),
        ("batches", "20 calls", "by itself"),
        ("finality", "calls no block final", "chain.finality"),
    ] {
        let finding = finding(&report, check);
        assert_eq!(finding["verdict"], "limited", "{finding}");
        assert!(finding["found"].as_str().unwrap().contains(words), "{finding}");
        assert!(finding["advice"].as_str().unwrap().contains(advice), "{finding}");
    }

    // Down to one block, by its hash.
    proxy.behave(Conduct::LimitsRanges(0));
    let (code, report, _) = check(&proxy.url(), &[]).await;
    assert_eq!(code, 0, "{report}");
    let logs = finding(&report, "log entries");
    assert!(logs["found"].as_str().unwrap().contains("by its hash"), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_is_not_enough() {
    let chain = TestChain::start().await;
    let proxy = Proxy::of(chain.url());
    for (method, check_name) in [
        ("eth_getLogs", "log entries"),
        ("eth_estimateGas", "deployment"),
        ("eth_call", "rules"),
        ("eth_call", "requests"),
        ("eth_sendRawTransaction", "sending"),
        ("eth_getBlockByNumber", "newest block"),
    ] {
        let message = "the method does not exist or is not available";
        proxy.behave(Conduct::Refuses(method, -32601, message, u32::MAX));
        let (code, report, _) = check(&proxy.url(), &[]).await;
        assert_eq!((code, &report["usable"]), (1, &json!(false)), "{method}: {report}");
        let finding = finding(&report, check_name);
        assert_eq!(finding["verdict"], "missing", "{finding}");
        assert!(finding["advice"].is_string(), "{finding}");
        if method == "eth_call" {
            assert!(finding["advice"].as_str().unwrap().contains(method), "{finding}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_called_given_only_where_one_was() {
    let chain = TestChain::start().await;
    chain.mine(20).await;
    let proxy = Proxy::of(chain.url());
    let (code, report, _) = check(&proxy.url(), &[]).await;
    assert_eq!(code, 0, "{report}");
    assert_eq!(finding(&report, "receipts")["verdict"], "limited", "{report}");

    let log = TestLog::on(chain).await;
    let since = log.deployed_in.to_string();
    log.chain.mine(20).await;
    let (code, report, _) = check(&proxy.url(), &["--since", &since]).await;
    assert_eq!(code, 0, "{report}");
    assert_eq!(finding(&report, "receipts")["verdict"], "good", "{report}");

    proxy.behave(Conduct::Refuses(
        "eth_getTransactionReceipt",
        -32_000,
        "no receipts",
        u32::MAX,
    ));
    let (code, report, _) = check(&proxy.url(), &["--since", &since]).await;
    assert_eq!(code, 1, "{report}");
    assert_eq!(finding(&report, "receipts")["verdict"], "missing", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_still_fetching_the_chain_is_not_enough() {
    let chain = TestChain::start().await;
    let proxy = Proxy::of(chain.url());
    proxy.behave(Conduct::IsSyncing(7, 21_000_000));
    let (code, report, _) = check(&proxy.url(), &[]).await;
    assert_eq!((code, &report["usable"]), (1, &json!(false)), "{report}");
    let syncing = finding(&report, "synchronising");
    assert_eq!(syncing["verdict"], "missing", "{syncing}");
    assert!(
        syncing["found"].as_str().unwrap().contains("block 7 of 21000000"),
        "{syncing}"
    );
    assert!(syncing["advice"].as_str().unwrap().contains("wait until"), "{syncing}");

    // Which transaction is where it learns afterwards.
    proxy.behave(Conduct::IsSyncing(21_000_000, 21_000_000));
    let (code, report, _) = check(&proxy.url(), &[]).await;
    assert_eq!((code, &report["usable"]), (0, &json!(true)), "{report}");
    assert_eq!(finding(&report, "synchronising")["verdict"], "limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn besus_ways_are_seen_and_are_enough() {
    let chain = TestChain::with(|options| {
        let free = ["--base-fee", "0", "--disable-min-priority-fee", "--balance", "0"];
        options.extra.extend(free.map(str::to_owned));
    })
    .await;
    chain.mine(100).await;
    let besu = Proxy::of(chain.url());
    besu.behave_all([Conduct::IsBesu(16), Conduct::RefusesToNameAFinalBlock]);
    let (code, report, _) = check(&besu.url(), &["--account", &signer(1).address().to_string()]).await;
    assert_eq!(code, 0, "{report}");
    let fees = finding(&report, "fees");
    assert!(fees["found"].as_str().unwrap().contains("free"), "{fees}");
    assert_eq!(finding(&report, "old state")["value"], 100 - 15);
    assert_eq!(finding(&report, "state proofs")["verdict"], "limited");
    assert_eq!(finding(&report, "old logs")["value"], 1);
    assert_eq!(finding(&report, "finality")["verdict"], "limited");

    // What a log would need that is older than what the node has kept.
    let (code, report, _) = check(&besu.url(), &["--since", "1"]).await;
    assert_eq!(code, 0, "blocks and logs are all there: {report}");
}
