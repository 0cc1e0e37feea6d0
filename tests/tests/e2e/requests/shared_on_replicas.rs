//! Several servers of one organisation that shares calendars with another: they have one database, and are not always as far.

use api_config::{FinalityRule, SharedNamespace};
use infrastructure::keys::MasterSecret;
use infrastructure::sealing::Profile;
use serde_json::json;
use tests::chain::Heartbeat;
use tests::clinic::Clinic;
use tests::proxy::{Conduct, Proxy};
use tests::system::{SystemOptions, TestSystem, until};

use super::shared_calendars::{Network, ORGANISATIONS, clinics, signer, until_free, until_same_days};

/// The signer of the first organisation's second server.
const SECOND: usize = 3;

async fn admit_second(network: &Network) {
    for namespace in [network.shared, network.deployments[0].namespace] {
        network
            .owner()
            .admit(namespace, signer(SECOND).address())
            .await
            .unwrap();
    }
}

/// The namespace with the secret of its second epoch as well, and the profile that publishes it.
fn second_epoch(network: &Network) -> (Vec<SharedNamespace>, Profile) {
    let file = network.folder.path().join("second.secret");
    std::fs::write(&file, "66".repeat(32)).unwrap();
    let shared = SharedNamespace {
        namespace: network.shared,
        secret_files: vec![network.folder.path().join("shared.secret"), file],
    };
    let commitment = MasterSecret::new([0x66; 32]).first_epoch().commitment();
    let profile = Profile {
        epochs: vec![(1, commitment)],
        ..Profile::default()
    };
    (vec![shared], profile)
}

