//! The chain takes blocks back. Afterwards the read models are those of a fresh rebuild, and no acknowledged command is missing or doubled.

use std::time::Duration;

use api_config::FinalityRule;
use api_dev::anvil::Mining;
use serde_json::json;
use tests::chain::{Heartbeat, TestChain};
use tests::clinic::Clinic;
use tests::system::{SystemOptions, TestSystem, deployed};

/// How many confirmations make a block final in these tests.
const CONFIRMATIONS: u64 = 8;

fn undoable() -> SystemOptions {
    SystemOptions {
        finality: FinalityRule::Confirmations(CONFIRMATIONS),
        ..SystemOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_stands_after_shallow_deep_and_repeated_reorganisations() {
    let chain = TestChain::with(|options| options.mining = Mining::OnDemand).await;
    let heartbeat = Heartbeat::of(&chain);
    let deployment = deployed(&chain).await;
    let system = TestSystem::with(&chain, &deployment, undoable()).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 40).await;
    let patient = clinic.patient(&system, "Patient").await;

    let (mut booked, mut acknowledged) = (0, Vec::new());
    for depth in [1, 3, 6, 6, 2, 5] {
        // Commands are under way while the chain reorganises: some wait for their confirmations, some are being sent.
        let commands = clinic.book_all(&system, &patient, booked..booked + 6);
        let reorganisation = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let reorganisation = chain.call("anvil_reorg", json!([depth, []]));
            heartbeat.between_beats(reorganisation).await;
        };
        let (appointments, ()) = tokio::join!(commands, reorganisation);
        acknowledged.extend(appointments);
        booked += 6;
    }
    clinic.has_exactly(&system, acknowledged).await;
    system.agrees_with_a_rebuild(&chain).await;
    drop(heartbeat);
}
