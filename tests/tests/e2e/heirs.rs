//! Transactions of a signing key that no server holds any more: its key was changed, or its server is gone for good.

use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::clinic::Clinic;
use tests::people::Person;
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// Hands over the registration of so many patients, each in a transaction of its own, and answers with the commands' paths once they are
/// durable.
async fn register(system: &TestSystem, key: &str, patients: u32) -> Vec<String> {
    let mut commands = Vec::new();
    for number in 0..patients {
        let name = json!({ "family": format!("Patient{number}") });
        let patient = json!({ "details": { "name": name, "birthDate": "1980-02-29", "gender": "unknown" } });
        let request = system.http.post(format!("{}/v1/patients", system.url));
        let request = request.bearer_auth(key).header("prefer", "respond-async");
        let answer = request.json(&patient).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 202);
        commands.push(answer.headers()["location"].to_str().unwrap().to_owned());
    }
    commands
}

/// A server whose key is the first one has accepted commands that the chain does not have, and is gone.
struct Scene {
    chain: TestChain,
    clinic: Clinic,
    commands: Vec<String>,
    former: TestSystem,
}

impl Scene {
    async fn begin() -> Self {
        let chain = TestChain::start().await;
        let deployment = deployed(&chain).await;
        let mut former = TestSystem::with(&chain, &deployment, SystemOptions::default()).await;
        let clinic = Clinic::open(&former, "Doctor").await;
        until("the outbox is empty", async || outbox(&former).await == 0).await;
        chain.call("evm_setAutomine", json!([false])).await;
        let commands = register(&former, &clinic.key, 3).await;
        former.system.take().unwrap().stop().await;
        chain.call("anvil_dropAllTransactions", json!([])).await;
        chain.call("evm_setAutomine", json!([true])).await;
        Self {
            chain,
            clinic,
            commands,
            former,
        }
    }

    /// A server with one of the chain's keys, on the same database.
    async fn serve(&self, signer: usize) -> TestSystem {
        let options = SystemOptions {
            database: Some(self.former.database.clone()),
            signer,
            ..SystemOptions::default()
        };
        TestSystem::launch(&self.chain, &self.former.deployment, options).await
    }
}

async fn outbox(system: &TestSystem) -> i64 {
    let rows = "SELECT (SELECT count(*) FROM outbox_transactions) + (SELECT count(*) FROM outbox_commits)";
    sqlx::query_scalar(rows).fetch_one(&system.parts().pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_former_signing_key_has_signed_is_sent_on_and_forgotten_when_it_is_final() {
    let scene = Scene::begin().await;
    let system = scene.serve(2).await;
    for command in &scene.commands {
        scene.clinic.done(&system, command).await;
    }
    until("the outbox is empty", async || outbox(&system).await == 0).await;
    let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
    system.recovers(&administrator).await;
    // The server's own key appends as ever.
    scene.clinic.patient(&system, "Newcomer").await;
    system.agrees_with_a_rebuild(&scene.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_the_former_key_is_told_and_done_as_soon_as_it_is_back() {
    let scene = Scene::begin().await;
    let system = scene.serve(2).await;
    // Somebody has lost the first of them.
    let lost = "DELETE FROM outbox_transactions WHERE nonce = (SELECT min(nonce) FROM outbox_transactions)";
    sqlx::query(lost).execute(&system.parts().pool).await.unwrap();
    let lost = "DELETE FROM outbox_commits WHERE nonce = (SELECT min(nonce) FROM outbox_commits)";
    sqlx::query(lost).execute(&system.parts().pool).await.unwrap();
    let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
    system
        .says(&administrator, "appender", "is missing, and none after it can be mined")
        .await;
    let (status, body) = system.get("/v1/admin/status", &administrator).await;
    assert_eq!(status, 200);
    let troubles = body["troubles"].as_array().unwrap();
    let code = json!("outbox-without-holder");
    assert!(troubles.iter().any(|trouble| trouble["code"] == code), "{body}");
    let (_, readiness) = system.get("/health/ready", "").await;
    assert!(
        is_ready(&readiness, "appender"),
        "new commands are executed: {readiness}"
    );
    scene.clinic.patient(&system, "Newcomer").await;

    let owner = scene.serve(1).await;
    for command in &scene.commands[1..] {
        scene.clinic.done(&owner, command).await;
    }
    system.recovers(&administrator).await;
    owner.stop().await;
    system.agrees_with_a_rebuild(&scene.chain).await;
}

fn is_ready(readiness: &Value, part: &str) -> bool {
    let parts = readiness["components"].as_array().unwrap();
    parts.iter().find(|one| one["name"] == part).unwrap()["ready"] == true
}
