//! The journal as auditors see it: where its entries stand and what they are, never what they say.

use std::sync::Arc;

use application::log::{Finality, Position, StreamId};
use application::ports::StoreError;
use application::ports::entries::{EntryFilter, EntryKind, EntryView, LogEntries, VoidReason};
use application::ports::queries::Page;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::Wallet;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};

use super::believed::Believed;
use super::numbers::{from_sql, to_sql};
use super::writers::ADMITTED;
use crate::chain::Recorder;
use crate::log::{Namespace, Origin};
use crate::postgres::Answering;
use crate::sealing::Void;

/// [`LogEntries`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresEntries {
    pool: Answering,
    recorders: Arc<[Recorder]>,
}

impl PostgresEntries {
    /// Over a pool whose search path has the journal. What these contracts recorded is believed.
    pub fn new(pool: PgPool, recorders: &[Recorder]) -> Self {
        Self {
            pool: Answering::new(pool),
            recorders: recorders.into(),
        }
    }
}

#[async_trait]
impl LogEntries for PostgresEntries {
    async fn entries(&self, filter: &EntryFilter, page: Page<Position>) -> Result<Vec<EntryView>, StoreError> {
        let mut query = QueryBuilder::new("WITH page AS MATERIALIZED (");
        push_page(&mut query, filter, page);
        query.push(")");
        push_rest(&mut query);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await.map_err(refused)?;
        let believed = Believed::load(&self.pool, &self.recorders).await.map_err(refused)?;
        rows.into_iter().map(|row| row.view(&believed)).collect()
    }
}

fn refused(error: sqlx::Error) -> StoreError {
    StoreError(Box::new(error))
}

/// The entries of the page, as the journal has them.
fn push_page(query: &mut QueryBuilder<'_, Postgres>, filter: &EntryFilter, page: Page<Position>) {
    query.push(
        "SELECT position, stream, version, block_number, transaction, origin, aggregate_id IS NOT NULL AS is_ours, claimed_at, void
         FROM journal WHERE position > ",
    );
    query.push_bind(to_sql(page.after.unwrap_or_default()));
    if let Some(from) = filter.from {
        query.push(" AND position >= ").push_bind(to_sql(from));
    }
    if let Some(to) = filter.to {
        query.push(" AND position <= ").push_bind(to_sql(to));
    }
    if let Some(since) = filter.since {
        query.push(" AND position > ");
        push_last_before(query, since);
    }
    if let Some(until) = filter.until {
        query.push(" AND position <= ");
        push_last_before(query, until);
    }
    if let Some(void) = filter.void {
        query.push(if void {
            " AND void IS NOT NULL"
        } else {
            " AND void IS NULL"
        });
    }
    // In a stream versions go as positions do, and by them it is found.
    let order = match filter.stream {
        Some(stream) => {
            query.push(" AND stream = ").push_bind(stream.0.to_vec());
            "version"
        }
        None => "position",
    };
    query.push(" ORDER BY ").push(order).push(" LIMIT ");
    query.push_bind(i64::from(page.limit));
}

/// The last position in the blocks that were made before an instant. A block is never older than the one before it.
fn push_last_before(query: &mut QueryBuilder<'_, Postgres>, instant: DateTime<Utc>) {
    query.push("COALESCE((SELECT position FROM block_times WHERE time < ");
    query.push_bind(instant);
    query.push(" ORDER BY time DESC, position DESC LIMIT 1), 0)");
}

