//! Somebody always administers, and what somebody invited to is no longer good than they are.

use domain::account::Role;
use domain::kernel::DataSubject;
use infrastructure::erasing::{self, Standing};
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::people::{Person, patient};
use tests::system::{SystemOptions, TestSystem, deployed, two_servers, until};

/// Opens the account of somebody of the staff, who joins by an invitation: where the account is, and the token.
pub(super) async fn colleague(system: &TestSystem, admin: &str, role: &str, person: &Person) -> (String, String) {
    let open = json!({ "name": role, "role": role, "kind": "person" });
    let (status, opened) = system.post("/v1/accounts", admin, &open).await;
    assert_eq!(status, 201, "{opened}");
    let resource = opened["resource"].as_str().unwrap().to_owned();
    let token = person.join(system, admin, &resource).await;
    (resource, token)
}

async fn own_account(system: &TestSystem, token: &str) -> String {
    let (_, me) = system.get("/v1/me", token).await;
    format!("/v1/accounts/{}", me["account"].as_str().unwrap())
}

async fn close(system: &TestSystem, token: &str, account: &str) -> (u16, Value) {
    system.post(&format!("{account}/close"), token, &json!({})).await
}

fn is_last((status, problem): &(u16, Value)) {
    assert_eq!(
        (*status, &problem["type"]),
        (409, &json!("/problems/last-administrator")),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_and_another_configured_wallet_is_the_way_back() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let first = system.administrator().await;
    let account = own_account(&system, &first).await;
    let (_, registrar) = colleague(&system, &first, "registrar", &Person::numbered(7001)).await;
    let take = json!({ "reason": "Lost." });
    let take_from = |account: &str| format!("{account}/wallet/take-away");

    // Nobody else is there, and who was opened an account and has not joined counts for nobody.
    let open = json!({ "name": "Deputy", "role": "administrator", "kind": "person" });
    let (_, opened) = system.post("/v1/accounts", &first, &open).await;
    let deputy = opened["resource"].as_str().unwrap();
    is_last(&close(&system, &first, &account).await);
    is_last(&system.post(&take_from(&account), &registrar, &take).await);
    assert_eq!(system.get("/v1/accounts", &first).await.0, 200, "nothing was denied");

    // Of two who close each other at once, one at most is gone; then the other is the last.
    let second = Person::numbered(7002).join(&system, &first, deputy).await;
    let (one, other) = tokio::join!(close(&system, &first, deputy), close(&system, &second, &account));
    assert!(one.0 != 200 || other.0 != 200, "{one:?} {other:?}");
    let left = if other.0 == 200 {
        (&second, deputy)
    } else {
        (&first, account.as_str())
    };
    // What was denied for a moment may be remembered for a few.
    until("whoever is left is let in", async || {
        system.get("/v1/accounts", left.0).await.0 == 200
    })
    .await;
    if one.0 != 200 && other.0 != 200 {
        assert_eq!(close(&system, &first, deputy).await.0, 200);
    }
    is_last(&close(&system, left.0, left.1).await);
    is_last(&system.post(&take_from(left.1), &registrar, &take).await);

    // A wallet that is lost locks them out all the same. The operator names another one.
    let database = system.database.clone();
    system.stop().await;
    let options = SystemOptions {
        database: Some(database),
        administrator: 3,
        ..SystemOptions::default()
    };
    let system = TestSystem::launch(&chain, &deployment, options).await;
    let back = Person::with_key(KEYS[3]).sign_in(&system).await;
    assert_eq!(system.get("/v1/accounts", &back).await.0, 200);
    assert_eq!(close(&system, &back, left.1).await.0, 200);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_no_longer_good_than_who_issued_it_and_can_be_withdrawn() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let other_system = system.service("ward", Role::Hospital).await;
    let admin = system.administrator().await;
    let (_, registrar) = colleague(&system, &admin, "registrar", &Person::numbered(7101)).await;
    let (clerk, clerks) = colleague(&system, &admin, "hospital", &Person::numbered(7102)).await;
    let (thief, thiefs) = colleague(&system, &admin, "hospital", &Person::numbered(7103)).await;
    let (status, registered) = system.post("/v1/patients", &hospital, &patient("Okafor")).await;
    assert_eq!(status, 201, "{registered}");
    let invitation = format!("{}/invitation", registered["resource"].as_str().unwrap());
    let invited = async |by: &str| {
        let (status, invited) = system.post(&invitation, by, &Value::Null).await;
        assert_eq!(status, 200, "{invited}");
        invited["invitation"].clone()
    };
    let ada = Person::numbered(7104);
    let hers = ada.sign_in(&system).await;
    let accepts = async |invitation: &Value| ada.accept(&system, &hers, invitation).await;

    // Whoever may invite may withdraw it, whoever has issued it.
    let secret = invited(&hospital).await;
    for token in [&admin, &hers, &registrar] {
        let refused = system.send(reqwest::Method::DELETE, &invitation, token, None).await;
        assert_eq!(refused.0, 403);
    }
    for _ in 0..2 {
        let withdrawn = system
            .send(reqwest::Method::DELETE, &invitation, &other_system, None)
            .await;
        assert_eq!(withdrawn.0, 204);
    }
    assert_eq!(accepts(&secret).await.0, 422);

    // A key that is revoked, an account that is closed, a wallet that is taken away.
    let secret = invited(&hospital).await;
    let account = own_account(&system, &hospital).await;
    let (_, known) = system.get(&account, &admin).await;
    let key = known["keys"][0]["id"].as_str().unwrap();
    let revoke = format!("{account}/keys/{key}/revoke");
    assert_eq!(system.post(&revoke, &admin, &json!({})).await.0, 200);
    assert_eq!(accepts(&secret).await.0, 422);
    let secret = invited(&clerks).await;
    assert_eq!(close(&system, &admin, &clerk).await.0, 200);
    assert_eq!(accepts(&secret).await.0, 422);
    let secret = invited(&thiefs).await;
    let take = json!({ "reason": "Stolen." });
    let taken = system
        .post(&format!("{thief}/wallet/take-away"), &registrar, &take)
        .await;
    assert_eq!(taken.0, 200, "{taken:?}");
    assert_eq!(accepts(&secret).await.0, 422);

    let secret = invited(&other_system).await;
    let (status, bound) = accepts(&secret).await;
    assert_eq!(status, 200, "{bound}");
    // Whoever has an account is told that this is why.
    let (status, problem) = accepts(&secret).await;
    assert_eq!(status, 403, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("has an account already"),
        "{problem}"
    );
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_who_are_erased_at_once_do_not_both_go() {
    let chain = TestChain::start().await;
    let [one, two] = two_servers(&chain).await;
    let first = one.administrator().await;
    let (_, me) = one.get("/v1/me", &first).await;
    let open = json!({ "name": "Deputy", "role": "administrator", "kind": "person" });
    let (status, deputy) = one.post("/v1/accounts", &first, &open).await;
    assert_eq!(status, 201, "{deputy}");
    Person::numbered(7002)
        .join(&one, &first, deputy["resource"].as_str().unwrap())
        .await;
    one.settled().await;
    // Blocks are slow: each erasure is decided before the other is in the log.
    chain.call("evm_setAutomine", json!([false])).await;
    let pool = &one.parts().pool;
    let accounts = [&me["account"], &deputy["id"]].map(|id| DataSubject::Staff(id.as_str().unwrap().parse().unwrap()));
    erasing::ask(pool, accounts[0]).await.unwrap();
    until("the first one is denied", async || {
        one.get("/v1/me", &first).await.0 == 401
    })
    .await;
    erasing::ask(pool, accounts[1]).await.unwrap();
    // The other server takes it on.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    chain.call("evm_setAutomine", json!([true])).await;
    chain.mine(2).await;
    let standings = async || {
        let mut standings = Vec::new();
        for account in accounts {
            standings.push(erasing::standing(pool, account).await.unwrap());
        }
        standings
    };
    let is_refused = |one: &Standing| matches!(one, Standing::Refused(why) if why.contains("nobody could administer"));
    until("one of them is refused", async || {
        standings().await.iter().any(is_refused)
    })
    .await;
    let is_gone = |one: &Standing| matches!(one, Standing::Destroyed { .. } | Standing::Purged { .. });
    until("the other one is erased", async || {
        standings().await.iter().any(is_gone)
    })
    .await;
    assert_eq!(standings().await.iter().filter(|one| is_refused(one)).count(), 1);
    one.stop().await;
    two.stop().await;
}
