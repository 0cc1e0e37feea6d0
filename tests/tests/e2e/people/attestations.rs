//! Registrars say who is a practitioner, in a contract: the server follows it, whoever hands in what they have signed.

use application::log::Registry;
use domain::kernel::PractitionerId;
use domain::kernel::typed_data::SigningDomain;
use domain::registries::practitioners::{DOMAIN_NAME, Message};
use infrastructure::chain::registries::deploy::deploy;
use infrastructure::chain::registries::practitioners as calls;
use infrastructure::chain::registries::{Signed, registrars::Registrars};
use infrastructure::chain::{EventLog, Node, Recorder, RpcOptions, Signer};
use infrastructure::follower::FinalityRule;
use serde_json::{Value, json};
use tests::chain::{Heartbeat, KEYS, TestChain};
use tests::clinic::Clinic;
use tests::log::transact;
use tests::system::{SystemOptions, TestSystem, deployed, until};

const FOR_EVER: u64 = 4_000_000_000;

/// A registry whose owner is the last of the test keys, and the third is a registrar's.
struct Office {
    node: Node,
    registry: Recorder,
    recorders: Vec<Recorder>,
}

impl Office {
    async fn open(chain: &TestChain, log: &EventLog) -> Self {
        let (node, owner) = (log.node().clone(), key(3));
        let registries = deploy(log, &owner, |_| ()).await.unwrap();
        let registry = registries.practitioners;
        assert_eq!(registry.registry, Some(Registry::Practitioners));
        let registrars = Registrars::of(node.clone(), registry.contract, owner, |_: &str| ());
        registrars.appoint(key(2).address()).await.unwrap();
        chain.mine(1).await;
        Self {
            node,
            registry,
            recorders: registries.recorders().to_vec(),
        }
    }

    /// The registrar signs, and a stranger hands it in.
    async fn says(&self, message: &Message) {
        let domain = SigningDomain {
            name: DOMAIN_NAME,
            chain_id: self.node.chain_id(),
            contract: self.registry.contract.0,
        };
        let registrar = key(2);
        let signature = registrar.sign_digest(message.typed().digest(&domain)).unwrap();
        let data = calls::hand_in(message, &Signed::by(registrar.address(), signature)).unwrap();
        transact(&self.node, &key(0), Some(self.registry.contract), data).await;
    }
}

fn key(number: usize) -> Signer {
    KEYS[number].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practitioner_stands_as_registrars_say_whoever_hands_it_in() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let node = Node::new(&[chain.url().to_owned()], deployment.chain_id, RpcOptions::default()).unwrap();
    let office = Office::open(&chain, &EventLog::new(node, deployment.address)).await;
    let options = SystemOptions {
        finality: FinalityRule::Confirmations(2),
        recorders: office.recorders.clone(),
        ..SystemOptions::default()
    };
    let heartbeat = Heartbeat::of(&chain);
    let system = TestSystem::with(&chain, &deployment, options).await;
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

    let practitioner = PractitionerId::new(clinic.doctor.to_string().parse().unwrap());
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
