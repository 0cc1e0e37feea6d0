//! Whether every data subject of ours has a key, every epoch that is published its secret, and what is shared can be read: what was applied long ago is not opened
//! again, so somebody has to look. It is looked at once where somebody asked for a key that is not here.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::numbers::from_sql;
use super::shared_namespaces;
use super::status::StatusCell;
use crate::keys::{EpochNumber, KeyRingError};
use crate::log::Namespace;
use crate::postgres::{self, within};
use crate::sealing::{Opener, epoch_in_header};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// How often while keys are missing, for somebody may restore them, and how long to wait when the database has no answer. It is looked no
/// more often, whatever was missed.
const AGAIN: Duration = Duration::from_secs(5);

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(60);

/// Looks again and again, and tells the status.
pub(super) async fn watch(pool: PgPool, opener: Opener, status: StatusCell, cancel: CancellationToken) {
    loop {
        let sealing = status.get().sealing_epoch;
        let looking = async {
            let subjects = without_key(&pool).await?;
            Ok::<_, KeyRingError>((subjects, missing_epochs(&pool, &opener, sealing).await?))
        };
        // Apart: what can only warn keeps nobody from telling what makes the server unfit.
        match within(LOOK, shared_namespaces::look(&pool, &opener)).await {
            Ok(shared) => status.update(|status| status.tell_shared_namespaces(&shared)),
            Err(error) => tracing::warn!(
                error = postgres::told(&error),
                "it could not be seen whether what is shared can be read"
            ),
        }
        let pause = match within(LOOK, looking).await {
            Ok((subjects, epochs)) => {
                status.update(|status| {
                    status.keyless_subjects = subjects;
                    status.tell_keys();
                    status.tell_epochs(&epochs);
                    status.tell_shared_epochs(&opener.missing_shared_epochs());
                });
                if subjects == 0 && epochs.is_empty() {
                    EVERY
                } else {
                    AGAIN
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = postgres::told(&error),
                    "it could not be seen whether every data subject and epoch has a key"
                );
                AGAIN
            }
        };
        let due = async {
            sleep(AGAIN).await;
            tokio::select! {
                () = sleep(pause.saturating_sub(AGAIN)) => {}
                () = opener.missed_key() => {}
            }
        };
        if cancel.run_until_cancelled(due).await.is_none() {
            return;
        }
    }
}

/// The epochs whose secrets are not here and are needed: to seal in them, or because the journal has something that is sealed in them. One that was published
/// and never used, before a later one was, is needed by nobody.
async fn missing_epochs(
    pool: &PgPool,
    opener: &Opener,
    sealing: EpochNumber,
) -> Result<Vec<EpochNumber>, KeyRingError> {
    let mut needed = Vec::new();
    for epoch in opener.missing_epochs().await? {
        if epoch >= sealing || is_used(pool, opener.location().namespace, epoch).await? {
            needed.push(epoch);
        }
    }
    Ok(needed)
}

/// Whether the journal has an entry of the namespace in an epoch. It is read whole for this, which is rare.
async fn is_used(pool: &PgPool, namespace: Namespace, epoch: EpochNumber) -> Result<bool, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT FROM journal WHERE stream BETWEEN $1 AND $2
                              AND substring(payload FROM 2 FOR length($3)) = $3 AND void IS NULL)";
    let [first, last] = namespace.streams();
    sqlx::query_scalar(sql)
        .bind(first.0.as_slice())
        .bind(last.0.as_slice())
        .bind(epoch_in_header(epoch))
        .fetch_one(pool)
        .await
}

/// How many data subjects of ours have a history and no key, not even a destroyed one. Which accounts are of persons of the staff, who have one
/// as well, is not told by the journal.
async fn without_key(pool: &PgPool) -> Result<u64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT DISTINCT aggregate_id FROM journal
                               WHERE aggregate_id LIKE 'patient/%' OR aggregate_id LIKE 'practitioner/%') AS ours
         WHERE NOT EXISTS (SELECT FROM data_keys WHERE subject = split_part(aggregate_id, '/', 2)::uuid)",
    )
    .fetch_one(pool)
    .await
    .map(from_sql)
}
