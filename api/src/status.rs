//! How the system is doing, gathered from its parts.

use application::error::StoreError;
use application::log::StreamId;
use application::projector::Projector;
use application::status::{
    ChainStatus, ComponentReadiness, LogStatus, OutboxStatus, ParkedEvents, ParkedStatus, ProjectionStatus,
    RetriedEvents, StatusSource, SystemStatus, Trouble,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use infrastructure::appender::AppenderHandle;
use infrastructure::chain::{BlockId, EventLog};
use infrastructure::follower::Parking;
use infrastructure::follower::status::StatusCell;
use projections::ReadModels;
use sqlx::PgPool;

use crate::config::FinalityRule;

/// How many parked events are listed.
const PARKED_LISTED: i64 = 100;

/// The parts that are asked.
pub(crate) struct Status {
    pool: PgPool,
    log: EventLog,
    follower: StatusCell,
    appender: AppenderHandle,
    finality: FinalityRule,
    started_at: DateTime<Utc>,
}

impl Status {
    /// Asks these parts.
    pub(crate) fn new(
        pool: PgPool,
        log: EventLog,
        follower: StatusCell,
        appender: AppenderHandle,
        finality: FinalityRule,
    ) -> Self {
        Self {
            pool,
            log,
            follower,
            appender,
            finality,
            started_at: Utc::now(),
        }
    }

    async fn parked(&self) -> Result<Vec<ParkedStatus>, sqlx::Error> {
        let rows: Vec<(i64, Vec<u8>, String, DateTime<Utc>)> =
            sqlx::query_as("SELECT position, stream, reason, parked_at FROM parked ORDER BY position LIMIT $1")
                .bind(PARKED_LISTED)
                .fetch_all(&self.pool)
                .await?;
        let parked = rows.into_iter().filter_map(|(position, stream, reason, since)| {
            let stream = StreamId(stream.try_into().ok()?);
            Some(ParkedStatus {
                position: position.unsigned_abs(),
                stream,
                reason,
                since,
            })
        });
        Ok(parked.collect())
    }

    /// In one statement, so that both belong together.
    async fn position_and_hash(&self) -> Result<(u64, String), sqlx::Error> {
        let (position, hash): (i64, String) =
            sqlx::query_as("SELECT position, encode(running_hash, 'hex') FROM checkpoint")
                .fetch_one(&self.pool)
                .await?;
        Ok((position.unsigned_abs(), format!("0x{hash}")))
    }
}

fn refused(error: sqlx::Error) -> StoreError {
    StoreError(Box::new(error))
}

#[async_trait]
impl StatusSource for Status {
    async fn status(&self) -> Result<SystemStatus, StoreError> {
        let follower = self.follower.get();
        let (position, running_hash) = self.position_and_hash().await.map_err(refused)?;
        let head_block = self.log.node().block_number().await.ok();
        let chain_position = self.log.head(BlockId::Latest).await.ok().map(|head| head.position);
        let appender = self.appender.status();
        let lag = chain_position.unwrap_or(position).saturating_sub(position);
        Ok(SystemStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            chain: ChainStatus {
                chain_id: self.log.node().chain_id(),
                contract: self.log.address().to_string(),
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
                in_flight: appender.outbox_commits,
            },
            projections: ReadModels
                .tables()
                .iter()
                .map(|name| ProjectionStatus {
                    name: (*name).to_owned(),
                    position,
                    lag,
                })
                .collect(),
            parked: self.parked().await.map_err(refused)?,
            foreign_events: follower.foreign_events,
            troubles: [
                ("follower", follower.trouble),
                ("nodes", follower.dispute),
                ("appender", appender.trouble),
            ]
            .into_iter()
            .filter_map(|(part, cause)| Some(Trouble { part, cause: cause? }))
            .collect(),
        })
    }

    async fn readiness(&self) -> Vec<ComponentReadiness> {
        let database = sqlx::query("SELECT 1").execute(&self.pool).await.is_ok();
        let chain = self.log.node().block_number().await.is_ok();
        let follower = database && self.follower.get().trouble.is_none();
        vec![
            ComponentReadiness {
                name: "database",
                ready: database,
                essential: true,
            },
            ComponentReadiness {
                name: "chain",
                ready: chain,
                essential: false,
            },
            ComponentReadiness {
                name: "follower",
                ready: follower,
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
