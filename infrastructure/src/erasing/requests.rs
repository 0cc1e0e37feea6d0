//! Requests to erase somebody, in Postgres.

use std::time::Duration;

use application::ports::StoreError;
use application::ports::erasures::{ErasureRequest, Erasures};
use async_trait::async_trait;
use domain::erasure::KeyName;
use domain::kernel::{CommandId, DataSubject, SubjectId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::crash::{self, crash_point};
use crate::postgres::{ANSWER, Answering, within};
use crate::sessions::store;

/// For how long whoever carries a request through is not disturbed. Two who do it at once do no harm: it is one command.
const UNDISTURBED: Duration = Duration::from_secs(10);

/// Notes a request by a command, which is left alone for so long. Who has asked before, and was not refused, has asked, and the command is that one.
const ASKING: &str = "INSERT INTO erasure_requests AS noted (subject, command_id, undisturbed_until) VALUES ($1, $2, clock_timestamp() + $3)
    ON CONFLICT (subject) DO UPDATE
    SET command_id = CASE WHEN noted.refused IS NULL THEN noted.command_id ELSE EXCLUDED.command_id END,
        asked_at = CASE WHEN noted.refused IS NULL THEN noted.asked_at ELSE EXCLUDED.asked_at END,
        waits_for = CASE WHEN noted.refused IS NULL THEN noted.waits_for END,
        undisturbed_until = CASE WHEN noted.refused IS NULL THEN greatest(noted.undisturbed_until, EXCLUDED.undisturbed_until) ELSE EXCLUDED.undisturbed_until END, refused = NULL
    RETURNING command_id";

/// How many requests are taken on at once.
const AT_ONCE: i64 = 32;

/// [`Erasures`] in Postgres.
#[derive(Debug)]
pub struct PostgresErasures(Answering);

impl PostgresErasures {
    /// Over a pool whose search path has the read models and `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(Answering::new(pool))
    }

    /// Notes what has become of a request that is not done.
    async fn note(&self, what: &str, request: &ErasureRequest, why: Option<&str>) -> Result<(), StoreError> {
        let sql =
            format!("UPDATE erasure_requests SET {what} WHERE subject = $1 AND command_id = $2 AND logged_at IS NULL");
        sqlx::query(&sql)
            .bind(request.subject.to_string())
            .bind(request.command_id.uuid())
            .bind(why)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }
}

#[async_trait]
impl Erasures for PostgresErasures {
    async fn ask(&self, request: &ErasureRequest) -> Result<ErasureRequest, StoreError> {
        let asking = sqlx::query_scalar(ASKING)
            .bind(request.subject.to_string())
            .bind(request.command_id.uuid())
            .bind(UNDISTURBED);
        let command_id: Uuid = asking.fetch_one(&self.0).await.map_err(store)?;
        crash_point(crash::ERASURE_NOTED);
        Ok(ErasureRequest {
            command_id: CommandId::new(command_id),
            ..*request
        })
    }

    async fn take_on(&self) -> Result<Vec<ErasureRequest>, StoreError> {
        let sql = "UPDATE erasure_requests SET undisturbed_until = clock_timestamp() + $1 \
                   WHERE subject IN ( \
                       SELECT subject FROM erasure_requests \
                       WHERE logged_at IS NULL AND refused IS NULL AND undisturbed_until < clock_timestamp() \
                       ORDER BY undisturbed_until LIMIT $2 FOR UPDATE SKIP LOCKED) \
                   RETURNING subject, command_id";
        let taken = sqlx::query_as(sql).bind(UNDISTURBED).bind(AT_ONCE).fetch_all(&self.0);
        let taken: Vec<(String, Uuid)> = taken.await.map_err(store)?;
        let request = |(subject, command_id): (String, Uuid)| {
            Some(ErasureRequest {
                subject: subject.parse().ok()?,
                command_id: CommandId::new(command_id),
            })
        };
        Ok(taken.into_iter().filter_map(request).collect())
    }

    async fn keys_of(&self, subject: SubjectId) -> Result<Vec<KeyName>, StoreError> {
        let sql = "SELECT key_id FROM data_keys WHERE subject = $1 ORDER BY created_at, key_id";
        let keys: Vec<Vec<u8>> = sqlx::query_scalar(sql)
            .bind(subject.uuid())
            .fetch_all(&self.0)
            .await
            .map_err(store)?;
        Ok(keys
            .iter()
            .filter_map(|key| KeyName::try_from(key.as_slice()).ok())
            .collect())
    }

