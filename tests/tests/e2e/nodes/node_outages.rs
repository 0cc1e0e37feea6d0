//! The node goes away, the server is restarted meanwhile, and what was accepted is there in the end.

use std::time::Duration;

use domain::account::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::system::{SystemOptions, TestSystem, deployed};
use tests::wire::{Line, Proxy};

async fn register(system: &TestSystem, key: &str, family: &str) -> (StatusCode, Value) {
    let patient = json!({ "details": { "name": { "family": family }, "birthDate": "1980-02-29", "gender": "male" } });
    let request = system.http.post(format!("{}/v1/patients", system.url)).bearer_auth(key);
    let request = request
        .header("prefer", "respond-async")
        .header("idempotency-key", family);
    let response = request.json(&patient).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn stored(system: &TestSystem) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM outbox_commits");
    count.fetch_one(&system.parts().pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_while_the_node_is_away_is_in_the_outbox_and_on_the_chain_in_the_end() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let node = chain.url().trim_start_matches("http://").parse().unwrap();
    let way = Proxy::of(node).await;
    let options = SystemOptions {
        node: Some(format!("http://127.0.0.1:{}", way.port())),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options.clone()).await;
    let key = system.service("front desk", Role::Hospital).await;

    // What is final is forgotten a moment later.
    while stored(&system).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    way.set(Line::Cut);
    let (status, first) = register(&system, &key, "First").await;
    assert_eq!((status.as_u16(), stored(&system).await), (202, 1), "{first}");

    let database = system.database.clone();
    system.stop().await;
    let options = SystemOptions {
        database: Some(database),
        ..options
    };
    let system = TestSystem::with(&chain, &deployment, options).await;
    let (status, second) = register(&system, &key, "Second").await;
    assert_eq!((status.as_u16(), stored(&system).await), (202, 2), "{second}");

    way.set(Line::Open);
    for command in [first, second] {
        let path = format!("/v1/commands/{}", command["id"].as_str().unwrap());
        let mut seen = Value::Null;
        for _ in 0..300 {
            seen = system.get(&path, &key).await.1;
            if seen["status"] == "done" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(seen["status"], "done", "{seen}");
    }
    system.stop().await;
}
