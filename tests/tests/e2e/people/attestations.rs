//! Registrars say who is a practitioner, in a contract: the server follows it, whoever hands in what they have signed.

use api_config::Registration;
use domain::account::Role;
use domain::registries::practitioners::Message;
use futures::future::join_all;
use infrastructure::follower::FinalityRule;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::chain::{Heartbeat, TestChain};
use tests::clinic::Clinic;
use tests::office::{FOR_EVER, Office, practitioner};
use tests::people::{self, Person, patient};
use tests::system::{SystemOptions, TestSystem, deployed, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server that follows the registries, a registrar's key at it, and a doctor.
struct World {
    chain: TestChain,
    office: Office,
    system: TestSystem,
    registrar: String,
    clinic: Clinic,
}

impl World {
    async fn open(name: &str) -> Self {
        let chain = TestChain::start().await;
        let (office, system) = Office::serve(&chain, SystemOptions::default()).await;
        Self {
            registrar: system.service("registrar", Role::Registrar).await,
            clinic: Clinic::open(&system, name).await,
            chain,
            office,
            system,
        }
    }

    fn path(&self, of: &str) -> String {
        format!("/v1/practitioners/{}/{of}", self.clinic.doctor)
    }

    async fn is_in_a_register_as(&self, number: &str) {
        let entry = json!({ "system": "https://register.example", "value": number });
        let (status, answer) = self
            .system
            .put(&self.path("register-entry"), &self.clinic.key, &entry)
            .await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn to_sign(&self, primary_type: &str) -> Value {
        let path = self.path(&format!("attestation/typed-data?primaryType={primary_type}"));
        let (status, typed_data) = self.system.get(&path, &self.registrar).await;
        assert_eq!(status, 200, "{typed_data}");
        typed_data
    }

    async fn hand_in(&self, body: &Value) -> (u16, Value) {
        self.system.post(&self.path("attestation"), &self.registrar, body).await
    }

    /// The registrar does what they are asked to sign.
    async fn do_so(&self, primary_type: &str) {
        let typed_data = self.to_sign(primary_type).await;
        let (status, answer) = self.hand_in(&self.office.hand_in_signed_by(2, &typed_data)).await;
        assert_eq!(status, 200, "{primary_type}: {answer}");
    }

    async fn standing(&self) -> Value {
        let (status, body) = self.system.get(&self.path("attestation"), &self.clinic.key).await;
        assert_eq!(status, 200, "{body}");
        body["standing"].clone()
    }

    async fn is_attested_as_registered(&self) -> bool {
        let (status, entry) = self.system.get(&self.path("register-entry"), &self.clinic.key).await;
        assert_eq!(status, 200, "{entry}");
        entry["attested"].as_bool().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practitioner_stands_as_registrars_say_whoever_hands_it_in() {
    let chain = TestChain::start().await;
    let options = SystemOptions {
        finality: FinalityRule::Confirmations(2),
        ..SystemOptions::default()
    };
    let heartbeat = Heartbeat::of(&chain);
    let (office, system) = Office::serve(&chain, options).await;
    let clinic = Clinic::open(&system, "Attested").await;
    let path = format!("/v1/practitioners/{}/attestation", clinic.doctor);
    let standing = async || {
        let (status, body) = system.get(&path, &clinic.key).await;
        assert_eq!(status, 200, "{body}");
        body
    };
    assert_eq!(
        standing().await,
        json!({ "standing": "unknown", "number": 0, "reinstatements": 0 })
    );
    let nobody = format!("/v1/practitioners/{}/attestation", uuid::Uuid::from_u128(5));
    assert_eq!(system.get(&nobody, &clinic.key).await.0, 404);

    let practitioner = practitioner(&clinic.doctor);
    let attest = |number| Message::Attestation {
        practitioner,
        details: [7; 32],
        number,
        deadline: FOR_EVER,
    };
    let details = format!("0x{}", "07".repeat(32));
    let is = async |expected: &str, number: u64| {
        let reinstatements = u64::from(number > 2);
        let expected: Value =
            json!({ "standing": expected, "number": number, "reinstatements": reinstatements, "details": details });
        until("the practitioner stands so", async || standing().await == expected).await;
    };
    // It is in a block, and does not count until the block is final.
    let said = async {
        office.says(&attest(0)).await;
        is("unknown", 1).await;
    };
    heartbeat.between_beats(said).await;
    is("attested", 1).await;
    // A suspension does at once.
    office
        .says(&Message::Suspension {
            practitioner,
            reinstatements: 0,
        })
        .await;
    is("suspended", 2).await;
    let reinstated = Message::Reinstatement {
        practitioner,
        number: 2,
        deadline: FOR_EVER,
    };
    let said = async {
        office.says(&reinstated).await;
        is("unknown", 3).await;
    };
    heartbeat.between_beats(said).await;
    is("attested", 3).await;
    drop(heartbeat);
    chain.mine(2).await;
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_signs_what_the_server_gives_and_the_server_hands_it_in() {
    let world = World::open("HandedIn").await;
    // Nobody attests a practitioner of whom no register is known.
    let path = world.path("attestation/typed-data?primaryType=Attestation");
    assert_eq!(world.system.get(&path, &world.registrar).await.0, 404);
    assert_eq!(
        world
            .system
            .get(&world.path("register-entry"), &world.registrar)
            .await
            .0,
        404
    );
    world.is_in_a_register_as("4711").await;
    world.do_so("Attestation").await;
    assert_eq!(
        world.standing().await,
        "attested",
        "the answer comes when the read models say so"
    );
    assert!(world.is_attested_as_registered().await);
    world.do_so("Suspension").await;
    assert_eq!(world.standing().await, "suspended");
    world.do_so("Reinstatement").await;
    assert_eq!(world.standing().await, "attested");
    // Another number is another entry, which nobody has attested.
    world.is_in_a_register_as("4712").await;
    assert!(!world.is_attested_as_registered().await);
    world.do_so("Attestation").await;
    assert!(world.is_attested_as_registered().await);
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_does_not_take_is_said_with_the_reason_and_changes_nothing() {
    let world = World::open("NotTaken").await;
    world.is_in_a_register_as("4711").await;
    let given = world.to_sign("Attestation").await;
    let right = world.office.hand_in_signed_by(2, &given);
    let altered = |member: &str, value: Value| {
        let mut body = right.clone();
        body["message"][member] = value;
        body
    };
    let refused = json!("/problems/refused-by-the-registry");
    let invalid = json!("/problems/invalid");
    let mut unsigned = right.clone();
    unsigned["signature"] = json!(format!("0x{}", "ff".repeat(65)));
    for (body, expected, what) in [
        (
            world.office.hand_in_signed_by(1, &given),
            (409, &refused),
            "no registrar",
        ),
        (unsigned, (422, &invalid), "no signature"),
        (
            altered("deadline", json!(FOR_EVER)),
            (422, &invalid),
            "another deadline",
        ),
        (altered("deadline", json!(1)), (409, &refused), "too late"),
        (altered("number", json!(1)), (409, &refused), "another number"),
        (
            altered("details", json!(format!("0x{}", "07".repeat(32)))),
            (422, &invalid),
            "another register entry",
        ),
        (
            altered("practitioner", json!(format!("0x{}", "07".repeat(16)))),
            (422, &invalid),
            "somebody else",
        ),
        (altered("reinstatements", json!(0)), (422, &invalid), "no member of it"),
    ] {
        let (status, problem) = world.hand_in(&body).await;
        assert_eq!((status, &problem["type"]), expected, "{what}: {problem}");
        assert!(
            problem["detail"].is_string() || problem["errors"].is_array(),
            "{what}: {problem}"
        );
    }
    assert_eq!(world.standing().await, "unknown");
    let (status, answer) = world.hand_in(&right).await;
    assert_eq!(status, 200, "{answer}");
    // It is good once.
    let (status, problem) = world.hand_in(&right).await;
    assert_eq!((status, &problem["type"]), (409, &refused), "{problem}");
    assert_eq!(world.standing().await, "attested");
    // Who is not suspended is not reinstated.
    let reinstatement = world.to_sign("Reinstatement").await;
    let (status, problem) = world.hand_in(&world.office.hand_in_signed_by(2, &reinstatement)).await;
    assert_eq!((status, &problem["type"]), (409, &refused), "{problem}");
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_is_handed_in_once_however_often_it_is_asked_for_and_can_be_asked_after() {
    let world = World::open("Repeated").await;
    world.is_in_a_register_as("4711").await;
    let body = world.office.hand_in_signed_by(2, &world.to_sign("Attestation").await);
    let url = format!("{}{}", world.system.url, world.path("attestation"));
    let send = async |prefer: &str| {
        let request = world.system.http.post(&url).bearer_auth(&world.registrar);
        let request = request.header("idempotency-key", "once").header("prefer", prefer);
        request.json(&body).send().await.unwrap()
    };
    let accepted = send("respond-async").await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let command = accepted.headers()["location"].to_str().unwrap().to_owned();
    let state = async || world.system.get(&command, &world.registrar).await.1;
    until("it is done", async || state().await["status"] == "done").await;
    let position = state().await["result"]["position"].clone();
    assert!(position.is_u64(), "{}", state().await);
    let again = send("wait=10").await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: Value = again.json().await.unwrap();
    assert_eq!(again["position"], position);
    let (_, attestation) = world.system.get(&world.path("attestation"), &world.registrar).await;
    assert_eq!(attestation["number"], 1, "{attestation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_registry_is_followed_nobody_is_attested_and_that_is_said() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let clinic = Clinic::open(&system, "Unregistered").await;
    let registrar = system.service("registrar", Role::Registrar).await;
    let path = format!(
        "/v1/practitioners/{}/attestation/typed-data?primaryType=Suspension",
        clinic.doctor
    );
    let (status, problem) = system.get(&path, &registrar).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("/problems/no-registry")),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_does_nothing_before_a_registrar_has_attested_them_and_nothing_while_suspended() {
    let world = World::open("Waiting").await;
    let (system, doctor) = (&world.system, &world.clinic.doctor);
    let token = Person::numbered(1)
        .join(system, &world.clinic.key, &format!("/v1/practitioners/{doctor}"))
        .await;
    let me = async || system.get("/v1/me", &token).await.1;
    // What is refused: their own day, their own patients, their own appointments.
    let (offered, none) = (
        world.path(&format!("availability/{}", world.clinic.day)),
        json!({ "sessions": [] }),
    );
    let refused = async |expected: Option<&str>| {
        let offers = system.put(&offered, &token, &none).await;
        let patients = system.get(&world.path("patients"), &token).await;
        let appointments = system.get("/v1/appointments", &token).await;
        for (status, body) in [offers, patients, appointments] {
            match expected {
                Some(problem) => assert_eq!((status, &body["type"]), (403, &json!(problem)), "{body}"),
                None => assert_eq!(status, 200, "{body}"),
            }
        }
    };
    assert_eq!(me().await["standing"], "unknown");
    refused(Some("/problems/not-attested")).await;
    // They say who they are, and nothing of anybody else.
    let entry = json!({ "system": "https://register.example", "value": "4711" });
    let (status, told) = system.put(&world.path("register-entry"), &token, &entry).await;
    assert_eq!(status, 200, "{told}");
    let other = Clinic::open(system, "SomebodyElse").await;
    let path = format!("/v1/practitioners/{}/register-entry", other.doctor);
    assert_eq!(system.put(&path, &token, &entry).await.0, 404);
    assert_eq!(system.get(&path, &token).await.0, 404);
    world.do_so("Attestation").await;
    assert_eq!(me().await["standing"], "attested");
    refused(None).await;
    world.do_so("Suspension").await;
    refused(Some("/problems/suspended")).await;
    assert_eq!(system.put(&world.path("register-entry"), &token, &entry).await.0, 403);
    let (status, shown) = system
        .get(&format!("/v1/practitioners/{doctor}/attestation"), &token)
        .await;
    assert_eq!((status, &shown["standing"]), (200, &json!("suspended")));
    world.do_so("Reinstatement").await;
    refused(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_registers_themselves_and_is_one_once_a_registrar_has_attested_them() {
    let world = World::open("Resident").await;
    let system = &world.system;
    let token = Person::numbered(7).sign_in(system).await;
    let details = |identifier: Value| {
        json!({ "details": {
            "name": { "family": "Oneself" }, "gender": "unknown", "timeZone": "UTC",
            "specializations": [{ "text": "Surgery" }], "identifier": identifier,
        } })
    };
    // Nobody says themselves what they are called elsewhere.
    let called = details(json!({ "system": "urn:test", "value": "mine" }));
    let (status, problem) = system.post("/v1/practitioners", &token, &called).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/details/identifier")),
        "{problem}"
    );
    let register = async || {
        let request = system
            .http
            .post(format!("{}/v1/practitioners", system.url))
            .bearer_auth(&token);
        let request = request.header("idempotency-key", "once").json(&details(Value::Null));
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let (status, registered) = register().await;
    assert_eq!(status, StatusCode::CREATED, "{registered}");
    assert_eq!(register().await, (StatusCode::CREATED, registered.clone()));
    let (_, me) = system.get("/v1/me", &token).await;
    assert_eq!(
        (&me["role"], &me["practitioner"], &me["standing"]),
        (&json!("doctor"), &registered["id"], &json!("unknown"))
    );
    let resource = registered["resource"].as_str().unwrap();
    let patients = format!("{resource}/patients");
    assert_eq!(system.get(&patients, &token).await.1["type"], "/problems/not-attested");
    // One wallet is one person: nobody is registered twice, nor as a patient too.
    assert_eq!(
        system.post("/v1/practitioners", &token, &details(Value::Null)).await.0,
        403
    );
    assert_eq!(system.post("/v1/patients", &token, &patient("Oneself")).await.0, 403);
    world
        .office
        .attests(system, &token, registered["id"].as_str().unwrap())
        .await;
    assert_eq!(system.get(&patients, &token).await.0, 200);
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_doctor_registers_themselves_where_the_operator_registers_people() {
    let chain = TestChain::start().await;
    for registration in [Registration::Invitation, Registration::Approval] {
        let options = SystemOptions {
            registration,
            ..SystemOptions::default()
        };
        let system = TestSystem::with(&chain, &deployed(&chain).await, options).await;
        let token = Person::numbered(7).sign_in(&system).await;
        let (status, problem) = system
            .post("/v1/practitioners", &token, &people::practitioner("Uninvited", "UTC"))
            .await;
        assert_eq!(
            (status, &problem["type"]),
            (403, &json!("/problems/registration-by-invitation")),
            "{problem}"
        );
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_while_their_request_comes_is_refused() {
    let world = World::open("Slow").await;
    let (system, doctor) = (&world.system, &world.clinic.doctor);
    let entry = format!("/v1/practitioners/{doctor}");
    let token = Person::numbered(8).join(system, &world.clinic.key, &entry).await;
    world.office.attests(system, &world.clinic.key, doctor).await;
    let path = world.path(&format!("availability/{}", world.clinic.day));
    let (head, tail) = (r#"{"sess"#, r#"ions":[]}"#);
    let request = format!(
        "PUT {path} HTTP/1.1\r\nhost: clinic\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{head}",
        head.len() + tail.len()
    );
    let slowly = async |meanwhile: &str| {
        let mut line = TcpStream::connect(system.url.strip_prefix("http://").unwrap())
            .await
            .unwrap();
        line.write_all(request.as_bytes()).await.unwrap();
        world.do_so(meanwhile).await;
        line.write_all(tail.as_bytes()).await.unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let refused = slowly("Suspension").await;
    assert!(
        refused.starts_with("HTTP/1.1 403") && refused.contains("/problems/suspended"),
        "{refused}"
    );
    // Who is let in is asked when they come: a reinstatement in between is too late.
    let refused = slowly("Reinstatement").await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let (status, answer) = system.put(&path, &token, &json!({ "sessions": [] })).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_hand_in_the_same_at_once_one_is_done_and_the_other_is_told_why_not() {
    let world = World::open("Twice").await;
    world.is_in_a_register_as("4711").await;
    let body = world.office.hand_in_signed_by(2, &world.to_sign("Attestation").await);
    let url = format!("{}{}", world.system.url, world.path("attestation"));
    let handing_in = (0..6).map(|number| {
        let request = world.system.http.post(&url).bearer_auth(&world.registrar);
        let request = request.header("idempotency-key", format!("{number}"));
        request.header("prefer", "respond-async").json(&body).send()
    });
    let mut commands = Vec::new();
    for answer in join_all(handing_in).await {
        let answer = answer.unwrap();
        match answer.status() {
            StatusCode::ACCEPTED => commands.push(answer.headers()["location"].to_str().unwrap().to_owned()),
            // It would be refused, so it was not accepted.
            StatusCode::CONFLICT => {}
            status => panic!("{status}"),
        }
    }
    let mut done = 0;
    for command in &commands {
        let mut told = Value::Null;
        until("it is decided", async || {
            told = world.system.get(command, &world.registrar).await.1;
            told["status"] != "pending"
        })
        .await;
        done += usize::from(told["status"] == "done");
        if told["status"] == "failed" {
            assert_eq!(told["problem"]["type"], "/problems/refused-by-the-registry", "{told}");
        }
    }
    assert_eq!(done, 1, "{commands:?}");
    let (_, attestation) = world.system.get(&world.path("attestation"), &world.registrar).await;
    assert_eq!(attestation["number"], 1, "{attestation}");
}
