//! Who is erased, as the log says it: whose streams have ended, and under which keys nothing is read any more.

use std::collections::HashSet;
use std::sync::Arc;

use application::log::{AnyEvent, OpenedEvent, Position, StreamId};
use domain::erasure::ErasureEvent;
use domain::kernel::{DataSubject, ErasureId, SubjectId};
use sqlx::{PgConnection, PgExecutor, PgPool};

use super::numbers::to_sql;
use crate::keys::KeySet;
use crate::log::KeyId;

/// The erasures of the log so far. Clones are cheap: what is new since the last [`Self::settle`] is little.
#[derive(Clone, Default, Debug)]
pub(super) struct Erasures {
    settled: Arc<Names>,
    new: Names,
}

#[derive(Clone, Default, Debug)]
struct Names {
    streams: HashSet<StreamId>,
    keys: HashSet<KeyId>,
    subjects: HashSet<SubjectId>,
}

impl Names {
    fn add(&mut self, subject: &str, keys: &[Vec<u8>]) {
        let subject: Option<DataSubject> = subject.parse().ok();
        self.subjects.extend(subject.map(DataSubject::id));
        self.keys
            .extend(keys.iter().filter_map(|key| KeyId::try_from(key.as_slice()).ok()));
    }
}

impl Erasures {
    pub(super) async fn load(executor: impl PgExecutor<'_>) -> Result<Self, sqlx::Error> {
        let sql = "SELECT stream, subject, key_ids FROM erasures";
        let rows: Vec<([u8; 32], String, Vec<Vec<u8>>)> = sqlx::query_as(sql).fetch_all(executor).await?;
        let mut names = Names::default();
        for (stream, subject, keys) in rows {
            names.streams.insert(StreamId(stream));
            names.add(&subject, &keys);
        }
        Ok(Self {
            settled: Arc::new(names),
            new: Names::default(),
        })
    }

    /// Those to come as well, as far as the live schema has them: what will be erased in the end need never be written.
    pub(super) async fn with_those_of_live(mut self, pool: &PgPool) -> Result<Self, sqlx::Error> {
        let exists: bool = sqlx::query_scalar("SELECT to_regclass('live.erasures') IS NOT NULL")
            .fetch_one(pool)
            .await?;
        if exists {
            let sql = "SELECT subject, key_ids FROM live.erasures
                       WHERE position <= (SELECT final_position FROM live.checkpoint)";
            let rows: Vec<(String, Vec<Vec<u8>>)> = sqlx::query_as(sql).fetch_all(pool).await?;
            let settled = Arc::make_mut(&mut self.settled);
            rows.iter().for_each(|(subject, keys)| settled.add(subject, keys));
        }
        Ok(self)
    }

    /// Whether an erasure has ended the stream. A record goes by the stream of its first chapter.
    pub(super) fn has_ended(&self, stream: &StreamId) -> bool {
        self.settled.streams.contains(stream) || self.new.streams.contains(stream)
    }

    /// Takes erased subjects' keys out of a set, though they may be here still: what is said of somebody after their erasure is read by
    /// nobody, and nobody's rows depend on when the keys were destroyed.
    pub(super) fn destroy(&self, keys: &mut KeySet) {
        keys.destroy(
            |key| self.settled.keys.contains(key) || self.new.keys.contains(key),
            |subject| self.settled.subjects.contains(subject) || self.new.subjects.contains(subject),
        );
    }

    /// Those to come as well, of somebody whose history is read whole: what will be erased in the end is read by nobody.
    pub(super) fn foresee(&mut self, erased: &Erased) {
        self.new.keys.extend(&erased.keys);
        self.new.subjects.insert(erased.subject.id());
    }

    pub(super) fn add(&mut self, erased: &Erased) {
        self.new.streams.insert(erased.stream);
        self.new.keys.extend(&erased.keys);
        self.new.subjects.insert(erased.subject.id());
    }

    /// What is new is so for good.
    pub(super) fn settle(&mut self) {
        if !self.new.streams.is_empty() {
            let new = std::mem::take(&mut self.new);
            let settled = Arc::make_mut(&mut self.settled);
            settled.streams.extend(new.streams);
            settled.keys.extend(new.keys);
            settled.subjects.extend(new.subjects);
        }
    }
}

/// One erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Erased {
    pub(super) position: Position,
    /// The stream that has ended; of a record the first chapter.
    pub(super) stream: StreamId,
    pub(super) subject: DataSubject,
    pub(super) keys: Vec<KeyId>,
}

impl Erased {
    /// What an event says of it that stands in this stream, or in a chapter of the record that goes by it; `None` for any other event.
    pub(super) fn of(stream: StreamId, event: &OpenedEvent) -> Option<Self> {
        let AnyEvent::Erasure(ErasureId(subject), ErasureEvent::Erased { keys }) = &event.event else {
            return None;
        };
        Some(Self {
            position: event.position,
            stream,
            subject: *subject,
            keys: keys.clone(),
        })
    }
}

/// Writes erasures.
pub(super) async fn record<'a>(
    connection: &mut PgConnection,
    erased: impl Iterator<Item = &'a Erased>,
) -> Result<(), sqlx::Error> {
    for erased in erased {
        sqlx::query("INSERT INTO erasures (position, stream, subject, key_ids) VALUES ($1, $2, $3, $4)")
            .bind(to_sql(erased.position))
            .bind(erased.stream.0.as_slice())
            .bind(erased.subject.to_string())
            .bind(erased.keys.iter().map(<[u8; 8]>::as_slice).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
        tracing::warn!(position = erased.position, "a data subject is erased");
    }
    Ok(())
}

/// Everybody who is erased, as a schema's table has it.
pub(super) async fn subjects(executor: impl PgExecutor<'_>) -> Result<Vec<DataSubject>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar("SELECT subject FROM erasures ORDER BY position")
        .fetch_all(executor)
        .await?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}
