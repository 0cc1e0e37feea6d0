//! How the system is doing, in JSON.

use application::log;
use application::use_cases::status::{ComponentReadiness, StatusReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Instant, wire_enum};

/// The chain, as this server sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainStatus {
    /// The chain id.
    #[schema(example = 1337)]
    pub chain_id: u64,
    /// The address of the EventLog contract on the chain.
    #[schema(example = "0x5FbDB2315678afecb367f032d93F642f64180aa3")]
    pub contract: String,
    /// The number of the namespace in the contract in which this server writes.
    #[schema(example = 1)]
    pub namespace: u32,
    /// The epoch of the namespace in which this server seals events: 0 under the master secret, a later one since its publication is final.
    #[schema(example = 0)]
    pub sealing_epoch: u64,
    /// The other contracts that this server believes: entries that they have recorded count.
    pub recorders: Vec<BelievedContract>,
    /// The namespaces that are shared with other organizations, in which the calendars of practitioners stand who work at several of them.
    pub shared: Vec<SharedNamespace>,
    /// The rule by which a block is final, as configured.
    #[schema(example = "12 confirmations")]
    pub finality: String,
    /// The number of the newest block of the node; missing when no node answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4120)]
    pub head_block: Option<u64>,
    /// The number of the newest block that this server has applied.
    #[schema(example = 4120)]
    pub applied_block: u64,
    /// The number of the newest block that is final.
    #[schema(example = 4108)]
    pub final_block: u64,
}

/// Another contract that writes to the log, and that this server believes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BelievedContract {
    /// The address of the contract.
    #[schema(example = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")]
    pub contract: String,
    /// The number of the namespace that the contract has opened, and in which it writes.
    #[schema(example = 2)]
    pub namespace: u32,
    /// Which registry it is; missing if it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "consents")]
    pub registry: Option<Registry>,
}

wire_enum!(
    /// A contract that decides: the registry of `consents` takes what patients have signed, that of `practitioners` what registrars have.
    Registry = log::Registry
);

/// A namespace of the log that is shared with other organizations.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharedNamespace {
    /// The number of the namespace.
    #[schema(example = 3)]
    pub namespace: u32,
    /// The check value of its secret, in hexadecimal. All who share the namespace have the same; whoever has another one reads nothing of theirs.
    #[schema(example = "90c9b18f")]
    pub check_value: String,
}

/// The log, as this server has applied it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogStatus {
    /// The position of the last event that is applied.
    #[schema(example = 90210)]
    pub position: u64,
    /// The position of the last event that is final.
    #[schema(example = 90180)]
    pub final_position: u64,
    /// The position of the last event on the chain; missing when no node answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 90210)]
    pub chain_position: Option<u64>,
    /// The running hash over all events up to `position`, in hexadecimal.
    #[schema(example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658")]
    pub running_hash: String,
}

/// What this server has accepted and is still to be appended to the log, or is not final there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    /// The number of commits that are accepted and not in a transaction yet.
    #[schema(example = 0)]
    pub waiting: u64,
    /// The number of commits in transactions that are not final.
    #[schema(example = 3)]
    pub in_flight: u64,
    /// For how many milliseconds the oldest waiting commit has been waiting; missing when none waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
}

/// The state of one read model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionStatus {
    /// The name of the read model.
    #[schema(example = "patients")]
    pub name: String,
    /// The position of the last event that is applied to the read model.
    #[schema(example = 90210)]
    pub position: u64,
    /// The number of events on the chain that are not applied to the read model yet.
    #[schema(example = 0)]
    pub lag: u64,
}

/// The content hash of a read model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentHash {
    /// The name of the read model.
    #[schema(example = "patients")]
    pub name: String,
    /// The number of rows of the read model.
    #[schema(example = 1204)]
    pub rows: u64,
    /// The SHA-256 hash over the rows of the read model, in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub hash: String,
    /// The position in the log at which the hash was taken.
    #[schema(example = 90210)]
    pub position: u64,
}

/// An event that this server cannot decrypt or decode, and has set aside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedEvent {
    /// The position of the event in the log.
    #[schema(example = 4711)]
    pub position: u64,
    /// The id of the stream of the event. Later events of the stream are held back.
    #[schema(example = "0x9f86d081884c7d65")]
    pub stream: String,
    /// Why the event cannot be decrypted or decoded.
    #[schema(example = "its key is not held here")]
    pub reason: String,
    /// When the event was set aside.
    pub since: Instant,
}

/// Something that does not work at present.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// The name of the trouble. `docs/operations.md` has a chapter of that name.
    #[schema(example = "appender-without-node")]
    pub code: String,
    /// The part of the server that has the trouble: `follower`, `eraser`, `reads`, `notifications` or `appender`.
    #[schema(example = "appender")]
    pub part: String,
    /// What has caused the trouble this time.
    #[schema(example = "the node does not answer")]
    pub cause: String,
    /// What to do about the trouble.
    #[schema(example = "See that a node of `chain.nodes` runs and can be reached. The appender goes on by itself.")]
    pub advice: String,
}

/// The result of trying the parked events again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetriedEvents {
    /// The positions of the events that could now be read and are applied to the read models.
    #[schema(example = json!([4711]))]
    pub released: Vec<u64>,
    /// The number of events that are still parked.
    #[schema(example = 0)]
    pub parked: u64,
}

impl From<application::use_cases::status::RetriedEvents> for RetriedEvents {
    fn from(retried: application::use_cases::status::RetriedEvents) -> Self {
        Self {
            released: retried.released,
            parked: retried.parked,
        }
    }
}

