//! The node lies, lags, fails or is another one. Whatever it does: it is noticed and said, nothing is shown or acknowledged on the
//! strength of it, and when it is honest again everything goes on, with nothing missing and nothing doubled.

use std::time::{Duration, Instant};

use api_config::FinalityRule;
use infrastructure::chain::RpcOptions;
use serde_json::{Value, json};
use tests::chain::{Heartbeat, KEYS, TestChain};
use tests::clinic::Clinic;
use tests::people::Person;
use tests::proxy::{Conduct, Proxy};
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// How many confirmations make a block final where one can be taken back.
const CONFIRMATIONS: u64 = 8;

/// A clinic whose only node may lie.
struct Scene {
    chain: TestChain,
    _heartbeat: Option<Heartbeat>,
    proxy: Proxy,
    system: TestSystem,
    administrator: String,
    clinic: Clinic,
    patient: String,
    booked: Vec<String>,
}

/// Everything that a lie could have changed.
#[derive(PartialEq, Debug)]
struct Shown {
    position: u64,
    hashes: Vec<(&'static str, u64, String)>,
    appointments: Vec<String>,
}

impl Scene {
    async fn begin(options: SystemOptions) -> Self {
        let chain = TestChain::start().await;
        let deployment = deployed(&chain).await;
        let proxy = Proxy::of(chain.url());
        // Confirmations take blocks.
        let heartbeat = (options.finality != FinalityRule::Instant).then(|| Heartbeat::of(&chain));
        let options = SystemOptions {
            node: Some(proxy.url()),
            ..options
        };
        let system = TestSystem::with(&chain, &deployment, options).await;
        let clinic = Clinic::open(&system, "Doctor").await;
        clinic.offer(&system, 40).await;
        clinic.offer_on(&system, clinic.day.succ_opt().unwrap(), 40).await;
        let patient = clinic.patient(&system, "Patient").await;
        let administrator = Person::with_key(KEYS[0]).sign_in(&system).await;
        let mut scene = Self {
            chain,
            _heartbeat: heartbeat,
            proxy,
            system,
            administrator,
            clinic,
            patient,
            booked: Vec::new(),
        };
        scene.book(2).await;
        scene
    }

    /// Books the next slots at once, and waits until all are acknowledged.
    async fn book(&mut self, slots: u32) {
        let first = u32::try_from(self.booked.len()).unwrap();
        let slots = first..first + slots;
        let booked = self.clinic.book_all(&self.system, &self.patient, slots).await;
        self.booked.extend(booked);
    }

    async fn shown(&self) -> Shown {
        Shown {
            position: self.system.position().await,
            hashes: self.system.hashes().await,
            appointments: self.clinic.appointments(&self.system).await,
        }
    }

    /// While a booking is under way the node behaves like this: it is said in these words and not believed, nobody is told that the
    /// slot is booked, and when the node is honest again it is.
    async fn is_said_and_not_believed(&mut self, conduct: Conduct, words: &str) {
        let before = self.shown().await;
        self.proxy.behave(conduct.clone());
        let next = u32::try_from(self.booked.len()).unwrap();
        let booking = self.clinic.book(&self.system, &self.patient, next);
        tokio::pin!(booking);
        tokio::select! {
            answer = &mut booking => panic!("{conduct:?} was believed: {answer:?}"),
            () = self.system.says(&self.administrator, "follower", words) => {}
        }
        assert!(self.proxy.lies() > 0);
        assert_eq!(self.shown().await, before);
        self.proxy.behave(Conduct::Honest);
        let (status, body) = booking.await;
        assert_eq!(status, 201, "{body}");
        self.booked.push(body["id"].as_str().unwrap().to_owned());
        self.system.recovers(&self.administrator).await;
        assert_eq!(self.system.position().await, before.position + 1);
    }

