//! Messages to people outside: where they wait, in Postgres, and what sends them.
//!
//! Here is [`PostgresNotifications`], in [`mail`] SMTP, and in [`webhook`] HTTP.

pub mod mail;
pub mod webhook;

use std::str::FromStr;
use std::time::Duration;

use application::notifications::{Channel, Notification, Occasion};
use application::ports::StoreError;
use application::ports::notifications::{NotificationQueue, Outcome, Stuck, Taken};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use sqlx::{FromRow, PgPool};
use strum::VariantArray as _;
use uuid::Uuid;

use crate::postgres::Answering;
use crate::sessions::store;

/// How long an attempt may take.
const ATTEMPT: Duration = Duration::from_secs(30);

/// For how long whoever has taken a message is left alone with it: longer than an attempt takes, with what the database is asked before and after it.
const LEFT_ALONE: Duration = Duration::from_secs(60);

const ADDING: &str = "INSERT INTO notifications (id, occasion, about, channel, patient, happened_at)
     SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[])
     ON CONFLICT (id) DO NOTHING";

const TAKING: &str = "UPDATE notifications SET attempts = attempts + 1, due_at = clock_timestamp() + $1
     WHERE id IN (SELECT id FROM notifications WHERE outcome IS NULL AND due_at <= clock_timestamp()
                    AND channel = $3 AND occasion = ANY ($4)
                  ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING id, occasion, about, channel, patient, happened_at, attempts";

/// What was tried three times or more and waits, and what was given up within three days.
const STUCK: &str = "SELECT count(*) FILTER (WHERE outcome IS NULL), count(*) FILTER (WHERE outcome IS NOT NULL), min(happened_at) FROM
     ((SELECT outcome, happened_at FROM notifications
       WHERE outcome IS NULL AND attempts > 2 AND channel = ANY ($1) ORDER BY happened_at LIMIT 10000)
      UNION ALL
      (SELECT outcome, happened_at FROM notifications
       WHERE outcome = 'given-up' AND due_at > clock_timestamp() - interval '3 days' ORDER BY happened_at LIMIT 10000)) AS stuck";

const ENDING: &str = "UPDATE notifications SET outcome = $3, due_at = clock_timestamp()
     WHERE id = $1 AND outcome IS NULL AND (attempts = $2 OR $3 = 'delivered')";

const WAITING: &str = "UPDATE notifications SET due_at = clock_timestamp() + $3
     WHERE id = $1 AND outcome IS NULL AND attempts = $2";

/// Forgets all messages to patients, who are the parameter.
pub(crate) const FORGETTING_ALL_OF: &str = "DELETE FROM notifications WHERE patient = ANY ($1)";

/// [`NotificationQueue`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresNotifications(Answering);

impl PostgresNotifications {
    /// Over a pool whose search path has `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(Answering::new(pool))
    }
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    occasion: String,
    about: Uuid,
    channel: String,
    patient: Option<Uuid>,
    happened_at: DateTime<Utc>,
    attempts: i64,
}

/// A row that this program does not write, and does not ask for.
#[derive(Debug, thiserror::Error)]
#[error("a message of an unknown kind")]
struct Unknown(#[from] strum::ParseError);

impl TryFrom<Row> for Taken {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unknown = |error| StoreError(Box::new(Unknown(error)));
        Ok(Self {
            notification: Notification {
                id: row.id,
                occasion: Occasion::from_str(&row.occasion).map_err(unknown)?,
                about: row.about,
                channel: Channel::from_str(&row.channel).map_err(unknown)?,
                patient: row.patient.map(PatientId::new),
                at: row.happened_at,
            },
            attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        })
    }
}

#[async_trait]
impl NotificationQueue for PostgresNotifications {
    async fn add(&self, messages: &[Notification]) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        // Two servers that add the same ones lock them in the same order.
        let mut messages: Vec<_> = messages.iter().collect();
        messages.sort_by_key(|message| message.id);
        let messages = messages.as_slice();
        fn each<T>(messages: &[&Notification], of: impl Fn(&Notification) -> T) -> Vec<T> {
            messages.iter().map(|message| of(message)).collect()
        }
        sqlx::query(ADDING)
            .bind(each(messages, |one| one.id))
            .bind(each(messages, |one| <&str>::from(one.occasion)))
            .bind(each(messages, |one| one.about))
            .bind(each(messages, |one| <&str>::from(one.channel)))
            .bind(each(messages, |one| one.patient.map(PatientId::uuid)))
            .bind(each(messages, |one| one.at))
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn take(&self, channel: Channel, most: u32) -> Result<Vec<Taken>, StoreError> {
        let occasions: Vec<&str> = Occasion::VARIANTS.iter().map(|occasion| occasion.into()).collect();
        let taking = sqlx::query_as(TAKING)
            .bind(LEFT_ALONE)
            .bind(i64::from(most))
            .bind(<&str>::from(channel))
            .bind(occasions);
        let rows: Vec<Row> = taking.fetch_all(&self.0).await.map_err(store)?;
        rows.into_iter().map(Taken::try_from).collect()
    }

    async fn end(&self, taken: &Taken, outcome: Outcome) -> Result<(), StoreError> {
        sqlx::query(ENDING)
            .bind(taken.notification.id)
            .bind(i64::from(taken.attempt))
            .bind(<&str>::from(outcome))
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn wait(&self, taken: &Taken, time: Duration) -> Result<(), StoreError> {
        sqlx::query(WAITING)
            .bind(taken.notification.id)
            .bind(i64::from(taken.attempt))
            .bind(time)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn stuck(&self, channels: &[Channel]) -> Result<Option<Stuck>, StoreError> {
        let channels: Vec<&str> = channels.iter().map(|channel| channel.into()).collect();
        let asking = sqlx::query_as(STUCK).bind(channels);
        let (waiting, given_up, since): (i64, i64, Option<DateTime<Utc>>) =
            asking.fetch_one(&self.0).await.map_err(store)?;
        Ok(since.map(|since| Stuck {
            waiting: waiting.unsigned_abs(),
            given_up: given_up.unsigned_abs(),
            since,
        }))
    }

    async fn sweep(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM notifications WHERE happened_at < $1")
            .bind(before)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }
}

/// Whether a name is this machine's.
fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}

/// What has caused an error in the end: what the system says, or TLS.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
