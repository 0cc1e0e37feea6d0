//! How wallets come to accounts and go from them, against running systems: by their own signatures, once, and never because somebody
//! names them.

use api_config::{LimitsConfig, Registration};
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::clinic::Clinic;
use tests::office::Office;
use tests::people::{Person, patient, practitioner};
use tests::system::{SystemOptions, TestSystem, deployed};

async fn invite(system: &TestSystem, inviting: &str, resource: &str) -> Value {
    let path = format!("{resource}/invitation");
    let (status, mut invitation) = system.post(&path, inviting, &Value::Null).await;
    assert_eq!(status, 200, "{invitation}");
    invitation["invitation"].take()
}

/// Registers a patient under an identifier, and answers with where the record is.
async fn record(system: &TestSystem, hospital: &str, identifier: &str) -> String {
    let mut patient = patient("Okafor");
    patient["details"]["identifier"] = json!({ "system": "urn:test", "value": identifier });
    let (status, registered) = system.post("/v1/patients", hospital, &patient).await;
    assert_eq!(status, 201, "{registered}");
    registered["resource"].as_str().unwrap().to_owned()
}

async fn role_of(system: &TestSystem, token: &str) -> (u16, Value) {
    let (status, mut me) = system.get("/v1/me", token).await;
    (status, me["role"].take())
}

fn refused(answer: &(u16, Value)) {
    let (status, problem) = answer;
    assert_eq!(*status, 422, "{problem}");
    assert_eq!(
        problem["errors"],
        json!([{ "pointer": "/invitation", "detail": "is unknown, expired or used" }])
    );
}

/// A registrar whose private key is this number: the token, and the account's id.
async fn registrar(system: &TestSystem, admin: &str, number: u32) -> (String, Value) {
    let open = json!({ "name": "Registry", "role": "registrar", "kind": "person" });
    let (_, mut opened) = system.post("/v1/accounts", admin, &open).await;
    let resource = opened["resource"].as_str().unwrap();
    let token = Person::numbered(number).join(system, admin, resource).await;
    (token, opened["id"].take())
}

