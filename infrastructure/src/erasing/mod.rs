//! What follows from an erasure once it is final: the keys are destroyed, and the database's files lose what they had sealed.
//!
//! The log says whom: the follower's table `erasures` names the keys, and the erasure is opened again before they are destroyed. So a key that a
//! backup brings back is destroyed again, by whichever server sees it. `requests`: who is to be erased. `founded`: whether the log has it.
//! `purge`: what the files still hold.

mod founded;
mod purge;
mod requests;
mod status;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use domain::kernel::DataSubject;
use domain::kernel::SubjectId;
use sqlx::{Connection, Executor as _, PgConnection, PgPool};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use requests::{PostgresErasures, Standing, ask, standing};
pub use status::EraserStatus;

use crate::access_requests;
use crate::crash::{ERASURE_DESTROYED, ERASURE_PURGED, crash_point};
use crate::keys::KeyRing;
use crate::log::KeyId;
use crate::notifications;
use crate::postgres::{self, ANSWER, LONG_STEP, TRANSACTION, connect_for_long_work, within};
use crate::reads::FORGETTING_ALL_OF;
use crate::sealing::Opener;

/// How often it is looked for erasures that are final now.
const EVERY: Duration = Duration::from_secs(1);

/// How often all erasures are looked at again: a backup may have brought a key that is destroyed.
const WHOLE_LOOK: Duration = Duration::from_secs(10);

/// How long after a purge that could not be finished another is tried.
const AGAIN: Duration = Duration::from_secs(60);

/// What refers to the erased beside the log: sessions of wallets that have no account any more, revocations of what is closed, and what people have asked who are erased, of whose account
/// nothing is left. Who has
/// signed in and is not registered yet signs in once more.
const FORGETTING: [&str; 3] = [
    "DELETE FROM sessions WHERE NOT EXISTS (SELECT FROM accounts WHERE accounts.wallet = sessions.wallet)",
    "DELETE FROM revocations USING accounts
     WHERE accounts.closed AND revocations.pending IS NOT NULL AND strpos(revocations.pending::text, accounts.id::text) > 0",
    "DELETE FROM access_requests USING accounts
     WHERE accounts.id = access_requests.asker AND accounts.closed AND accounts.name IS NULL
       AND NOT EXISTS (SELECT FROM practitioners WHERE practitioners.id = accounts.practitioner)",
];

/// Invitations of the erased.
const UNINVITING: &str =
    "DELETE FROM invitations WHERE patient = ANY ($1) OR practitioner = ANY ($1) OR account = ANY ($1)";

/// Of what nobody can open any more the journal says no more than if it had never been opened. What closes a chapter the organisation can open.
const UNNAMING: &str = "UPDATE journal SET aggregate_id = NULL, command_id = NULL, claimed_at = NULL FROM erasures
     WHERE journal.stream IN (SELECT chapters_of(erasures.stream)) AND journal.position < erasures.position
       AND erasures.subject LIKE 'patient/%' AND erasures.position = ANY ($1) AND aggregate_id IS NOT NULL AND aggregate_id NOT LIKE 'chapters/%'";

/// Destroys the keys of the erased, for as long as a server runs.
#[derive(Debug)]
pub struct Eraser {
    pool: PgPool,
    keys: Arc<KeyRing>,
    opener: Opener,
    status: EraserStatus,
}

/// A key that a final erasure names.
struct Named {
    /// Where the erasure stands.
    position: i64,
    key_id: Vec<u8>,
    subject: SubjectId,
}

/// What is to be done about the keys that final erasures name.
#[derive(Default)]
struct Due {
    /// Those that are here.
    to_destroy: Vec<Named>,
    /// Those that are destroyed.
    destroyed: Vec<Named>,
    /// Whether what a destroyed one had sealed may still stand in the database's files.
    purge: bool,
}

impl Eraser {
    /// Over a pool whose search path has the read models and `core`.
    pub fn new(pool: PgPool, keys: Arc<KeyRing>, opener: Opener) -> Self {
        let status = EraserStatus::default();
        Self {
            pool,
            keys,
            opener,
            status,
        }
    }

