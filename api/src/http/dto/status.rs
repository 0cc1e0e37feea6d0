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
    pub chain_id: u64,
    /// The address of the event log.
    pub contract: String,
    /// The rule by which a block is final.
    pub finality: String,
    /// The node's newest block; missing when it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_block: Option<u64>,
    /// The newest block applied here.
    pub applied_block: u64,
    /// The newest block that is final.
    pub final_block: u64,
}

/// The log, as this server has applied it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogStatus {
    /// The last position applied.
    pub position: u64,
    /// The last position that is final.
    pub final_position: u64,
    /// The last position on the chain; missing when the node does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_position: Option<u64>,
    /// The running hash over everything up to the position.
    pub running_hash: String,
}

/// What waits to be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    /// Commits accepted and in no transaction yet.
    pub waiting: u64,
    /// Commits in transactions that are not final.
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
    pub name: String,
    /// The last position applied to it.
    pub position: u64,
    /// How many events on the chain it has not applied.
    pub lag: u64,
}

/// The content hash of a read model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentHash {
    /// The read model.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over its rows, in hexadecimal.
    pub hash: String,
    /// The position it was taken at.
    pub position: u64,
}

/// An event that cannot be opened or decoded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedEvent {
    /// Its place in the log.
    pub position: u64,
    /// Its stream, which is held back.
    pub stream: String,
    /// What is wrong with it.
    pub reason: String,
    /// Since when.
    pub since: Instant,
}

/// What does not work just now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Its name. `docs/operations.md` has a chapter of that name.
    pub code: String,
    /// Where: `follower`, `appender`.
    pub part: String,
    /// What it is this time.
    pub cause: String,
    /// What to do about it.
    pub advice: String,
}

/// What another try at the parked events came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetriedEvents {
    /// The positions of the events that could be read now, and are in what you read.
    pub released: Vec<u64>,
    /// How many are still parked.
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

/// Whether the server can do its work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether everything essential can.
    pub ready: bool,
    /// The parts.
    pub components: Vec<Component>,
}

/// One part of the system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Whether it can do its work.
    pub ready: bool,
    /// Whether the server is of no use without it.
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
