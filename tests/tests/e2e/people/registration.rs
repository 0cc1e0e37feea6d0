//! Registration by approval, against running systems: who asks puts nothing on the chain and nothing readable into the database, and is
//! registered once when a hospital approves, whatever dies and whoever decides at the same time.

use std::num::NonZeroU32;

use api_config::{FinalityRule, LimitsConfig, Registration};
use domain::account::Role;
use infrastructure::chain::Signer;
use infrastructure::crash::{APPROVAL_BEGUN, APPROVAL_LOGGED, VARIABLE};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::note;
use tests::people::{Person, patient};
use tests::rest::Rest;
use tests::site::Site;
use tests::system::{SystemOptions, TestSystem, deployed};

const OWN: &str = "/v1/me/registration-request";
const REQUESTS: &str = "/v1/registration-requests";

fn by_approval() -> SystemOptions {
    SystemOptions {
        registration: Registration::Approval,
        ..SystemOptions::default()
    }
}

async fn approving(chain: &TestChain) -> TestSystem {
    TestSystem::with(chain, &deployed(chain).await, by_approval()).await
}

/// Asks to be registered under a name, and answers with the request's id.
async fn ask(system: &TestSystem, token: &str, family: &str) -> String {
    let (status, asked) = system.put(OWN, token, &patient(family)).await;
    assert_eq!(status, 200, "{asked}");
    asked["id"].as_str().unwrap().to_owned()
}

async fn approve(system: &TestSystem, key: &str, id: &str) -> (u16, Value) {
    let path = format!("{REQUESTS}/{id}/approve");
    system.post(&path, key, &json!({})).await
}

async fn decline(system: &TestSystem, key: &str, id: &str, reason: &str) -> (u16, Value) {
    let path = format!("{REQUESTS}/{id}/decline");
    system.post(&path, key, &json!({ "reason": reason })).await
}

