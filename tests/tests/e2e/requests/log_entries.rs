//! What an auditor sees of the log.

use std::sync::Arc;

use domain::account::Role;
use domain::kernel::CalendarId;
use infrastructure::chain::{EventLog, Node, RpcOptions, Signer};
use infrastructure::follower::{FinalityRule, FollowerConfig, Rebuild};
use infrastructure::keys::{KeyEncryptionKey, KeyEncryptionKeys, KeyRing};
use infrastructure::log::LogLocation;
use infrastructure::postgres::{self, REBUILD};
use infrastructure::sealing::{Opener, StreamNames};
use projections::ReadModels;
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::clinic::Clinic;
use tests::people::Person;
use tests::system::{TestSystem, deployed, until};

use super::hostile_writer::{append, secret};

/// The entries of a list, read page by page.
async fn listed(system: &TestSystem, auditor: &str, filters: &str) -> Vec<Value> {
    let (mut path, mut all) = (format!("/v1/events?limit=4{filters}"), Vec::new());
    loop {
        let (status, page) = system.get(&path, auditor).await;
        assert_eq!(status, 200, "{path}: {page}");
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => return all,
        }
    }
}

/// Rebuilds a running system's read models from the chain.
async fn rebuild(system: &TestSystem, chain: &TestChain) {
    let deployment = &system.deployment;
    let (node, pool) = (
        Node::new(&[chain.url().to_owned()], deployment.chain_id, RpcOptions::default()).unwrap(),
        postgres::pool(&system.database, REBUILD, 6).unwrap(),
    );
    let location = LogLocation {
        chain_id: deployment.chain_id,
        contract: deployment.address.0,
        namespace: deployment.namespace,
    };
    let keks = KeyEncryptionKeys::new(KeyEncryptionKey::new("test", [8; 32]), Vec::new());
    let opener = Opener::new(location, secret(), Arc::new(KeyRing::new(pool.clone(), keks)));
    let rebuild = Rebuild::new(
        FollowerConfig::new(FinalityRule::Instant, deployment.block),
        EventLog::new(node, deployment.address),
        opener,
        pool,
        ReadModels,
    );
    rebuild.run(|_| ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_every_entry_of_the_log_and_nothing_of_what_it_says() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let clinic = Clinic::open(&system, "Audited").await;
    clinic.offer(&system, 4).await;
    let auditor = system.service("auditor", Role::Auditor).await;
    let patient = clinic.patient(&system, "Okafor").await;
    clinic.book_all(&system, &patient, 0..1).await;
    let day = CalendarId {
        owner: clinic.doctor.parse().unwrap(),
        day: clinic.day,
    };
    let day = StreamNames::new(secret(), deployment.namespace).seal(&day.into());
    append(&system, &chain, day, &[0xaa; 96]).await;
    until("what was appended is void", async || {
        system.get("/v1/admin/status", &auditor).await.1["voidEvents"] == 1
    })
    .await;

    let all = listed(&system, &auditor, "").await;
    assert_eq!(all.len() as u64, system.position().await);
    let of_kind = |kind: &str| all.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    let address = |key: usize| json!(KEYS[key].parse::<Signer>().unwrap().address().to_string());
    let administrative = of_kind("administrative");
    assert_eq!(
        administrative.len(),
        1 + KEYS.len(),
        "a namespace is opened, and every test key admitted"
    );
    assert!(
        administrative
            .iter()
            .all(|entry| entry["writer"].is_null() && entry["claimedAt"].is_null() && entry["void"].is_null())
    );
    let [void] = of_kind("void")[..] else { panic!("{all:?}") };
    assert_eq!(
        (&void["position"], &void["stream"], &void["writer"], &void["claimedAt"]),
        (&json!(all.len()), &json!(format!("{day:?}")), &address(3), &Value::Null)
    );
    assert!(void["void"].is_string(), "{void}");
    let sealed = of_kind("sealed");
    assert_eq!(sealed.len() + administrative.len() + 1, all.len());
    for entry in &sealed {
        assert_eq!((&entry["writer"], &entry["void"]), (&address(1), &Value::Null));
        assert!(entry["claimedAt"].is_string(), "{entry}");
    }
    for (entry, position) in all.iter().zip(1..) {
        assert_eq!(
            (&entry["position"], &entry["finality"]),
            (&json!(position), &json!("final"))
        );
        let number = format!("{:#x}", entry["block"].as_u64().unwrap());
        let block = chain.call("eth_getBlockByNumber", json!([number, false])).await;
        assert!(
            block["transactions"]
                .as_array()
                .unwrap()
                .contains(&entry["transaction"]),
            "{entry}"
        );
        let time = entry["blockTime"]
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>();
        assert_eq!(block["timestamp"], format!("{:#x}", time.unwrap().timestamp()));
    }
    let text = json!(all).to_string();
    for content in [
        patient.as_str(),
        &clinic.doctor,
        "Okafor",
        "calendar",
        "Booked",
        "patient/",
    ] {
        assert!(!text.contains(content), "{content}");
    }

    let of_the_day = listed(&system, &auditor, &format!("&stream={day:?}")).await;
    assert!(of_the_day.len() > 2 && of_the_day.last() == Some(void));
    assert_eq!(listed(&system, &auditor, "&void=true").await, all[all.len() - 1..]);
    assert_eq!(listed(&system, &auditor, "&from=3&to=9").await, all[2..9]);
    let doctor = Person::numbered(2901);
    let doctor = doctor
        .join(&system, &clinic.key, &format!("/v1/practitioners/{}", clinic.doctor))
        .await;
    for refused in [&doctor, &clinic.key] {
        assert_eq!(system.get("/v1/events", refused).await.0, 403);
    }

    // The doctor's wallet is in the log since.
    let before = listed(&system, &auditor, "").await;
    assert_eq!(before[..all.len()], all);
    rebuild(&system, &chain).await;
    assert_eq!(listed(&system, &auditor, "").await, before);
    system.stop().await;
}
