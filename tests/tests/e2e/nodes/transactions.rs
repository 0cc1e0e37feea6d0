//! Transactions are lost on their way into a block, get stuck, or are taken out of their block again, also while the server is
//! down. Every command that was accepted is appended in the end, once, and the read models are those of a fresh rebuild.

use std::time::Duration;

use api_config::FinalityRule;
use infrastructure::chain::Deployment;
use serde_json::{Value, json};
use tests::chain::{Heartbeat, KEYS, TestChain};
use tests::clinic::Clinic;
use tests::people::Person;
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// How many confirmations make a block final where one can be taken back.
const CONFIRMATIONS: u64 = 8;

/// A hundred gwei: more than twice what a test chain's gas costs.
const HIGH_FEE: u128 = 100_000_000_000;

/// One gwei: what a test chain suggests for a block's producer.
const USUAL_TIP: u128 = 1_000_000_000;

fn undoable() -> SystemOptions {
    SystemOptions {
        finality: FinalityRule::Confirmations(CONFIRMATIONS),
        ..SystemOptions::default()
    }
}

/// A clinic whose doctor offers 40 slots on each of two days.
struct Scene {
    chain: TestChain,
    deployment: Deployment,
    system: TestSystem,
    clinic: Clinic,
    patient: String,
    slots: u32,
}

impl Scene {
    async fn begin(options: SystemOptions) -> Self {
        let chain = TestChain::start().await;
        let deployment = deployed(&chain).await;
        // Confirmations take blocks.
        let heartbeat = (options.finality != FinalityRule::Instant).then(|| Heartbeat::of(&chain));
        let system = TestSystem::with(&chain, &deployment, options).await;
        let clinic = Clinic::open(&system, "Doctor").await;
        clinic.offer(&system, 40).await;
        clinic.offer_on(&system, clinic.day.succ_opt().unwrap(), 40).await;
        let patient = clinic.patient(&system, "Patient").await;
        system.settled().await;
        drop(heartbeat);
        Self {
            chain,
            deployment,
            system,
            clinic,
            patient,
            slots: 0,
        }
    }

    /// From now on blocks are mined only when they are asked for.
    async fn mine_on_demand(&self) {
        self.chain.call("evm_setAutomine", json!([false])).await;
    }

    /// The server's transactions in the node's pool.
    async fn pooled(&self) -> Vec<Value> {
        let pool = self.chain.call("txpool_content", json!([])).await;
        let of_one = |account: &Value| {
            account
                .as_object()
                .expect("by nonce")
                .values()
                .cloned()
                .collect::<Vec<_>>()
        };
        let kinds = ["pending", "queued"].into_iter();
        kinds
            .flat_map(|kind| pool[kind].as_object().expect("by account").values())
            .flat_map(of_one)
            .collect()
    }

    async fn some_are_pooled(&self) {
        until("a transaction is in the pool", async || !self.pooled().await.is_empty()).await;
    }

    /// Hands over bookings of the next slots, and answers with the commands' paths once they are durable.
    async fn accept(&mut self, slots: u32) -> Vec<String> {
        let mut commands = Vec::new();
        for number in self.slots..self.slots + slots {
            commands.push(self.clinic.book_later(&self.system, &self.patient, number).await);
        }
        self.slots += slots;
        commands
    }

    /// Waits until everything that was accepted is appended, and checks that each is there once.
    async fn all_done(&self, commands: Vec<String>, since: u64) {
        let appended = commands.len() as u64;
        for command in commands {
            self.clinic.done(&self.system, &command).await;
        }
        assert_eq!(self.system.settled().await, since + appended);
        let appointments = self.clinic.appointments(&self.system).await;
        assert_eq!(appointments.len(), self.slots as usize, "none missing, none doubled");
    }

