//! How the system is doing, in JSON.

use application::status::{ComponentReadiness, StatusReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;

/// The chain, as this server sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainStatus {
    /// Its id.
    #[schema(example = 1337)]
    pub chain_id: u64,
    /// The address of the event log.
    #[schema(example = "0x5FbDB2315678afecb367f032d93F642f64180aa3")]
    pub contract: String,
    /// The rule by which a block is final.
    #[schema(example = "12 confirmations")]
    pub finality: String,
    /// The node's newest block; missing when it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4120)]
    pub head_block: Option<u64>,
    /// The newest block applied here.
    #[schema(example = 4120)]
    pub applied_block: u64,
    /// The newest block that is final.
    #[schema(example = 4108)]
    pub final_block: u64,
}

/// The log, as this server has applied it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogStatus {
    /// The last position applied.
    #[schema(example = 90210)]
    pub position: u64,
    /// The last position that is final.
    #[schema(example = 90180)]
    pub final_position: u64,
    /// The last position on the chain; missing when the node does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 90210)]
    pub chain_position: Option<u64>,
    /// The running hash over everything up to the position.
    #[schema(example = "0x9c22ff5f21f0b81b113e63f7db6da94fedef11b2119b4088b89664fb9a3cb658")]
    pub running_hash: String,
}

/// What waits to be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    /// Commits accepted and in no transaction yet.
    #[schema(example = 0)]
    pub waiting: u64,
    /// Commits in transactions that are not final.
    #[schema(example = 3)]
    pub in_flight: u64,
    /// For how long the oldest of them has been waiting, in milliseconds; missing when none waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
}

/// One read model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionStatus {
    /// Its name.
    #[schema(example = "patients")]
    pub name: String,
    /// The last position applied to it.
    #[schema(example = 90210)]
    pub position: u64,
    /// How many events on the chain it has not applied.
    #[schema(example = 0)]
    pub lag: u64,
}

/// The content hash of a read model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentHash {
    /// The read model.
    #[schema(example = "patients")]
    pub name: String,
    /// How many rows it has.
    #[schema(example = 1204)]
    pub rows: u64,
    /// SHA-256 over its rows, in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub hash: String,
    /// The position it was taken at.
    #[schema(example = 90210)]
    pub position: u64,
}

/// An event that cannot be opened or decoded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedEvent {
    /// Its place in the log.
    #[schema(example = 4711)]
    pub position: u64,
    /// Its stream, which is held back.
    #[schema(example = "0x9f86d081884c7d65")]
    pub stream: String,
    /// What is wrong with it.
    #[schema(example = "its key is not held here")]
    pub reason: String,
    /// Since when.
    pub since: Instant,
}

/// What does not work just now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Its name. `docs/operations.md` has a chapter of that name.
    #[schema(example = "appender-without-node")]
    pub code: String,
    /// Where: `follower`, `appender`.
    #[schema(example = "appender")]
    pub part: String,
    /// What it is this time.
    #[schema(example = "the node does not answer")]
    pub cause: String,
    /// What to do about it.
    #[schema(example = "See that a node of `chain.nodes` runs and can be reached. The appender goes on by itself.")]
    pub advice: String,
}

/// What another try at the parked events came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetriedEvents {
    /// The positions of the events that could be read now, and are in what you read.
    #[schema(example = json!([4711]))]
    pub released: Vec<u64>,
    /// How many are still parked.
    #[schema(example = 0)]
    pub parked: u64,
}

impl From<application::status::RetriedEvents> for RetriedEvents {
    fn from(retried: application::status::RetriedEvents) -> Self {
        Self {
            released: retried.released,
            parked: retried.parked,
        }
    }
}

/// How the system is doing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Since when this process runs.
    pub started_at: Instant,
    /// The chain.
    pub chain: ChainStatus,
    /// The log.
    pub log: LogStatus,
    /// The outbox.
    pub outbox: OutboxStatus,
    /// The read models.
    pub projections: Vec<ProjectionStatus>,
    /// Their content hashes, as last taken.
    pub content_hashes: Vec<ContentHash>,
    /// Events that cannot be read.
    pub parked: Vec<ParkedEvent>,
    /// How many events are under keys that are not held here.
    #[schema(example = 0)]
    pub foreign_events: u64,
    /// What does not go on; empty while all is well.
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

/// Where what is on this server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// What answers.
    #[schema(example = "Medconnect")]
    pub name: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// For people.
    #[schema(example = "/docs/")]
    pub documentation: &'static str,
    /// For programs: the OpenAPI document.
    #[schema(example = "/openapi.json")]
    pub openapi: &'static str,
    /// Whether the server can do its work.
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

/// Whether the server can do its work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether everything essential can.
    #[schema(example = true)]
    pub ready: bool,
    /// The parts.
    pub components: Vec<Component>,
}

/// One part of the system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name.
    #[schema(example = "database")]
    pub name: String,
    /// Whether it can do its work.
    #[schema(example = true)]
    pub ready: bool,
    /// Whether the server is of no use without it.
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
