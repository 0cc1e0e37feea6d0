//! Where streams ended before the entries at hand: every entry was sealed behind a certain payload.

use std::collections::HashMap;

use application::log::StreamId;
use sqlx::PgPool;

use super::FollowerError;
use super::numbers::to_sql;
use super::trust::CheckedBlock;
use super::window::AppliedBlock;
use crate::chain::Hash;
use crate::log::StreamTip;
use crate::postgres::{ANSWER, LONG_STEP, within};

/// How many streams are remembered: some 5 MiB.
const MOST_REMEMBERED: usize = 50_000;

/// Where streams end. A stream that is not here is taken for new.
#[derive(Clone, Default, Debug)]
pub(super) struct Tips(HashMap<StreamId, StreamTip>);

impl Tips {
    /// Those of all streams of the journal, of which no index need exist.
    pub(super) async fn all(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let sql = "SELECT DISTINCT ON (stream) stream, version, hash FROM journal ORDER BY stream, version DESC";
        let rows: Vec<Row> = within(LONG_STEP, sqlx::query_as(sql).fetch_all(pool)).await?;
        Ok(Self(rows.into_iter().map(tip).collect()))
    }

    /// The hash of what a stream ends with; zeros when it is new.
    pub(super) fn of_stream(&self, stream: &StreamId) -> Hash {
        self.0.get(stream).map_or_else(Hash::default, |tip| tip.hash)
    }

    /// A stream ends elsewhere now.
    pub(super) fn set(&mut self, stream: StreamId, tip: StreamTip) {
        self.0.insert(stream, tip);
    }
}

type Row = (Hash, i64, Hash);

fn tip((stream, version, hash): Row) -> (StreamId, StreamTip) {
    let version = version.unsigned_abs();
    (StreamId(stream), StreamTip { version, hash })
}

/// What was last known of streams, so that the journal need not be asked for those that are in use.
#[derive(Default, Debug)]
pub(super) struct LatelyUsed {
    tips: Tips,
    /// The block after which it was so.
    after: Option<(u64, Hash)>,
}

impl LatelyUsed {
    /// The tips that the entries of blocks stand behind. The blocks come right after the block `last`.
    ///
    /// # Errors
    /// [`FollowerError::Moved`] when the journal does not have that block any more: another follower has undone it.
    pub(super) async fn behind(
        &self,
        pool: &PgPool,
        last: &AppliedBlock,
        blocks: &[CheckedBlock],
    ) -> Result<Tips, FollowerError> {
        let mut tips = Tips::default();
        let mut unknown: HashMap<StreamId, u64> = HashMap::new();
        for entry in blocks.iter().flat_map(|block| &block.log.appended) {
            if tips.0.contains_key(&entry.stream) || unknown.contains_key(&entry.stream) {
                continue;
            }
            let before = entry.version.saturating_sub(1);
            let known = self.tips.0.get(&entry.stream).filter(|tip| tip.version == before);
            match known.filter(|_| self.after == Some((last.number, last.hash))) {
                _ if before == 0 => tips.set(entry.stream, StreamTip::default()),
                Some(known) => tips.set(entry.stream, *known),
                None => {
                    unknown.insert(entry.stream, before);
                }
            }
        }
        tips.0.extend(read(pool, last, &unknown).await?);
        Ok(tips)
    }

    /// These are the tips after a block, as far as they have changed.
    pub(super) fn remember(&mut self, last: &AppliedBlock, blocks_came_after: &AppliedBlock, tips: Tips) {
        let is_next = self.after == Some((blocks_came_after.number, blocks_came_after.hash));
        if !is_next || self.tips.0.len() > MOST_REMEMBERED {
            self.tips = Tips::default();
        }
        self.tips.0.extend(tips.0);
        self.after = Some((last.number, last.hash));
    }
}

/// Where streams stood at these versions, by a journal that has the block `last`.
async fn read(
    pool: &PgPool,
    last: &AppliedBlock,
    versions: &HashMap<StreamId, u64>,
) -> Result<Vec<(StreamId, StreamTip)>, FollowerError> {
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    let streams: Vec<&[u8]> = versions.keys().map(|stream| stream.0.as_slice()).collect();
    // In one statement, so that the rows are of a journal that has the block; and one look into an index for each.
    let sql =
        "SELECT last.stream, last.version, found.hash FROM UNNEST($1::bytea[], $2::bigint[]) AS last (stream, version)
               CROSS JOIN LATERAL (SELECT hash FROM journal
                   WHERE journal.stream = last.stream AND journal.version = last.version OFFSET 0) AS found
               WHERE EXISTS (SELECT FROM blocks WHERE number = $3 AND hash = $4)";
    let asked = sqlx::query_as(sql)
        .bind(streams)
        .bind(versions.values().copied().map(to_sql).collect::<Vec<_>>())
        .bind(to_sql(last.number))
        .bind(last.hash.as_slice())
        .fetch_all(pool);
    let rows: Vec<Row> = within(ANSWER, asked).await?;
    let is_whole = rows.len() == versions.len();
    is_whole
        .then(|| rows.into_iter().map(tip).collect())
        .ok_or(FollowerError::Moved)
}