    async fn logged(&self, request: &ErasureRequest) -> Result<bool, StoreError> {
        let has_it = sqlx::query_scalar("SELECT EXISTS (SELECT FROM erasures WHERE subject = $1)")
            .bind(request.subject.to_string())
            .fetch_one(&self.0);
        if !has_it.await.map_err(store)? {
            return Ok(false);
        }
        self.note("logged_at = now(), waits_for = $3", request, None).await?;
        Ok(true)
    }

    async fn waits(&self, request: &ErasureRequest, why: &str) -> Result<(), StoreError> {
        self.note("waits_for = $3", request, Some(why)).await
    }

    async fn refused(&self, request: &ErasureRequest, why: &str) -> Result<(), StoreError> {
        self.note("refused = $3", request, Some(why)).await
    }
}

/// Asks for somebody's erasure. Who has asked before, and was not refused, has asked.
///
/// # Errors
/// When the database refuses.
pub async fn ask(pool: &PgPool, subject: DataSubject) -> Result<(), sqlx::Error> {
    // Any server carries it through at once.
    let asking = sqlx::query(ASKING)
        .bind(subject.to_string())
        .bind(Uuid::new_v4())
        .bind(Duration::ZERO)
        .execute(pool);
    within(ANSWER, asking).await.map(drop)
}

/// How far an erasure is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// No server has done it yet.
    Waiting {
        /// Whether a server says that it is there.
        is_served: bool,
        /// Why the last attempt did not succeed, if there was one.
        why: Option<String>,
    },
    /// It will not be done.
    Refused(String),
    /// The log has it, and it may still be undone by the chain, or this database has not come to it yet.
    Logged,
    /// It is final; keys are still here.
    Final,
    /// The keys are destroyed; the database's files may still hold what they had sealed.
    Destroyed {
        /// Where, if the server's role may not purge it; empty while it goes on.
        left: String,
    },
    /// Nothing is left in the database's files, but for what its role may not remove.
    Purged {
        /// What that is; empty when it is nothing.
        left: String,
    },
}

/// How far an erasure is that was asked for.
///
/// # Errors
/// When the database refuses.
pub async fn standing(pool: &PgPool, subject: DataSubject) -> Result<Standing, sqlx::Error> {
    let sql = "SELECT request.refused, request.waits_for,
                      EXISTS (SELECT FROM servers WHERE until > now()),
                      request.logged_at IS NOT NULL,
                      COALESCE(erasure.position <= (SELECT final_position FROM checkpoint), false),
                      COALESCE(bool_and(data_keys.destroyed_at IS NOT NULL), false),
                      COALESCE(bool_and(data_keys.purged_at IS NOT NULL), false),
                      string_agg(DISTINCT data_keys.purge_left, ', ')
               FROM (SELECT $1::text AS subject) AS asked
               LEFT JOIN erasure_requests AS request ON request.subject = asked.subject
               LEFT JOIN erasures AS erasure ON erasure.subject = asked.subject
               LEFT JOIN LATERAL UNNEST(erasure.key_ids) AS named (key_id) ON true
               LEFT JOIN data_keys ON data_keys.key_id = named.key_id
               GROUP BY request.refused, request.waits_for, request.logged_at, erasure.position";
    type Row = (
        Option<String>,
        Option<String>,
        bool,
        bool,
        bool,
        bool,
        bool,
        Option<String>,
    );
    let found = sqlx::query_as(sql).bind(subject.to_string()).fetch_one(pool);
    let (refused, why, is_served, is_logged, is_final, is_destroyed, is_purged, left): Row =
        within(ANSWER, found).await?;
    Ok(match (refused, is_logged, is_final, is_destroyed, is_purged) {
        (_, _, true, true, true) => Standing::Purged {
            left: left.unwrap_or_default(),
        },
        (_, _, true, true, false) => Standing::Destroyed {
            left: left.unwrap_or_default(),
        },
        (_, _, true, false, _) => Standing::Final,
        (Some(why), ..) => Standing::Refused(why),
        (None, true, ..) => Standing::Logged,
        (None, false, ..) => Standing::Waiting { is_served, why },
    })
}
