//! `medconnect bench --node`: it measures on the chain of a node that somebody else runs, and spends an account's ether there.

use serde_json::{Value, json};
use tests::binary::program;
use tests::chain::{KEYS, TestChain};
use tests::site::signer;
use tokio::process::Command;

/// The exit code, the report, and what was said beside it.
async fn bench(arguments: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(program());
    command
        .arg("bench")
        .args(arguments)
        .arg("--json")
        .env_remove("MEDCONNECT_BENCH_KEY")
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), report, said)
}

/// What an account has, in wei.
async fn balance(chain: &TestChain, account: usize) -> u128 {
    let balance = chain
        .call("eth_getBalance", json!([signer(account).address(), "latest"]))
        .await;
    u128::from_str_radix(balance.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// A file with a private key.
fn key_file(key: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_measured_on_a_given_node_with_the_ether_of_a_given_key() {
    let chain = TestChain::start().await;
    let before = [balance(&chain, 2).await, balance(&chain, 0).await];
    let key = key_file(KEYS[2]);
    let key = key.path().to_str().unwrap();
    let node = ["--node", chain.url(), "--key-file", key];
    let (code, report, said) = bench(&[&["commands", "--clients", "2", "--seconds", "1"], &node[..]].concat()).await;
    assert_eq!(code, 0, "{said}");
    for side in ["anchored", "postgres_es"] {
        assert!(report[side]["commands"].as_u64().unwrap() > 0, "{report}");
    }
    assert!(report["contract"]["events"].as_u64().unwrap() > 0, "{report}");
    // It was done there, and that account paid for it.
    assert!(chain.block_number().await > 5);
    assert!(balance(&chain, 2).await < before[0]);
    assert_eq!(balance(&chain, 0).await, before[1]);
    assert!(!said.contains(&KEYS[2][..16]), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_ether_on_a_given_node_is_named_and_nothing_is_measured() {
    let chain = TestChain::start().await;
    let key = key_file(&"0e".repeat(32));
    let key = key.path().to_str().unwrap();
    let (code, report, said) = bench(&["gas", "--node", chain.url(), "--key-file", key]).await;
    assert_eq!((code, &report), (1, &Value::Null), "{said}");
    let poor: infrastructure::chain::Signer = "0e".repeat(32).parse().unwrap();
    assert!(
        said.contains(&poor.address().to_string()) && said.contains("ether"),
        "{said}"
    );
    assert_eq!(chain.block_number().await, 0);
}
