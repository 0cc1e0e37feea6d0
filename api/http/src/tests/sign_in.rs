//! Signing in and out, over the whole layer. What a message must say is tested beside [`crate::auth`].

use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use domain::kernel::typed_data::keccak256;
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};

use super::fakes::{HOSPITAL_KEY, OTHER, OWN, World, token};
use crate::app;

macro_rules! send {
    ($service:expr, $request:expr) => {{
        let response = call_service(&$service, $request.to_request()).await;
        let status = response.status().as_u16();
        let body: Value = if status == 204 {
            Value::Null
        } else {
            read_body_json(response).await
        };
        (status, body)
    }};
}

fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {token}")))
}

/// What a challenge becomes that the wallet of this number has signed.
fn signed_by(number: u8, challenge: &Value) -> Value {
    let key = SigningKey::from_bytes(&[number; 32].into()).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let address = signinwithethereum::eip55(keccak256(&point.as_bytes()[1..])[12..].try_into().unwrap());
    let text = |name: &str| challenge[name].as_str().unwrap().to_owned();
    let message = format!(
        "{} wants you to sign in with your Ethereum account:\n{address}\n\n\nURI: {}\nVersion: {}\nChain ID: {}\n\
         Nonce: {}\nIssued At: {}",
        text("domain"),
        text("uri"),
        text("version"),
        challenge["chainId"],
        text("nonce"),
        text("issuedAt"),
    );
    let parsed: signinwithethereum::Message = message.parse().unwrap();
    let (signature, recovery) = key.sign_prehash_recoverable(&parsed.eip191_hash().unwrap()).unwrap();
    let signature = format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + recovery.to_byte());
    json!({"message": message, "signature": signature})
}

#[actix_web::test]
async fn a_wallet_signs_in_once_per_nonce_and_signs_out() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let (status, challenge) = send!(service, TestRequest::post().uri("/v1/auth/nonce"));
    assert_eq!(status, 200);
    let login = || {
        TestRequest::post()
            .uri("/v1/auth/login")
            .set_json(signed_by(7, &challenge))
    };
    let (status, session) = send!(service, login());
    assert_eq!((status, &session["me"]["registered"]), (200, &json!(false)));
    let token = session["token"].as_str().unwrap();
    assert!(
        token.starts_with("ms_"),
        "a session is told from a key by how its token begins: {token}"
    );

    let (status, problem) = send!(service, login());
    assert_eq!((status, &problem["type"]), (401, &json!("/problems/login-failed")));
    assert_eq!(
        problem["detail"],
        "The nonce is unknown, expired or used. POST /v1/auth/nonce gives another."
    );

    assert_eq!(send!(service, bearer(TestRequest::get().uri("/v1/me"), token)).0, 200);
    assert_eq!(
        send!(service, bearer(TestRequest::post().uri("/v1/auth/logout"), token)).0,
        204
    );
    assert_eq!(send!(service, bearer(TestRequest::get().uri("/v1/me"), token)).0, 401);
}

#[actix_web::test]
async fn a_closed_account_and_a_revoked_key_stop_at_once() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let me = |token: &str| bearer(TestRequest::get().uri("/v1/me"), token);
    let admin = token("administrator");
    let hospital = token("hospital");
    assert_eq!(send!(service, me(&hospital)).0, 200);
    assert_eq!(send!(service, me(HOSPITAL_KEY)).0, 200);

    let account = send!(service, me(&hospital)).1["account"].as_str().unwrap().to_owned();
    let close = bearer(
        TestRequest::post().uri(&format!("/v1/accounts/{account}/close")),
        &admin,
    );
    assert_eq!(send!(service, close).0, 200);
    assert_eq!(send!(service, me(&hospital)).0, 401);

    let service_account = send!(service, me(HOSPITAL_KEY)).1["account"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = uuid::Uuid::from_u128(77);
    let revoke = TestRequest::post().uri(&format!("/v1/accounts/{service_account}/keys/{key}/revoke"));
    assert_eq!(send!(service, bearer(revoke, &admin)).0, 200);
    assert_eq!(send!(service, me(HOSPITAL_KEY)).0, 401);
}

