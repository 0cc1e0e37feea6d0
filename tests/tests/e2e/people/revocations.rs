//! A revocation holds: whatever is away, wherever a server dies, what was to be revoked is denied on every server, and the log is told in
//! the end, once.

use api_config::FinalityRule;
use application::ports::revocations::{Revocation, Revoked};
use domain::account::Role;
use domain::kernel::{AccountId, CommandId, Wallet};
use infrastructure::crash::{REVOCATION_DENIED, REVOCATION_LOGGED, VARIABLE};
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::people::{Person, patient};
use tests::rest::{Rest, id};
use tests::site::{Site, signer};
use tests::system::{SystemOptions, TestSystem, deployed, until};
use tests::wire::{Line, Proxy};

/// A service with a key: where the key is, and the key.
async fn service(system: &TestSystem, admin: &str) -> (String, String) {
    let account = json!({ "name": "portal", "role": "insurer" });
    let (status, account) = system.post("/v1/accounts", admin, &account).await;
    assert_eq!(status, 201, "{account}");
    let keys = format!("{}/keys", account["resource"].as_str().unwrap());
    let (status, key) = system.post(&keys, admin, &json!({ "scopes": ["read"] })).await;
    assert_eq!(status, 201, "{key}");
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    (text("resource"), text("secret"))
}

/// How many revocations wait to be carried through.
async fn waiting(system: &TestSystem) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM revocations WHERE pending IS NOT NULL")
        .fetch_one(&system.parts().pool)
        .await
        .unwrap()
}

/// Waits until a server has carried everything through. Another one that cannot takes it on now and then, too: whoever looks has a turn.
async fn carried_through(system: &TestSystem) {
    until("the server carries it through", async || {
        sqlx::query("UPDATE revocations SET undisturbed_until = 'epoch'")
            .execute(&system.parts().pool)
            .await
            .unwrap();
        waiting(system).await == 0
    })
    .await;
}

