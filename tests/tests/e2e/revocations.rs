//! A revocation holds: whatever is away, wherever a server dies, what was to be revoked is denied on every server, and the log is told in
//! the end, once.

use api::config::FinalityRule;
use domain::account::Role;
use infrastructure::crash::{REVOCATION_DENIED, REVOCATION_LOGGED, VARIABLE};
use reqwest::Method;
use serde_json::json;
use tests::chain::{KEYS, TestChain};
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
    let pending: i64 = sqlx::query_scalar("SELECT count(*) FROM revocations WHERE pending IS NOT NULL")
        .fetch_one(&system.parts().pool)
        .await
        .unwrap();
    assert!(pending <= 1);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_itself_refuses_is_not_denied() {
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
