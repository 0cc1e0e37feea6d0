//! Two servers with two databases on one chain: whatever they do at the same time, the chain decides, and both see the same.

use domain::account::Role;
use futures::future::join_all;
use serde_json::json;
use tests::chain::TestChain;
use tests::clinic::Clinic;
use tests::system::{SystemOptions, TestSystem, deployed, until};

/// How many clients want each slot.
const CLIENTS: usize = 100;

/// How many slots are fought over.
const SLOTS: u32 = 200;

/// How many slots a day offers here.
const SLOTS_A_DAY: u32 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_clients_at_two_servers_one_gets_the_slot_and_the_others_a_conflict() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let one = TestSystem::start(&chain, &deployment).await;
    let two = TestSystem::launch(
        &chain,
        &deployment,
        SystemOptions {
            signer: 2,
            ..SystemOptions::default()
        },
    )
    .await;
    let servers = [&one, &two];

    let mut won = [0_u32; 2];
    for day in 0..SLOTS / SLOTS_A_DAY {
        let name = format!("Day {day}");
        let clinic = Clinic::open(&one, &name).await;
        clinic.offer(&one, SLOTS_A_DAY).await;
        let patients = [clinic.patient(&one, "One").await, clinic.patient(&one, "Two").await];
        two.learn_keys_of(&one).await;
        let clinics = [clinic, Clinic::open(&two, &name).await];
        for slot in 0..SLOTS_A_DAY {
            let attempts = (0..CLIENTS).map(|client| {
                let side = client % 2;
                clinics[side].book(servers[side], &patients[side], slot)
            });
            let answers = join_all(attempts).await;
            let winners: Vec<_> = (0..CLIENTS).filter(|client| answers[*client].0 == 201).collect();
            assert_eq!(winners.len(), 1, "slot {slot} of day {day}");
            won[winners[0] % 2] += 1;
            for (status, body) in answers.iter().filter(|(status, _)| *status != 201) {
                assert_eq!(*status, 409, "{body}");
            }
        }
    }
    assert_eq!(won[0] + won[1], SLOTS);
    assert!(
        won.iter().all(|wins| *wins > 0),
        "both servers were in the race: {won:?}"
    );

    // Both see every slot taken, whoever took it.
    for system in servers {
        let key = system.service("auditor of the race", Role::Hospital).await;
        let clinic = Clinic::open(system, "Day 0").await;
        let path = format!("/v1/practitioners/{}/availability/{}", clinic.doctor, clinic.day);
        let mut free = usize::MAX;
        for _ in 0..100 {
            let (status, day) = system.get(&path, &key).await;
            assert_eq!(status, 200, "{day}");
            free = day["free"].as_array().expect("slots").len();
            if free == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(free, 0);
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_cannot_read_who_is_called_it_gives_to_nobody() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let one = TestSystem::start(&chain, &deployment).await;
    let options = SystemOptions {
        signer: 2,
        ..SystemOptions::default()
    };
    let two = TestSystem::launch(&chain, &deployment, options).await;
    two.learn_keys_of(&one).await;
    let patient = |family: &str| {
        json!({ "details": {
            "name": { "family": family }, "birthDate": "1980-02-29", "gender": "female",
            "identifier": { "system": "urn:test", "value": "17" },
        } })
    };
    let here = one.service("front desk", Role::Hospital).await;
    let (status, first) = one.post("/v1/patients", &here, &patient("First")).await;
    assert_eq!(status, 201, "{first}");
    let there = two.service("other desk", Role::Hospital).await;
    until("the other one has what it cannot read", async || {
        two.position().await == one.position().await
    })
    .await;

    let (status, problem) = two.post("/v1/patients", &there, &patient("Second")).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("/problems/held-back")),
        "{problem}"
    );
    two.learn_keys_of(&one).await;
    until("the other one knows whose the number is", async || {
        let (status, problem) = two.post("/v1/patients", &there, &patient("Second")).await;
        assert!(matches!(status, 409 | 503), "{problem}");
        status == 409 && problem["resource"] == first["resource"]
    })
    .await;
    two.stop().await;
    one.stop().await;
}
