//! What an answer says of how sure the chain is of it.

use api_config::FinalityRule;
use tests::chain::{Heartbeat, TestChain};
use tests::clinic::Clinic;
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// How many confirmations make a block final.
const CONFIRMATIONS: u64 = 8;

/// The position that an answer shows, and how sure that is.
async fn said(system: &TestSystem, key: &str) -> (u64, String) {
    let request = system.http.get(format!("{}/v1/appointments", system.url));
    let answer = request.bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    (
        header("medconnect-position").parse().unwrap(),
        header("medconnect-finality"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_whether_a_reorganisation_may_still_drop_what_it_shows() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        finality: FinalityRule::Confirmations(CONFIRMATIONS),
        ..SystemOptions::default()
    };
    let deployment = deployed(&chain).await;
    let heartbeat = Heartbeat::of(&chain);
    let system = TestSystem::with(&chain, &deployment, options).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 3).await;
    let patient = clinic.patient(&system, "Patient").await;
    let before = system.settled().await;
    drop(heartbeat);
    let says = |position: u64, finality: &str| (position, finality.to_owned());
    assert_eq!(said(&system, &clinic.key).await, says(before, "final"));

    clinic.book_later(&system, &patient, 0).await;
    until("it is in a block", async || system.position().await == before + 1).await;
    chain.mine(CONFIRMATIONS - 1).await;
    system.settled().await;
    assert_eq!(said(&system, &clinic.key).await, says(before + 1, "included"));
    chain.mine(1).await;
    until("its block is final", async || {
        said(&system, &clinic.key).await == says(before + 1, "final")
    })
    .await;
    system.agrees_with_a_rebuild(&chain).await;
}
