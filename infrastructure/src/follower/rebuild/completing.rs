//! What only reading needs comes once the tables are filled.

use application::ports::projector::Projector;
use sqlx::{Executor, PgConnection, Postgres, Transaction};

use super::{Rebuild, RebuildError};
use crate::follower::schema;

impl<P> Rebuild<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Completes the journal and, beside it, the read models, and counts their rows for the planner.
    pub(super) async fn complete(&self) -> Result<(), RebuildError> {
        let projector = &self.follower.projector;
        let journal = async {
            let mut transaction = self.begin_completing().await?;
            schema::complete_journal(&mut transaction).await?;
            count_rows(transaction, &["journal", "block_times"]).await
        };
        let read_models = async {
            let mut transaction = self.begin_completing().await?;
            schema::complete_read_models(&mut transaction, projector).await?;
            count_rows(transaction, &projector.tables()).await
        };
        futures::try_join!(journal, read_models).map(drop)
    }

    /// Rows are counted coarsely: enough to tell a small table from a large one, and a tenth of the work. Postgres counts again by
    /// itself, in time.
    async fn begin_completing(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let settings = "BEGIN; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL default_statistics_target = 10";
        self.follower.pool.begin_with(settings).await
    }
}

async fn count_rows(mut transaction: Transaction<'_, Postgres>, tables: &[&str]) -> Result<(), RebuildError> {
    transaction
        .execute(format!("ANALYZE {}", tables.join(", ")).as_str())
        .await?;
    Ok(transaction.commit().await?)
}
