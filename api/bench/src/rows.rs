//! The rows of a schema, in memory as Postgres' COPY writes them, to be copied into bare tables.

use application::ports::projector::Projector;
use futures::TryStreamExt;
use projections::ReadModels;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{Executor, PgPool};

/// The journal's and the read models' rows.
pub(super) struct Rows {
    tables: Vec<(&'static str, Vec<Vec<u8>>)>,
    count: u64,
}

impl Rows {
    /// Reads them from the first schema of the pool's search path.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn read(pool: &PgPool) -> anyhow::Result<Self> {
        let (mut tables, mut count) = (Vec::new(), 0);
        for table in std::iter::once("journal").chain(ReadModels.tables()) {
            let copy = pool
                .copy_out_raw(&format!("COPY {table} TO STDOUT (FORMAT binary)"))
                .await?;
            let chunks = copy.map_ok(|chunk| chunk.to_vec());
            tables.push((table, chunks.try_collect().await?));
            let rows: i64 = sqlx::query_scalar(&format!("SELECT count(*) FROM {table}"))
                .fetch_one(pool)
                .await?;
            count += rows.unsigned_abs();
        }
        Ok(Self { tables, count })
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Copies them into tables without any index in the schema `raw_limit`.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn copy(&self, pool: &PgPool) -> anyhow::Result<()> {
        for (table, data) in &self.tables {
            pool.execute(format!("CREATE TABLE raw_limit.{table} (LIKE {table})").as_str())
                .await?;
            let mut copy = pool
                .copy_in_raw(&format!("COPY raw_limit.{table} FROM STDIN (FORMAT binary)"))
                .await?;
            for chunk in data {
                copy.send(chunk.as_slice()).await?;
            }
            copy.finish().await?;
        }
        Ok(())
    }
}
