//! The journal as the write side reads it: one aggregate at a time, still sealed.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;

use application::log::{Position, StreamId};
use application::ports::registry::Trace;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use domain::kernel::{AggregateRef, CommandId, RefError};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgPool;

use crate::log::{AppendedEntry, JournaledEntry, Origin, StreamTip};
use crate::postgres::{ANSWER, Answering};
use crate::trace;

/// Why the journal has no answer.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Postgres does not answer.
    #[error("the journal cannot be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row is none that the follower writes.
    #[error("a row of the journal has no proper {0}")]
    Malformed(&'static str),
}

/// An aggregate, and the stream that it stands in, as the journal had them at one moment. A record is one stream here: it goes by its first chapter, and its
/// versions count over all of them ([`crate::log::in_record`]).
#[derive(Clone, PartialEq, Debug)]
pub struct Journaled {
    /// Where the stream ends: of a record the chapter that is open.
    pub tip: StreamTip,
    /// Whether anything in that chapter counts yet.
    pub has_begun: bool,
    /// The position of the stream's last event.
    pub position: Position,
    /// Whether an event of the stream is parked.
    pub is_held_back: bool,
    /// Whether the erasure of its data subject has ended the stream.
    pub has_ended: bool,
    /// The aggregate's events, still sealed, in order; none when only others stand in the stream.
    pub entries: Vec<JournaledEntry>,
    /// All aggregates of the stream. `None` when they were not asked for, for the aggregate is there, or are too many.
    pub members: Option<HashSet<AggregateRef>>,
}

/// What the follower has written of a stream.
pub trait Journal: Send + Sync + 'static {
    /// An aggregate and its stream, as they are at one moment; `None` when there is no such stream.
    ///
    /// # Errors
    /// [`JournalError`].
    fn read(
        &self,
        aggregate: &AggregateRef,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<Journaled>, JournalError>> + Send;

    /// Where streams end, in their order; of records, which go by their first chapter, where the open one does. A stream that does not exist ends at version 0.
    ///
    /// # Errors
    /// [`JournalError`].
    fn tips(&self, streams: &[StreamId]) -> impl Future<Output = Result<Vec<StreamTip>, JournalError>> + Send;

    /// Where a command has left a trace.
    ///
    /// # Errors
    /// [`JournalError`].
    fn trace(&self, command: CommandId) -> impl Future<Output = Result<Trace, JournalError>> + Send;

    /// Whether a command has events in the log. Then it has all of them: a commit opens whole or not at all.
    ///
    /// # Errors
    /// [`JournalError`].
    fn holds(&self, command: CommandId) -> impl Future<Output = Result<bool, JournalError>> + Send;

    /// The streams that began after a position, in the order in which they did, with the positions: some of them, and none
    /// only when there are no more.
    ///
    /// # Errors
    /// [`JournalError`].
    fn streams_after(
        &self,
        position: Position,
    ) -> impl Future<Output = Result<Vec<(Position, StreamId)>, JournalError>> + Send;
}

/// So many aggregates of a stream are told, and one more, which is too many.
const MOST_MEMBERS: usize = 4096;

/// How many streams are listed at once.
const PAGE: i64 = 20_000;

/// The view over the journal that has the shape postgres-es reads.
const JOURNAL_VIEW: &str = "journal_events";

/// There are no snapshots: streams are short, and the ones in use are in memory.
const NO_SNAPSHOTS: &str = "no_snapshots";

/// The journal in Postgres, read through postgres-es.
pub struct PostgresJournal {
    pool: Answering,
    repository: PostgresEventRepository,
}

impl PostgresJournal {
    /// Over a pool whose search path begins with the schema of the journal.
    pub fn new(pool: PgPool) -> Self {
        let repository = PostgresEventRepository::new(pool.clone()).with_tables(JOURNAL_VIEW, NO_SNAPSHOTS);
        Self {
            pool: Answering::new(pool),
            repository,
        }
    }
}

