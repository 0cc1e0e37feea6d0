//! Transactions of a signing key that no server holds any more: its key was changed, or its server is gone for good.

use infrastructure::chain::{Node, RpcOptions, SignedTransaction, Signer, Transaction};
use infrastructure::postgres::{self, LIVE};
use serde_json::json;
use sqlx::PgPool;
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
    /// Into the database that it has left.
    pool: PgPool,
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
        let pool = postgres::pool(&former.database, LIVE, 2).unwrap();
        Self {
            chain,
            clinic,
            commands,
            former,
            pool,
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

/// Whether everything in the outbox is signed by the second key.
async fn is_taken_over(system: &TestSystem) -> bool {
    let signer: Signer = KEYS[2].parse().unwrap();
    let address = signer.address();
    let others = sqlx::query_scalar("SELECT count(*) FROM outbox_commits WHERE signer <> $1");
    let others = others.bind(address.0.as_slice());
    let others: i64 = others.fetch_one(&system.parts().pool).await.unwrap();
    others == 0
}

impl Scene {
    /// All that the former key has signed, as it goes to a node, with the nonces.
    async fn signed(&self) -> Vec<(i64, Vec<u8>)> {
        let signed = sqlx::query_as("SELECT nonce, raw FROM outbox_transactions ORDER BY nonce");
        signed.fetch_all(&self.pool).await.unwrap()
    }

    /// The first of it, signed otherwise.
    async fn first_as(&self, change: impl FnOnce(Transaction) -> Transaction) -> SignedTransaction {
        let (transaction, _) = Transaction::decode(&self.signed().await[0].1).unwrap();
        let signer: Signer = KEYS[1].parse().unwrap();
        signer.sign(change(transaction)).unwrap()
    }

    /// The former key has signed the first of it otherwise.
    async fn change_first(&self, change: impl FnOnce(Transaction) -> Transaction) {
        let (nonce, _) = self.signed().await[0];
        let signed = self.first_as(change).await;
        let change = sqlx::query("UPDATE outbox_transactions SET hash = $2, raw = $3 WHERE nonce = $1");
        let change = change.bind(nonce).bind(signed.hash.as_slice()).bind(signed.raw);
        change.execute(&self.pool).await.unwrap();
    }

    /// Somebody gives transactions of the former key to the node, until it has executed them up to this nonce.
    async fn send(&self, transactions: &[&[u8]], up_to: i64) {
        let signer: Signer = KEYS[1].parse().unwrap();
        let node = Node::discover(&[self.chain.url().to_owned()], RpcOptions::default())
            .await
            .unwrap();
        until("they are executed", async || {
            for raw in transactions {
                // It may have them already.
                let _ = node.send_raw(raw).await;
            }
            self.chain.mine(1).await;
            node.nonce(signer.address()).await.unwrap() > up_to.unsigned_abs()
        })
        .await;
    }

    /// Every command is done, once, by a server that has never had the former key; and nothing is left or wrong.
    async fn ends_well(self, system: TestSystem) {
        for command in &self.commands {
            self.clinic.done(&system, command).await;
        }
        until("the outbox is empty", async || outbox(&system).await == 0).await;
        let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
        system.recovers(&administrator).await;
        self.clinic.patient(&system, "Newcomer").await;
        let families = "SELECT count(*), count(DISTINCT command_id) FROM journal WHERE aggregate_id LIKE 'patient/%'";
        let (events, commands): (i64, i64) = sqlx::query_as(families).fetch_one(&system.parts().pool).await.unwrap();
        let registered = i64::try_from(self.commands.len()).unwrap() + 1;
        assert_eq!((events, commands), (registered, registered), "each was registered once");
        // The former key is good for new commands, whenever it comes back.
        let owner = self.serve(1).await;
        self.clinic.patient(&owner, "Later").await;
        owner.stop().await;
        system.agrees_with_a_rebuild(&self.chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_out_of_gas_under_a_former_key_is_signed_anew_by_a_living_one() {
    let scene = Scene::begin().await;
    // Enough to be taken, not enough to be executed.
    let starve = |transaction: Transaction| Transaction {
        gas_limit: transaction.gas_limit * 6 / 10,
        ..transaction
    };
    scene.change_first(starve).await;
    let system = scene.serve(2).await;
    scene.ends_well(system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_somebody_else_used_strands_no_commit_of_a_former_key() {
    let scene = Scene::begin().await;
    let signer: Signer = KEYS[1].parse().unwrap();
    let to_itself = |transaction: Transaction| Transaction {
        to: Some(signer.address()),
        data: Vec::new(),
        ..transaction
    };
    let (nonce, _) = scene.signed().await[0];
    scene.send(&[&scene.first_as(to_itself).await.raw], nonce).await;
    let system = scene.serve(2).await;
    scene.ends_well(system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_gap_in_a_former_keys_nonces_nothing_waits() {
    let mut scene = Scene::begin().await;
    // Somebody has lost the first of them.
    for table in ["outbox_transactions", "outbox_commits"] {
        let lost = format!("DELETE FROM {table} WHERE nonce = (SELECT min(nonce) FROM {table})");
        sqlx::query(&lost).execute(&scene.pool).await.unwrap();
    }
    scene.commands.remove(0);
    let system = scene.serve(2).await;
    scene.ends_well(system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_that_is_too_low_is_paid_by_a_living_key_and_the_former_transactions_double_nothing() {
    for former_first in [true, false] {
        let scene = Scene::begin().await;
        let signed = scene.signed().await;
        let former: Vec<&[u8]> = signed.iter().map(|(_, raw)| raw.as_slice()).collect();
        let last = signed[2].0;
        let least = |transaction: Transaction| Transaction {
            max_fee: 1,
            priority_fee: 0,
            ..transaction
        };
        scene.change_first(least).await;
        if former_first {
            scene.chain.call("evm_setAutomine", json!([false])).await;
        }
        let system = scene.serve(2).await;
        until("they are taken over", async || is_taken_over(&system).await).await;
        if former_first {
            // What was once signed is good for ever, in whosever hands it is.
            scene.chain.call("anvil_dropAllTransactions", json!([])).await;
            scene.send(&former, last).await;
            scene.chain.call("evm_setAutomine", json!([true])).await;
        } else {
            for command in &scene.commands {
                scene.clinic.done(&system, command).await;
            }
            scene.send(&former, last).await;
        }
        scene.ends_well(system).await;
    }
}