    /// Stops the server, and starts it again after `meanwhile` on the same database.
    async fn restart_after(&mut self, meanwhile: impl AsyncFnOnce(&TestChain)) {
        let database = self.system.database.clone();
        if let Some(system) = self.system.system.take() {
            system.stop().await;
        }
        meanwhile(&self.chain).await;
        let options = SystemOptions {
            database: Some(database),
            ..undoable()
        };
        self.system = TestSystem::launch(&self.chain, &self.deployment, options).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_pool_dropped_is_sent_again() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.system.position().await;
    scene.mine_on_demand().await;
    let commands = scene.accept(3).await;
    for _ in 0..2 {
        scene.some_are_pooled().await;
        for transaction in scene.pooled().await {
            scene
                .chain
                .call("anvil_dropTransaction", json!([transaction["hash"]]))
                .await;
        }
    }
    scene.some_are_pooled().await;
    assert_eq!(scene.system.position().await, before);
    let heartbeat = Heartbeat::of(&scene.chain);
    scene.all_done(commands, before).await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
    drop(heartbeat);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_offers_too_little_when_it_is_sent_is_replaced() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.system.position().await;
    scene
        .chain
        .call("anvil_setNextBlockBaseFeePerGas", json!([format!("{HIGH_FEE:#x}")]))
        .await;
    scene.chain.mine(1).await;
    let commands = scene.accept(2).await;
    scene.all_done(commands, before).await;
    let (all, producer) = highest_offers(&scene.chain).await;
    assert!(all >= HIGH_FEE / 2, "{all}");
    assert!(producer < 3 * USUAL_TIP, "{producer}");
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_stuck_in_the_pool_is_replaced_at_a_higher_fee() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.system.position().await;
    scene.mine_on_demand().await;
    let commands = scene.accept(3).await;
    scene.some_are_pooled().await;
    let stuck = scene.pooled().await;
    // Gas has become dear, and stays so.
    until("it is replaced and mined", async || {
        scene
            .chain
            .call("anvil_setNextBlockBaseFeePerGas", json!([format!("{HIGH_FEE:#x}")]))
            .await;
        scene.chain.mine(1).await;
        scene.system.position().await == before + 3
    })
    .await;
    for transaction in stuck {
        let receipt = scene
            .chain
            .call("eth_getTransactionReceipt", json!([transaction["hash"]]))
            .await;
        assert_eq!(receipt, Value::Null, "at its old fee it is in no block");
    }
    let (all, producer) = highest_offers(&scene.chain).await;
    assert!(all >= HIGH_FEE, "{all}");
    assert!(producer < 3 * USUAL_TIP, "{producer}");
    scene.all_done(commands, before).await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
}

/// The most that a transaction of the last blocks offered for a unit of gas, in all and for the block's producer.
async fn highest_offers(chain: &TestChain) -> (u128, u128) {
    let newest = chain.block_number().await;
    let wei = |quantity: &Value| {
        let digits = quantity.as_str().and_then(|digits| digits.strip_prefix("0x"));
        u128::from_str_radix(digits.expect("an offer"), 16).expect("a number")
    };
    let mut highest = (0, 0);
    for number in newest.saturating_sub(20)..=newest {
        let number = format!("{number:#x}");
        let block = chain.call("eth_getBlockByNumber", json!([number, true])).await;
        for transaction in block["transactions"].as_array().expect("transactions") {
            let (all, producer) = (&transaction["maxFeePerGas"], &transaction["maxPriorityFeePerGas"]);
            highest = (highest.0.max(wei(all)), highest.1.max(wei(producer)));
        }
    }
    highest
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rollback_took_out_of_its_block_is_appended_again() {
    let mut scene = Scene::begin(undoable()).await;
    for depth in [1, 4, CONFIRMATIONS - 1] {
        let before = scene.system.settled().await;
        let commands = scene.accept(4).await;
        until("they are in blocks", async || {
            scene.system.position().await == before + 4
        })
        .await;
        scene.chain.call("anvil_rollback", json!([depth])).await;
        let heartbeat = Heartbeat::of(&scene.chain);
        scene.all_done(commands, before).await;
        drop(heartbeat);
    }
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_done_when_its_block_is_final_and_not_before() {
    let mut scene = Scene::begin(undoable()).await;
    for restarts in [false, true] {
        let before = scene.system.settled().await;
        let commands = scene.accept(1).await;
        until("it is in a block", async || scene.system.position().await == before + 1).await;
        if restarts {
            scene.restart_after(async |_| ()).await;
        }
        scene.chain.mine(CONFIRMATIONS - 1).await;
        scene.system.settled().await;
        let (status, body) = scene.system.get(&commands[0], &scene.clinic.key).await;
        assert_eq!((status, &body["status"]), (200, &json!("pending")), "{body}");
        scene.chain.mine(1).await;
        scene.all_done(commands, before).await;
    }
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_whose_nonce_went_to_another_transaction_get_another_one() {
    let mut scene = Scene::begin(undoable()).await;
    let account = json!(KEYS[1].parse::<infrastructure::chain::Signer>().unwrap().address());
    let before = scene.system.settled().await;
    let nonce = scene
        .chain
        .call("eth_getTransactionCount", json!([account, "latest"]))
        .await;
    let commands = scene.accept(3).await;
    until("they are in blocks", async || {
        scene.system.position().await == before + 3
    })
    .await;
    // On the other branch somebody with the same key paid a bill meanwhile.
    let bill = json!({ "from": account, "to": account, "value": "0x1", "nonce": nonce, "gas": "0x5208",
                       "maxFeePerGas": format!("{HIGH_FEE:#x}"), "maxPriorityFeePerGas": "0x1" });
    scene.chain.call("anvil_reorg", json!([3, [[bill, 0]]])).await;
    let heartbeat = Heartbeat::of(&scene.chain);
    scene.all_done(commands, before).await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
    drop(heartbeat);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reorganisation_drops_while_the_server_is_down_is_appended_when_it_is_back() {
    let mut scene = Scene::begin(undoable()).await;
    for (depth, again) in [(2, 1), (CONFIRMATIONS, 1), (5, 3)] {
        let before = scene.system.settled().await;
        let commands = scene.accept(4).await;
        until("they are in blocks", async || {
            scene.system.position().await == before + 4
        })
        .await;
        scene
            .restart_after(async |chain| {
                for _ in 0..again {
                    chain.call("anvil_reorg", json!([depth, []])).await;
                }
            })
            .await;
        let heartbeat = Heartbeat::of(&scene.chain);
        scene.all_done(commands, before).await;
        drop(heartbeat);
    }
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_accepted_when_the_server_went_down_is_appended_when_it_is_back() {
    let mut scene = Scene::begin(undoable()).await;
    let before = scene.system.settled().await;
    scene.mine_on_demand().await;
    let mut commands = scene.accept(2).await;
    scene.some_are_pooled().await;
    // Some are mined while nobody looks, and dropped again; the others have never been in a block.
    scene
        .restart_after(async |chain| {
            chain.mine(2).await;
            chain.call("anvil_reorg", json!([2, []])).await;
        })
        .await;
    // On another day: what is decided on a day whose commits are not in the journal yet would have to be decided again.
    scene.clinic.day = scene.clinic.day.succ_opt().unwrap();
    commands.extend(scene.accept(2).await);
    scene
        .restart_after(async |chain| {
            chain.call("anvil_dropAllTransactions", json!([])).await;
        })
        .await;
    let heartbeat = Heartbeat::of(&scene.chain);
    scene.all_done(commands, before).await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
    drop(heartbeat);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_of_what_is_final_is_said_and_not_followed() {
    let mut scene = Scene::begin(undoable()).await;
    let before = scene.system.settled().await;
    let heartbeat = Heartbeat::of(&scene.chain);
    let commands = scene.accept(2).await;
    scene.all_done(commands, before).await;
    let administrator = Person::with_key(KEYS[0]).sign_in(&scene.system).await;
    drop(heartbeat);
    let (position, hashes) = (scene.system.settled().await, scene.system.hashes().await);

    let depth = scene.chain.block_number().await - scene.deployment.block - 2;
    scene.chain.call("anvil_reorg", json!([depth, []])).await;
    scene.system.says(&administrator, "follower", "which is final").await;
    assert_eq!(scene.system.settled().await, position);
    assert_eq!(scene.system.hashes().await, hashes);
    scene.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_were_made_anew_with_the_same_log_are_followed_however_deep() {
    let mut scene = Scene::begin(undoable()).await;
    let before = scene.system.settled().await;
    let empty = CONFIRMATIONS * 3;
    scene.chain.mine(empty).await;
    let newest = scene.chain.block_number().await;
    let administrator = Person::with_key(KEYS[0]).sign_in(&scene.system).await;
    until("they are applied", async || {
        let (_, body) = scene.system.get("/v1/admin/status", &administrator).await;
        body["chain"]["appliedBlock"] == newest
    })
    .await;
    scene.chain.call("anvil_reorg", json!([empty - 1, []])).await;
    let heartbeat = Heartbeat::of(&scene.chain);
    let commands = scene.accept(3).await;
    scene.all_done(commands, before).await;
    scene.system.recovers(&administrator).await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
    drop(heartbeat);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_dropped_transactions_rollbacks_and_reorganisations_together_lose_nothing() {
    let scene = Scene::begin(undoable()).await;
    let before = scene.system.settled().await;
    scene.mine_on_demand().await;
    let heartbeat = Heartbeat::of(&scene.chain);
    let faults = async {
        for round in 0..12_u64 {
            tokio::time::sleep(Duration::from_millis(70)).await;
            let (method, params) = match round % 3 {
                0 => ("anvil_dropAllTransactions", json!([])),
                1 => ("anvil_rollback", json!([1 + round % 4])),
                _ => ("anvil_reorg", json!([1 + round % CONFIRMATIONS, []])),
            };
            heartbeat.between_beats(scene.chain.call(method, params)).await;
        }
    };
    let (booked, ()) = tokio::join!(scene.clinic.book_all(&scene.system, &scene.patient, 0..40), faults);
    assert_eq!(scene.system.settled().await, before + 40);
    scene.clinic.has_exactly(&scene.system, booked).await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
    drop(heartbeat);
}
