//! A registry of practitioners on a chain, and a registrar of it who signs.

use application::log::Registry;
use domain::consent;
use domain::kernel::PractitionerId;
use domain::kernel::typed_data::SigningDomain;
use domain::registries::Signed;
use domain::registries::practitioners::{DOMAIN_NAME, Message};
use infrastructure::chain::registries::consents;
use infrastructure::chain::registries::deploy::deploy;
use infrastructure::chain::registries::practitioners as calls;
use infrastructure::chain::registries::registrars::Registrars;
use infrastructure::chain::{Deployment, EventLog, Node, Recorder, RpcOptions, Signer};
use serde_json::Value;

use crate::chain::{KEYS, TestChain};
use crate::log::transact;
use crate::people::Person;
use crate::system::{SystemOptions, TestSystem, deployed, until};

/// A deadline that nobody sees pass.
pub const FOR_EVER: u64 = 4_000_000_000;

/// The registries, whose owner is the last of the test keys, and the third is a registrar's.
pub struct Office {
    node: Node,
    registry: Recorder,
    consents: Recorder,
    /// Both registries, to be followed.
    pub recorders: Vec<Recorder>,
}

fn key(number: usize) -> Signer {
    KEYS[number].parse().expect("a key")
}

impl Office {
    /// Puts the registries beside a log.
    pub async fn open(chain: &TestChain, deployment: &Deployment) -> Self {
        let node = Node::new(&[chain.url().to_owned()], deployment.chain_id, RpcOptions::default()).expect("a node");
        let log = EventLog::new(node.clone(), deployment.address);
        let owner = key(3);
        let registries = deploy(&log, &owner, |_| ()).await.expect("the registries");
        let registry = registries.practitioners;
        assert_eq!(registry.registry, Some(Registry::Practitioners));
        let registrars = Registrars::of(node.clone(), registry.contract, owner, |_: &str| ());
        registrars.appoint(key(2).address()).await.expect("a registrar");
        chain.mine(1).await;
        Self {
            node,
            registry,
            consents: registries.consents,
            recorders: registries.recorders().to_vec(),
        }
    }

    /// A new log, the registries beside it, and a server that follows all of them.
    pub async fn serve(chain: &TestChain, options: SystemOptions) -> (Self, TestSystem) {
        let deployment = deployed(chain).await;
        let office = Self::open(chain, &deployment).await;
        let options = SystemOptions {
            recorders: office.recorders.clone(),
            ..options
        };
        let system = TestSystem::with(chain, &deployment, options).await;
        (office, system)
    }

    /// Where the messages are good.
    pub fn domain(&self) -> SigningDomain {
        SigningDomain {
            name: DOMAIN_NAME,
            chain_id: self.node.chain_id(),
            contract: self.registry.contract.0,
        }
    }

    /// The registrar's signature of a message, or of whoever else has this of the test keys.
    pub fn signed_by(&self, signer: usize, message: &Message) -> Signed {
        let signer = key(signer);
        let digest = message.typed().digest(&self.domain());
        Signed::by(signer.address(), signer.sign_digest(digest).expect("a signature"))
    }

    /// The registrar signs, and a stranger hands it in to the contract.
    pub async fn says(&self, message: &Message) {
        let data = calls::hand_in(message, &self.signed_by(2, message)).expect("calldata");
        transact(&self.node, &key(0), Some(self.registry.contract), data).await;
    }

    /// Attests a doctor, and waits until a server of theirs counts it. `key` is of anybody with an account.
    pub async fn attests(&self, system: &TestSystem, key: &str, doctor: &str) {
        let practitioner = practitioner(doctor);
        self.says(&Message::Attestation {
            practitioner,
            details: [7; 32],
            number: 0,
            deadline: FOR_EVER,
        })
        .await;
        let path = format!("/v1/practitioners/{doctor}/attestation");
        until("the doctor is attested", async || {
            let (status, attestation) = system.get(&path, key).await;
            assert_eq!(status, 200, "{attestation}");
            attestation["standing"] == "attested"
        })
        .await;
    }

    /// The body of the request that hands in what was signed by one of the test keys, as typed data was given for it.
    pub fn hand_in_signed_by(&self, signer: usize, typed_data: &Value) -> Value {
        handed_in(typed_data, &Person::with_key(KEYS[signer]))
    }

    /// Where messages about consents are good.
    pub fn domain_of_consents(&self) -> SigningDomain {
        SigningDomain {
            name: consent::DOMAIN_NAME,
            chain_id: self.node.chain_id(),
            contract: self.consents.contract.0,
        }
    }

    /// Somebody signs something about consents, and a stranger hands it in to the contract.
    pub async fn relays(&self, message: &consent::Message, by: &Person) {
        let signed = by.signs_for(message, &self.domain_of_consents());
        let data = consents::hand_in(message, &signed).expect("calldata");
        transact(&self.node, &key(0), Some(self.consents.contract), data).await;
    }
}

/// The body of the request that hands in what somebody has signed, as typed data was given for it.
pub fn handed_in(typed_data: &Value, by: &Person) -> Value {
    let mut body = by.signs(typed_data);
    body["primaryType"] = typed_data["primaryType"].clone();
    body["message"] = typed_data["message"].clone();
    body
}

/// The id of a practitioner as the API tells it.
pub fn practitioner(id: &str) -> PractitionerId {
    PractitionerId::new(id.parse().expect("an id"))
}