/// The status of the system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The version of the program.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When this server process started.
    pub started_at: Instant,
    /// The state of the chain.
    pub chain: ChainStatus,
    /// The state of the log.
    pub log: LogStatus,
    /// The state of the outbox.
    pub outbox: OutboxStatus,
    /// The states of the read models.
    pub projections: Vec<ProjectionStatus>,
    /// The content hashes of the read models, as last taken.
    pub content_hashes: Vec<ContentHash>,
    /// The events that this server cannot read.
    pub parked: Vec<ParkedEvent>,
    /// The number of events in streams that are not this organization's.
    #[schema(example = 0)]
    pub foreign_events: u64,
    /// The number of entries in this organization's streams that are not authentic. They have no effect.
    #[schema(example = 0)]
    pub void_events: u64,
    /// The number of entries in the records of patients who are erased. Nobody can read them any more.
    #[schema(example = 0)]
    pub erased_events: u64,
    /// The number of events whose personal section is not authentic. They count without it.
    #[schema(example = 0)]
    pub unreadable_events: u64,
    /// The number of events in shared namespaces that are against the rules there. They have no effect.
    #[schema(example = 0)]
    pub overruled_events: u64,
    /// What does not work at present; empty while all is well.
    pub troubles: Vec<Trouble>,
}

impl From<StatusReport> for Status {
    fn from(report: StatusReport) -> Self {
        let StatusReport { system, hashes } = report;
        let (chain, log) = (system.chain, system.log);
        Self {
            version: system.version,
            started_at: Instant(system.started_at),
            chain: ChainStatus {
                chain_id: chain.chain_id,
                contract: chain.contract,
                namespace: chain.namespace,
                sealing_epoch: chain.sealing_epoch,
                recorders: chain
                    .recorders
                    .into_iter()
                    .map(|one| BelievedContract {
                        contract: one.contract,
                        namespace: one.namespace,
                        registry: one.registry.map(Into::into),
                    })
                    .collect(),
                shared: chain
                    .shared
                    .into_iter()
                    .map(|one| SharedNamespace {
                        namespace: one.namespace,
                        check_value: one.check_value,
                    })
                    .collect(),
                finality: chain.finality,
                head_block: chain.head_block,
                applied_block: chain.applied_block,
                final_block: chain.final_block,
            },
            log: LogStatus {
                position: log.position,
                final_position: log.final_position,
                chain_position: log.chain_position,
                running_hash: log.running_hash,
            },
            outbox: OutboxStatus {
                waiting: system.outbox.waiting,
                in_flight: system.outbox.in_flight,
                oldest_ms: system.outbox.oldest_ms,
            },
            projections: system
                .projections
                .into_iter()
                .map(|one| ProjectionStatus {
                    name: one.name,
                    position: one.position,
                    lag: one.lag,
                })
                .collect(),
            content_hashes: hashes
                .into_iter()
                .map(|one| ContentHash {
                    name: one.name.to_owned(),
                    rows: one.rows,
                    hash: one.hash,
                    position: one.position,
                })
                .collect(),
            parked: system
                .parked
                .into_iter()
                .map(|one| ParkedEvent {
                    position: one.position,
                    stream: format!("{:?}", one.stream),
                    reason: one.reason,
                    since: Instant(one.since),
                })
                .collect(),
            foreign_events: system.foreign_events,
            void_events: system.void_events,
            erased_events: system.erased_events,
            unreadable_events: system.unreadable_events,
            overruled_events: system.overruled_events,
            troubles: system
                .troubles
                .into_iter()
                .map(|one| Trouble {
                    code: one.trouble.kind.code().to_owned(),
                    part: one.part.to_owned(),
                    cause: one.trouble.cause,
                    advice: one.trouble.kind.advice().to_owned(),
                })
                .collect(),
        }
    }
}

/// Where to find the documents about this server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// The name of the program that answers.
    #[schema(example = "Medconnect")]
    pub name: &'static str,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// The address of the documentation for people.
    #[schema(example = "/docs/")]
    pub documentation: &'static str,
    /// The address of the OpenAPI document, for programs.
    #[schema(example = "/openapi.json")]
    pub openapi: &'static str,
    /// The address that tells whether the server can do its work.
    #[schema(example = "/health/ready")]
    pub health: &'static str,
}

impl Home {
    /// This server.
    pub const HERE: Self = Self {
        name: "Medconnect",
        version: env!("CARGO_PKG_VERSION"),
        documentation: "/docs/",
        openapi: "/openapi.json",
        health: "/health/ready",
    };
}

/// Whether the server can do its work, and which of its components can.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether all essential components can do their work.
    #[schema(example = true)]
    pub ready: bool,
    /// The components, one by one.
    pub components: Vec<Component>,
}

/// A component of the system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// The name of the component.
    #[schema(example = "database")]
    pub name: String,
    /// Whether the component can do its work.
    #[schema(example = true)]
    pub ready: bool,
    /// Whether the server cannot do its work without the component.
    #[schema(example = true)]
    pub essential: bool,
}

impl From<Vec<ComponentReadiness>> for Readiness {
    fn from(components: Vec<ComponentReadiness>) -> Self {
        let ready = components
            .iter()
            .all(|component| component.ready || !component.essential);
        let components = components.into_iter().map(|component| Component {
            name: component.name.to_owned(),
            ready: component.ready,
            essential: component.essential,
        });
        Self {
            ready,
            components: components.collect(),
        }
    }
}