    /// The same with a command whose one transaction appends two entries: an appointment leaves one day and enters the next.
    async fn is_not_believed_of_two_entries(&self, conduct: Conduct, words: &str) {
        let before = self.shown().await;
        let (appointment, day) = (&self.booked[0], self.clinic.day.succ_opt().unwrap());
        self.proxy.behave(conduct.clone());
        let path = format!("/v1/appointments/{appointment}/reschedule");
        let body = json!({ "slot": self.clinic.slot(day, 7) });
        let moving = self.system.post(&path, &self.clinic.key, &body);
        tokio::pin!(moving);
        tokio::select! {
            answer = &mut moving => panic!("{conduct:?} was believed: {answer:?}"),
            () = self.system.says(&self.administrator, "follower", words) => {}
        }
        assert!(self.proxy.lies() > 0);
        assert_eq!(self.shown().await, before);
        self.proxy.behave(Conduct::Honest);
        let (status, body) = moving.await;
        assert_eq!(status, 200, "{body}");
        self.system.recovers(&self.administrator).await;
        assert_eq!(self.system.position().await, before.position + 2);
        let (status, body) = self
            .system
            .get(&format!("/v1/appointments/{appointment}"), &self.clinic.key)
            .await;
        assert_eq!((status, &body["start"]), (200, &self.clinic.slot(day, 7)["start"]));
    }

    /// Whether the server says that it can be used, and which parts of it cannot do their work.
    async fn health(&self) -> (u16, Vec<String>) {
        let (status, body) = self.system.get("/health/ready", "").await;
        let idle = body["components"].as_array().expect("components").iter();
        let idle = idle.filter(|component| component["ready"] == false);
        let idle = idle.map(|component| component["name"].as_str().expect("a name").to_owned());
        (status, idle.collect())
    }

    /// The newest block that was applied.
    async fn applied_block(&self) -> u64 {
        let (status, body) = self.system.get("/v1/admin/status", &self.administrator).await;
        assert_eq!(status, 200, "{body}");
        body["chain"]["appliedBlock"].as_u64().expect("a block")
    }

    /// For how long the oldest commit has been waiting.
    async fn oldest_ms(&self) -> u64 {
        let (status, body) = self.system.get("/v1/admin/status", &self.administrator).await;
        assert_eq!(status, 200, "{body}");
        body["outbox"]["oldestMs"].as_u64().unwrap_or(0)
    }