/// A second server on the first one's database.
async fn beside(chain: &TestChain, system: &TestSystem) -> TestSystem {
    let options = SystemOptions {
        signer: 2,
        database: Some(system.database.clone()),
        ..SystemOptions::default()
    };
    TestSystem::launch(chain, &system.deployment, options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_names_the_wallet_that_opens_a_record() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let admin = system.administrator().await;
    let (ada, eve) = (Person::numbered(4001), Person::numbered(4002));
    let mut registration = patient("Okafor");
    registration["details"]["identifier"] = json!({ "system": "urn:test", "value": "1" });
    let (status, registered) = system.post("/v1/patients", &hospital, &registration).await;
    assert_eq!(status, 201, "{registered}");
    let resource = registered["resource"].as_str().unwrap();
    let token = ada.join(&system, &hospital, resource).await;
    assert_eq!(role_of(&system, &token).await, (200, json!("patient")));

    // The same patient, doctor or colleague again, with another wallet: nothing that is asked for binds it.
    registration["wallet"] = json!(eve.address());
    let mut doctor = practitioner("Sato", "UTC");
    doctor["wallet"] = json!(eve.address());
    let staff = json!({ "name": "Lab", "role": "hospital", "kind": "person", "wallet": eve.address() });
    for (path, token, body) in [
        ("/v1/patients", &hospital, &registration),
        ("/v1/practitioners", &hospital, &doctor),
        ("/v1/accounts", &admin, &staff),
    ] {
        assert_eq!(system.post(path, token, body).await.0, 422, "{path}");
    }
    let hers = eve.sign_in(&system).await;
    assert_eq!(role_of(&system, &hers).await, (200, Value::Null));
    assert_eq!(system.get(resource, &hers).await.0, 403);
    // Nor is anybody invited who has a wallet.
    let (status, problem) = system
        .post(&format!("{resource}/invitation"), &hospital, &Value::Null)
        .await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/wallet-bound")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_good_once_for_one_wallet_and_until_another_is_issued() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let resource = record(&system, &hospital, "2").await;
    let (ada, eve) = (Person::numbered(4011), Person::numbered(4012));
    let (hers, eves) = (ada.sign_in(&system).await, eve.sign_in(&system).await);
    let former = invite(&system, &hospital, &resource).await;
    let expired = invite(&system, &hospital, &resource).await;
    refused(&ada.accept(&system, &hers, &former).await);
    refused(&ada.accept(&system, &hers, &json!("mi_guessed")).await);
    let pool = &system.parts().pool;
    let expire = "UPDATE invitations SET expires_at = now() - interval '1 second'";
    sqlx::query(expire).execute(pool).await.unwrap();
    refused(&ada.accept(&system, &hers, &expired).await);
    assert_eq!(
        ada.accept(&system, &hospital, &expired).await.0,
        403,
        "a service has no wallet"
    );

    let good = invite(&system, &hospital, &resource).await;
    let (status, bound) = ada.accept(&system, &hers, &good).await;
    assert_eq!(status, 200, "{bound}");
    assert_eq!(system.get(&resource, &hers).await.0, 200, "it shows at once");
    refused(&eve.accept(&system, &eves, &good).await);
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM invitations")
        .fetch_all(pool)
        .await
        .unwrap();
    assert!(stored.iter().all(|hash| !good.as_str().unwrap().as_bytes().eq(hash)));

    // What was signed is in the event, and the event says who had invited.
    let (_, mine) = system.get("/v1/me/wallet", &hers).await;
    let (_, service) = system.get("/v1/me", &hospital).await;
    assert_eq!(mine["wallet"], json!(ada.address()));
    assert_eq!(mine["acts"].as_array().unwrap().len(), 1, "{mine}");
    assert_eq!(mine["acts"][0]["act"], "invited");
    assert_eq!(mine["acts"][0]["by"], service["account"], "{mine}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_accept_at_once_on_two_servers_the_log_lets_one_in() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let other = beside(&chain, &system).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    for round in 0..3_u32 {
        // Two wallets, one invitation.
        let resource = record(&system, &hospital, &format!("one-{round}")).await;
        let invitation = invite(&system, &hospital, &resource).await;
        let (ada, eve) = (Person::numbered(4100 + round), Person::numbered(4200 + round));
        let (here, there) = (ada.sign_in(&system).await, eve.sign_in(&other).await);
        let (first, second) = tokio::join!(
            ada.accept(&system, &here, &invitation),
            eve.accept(&other, &there, &invitation)
        );
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422], "{first:?} {second:?}");

        // One wallet, two invitations.
        let (mine, hers) = (
            record(&system, &hospital, &format!("mine-{round}")).await,
            record(&system, &hospital, &format!("hers-{round}")).await,
        );
        let invitations = (
            invite(&system, &hospital, &mine).await,
            invite(&system, &hospital, &hers).await,
        );
        let bob = Person::numbered(4300 + round);
        let (here, there) = (bob.sign_in(&system).await, bob.sign_in(&other).await);
        let (first, second) = tokio::join!(
            bob.accept(&system, &here, &invitations.0),
            bob.accept(&other, &there, &invitations.1)
        );
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        // Whoever comes second may already be known to have an account, and the first one ends the other's session.
        assert!(matches!(statuses, [200, 401 | 403 | 409]), "{first:?} {second:?}");
    }
    other.stop().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_changed_by_the_signatures_of_both() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let resource = record(&system, &hospital, "3").await;
    let (old, new, eve) = (Person::numbered(4021), Person::numbered(4022), Person::numbered(4023));
    let token = old.join(&system, &hospital, &resource).await;
    let change = async |body: &Value| system.put("/v1/me/wallet", &token, body).await;
    // A token alone takes nothing over.
    let (status, problem) = change(&new.change_from(&eve, &system).await).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/not-the-wallet")));
    // Nor does a signature that was meant for signing in, or for another change: what the owner has signed names the new wallet, and
    // nobody puts their own in its place.
    let agreement = new.taking_the_place_of(&old);
    let theirs = eve.taking_the_place_of(&old);
    for (current, new, pointer) in [
        (old.signed(&agreement, &system), new.signed("Sign in.", &system), "/new"),
        (
            old.signed("Sign in.", &system),
            new.signed(&agreement, &system),
            "/current",
        ),
        (
            old.signed(&agreement, &system),
            eve.signed(&theirs, &system),
            "/current",
        ),
        (
            old.signed(&agreement, &system),
            eve.signed(&agreement, &system),
            "/current",
        ),
        (
            eve.signed(&agreement, &system),
            new.signed(&agreement, &system),
            "/current",
        ),
    ] {
        let (status, problem) = change(&json!({ "current": current.await, "new": new.await })).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{problem}"
        );
    }
    assert_eq!(change(&old.change_from(&old, &system).await).await.0, 422);
    // One nonce is not good for both, and what is signed for a change signs nobody in.
    let (_, challenge) = system.post("/v1/auth/nonce", "", &json!({})).await;
    let signed = |person: &Person| {
        let message = person.stating(&agreement, &challenge);
        json!({ "signature": person.sign(&message), "message": message })
    };
    let (status, problem) = change(&json!({ "current": signed(&old), "new": signed(&new) })).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/new")),
        "{problem}"
    );
    let (status, problem) = system.post("/v1/auth/login", "", &signed(&old)).await;
    assert_eq!(
        (status, &problem["type"]),
        (401, &json!("/problems/login-failed")),
        "{problem}"
    );
    let body = new.change_from(&old, &system).await;
    let (status, changed) = change(&body).await;
    assert_eq!(status, 200, "{changed}");

    // The new one signs in to the same account; the former one has none, and what it signed is used up.
    let hers = new.sign_in(&system).await;
    assert_eq!(system.get(&resource, &hers).await.0, 200);
    assert_eq!(role_of(&system, &token).await.0, 401, "its sessions have ended");
    assert_eq!(system.put("/v1/me/wallet", &hers, &body).await.0, 422);
    let (_, mine) = system.get("/v1/me/wallet", &hers).await;
    let acts: Vec<_> = mine["acts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| act["act"].as_str())
        .collect();
    assert_eq!(acts, [Some("invited"), Some("changed")]);
    // It is free again.
    let another = record(&system, &hospital, "4").await;
    let freed = old.join(&system, &hospital, &another).await;
    assert_eq!(system.get(&another, &freed).await.0, 200);
    // A change that is refused ends nobody's sessions.
    let body = old.change_from(&new, &system).await;
    let (status, problem) = system.put("/v1/me/wallet", &hers, &body).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("/problems/account-exists")),
        "{problem}"
    );
    assert_eq!(system.get(&another, &freed).await.0, 200);
    system.agrees_with_a_rebuild(&chain).await;
}