#[actix_web::test]
async fn a_revocation_holds_whatever_is_not_there() {
    for unsure in [false, true] {
        let world = World::new();
        let service = init_service(app(world.state())).await;
        let me = || bearer(TestRequest::get().uri("/v1/me"), HOSPITAL_KEY);
        let account = send!(service, me()).1["account"].as_str().unwrap().to_owned();
        let trouble = if unsure {
            &world.executor.unsure
        } else {
            &world.executor.away
        };
        *trouble.lock().unwrap() = true;
        let close = || {
            let request = TestRequest::post().uri(&format!("/v1/accounts/{account}/close"));
            bearer(request, &token("administrator")).insert_header(("idempotency-key", "close"))
        };
        let (status, problem) = send!(service, close());
        assert_eq!(
            (status, &problem["type"]),
            (503, &json!("/problems/revocation-pending"))
        );
        assert_eq!(problem["title"], "The access is denied already");
        assert_eq!(send!(service, me()).0, 401);
        // It is carried through as soon as it can be; then whoever asks again is told so.
        let waiting = world.clinic.revocations.take_on().await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert!(world.clinic.carry_through(&waiting[0], true).await.is_err());
        *trouble.lock().unwrap() = false;
        assert!(world.clinic.carry_through(&waiting[0], true).await.is_ok());
        assert_eq!(send!(service, close()).0, 200);
        let commands = world.executor.commands.lock().unwrap().clone();
        assert!(
            commands.len() == 2 && commands[0] == commands[1],
            "one command: {commands:?}"
        );
        assert_eq!(send!(service, me()).0, 401);
    }
}

#[actix_web::test]
async fn a_revocation_that_the_chain_keeps_waiting_keeps_no_other_one_waiting() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    *world.executor.away.lock().unwrap() = true;
    for id in [OWN, OTHER] {
        let close = TestRequest::post().uri(&format!("/v1/accounts/{id}/close"));
        assert_eq!(send!(service, bearer(close, &token("administrator"))).0, 503);
    }
    *world.executor.away.lock().unwrap() = false;
    *world.executor.takes.lock().unwrap() = std::time::Duration::from_secs(60);
    let carrying = tokio::spawn(world.state().carry_revocations_through());
    // Longer than until it looks again: what is under way is not begun anew.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(world.executor.commands.lock().unwrap().len(), 2);
    carrying.abort();
}

#[actix_web::test]
async fn a_revocation_that_waits_is_pending_to_whoever_asks() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let account = send!(service, bearer(TestRequest::get().uri("/v1/me"), HOSPITAL_KEY)).1["account"]
        .as_str()
        .unwrap()
        .to_owned();
    *world.executor.away.lock().unwrap() = true;
    let administrator = token("administrator");
    let close = bearer(
        TestRequest::post().uri(&format!("/v1/accounts/{account}/close")),
        &administrator,
    )
    .insert_header(("idempotency-key", "close"));
    assert_eq!(send!(service, close).0, 503);
    world.registry.let_claims_run_out();
    let command = world.registry.only();
    let ask = || {
        bearer(
            TestRequest::get().uri(&format!("/v1/commands/{command}")),
            &administrator,
        )
    };
    let (status, body) = send!(service, ask());
    assert_eq!((status, &body["status"]), (200, &json!("pending")), "{body}");
}

#[actix_web::test]
async fn attempts_to_sign_in_are_limited_by_wallet_however_many_addresses_they_come_from() {
    let world = World::new();
    let settings = crate::HttpSettings {
        limits: crate::limits::CallerLimits {
            sign_ins_per_wallet: std::num::NonZeroU32::new(2).unwrap(),
            ..Default::default()
        },
        ..world.settings.clone()
    };
    let world = World { settings, ..world };
    let service = init_service(app(world.state())).await;
    let addresses = std::cell::Cell::new(0_u8);
    let login = async |body: &Value| {
        addresses.set(addresses.get() + 1);
        let address = format!("192.0.2.{}:1", addresses.get()).parse().unwrap();
        let login = TestRequest::post().uri("/v1/auth/login").peer_addr(address);
        send!(service, login.set_json(body))
    };
    let challenge = async || send!(service, TestRequest::post().uri("/v1/auth/nonce")).1;
    // What another wallet signs in its name counts for nothing: nobody locks it out.
    for _ in 0..3 {
        let mut forged = signed_by(7, &challenge().await);
        forged["signature"] = signed_by(8, &challenge().await)["signature"].take();
        assert_eq!(login(&forged).await.0, 401);
    }
    for _ in 0..2 {
        assert_eq!(login(&signed_by(7, &challenge().await)).await.0, 200);
    }
    let (status, problem) = login(&signed_by(7, &challenge().await)).await;
    assert_eq!((status, &problem["type"]), (429, &json!("/problems/too-many-requests")));
    assert!(problem["detail"].as_str().unwrap().contains("wallet"), "{problem}");
    assert_eq!(login(&signed_by(8, &challenge().await)).await.0, 200);
}