    /// Everything that was acknowledged is there once, and the read models are what the chain says.
    async fn ends_well(self) {
        self.clinic.has_exactly(&self.system, self.booked).await;
        self.system.agrees_with_a_rebuild(&self.chain).await;
    }
}

fn undoable() -> SystemOptions {
    SystemOptions {
        finality: FinalityRule::Confirmations(CONFIRMATIONS),
        ..SystemOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_a_node_leaves_out_is_missed() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    scene
        .is_not_believed_of_two_entries(Conduct::OmitsTheFirstEntry, "comes next")
        .await;
    let words = "do not add up to the contract's running hash";
    scene.is_said_and_not_believed(Conduct::OmitsTheLastEntry, words).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_shown_without_its_entries_is_not_applied() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let words = "do not add up to the contract's running hash";
    scene
        .is_not_believed_of_two_entries(Conduct::DropsABlocksEntries, words)
        .await;
    scene
        .is_said_and_not_believed(Conduct::DropsABlocksEntries, words)
        .await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_a_node_altered_is_not_applied() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let words = "do not add up to the contract's running hash";
    scene
        .is_not_believed_of_two_entries(Conduct::AltersPayloads, words)
        .await;
    scene.is_said_and_not_believed(Conduct::AltersPayloads, words).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_that_a_node_hides_is_not_taken_for_a_booking() {
    let scene = Scene::begin(SystemOptions::default()).await;
    let options = SystemOptions {
        signer: 2,
        ..SystemOptions::default()
    };
    let other = TestSystem::launch(&scene.chain, &scene.system.deployment, options).await;
    other.learn_keys_of(&scene.system).await;
    let rival = Clinic::open(&other, "Doctor").await;
    let rivals_patient = scene.clinic.patient(&scene.system, "Rival").await;
    other.learn_keys_of(&scene.system).await;
    // One server does not see yet that the other was faster.
    let block = scene.chain.block_number().await;
    scene.proxy.behave(Conduct::IsStillAt(block));
    let (status, body) = rival.book(&other, &rivals_patient, 10).await;
    assert_eq!(status, 201, "{body}");
    let seen = scene.chain.block_number().await;
    let booking = scene.clinic.book(&scene.system, &scene.patient, 10);
    let (answer, ()) = tokio::join!(booking, async {
        until("the contract has rejected it", async || {
            scene.chain.block_number().await > seen
        })
        .await;
        scene.proxy.behave(Conduct::HidesRejections);
    });
    assert!(scene.proxy.lies() > 0);
    let (status, body) = answer;
    assert_eq!((status, &body["type"]), (409, &json!("/problems/slot-taken")), "{body}");
    scene.proxy.behave(Conduct::Honest);
    assert_eq!(scene.system.position().await, other.position().await);
    other.stop().await;
    scene.system.agrees_with_a_rebuild(&scene.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lies_about_many_blocks_is_not_believed_about_any() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.shown().await;
    // More blocks than the follower takes at once; what they hold is appended by another server.
    let options = SystemOptions {
        signer: 2,
        ..SystemOptions::default()
    };
    let other = TestSystem::launch(&scene.chain, &scene.system.deployment, options).await;
    other.learn_keys_of(&scene.system).await;
    scene.proxy.close().await;
    let clinic = Clinic::open(&other, "Other doctor").await;
    clinic.offer(&other, 5).await;
    scene.chain.mine(150).await;
    clinic.offer(&other, 6).await;
    for (conduct, words) in [
        (Conduct::OmitsTheFirstEntry, "comes next"),
        (Conduct::OmitsTheLastEntry, "running hash"),
        (Conduct::DropsABlocksEntries, "running hash"),
        (Conduct::AltersPayloads, "running hash"),
    ] {
        scene.proxy.behave(conduct);
        if words == "comes next" {
            scene.proxy.open();
        }
        // What it said of the former lie is not what it says of this one.
        until("it has lied", async || scene.proxy.lies() > 3).await;
        scene.system.says(&scene.administrator, "follower", words).await;
        assert_eq!(scene.shown().await, before);
    }
    scene.proxy.behave(Conduct::Honest);
    let position = other.position().await;
    until("all is applied", async || scene.system.position().await == position).await;
    scene.book(2).await;
    other.stop().await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_back_behind_what_is_final_is_not_followed() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let block = scene.chain.block_number().await;
    let still = Conduct::IsStillAt(block - 2);
    scene.is_said_and_not_believed(still, "behind the block").await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_back_inside_the_window_takes_nothing_that_was_acknowledged() {
    let mut scene = Scene::begin(undoable()).await;
    scene.book(4).await;

    for back in [2, 5] {
        let acknowledged = scene.booked.clone();
        let block = scene.chain.block_number().await;
        scene.proxy.behave(Conduct::IsStillAt(block - back));
        let next = u32::try_from(scene.booked.len()).unwrap();
        let booking = scene.clinic.book(&scene.system, &scene.patient, next);
        tokio::pin!(booking);
        // As after a reorganisation, the server is where its node is, once that has been so for a while.
        tokio::select! {
            answer = &mut booking => panic!("acknowledged by a node that has not seen it: {answer:?}"),
            () = until("the node is followed", async || scene.applied_block().await == block - back) => {}
        }
        scene.clinic.has_exactly(&scene.system, acknowledged).await;
        scene.proxy.behave(Conduct::Honest);
        let (status, body) = booking.await;
        assert_eq!(status, 201, "{body}");
        scene.booked.push(body["id"].as_str().unwrap().to_owned());
        scene.system.recovers(&scene.administrator).await;
    }
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_not_mistaken_for_an_answer() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    for conduct in [Conduct::AnswersNoJson, Conduct::AnswersAnotherShape] {
        scene.is_said_and_not_believed(conduct.clone(), "malformed").await;
        scene.proxy.behave(conduct);
        scene.system.says(&scene.administrator, "follower", "malformed").await;
        let idle = ["chain", "follower"].map(str::to_owned);
        assert_eq!(scene.health().await, (200, idle.to_vec()));
        scene.proxy.behave(Conduct::Honest);
        scene.system.recovers(&scene.administrator).await;
    }
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_another_chain_is_refused_from_the_start() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let proxy = Proxy::of(chain.url());
    proxy.behave(Conduct::ClaimsChain(1));
    let options = SystemOptions {
        node: Some(proxy.url()),
        ..SystemOptions::default()
    };
    let blocks = chain.block_number().await;
    let system = TestSystem::launch(&chain, &deployment, options).await;
    until("it is said", async || {
        let (status, body) = system.get("/health/ready", "").await;
        let ready = |name: &str| {
            let components = body["components"].as_array().expect("components");
            components.iter().any(|one| one["name"] == name && one["ready"] == true)
        };
        status == 200 && ready("database") && !ready("chain") && !ready("follower")
    })
    .await;
    assert!(proxy.lies() > 0);
    assert_eq!(system.position().await, 0);
    assert_eq!(chain.block_number().await, blocks, "nothing was sent to it");

    proxy.behave(Conduct::Honest);
    system.administrator().await;
    let clinic = Clinic::open(&system, "Doctor").await;
    clinic.offer(&system, 2).await;
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_on_another_chain_is_refused() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    scene.proxy.behave(Conduct::Fails);
    scene
        .system
        .says(&scene.administrator, "follower", "HTTP status 500")
        .await;
    let words = "the node is on chain 1, not";
    scene.is_said_and_not_believed(Conduct::ClaimsChain(1), words).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chain_with_the_same_id_and_contract_is_not_taken_for_ours() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let other = TestChain::start().await;
    let deployment = deployed(&other).await;
    assert_eq!(deployment.address, scene.system.deployment.address);
    let elsewhere = Conduct::IsAnother(other.url().to_owned());
    // It is shorter at first, and longer later.
    scene
        .is_said_and_not_believed(elsewhere.clone(), "behind the block")
        .await;
    other.mine(scene.chain.block_number().await + 20).await;
    scene.is_said_and_not_believed(elsewhere, "which is final").await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_loses_nothing_under_load() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.system.position().await;
    scene.proxy.behave(Conduct::Delays(Duration::from_millis(800)));
    scene.book(20).await;
    assert!(scene.proxy.lies() > 0);
    let asked = Instant::now();
    // A node that is slow is not said to be away.
    assert_eq!(scene.health().await, (200, Vec::new()));
    assert!(
        asked.elapsed() < Duration::from_millis(750),
        "a probe does not wait for the node"
    );
    scene.proxy.behave(Conduct::Honest);
    assert_eq!(scene.system.position().await, before + 20);
    scene.book(5).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_is_given_up_in_time() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let forever = Conduct::Delays(Duration::from_secs(60));
    scene.is_said_and_not_believed(forever, "did not answer in time").await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_node_is_down_reads_go_on_and_what_is_accepted_is_appended_later_once() {
    let mut scene = Scene::begin(SystemOptions {
        command_wait: Some(1),
        ..SystemOptions::default()
    })
    .await;
    for down in [Conduct::Honest, Conduct::Fails] {
        let before = scene.shown().await;
        if down == Conduct::Honest {
            scene.proxy.close().await;
        }
        scene.proxy.behave(down.clone());
        scene.system.says(&scene.administrator, "follower", "the node").await;
        assert_eq!(
            scene.health().await,
            (200, vec!["chain".to_owned(), "follower".to_owned()])
        );
        assert_eq!(scene.shown().await, before);
        let next = u32::try_from(scene.booked.len()).unwrap();
        let durable = scene.clinic.book_later(&scene.system, &scene.patient, next).await;
        let (status, waited) = scene.clinic.book(&scene.system, &scene.patient, next + 1).await;
        assert_eq!((status, &waited["status"]), (202, &json!("pending")), "{waited}");
        let (status, taken) = scene.clinic.book(&scene.system, &scene.patient, next).await;
        // Whether the slot is taken is not certain before the chain has said so.
        assert_eq!(
            (status, &taken["type"]),
            (503, &json!("/problems/not-final")),
            "{taken}"
        );
        assert_eq!(scene.shown().await, before);

        match down {
            Conduct::Honest => scene.proxy.open(),
            _ => scene.proxy.behave(Conduct::Honest),
        }
        for command in [durable, format!("/v1/commands/{}", text(&waited["id"]))] {
            scene.clinic.done(&scene.system, &command).await;
        }
        let (status, taken) = scene.clinic.book(&scene.system, &scene.patient, next).await;
        assert_eq!(status, 409, "{taken}");
        scene.system.recovers(&scene.administrator).await;
        assert_eq!(scene.system.position().await, before.position + 2);
        scene.booked = scene.clinic.appointments(&scene.system).await;
        assert_eq!(scene.booked.len(), before.appointments.len() + 2);
    }
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_while_the_node_is_down_can_be_read_and_goes_on_when_it_is_back() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.shown().await;
    until("the outbox has forgotten what is final", async || {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox_transactions")
            .fetch_one(&scene.system.parts().pool)
            .await
            .unwrap();
        left == 0
    })
    .await;
    scene.proxy.close().await;
    let (database, deployment) = (scene.system.database.clone(), scene.system.deployment);
    scene.system.system.take().unwrap().stop().await;
    let options = SystemOptions {
        node: Some(scene.proxy.url()),
        database: Some(database),
        command_wait: Some(1),
        ..SystemOptions::default()
    };
    scene.system = TestSystem::launch(&scene.chain, &deployment, options).await;
    scene.system.says(&scene.administrator, "appender", "the node").await;
    assert_eq!(scene.shown().await, before);
    // Nobody can tell the account's next nonce, so nothing can be signed: a command is turned away, for good.
    let next = u32::try_from(scene.booked.len()).unwrap();
    let (status, refused) = scene.clinic.book(&scene.system, &scene.patient, next).await;
    assert_eq!(status, 503, "{refused}");
    assert_eq!(scene.shown().await, before);

    scene.proxy.open();
    scene.system.recovers(&scene.administrator).await;
    scene.book(1).await;
    assert_eq!(scene.system.position().await, before.position + 1);
    scene.ends_well().await;
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_a_node_swallowed_is_sent_again() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.system.position().await;
    scene.proxy.behave(Conduct::SwallowsTransactions(1));
    scene.book(3).await;
    assert_eq!(scene.proxy.lies(), 1);
    assert_eq!(scene.system.position().await, before + 3);
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_a_node_leaves_lying_is_offered_again_long_before_its_answer_is_given_up() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.system.position().await;
    let silence = Duration::from_secs(600);
    scene.proxy.behave(Conduct::LeavesTransactionsLying(1, silence));
    let began = Instant::now();
    scene.book(3).await;
    assert_eq!(scene.proxy.lies(), 1);
    assert!(began.elapsed() < RpcOptions::default().timeout);
    assert_eq!(scene.system.position().await, before + 3);
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_because_a_node_said_that_it_took_the_transaction() {
    let mut scene = Scene::begin(SystemOptions::default()).await;
    let before = scene.shown().await;
    scene.proxy.behave(Conduct::SwallowsTransactions(u32::MAX));
    let next = u32::try_from(scene.booked.len()).unwrap();
    let booked = {
        let booking = scene.clinic.book_all(&scene.system, &scene.patient, next..next + 3);
        tokio::pin!(booking);
        tokio::select! {
            answers = &mut booking => panic!("acknowledged: {answers:?}"),
            () = until("it is said that they wait", async || scene.oldest_ms().await > 2_000) => {}
        }
        assert!(scene.proxy.lies() > 0);
        assert_eq!(scene.shown().await, before);
        scene.proxy.behave(Conduct::Honest);
        booking.await
    };
    scene.booked.extend(booked);
    assert_eq!(scene.system.position().await, before.position + 3);
    assert_eq!(scene.oldest_ms().await, 0);
    scene.ends_well().await;
}
