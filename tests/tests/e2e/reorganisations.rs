//! The chain takes blocks back. Afterwards the read models are those of a fresh rebuild, and no acknowledged command is missing or doubled.

use std::time::Duration;

use api::config::FinalityRule;
use serde_json::json;
use tests::chain::TestChain;
use tests::clinic::{Clinic, hashes};
use tests::system::{SystemOptions, TestSystem, deployed};

/// How many confirmations make a block final in these tests.
const CONFIRMATIONS: u64 = 8;

fn undoable() -> SystemOptions {
    SystemOptions {
        finality: FinalityRule::Confirmations(CONFIRMATIONS),
        ..SystemOptions::default()
    }
}

/// Mines a block now and then, as a network does, until it is dropped.
struct Heartbeat(tokio::task::JoinHandle<()>);

impl Heartbeat {
    fn of(chain: &TestChain) -> Self {
        let url = chain.url().to_owned();
        Self(tokio::spawn(async move {
            let http = reqwest::Client::new();
            loop {
                let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": [] });
                let _ = http.post(&url).json(&body).send().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The hashes of another server that has seen only the chain as it is now, with the same keys.
async fn rebuilt(chain: &TestChain, system: &TestSystem) -> Vec<(&'static str, u64, String)> {
    let position = settled(system).await;
    sqlx::query("DROP SCHEMA live CASCADE")
        .execute(&system.parts().pool)
        .await
        .unwrap();
    let (node, deployment) = (chain.url().to_owned(), system.deployment);
    let database = system.database.clone();
    let options = SystemOptions {
        node: Some(node),
        signer: 3,
        database: Some(database),
        ..undoable()
    };
    let fresh = TestSystem::with(chain, &deployment, options).await;
    for _ in 0..400 {
        if fresh.position().await >= position {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let hashes = hashes(&fresh).await;
    fresh.stop().await;
    hashes
}

/// Waits until nothing has moved for a while, and answers with the position.
async fn settled(system: &TestSystem) -> u64 {
    let mut last = system.position().await;
    let mut same = 0;
    while same < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = system.position().await;
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_stands_after_shallow_deep_and_repeated_reorganisations() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let heartbeat = Heartbeat::of(&chain);
    let system = TestSystem::with(&chain, &deployment, undoable()).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 40).await;
    let patient = clinic.patient(&system, "Patient").await;

    let mut booked = 0;
    for depth in [1, 3, 6, 6, 2, 5] {
        // Commands are under way while the chain reorganises: some wait for their confirmations, some are being sent.
        let commands = (0..6).map(|number| clinic.book(&system, &patient, booked + number));
        let reorganisation = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            chain.call("anvil_reorg", json!([depth, []])).await
        };
        let (answers, _) = tokio::join!(futures::future::join_all(commands), reorganisation);
        for (status, body) in answers {
            assert_eq!(status, 201, "{body}");
        }
        booked += 6;
    }
    let path = format!("/v1/appointments?practitioner={}&limit=200", clinic.doctor);
    let (status, appointments) = system.get(&path, &clinic.key).await;
    assert_eq!(status, 200, "{appointments}");
    assert_eq!(
        appointments["items"].as_array().expect("items").len(),
        booked as usize,
        "none missing, none doubled"
    );

    settled(&system).await;
    let before = hashes(&system).await;
    let after = rebuilt(&chain, &system).await;
    assert_eq!(before, after);
    drop(heartbeat);
    system.stop().await;
}