/// What else is said of the entries of the page. Who writes in a namespace under which number stands in the log, on a stream of namespace 0 that
/// ends in the namespace's number.
fn push_rest(query: &mut QueryBuilder<'_, Postgres>) {
    query.push(
        ", wrote AS (SELECT DISTINCT substring(stream FROM 1 FOR 4) AS namespace, substring(int8send(origin) FROM 5) AS writer FROM page),
         writers AS (SELECT namespace, writer, substring(payload FROM 6) AS account FROM wrote
                     JOIN journal ON journal.stream = decode(repeat('00', 28), 'hex') || namespace
                                 AND substring(payload FROM 1 FOR 5) = ",
    );
    query.push_bind(vec![ADMITTED]).push(
        " || writer)
         SELECT page.*, block_times.time AS block_time, page.position <= final_position AS is_final, account,
                EXISTS (SELECT FROM parked WHERE parked.position = page.position) AS is_parked,
                EXISTS (SELECT FROM erasures WHERE erasures.stream = record_of(page.stream)) AS has_ended
         FROM page CROSS JOIN checkpoint
         JOIN block_times ON block_times.block = page.block_number
         LEFT JOIN writers ON writers.namespace = substring(page.stream FROM 1 FOR 4)
                          AND writers.writer = substring(int8send(page.origin) FROM 5)
         ORDER BY page.position",
    );
}

#[derive(FromRow)]
struct Row {
    position: i64,
    stream: [u8; 32],
    version: i64,
    block_number: i64,
    transaction: [u8; 32],
    origin: i64,
    is_ours: bool,
    claimed_at: Option<DateTime<Utc>>,
    void: Option<String>,
    block_time: DateTime<Utc>,
    is_final: bool,
    account: Option<[u8; 20]>,
    is_parked: bool,
    has_ended: bool,
}

impl Row {
    fn view(self, believed: &Believed) -> Result<EntryView, StoreError> {
        let (stream, origin) = (StreamId(self.stream), Origin::from_sql(self.origin));
        let void = self.void.as_deref().map(void_reason).transpose()?;
        let kind = match () {
            () if void.is_some() => EntryKind::Void,
            () if Namespace::of(&stream) == Namespace::ADMINISTRATION => EntryKind::Administrative,
            () if self.is_parked => EntryKind::Parked,
            () if self.is_ours => EntryKind::Sealed,
            () if self.has_ended => EntryKind::Erased,
            () if believed.recorder_behind(&stream, origin).is_some() => EntryKind::Recorded,
            () => EntryKind::Foreign,
        };
        Ok(EntryView {
            position: from_sql(self.position),
            stream,
            version: from_sql(self.version),
            block: from_sql(self.block_number),
            block_time: self.block_time,
            transaction: self.transaction,
            finality: if self.is_final {
                Finality::Final
            } else {
                Finality::Included
            },
            writer: self.account.map(Wallet),
            index: origin.index,
            count: origin.count,
            kind,
            void,
            claimed_at: self.claimed_at,
        })
    }
}

/// The journal says something else than this program writes.
#[derive(Debug, thiserror::Error)]
#[error("the journal has a reason for a void entry that is not known here: {0}")]
struct UnknownReason(String);

/// What the words of everything begin with that is overruled.
const OVERRULED: &str = "it is overruled: ";

/// Why an entry is void, from the words of the journal, which are those of [`Void`].
fn void_reason(words: &str) -> Result<VoidReason, StoreError> {
    if words.starts_with(OVERRULED) {
        return Ok(VoidReason::Overruled);
    }
    let number = words.split(' ').find_map(|word| word.parse().ok()).unwrap_or_default();
    let all = [
        Void::UnknownFormat(u8::try_from(number).unwrap_or_default()),
        Void::UnknownEpoch(number),
        Void::Malformed,
        Void::NotAuthentic,
        Void::OtherKey,
        Void::CommitNotWhole,
        Void::AfterErasure,
        Void::AfterClosing,
        Void::BeforeItsChapter,
    ];
    let found = all.into_iter().find(|void| void.to_string() == words);
    let unknown = || StoreError(Box::new(UnknownReason(words.to_owned())));
    found.map(reason).ok_or_else(unknown)
}

const fn reason(void: Void) -> VoidReason {
    match void {
        Void::UnknownFormat(_) => VoidReason::UnknownFormat,
        Void::UnknownEpoch(_) => VoidReason::UnknownEpoch,
        Void::Malformed => VoidReason::Malformed,
        Void::NotAuthentic => VoidReason::NotAuthentic,
        Void::OtherKey => VoidReason::OtherKey,
        Void::CommitNotWhole => VoidReason::CommitNotWhole,
        Void::AfterErasure => VoidReason::AfterErasure,
        Void::AfterClosing => VoidReason::AfterClosing,
        Void::BeforeItsChapter => VoidReason::BeforeItsChapter,
        Void::Overruled(_) => VoidReason::Overruled,
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::Contradiction;

    use super::*;
    use crate::sealing::Overruled;

    #[test]
    fn the_words_of_every_reason_are_understood() {
        for void in [
            Void::UnknownFormat(0),
            Void::UnknownFormat(255),
            Void::UnknownEpoch(0),
            Void::UnknownEpoch(u64::MAX),
            Void::Malformed,
            Void::NotAuthentic,
            Void::OtherKey,
            Void::CommitNotWhole,
            Void::AfterErasure,
            Void::AfterClosing,
            Void::BeforeItsChapter,
            Void::Overruled(Overruled::Undecodable),
            Void::Overruled(Overruled::UnknownSchema(7)),
            Void::Overruled(Overruled::Contradiction(Contradiction::SlotTaken)),
        ] {
            assert_eq!(void_reason(&void.to_string()).unwrap(), reason(void), "{void}");
        }
        for words in ["", "payload format 256 is not used here", "it is somebody's"] {
            assert!(void_reason(words).is_err(), "{words}");
        }
    }
}