async fn parked(system: &TestSystem) -> i64 {
    let counting = sqlx::query_scalar("SELECT count(*) FROM parked");
    counting.fetch_one(&system.parts().pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_behind_judges_a_shared_day_as_it_stood_then() {
    let network = Network::start().await;
    admit_second(&network).await;
    let proxy = Proxy::of(network.chain.url());
    let first = network.serve(0).await;
    let options = SystemOptions {
        signer: SECOND,
        organisation: ORGANISATIONS[0],
        shared: network.shared_config(),
        database: Some(first.database.clone()),
        node: Some(proxy.url()),
        ..SystemOptions::default()
    };
    let behind = TestSystem::with(&network.chain, &network.deployments[0], options).await;
    let servers = [first, network.serve(1).await];
    let clinics = clinics(&network, &servers, "Behind").await;
    let [first, other] = servers;
    clinics[0].offer(&first, 6).await;
    until_free(&other, &clinics[1], 6).await;
    let patient = clinics[1].patient(&other, "Two").await;
    let booked = clinics[1].book_all(&other, &patient, 0..1).await;
    until_free(&behind, &clinics[0], 5).await;
    behind.settled().await;

    // It stands still, and what the other organisation does meanwhile its sister applies.
    proxy.behave(Conduct::IsStillAt(network.chain.block_number().await));
    let change = async |what: &str, body: &serde_json::Value| {
        let path = format!("/v1/appointments/{}/{what}", booked[0]);
        let (status, answer) = other.post(&path, &clinics[1].key, body).await;
        assert_eq!(status, 200, "{what}: {answer}");
    };
    change("confirm", &json!({})).await;
    let slot = clinics[1].slot(clinics[1].day, 3);
    change("reschedule", &json!({ "slot": slot })).await;
    until("its sister has it", async || {
        first.position().await == other.position().await
    })
    .await;
    first.settled().await;
    first.stop().await;
    // Alone it goes on, from there.
    change("confirm", &json!({})).await;
    let slot = clinics[1].slot(clinics[1].day, 0);
    change("reschedule", &json!({ "slot": slot })).await;
    clinics[1].book_all(&other, &patient, 3..4).await;
    proxy.behave(Conduct::Honest);
    until("it is as far", async || {
        behind.position().await == other.position().await
    })
    .await;
    let ours = clinics[0].patient(&behind, "One").await;
    for taken in [0, 3] {
        let (status, problem) = clinics[0].book(&behind, &ours, taken).await;
        assert_eq!(status, 409, "{taken}: {problem}");
    }
    let administrator = behind.administrator().await;
    let (_, status) = behind.get("/v1/admin/status", &administrator).await;
    assert_eq!(status["overruledEvents"], 0, "{status}");
    let servers = [behind, other];
    until_same_days(&servers).await;
    for system in servers {
        system.agrees_with_a_rebuild(&network.chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_without_an_epochs_secret_has_parked_its_sister_reads() {
    let network = Network::start().await;
    admit_second(&network).await;
    let (both, profile) = second_epoch(&network);
    // As when one server is started again after the other: the first has the former secret alone.
    let without = network.serve(0).await;
    let options = SystemOptions {
        signer: SECOND,
        organisation: ORGANISATIONS[0],
        shared: both,
        database: Some(without.database.clone()),
        ..SystemOptions::default()
    };
    let with = TestSystem::with(&network.chain, &network.deployments[0], options).await;
    let clinic = Clinic::open_sharing(&with, "Rolling", network.shared.0, None).await;
    clinic.offer(&with, 40).await;
    let patient = clinic.patient(&with, "One").await;
    let before = with.position().await;
    network.owner().publish(network.shared, &profile.write()).await.unwrap();
    until("it is published", async || with.position().await > before).await;
    with.settled().await;
    let mut booked = Vec::new();
    for slot in 0..16 {
        // Whoever was faster has applied it; of what was parked for a moment the outcome is not known then.
        match clinic.book(&with, &patient, slot).await {
            (201, body) => booked.push(body["id"].as_str().unwrap().to_owned()),
            (status, problem) => assert_eq!(status, 503, "{problem}"),
        }
    }
    assert!(!booked.is_empty());
    until("nothing is parked any more", async || parked(&with).await == 0).await;
    with.settled().await;
    let listed = clinic.appointments(&with).await;
    assert!(booked.iter().all(|id| listed.contains(id)), "{booked:?} {listed:?}");
    until_free(&with, &clinic, 40 - listed.len()).await;
    // The first one goes on with everything else.
    assert_eq!(without.get("/health/ready", "").await.0, 200);
    clinic.patient(&without, "Two").await;
    without.stop().await;
    with.agrees_with_a_rebuild(&network.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_had_waited_for_a_secret_is_read_again_when_the_block_is_undone_upon_which_it_was_read() {
    let network = Network::start().await;
    let (both, profile) = second_epoch(&network);
    let options = |number: usize, shared: Vec<SharedNamespace>, database: Option<String>| SystemOptions {
        signer: number + 1,
        organisation: ORGANISATIONS[number],
        shared,
        database,
        finality: FinalityRule::Confirmations(10),
        ..SystemOptions::default()
    };
    let beat = Heartbeat::of(&network.chain);
    let servers = [
        TestSystem::with(&network.chain, &network.deployments[0], options(0, both.clone(), None)).await,
        TestSystem::with(
            &network.chain,
            &network.deployments[1],
            options(1, network.shared_config(), None),
        )
        .await,
    ];
    let clinics = clinics(&network, &servers, "Undone").await;
    let [first, second] = servers;
    clinics[0].offer(&first, 6).await;
    until_free(&second, &clinics[1], 6).await;
    let patient = clinics[0].patient(&first, "One").await;
    network.owner().publish(network.shared, &profile.write()).await.unwrap();
    let administrator = second.administrator().await;
    until("its secret is missed", async || {
        let (_, status) = second.get("/v1/admin/status", &administrator).await;
        status["troubles"].to_string().contains("shared-epoch-missing")
    })
    .await;
    // Sealed under it as soon as its publication is final.
    let mut slots = 0..6;
    until("something waits for it", async || {
        let slot = slots.next().expect("a slot");
        clinics[0].book_all(&first, &patient, slot..slot + 1).await;
        until("both are as far", async || {
            first.position().await == second.position().await
        })
        .await;
        parked(&second).await > 0
    })
    .await;
    drop(beat);
    first.settled().await;
    second.settled().await;
    let snapshot = network.chain.call("evm_snapshot", json!([])).await;
    network.chain.mine(2).await;
    let database = second.database.clone();
    second.stop().await;
    let second = options(1, both, Some(database));
    let second = TestSystem::launch(&network.chain, &network.deployments[1], second).await;
    until("it is read", async || parked(&second).await == 0).await;
    // The blocks are undone upon which it was read.
    network.chain.call("evm_revert", json!([snapshot])).await;
    network.chain.call("evm_increaseTime", json!([60])).await;
    network.chain.mine(4).await;
    let newest = network.chain.block_number().await;
    until("the other blocks are applied", async || {
        let applied: i64 = sqlx::query_scalar("SELECT block_number FROM checkpoint")
            .fetch_one(&second.parts().pool)
            .await
            .unwrap();
        applied.unsigned_abs() >= newest
    })
    .await;
    until("it is read again", async || parked(&second).await == 0).await;
    until_same_days(&[first, second]).await;
}
