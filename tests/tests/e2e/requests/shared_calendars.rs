//! Two organisations on one chain, with different secrets, share the calendars of a doctor in a namespace of which both hold the secret.

use std::sync::Arc;

use api_config::SharedNamespace;
use application::log::{Actor, AnyEvent, EventMetadata, StreamId};
use chrono::{Days, NaiveTime, TimeDelta, Utc};
use domain::account::Role;
use domain::calendar::{CalendarEvent, Session};
use domain::kernel::{AppointmentId, CalendarId, CommandId, DataSubject, PractitionerId};
use futures::future::join_all;
use infrastructure::chain::namespaces::Administration;
use infrastructure::chain::{Deployment, EventLog, Node, RpcOptions, Signer, deploy};
use infrastructure::erasing::{self, Standing};
use infrastructure::follower::{self, CheckedKeys};
use infrastructure::keys::{KeyRing, LogSecrets, MasterSecret};
use infrastructure::log::{LogLocation, Namespace};
use infrastructure::sealing::{Opener, Profile, Sealer, StreamNames, UnsealedEvent, UnsealedPart};
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::clinic::Clinic;
use tests::proxy::{Conduct, Proxy};
use tests::system::{SystemOptions, TestSystem, until};
use uuid::Uuid;

use super::hostile_writer::{append, tip};

/// How many clients want each slot.
const CLIENTS: usize = 10;

/// How many slots are fought over.
const SLOTS: u32 = 200;

/// How many slots a day offers here.
const SLOTS_A_DAY: u32 = 40;

/// The master secrets of the organisations, each by its byte; their signers have these numbers, too.
pub(super) const ORGANISATIONS: [u8; 2] = [1, 2];

/// Whoever opened the shared namespace.
const OWNER: usize = 0;

pub(super) fn signer(number: usize) -> Signer {
    KEYS[number].parse().unwrap()
}

/// The chain with its contract, an organisation's namespace for each, and one that they share.
pub(super) struct Network {
    pub(super) chain: TestChain,
    log: EventLog,
    pub(super) deployments: [Deployment; 2],
    pub(super) shared: Namespace,
    pub(super) folder: tempfile::TempDir,
}

