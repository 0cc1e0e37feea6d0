//! Whether every data subject of ours has a key: what was applied long ago is not opened again, so somebody has to look. It is looked at
//! once where somebody asked for a key that is not here.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::numbers::from_sql;
use super::status::StatusCell;
use crate::postgres::within;
use crate::sealing::Opener;

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
        let pause = match within(LOOK, without_key(&pool)).await {
            Ok(subjects) => {
                status.update(|status| {
                    status.keyless_subjects = subjects;
                    status.tell_keys();
                });
                if subjects == 0 { EVERY } else { AGAIN }
            }
            Err(error) => {
                tracing::debug!(%error, "it could not be seen whether every data subject has a key");
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
