//! When what things cost in gas is asked for, and of which streams.

use std::time::Duration;

use application::log::StreamId;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::chain::gas::{GasRules, KNOWN_STREAMS, probe};
use crate::chain::{Address, ChainError, EventLog};
use crate::log::Namespace;
use crate::postgres::{ANSWER, within};

/// How long to wait after a node did not estimate.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Asks at the start, once more as soon as there is a stream to ask about, and whenever gas turns out to be dearer than was known.
pub(super) struct GasProbes {
    log: EventLog,
    namespace: Namespace,
    account: Address,
    pool: PgPool,
    asked: Asked,
}

enum Asked {
    /// Never, or too long ago.
    Not,
    /// In vain: not before then.
    InVain(Instant),
    /// While the log had no stream yet.
    WithoutStreams,
    /// Everything.
    All,
}

impl GasProbes {
    pub(super) const fn new(log: EventLog, namespace: Namespace, account: Address, pool: PgPool) -> Self {
        Self {
            log,
            namespace,
            account,
            pool,
            asked: Asked::Not,
        }
    }

    /// What was known is too little.
    pub(super) fn again(&mut self) {
        self.asked = Asked::Not;
    }

    /// What things cost, if it is time to ask and there is an answer.
    pub(super) async fn due(&mut self) -> Option<GasRules> {
        match self.asked {
            Asked::All => return None,
            Asked::InVain(until) if Instant::now() < until => return None,
            Asked::Not | Asked::InVain(_) | Asked::WithoutStreams => {}
        }
        // What others send is rejected for little: it tells nothing.
        if !matches!(self.log.writer_of(self.namespace, self.account).await, Ok(Some(_))) {
            return None;
        }
        // Without an answer from the database the node is asked for the rest.
        let streams = within(ANSWER, idle_streams(&self.pool, self.namespace))
            .await
            .unwrap_or_default();
        if streams.is_empty() && matches!(self.asked, Asked::WithoutStreams) {
            return None;
        }
        match probe(&self.log, self.namespace, self.account, &streams).await {
            Ok(rules) => {
                tracing::debug!(?rules, "what things cost in gas");
                self.asked = if streams.is_empty() {
                    Asked::WithoutStreams
                } else {
                    Asked::All
                };
                Some(rules)
            }
            Err(error) => {
                // Where no node answers at all, the next one that does is asked.
                let pause = if error.is_unreachable() {
                    Duration::ZERO
                } else {
                    AGAIN_AFTER
                };
                if !matches!(self.asked, Asked::InVain(_)) {
                    tell(&error);
                }
                self.asked = Asked::InVain(Instant::now() + pause);
                None
            }
        }
    }
}

fn tell(error: &ChainError) {
    tracing::info!(%error, "what things cost in gas cannot be asked for; today's usual prices are assumed");
}

/// Streams of the namespace that have not changed for long, probably: the first of some.
async fn idle_streams(pool: &PgPool, namespace: Namespace) -> Result<Vec<StreamId>, sqlx::Error> {
    // By the index of streams, for others' may be many more.
    let first = "SELECT stream FROM (SELECT stream, position FROM journal \
                 WHERE version = 1 AND stream >= $1 AND stream < $2 ORDER BY stream LIMIT 256) AS found \
                 ORDER BY position LIMIT $3";
    let next = Namespace(namespace.0.saturating_add(1));
    let first: Vec<Vec<u8>> = sqlx::query_scalar(first)
        .bind(namespace.stream(&[]).0)
        .bind(next.stream(&[]).0)
        .bind(i64::try_from(KNOWN_STREAMS).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    Ok(first
        .into_iter()
        .filter_map(|stream| Some(StreamId(stream.try_into().ok()?)))
        .collect())
}
