//! What is parked for want of a key is read as soon as the key is here: nobody has to say that keys were restored.

use std::time::Duration;

use application::ports::projector::Projector;
use sqlx::{PgConnection, PgPool};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::FollowerError;
use super::held::Held;
use super::numbers::from_sql;
use super::parking::Parking;
use crate::postgres::{ANSWER, within};

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
        if parking.status.get().keyless_events == 0 {
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
    if within(ANSWER, whose_key_is_here(&parking.pool)).await? > *in_vain {
        parking.retry().await?;
    } else {
        // Another server may have been faster.
        let held = within(ANSWER, Held::read(&parking.pool)).await?;
        parking.status.update(|status| held.show(status));
    }
    *in_vain = within(ANSWER, whose_key_is_here(&parking.pool)).await?;
    Ok(())
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