/// Waits until the log says that every key of an account is revoked.
async fn until_logged(system: &TestSystem, admin: &str, key: &str) {
    let account = key.split("/keys/").next().unwrap();
    until("the log says so", async || {
        let (status, account) = system.get(account, admin).await;
        status == 200 && account["keys"][0]["revoked"] == true
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_while_the_node_is_away_is_denied_at_once_and_logged_in_the_end() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let node = chain.url().trim_start_matches("http://").parse().unwrap();
    let way = Proxy::of(node).await;
    let options = SystemOptions {
        node: Some(format!("http://127.0.0.1:{}", way.port())),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployment, options.clone()).await;
    let admin = system.administrator().await;
    let (resource, key) = service(&system, &admin).await;
    let database = system.database.clone();
    system.stop().await;

    // A server that has never seen the node turns commands away, unless its outbox tells which nonce is next; a revocation holds
    // all the same.
    way.set(Line::Cut);
    let options = SystemOptions {
        database: Some(database),
        ..options
    };
    let system = TestSystem::launch(&chain, &deployment, options.clone()).await;
    assert_eq!(system.get("/v1/me", &key).await.0, 200);
    let (status, problem) = system.post(&format!("{resource}/revoke"), &admin, &json!({})).await;
    match status {
        202 => assert_eq!(problem["status"], "pending", "{problem}"),
        503 => assert_eq!(problem["type"], "/problems/revocation-pending", "{problem}"),
        other => panic!("{other}: {problem}"),
    }
    assert!(
        problem.to_string().contains("The access is denied already"),
        "{problem}"
    );
    assert_eq!(system.get("/v1/me", &key).await.0, 401);
    system.stop().await;

    let system = TestSystem::launch(&chain, &deployment, options).await;
    assert_eq!(system.get("/v1/me", &key).await.0, 401, "after a restart too");
    way.set(Line::Open);
    until_logged(&system, &admin, &resource).await;
    until("nothing waits any more", async || waiting(&system).await == 0).await;
    assert_eq!(system.get("/v1/me", &key).await.0, 401);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_while_the_database_takes_no_commits_is_denied_and_logged_in_the_end() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        command_wait: Some(2),
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let admin = system.administrator().await;
    let (resource, key) = service(&system, &admin).await;
    let pool = &system.parts().pool;
    for sql in [
        "CREATE FUNCTION core.no_commits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE TRIGGER no_commits BEFORE INSERT ON core.outbox_commits FOR EACH ROW EXECUTE FUNCTION core.no_commits()",
    ] {
        sqlx::query(sql).execute(pool).await.unwrap();
    }
    let (status, problem) = system.post(&format!("{resource}/revoke"), &admin, &json!({})).await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem.to_string().contains("access is denied already"), "{problem}");
    assert_eq!(system.get("/v1/me", &key).await.0, 401);
    sqlx::query("DROP TRIGGER no_commits ON core.outbox_commits")
        .execute(pool)
        .await
        .unwrap();
    until_logged(&system, &admin, &resource).await;
    assert_eq!(system.get("/v1/me", &key).await.0, 401);
    system.stop().await;
}

/// A registrar whose private key is this number.
async fn registrar(system: &TestSystem, admin: &str, number: u32) -> String {
    let open = json!({ "name": "Registry", "role": "registrar", "kind": "person" });
    let (_, opened) = system.post("/v1/accounts", admin, &open).await;
    let resource = opened["resource"].as_str().unwrap();
    Person::numbered(number).join(system, admin, resource).await
}

/// A patient who is registered: where the record is.
async fn record(system: &TestSystem, hospital: &str) -> String {
    let (status, registered) = system.post("/v1/patients", hospital, &patient("Okafor")).await;
    assert_eq!(status, 201, "{registered}");
    registered["resource"].as_str().unwrap().to_owned()
}

async fn status_of(system: &TestSystem, token: &str) -> u16 {
    system.get("/v1/me", token).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_proved_a_wallet_is_told_whether_the_account_is_closed_or_loses_the_wallet_and_no_more() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let admin = system.administrator().await;
    let clerk = registrar(&system, &admin, 4501).await;
    let record = record(&system, &hospital).await;
    let (ada, leaver, eve) = (Person::numbered(4502), Person::numbered(4503), Person::numbered(4504));
    ada.join(&system, &hospital, &record).await;
    let lab = json!({ "name": "Lab", "role": "hospital", "kind": "person" });
    let (_, opened) = system.post("/v1/accounts", &admin, &lab).await;
    let account = opened["resource"].as_str().unwrap();
    leaver.join(&system, &admin, account).await;

    chain.call("evm_setAutomine", json!([false])).await;
    let reason = json!({ "reason": "Stolen at the station." });
    for (path, token, body) in [
        (format!("{record}/wallet/take-away"), &clerk, &reason),
        (format!("{account}/close"), &admin, &json!({})),
    ] {
        let request = system.http.post(format!("{}{path}", system.url)).bearer_auth(token);
        let request = request.header("prefer", "respond-async").json(body);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 202, "{path}");
    }
    for (person, slug) in [(&ada, "wallet-being-taken"), (&leaver, "account-closed")] {
        let (status, problem) = person.try_to_sign_in(&system).await;
        assert_eq!(
            (status, &problem["type"]),
            (409, &json!(format!("/problems/{slug}"))),
            "{problem}"
        );
        assert!(!problem.to_string().contains("station"), "{problem}");
        // Whoever has not proved the wallet is told nothing of it.
        let mut forged = person.signed("Sign in.", &system).await;
        forged["signature"] = eve.signed("Sign in.", &system).await["signature"].take();
        let (status, problem) = system.post("/v1/auth/login", "", &forged).await;
        assert_eq!(
            (status, &problem["type"]),
            (401, &json!("/problems/login-failed")),
            "{problem}"
        );
    }
    chain.call("evm_setAutomine", json!([true])).await;
    chain.mine(1).await;
    until("the log says so", async || waiting(&system).await == 0).await;
    let (status, session) = ada.try_to_sign_in(&system).await;
    assert_eq!(
        (status, &session["me"]["registered"]),
        (200, &json!(false)),
        "{session}"
    );
    let (status, problem) = leaver.try_to_sign_in(&system).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/account-closed")));
    system.stop().await;
}