impl PostgresJournal {
    /// An aggregate's rows of the view. The last one has the head of its stream, of the same moment.
    async fn events(&self, aggregate: &str) -> Result<Vec<SerializedEvent>, JournalError> {
        let events = tokio::time::timeout(ANSWER, self.repository.get_events::<Entries>(aggregate)).await;
        events
            .map_err(|late| JournalError::Unavailable(late.into()))?
            .map_err(unavailable)
    }

    /// A stream's head, and its aggregates.
    async fn head(&self, stream: &StreamId) -> Result<(Option<Value>, Vec<String>), JournalError> {
        let sql = "SELECT stream_head($1), ARRAY(SELECT DISTINCT aggregate_id FROM journal \
                   WHERE stream IN (SELECT chapters_of($1)) AND aggregate_id IS NOT NULL LIMIT $2)";
        sqlx::query_as(sql)
            .bind(stream.0.as_slice())
            .bind(i64::try_from(MOST_MEMBERS).unwrap_or(i64::MAX).saturating_add(1))
            .fetch_one(&self.pool)
            .await
            .map_err(|error| JournalError::Unavailable(error.into()))
    }
}

impl std::fmt::Debug for PostgresJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresJournal")
    }
}

impl Journal for PostgresJournal {
    async fn read(&self, aggregate: &AggregateRef, stream: &StreamId) -> Result<Option<Journaled>, JournalError> {
        let name = aggregate.to_string();
        loop {
            let events = self.events(&name).await?;
            let entries: Result<_, _> = events.iter().map(|event| entry(stream, event)).collect();
            let entries: Vec<JournaledEntry> = entries?;
            if let Some(last) = events.last() {
                let head = last.metadata.get("head").cloned().unwrap_or_default();
                return journaled(head, entries, None).map(Some);
            }
            let (head, members) = self.head(stream).await?;
            let are_all = members.len() <= MOST_MEMBERS;
            // Where they are not all told, its first event may have come between the two questions.
            if are_all && !members.contains(&name) || !are_all && self.events(&name).await?.is_empty() {
                let members = are_all.then(|| members_of(&members)).transpose()?;
                return head.map(|head| journaled(head, entries, members)).transpose();
            }
        }
    }

    async fn tips(&self, streams: &[StreamId]) -> Result<Vec<StreamTip>, JournalError> {
        let sql = "SELECT tip.chapter, tip.version, tip.hash FROM unnest($1) WITH ORDINALITY AS asked (stream, place) \
                   CROSS JOIN LATERAL tip_of(asked.stream) AS tip ORDER BY asked.place";
        let streams: Vec<&[u8]> = streams.iter().map(|stream| stream.0.as_slice()).collect();
        let tips: Vec<(i32, Option<i64>, Option<[u8; 32]>)> = sqlx::query_as(sql)
            .bind(streams)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| JournalError::Unavailable(error.into()))?;
        let tip = |(chapter, version, hash): (i32, Option<i64>, Option<[u8; 32]>)| {
            let tip = StreamTip {
                version: version.unwrap_or_default().unsigned_abs(),
                hash: hash.unwrap_or_default(),
            };
            Ok(tip.in_record(u16::try_from(chapter).map_err(|_| JournalError::Malformed("chapter"))?))
        };
        tips.into_iter().map(tip).collect()
    }

    async fn trace(&self, command: CommandId) -> Result<Trace, JournalError> {
        trace::trace(&self.pool, command)
            .await
            .map_err(|error| JournalError::Unavailable(error.into()))
    }

    async fn holds(&self, command: CommandId) -> Result<bool, JournalError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM journal WHERE command_id = $1)")
            .bind(command.uuid())
            .fetch_one(&self.pool)
            .await
            .map_err(|error| JournalError::Unavailable(error.into()))
    }

    async fn streams_after(&self, position: Position) -> Result<Vec<(Position, StreamId)>, JournalError> {
        let rows: Vec<(i64, [u8; 32])> = sqlx::query_as(
            "SELECT position, stream FROM journal WHERE version = 1 AND position > $1 ORDER BY position LIMIT $2",
        )
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(PAGE)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| JournalError::Unavailable(error.into()))?;
        let row = |(position, stream): (i64, [u8; 32])| (position.unsigned_abs(), StreamId(stream));
        Ok(rows.into_iter().map(row).collect())
    }
}