#[actix_web::test]
async fn attempts_to_sign_in_are_limited() {
    let world = World::new();
    let settings = crate::HttpSettings {
        limits: crate::limits::CallerLimits {
            sign_ins_per_address: std::num::NonZeroU32::MIN,
            ..Default::default()
        },
        proxies: crate::limits::TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            ..Default::default()
        },
        ..world.settings.clone()
    };
    let world = World { settings, ..world };
    let service = init_service(app(world.state())).await;
    let nonce = || {
        TestRequest::post()
            .uri("/v1/auth/nonce")
            .peer_addr("10.0.0.1:1".parse().unwrap())
    };
    assert_eq!(send!(service, nonce()).0, 200);
    let (status, problem) = send!(service, nonce());
    assert_eq!((status, &problem["type"]), (429, &json!("/problems/too-many-requests")));
    // A crowd behind one proxy does not lock itself out, and nobody gets another quota by what they write themselves.
    let through = |forwarded: &'static str| nonce().insert_header(("x-forwarded-for", forwarded));
    assert_eq!(send!(service, through("203.0.113.1")).0, 200);
    assert_eq!(send!(service, through("203.0.113.2")).0, 200);
    assert_eq!(send!(service, through("198.51.100.1, 203.0.113.2")).0, 429);
}

#[actix_web::test]
async fn a_persons_commands_and_bytes_are_limited_and_a_services_are_not() {
    let world = World::new();
    let settings = crate::HttpSettings {
        limits: crate::limits::CallerLimits {
            commands_per_person: std::num::NonZeroU32::new(2).unwrap(),
            bytes_per_person: std::num::NonZeroU32::new(300).unwrap(),
            ..Default::default()
        },
        ..world.settings.clone()
    };
    let world = World { settings, ..world };
    let service = init_service(app(world.state())).await;
    let details =
        json!({"name": {"family": "Okafor", "given": ["Ada"]}, "birthDate": "1990-01-01", "gender": "female"});
    let own = OWN;
    let put =
        |token: &str| bearer(TestRequest::put().uri(&format!("/v1/patients/{own}/details")), token).set_json(&details);
    let patient = token("patient");
    for _ in 0..2 {
        assert_eq!(send!(service, put(&patient)).0, 200);
    }
    let refused = call_service(&service, put(&patient).to_request()).await;
    assert_eq!(refused.status(), 429);
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(refused.headers().contains_key(name), "{name}");
    }
    for _ in 0..5 {
        assert_eq!(send!(service, put(HOSPITAL_KEY)).0, 200);
    }
    // Another person has a quota of their own: of bytes, not more than one such body and a half.
    let nurse = token("nurse");
    let long = json!({"symptom": {"text": "x".repeat(200)}});
    let note = || {
        bearer(
            TestRequest::post().uri(&format!("/v1/patients/{own}/chart/findings")),
            &nurse,
        )
        .set_json(&long)
    };
    assert_eq!(send!(service, note()).0, 201);
    let (status, problem) = send!(service, note());
    assert_eq!((status, &problem["type"]), (429, &json!("/problems/too-many-requests")));
    assert!(problem["detail"].as_str().unwrap().contains("bytes"), "{problem}");
}

#[actix_web::test]
async fn a_patient_books_only_so_many_appointments_ahead_and_a_hospital_as_many_as_it_likes() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let body = json!({
        "patient": OWN, "practitioner": OTHER,
        "slot": {"start": "2026-03-02T12:00:00Z", "minutes": 20},
    });
    let book = |token: &str| bearer(TestRequest::post().uri("/v1/appointments"), token).set_json(&body);
    *world.queries.open.lock().unwrap() = 9;
    assert_eq!(send!(service, book(&token("patient"))).0, 201);
    *world.queries.open.lock().unwrap() = 10;
    let (status, problem) = send!(service, book(&token("patient")));
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/too-many-bookings")));
    assert_eq!(send!(service, book(&token("hospital"))).0, 201);
}