    /// What it tells.
    pub fn status(&self) -> EraserStatus {
        self.status.clone()
    }

    /// Looks again and again.
    pub async fn run(self, cancel: CancellationToken) {
        let (mut done, mut whole_look, mut purge_not_before) = (0, Instant::now(), Instant::now());
        while cancel.run_until_cancelled(sleep(EVERY)).await.is_some() {
            if Instant::now() >= whole_look {
                (done, whole_look) = (0, Instant::now() + WHOLE_LOOK);
            }
            let looked = async {
                let (mut due, last) = within(ANSWER, self.look_after(done)).await?;
                due.to_destroy = within(ANSWER, self.founded(due.to_destroy, done)).await?;
                if !due.to_destroy.is_empty() {
                    self.destroy(&due.to_destroy).await?;
                    return Ok(());
                }
                self.forget(&due.destroyed).await;
                if due.purge && Instant::now() >= purge_not_before && !purge(&self.pool).await? {
                    purge_not_before = Instant::now() + AGAIN;
                } else if !due.purge {
                    done = last;
                }
                Ok::<_, sqlx::Error>(())
            };
            if let Err(error) = looked.await {
                tracing::warn!(error = postgres::told(&error), "erasures cannot be carried through now");
            }
        }
    }

    /// What is to be done for the final erasures after a position, and which is the last of them.
    async fn look_after(&self, position: i64) -> Result<(Due, i64), sqlx::Error> {
        let sql = "SELECT position, subject, key_ids FROM erasures
                   WHERE position > $1 AND position <= (SELECT final_position FROM checkpoint) ORDER BY position";
        let erasures: Vec<(i64, String, Vec<Vec<u8>>)> =
            sqlx::query_as(sql).bind(position).fetch_all(&self.pool).await?;
        let last = erasures.last().map_or(position, |(position, ..)| *position);
        let named: Vec<Named> = erasures
            .into_iter()
            .filter_map(|(position, subject, keys)| Some((position, subject.parse::<DataSubject>().ok()?.id(), keys)))
            .flat_map(|(position, subject, keys)| {
                let named = move |key_id| Named {
                    position,
                    key_id,
                    subject,
                };
                keys.into_iter().map(named)
            })
            .collect();
        let mut due = Due::default();
        if named.is_empty() {
            return Ok((due, last));
        }
        let ids: Vec<&[u8]> = named.iter().map(|named| named.key_id.as_slice()).collect();
        let sql =
            "SELECT key_id, purged_at IS NOT NULL FROM data_keys WHERE key_id = ANY ($1) AND destroyed_at IS NOT NULL";
        let destroyed: Vec<(Vec<u8>, bool)> = sqlx::query_as(sql).bind(ids).fetch_all(&self.pool).await?;
        let destroyed: HashMap<Vec<u8>, bool> = destroyed.into_iter().collect();
        for named in named {
            match destroyed.get(&named.key_id) {
                None => due.to_destroy.push(named),
                Some(is_purged) => {
                    due.purge |= !is_purged;
                    due.destroyed.push(named);
                }
            }
        }
        Ok((due, last))
    }

    /// Those of the keys of whose erasures the log says the same as the table, from which erasures after a position were read. The others are told.
    async fn founded(&self, mut to_destroy: Vec<Named>, after: i64) -> Result<Vec<Named>, sqlx::Error> {
        let mut positions: Vec<i64> = to_destroy.iter().map(|named| named.position).collect();
        positions.dedup();
        let looked = founded::look(&self.pool, &self.opener, &positions).await?;
        self.status.tell_unfounded(&looked.unfounded, after == 0);
        to_destroy.retain(|named| looked.founded.contains(&named.position));
        Ok(to_destroy)
    }