/// What postgres-es is told to read: the entries of any aggregate, still sealed. Its name is the type that the view gives them all.
#[derive(Default, Serialize, Deserialize)]
struct Entries;

/// The events of [`Entries`], of which there are none: what is sealed is no event yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Sealed {}

impl DomainEvent for Sealed {
    fn event_type(&self) -> String {
        match *self {}
    }

    fn event_version(&self) -> String {
        match *self {}
    }
}

impl Aggregate for Entries {
    const TYPE: &'static str = "entries";
    type Command = Infallible;
    type Event = Sealed;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, command: Infallible, (): &(), _: &EventSink<Self>) -> Result<(), Infallible> {
        match command {}
    }

    fn apply(&mut self, event: Sealed) {
        match event {}
    }
}

fn unavailable(error: PersistenceError) -> JournalError {
    match error {
        PersistenceError::ConnectionError(cause) => JournalError::Unavailable(cause),
        other => JournalError::Unavailable(other.into()),
    }
}

/// Where a stream stands, as `stream_head` tells it.
#[derive(Deserialize)]
struct Head {
    chapter: u16,
    version: u64,
    /// In hexadecimal.
    hash: String,
    position: Position,
    has_begun: bool,
    is_held_back: bool,
    has_ended: bool,
}

/// Aggregates by their names.
fn members_of(names: &[String]) -> Result<HashSet<AggregateRef>, JournalError> {
    let members = names.iter().map(|name| name.parse());
    let members: Result<_, _> = members.collect();
    members.map_err(|_: RefError| JournalError::Malformed("aggregate"))
}

fn journaled(
    head: Value,
    entries: Vec<JournaledEntry>,
    members: Option<HashSet<AggregateRef>>,
) -> Result<Journaled, JournalError> {
    let head: Head = serde_json::from_value(head).map_err(|_| JournalError::Malformed("head"))?;
    let tip = StreamTip {
        version: head.version,
        hash: hash(&head.hash).ok_or(JournalError::Malformed("hash"))?,
    };
    Ok(Journaled {
        tip: tip.in_record(head.chapter),
        has_begun: head.has_begun,
        position: head.position,
        is_held_back: head.is_held_back,
        has_ended: head.has_ended,
        entries,
        members,
    })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok().map(|()| hash)
}

/// A row of the view: the payload in base64, where it stands in the metadata.
fn entry(stream: &StreamId, event: &SerializedEvent) -> Result<JournaledEntry, JournalError> {
    let position = event.metadata.get("position").and_then(Value::as_u64);
    let version = event.metadata.get("version").and_then(Value::as_u64);
    let origin = event.metadata.get("origin").and_then(Value::as_i64);
    let before = event.metadata.get("before").and_then(Value::as_str).and_then(hash);
    let payload = event.payload.as_str().and_then(|text| STANDARD.decode(text).ok());
    let chapter = event.metadata.get("chapter").filter(|chapter| !chapter.is_null());
    let chapter = chapter.map(|chapter| later_chapter(chapter).ok_or(JournalError::Malformed("chapter")));
    let (chapter, stream) = chapter.transpose()?.unwrap_or((0, *stream));
    let entry = AppendedEntry {
        stream,
        version: version.ok_or(JournalError::Malformed("version"))?,
        position: position.ok_or(JournalError::Malformed("position"))?,
        origin: Origin::from_sql(origin.ok_or(JournalError::Malformed("origin"))?),
        payload: payload.ok_or(JournalError::Malformed("payload"))?.into(),
        // The view does not say it, and no decision needs it.
        transaction: [0; 32],
    };
    Ok(JournaledEntry {
        entry,
        before: before.ok_or(JournalError::Malformed("hash"))?,
        chapter,
    })
}

/// A chapter behind the first: its number and its stream.
fn later_chapter(chapter: &Value) -> Option<(u16, StreamId)> {
    let number = chapter.get(0)?.as_u64()?.try_into().ok()?;
    let stream = hash(chapter.get(1)?.as_str()?)?;
    Some((number, StreamId(stream)))
}
