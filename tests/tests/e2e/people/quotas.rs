//! How much one caller may have, against running systems: of several servers each gives its share, and a wallet has so many sessions.

use std::num::NonZeroU32;

use api_config::LimitsConfig;
use futures::future::join_all;
use serde_json::json;
use tests::chain::TestChain;
use tests::people::Person;
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// How many of many commands a server takes from somebody who has sent none before.
async fn taken(system: &TestSystem, person: u32) -> usize {
    let token = Person::numbered(person).sign_in(system).await;
    let body = json!({});
    let commands = (0..40).map(|_| system.post("/v1/patients", &token, &body));
    let answers = join_all(commands).await;
    answers.iter().filter(|(status, _)| *status != 429).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_give_no_more_together_than_one_would_alone() {
    const QUOTA: u32 = 20;
    let chain = TestChain::start().await;
    let options = SystemOptions {
        limits: LimitsConfig {
            commands_per_person: NonZeroU32::new(QUOTA),
            ..LimitsConfig::default()
        },
        ..SystemOptions::default()
    };
    let one = TestSystem::with(&chain, &deployed(&chain).await, options.clone()).await;
    // A few more come in while it is counted: the quota is one for a minute.
    let alone = taken(&one, 6001).await;
    assert!((20..26).contains(&alone), "{alone}");
    let options = SystemOptions {
        signer: 2,
        database: Some(one.database.clone()),
        ..options
    };
    let two = TestSystem::launch(&chain, &one.deployment, options).await;
    let mut person = 6100;
    until("each of them gives half of it", async || {
        person += 1;
        let (here, there) = (taken(&one, person).await, taken(&two, person).await);
        here + there < 26
    })
    .await;
    // Once it is gone, the other has all of it again.
    two.stop().await;
    until("the one that is left gives all of it", async || {
        person += 1;
        taken(&one, person).await >= 20
    })
    .await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_sessions_than_a_wallet_may_have_the_oldest_is_signed_out_at_once() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        limits: LimitsConfig {
            sessions_per_wallet: NonZeroU32::new(2),
            ..LimitsConfig::default()
        },
        ..SystemOptions::default()
    };
    let system = TestSystem::launch(&chain, &deployed(&chain).await, options).await;
    let ada = Person::numbered(5401);
    let first = ada.sign_in(&system).await;
    assert_eq!(system.get("/v1/me", &first).await.0, 200);
    let (second, third) = (ada.sign_in(&system).await, ada.sign_in(&system).await);
    let other = Person::numbered(5402).sign_in(&system).await;
    for (token, status) in [(&first, 401), (&second, 200), (&third, 200), (&other, 200)] {
        assert_eq!(system.get("/v1/me", token).await.0, status);
    }
    system.stop().await;
}