/// Sends a change of wallets under an idempotency key.
async fn change(system: &TestSystem, token: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = system.http.put(format!("{}/v1/me/wallet", system.url));
    let request = request.bearer_auth(token).header("idempotency-key", key);
    let response = request.json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_wallets_is_repeated_by_either_and_by_nobody_else() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let resource = record(&system, &hospital, "7").await;
    let (old, new, eve) = (Person::numbered(4081), Person::numbered(4082), Person::numbered(4083));
    let token = old.join(&system, &hospital, &resource).await;
    let body = new.change_from(&old, &system).await;
    let changed = change(&system, &token, "once", &body).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    let command = format!("/v1/commands/{}", changed.1["commandId"].as_str().unwrap());

    let (hers, former) = (new.sign_in(&system).await, old.sign_in(&system).await);
    let eves = eve.sign_in(&system).await;
    let pool = &system.parts().pool;
    for forgotten in [false, true] {
        for token in [&hers, &former] {
            if forgotten {
                // The server died before it kept the answer: the log tells.
                let forget = "UPDATE commands SET status = NULL, body = NULL, claimed_until = 'epoch'";
                sqlx::query(forget).execute(pool).await.unwrap();
            }
            assert_eq!(change(&system, token, "once", &body).await, changed);
            let (status, told) = system.get(&command, token).await;
            assert_eq!((status, &told["status"]), (200, &json!("done")), "{told}");
        }
    }
    // Under the key the new wallet asks for nothing else, and a stranger finds nothing under it.
    let other = old.change_from(&new, &system).await;
    let (status, problem) = change(&system, &hers, "once", &other).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("/problems/idempotency-key-reused"))
    );
    assert_eq!(change(&system, &eves, "once", &body).await.0, 403);
    assert_eq!(system.get(&command, &eves).await.0, 404);

    // What was asked for before the change is still theirs to repeat.
    let back = change(&system, &hers, "back", &other).await;
    assert_eq!(back.0, 200, "{}", back.1);
    let first = old.sign_in(&system).await;
    assert_eq!(change(&system, &first, "once", &body).await, changed);
    assert_eq!(change(&system, &first, "back", &other).await, back);
    let (_, mine) = system.get("/v1/me/wallet", &first).await;
    assert_eq!(mine["acts"].as_array().unwrap().len(), 3, "{mine}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_takes_a_wallet_away_and_the_patient_sees_who_and_why() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let admin = system.administrator().await;
    let (registrar, clerk) = registrar(&system, &admin, 4031).await;

    let resource = record(&system, &hospital, "5").await;
    let (stolen, safe) = (Person::numbered(4032), Person::numbered(4033));
    let used = invite(&system, &hospital, &resource).await;
    let thief = stolen.sign_in(&system).await;
    assert_eq!(stolen.accept(&system, &thief, &used).await.0, 200);
    let take = format!("{resource}/wallet/take-away");
    let reason = json!({ "reason": "The phone was stolen." });
    for token in [&hospital, &admin, &thief] {
        assert_eq!(system.post(&take, token, &reason).await.0, 403);
    }
    assert_eq!(system.post(&take, &registrar, &json!({ "reason": " " })).await.0, 422);
    let (status, taken) = system.post(&take, &registrar, &reason).await;
    assert_eq!(status, 200, "{taken}");
    assert_ne!(system.get(&resource, &thief).await.0, 200);
    // Nothing that the thief still has opens the record again.
    let again = stolen.sign_in(&system).await;
    refused(&stolen.accept(&system, &again, &used).await);
    assert_eq!(system.post(&take, &registrar, &reason).await.0, 404);

    let token = safe.join(&system, &hospital, &resource).await;
    let (_, mine) = system.get("/v1/me/wallet", &token).await;
    let act = &mine["acts"][1];
    assert_eq!((&act["act"], &act["reason"]), (&json!("taken-away"), &reason["reason"]));
    assert_eq!(act["by"], clerk, "{mine}");
    assert_eq!(mine["wallet"], json!(safe.address()));
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_before_a_wallet_was_bound_stands_for_nobody() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let hospital = system.service("front desk", Role::Hospital).await;
    let admin = system.administrator().await;
    let (registrar, _) = registrar(&system, &admin, 4070).await;
    let resource = record(&system, &hospital, "6").await;
    let (ada, next) = (Person::numbered(4071), Person::numbered(4072));
    let stolen = ada.sign_in(&system).await;
    let first = ada.join(&system, &hospital, &resource).await;
    assert_eq!(role_of(&system, &stolen).await.0, 401);
    assert_eq!(role_of(&system, &first).await, (200, json!("patient")));

    let take = format!("{resource}/wallet/take-away");
    let (status, taken) = system.post(&take, &registrar, &json!({ "reason": "Lost." })).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(role_of(&system, &first).await.0, 401);
    let second = ada.join(&system, &hospital, &resource).await;
    assert_eq!(role_of(&system, &second).await, (200, json!("patient")));
    for token in [&stolen, &first] {
        assert_eq!(role_of(&system, token).await.0, 401);
    }

    let waiting = next.sign_in(&system).await;
    let change = next.change_from(&ada, &system).await;
    assert_eq!(system.put("/v1/me/wallet", &second, &change).await.0, 200);
    for token in [&waiting, &second] {
        assert_eq!(role_of(&system, token).await.0, 401);
    }
    // Registering binds it, too.
    let early = ada.sign_in(&system).await;
    let third = ada.sign_in(&system).await;
    assert_eq!(system.post("/v1/patients", &third, &patient("Lovelace")).await.0, 201);
    assert_eq!(role_of(&system, &third).await, (200, json!("patient")));
    for token in [&stolen, &first, &second, &early] {
        assert_eq!(role_of(&system, token).await.0, 401);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_who_accepts_an_invitation_offers_confirms_and_sees_their_own_day_and_nobody_elses() {
    let chain = TestChain::start().await;
    let (office, system) = Office::serve(&chain, SystemOptions::default()).await;
    let clinic = Clinic::open(&system, "Sato").await;
    let other = Clinic::open(&system, "Ito").await;
    let entry = format!("/v1/practitioners/{}", clinic.doctor);
    let sato = Person::numbered(4091);
    let token = sato.sign_in(&system).await;
    assert_eq!(role_of(&system, &token).await, (200, Value::Null));
    let invitation = invite(&system, &clinic.key, &entry).await;
    let (status, bound) = sato.accept(&system, &token, &invitation).await;
    assert_eq!(status, 200, "{bound}");
    let (_, me) = system.get("/v1/me", &token).await;
    assert_eq!(
        (&me["role"], &me["practitioner"]),
        (&json!("doctor"), &json!(clinic.doctor)),
        "{me}"
    );
    office.attests(&system, &clinic.key, &clinic.doctor).await;
    refused(
        &Person::numbered(4092)
            .accept(&system, &Person::numbered(4092).sign_in(&system).await, &invitation)
            .await,
    );

    // What the doctor offers is booked, confirmed and seen by them.
    let mine = Clinic {
        key: token.clone(),
        doctor: clinic.doctor.clone(),
        day: clinic.day,
    };
    mine.offer(&system, 2).await;
    let patient = clinic.patient(&system, "Okafor").await;
    let (status, booked) = clinic.book(&system, &patient, 0).await;
    assert_eq!(status, 201, "{booked}");
    let appointment = booked["resource"].as_str().unwrap();
    let confirm = format!("{appointment}/confirm");
    assert_eq!(system.post(&confirm, &token, &json!({})).await.0, 200);
    let (_, listed) = system.get("/v1/appointments", &token).await;
    assert_eq!(listed["items"][0]["status"], "confirmed", "{listed}");
    let (_, treated) = system.get(&format!("{entry}/patients"), &token).await;
    assert_eq!(treated["items"][0]["patient"], json!(patient), "{treated}");

    // Another doctor's day is theirs.
    other.offer(&system, 1).await;
    let (status, theirs) = other.book(&system, &patient, 0).await;
    assert_eq!(status, 201, "{theirs}");
    let theirs = theirs["resource"].as_str().unwrap();
    assert_eq!(system.get(theirs, &token).await.0, 404);
    assert_eq!(
        system.post(&format!("{theirs}/confirm"), &token, &json!({})).await.0,
        404
    );
    let day = format!("/v1/practitioners/{}/availability/{}", other.doctor, other.day);
    assert_eq!(system.put(&day, &token, &json!({ "sessions": [] })).await.0, 404);
    let (_, listed) = system.get("/v1/appointments", &token).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let (_, wallet) = system.get("/v1/me/wallet", &token).await;
    assert_eq!(
        (&wallet["wallet"], &wallet["acts"][0]["act"]),
        (&json!(sato.address()), &json!("invited")),
        "{wallet}"
    );
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_of_the_configuration_is_one_by_signing_in_and_may_then_change_the_wallet() {
    let chain = TestChain::start().await;
    let system = TestSystem::launch(&chain, &deployed(&chain).await, SystemOptions::default()).await;
    let (first, next) = (Person::with_key(KEYS[0]), Person::numbered(4041));
    let token = first.sign_in(&system).await;
    assert_eq!(role_of(&system, &token).await, (200, json!("administrator")));
    let body = next.change_from(&first, &system).await;
    assert_eq!(system.put("/v1/me/wallet", &token, &body).await.0, 200);
    let next = next.sign_in(&system).await;
    assert_eq!(role_of(&system, &next).await, (200, json!("administrator")));
    // The configuration still names the first one: it was good for once.
    let first = first.sign_in(&system).await;
    assert_eq!(role_of(&system, &first).await, (200, Value::Null));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_patients_are_invited_an_unknown_wallet_puts_nothing_on_the_chain() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        registration: Registration::Invitation,
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let stranger = Person::numbered(4051).sign_in(&system).await;
    let before = system.settled().await;
    let (status, problem) = system.post("/v1/patients", &stranger, &patient("Nobody")).await;
    assert_eq!(
        (status, &problem["type"]),
        (403, &json!("/problems/registration-by-invitation"))
    );
    assert_eq!(system.settled().await, before);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_books_all_at_once_gets_no_more_than_the_rules_allow() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        limits: LimitsConfig {
            open_bookings: Some(3),
            ..LimitsConfig::default()
        },
        ..SystemOptions::default()
    };
    let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
    let clinic = Clinic::open(&system, "Sato").await;
    clinic.offer(&system, 16).await;
    let ada = Person::numbered(4061).sign_in(&system).await;
    assert_eq!(system.post("/v1/patients", &ada, &patient("Ada")).await.0, 201);
    let bookings = (0..12).map(|number| {
        let body = json!({ "practitioner": clinic.doctor, "slot": clinic.slot(clinic.day, number) });
        let (system, ada) = (&system, &ada);
        async move { system.post("/v1/appointments", ada, &body).await.0 }
    });
    let statuses = futures::future::join_all(bookings).await;
    let booked = |statuses: &[u16]| statuses.iter().filter(|status| **status == 201).count();
    let first = booked(&statuses);
    assert!((1..=3).contains(&first), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 201 | 409)),
        "{statuses:?}"
    );
    // One after the other they get exactly what is left.
    let mut later = Vec::new();
    for number in 12..16 {
        let body = json!({ "practitioner": clinic.doctor, "slot": clinic.slot(clinic.day, number) });
        later.push(system.post("/v1/appointments", &ada, &body).await.0);
    }
    assert_eq!(booked(&later), 3 - first, "{statuses:?} {later:?}");
    system.stop().await;
}
