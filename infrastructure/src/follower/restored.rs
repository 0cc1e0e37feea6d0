//! What is parked for want of a key, or of an epoch's secret, is read as soon as that is here: nobody has to say that keys were restored, and another server that lacks a secret may park
//! what this one can read.

use std::time::Duration;

use application::log::StreamId;
use application::ports::projector::Projector;
use sqlx::{PgConnection, PgPool};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::FollowerError;
use super::held::{BEHIND, Held};
use super::numbers::from_sql;
use super::parking::Parking;
use crate::postgres::{ANSWER, within};
use crate::sealing::Opener;

/// How often it is looked, while something is parked for want of a key.
const EVERY: Duration = Duration::from_secs(2);

/// Looks again and again, and has what is parked tried again.
pub(super) async fn watch<P>(parking: Parking<P>, cancel: CancellationToken)
where
    P: Projector<Connection = PgConnection>,
{
    // What stays parked though its key is here has another reason. It is not tried again and again.
    let mut in_vain = 0;
    while cancel.run_until_cancelled(sleep(EVERY)).await.is_some() {
        // Another server may have parked what only this one can read.
        if parking.status.get().parked_events == 0 && parking.opener.shared().is_empty() {
            in_vain = 0;
        } else if let Err(error) = look(&parking, &mut in_vain).await {
            tracing::warn!(error = error.told(), "what is parked could not be tried again");
        }
    }
}

async fn look<P>(parking: &Parking<P>, in_vain: &mut u64) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    if within(ANSWER, readable(parking)).await? > *in_vain {
        parking.retry().await?;
    } else {
        // Another server may have been faster.
        let held = within(ANSWER, Held::read(&parking.pool)).await?;
        parking.status.update(|status| held.show(status));
    }
    *in_vain = within(ANSWER, readable(parking)).await?;
    Ok(())
}

/// How many events are parked for which what they were parked for is here.
async fn readable<P>(parking: &Parking<P>) -> Result<u64, sqlx::Error> {
    let keys = whose_key_is_here(&parking.pool).await?;
    Ok(keys.saturating_add(whose_epoch_is_here(&parking.pool, &parking.opener).await?))
}

/// How many events of shared namespaces are parked for something else than a key of a person, and are of an epoch whose secret is here.
async fn whose_epoch_is_here(pool: &PgPool, opener: &Opener) -> Result<u64, sqlx::Error> {
    if opener.shared().is_empty() {
        return Ok(0);
    }
    let sql = "SELECT journal.stream, substring(payload FROM 1 FOR 16) FROM parked JOIN journal USING (position)
               WHERE key_id IS NULL AND subject IS NULL AND reason <> $1";
    let parked: Vec<([u8; 32], Vec<u8>)> = sqlx::query_as(sql).bind(BEHIND).fetch_all(pool).await?;
    let is_here = |(stream, start): &&([u8; 32], Vec<u8>)| opener.has_shared_epoch(&StreamId(*stream), start);
    Ok(parked.iter().filter(is_here).count() as u64)
}

/// How many events are parked for want of a key that is here, or was destroyed.
async fn whose_key_is_here(pool: &PgPool) -> Result<u64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM parked WHERE EXISTS (SELECT FROM data_keys
             WHERE data_keys.key_id = parked.key_id OR data_keys.subject = parked.subject)",
    )
    .fetch_one(pool)
    .await
    .map(from_sql)
}
