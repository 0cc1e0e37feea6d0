//! `medconnect namespace`, on a contract that stands: its owner says who writes, and hands it over. Whatever cannot be done is said with what to do.

use std::time::Duration;

use api_config::FinalityRule;
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::KEYS;
use tests::site::{Desk, Said, Site, signer};
use tests::system::until;
use tokio::time::timeout;

/// A contract with the namespace 1, which the first test key owns and in which nobody writes.
struct Scene {
    site: Site,
    contract: String,
}

impl Scene {
    async fn begin() -> Self {
        let site = Site::bare().await;
        let deployed = site.deploy(&[]).await;
        let contract = deployed.lines().find_map(|line| line.strip_prefix("contract = "));
        let contract = contract.unwrap().trim_matches('"').to_owned();
        Self { site, contract }
    }

    /// Runs `medconnect namespace ACT --namespace NUMBER …` as one of the test keys.
    async fn run(&self, key: usize, act: &str, namespace: u32, more: &[&str]) -> Said {
        let namespace = namespace.to_string();
        let there = [act, "--namespace", &namespace];
        self.run_bare(key, &[&there, more].concat()).await
    }

    async fn run_bare(&self, key: usize, arguments: &[&str]) -> Said {
        let there = ["--node", self.site.chain.url(), "--contract", &self.contract];
        let arguments = [&["namespace"], arguments, &there].concat();
        let said = self
            .site
            .run(&arguments, &[("MEDCONNECT_DEPLOYER_KEY", KEYS[key])])
            .await;
        assert!(
            !said.err.contains(&KEYS[key][..16]),
            "a secret is printed: {}",
            said.err
        );
        said
    }

    async fn does(&self, key: usize, act: &str, more: &[&str], words: &str) {
        let said = self.run(key, act, 1, more).await;
        assert_eq!(said.code, 0, "{act}: {}", said.err);
        assert!(
            format!("{}{}", said.out, said.err).contains(words),
            "{act}: {}{}",
            said.out,
            said.err
        );
    }

    async fn may_not(&self, key: usize, act: &str, more: &[&str], words: &[&str]) {
        refused(&self.run(key, act, 1, more).await, 1, words);
    }
}

fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{}", said.err);
    for word in words {
        assert!(said.err.contains(word), "{word} is missing: {}", said.err);
    }
}

