//! How a call stands, by its row: for whoever asks again, on whichever server.

use sqlx::{FromRow, PgPool};

use crate::appender::machine::CallEnd;
use crate::calls::{Call, CallId, CallOutcome};
use crate::chain::{Hash, keccak256};
use crate::postgres::{ANSWER, within};

/// The rows of calls.
#[derive(Clone, Debug)]
pub(in crate::appender) struct Standings {
    pool: PgPool,
}

/// How a call stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::appender) struct Standing {
    /// Whether the row is of this very call, and not of another with its id.
    pub(in crate::appender) is_the_same: bool,
    /// What came of it; `None` while it is under way.
    pub(in crate::appender) outcome: Option<CallOutcome>,
}

#[derive(FromRow)]
struct Row {
    fingerprint: Hash,
    succeeded: Option<bool>,
    block: Option<i64>,
    transaction: Option<Hash>,
    reason: Option<Vec<u8>>,
}

impl Row {
    fn outcome(self) -> Option<CallOutcome> {
        let is_refused = !self.succeeded?;
        let end = CallEnd {
            block: self.block?.cast_unsigned(),
            transaction: self.transaction?,
            refusal: is_refused.then(|| self.reason.unwrap_or_default()),
        };
        Some(end.into())
    }
}

/// By which it is seen that what comes again is the same call.
pub(super) fn fingerprint(call: &Call) -> Hash {
    keccak256(&[&call.target[..], &call.data].concat())
}

impl Standings {
    pub(in crate::appender) const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// How a call stands; `None` when it is nowhere.
    pub(in crate::appender) async fn of(&self, call: &Call) -> Result<Option<Standing>, sqlx::Error> {
        let fingerprint = fingerprint(call);
        let standing = self.with(call.id).await?.map(|row| Standing {
            is_the_same: row.fingerprint == fingerprint,
            outcome: row.outcome(),
        });
        Ok(standing)
    }

    async fn with(&self, id: CallId) -> Result<Option<Row>, sqlx::Error> {
        let row = sqlx::query_as("SELECT fingerprint, succeeded, block, transaction, reason FROM calls WHERE id = $1");
        within(ANSWER, row.bind(id.0).fetch_optional(&self.pool)).await
    }

    /// Whether any other call to this contract is under way.
    pub(in crate::appender) async fn any_under_way_to(&self, target: &[u8; 20]) -> Result<bool, sqlx::Error> {
        let any = sqlx::query_scalar("SELECT EXISTS (SELECT FROM calls WHERE signer IS NOT NULL AND target = $1)");
        within(ANSWER, any.bind(target.as_slice()).fetch_one(&self.pool)).await
    }
}