/// Two servers on one database. The line between the first one and the node is cut, and it has never seen the node, so it turns commands
/// away.
async fn one_without_a_node(chain: &TestChain) -> (TestSystem, TestSystem, Proxy) {
    let deployment = deployed(chain).await;
    let there = TestSystem::start(chain, &deployment).await;
    let node = chain.url().trim_start_matches("http://").parse().unwrap();
    let way = Proxy::of(node).await;
    way.set(Line::Cut);
    let options = SystemOptions {
        node: Some(format!("http://127.0.0.1:{}", way.port())),
        database: Some(there.database.clone()),
        signer: 2,
        command_wait: Some(5),
        ..SystemOptions::default()
    };
    let here = TestSystem::launch(chain, &deployment, options).await;
    (here, there, way)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_says_is_ended_no_other_lets_in_any_more() {
    let chain = TestChain::start().await;
    let here = TestSystem::start(&chain, &deployed(&chain).await).await;
    let options = SystemOptions {
        signer: 2,
        database: Some(here.database.clone()),
        ..SystemOptions::default()
    };
    let there = TestSystem::launch(&chain, &here.deployment, options).await;
    let admin = here.administrator().await;
    let hospital = here.service("front desk", Role::Hospital).await;
    let registrar = registrar(&here, &admin, 7101).await;
    let (key, secret) = service(&here, &admin).await;
    let (resource, ada) = (record(&here, &hospital).await, Person::numbered(7102));
    let token = ada.join(&here, &hospital, &resource).await;
    let there_too = ada.sign_in(&there).await;

    // Each is in the other server's mind when it ends.
    assert_eq!(status_of(&there, &secret).await, 200);
    let revoked = here.post(&format!("{key}/revoke"), &admin, &json!({})).await;
    assert_eq!(
        (revoked.0, status_of(&there, &secret).await),
        (200, 401),
        "{}",
        revoked.1
    );
    for token in [&token, &there_too] {
        assert_eq!(there.get(&resource, token).await.0, 200);
    }
    let take = format!("{resource}/wallet/take-away");
    let taken = here.post(&take, &registrar, &json!({ "reason": "Stolen." })).await;
    assert_eq!(taken.0, 200, "{}", taken.1);
    for token in [&token, &there_too] {
        assert_eq!(there.get(&resource, token).await.0, 401);
    }
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_another_server_has_taken_away_in_the_end_is_let_in_here_when_it_is_bound_again() {
    let chain = TestChain::start().await;
    let (here, there, way) = one_without_a_node(&chain).await;
    let admin = there.administrator().await;
    let hospital = there.service("front desk", Role::Hospital).await;
    let registrar = registrar(&there, &admin, 7001).await;
    let (resource, ada) = (record(&there, &hospital).await, Person::numbered(7002));
    let former = ada.join(&there, &hospital, &resource).await;

    let take = format!("{resource}/wallet/take-away");
    let (status, problem) = here.post(&take, &registrar, &json!({ "reason": "Lost." })).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("/problems/revocation-pending"))
    );
    assert_eq!(status_of(&here, &former).await, 401);
    carried_through(&there).await;
    // Its session ended with it: bound again, it is another one's.
    let token = ada.join(&there, &hospital, &resource).await;
    assert_eq!(status_of(&there, &former).await, 401);
    way.set(Line::Open);
    until("it is let in here", async || here.get(&resource, &token).await.0 == 200).await;
    assert_eq!(status_of(&here, &former).await, 401);
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_whether_a_wallet_was_taken_away_takes_no_other_one() {
    let chain = TestChain::start().await;
    let (here, there, way) = one_without_a_node(&chain).await;
    let admin = there.administrator().await;
    let hospital = there.service("front desk", Role::Hospital).await;
    let registrar = registrar(&there, &admin, 7011).await;
    let (resource, stolen, safe) = (
        record(&there, &hospital).await,
        Person::numbered(7012),
        Person::numbered(7013),
    );
    stolen.join(&there, &hospital, &resource).await;
    let take = format!("{resource}/wallet/take-away");
    let clerk = Rest::new(&here.url, &registrar);
    let ask = async || {
        let reason = json!({ "reason": "Stolen." });
        let answer = clerk.send(Method::POST, &take, Some("take"), Some(&reason)).await;
        let answer = answer.unwrap();
        (answer.status, answer.body)
    };
    let (status, problem) = ask().await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("/problems/revocation-pending"))
    );
    carried_through(&there).await;
    let token = safe.join(&there, &hospital, &resource).await;
    way.set(Line::Open);
    let mut last = (0, Value::Null);
    until("it is told that it was", async || {
        last = ask().await;
        last.0 != 503
    })
    .await;
    assert_eq!(last.0, 200, "{}", last.1);
    for system in [&here, &there] {
        assert_eq!(system.get(&resource, &token).await.0, 200);
    }
    let denied: i64 = sqlx::query_scalar("SELECT count(*) FROM revocations")
        .fetch_one(&there.parts().pool)
        .await
        .unwrap();
    assert_eq!(denied, 0);
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_was_changed_before_it_was_taken_away_is_not_denied() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let resource = record(&system, &hospital).await;
    let (old, new) = (Person::numbered(7021), Person::numbered(7022));
    let token = old.join(&system, &hospital, &resource).await;
    let (_, me) = system.get("/v1/me", &token).await;
    let account: AccountId = me["account"].as_str().unwrap().parse().unwrap();
    let change = new.change_from(&old, &system).await;
    assert_eq!(system.put("/v1/me/wallet", &token, &change).await.0, 200);
    let mut wallet = [0; 20];
    hex::decode_to_slice(old.address().trim_start_matches("0x"), &mut wallet).unwrap();

    // A registrar has read the account just before.
    let clinic = &system.parts().clinic;
    let revocation = Revocation {
        command_id: CommandId::new(uuid::Uuid::new_v4()),
        subject: clinic.wallet_id(&Wallet(wallet)).uuid(),
        revoked: Revoked::Wallet {
            account,
            wallet: Wallet(wallet),
            reason: "Lost.".to_owned(),
        },
        actor: account,
        at: chrono::Utc::now(),
        correlation: None,
    };
    clinic.revocations.begin(&revocation).await.unwrap();
    let another = record(&system, &hospital).await;
    let refused = clinic.carry_through(&revocation, false).await;
    let refused = refused.expect_err("another wallet is bound").to_string();
    assert!(refused.contains("not the account's wallet"), "{refused}");
    let denied: i64 = sqlx::query_scalar("SELECT count(*) FROM revocations")
        .fetch_one(&system.parts().pool)
        .await
        .unwrap();
    assert_eq!(denied, 0);
    let token = old.join(&system, &hospital, &another).await;
    assert_eq!(system.get(&another, &token).await.0, 200);
    let hers = new.sign_in(&system).await;
    assert_eq!(system.get(&resource, &hers).await.0, 200);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_exist_denies_nothing() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let admin = system.administrator().await;
    let hospital = system.service("ward", Role::Hospital).await;
    let (resource, key) = service(&system, &admin).await;
    let account = resource.split("/keys/").next().unwrap();
    let nothing = format!("{account}/keys/{}/revoke", uuid::Uuid::new_v4());
    assert_eq!(system.post(&nothing, &admin, &json!({})).await.0, 404);
    assert_eq!(system.get("/v1/me", &key).await.0, 200);
    assert_eq!(system.get("/v1/me", &hospital).await.0, 200);
    let denied: i64 = sqlx::query_scalar("SELECT count(*) FROM revocations")
        .fetch_one(&system.parts().pool)
        .await
        .unwrap();
    assert_eq!(denied, 0);
    system.stop().await;
}

