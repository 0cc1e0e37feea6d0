//! Which chapters of patients' records are closed, as the log says it: what comes in one after the commit that closes it means nothing, nor does what comes
//! in one before the one before it is closed. A closing is under the namespace's key, so that this never depends on a key that can be destroyed.

use std::collections::HashMap;
use std::sync::Arc;

use application::log::{AnyEvent, OpenedEvent, Position, StreamId};
use domain::chapters::ChaptersEvent;
use sqlx::{PgConnection, PgExecutor};

use super::numbers::to_sql;
use crate::sealing::{Opener, StreamName, Void};

/// Which chapter is open, of each record that has more than one. Records go by their first chapter. Clones are cheap: what is new since the last
/// [`Self::settle`] is little.
#[derive(Clone, Default, Debug)]
pub(super) struct Chapters {
    settled: Arc<HashMap<StreamId, u16>>,
    new: HashMap<StreamId, u16>,
}

impl Chapters {
    pub(super) async fn load(executor: impl PgExecutor<'_>) -> Result<Self, sqlx::Error> {
        let sql = "SELECT record, max(number) FROM chapters GROUP BY record";
        let rows: Vec<([u8; 32], i32)> = sqlx::query_as(sql).fetch_all(executor).await?;
        let open = |(record, number): ([u8; 32], i32)| (StreamId(record), u16::try_from(number).unwrap_or(u16::MAX));
        Ok(Self {
            settled: Arc::new(rows.into_iter().map(open).collect()),
            new: HashMap::new(),
        })
    }

    /// Why an entry in a chapter of a record means nothing, whatever it is; `None` when that chapter is the open one.
    pub(super) fn void(&self, record: &StreamId, chapter: u16) -> Option<Void> {
        let open = self.new.get(record).or_else(|| self.settled.get(record));
        match chapter.cmp(open.unwrap_or(&0)) {
            std::cmp::Ordering::Less => Some(Void::AfterClosing),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Void::BeforeItsChapter),
        }
    }

    pub(super) fn add(&mut self, closed: &Closed) {
        self.new.insert(closed.record, closed.next);
    }

    /// What is new is so for good.
    pub(super) fn settle(&mut self) {
        if !self.new.is_empty() {
            Arc::make_mut(&mut self.settled).extend(std::mem::take(&mut self.new));
        }
    }
}

/// One closing: which chapter of which record is open from there on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Closed {
    /// The position of the closing.
    pub(super) position: Position,
    /// The first chapter of the record.
    pub(super) record: StreamId,
    /// The chapter that follows.
    pub(super) next: u16,
    /// Its stream.
    pub(super) next_stream: StreamId,
}

impl Closed {
    /// What an event of a record's chapter says of it; `None` for any other event. The last chapter that has a number is never closed.
    pub(super) fn of(record: StreamId, name: &StreamName, event: &OpenedEvent, opener: &Opener) -> Option<Self> {
        let AnyEvent::Chapters(_, ChaptersEvent::Closed) = &event.event else {
            return None;
        };
        let next = name.chapter.checked_add(1)?;
        Some(Self {
            position: event.position,
            record,
            next,
            next_stream: opener.chapter(name, next),
        })
    }
}

/// Writes closings.
pub(super) async fn record<'a>(
    connection: &mut PgConnection,
    closed: impl Iterator<Item = &'a Closed>,
) -> Result<(), sqlx::Error> {
    for closed in closed {
        sqlx::query("INSERT INTO chapters (stream, record, number, position) VALUES ($1, $2, $3, $4)")
            .bind(closed.next_stream.0.as_slice())
            .bind(closed.record.0.as_slice())
            .bind(i32::from(closed.next))
            .bind(to_sql(closed.position))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_record_one_chapter_is_open_and_what_stands_elsewhere_means_nothing() {
        let (record, other) = (StreamId([1; 32]), StreamId([2; 32]));
        let mut chapters = Chapters::default();
        assert_eq!(chapters.void(&record, 0), None);
        assert_eq!(chapters.void(&record, 1), Some(Void::BeforeItsChapter));
        for next in [1, 2] {
            chapters.add(&Closed {
                position: 7,
                record,
                next,
                next_stream: StreamId([3; 32]),
            });
            if next == 1 {
                chapters.settle();
            }
            assert_eq!(chapters.void(&record, next), None);
            assert_eq!(chapters.void(&record, next - 1), Some(Void::AfterClosing));
            assert_eq!(chapters.void(&record, next + 1), Some(Void::BeforeItsChapter));
            assert_eq!(chapters.void(&other, 0), None);
        }
    }
}
