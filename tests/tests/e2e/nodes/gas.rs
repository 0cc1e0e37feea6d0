//! The chain's prices in gas are not those that anybody expected, its gas is free, or its contract refuses what it should take. What ran out of
//! gas is appended with more; who has no ether appends where none is asked for; what is refused ends with a problem that says so.

use std::time::Duration;

use infrastructure::chain::Signer;
use serde_json::{Value, json};
use tests::chain::{Heartbeat, KEYS, TestChain};
use tests::clinic::Clinic;
use tests::code::{Contract, code};
use tests::proxy::{Conduct, Proxy};
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// How many transactions the chain has reverted.
async fn reverted(chain: &TestChain) -> usize {
    let mut count = 0;
    for number in 0..=chain.block_number().await {
        let receipts = chain
            .call("eth_getBlockReceipts", json!([format!("{number:#x}")]))
            .await;
        let receipts = receipts.as_array().expect("receipts");
        count += receipts.iter().filter(|receipt| receipt["status"] == "0x0").count();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn where_gas_gets_dearer_than_anybody_knew_every_command_completes() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::with(&chain, &deployment, SystemOptions::default()).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 40).await;
    let patient = clinic.patient(&system, "Patient").await;
    assert_eq!(reverted(&chain).await, 0);

    code(&chain, deployment.address, Contract::Dear { factor: 12 }).await;
    let mut booked = clinic.book_all(&system, &patient, 0..12).await;
    let ran_out = reverted(&chain).await;
    assert!(ran_out > 0, "the chain really was dearer than expected");

    // Whoever starts now asks first.
    let database = system.database.clone();
    system.stop().await;
    code(&chain, deployment.address, Contract::Honest).await;
    let options = SystemOptions {
        database: Some(database),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    booked.extend(clinic.book_all(&system, &patient, 12..20).await);
    clinic.has_exactly(&system, booked).await;
    assert_eq!(reverted(&chain).await, ran_out);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_commit_the_contract_refuses_ends_with_a_problem_that_says_so() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::with(&chain, &deployment, SystemOptions::default()).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 10).await;
    let patient = clinic.patient(&system, "Patient").await;
    let before = system.settled().await;

    code(&chain, deployment.address, Contract::Refusing).await;
    let (status, problem) = clinic.book(&system, &patient, 0).await;
    assert_eq!(
        (status, &problem["type"]),
        (500, &json!("/problems/refused-by-the-log")),
        "{problem}"
    );
    let command = clinic.book_later(&system, &patient, 1).await;
    let failed = async |system: &TestSystem| {
        let (status, body) = system.get(&command, &clinic.key).await;
        assert_eq!(status, 200, "{body}");
        assert_ne!(body["status"], "done");
        body["problem"]["type"] == "/problems/refused-by-the-log"
    };
    until("it is refused", async || failed(&system).await).await;

    // It says so too where nobody remembers what it told: only the outbox's note is left.
    sqlx::query("UPDATE commands SET status = NULL, body = NULL")
        .execute(&system.parts().pool)
        .await
        .unwrap();
    let database = system.database.clone();
    system.stop().await;
    code(&chain, deployment.address, Contract::Honest).await;
    let options = SystemOptions {
        database: Some(database),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    until("it is still refused", async || failed(&system).await).await;
    assert_eq!(system.settled().await, before, "nothing of it is on the chain");
    let (status, booked) = clinic.book(&system, &patient, 1).await;
    assert_eq!(status, 201, "{booked}");
    clinic.has_exactly(&system, vec![text(&booked["id"])]).await;
    system.agrees_with_a_rebuild(&chain).await;
}

/// A chain without fees, on which nobody has any ether.
async fn free_chain() -> TestChain {
    let chain = TestChain::with(|options| {
        options.extra = ["--block-base-fee-per-gas", "0", "--gas-price", "0"]
            .map(str::to_owned)
            .to_vec();
    })
    .await;
    for key in KEYS {
        let account = key.parse::<Signer>().unwrap().address();
        chain.call("anvil_setBalance", json!([account, "0x0"])).await;
    }
    chain
}

#[tokio::test(flavor = "multi_thread")]
async fn where_gas_is_free_accounts_without_ether_deploy_and_append_even_after_the_node_has_lost_its_pool() {
    let chain = free_chain().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::with(&chain, &deployment, SystemOptions::default()).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 10).await;
    let patient = clinic.patient(&system, "Patient").await;
    let before = system.settled().await;

    chain.call("evm_setAutomine", json!([false])).await;
    let commands = [
        clinic.book_later(&system, &patient, 0).await,
        clinic.book_later(&system, &patient, 1).await,
    ];
    // Long enough for a fee that was too low to be raised.
    tokio::time::sleep(Duration::from_secs(33)).await;
    chain.call("anvil_dropAllTransactions", json!([])).await;
    let heartbeat = Heartbeat::of(&chain);
    for command in commands {
        clinic.done(&system, &command).await;
    }
    drop(heartbeat);
    assert_eq!(system.settled().await, before + 2);
    let replaced = sqlx::query_scalar("SELECT count(*) FROM outbox_transactions WHERE replacement");
    let replaced: i64 = replaced.fetch_one(&system.parts().pool).await.unwrap();
    assert_eq!(replaced, 0);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_tells_no_base_fee_and_suggests_none_for_the_producer_is_written_to() {
    let chain = TestChain::start().await;
    let node = Proxy::of(chain.url());
    node.behave(Conduct::TellsNoFees);
    let deployment = deployed(&chain).await;
    let options = SystemOptions {
        node: Some(node.url()),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.patient(&system, "Patient").await;
    assert!(node.lies() > 0);
    system.agrees_with_a_rebuild(&chain).await;
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