impl Network {
    pub(super) async fn start() -> Self {
        let chain = TestChain::start().await;
        let node = Node::new(&[chain.url().to_owned()], api_dev::CHAIN_ID, RpcOptions::default()).unwrap();
        let one = deploy::deploy(&node, &signer(OWNER), &[signer(1).address()], 0, |_| ())
            .await
            .unwrap();
        let log = EventLog::new(node, one.address);
        let owner = Administration::of(log.clone(), signer(OWNER), |_: &str| ());
        let two = owner.open(0).await.unwrap();
        owner.admit(two, signer(2).address()).await.unwrap();
        let shared = owner.open(0).await.unwrap();
        for number in [1, 2] {
            owner.admit(shared, signer(number).address()).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shared.secret"), "55".repeat(32)).unwrap();
        Self {
            chain,
            log,
            deployments: [one, Deployment { namespace: two, ..one }],
            shared,
            folder,
        }
    }

    /// The same, where an account that is neither organisation's may write in the shared namespace as well.
    async fn with_a_third_member() -> Self {
        let network = Self::start().await;
        let third = signer(3).address();
        network.owner().admit(network.shared, third).await.unwrap();
        network
    }

    pub(super) fn owner(&self) -> Administration<impl Fn(&str)> {
        Administration::of(self.log.clone(), signer(OWNER), |_: &str| ())
    }

    pub(super) fn shared_config(&self) -> Vec<SharedNamespace> {
        vec![SharedNamespace {
            namespace: self.shared,
            secret_files: vec![self.folder.path().join("shared.secret")],
        }]
    }

    /// A server of one of the organisations.
    pub(super) async fn serve(&self, number: usize) -> TestSystem {
        let options = SystemOptions {
            signer: number + 1,
            organisation: ORGANISATIONS[number],
            shared: self.shared_config(),
            ..SystemOptions::default()
        };
        TestSystem::with(&self.chain, &self.deployments[number], options).await
    }

    async fn servers(&self) -> [TestSystem; 2] {
        [self.serve(0).await, self.serve(1).await]
    }

    /// The stream of a doctor's day.
    fn day(&self, clinic: &Clinic) -> StreamId {
        let secrets = LogSecrets::new(MasterSecret::new([9; 32]));
        let secrets = secrets.sharing(self.shared, MasterSecret::new([0x55; 32]), Vec::new());
        let doctor = PractitionerId::new(clinic.doctor.parse().unwrap());
        StreamNames::new(secrets, Namespace(99)).seal(&CalendarId::of(doctor, clinic.day).into())
    }
}

/// The doctor at both organisations.
pub(super) async fn clinics(network: &Network, servers: &[TestSystem; 2], name: &str) -> [Clinic; 2] {
    let first = Clinic::open_sharing(&servers[0], name, network.shared.0, None).await;
    let second = Clinic::open_sharing(&servers[1], name, network.shared.0, Some(&first.doctor)).await;
    assert_eq!(first.doctor, second.doctor);
    [first, second]
}

async fn free(system: &TestSystem, clinic: &Clinic) -> usize {
    let path = format!("/v1/practitioners/{}/availability/{}", clinic.doctor, clinic.day);
    let (status, day) = system.get(&path, &clinic.key).await;
    assert_eq!(status, 200, "{day}");
    day["free"].as_array().expect("slots").len()
}

pub(super) async fn until_free(system: &TestSystem, clinic: &Clinic, expected: usize) {
    until("the day shows how much is free", async || {
        free(system, clinic).await == expected
    })
    .await;
}

/// The content hash of the read model of days.
async fn days(system: &TestSystem) -> (u64, String) {
    let hashes = system.hashes().await;
    let (_, rows, hash) = hashes.into_iter().find(|(name, ..)| *name == "availability").unwrap();
    (rows, hash)
}

/// Waits until both have come to the same days.
pub(super) async fn until_same_days(servers: &[TestSystem; 2]) {
    until("both organisations have the same days", async || {
        days(&servers[0]).await == days(&servers[1]).await
    })
    .await;
}

/// What `medconnect keys check` finds.
async fn findings(system: &TestSystem) -> CheckedKeys {
    let pool = &system.parts().pool;
    let (secrets, encryption) = (
        system.config.log_secrets().unwrap(),
        system.config.keys.encryption_keys().unwrap(),
    );
    let keys = Arc::new(KeyRing::new(pool.clone(), encryption.clone()));
    let opener = Opener::new(system.config.chain.location(), secrets.clone(), keys);
    let findings = follower::check_keys(pool, opener, secrets.own(), &encryption, None).await;
    findings.unwrap()
}

/// An authentic event of a doctor's day, sealed by somebody who has the namespace's secret, whatever the rules say.
async fn sealed_by_a_member(network: &Network, system: &TestSystem, clinic: &Clinic, event: CalendarEvent) -> Vec<u8> {
    let secrets = LogSecrets::new(MasterSecret::new([9; 32]));
    let secrets = secrets.sharing(network.shared, MasterSecret::new([0x55; 32]), Vec::new());
    let location = LogLocation {
        namespace: Namespace(99),
        ..system.config.chain.location()
    };
    let keys = KeyRing::new(
        system.parts().pool.clone(),
        system.config.keys.encryption_keys().unwrap(),
    );
    let day = CalendarId::of(PractitionerId::new(clinic.doctor.parse().unwrap()), clinic.day);
    let stream = network.day(clinic);
    let part = UnsealedPart {
        stream,
        expected: tip(system, stream).await,
        events: vec![UnsealedEvent::of(&AnyEvent::Calendar(day, event), 0).unwrap()],
        begins: false,
    };
    let metadata = EventMetadata {
        command_id: CommandId::new(Uuid::from_u128(9)),
        at: Utc::now(),
        actor: Some(Actor::System),
        correlation: None,
        cause: None,
    };
    let sealed = Sealer::new(location, secrets, Arc::new(keys))
        .seal(&[part], &metadata)
        .await;
    sealed.unwrap().parts[0].payloads[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_seals_against_the_rules_is_overruled_for_all_and_told() {
    let network = Network::with_a_third_member().await;
    let servers = network.servers().await;
    let clinics = clinics(&network, &servers, "Overruled").await;
    clinics[0].offer(&servers[0], 6).await;
    let patient = clinics[0].patient(&servers[0], "One").await;
    let booked = clinics[0].book_all(&servers[0], &patient, 0..1).await;
    let day = network.day(&clinics[0]);
    // Nobody has such an appointment; and what is offered is of another day.
    let appointment = AppointmentId::new(Uuid::from_u128(77));
    let elsewhere = Session {
        start: (clinics[0].day + Days::new(1)).and_time(NaiveTime::MIN).and_utc(),
        end: (clinics[0].day + Days::new(1)).and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(1),
        slot_minutes: 20,
    };
    let sessions = vec![elsewhere];
    let against = [
        CalendarEvent::NoShowMarked { appointment },
        CalendarEvent::AvailabilityPublished { sessions },
    ];
    let administrator = [servers[0].administrator().await, servers[1].administrator().await];
    for (count, event) in (1..).zip(against) {
        let payload = sealed_by_a_member(&network, &servers[0], &clinics[0], event).await;
        append(&servers[0], &network.chain, day, &payload).await;
        for (system, administrator) in servers.iter().zip(&administrator) {
            until("it is overruled", async || {
                let (_, status) = system.get("/v1/admin/status", administrator).await;
                status["overruledEvents"] == count && status["voidEvents"] == 0
            })
            .await;
            assert_eq!(troubles(system).await, ["void-entries"]);
        }
    }
    for (side, system) in servers.iter().enumerate() {
        let (_, page) = system.get("/v1/events?void=true", &administrator[side]).await;
        let reasons: Vec<_> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["void"])
            .collect();
        assert_eq!(reasons, ["overruled", "overruled"], "{page}");
        until_free(system, &clinics[side], 5).await;
    }
    // The day goes on.
    let second = clinics[0].book_all(&servers[0], &patient, 1..2).await;
    clinics[0].has_exactly(&servers[0], [booked, second].concat()).await;
    until_same_days(&servers).await;
    for system in servers {
        system.agrees_with_a_rebuild(&network.chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_organisations_race_for_a_doctors_slots_and_each_slot_is_won_once() {
    let network = Network::start().await;
    let servers = network.servers().await;
    let mut won = [0_u32; 2];
    for day in 0..SLOTS / SLOTS_A_DAY {
        let clinics = clinics(&network, &servers, &format!("Day {day}")).await;
        clinics[0].offer(&servers[0], SLOTS_A_DAY).await;
        let patients = [
            clinics[0].patient(&servers[0], "One").await,
            clinics[1].patient(&servers[1], "Two").await,
        ];
        until_free(&servers[1], &clinics[1], SLOTS_A_DAY as usize).await;
        let mut booked = [Vec::new(), Vec::new()];
        for slot in 0..SLOTS_A_DAY {
            let attempts = (0..CLIENTS).map(|client| {
                let side = client % 2;
                clinics[side].book(&servers[side], &patients[side], slot)
            });
            let answers = join_all(attempts).await;
            let winners: Vec<_> = (0..CLIENTS).filter(|client| answers[*client].0 == 201).collect();
            assert_eq!(winners.len(), 1, "slot {slot} of day {day}");
            won[winners[0] % 2] += 1;
            let id = answers[winners[0]].1["id"].as_str().unwrap().to_owned();
            booked[winners[0] % 2].push(id);
            for (status, body) in answers.iter().filter(|(status, _)| *status != 201) {
                assert_eq!(*status, 409, "{body}");
            }
        }
        for (side, system) in servers.iter().enumerate() {
            until_free(system, &clinics[side], 0).await;
            // Of the other one's patients nothing is known but that the time is taken.
            clinics[side].has_exactly(system, booked[side].clone()).await;
            for id in &booked[1 - side] {
                let (status, body) = system.get(&format!("/v1/appointments/{id}"), &clinics[side].key).await;
                assert_eq!(status, 404, "{body}");
            }
        }
    }
    assert_eq!(won[0] + won[1], SLOTS);
    assert!(won.iter().all(|wins| *wins > 0), "both were in the race: {won:?}");
    until_same_days(&servers).await;
    for (number, system) in servers.iter().enumerate() {
        let administrator = system.administrator().await;
        let status = system.get("/v1/admin/status", &administrator).await.1;
        for name in ["voidEvents", "overruledEvents", "unreadableEvents"] {
            assert_eq!(status[name], 0, "{number}: {status}");
        }
        assert_eq!((&status["parked"], &status["troubles"]), (&json!([]), &json!([])));
    }
    for system in servers {
        system.agrees_with_a_rebuild(&network.chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_erased_patient_has_booked_in_a_shared_calendar_stays_and_can_be_called_off() {
    let network = Network::start().await;
    let servers = network.servers().await;
    let clinics = clinics(&network, &servers, "Erased").await;
    clinics[0].offer(&servers[0], 3).await;
    until_free(&servers[1], &clinics[1], 3).await;
    let patients = [
        clinics[0].patient(&servers[0], "One").await,
        clinics[1].patient(&servers[1], "Two").await,
    ];
    let booked = clinics[0].book_all(&servers[0], &patients[0], 0..1).await;
    let others = clinics[1].book_all(&servers[1], &patients[1], 1..2).await;
    let subject = DataSubject::Patient(patients[0].parse().unwrap());
    let pool = &servers[0].parts().pool;
    erasing::ask(pool, subject).await.unwrap();
    until("the keys are destroyed", async || {
        let standing = erasing::standing(pool, subject).await.unwrap();
        matches!(standing, Standing::Destroyed { .. } | Standing::Purged { .. })
    })
    .await;
    let path = format!("/v1/appointments/{}", booked[0]);
    let (status, appointment) = servers[0].get(&path, &clinics[0].key).await;
    assert_eq!((status, &appointment["patient"]), (200, &Value::Null), "{appointment}");
    clinics[0].has_exactly(&servers[0], booked.clone()).await;
    // To the other one it is what it was: a time that is taken.
    assert_eq!(servers[1].get(&path, &clinics[1].key).await.0, 404);
    until_free(&servers[1], &clinics[1], 1).await;
    let (status, cancelled) = servers[0]
        .post(&format!("{path}/cancel"), &clinics[0].key, &json!({}))
        .await;
    assert_eq!(status, 200, "{cancelled}");
    for (system, clinic) in servers.iter().zip(&clinics) {
        until_free(system, clinic, 2).await;
    }
    clinics[1].has_exactly(&servers[1], others).await;
    until_same_days(&servers).await;
    for system in servers {
        system.agrees_with_a_rebuild(&network.chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_in_a_shared_calendar_holds_nobody_back() {
    let network = Network::with_a_third_member().await;
    let servers = network.servers().await;
    let clinics = clinics(&network, &servers, "Junk").await;
    clinics[0].offer(&servers[0], 6).await;
    let patients = [
        clinics[0].patient(&servers[0], "One").await,
        clinics[1].patient(&servers[1], "Two").await,
    ];
    let day = network.day(&clinics[0]);
    let administrator = [servers[0].administrator().await, servers[1].administrator().await];
    let counts = async |side: usize, name: &str| {
        let (_, status) = servers[side].get("/v1/admin/status", &administrator[side]).await;
        status[name].as_u64().unwrap()
    };
    let first = clinics[0].book_all(&servers[0], &patients[0], 0..1).await;
    let copy = "SELECT payload FROM journal WHERE stream = $1 AND void IS NULL ORDER BY version DESC LIMIT 1";
    let copy: Vec<u8> = sqlx::query_scalar(copy)
        .bind(day.0.as_slice())
        .fetch_one(&servers[0].parts().pool)
        .await
        .unwrap();
    for (count, payload) in [(1, vec![0xaa; 96]), (2, copy), (3, vec![0]), (4, vec![0x80, 7, 7])] {
        append(&servers[0], &network.chain, day, &payload).await;
        for side in [0, 1] {
            until("it is void", async || counts(side, "voidEvents").await == count).await;
        }
    }
    until_free(&servers[1], &clinics[1], 5).await;
    clinics[1].book_all(&servers[1], &patients[1], 1..2).await;
    let second = clinics[0].book_all(&servers[0], &patients[0], 2..3).await;
    clinics[0].has_exactly(&servers[0], [first, second].concat()).await;
    until_same_days(&servers).await;
    for system in &servers {
        // The keys under which others have written there are no keys of ours.
        let findings = findings(system).await;
        assert!(findings.all_is_well() && findings.own.shared_events > 0, "{findings:?}");
    }
    for (system, administrator) in servers.iter().zip(&administrator) {
        assert_eq!(system.get("/health/ready", "").await.0, 200);
        let (_, status) = system.get("/v1/admin/status", administrator).await;
        assert_eq!(status["parked"], json!([]));
        // All who have the secret have its check value.
        let secret = LogSecrets::new(MasterSecret::new([9; 32])).sharing(
            network.shared,
            MasterSecret::new([0x55; 32]),
            Vec::new(),
        );
        let (_, check_value) = secret.check_values().shared.remove(0);
        assert_eq!(check_value.len(), 8, "{check_value}");
        let shared = json!([{ "namespace": network.shared.0, "checkValue": check_value }]);
        assert_eq!(status["chain"]["shared"], shared);
    }
    for system in servers {
        system.agrees_with_a_rebuild(&network.chain).await;
    }
}

/// The hash of the transaction that was stored last, in a server's outbox.
async fn stored_last(system: &TestSystem) -> Option<String> {
    let sql = "SELECT hash FROM outbox_transactions ORDER BY nonce DESC LIMIT 1";
    let hash = sqlx::query_scalar(sql).fetch_optional(&system.parts().pool);
    let hash: Option<Vec<u8>> = hash.await.unwrap();
    hash.map(|hash| format!("0x{}", hex::encode(hash)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_not_acknowledged_because_a_node_shows_anothers_entry_as_ours() {
    let network = Network::start().await;
    let proxy = Proxy::of(network.chain.url());
    let options = SystemOptions {
        signer: 1,
        organisation: ORGANISATIONS[0],
        shared: network.shared_config(),
        node: Some(proxy.url()),
        ..SystemOptions::default()
    };
    let first = TestSystem::with(&network.chain, &network.deployments[0], options).await;
    let servers = [first, network.serve(1).await];
    let clinics = clinics(&network, &servers, "Slotted").await;
    let [first, other] = servers;
    clinics[0].offer(&first, 6).await;
    until_free(&other, &clinics[1], 6).await;
    let patients = [
        clinics[0].patient(&first, "One").await,
        clinics[1].patient(&other, "Two").await,
    ];
    for system in [&first, &other] {
        until("an empty outbox", async || stored_last(system).await.is_none()).await;
    }
    // Both want the slot. The node withholds what the first one sent, and shows the other's entry in its place.
    network.chain.call("evm_setAutomine", json!([false])).await;
    let ours = clinics[0].book(&first, &patients[0], 0);
    let theirs = async {
        until("it is stored", async || stored_last(&first).await.is_some()).await;
        let hash = stored_last(&first).await.unwrap();
        let pooled = async || {
            let found = network.chain.call("eth_getTransactionByHash", json!([hash])).await;
            !found.is_null()
        };
        until("it is in the pool", pooled).await;
        network.chain.call("anvil_dropTransaction", json!([hash])).await;
        let lied = async {
            until("the other's is stored", async || stored_last(&other).await.is_some()).await;
            let theirs = stored_last(&other).await.unwrap();
            let pooled = async || {
                let found = network.chain.call("eth_getTransactionByHash", json!([theirs])).await;
                !found.is_null()
            };
            until("the other's is in the pool", pooled).await;
            proxy.behave(Conduct::MovesLogs(theirs.clone(), hash));
            network.chain.call("evm_mine", json!([])).await;
            until("the node has lied", async || proxy.lies() > 0).await;
            proxy.behave(Conduct::Honest);
            network.chain.call("evm_setAutomine", json!([true])).await;
            network.chain.call("evm_mine", json!([])).await;
        };
        let (theirs, ()) = tokio::join!(clinics[1].book(&other, &patients[1], 0), lied);
        theirs
    };
    let (ours, theirs) = tokio::join!(ours, theirs);
    assert_eq!(theirs.0, 201, "{theirs:?}");
    assert_ne!(ours.0, 201, "{ours:?}");
    let servers = [first, other];
    until_same_days(&servers).await;
    let (_, listed) = servers[0].get("/v1/appointments", &clinics[0].key).await;
    assert_eq!(listed["items"], json!([]), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_dismissed_from_the_shared_namespace_goes_on_in_its_own() {
    let network = Network::start().await;
    let servers = network.servers().await;
    let clinics = clinics(&network, &servers, "Dismissed").await;
    clinics[0].offer(&servers[0], 6).await;
    let patient = clinics[1].patient(&servers[1], "Two").await;
    until_free(&servers[1], &clinics[1], 6).await;
    clinics[1].book_all(&servers[1], &patient, 0..1).await;
    let (owner, second) = (network.owner(), signer(2).address());
    owner.dismiss(network.shared, second).await.unwrap();
    let administrator = servers[1].administrator().await;
    let has_trouble = async || {
        let (_, status) = servers[1].get("/v1/admin/status", &administrator).await;
        let troubles = status["troubles"].as_array().unwrap().clone();
        troubles
            .iter()
            .any(|one| one["code"] == "signing-key-not-admitted-to-shared")
    };
    until("it is told", has_trouble).await;
    let (status, problem) = clinics[1].book(&servers[1], &patient, 1).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("/problems/not-appending")),
        "{problem}"
    );
    // What stands in its own namespace goes on, at once.
    clinics[1].patient(&servers[1], "Three").await;
    assert_eq!(servers[1].get("/health/ready", "").await.0, 200);
    owner.admit(network.shared, second).await.unwrap();
    until("it may append again", async || !has_trouble().await).await;
    clinics[1].book_all(&servers[1], &patient, 1..2).await;
    until_free(&servers[0], &clinics[0], 4).await;
    for system in servers {
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_whose_secret_a_member_lacks_holds_back_the_calendars_alone_until_it_is_there() {
    let network = Network::start().await;
    let servers = network.servers().await;
    let clinics = clinics(&network, &servers, "Epochs").await;
    clinics[0].offer(&servers[0], 6).await;
    until_free(&servers[1], &clinics[1], 6).await;
    let patients = [
        clinics[0].patient(&servers[0], "One").await,
        clinics[1].patient(&servers[1], "Two").await,
    ];
    // The owner publishes the next epoch, and the first organisation alone has its secret.
    let secret = MasterSecret::new([0x66; 32]);
    let file = network.folder.path().join("second.secret");
    std::fs::write(&file, "66".repeat(32)).unwrap();
    let with_both = |number: usize, database: &str| SystemOptions {
        signer: number + 1,
        organisation: ORGANISATIONS[number],
        shared: vec![SharedNamespace {
            namespace: network.shared,
            secret_files: vec![network.folder.path().join("shared.secret"), file.clone()],
        }],
        database: Some(database.to_owned()),
        ..SystemOptions::default()
    };
    let [first, second] = servers;
    let database = first.database.clone();
    first.stop().await;
    let first = TestSystem::with(&network.chain, &network.deployments[0], with_both(0, &database)).await;
    let profile = Profile {
        epochs: vec![(1, secret.first_epoch().commitment())],
        ..Profile::default()
    };
    network.owner().publish(network.shared, &profile.write()).await.unwrap();
    let administrator = second.administrator().await;
    let status = async || second.get("/v1/admin/status", &administrator).await.1;
    let has = async |code: &str| {
        let status = status().await;
        let troubles = status["troubles"].as_array().unwrap().clone();
        troubles.iter().any(|one| one["code"] == code)
    };
    until("it is told that the secret is not here", async || {
        has("shared-epoch-missing").await
    })
    .await;
    assert_eq!(second.get("/health/ready", "").await.0, 200);
    until("the first one has seen the publication", async || {
        first.position().await == second.position().await
    })
    .await;

    let booked = clinics[0].book_all(&first, &patients[0], 0..2).await;
    until("what is sealed with it waits", async || {
        status().await["parked"].as_array().unwrap().len() == 2
    })
    .await;
    // The calendar is held back, and nothing else is.
    let (code, problem) = clinics[1].book(&second, &patients[1], 0).await;
    assert_eq!(code, 503, "{problem}");
    clinics[1].patient(&second, "Three").await;

    let database = second.database.clone();
    second.stop().await;
    let second = TestSystem::with(&network.chain, &network.deployments[1], with_both(1, &database)).await;
    until_free(&second, &clinics[1], 4).await;
    let (code, problem) = clinics[1].book(&second, &patients[1], 1).await;
    assert_eq!(code, 409, "{problem}");
    clinics[1].book_all(&second, &patients[1], 2..3).await;
    until_free(&first, &clinics[0], 3).await;
    clinics[0].has_exactly(&first, booked).await;
    let servers = [first, second];
    until_same_days(&servers).await;
    for system in servers {
        system.agrees_with_a_rebuild(&network.chain).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_is_registered_where_the_days_are_shared_or_is_refused() {
    let network = Network::start().await;
    let system = network.serve(0).await;
    let key = system.service("front desk", Role::Hospital).await;
    let register = async |name: &str, shared: Value| {
        let details = json!({
            "name": { "family": name }, "gender": "unknown", "timeZone": "UTC",
            "specializations": [{ "text": "Cardiology" }],
            "identifier": { "system": "urn:test", "value": name },
        });
        let body = json!({ "details": details, "sharedCalendar": shared });
        system.post("/v1/practitioners", &key, &body).await
    };
    let shared = network.shared.0;
    let (status, alone) = register("Alone", Value::Null).await;
    assert_eq!(status, 201, "{alone}");
    let (status, first) = register("Both", json!({ "namespace": shared })).await;
    assert_eq!(status, 201, "{first}");
    let (_, entry) = system
        .get(&format!("/v1/practitioners/{}", first["id"].as_str().unwrap()), &key)
        .await;
    assert_eq!(entry["sharedNamespace"], shared, "{entry}");

    let of_another = PractitionerId::new(Uuid::from_u128(7)).sharing_days_in(shared + 1);
    for (wrong, pointer) in [
        (json!({ "namespace": shared + 1 }), "/sharedCalendar/namespace"),
        (
            json!({ "namespace": system.deployment.namespace }),
            "/sharedCalendar/namespace",
        ),
        (json!({ "namespace": 0 }), "/sharedCalendar/namespace"),
        (
            json!({ "namespace": shared, "practitioner": alone["id"] }),
            "/sharedCalendar/practitioner",
        ),
        (
            json!({ "namespace": shared, "practitioner": of_another.to_string() }),
            "/sharedCalendar/practitioner",
        ),
    ] {
        let (status, problem) = register("Wrong", wrong.clone()).await;
        assert_eq!(status, 422, "{wrong}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{wrong}: {problem}");
    }
    // Who has days of their own is not told to share them now.
    let (status, problem) = register("Alone", json!({ "namespace": shared })).await;
    assert_eq!(status, 409, "{problem}");
    assert!(
        problem["resource"]
            .as_str()
            .unwrap()
            .ends_with(alone["id"].as_str().unwrap()),
        "{problem}"
    );
    // Nor is an id another's because somebody says so, nor one that was mistyped.
    let mistyped = first["id"].as_str().unwrap();
    let (rest, last) = mistyped.split_at(mistyped.len() - 1);
    let mistyped = format!("{rest}{}", if last == "0" { '1' } else { '0' });
    let (status, problem) = register("Mistyped", json!({ "namespace": shared, "practitioner": mistyped })).await;
    assert_eq!(status, 422, "{problem}");
    let known = json!({ "namespace": shared, "practitioner": first["id"] });
    let (status, problem) = register("Somebody else", known.clone()).await;
    assert_eq!(status, 409, "{problem}");
    // Registering again changes nothing, however much of it is said again.
    for again in [known, json!({ "namespace": shared }), Value::Null] {
        let (status, again) = register("Both", again).await;
        assert_eq!((status, &again["id"]), (200, &first["id"]), "{again}");
    }
    system.stop().await;
}

/// The codes of what is wrong with a server now.
async fn troubles(system: &TestSystem) -> Vec<String> {
    let administrator = system.administrator().await;
    let (_, status) = system.get("/v1/admin/status", &administrator).await;
    let troubles = status["troubles"].as_array().unwrap().iter();
    troubles.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_another_secret_than_the_others_says_so() {
    let network = Network::start().await;
    let file = network.folder.path().join("another.secret");
    std::fs::write(&file, "66".repeat(32)).unwrap();
    let first = network.serve(0).await;
    let clinic = Clinic::open_sharing(&first, "Secrets", network.shared.0, None).await;
    clinic.offer(&first, 3).await;
    let options = |database: Option<&str>| SystemOptions {
        signer: 2,
        organisation: ORGANISATIONS[1],
        shared: vec![SharedNamespace {
            namespace: network.shared,
            secret_files: vec![file.clone()],
        }],
        database: database.map(str::to_owned),
        ..SystemOptions::default()
    };
    let second = TestSystem::with(&network.chain, &network.deployments[1], options(None)).await;
    let same = Clinic::open_sharing(&second, "Secrets", network.shared.0, Some(&clinic.doctor)).await;
    // What it writes itself it can read, and that is not what the others write.
    same.offer(&second, 3).await;
    let database = second.database.clone();
    second.stop().await;
    // It is looked for when a server starts, and now and then.
    let second = TestSystem::with(&network.chain, &network.deployments[1], options(Some(&database))).await;
    until("it is told", async || {
        troubles(&second).await == ["shared-namespace-unreadable"]
    })
    .await;
    let check_value = async |system: &TestSystem| {
        let (_, status) = system.get("/v1/admin/status", &system.administrator().await).await;
        status["chain"]["shared"][0]["checkValue"].as_str().unwrap().to_owned()
    };
    assert_ne!(check_value(&first).await, check_value(&second).await);
    assert_eq!(second.get("/health/ready", "").await.0, 200);
    let found = findings(&second).await;
    assert!(!found.all_is_well(), "{found:?}");
    // With the right secret it is told what was written with the other one.
    let database = second.database.clone();
    sqlx::query("DROP SCHEMA live CASCADE")
        .execute(&second.parts().pool)
        .await
        .unwrap();
    let position = first.position().await;
    second.stop().await;
    let options = SystemOptions {
        shared: network.shared_config(),
        ..options(Some(&database))
    };
    let second = TestSystem::launch(&network.chain, &network.deployments[1], options).await;
    until("the log is read again", async || second.position().await >= position).await;
    let found = findings(&second).await;
    assert!(found.all_is_well(), "{found:?}");
    assert_eq!(found.shared.forgotten.get(&network.shared), Some(&1), "{found:?}");
    for system in [first, second] {
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calendars_of_a_namespace_that_is_configured_no_more_are_refused_and_told() {
    let network = Network::start().await;
    let system = network.serve(1).await;
    let clinic = Clinic::open_sharing(&system, "Dropped", network.shared.0, None).await;
    clinic.offer(&system, 3).await;
    let patient = clinic.patient(&system, "One").await;
    let (database, position) = (system.database.clone(), system.settled().await);
    sqlx::query("DROP SCHEMA live CASCADE")
        .execute(&system.parts().pool)
        .await
        .unwrap();
    system.stop().await;
    let start = async || {
        let options = SystemOptions {
            signer: 2,
            organisation: ORGANISATIONS[1],
            database: Some(database.clone()),
            ..SystemOptions::default()
        };
        TestSystem::launch(&network.chain, &network.deployments[1], options).await
    };
    let rebuilt = start().await;
    until("the log is read again", async || rebuilt.position().await >= position).await;
    rebuilt.stop().await;
    let system = start().await;
    until("it is told", async || {
        troubles(&system).await == ["shared-namespace-not-configured"]
    })
    .await;
    let day = format!("/v1/practitioners/{}/availability/{}", clinic.doctor, clinic.day);
    let sessions = json!({ "sessions": [] });
    for (status, problem) in [
        system.get(&day, &clinic.key).await,
        system.put(&day, &clinic.key, &sessions).await,
        clinic.book(&system, &patient, 0).await,
    ] {
        let expected = json!("/problems/calendar-elsewhere");
        assert_eq!((status, &problem["type"]), (503, &expected), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("the namespace {}", network.shared.0)),
            "{detail}"
        );
    }
    let entry = format!("/v1/practitioners/{}", clinic.doctor);
    assert_eq!(system.get(&entry, &clinic.key).await.0, 200);
    system.stop().await;
}
