//! What is asked again under the same key: it is answered with what the first attempt came to, whatever that has changed; and an attempt
//! that came to nothing gives no right to anything.

use api_config::LimitsConfig;
use domain::account::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::clinic::Clinic;
use tests::people::{Person, patient};
use tests::rest::Rest;
use tests::system::{SystemOptions, TestSystem, deployed};

/// Something that somebody with a token asks for, under a key.
async fn ask(system: &TestSystem, token: &str, method: Method, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let caller = Rest::new(&system.url, token);
    let answer = caller.send(method, path, Some(key), Some(body)).await.unwrap();
    (answer.status, answer.body)
}

/// The same twice, the second time after a server has died that had not written the first answer down.
async fn ask_twice(system: &TestSystem, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let first = ask(system, token, method.clone(), path, "once", body).await;
    system.lose_answers().await;
    let again = ask(system, token, method, path, "once", body).await;
    assert_eq!(again, first, "{path}");
    first
}

/// A system whose patients book so many appointments ahead.
async fn limited_to(chain: &TestChain, open_bookings: u32) -> TestSystem {
    let options = SystemOptions {
        limits: LimitsConfig {
            open_bookings: Some(open_bookings),
            ..LimitsConfig::default()
        },
        ..SystemOptions::default()
    };
    TestSystem::with(chain, &deployed(chain).await, options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_changed_who_they_are_is_told_so_again() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let (ada, eve, new) = (Person::numbered(5001), Person::numbered(5002), Person::numbered(5003));

    let token = ada.sign_in(&system).await;
    let (status, registered) = ask_twice(&system, &token, Method::POST, "/v1/patients", &patient("Ada")).await;
    assert_eq!(status, 201, "{registered}");
    assert_eq!(
        system.get(registered["resource"].as_str().unwrap(), &token).await.0,
        200
    );

    let (_, record) = system.post("/v1/patients", &hospital, &patient("Eve")).await;
    let invitation = format!("{}/invitation", record["resource"].as_str().unwrap());
    let (_, issued) = system.post(&invitation, &hospital, &Value::Null).await;
    let token = eve.sign_in(&system).await;
    let accept = json!({ "invitation": issued["invitation"] });
    let (status, bound) = ask_twice(&system, &token, Method::POST, "/v1/invitations/accept", &accept).await;
    assert_eq!(status, 200, "{bound}");

    let change = new.change_from(&eve, &system).await;
    let first = ask(&system, &token, Method::PUT, "/v1/me/wallet", "change", &change).await;
    assert_eq!(first.0, 200, "{}", first.1);
    system.lose_answers().await;
    // The former wallet has no account any more, nor a session.
    let token = eve.sign_in(&system).await;
    let again = ask(&system, &token, Method::PUT, "/v1/me/wallet", "change", &change).await;
    assert_eq!(again, first);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_turned_away_before_has_no_right_to_more_afterwards() {
    let chain = TestChain::start().await;
    let system = limited_to(&chain, 2).await;
    let clinic = Clinic::open(&system, "Sato").await;
    clinic.offer(&system, 5).await;
    let ada = Person::numbered(5011).sign_in(&system).await;
    let book = async |number: u32| {
        let body = json!({ "practitioner": clinic.doctor, "slot": clinic.slot(clinic.day, number) });
        let key = number.to_string();
        ask(&system, &ada, Method::POST, "/v1/appointments", &key, &body)
            .await
            .0
    };
    for number in 0..5 {
        assert_eq!(book(number).await, 403);
    }
    assert_eq!(system.post("/v1/patients", &ada, &patient("Ada")).await.0, 201);
    let mut statuses = Vec::new();
    for number in 0..5 {
        statuses.push(book(number).await);
    }
    assert_eq!(statuses, [201, 201, 409, 409, 409]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_not_held_against_its_own_retry() {
    let chain = TestChain::start().await;
    let system = limited_to(&chain, 1).await;
    let clinic = Clinic::open(&system, "Sato").await;
    clinic.offer(&system, 2).await;
    let ada = Person::numbered(5021).sign_in(&system).await;
    assert_eq!(system.post("/v1/patients", &ada, &patient("Ada")).await.0, 201);
    let body = json!({ "practitioner": clinic.doctor, "slot": clinic.slot(clinic.day, 0) });
    let (status, booked) = ask_twice(&system, &ada, Method::POST, "/v1/appointments", &body).await;
    assert_eq!(status, 201, "{booked}");
    clinic
        .has_exactly(&system, vec![booked["id"].as_str().unwrap().to_owned()])
        .await;
    system.stop().await;
}
