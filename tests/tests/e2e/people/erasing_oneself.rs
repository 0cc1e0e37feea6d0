//! A patient has themselves erased, by the signature of their wallet; nobody else does it for them with less.

use api_config::FinalityRule;
use infrastructure::chain::Signer;
use infrastructure::crash::{ERASURE_NOTED, VARIABLE};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::PgPool;
use tests::chain::TestChain;
use tests::office::Office;
use tests::people::{Person, patient};
use tests::rest::Rest;
use tests::site::Site;
use tests::system::{SystemOptions, TestSystem, until};
use tests::wire::Line;

use super::grants::World;

const PATH: &str = "/v1/me/erasure";

/// What a wallet states that has its patient erased.
const STATEMENT: &str = "I have all erased that is known of me here, for ever.";

async fn signed_by(person: &Person, statement: &str, system: &TestSystem) -> Value {
    json!({ "signed": person.signed(statement, system).await })
}

async fn count(pool: &PgPool, sql: &str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

async fn asked_for(system: &TestSystem) -> i64 {
    count(&system.parts().pool, "SELECT count(*) FROM erasure_requests").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_erased_by_their_wallets_signature_and_by_nothing_less() {
    let world = World::open("Lethe").await;
    let system = &world.system;
    world.give(&world.to_the_doctor(&["record"])).await;
    let somebody = Person::numbered(177);

    // Neither what is signed for something else, nor by somebody else, nor what was changed, nor nothing.
    let mut changed = signed_by(&world.ada, STATEMENT, system).await;
    let message = changed["signed"]["message"]
        .as_str()
        .unwrap()
        .replace("for ever", "for even");
    changed["signed"]["message"] = json!(message);
    let longer = format!("{STATEMENT} And more.");
    for body in [
        signed_by(&world.ada, "Sign in.", system).await,
        signed_by(&world.ada, &longer, system).await,
        signed_by(&somebody, STATEMENT, system).await,
        changed,
        json!({ "signed": { "message": "", "signature": "0x" } }),
    ] {
        let (status, problem) = system.post(PATH, &world.token, &body).await;
        let pointer = &problem["errors"][0]["pointer"];
        assert_eq!((status, pointer), (422, &json!("/signed")), "{body}: {problem}");
    }
    for body in [json!({}), json!(null), json!({ "signed": { "message": "x" } })] {
        assert_eq!(system.post(PATH, &world.token, &body).await.0, 422, "{body}");
    }
    // Whoever has the signature, and another's token, erases nobody.
    let signed = signed_by(&world.ada, STATEMENT, system).await;
    for token in [&world.doctor, &world.clinic.key, &somebody.sign_in(system).await] {
        let (status, problem) = system.post(PATH, token, &signed).await;
        assert_eq!(
            (status, &problem["type"]),
            (403, &json!("/problems/forbidden")),
            "{problem}"
        );
    }
    // What is signed for it signs nobody in.
    let (status, problem) = system.post("/v1/auth/login", "", &signed["signed"]).await;
    assert_eq!(
        (status, &problem["type"]),
        (401, &json!("/problems/login-failed")),
        "{problem}"
    );
    assert_eq!(asked_for(system).await, 0, "nobody is noted");
    assert_eq!(world.reads("").await.0, 200, "nothing has changed");

    let (status, erased) = system.post(PATH, &world.token, &signed).await;
    assert_eq!((status, &erased["id"]), (200, &json!(world.patient)), "{erased}");
    assert!(erased["position"].is_u64(), "{erased}");
    let (status, _) = system.get("/v1/me", &world.token).await;
    assert_eq!(status, 401, "the session has ended");
    for who in [&world.doctor, &world.clinic.key] {
        let (status, problem) = system.get(&world.path(""), who).await;
        assert!([404, 409].contains(&status), "{status} {problem}");
    }
    let (status, found) = system.get("/v1/patients?limit=200", &world.clinic.key).await;
    let is_there = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .any(|one| one["id"] == json!(world.patient));
    assert!(status == 200 && !is_there, "{found}");
    let left = format!(
        "SELECT count(*) FROM data_keys WHERE subject = '{}' AND wrapped IS NOT NULL",
        world.patient
    );
    until("their keys are destroyed", async || {
        count(&system.parts().pool, &left).await == 0
    })
    .await;

    // Whoever comes back with the wallet is somebody new, who has nothing to erase.
    let token = world.ada.sign_in(system).await;
    let (_, me) = system.get("/v1/me", &token).await;
    assert_eq!(me["role"], Value::Null, "{me}");
    let again = signed_by(&world.ada, STATEMENT, system).await;
    assert_eq!(system.post(PATH, &token, &again).await.0, 403);
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_erases_a_patient_is_told_so_and_nothing_is_noted() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        patients_erase_themselves: Some(false),
        ..SystemOptions::default()
    };
    let (office, system) = Office::serve(&chain, options).await;
    let world = World::of(chain, office, system, "Kept").await;
    let signed = signed_by(&world.ada, STATEMENT, &world.system).await;
    let (status, problem) = world.system.post(PATH, &world.token, &signed).await;
    assert_eq!(
        (status, &problem["type"]),
        (403, &json!("/problems/erasure-by-operator")),
        "{problem}"
    );
    assert_eq!(asked_for(&world.system).await, 0);
    assert_eq!(world.system.get(&world.path(""), &world.token).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_the_chain_keeps_waiting_is_carried_through_by_another_server() {
    let (world, here, way) = World::beside_one_that_can_be_cut_off("Cut off").await;
    let signed = signed_by(&world.ada, STATEMENT, &here).await;
    way.set(Line::Cut);
    let (status, answer) = here.post(PATH, &world.token, &signed).await;
    let is_known =
        [200, 202].contains(&status) || (status, &answer["type"]) == (503, &json!("/problems/outcome-unknown"));
    assert!(is_known, "{status} {answer}");
    // Nobody comes back to the server that was asked, and its line stays cut.
    here.stop().await;
    let erasures = "SELECT count(*) FROM erasures";
    until("it is in the log", async || {
        count(&world.system.parts().pool, erasures).await == 1
    })
    .await;
    let token = world.ada.sign_in(&world.system).await;
    let (_, me) = world.system.get("/v1/me", &token).await;
    assert_eq!(me["role"], Value::Null, "{me}");
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_that_they_are_erased_before_the_log_says_so_however_often_they_ask() {
    let world = World::open("Patience").await;
    let system = &world.system;
    let pool = &system.parts().pool;
    let other_session = world.ada.sign_in(system).await;
    let bodies = [
        signed_by(&world.ada, STATEMENT, system).await,
        signed_by(&world.ada, STATEMENT, system).await,
    ];
    world.chain.call("evm_setAutomine", json!([false])).await;
    let first = system
        .http
        .post(format!("{}{PATH}", system.url))
        .bearer_auth(&world.token);
    let first = first
        .header("prefer", "respond-async")
        .json(&bodies[0])
        .send()
        .await
        .unwrap();
    assert_eq!(first.status().as_u16(), 202);
    let (status, second) = system.post(PATH, &other_session, &bodies[1]).await;
    assert_eq!(
        (status, &second["type"]),
        (503, &json!("/problems/outcome-unknown")),
        "{second}"
    );
    // Those who carry it through have looked again since.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let logged = "SELECT count(*) FROM erasure_requests WHERE logged_at IS NOT NULL";
    assert_eq!(count(pool, logged).await, 0);
    assert_eq!(count(pool, "SELECT count(*) FROM erasures").await, 0);

    world.chain.call("evm_setAutomine", json!([true])).await;
    world.chain.mine(1).await;
    until("the log says so", async || count(pool, logged).await == 1).await;
    assert_eq!(count(pool, "SELECT count(*) FROM erasures").await, 1);
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_once_it_has_noted_an_erasure_is_followed_by_one_that_carries_it_through() {
    let site = Site::ready(FinalityRule::Instant).await;
    let open = ("MEDCONNECT_HTTP__REGISTRATION", "open");
    let mut dying = site.serve(&[(VARIABLE, ERASURE_NOTED), open]).await;
    dying.until_part("appender", true).await;
    let key = format!("{:064x}", 5401);
    let (wallet, ada): (Signer, _) = (key.parse().unwrap(), Person::with_key(&key));
    let sign_in = async |url: &str| {
        let session = api_dev::login::sign_in(url, None, &wallet).await.unwrap();
        Rest::new(url, session.token.expose_secret())
    };
    let session = sign_in(&dying.url).await;
    session.insist(Method::POST, "/v1/patients", &patient("Okafor")).await;
    let challenge = session.insist(Method::POST, "/v1/auth/nonce", &json!({})).await;
    let message = ada.stating(STATEMENT, &challenge);
    let body = json!({ "signed": { "message": message, "signature": ada.sign(&message) } });
    let erased = session.send(Method::POST, PATH, None, Some(&body)).await;
    assert!(erased.is_err(), "it should have died, but said {erased:?}");

    let server = site.serve(&[open]).await;
    let session = sign_in(&server.url).await;
    until("it is carried through", async || {
        // Their session ends by it.
        let answer = session.send(Method::GET, "/v1/me", None, None).await.unwrap();
        answer.status == 401
    })
    .await;
    // Whose wallet it was a server remembers for a moment.
    let anew = sign_in(&server.url).await;
    until("the wallet has no account", async || {
        anew.get("/v1/me").await["role"] == Value::Null
    })
    .await;
    drop(server);
    site.compare_with_rebuild().await;
}
