//! Signing in with a wallet, and with a service's key, against a running system.

use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::people::{Person, patient};
use tests::system::{TestSystem, deployed};

async fn challenge(system: &TestSystem) -> Value {
    system.post("/v1/auth/nonce", "", &json!({})).await.1
}

async fn login(system: &TestSystem, message: &str, signature: &str) -> (u16, Value) {
    let body = json!({ "message": message, "signature": signature });
    system.post("/v1/auth/login", "", &body).await
}

/// An address with another last digit.
fn mistyped(address: &str) -> String {
    let (most, last) = address.split_at(address.len() - 1);
    format!("{most}{}", if last == "0" { "1" } else { "0" })
}

/// A signature in the form of EIP-2098: 64 bytes, with the parity in the highest bit of `s`.
fn compact(signature: &str) -> String {
    let mut bytes = hex::decode(signature.trim_start_matches("0x")).unwrap();
    bytes[32] |= (bytes[64] - 27) << 7;
    format!("0x{}", hex::encode(&bytes[..64]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_signs_in_strictly_registers_and_signs_out() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let (ada, eve) = (Person::numbered(1001), Person::numbered(1002));

    // A message with one wrong field, or somebody else's signature, is refused by name, and uses no nonce up.
    let asked = challenge(&system).await;
    let right = ada.message(&asked);
    let domain = asked["domain"].as_str().unwrap();
    let uri = asked["uri"].as_str().unwrap();
    for (wrong, detail) in [
        (
            right.replace(&format!("{domain} wants"), "evil.example wants"),
            "domain",
        ),
        (
            right.replace(&format!("URI: {uri}"), "URI: https://evil.example"),
            "URI",
        ),
        (right.replace("Chain ID: ", "Chain ID: 9"), "chain"),
        (right.replace("Issued At: 2", "Issued At: 1"), "issued"),
        (format!("{right}\nExpiration Time: 2020-01-01T00:00:00Z"), "expired"),
        (format!("{right}\nNot Before: 2100-01-01T00:00:00Z"), "valid yet"),
        (right.replace("Nonce: ", "Nonce: x"), "nonce"),
        (right.replace("Nonce: ", "Nonce: \0"), "no EIP-4361 message"),
        (right.replace("wants you", "wants  you"), "no EIP-4361 message"),
        (
            right.replace(&format!("{domain} wants"), &format!("ftp://{domain} wants")),
            "scheme",
        ),
        (right.replace(&ada.address(), &mistyped(&ada.address())), "checksum"),
    ] {
        let (status, problem) = login(&system, &wrong, &ada.sign(&wrong)).await;
        assert_eq!(
            (status, &problem["type"]),
            (401, &json!("/problems/login-failed")),
            "{wrong}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{detail}: {problem}"
        );
    }
    assert_eq!(login(&system, &right, &eve.sign(&right)).await.0, 401);
    for (wrong, detail) in [("0x12", "65 bytes"), ("hello", "hexadecimal")] {
        let (status, problem) = login(&system, &right, wrong).await;
        assert_eq!(status, 401);
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let (status, session) = login(&system, &right, &ada.sign(&right)).await;
    assert_eq!(
        (status, &session["me"]["registered"]),
        (200, &json!(false)),
        "{session}"
    );
    assert_eq!(
        login(&system, &right, &ada.sign(&right)).await.0,
        401,
        "a nonce is used once"
    );

    // Without an account there is one thing to do: register. It shows at once.
    let token = session["token"].as_str().unwrap();
    assert_eq!(system.get("/v1/practitioners", token).await.0, 403);
    let (status, registered) = system.post("/v1/patients", token, &patient("Lovelace")).await;
    assert_eq!(status, 201, "{registered}");
    let (_, me) = system.get("/v1/me", token).await;
    assert_eq!((&me["role"], &me["patient"]), (&json!("patient"), &registered["id"]));
    assert_eq!(system.get("/v1/practitioners", token).await.0, 200);
    assert_eq!(
        system.post("/v1/patients", token, &patient("Byron")).await.0,
        403,
        "one record per wallet"
    );

    // What the standard leaves to the wallet is taken either way: it is the same wallet.
    let asked = challenge(&system).await;
    let loose = ada
        .message(&asked)
        .replace(&ada.address(), &ada.address().to_lowercase());
    let loose = format!(
        "{}://{loose}\nResources:\n- https://clinic.example/terms",
        uri.split("://").next().unwrap()
    );
    let (status, session) = login(&system, &loose, &compact(&ada.sign(&loose))).await;
    assert_eq!(
        (status, &session["me"]["patient"]),
        (200, &registered["id"]),
        "{session}"
    );

    // Another session of the same wallet is its own; signing out ends one of them.
    let other = ada.sign_in(&system).await;
    assert_eq!(system.post("/v1/auth/logout", token, &json!({})).await.0, 204);
    assert_eq!(system.get("/v1/me", token).await.0, 401);
    assert_eq!(system.get("/v1/me", &other).await.0, 200);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_opens_accounts_and_takes_them_away_at_once() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    // The service that the harness opens waits for the administrator's account, which the configuration names.
    let hospital = system.service("ward", Role::Hospital).await;
    let admin = Person::with_key(KEYS[0]).sign_in(&system).await;
    let (_, me) = system.get("/v1/me", &admin).await;
    assert_eq!(me["role"], "administrator", "{me}");

    let auditor = Person::numbered(1003);
    let open = json!({ "name": "Audit", "role": "auditor", "kind": "person" });
    let (status, opened) = system.post("/v1/accounts", &admin, &open).await;
    assert_eq!(status, 201, "{opened}");
    let token = auditor
        .join(&system, &admin, opened["resource"].as_str().unwrap())
        .await;
    assert_eq!(system.get("/v1/admin/status?contentHashes=true", &token).await.0, 200);
    assert_eq!(system.get("/v1/accounts", &token).await.0, 403);
    let close = format!("{}/close", opened["resource"].as_str().unwrap());
    assert_eq!(system.post(&close, &admin, &json!({})).await.0, 200);
    assert_eq!(system.get("/v1/admin/status", &token).await.0, 401);

    // A key that may only read, then one that is revoked while the other goes on.
    let (_, me) = system.get("/v1/me", &hospital).await;
    let keys = format!("/v1/accounts/{}/keys", me["account"].as_str().unwrap());
    let (status, issued) = system.post(&keys, &admin, &json!({ "scopes": ["read"] })).await;
    assert_eq!(status, 201, "{issued}");
    let reader = issued["secret"].as_str().unwrap();
    assert_eq!(system.get("/v1/patients", reader).await.0, 200);
    assert_eq!(system.post("/v1/patients", reader, &patient("Reader")).await.0, 403);
    let revoke = format!("{}/revoke", issued["resource"].as_str().unwrap());
    assert_eq!(system.post(&revoke, &admin, &json!({})).await.0, 200);
    assert_eq!(system.get("/v1/patients", reader).await.0, 401);
    assert_eq!(system.get("/v1/patients", &hospital).await.0, 200);
    let (status, problem) = system
        .post(
            &keys,
            &admin,
            &json!({ "scopes": ["read"], "expires": "2020-01-01T00:00:00Z" }),
        )
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/expires")),
        "{problem}"
    );
    system.stop().await;
}
