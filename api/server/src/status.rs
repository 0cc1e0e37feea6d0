//! How the system is doing, gathered from its parts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api_config::{ChainConfig, FinalityRule};
use application::ports::StoreError;
use application::ports::projector::Projector;
use application::trouble::{Trouble, TroubleKind, Weight};
use application::use_cases::status::{
    BelievedContract, ChainStatus, ComponentReadiness, LogStatus, OutboxStatus, ParkedEvents, ParkedStatus,
    ProjectionStatus, RetriedEvents, SharedNamespace, StatusSource, SystemStatus, ToldTrouble,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use infrastructure::appender::AppenderHandle;
use infrastructure::chain::{BlockId, EventLog};
use infrastructure::erasing::EraserStatus;
use infrastructure::follower::status::StatusCell;
use infrastructure::follower::{LogAndOutbox, Parking, erased_entries, parked_events};
use infrastructure::keys::LogSecrets;
use infrastructure::postgres::{self, ANSWER, within};
use projections::ReadModels;
use sqlx::PgPool;
use tokio::time::timeout;

use crate::part_troubles::PartTroubles;

/// How many parked events are listed.
const PARKED_LISTED: u32 = 100;

/// How long a part is waited for. Whoever asks how the system is waits with it, and a probe waits no longer than this either: a
/// slow node or database must not make a server that can be read from look dead.
const PATIENCE: Duration = Duration::from_millis(500);

/// For how long a database that answers nobody is taken for a slow one.
const SILENT: Duration = Duration::from_secs(2);

/// Since when a part has answered nobody who has asked it.
#[derive(Default)]
struct Silence(Mutex<Option<Instant>>);

impl Silence {
    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// For how long it has lasted, if it began at this instant unless it has before.
    fn since(&self, asked: Instant) -> Duration {
        let mut silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get_or_insert(asked).elapsed()
    }
}

/// What parts tell of themselves, without asking the database.
pub(crate) struct Parts {
    pub(crate) follower: StatusCell,
    pub(crate) eraser: EraserStatus,
    pub(crate) reads: PartTroubles,
    pub(crate) notifications: PartTroubles,
    pub(crate) appender: AppenderHandle,
}

/// The parts that are asked.
pub(crate) struct Status {
    pool: PgPool,
    silence: Arc<Silence>,
    /// Whoever reads the state of the log from the database: one at a time. What else uses these connections is short, and must not wait for
    /// administrators who wait.
    reading: tokio::sync::Mutex<()>,
    log: EventLog,
    parts: Parts,
    finality: FinalityRule,
    namespace: u32,
    believed: Vec<BelievedContract>,
    shared: Vec<SharedNamespace>,
    started_at: DateTime<Utc>,
}

impl Status {
    /// Asks these parts.
    pub(crate) fn new(pool: PgPool, log: EventLog, parts: Parts, chain: &ChainConfig, secrets: &LogSecrets) -> Self {
        Self {
            pool,
            silence: Arc::default(),
            reading: tokio::sync::Mutex::new(()),
            log,
            parts,
            finality: chain.finality,
            namespace: chain.namespace.0,
            believed: believed(chain),
            shared: shared(secrets),
            started_at: Utc::now(),
        }
    }
}

impl Status {
    /// Whether the database answers. One that is only slow does: it is away when it refuses, or has answered nobody for [`SILENT`] who has asked here.
    async fn database_answers(&self) -> bool {
        let asked = Instant::now();
        let (pool, silence) = (self.pool.clone(), Arc::clone(&self.silence));
        // It is waited for longer than whoever asks waits: then it is known to be there.
        let asking = tokio::spawn(async move {
            let answered = within(ANSWER, postgres::answers(&pool)).await.is_ok();
            if answered {
                silence.end();
            }
            answered
        });
        match timeout(PATIENCE, asking).await {
            Ok(answered) => answered.unwrap_or(false),
            Err(_) => self.silence.since(asked) < SILENT,
        }
    }

    /// What the database says of the log, the parked events, and how many are of the erased.
    async fn read(&self) -> Result<(LogAndOutbox, Vec<ParkedStatus>, u64), sqlx::Error> {
        let _turn = self.reading.lock().await;
        let log = LogAndOutbox::read(&self.pool).await?;
        let parked = parked_events(&self.pool, PARKED_LISTED).await?;
        Ok((log, parked, erased_entries(&self.pool).await?))
    }
}

/// The contracts that are configured.
fn believed(chain: &ChainConfig) -> Vec<BelievedContract> {
    let recorders = chain.recorders.iter();
    let believed = recorders.map(|recorder| BelievedContract {
        contract: recorder.contract.to_string(),
        namespace: recorder.namespace.0,
        registry: recorder.registry,
    });
    believed.collect()
}

/// The namespaces that are shared.
fn shared(secrets: &LogSecrets) -> Vec<SharedNamespace> {
    let shared = secrets
        .check_values()
        .shared
        .into_iter()
        .map(|(namespace, check)| SharedNamespace {
            namespace: namespace.0,
            check_value: check,
        });
    shared.collect()
}

/// What a part answers within [`PATIENCE`].
async fn in_good_time<T, E>(answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    timeout(PATIENCE, answer).await.ok()?.ok()
}

fn refused(error: sqlx::Error) -> StoreError {
    StoreError(Box::new(error))
}

#[async_trait]
impl StatusSource for Status {
    async fn status(&self) -> Result<SystemStatus, StoreError> {
        let follower = self.parts.follower.get();
        let (log, parked, erased_events) = within(ANSWER, self.read()).await.map_err(refused)?;
        let LogAndOutbox {
            position,
            running_hash,
            in_outbox,
        } = log;
        let (head_block, chain_position) = tokio::join!(
            in_good_time(self.log.node().block_number()),
            in_good_time(self.log.head(BlockId::Latest)),
        );
        let chain_position = chain_position.map(|head| head.position);
        let appender = self.parts.appender.status();
        let told =
            |part, troubles: Vec<Trouble>| troubles.into_iter().map(move |trouble| ToldTrouble { part, trouble });
        let troubles = told("follower", follower.troubles())
            .chain(told("eraser", self.parts.eraser.troubles()))
            .chain(told("reads", self.parts.reads.troubles()))
            .chain(told("notifications", self.parts.notifications.troubles()))
            .chain(told("appender", appender.troubles.list()));
        let lag = chain_position.unwrap_or(position).saturating_sub(position);
        Ok(SystemStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            chain: ChainStatus {
                chain_id: self.log.node().chain_id(),
                contract: self.log.address().to_string(),
                namespace: self.namespace,
                sealing_epoch: follower.sealing_epoch,
                recorders: self.believed.clone(),
                shared: self.shared.clone(),
                finality: self.finality.to_string(),
                head_block,
                applied_block: follower.progress.block,
                final_block: follower.progress.final_block,
            },
            log: LogStatus {
                position,
                final_position: follower.progress.final_position,
                running_hash,
                chain_position,
            },
            outbox: OutboxStatus {
                waiting: appender.queued,
                in_flight: in_outbox,
                oldest_ms: appender.oldest_ms,
            },
            projections: ReadModels
                .tables()
                .into_iter()
                .map(|name| ProjectionStatus {
                    name: name.to_owned(),
                    position,
                    lag,
                })
                .collect(),
            parked,
            foreign_events: follower.unread.foreign,
            void_events: follower.unread.void,
            erased_events,
            unreadable_events: follower.unread.unreadable,
            overruled_events: follower.unread.overruled,
            troubles: troubles.collect(),
        })
    }

    async fn readiness(&self) -> Vec<ComponentReadiness> {
        let (database, chain) = tokio::join!(
            self.database_answers(),
            timeout(PATIENCE, self.log.node().block_number())
        );
        let follower = self.parts.follower.get();
        // A node that is slow is none that is away: those who wait longer for it tell whether it answers them.
        let is_missed = || {
            let mut told = follower
                .troubles()
                .into_iter()
                .chain(self.parts.appender.status().troubles.list());
            told.any(|told| {
                matches!(
                    told.kind,
                    TroubleKind::FollowerWithoutNode | TroubleKind::AppenderWithoutNode
                )
            })
        };
        let chain = match chain {
            Ok(answer) => answer.is_ok(),
            Err(_) => !is_missed(),
        };
        let keys = !follower.noticed.has(TroubleKind::DataKeyMissing);
        let follower = follower.weight();
        let appender = self.parts.appender.status();
        vec![
            ComponentReadiness {
                name: "database",
                ready: database,
                essential: true,
            },
            ComponentReadiness {
                name: "keys",
                ready: keys,
                essential: true,
            },
            ComponentReadiness {
                name: "chain",
                ready: chain,
                essential: false,
            },
            ComponentReadiness {
                name: "follower",
                ready: database && follower < Some(Weight::Stalled),
                essential: follower == Some(Weight::Unfit),
            },
            ComponentReadiness {
                name: "appender",
                ready: appender.holds_lease && appender.troubles.weight() < Some(Weight::Stalled),
                essential: false,
            },
        ]
    }
}

/// The follower's parked events.
pub(crate) struct Parked(pub(crate) Parking<ReadModels>);

#[async_trait]
impl ParkedEvents for Parked {
    async fn retry(&self) -> Result<RetriedEvents, StoreError> {
        let retried = self.0.retry().await.map_err(|error| StoreError(Box::new(error)))?;
        Ok(RetriedEvents {
            released: retried.released,
            parked: retried.parked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_lasts_from_the_first_who_is_not_answered_until_somebody_is() {
        let silence = Silence::default();
        let before = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        assert!(silence.since(before) >= Duration::from_secs(5));
        assert!(silence.since(Instant::now()) >= Duration::from_secs(5));
        silence.end();
        assert!(silence.since(Instant::now()) < Duration::from_secs(5));
    }
}