    /// Lets go of keys in memory, whichever server has destroyed them.
    async fn forget(&self, destroyed: &[Named]) {
        for Named { key_id, subject, .. } in destroyed {
            if let Ok(key_id) = KeyId::try_from(key_id.as_slice()) {
                self.keys.forget(key_id, *subject).await;
            }
        }
    }

    /// Destroys keys, and forgets what stands beside the log. A key that never was here gets a row too: then a backup does not bring it.
    async fn destroy(&self, named: &[Named]) -> Result<(), sqlx::Error> {
        let sql = "INSERT INTO data_keys (key_id, subject, wrapped, kek_id, destroyed_at)
                   SELECT key_id, subject, NULL, '', now() FROM UNNEST($1::bytea[], $2::uuid[]) AS named (key_id, subject)
                   ON CONFLICT (key_id) DO UPDATE
                   SET wrapped = NULL, destroyed_at = now(), purged_at = NULL, purge_left = NULL
                   WHERE data_keys.wrapped IS NOT NULL";
        let ids: Vec<&[u8]> = named.iter().map(|named| named.key_id.as_slice()).collect();
        let subjects: Vec<Uuid> = named.iter().map(|named| named.subject.uuid()).collect();
        let positions: Vec<i64> = named.iter().map(|named| named.position).collect();
        let destroying = async {
            let mut transaction = self.pool.begin().await?;
            for forgetting in FORGETTING {
                transaction.execute(forgetting).await?;
            }
            sqlx::query(UNINVITING)
                .bind(&subjects)
                .execute(&mut *transaction)
                .await?;
            for forgetting in FORGETTING_ALL_OF
                .iter()
                .chain([&notifications::FORGETTING_ALL_OF, &access_requests::FORGETTING_ALL_OF])
            {
                sqlx::query(forgetting)
                    .bind(&subjects)
                    .execute(&mut *transaction)
                    .await?;
            }
            sqlx::query(UNNAMING).bind(positions).execute(&mut *transaction).await?;
            let destroyed = sqlx::query(sql)
                .bind(ids)
                .bind(subjects)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok::<_, sqlx::Error>(destroyed.rows_affected())
        };
        let destroyed = within(TRANSACTION, destroying).await?;
        crash_point(ERASURE_DESTROYED);
        tracing::warn!(keys = destroyed, "keys of erased data subjects are destroyed");
        Ok(())
    }
}

/// Purges what destroyed keys had sealed, over a pool whose search path has the read models and `core`; answers whether that is done, as far
/// as the pool's role may. One server does at a time.
///
/// # Errors
/// When the database refuses.
pub async fn purge(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let mut connection = connect_for_long_work(pool).await?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('medconnect.purge'))");
    let ours: bool = within(ANSWER, lock.fetch_one(&mut connection)).await?;
    let done = if ours {
        purge_on(&mut connection).await
    } else {
        Ok(true)
    };
    within(ANSWER, connection.close()).await?;
    done
}

async fn purge_on(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // What is destroyed from now on is purged the next time.
    let due = "SELECT key_id FROM data_keys WHERE destroyed_at IS NOT NULL AND purged_at IS NULL";
    let due: Vec<Vec<u8>> = within(ANSWER, sqlx::query_scalar(due).fetch_all(&mut *connection)).await?;
    if due.is_empty() {
        return Ok(true);
    }
    let left = within(LONG_STEP, purge::purge(connection)).await?;
    let is_done = left.rows.is_empty();
    if is_done {
        crash_point(ERASURE_PURGED);
        tracing::warn!(keys = due.len(), %left, "what destroyed keys had sealed is purged");
    } else {
        tracing::error!(%left, "what the erased left could not be purged from the database's files");
    }
    let sql = "UPDATE data_keys SET purged_at = CASE WHEN $2 THEN now() END, purge_left = NULLIF($3, '')
               WHERE key_id = ANY ($1)";
    let noting = sqlx::query(sql)
        .bind(&due)
        .bind(is_done)
        .bind(left.to_string())
        .execute(connection);
    within(ANSWER, noting).await?;
    Ok(is_done)
}