fn address(key: usize) -> String {
    signer(key).address().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_alone_says_who_writes_and_nothing_is_done_twice() {
    let scene = Scene::begin().await;
    let (owner, writer) = (address(0), address(1));
    let sent = async || {
        let sent = scene
            .site
            .chain
            .call("eth_getTransactionCount", json!([owner, "latest"]));
        u64::from_str_radix(sent.await.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    let before = sent().await;
    scene
        .may_not(
            2,
            "admit",
            &[&writer],
            &["does not own the namespace 1", &address(2), &owner],
        )
        .await;
    scene.does(2, "dismiss", &[&writer], "is no writer").await;
    for _ in 0..2 {
        scene.does(0, "admit", &[&writer], "may append").await;
    }
    scene
        .may_not(2, "dismiss", &[&writer], &["does not own the namespace 1"])
        .await;
    for words in ["may not append any more", "is no writer"] {
        scene.does(0, "dismiss", &[&writer], words).await;
    }
    assert_eq!(sent().await, before + 2);
    scene.does(0, "admit", &[&writer], "may append").await;
    scene
        .does(
            0,
            "show",
            &[&writer, &owner],
            &format!("{writer}: writer 2\n{owner}: no writer\n"),
        )
        .await;
    refused(&scene.run(0, "admit", 2, &[&writer]).await, 1, &["no namespace 2"]);
    refused(&scene.run(0, "show", 2, &[]).await, 1, &["no namespace 2"]);
    let nobody = format!("0x{}", "0".repeat(40));
    for act in ["admit", "dismiss", "offer"] {
        refused(&scene.run(0, act, 1, &[&nobody]).await, 2, &[&nobody, "nobody's"]);
    }
    refused(&scene.run(0, "admit", 1, &["0x12"]).await, 2, &["0x12"]);
    refused(&scene.run(0, "offer", 1, &[]).await, 2, &["ADDRESS"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_handed_over_in_two_steps_and_two_days() {
    let scene = Scene::begin().await;
    let (owner, heir) = (address(0), address(2));
    let shown = format!("owner: {owner}\ntakes: sealed events\ndelay: 172800 seconds");
    scene.does(0, "show", &[], &shown).await;
    scene.may_not(2, "accept", &[], &["not offered", &heir]).await;
    scene.may_not(2, "offer", &[&heir], &["does not own"]).await;

    scene.does(0, "offer", &[&heir], "who can accept it in 172").await;
    scene.does(0, "show", &[], &format!("offered to: {heir}")).await;
    scene.may_not(2, "accept", &[], &["can be accepted in"]).await;
    scene.does(0, "offer", &["--take-back"], "offered to nobody").await;
    scene.may_not(2, "accept", &[], &["not offered"]).await;

    scene.does(0, "offer", &[&heir], "can accept it").await;
    scene.site.chain.call("evm_increaseTime", json!([172_700])).await;
    scene.site.chain.mine(1).await;
    // Offered again, it is the same offer: the delay does not begin anew.
    scene.does(0, "offer", &[&heir], "can accept it").await;
    scene.site.chain.call("evm_increaseTime", json!([101])).await;
    scene.site.chain.mine(1).await;
    for _ in 0..2 {
        let accepted = format!("the namespace 1 is {heir}'s");
        scene.does(2, "accept", &[], &accepted).await;
    }
    scene.may_not(0, "admit", &[&heir], &["does not own"]).await;
    scene.does(2, "admit", &[&heir], "may append").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_has_sent_is_not_sent_again_and_is_waited_for() {
    let scene = Scene::begin().await;
    let chain = &scene.site.chain;
    chain.call("evm_setAutomine", json!([false])).await;
    // Killed once its transaction is in the node's pool: it waits for a block.
    let writer = address(1);
    let admit = async || scene.run(0, "admit", 1, &[&writer]).await;
    assert!(timeout(Duration::from_secs(3), admit()).await.is_err());
    let (said, ()) = tokio::join!(admit(), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        chain.mine(1).await;
    });
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("may append"), "{}", said.err);
    scene.does(0, "show", &[&writer], &format!("{writer}: writer 1")).await;

    // The same with what another one does.
    let heir = address(2);
    chain.call("evm_setAutomine", json!([true])).await;
    scene.does(0, "offer", &[&heir], "can accept it").await;
    chain.call("evm_increaseTime", json!([172_801])).await;
    chain.mine(1).await;
    chain.call("evm_setAutomine", json!([false])).await;
    let accept = async || scene.run(2, "accept", 1, &[]).await;
    assert!(timeout(Duration::from_secs(3), accept()).await.is_err());
    let (said, ()) = tokio::join!(accept(), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        chain.mine(1).await;
    });
    assert_eq!(said.code, 0, "{}", said.err);
    scene.does(0, "show", &[], &format!("owner: {heir}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_opens_a_namespace_in_a_contract_that_stands_and_nowhere_else() {
    let mut scene = Scene::begin().await;
    let writer = address(1);
    let opened = scene
        .run_bare(2, &["open", "--writer", &writer, "--deployed-in", "1"])
        .await;
    assert!(
        opened.out.ends_with("namespace = 2\ndeployed_in = 1\n"),
        "{}{}",
        opened.out,
        opened.err
    );
    let opened = scene.run_bare(2, &["open", "--json"]).await;
    let opened: Value = serde_json::from_str(&opened.out).unwrap();
    assert_eq!(
        (&opened["namespace"], &opened["block"]),
        (&json!(3), &json!(0)),
        "{opened}"
    );
    refused(
        &scene.run(0, "admit", 2, &[&address(0)]).await,
        1,
        &["does not own the namespace 2"],
    );

    scene.contract = address(3);
    let nothing = ["no event log", &scene.contract];
    refused(&scene.run_bare(0, &["open"]).await, 1, &nothing);
    scene.may_not(0, "show", &[], &nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_key_is_dismissed_says_so_and_does_what_it_accepted_once_it_is_admitted_again() {
    let site = Site::ready(FinalityRule::Instant).await;
    let mut server = site.serve(&[("MEDCONNECT_HTTP__COMMAND_WAIT_SECONDS", "3")]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let (patient, _) = desk.visit(1).await;
    let config = std::fs::read_to_string(site.config()).unwrap();
    let contract = config.lines().find_map(|line| line.strip_prefix("contract = "));
    let scene = Scene {
        contract: contract.unwrap().trim_matches('"').to_owned(),
        site,
    };

    // The server does not know it yet: what it sends is rejected on the very head that it names. It was accepted, and waits.
    scene.does(0, "dismiss", &[&address(1)], "may not append").await;
    let book = async |key: &str, slot: u32| {
        let booking = desk.booking(patient, slot);
        let rest = &desk.rest;
        rest.send(Method::POST, "/v1/appointments", Some(key), Some(&booking))
            .await
            .unwrap()
    };
    let waiting = book("second", 2).await;
    assert_eq!((waiting.status, &waiting.body["status"]), (202, &json!("pending")));
    server.until_said("is no writer of the namespace 1").await;
    let (_, readiness) = server.until_part("appender", false).await;
    let mut parts = readiness["components"].as_array().unwrap().iter();
    let follower = parts.find(|part| part["name"] == "follower").unwrap();
    assert_eq!(follower["ready"], true, "{readiness}");
    let refused = book("third", 3).await;
    assert_eq!(
        (refused.status, &refused.body["type"]),
        (503, &json!("/problems/not-appending"))
    );

    scene.does(0, "admit", &[&address(1)], "may append").await;
    server.until_part("appender", true).await;
    until("what was accepted is done", async || {
        book("second", 2).await.status == 201
    })
    .await;
    assert_eq!(book("third", 3).await.status, 201);
    let (listed, count) = desk.rest.list("/v1/appointments?limit=200").await;
    assert_eq!((listed.len(), count), (3, 3));
    server.process.stop().await;
}