/// The requests that wait, as a hospital sees them.
async fn waiting(system: &TestSystem, key: &str) -> Vec<Value> {
    let (status, page) = system.get(REQUESTS, key).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn patients(system: &TestSystem, key: &str) -> usize {
    let (_, page) = system.get("/v1/patients", key).await;
    page["items"].as_array().unwrap().len()
}

fn is_problem(answer: &(u16, Value), status: u16, slug: &str) {
    let expected = json!(format!("/problems/{slug}"));
    assert_eq!((answer.0, &answer.1["type"]), (status, &expected), "{}", answer.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_waits_unseen_by_the_chain_and_is_registered_when_a_hospital_approves() {
    let chain = TestChain::start().await;
    let system = approving(&chain).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let ada = Person::numbered(5001);
    let token = ada.sign_in(&system).await;
    let before = (system.settled().await, chain.block_number().await);
    is_problem(
        &system.post("/v1/patients", &token, &patient("Okafor")).await,
        403,
        "registration-by-approval",
    );
    assert_eq!(system.get(OWN, &token).await.0, 404);
    let id = ask(&system, &token, "Okafor").await;
    let (_, own) = system.get(OWN, &token).await;
    assert_eq!((&own["standing"], &own["id"]), (&json!("waiting"), &json!(id)));
    assert_eq!(own["details"]["name"]["family"], "Okafor");
    assert_eq!((system.settled().await, chain.block_number().await), before);

    // Nothing of it is readable in the database.
    let pool = &system.parts().pool;
    let row: String = sqlx::query_scalar("SELECT row_to_json(registration_requests)::text FROM registration_requests")
        .fetch_one(pool)
        .await
        .unwrap();
    let wallet = ada.address().to_lowercase();
    for readable in [
        "Okafor",
        &hex::encode("Okafor"),
        // Whole, for what is sealed is shown in hexadecimal digits, and four of them come by chance.
        "1980-02-29",
        &hex::encode("1980-02-29"),
        wallet.trim_start_matches("0x"),
    ] {
        assert!(!row.contains(readable), "{readable} in {row}");
    }

    // The hospital sees who asks; nobody else does, and nobody else decides.
    let listed = waiting(&system, &hospital).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["wallet"]),
        (&json!(id), &json!(ada.address()))
    );
    let admin = system.administrator().await;
    for key in [&token, &admin] {
        assert_eq!(system.get(REQUESTS, key).await.0, 403);
        assert_eq!(approve(&system, key, &id).await.0, 403);
        assert_eq!(decline(&system, key, &id, "no").await.0, 403);
    }
    let (status, approved) = approve(&system, &hospital, &id).await;
    assert_eq!(status, 201, "{approved}");
    let resource = approved["resource"].as_str().unwrap();
    assert_eq!(system.get(resource, &token).await.0, 200, "it shows at once");
    let (_, me) = system.get("/v1/me", &token).await;
    assert_eq!(me["role"], "patient");
    let (_, own) = system.get(OWN, &token).await;
    assert_eq!(
        (&own["standing"], &own["patient"]),
        (&json!("approved"), &approved["id"])
    );
    assert!(waiting(&system, &hospital).await.is_empty());

    // Who approved stands in the event, and the patient sees it.
    let (_, mine) = system.get("/v1/me/wallet", &token).await;
    let (_, service) = system.get("/v1/me", &hospital).await;
    assert_eq!(
        (&mine["acts"][0]["act"], &mine["acts"][0]["by"]),
        (&json!("approved"), &service["account"])
    );

    // What is decided is decided, and to decide it again changes nothing, whatever has become of the record.
    note(&system, &token, resource, &json!({ "symptom": { "text": "a cough" } })).await;
    let (status, again) = approve(&system, &hospital, &id).await;
    assert_eq!((status, again["resource"].as_str()), (200, Some(resource)), "{again}");
    let late = decline(&system, &hospital, &id, "too late").await;
    is_problem(&late, 409, "request-decided");
    assert_eq!(late.1["resource"], resource);
    assert_eq!(patients(&system, &hospital).await, 1);
    let left: Option<Vec<u8>> = sqlx::query_scalar("SELECT sealed FROM registration_requests")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(left, None, "what was asked is forgotten");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_declined_is_told_why_and_may_ask_again_and_nobody_approves_what_they_have_not_seen() {
    let chain = TestChain::start().await;
    let system = approving(&chain).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let token = Person::numbered(5011).sign_in(&system).await;
    let seen = ask(&system, &token, "Okafor").await;
    let changed = ask(&system, &token, "Somebody Else").await;
    assert_ne!(seen, changed);
    assert_eq!(
        approve(&system, &hospital, &seen).await.0,
        404,
        "it says something else now"
    );
    assert_eq!(waiting(&system, &hospital).await.len(), 1);

    let reason = "Come by with your passport.";
    assert_eq!(decline(&system, &hospital, &changed, " ").await.0, 422);
    assert_eq!(decline(&system, &hospital, &changed, reason).await.0, 200);
    let (_, own) = system.get(OWN, &token).await;
    assert_eq!((&own["standing"], &own["reason"]), (&json!("declined"), &json!(reason)));
    assert_eq!(own["details"], Value::Null, "what was asked is forgotten");
    is_problem(&approve(&system, &hospital, &changed).await, 409, "request-decided");
    assert!(waiting(&system, &hospital).await.is_empty());

    let again = ask(&system, &token, "Okafor").await;
    assert_eq!(approve(&system, &hospital, &again).await.0, 201);
    // Whoever is registered asks no more.
    assert_eq!(system.put(OWN, &token, &patient("Okafor")).await.0, 403);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_is_checked_and_costs_nothing_where_it_cannot_be() {
    let chain = TestChain::start().await;
    let system = approving(&chain).await;
    let token = Person::numbered(5021).sign_in(&system).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let wrong = |change: fn(&mut Value)| {
        let mut body = patient("Okafor");
        change(&mut body);
        body
    };
    for (body, pointer) in [
        (
            wrong(|body| body["details"]["identifier"] = json!({ "system": "urn:test", "value": "1" })),
            "/details/identifier",
        ),
        (
            wrong(|body| body["details"]["otherIdentifiers"] = json!([{ "system": "urn:test", "value": "1" }])),
            "/details/otherIdentifiers",
        ),
        (
            wrong(|body| body["details"]["asOf"] = json!("2020-01-01T00:00:00Z")),
            "/details/asOf",
        ),
        (
            wrong(|body| body["details"]["birthDate"] = json!("2099-01-01")),
            "/details/birthDate",
        ),
        (wrong(|body| body["chart"] = json!({})), "/chart"),
    ] {
        let (status, problem) = system.put(OWN, &token, &body).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{problem}"
        );
    }
    assert_eq!(system.put(OWN, &hospital, &patient("Okafor")).await.0, 403);
    assert_eq!(system.put(OWN, "", &patient("Okafor")).await.0, 401);
    assert!(waiting(&system, &hospital).await.is_empty());
    system.stop().await;

    for (registration, slug) in [
        (Registration::Open, "registration-is-open"),
        (Registration::Invitation, "registration-by-invitation"),
    ] {
        let options = SystemOptions {
            registration,
            ..SystemOptions::default()
        };
        let system = TestSystem::launch(&chain, &deployed(&chain).await, options).await;
        let token = Person::numbered(5022).sign_in(&system).await;
        is_problem(&system.put(OWN, &token, &patient("Okafor")).await, 403, slug);
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_bounded_and_what_has_ended_is_gone() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        limits: LimitsConfig {
            registration_requests: Some(2),
            ..LimitsConfig::default()
        },
        ..by_approval()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let mut tokens = Vec::new();
    for number in 5031..5034 {
        tokens.push(Person::numbered(number).sign_in(&system).await);
    }
    let first = ask(&system, &tokens[0], "First").await;
    ask(&system, &tokens[1], "Second").await;
    let refused = system.put(OWN, &tokens[2], &patient("Third")).await;
    is_problem(&refused, 503, "waiting-list-full");
    // Who is on it may correct what they say.
    let first_again = ask(&system, &tokens[0], "First").await;
    let order: Vec<_> = waiting(&system, &hospital).await;
    assert_eq!(order[1]["id"], json!(first_again), "and waits anew");
    let (_, page) = system.get(&format!("{REQUESTS}?limit=1"), &hospital).await;
    let next = page["next"].as_str().unwrap();
    assert_eq!(system.get(next, &hospital).await.1["items"][0], order[1]);
    assert_eq!(decline(&system, &hospital, &first, "gone").await.0, 404);
    assert_eq!(decline(&system, &hospital, &first_again, "no").await.0, 200);
    let third = ask(&system, &tokens[2], "Third").await;

    let pool = &system.parts().pool;
    let end = "UPDATE registration_requests SET expires_at = now() - interval '1 second'";
    sqlx::query(end).execute(pool).await.unwrap();
    assert!(waiting(&system, &hospital).await.is_empty());
    assert_eq!(approve(&system, &hospital, &third).await.0, 404);
    assert_eq!(system.get(OWN, &tokens[2]).await.0, 404);
    tests::system::until("they are swept", async || {
        let sql = "SELECT count(*) FROM registration_requests";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap() == 0
    })
    .await;
    assert_eq!(patients(&system, &hospital).await, 0);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited_by_address_and_looking_is_not() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        limits: LimitsConfig {
            registration_requests_per_address: NonZeroU32::new(2),
            ..LimitsConfig::default()
        },
        ..by_approval()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    // Whoever may not ask takes nobody's place.
    let hospital = system.service("front desk", Role::Hospital).await;
    for _ in 0..4 {
        assert_eq!(system.put(OWN, "", &patient("Okafor")).await.0, 401);
        assert_eq!(system.put(OWN, &hospital, &patient("Okafor")).await.0, 403);
    }
    for (number, status) in [(5041, 200), (5042, 200), (5043, 429)] {
        let token = Person::numbered(number).sign_in(&system).await;
        let asked = system.put(OWN, &token, &patient("Okafor")).await;
        assert_eq!(asked.0, status, "{}", asked.1);
        assert_eq!(system.get(OWN, &token).await.0, if status == 200 { 200 } else { 404 });
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_decide_at_once_on_two_servers_one_decides_and_nobody_is_registered_twice() {
    let chain = TestChain::start().await;
    let system = approving(&chain).await;
    let options = SystemOptions {
        signer: 2,
        database: Some(system.database.clone()),
        ..by_approval()
    };
    let other = TestSystem::launch(&chain, &system.deployment, options).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let mut registered = 0;
    for round in 0..4_u32 {
        // Both approve.
        let token = Person::numbered(5100 + round).sign_in(&system).await;
        let id = ask(&system, &token, "Both").await;
        let (here, there) = tokio::join!(approve(&system, &hospital, &id), approve(&other, &hospital, &id));
        assert!(
            [here.0, there.0].iter().all(|status| matches!(status, 200 | 201)),
            "{here:?} {there:?}"
        );
        registered += 1;

        // One approves, the other declines.
        let token = Person::numbered(5200 + round).sign_in(&system).await;
        let id = ask(&system, &token, "Either").await;
        let (here, there) = tokio::join!(approve(&system, &hospital, &id), decline(&other, &hospital, &id, "no"));
        let mut statuses = [here.0, there.0];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200 | 201, 409]), "{here:?} {there:?}");
        let approved = here.0 == 201;
        registered += usize::from(approved);
        let (_, own) = system.get(OWN, &token).await;
        assert_eq!(own["standing"], if approved { "approved" } else { "declined" }, "{own}");
    }
    system.settled().await;
    assert_eq!(patients(&system, &hospital).await, registered);
    other.stop().await;
    system.agrees_with_a_rebuild(&chain).await;
}

/// A server dies at a place while it approves; once it is back, approving again registers once.
async fn dies_at(place: &str) {
    let site = Site::ready(FinalityRule::Instant).await;
    let by_approval = ("MEDCONNECT_HTTP__REGISTRATION", "approval");
    let mut dying = site.serve(&[(VARIABLE, place), by_approval]).await;
    dying.until_part("appender", true).await;
    let administrator = dying.administrator().await;
    let hospital = dying.service(&administrator, "front desk").await;
    let wallet: Signer = format!("{:064x}", 5301).parse().unwrap();
    let session = api_dev::login::sign_in(&dying.url, None, &wallet).await.unwrap();
    let ada = Rest::new(&dying.url, session.token.expose_secret());
    let asked = ada.insist(Method::PUT, OWN, &patient("Okafor")).await;
    let path = format!("{REQUESTS}/{}/approve", asked["id"].as_str().unwrap());
    let approved = hospital.send(Method::POST, &path, None, Some(&json!({}))).await;
    assert!(approved.is_err(), "{place}: it should have died, but said {approved:?}");

    let server = site.serve(&[by_approval]).await;
    let listed = hospital.get(REQUESTS).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{place}: {listed}");
    let approved = hospital.insist(Method::POST, &path, &json!({})).await;
    assert_eq!(ada.get("/v1/me").await["role"], "patient");
    let own = ada.get(OWN).await;
    assert_eq!(
        (&own["standing"], &own["patient"]),
        (&json!("approved"), &approved["id"]),
        "{own}"
    );
    let (all, count) = hospital.list("/v1/patients").await;
    assert_eq!((all.len(), count), (1, 1), "{place}");
    let record = hospital.get(approved["resource"].as_str().unwrap()).await;
    assert_eq!(record["version"], 1, "{place}: {record}");
    drop(server);
    site.compare_with_rebuild().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_before_it_registers_whom_it_approved_leaves_them_waiting() {
    dies_at(APPROVAL_BEGUN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_once_the_log_has_whom_it_approved_registers_them_once() {
    dies_at(APPROVAL_LOGGED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_and_on_its_way_cannot_be_declined_however_often_it_is_approved_meanwhile() {
    let chain = TestChain::start().await;
    let system = approving(&chain).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let token = Person::numbered(5901).sign_in(&system).await;
    let id = ask(&system, &token, "Okafor").await;
    chain.call("evm_setAutomine", json!([false])).await;
    let first = system.http.post(format!("{}{REQUESTS}/{id}/approve", system.url));
    let first = first.bearer_auth(&hospital).header("prefer", "respond-async");
    assert_eq!(first.json(&json!({})).send().await.unwrap().status().as_u16(), 202);
    is_problem(&approve(&system, &hospital, &id).await, 503, "not-final");
    let (status, declined) = decline(&system, &hospital, &id, "Nobody knows you.").await;
    assert_eq!(status, 409, "{declined}");
    chain.call("evm_setAutomine", json!([true])).await;
    chain.mine(1).await;
    let (status, approved) = approve(&system, &hospital, &id).await;
    assert!(matches!(status, 200 | 201), "{approved}");
    assert_eq!(patients(&system, &hospital).await, 1);
    let (_, own) = system.get(OWN, &token).await;
    assert_eq!(own["standing"], "approved");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_approves_cannot_be_declined_because_another_was_turned_away() {
    let chain = TestChain::start().await;
    let system = approving(&chain).await;
    // It has the same signing key, so it appends nothing.
    let options = SystemOptions {
        database: Some(system.database.clone()),
        ..by_approval()
    };
    let other = TestSystem::launch(&chain, &system.deployment, options).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let token = Person::numbered(5911).sign_in(&system).await;
    let id = ask(&system, &token, "Okafor").await;
    // Whoever is turned away alone leaves it as it was.
    is_problem(&approve(&other, &hospital, &id).await, 503, "not-appending");
    assert_eq!(decline(&other, &hospital, &id, "Nobody knows you.").await.0, 200);

    let id = ask(&system, &token, "Okafor").await;
    chain.call("evm_setAutomine", json!([false])).await;
    let first = system.http.post(format!("{}{REQUESTS}/{id}/approve", system.url));
    let first = first.bearer_auth(&hospital).header("prefer", "respond-async");
    assert_eq!(first.json(&json!({})).send().await.unwrap().status().as_u16(), 202);
    is_problem(&approve(&other, &hospital, &id).await, 503, "not-appending");
    for server in [&system, &other] {
        let declined = decline(server, &hospital, &id, "Nobody knows you.").await;
        is_problem(&declined, 409, "request-decided");
    }
    chain.call("evm_setAutomine", json!([true])).await;
    chain.mine(1).await;
    let (status, approved) = approve(&system, &hospital, &id).await;
    assert!(matches!(status, 200 | 201), "{approved}");
    let (_, own) = system.get(OWN, &token).await;
    assert_eq!(own["standing"], "approved", "{own}");
    other.stop().await;
    system.agrees_with_a_rebuild(&chain).await;
}