/// A server dies at a place while it revokes a key; the one beside it denies the key, and tells the log, once.
async fn dies_at(place: &str) {
    let site = Site::bare().await;
    let writers = [1, 2].map(|number| signer(number).address().to_string());
    let chain = site.deploy(&writers).await;
    site.configure(&chain, FinalityRule::Instant);
    std::fs::write(site.file("second.key"), KEYS[2]).unwrap();
    let second = site.file("second.key");
    let mut dying = site.serve(&[(VARIABLE, place)]).await;
    let mut other = site
        .serve_beside(&[("MEDCONNECT_CHAIN__SIGNER_FILE", second.to_str().unwrap())])
        .await;
    dying.until_part("appender", true).await;
    other.until_part("appender", true).await;
    let administrator = dying.administrator().await;
    let account = json!({ "name": "portal", "role": "insurer" });
    let account = administrator.insist(Method::POST, "/v1/accounts", &account).await;
    let account = format!("/v1/accounts/{}", id(&account));
    let scopes = json!({ "scopes": ["read"] });
    let key = administrator
        .insist(Method::POST, &format!("{account}/keys"), &scopes)
        .await;
    let revoke = format!("{}/revoke", key["resource"].as_str().unwrap());
    let revoked = administrator.send(Method::POST, &revoke, None, Some(&json!({}))).await;
    assert!(revoked.is_err(), "{place}: it should have died, but said {revoked:?}");

    // What the other one may still have in mind, it has for two seconds.
    let service = Rest::new(&other.url, key["secret"].as_str().unwrap());
    let denied = async || {
        let me = service.send(Method::GET, "/v1/me", None, None).await;
        me.expect("an answer").status == 401
    };
    until("the other server denies the key", denied).await;
    let administrator = administrator.at(&other.url);
    until("the log says so", async || {
        administrator.get(&account).await["keys"][0]["revoked"] == true
    })
    .await;
    let pool = sqlx::PgPool::connect(&site.database).await.unwrap();
    until("it need not be carried through any more", async || {
        let sql = "SELECT count(*) FROM core.revocations WHERE pending IS NOT NULL";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap() == 0
    })
    .await;
    // Opened, issued, revoked: nothing twice.
    let account = administrator.get(&account).await;
    assert_eq!(account["version"], 3, "{place}: {account}");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_once_the_access_is_denied_leaves_the_rest_to_another() {
    dies_at(REVOCATION_DENIED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_once_the_log_has_a_revocation_leaves_no_second_one() {
    dies_at(REVOCATION_LOGGED).await;
}
