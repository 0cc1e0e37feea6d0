//! Somebody who may write in the organisation's namespace, and has none of its keys: a stolen signing key, or a program with a mistake.

use application::log::StreamId;
use application::ports::IdentityDerivation as _;
use domain::claims::Name;
use domain::kernel::{CalendarId, CommandId, Identifier};
use infrastructure::chain::codec::append_calldata;
use infrastructure::chain::{Node, RpcOptions, Signer, Transaction};
use infrastructure::derivation::KeyedDerivation;
use infrastructure::keys::MasterSecret;
use infrastructure::log::{Commit, Payload, StreamPart, StreamTip};
use infrastructure::sealing::StreamNames;
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::clinic::Clinic;
use tests::system::{TestSystem, deployed, until};
use uuid::Uuid;

/// As the test systems are configured.
pub(super) fn secret() -> MasterSecret {
    MasterSecret::new([7; 32])
}

/// Where a stream ends, by the system's journal.
pub(super) async fn tip(system: &TestSystem, stream: StreamId) -> StreamTip {
    let sql = "SELECT version, hash FROM journal WHERE stream = $1 ORDER BY version DESC LIMIT 1";
    let last: Option<(i64, [u8; 32])> = sqlx::query_as(sql)
        .bind(stream.0.as_slice())
        .fetch_optional(&system.parts().pool)
        .await
        .unwrap();
    last.map_or_else(StreamTip::default, |(version, hash)| StreamTip {
        version: version.unsigned_abs(),
        hash,
    })
}

/// Appends a payload to a stream, as somebody else.
pub(super) async fn append(system: &TestSystem, chain: &TestChain, stream: StreamId, payload: &[u8]) {
    let commit = Commit {
        command_id: CommandId::new(Uuid::nil()),
        parts: vec![StreamPart {
            stream,
            expected: tip(system, stream).await.head(),
            payloads: vec![Payload::from(payload)],
        }],
    };
    let node = Node::new(
        &[chain.url().to_owned()],
        system.deployment.chain_id,
        RpcOptions::default(),
    )
    .unwrap();
    let stranger: Signer = KEYS[3].parse().unwrap();
    let signed = stranger.sign(Transaction {
        chain_id: system.deployment.chain_id,
        nonce: node.nonce(stranger.address()).await.unwrap(),
        to: Some(system.deployment.address),
        gas_limit: 16_000_000,
        max_fee: 100_000_000_000,
        priority_fee: 1,
        data: append_calldata([&commit]).unwrap(),
    });
    node.send_raw(&signed.unwrap().raw).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_without_keys_appends_stops_nobody_and_is_told() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let administrator = system.administrator().await;
    let clinic = Clinic::open(&system, "Junk").await;
    clinic.offer(&system, 4).await;
    let status = async || system.get("/v1/admin/status", &administrator).await.1;
    let is_void = async |count: u64| {
        until("what was appended is void", async || {
            status().await["voidEvents"] == count
        })
        .await;
    };

    // The bucket of a patient's number, in which nothing is claimed yet: its first entry is junk.
    let names = StreamNames::new(secret(), deployment.namespace);
    let identifier = Identifier {
        system: "urn:example:junk".to_owned(),
        value: "1".to_owned(),
    };
    let bucket = KeyedDerivation::new(&secret()).bucket_of(&Name::OfPatient(identifier.clone()));
    append(&system, &chain, names.seal(&bucket.into()), &[0]).await;
    is_void(1).await;
    let details = json!({
        "name": { "family": "Junk" }, "birthDate": "1980-02-29", "gender": "unknown",
        "identifier": { "system": identifier.system, "value": identifier.value },
    });
    let register = json!({ "details": details });
    let (code, registered) = system.post("/v1/patients", &clinic.key, &register).await;
    assert_eq!(code, 201, "{registered}");
    let patient = registered["id"].as_str().unwrap().to_owned();

    // A day on which somebody has an appointment: junk, and a copy of its own last event.
    let first = clinic.book_all(&system, &patient, 0..1).await;
    let owner: Uuid = clinic.doctor.parse().unwrap();
    let day = names.seal(&CalendarId { owner, day: clinic.day }.into());
    append(&system, &chain, day, &[0xaa; 96]).await;
    is_void(2).await;
    let last = "SELECT payload FROM journal WHERE stream = $1 AND void IS NULL ORDER BY version DESC LIMIT 1";
    let copy: Vec<u8> = sqlx::query_scalar(last)
        .bind(day.0.as_slice())
        .fetch_one(&system.parts().pool)
        .await
        .unwrap();
    append(&system, &chain, day, &copy).await;
    is_void(3).await;
    let second = clinic.book_all(&system, &patient, 1..3).await;
    clinic.has_exactly(&system, [first, second].concat()).await;

    let status = status().await;
    assert_eq!((&status["parked"], &status["foreignEvents"]), (&json!([]), &json!(0)));
    let told: Vec<&Value> = status["troubles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["code"])
        .collect();
    assert_eq!(told, ["void-entries"]);
    assert_eq!(system.get("/health/ready", "").await.0, 200);
    system.agrees_with_a_rebuild(&chain).await;
}
