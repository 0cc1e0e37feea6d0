//! Several servers of one hospital on one database: with signing keys of their own, all of them append; with the same key, one does,
//! and another takes its place when it dies.

use std::collections::BTreeSet;

use api_config::FinalityRule;
use futures::future::join_all;
use tests::chain::KEYS;
use tests::site::{Desk, Server, Site, signer};

/// How many visits are made at each server.
const VISITS: u32 = 40;

/// Visits at a server, all at once; each until both its commands are acknowledged.
async fn visits(desk: &Desk, from: u32) -> Vec<(uuid::Uuid, uuid::Uuid)> {
    join_all((from..from + VISITS).map(|number| desk.visit(number))).await
}

/// Every server shows these visits, and no others.
async fn check(desk: &Desk, servers: &[&Server], expected: &[(uuid::Uuid, uuid::Uuid)]) {
    let (patients, appointments): (BTreeSet<_>, BTreeSet<_>) = expected.iter().copied().unzip();
    for server in servers {
        let rest = desk.rest.at(&server.url);
        let (listed, count) = rest.list("/v1/patients?limit=200").await;
        assert_eq!(count, expected.len());
        assert!(listed.keys().eq(patients.iter()), "{}", server.url);
        let (listed, count) = rest.list("/v1/appointments?limit=200").await;
        assert_eq!(count, expected.len());
        assert!(listed.keys().eq(appointments.iter()), "{}", server.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_with_keys_of_their_own_append_at_the_same_time() {
    let site = Site::bare().await;
    let writers = [1, 2].map(|number| signer(number).address().to_string());
    let chain = site.deploy(&writers).await;
    site.configure(&chain, FinalityRule::Instant);
    std::fs::write(site.file("second.key"), KEYS[2]).unwrap();
    let second = site.file("second.key");
    let mut one = site.serve(&[]).await;
    let mut two = site
        .serve_beside(&[("MEDCONNECT_CHAIN__SIGNER_FILE", second.to_str().unwrap())])
        .await;
    one.until_part("appender", true).await;
    two.until_part("appender", true).await;
    let administrator = one.administrator().await;
    let desk = Desk::open(&one, &administrator, 1).await;
    let other_desk = desk.at(&two.url);
    let (here, there) = tokio::join!(visits(&desk, 0), visits(&other_desk, VISITS));
    let all = [here, there].concat();
    check(&desk, &[&one, &two], &all).await;
    for number in [1, 2] {
        let address = signer(number).address().to_string();
        let sent = site
            .chain
            .call("eth_getTransactionCount", serde_json::json!([address, "latest"]))
            .await;
        let sent = u64::from_str_radix(sent.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
        assert!(sent > 3, "{address} has appended: {sent}");
    }
    site.compare_with_rebuild().await;
    one.process.stop().await;
    two.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_with_the_same_key_goes_on_where_a_killed_server_stopped() {
    let site = Site::ready(FinalityRule::Instant).await;
    let mut active = site.serve(&[]).await;
    active.until_part("appender", true).await;
    let administrator = active.administrator().await;
    let desk = Desk::open(&active, &administrator, 1).await;
    let mut standby = site.serve_beside(&[]).await;
    // It says that it cannot append; it can be read from.
    let (status, readiness) = standby.until_part("appender", false).await;
    assert_eq!((status, &readiness["ready"]), (200, &serde_json::json!(true)));
    let before = visits(&desk, 0).await;
    check(&desk, &[&active, &standby], &before).await;

    // Its commits wait in the outbox, unsent, for the chain takes nothing; then it is killed.
    site.chain.call("evm_setAutomine", serde_json::json!([false])).await;
    let desk = desk.or(&standby.url);
    let under_way = visits(&desk, VISITS);
    let kill = async {
        while site.outbox().await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        active.process.kill().await;
        site.chain.call("evm_setAutomine", serde_json::json!([true])).await;
        site.chain.call("evm_mine", serde_json::json!([])).await;
        standby.until_part("appender", true).await;
    };
    let (after, ()) = tokio::join!(under_way, kill);
    let all = [before, after].concat();
    check(&desk, &[&standby], &all).await;
    site.compare_with_rebuild().await;
    standby.process.stop().await;
}
