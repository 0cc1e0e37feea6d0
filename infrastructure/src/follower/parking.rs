//! Another try at what is parked: after a newer program, or a key, has come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use application::log::{BlockRef, LogEntry, OpenedEvent, Position, StreamId};
use application::ports::projector::Projector;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::Mutex;

use super::authors::Authors;
use super::checkpoint;
use super::connection::KeptConnection;
use super::erasures::Erasures;
use super::held::Held;
use super::journaled::journaled;
use super::kind::Kind;
use super::numbers::{from_sql, to_sql};
use super::opening::Label;
use super::overruling::{InShared, SharedStates};
use super::status::StatusCell;
use super::{FollowerError, apply};
use crate::log::{AppendedEntry, JournaledEntry};
use crate::postgres::{TRANSACTION, within};
use crate::sealing::{CommitProof, Opener, Opening, PersonalPart, Place, Siblings, Void};

/// What another try came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retried {
    /// The positions of the events that were read now, and are in the read models.
    pub released: Vec<Position>,
    /// How many are still parked.
    pub parked: u64,
}

/// How long another try at a page of them may take.
const RETRIED_WITHIN: Duration = Duration::from_secs(60);

/// What is parked for one follower.
#[derive(Clone)]
pub struct Parking<P> {
    pub(super) pool: PgPool,
    pub(super) opener: Opener,
    pub(super) projector: P,
    pub(super) kind: Kind,
    pub(super) status: StatusCell,
    /// Held by whoever tries. Those who ask at once wait for each other here, and not for one row of the database, where a wait soon ends.
    pub(super) turn: Arc<Mutex<()>>,
}

impl<P> Parking<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Tries to read the parked events again, under whatever keys are here by now; each stream from its first one on, as far as it can be read. Page by page: what one
    /// page released is released, whatever becomes of the next. The follower may run meanwhile: what it parks behind another event at this very
    /// moment it opens once more.
    ///
    /// # Errors
    /// When the database or the key ring does not answer.
    pub async fn retry(&self) -> Result<Retried, FollowerError> {
        let _turn = self.turn.lock().await;
        self.opener.look_for_keys_again();
        let (mut released, mut after) = (Vec::new(), 0);
        // The streams whose event in front cannot be read, so that nothing behind it is looked at.
        let mut stuck: HashSet<StreamId> = HashSet::new();
        let mut kept = KeptConnection::beside(&self.pool);
        while let Some(page) = within(RETRIED_WITHIN, self.retry_page(&mut kept, after, &mut stuck)).await? {
            released.extend(page.released);
            after = page.last;
        }
        let held = within(TRANSACTION, Held::read(&self.pool)).await?;
        self.status.update(|status| held.show(status));
        let parked = held.events;
        if !released.is_empty() {
            tracing::info!(released = released.len(), parked, "parked events were tried again");
        }
        Ok(Retried { released, parked })
    }

    /// Tries the parked events of one page, after a position; `None` when there are none.
    async fn retry_page(
        &self,
        kept: &mut KeptConnection,
        after: Position,
        stuck: &mut HashSet<StreamId>,
    ) -> Result<Option<Page>, FollowerError> {
        let mut connection = kept.take().await?;
        let mut transaction = connection.begin().await?;
        let (number, hash, position) = checkpoint::lock(&mut transaction, &self.kind).await?;
        let entries = self.page(&mut transaction, after).await?;
        let Some(last) = entries.last().map(|last| last.entry.position) else {
            transaction.rollback().await?;
            kept.keep(connection);
            return Ok(None);
        };
        let mut keys = self.opener.keys_for(entries.iter().map(|parked| &parked.entry)).await?;
        Erasures::load(&mut *transaction).await?.destroy(&mut keys);
        let commits = Commits::of(&mut transaction, &entries, &self.opener).await?;
        let authors = Authors::load(&mut *transaction, &self.opener).await?;
        let shared = self.opener.shared_streams(entries.iter().map(|parked| &parked.entry));
        let mut shared = SharedStates::load(&mut transaction, &self.opener, &shared.collect(), position).await?;
        let mut released = Released::default();
        let mut readable: Vec<OpenedEvent> = Vec::new();
        for together in self.counting_together(&entries) {
            let named = together.into_iter().filter_map(|journaled| {
                let name = self.opener.name(&journaled.entry.stream)?;
                Some((
                    journaled,
                    name,
                    self.opener.record(&journaled.entry.stream, Some(&name)),
                ))
            });
            let named: Vec<_> = named.collect();
            let records = || named.iter().map(|(.., record)| *record);
            if records().any(|record| stuck.contains(&record)) {
                stuck.extend(records());
                continue;
            }
            let opened = named.iter().map(|(journaled, name, _)| {
                let entry = &journaled.entry;
                let (siblings, author) = (commits.siblings(entry), authors.of(entry));
                self.opener
                    .open_parked(journaled, name.aggregate, siblings, &keys, author)
            });
            let mut openings: Vec<Opening> = opened.collect();
            if openings.iter().any(|opening| Self::stays_parked(opening)) {
                stuck.extend(records());
                continue;
            }
            let in_shared = named.iter().zip(&mut openings);
            let in_shared = in_shared.filter(|((parked, ..), _)| self.opener.is_shared(&parked.entry.stream));
            let in_shared = in_shared.map(|((JournaledEntry { entry, .. }, ..), opening)| InShared { entry, opening });
            shared.judge_commit(in_shared.collect(), &HashSet::new());
            for ((JournaledEntry { entry, .. }, ..), opening) in named.iter().zip(openings) {
                match opening {
                    // Without its key nobody could tell.
                    Opening::Void(void) => {
                        tracing::warn!(position = entry.position, reason = %void, "a parked entry is void");
                        let came_to = if matches!(void, Void::Overruled(_)) {
                            "overruled"
                        } else {
                            "void"
                        };
                        released.add(entry.position, Label::of_void(void), Some(came_to));
                    }
                    Opening::Opened { event, personal } => {
                        let came_to = (personal == PersonalPart::Unreadable).then_some("unreadable");
                        released.add(entry.position, Label::of(&event).by(authors.of(entry)), came_to);
                        readable.push(event);
                    }
                    _ => released.add(entry.position, Label::default(), None),
                }
            }
        }
        if released.positions.is_empty() {
            transaction.rollback().await?;
            kept.keep(connection);
            return Ok(Some(Page {
                released: Vec::new(),
                last,
            }));
        }
        // In the log's order, for those of a commit that count together were taken together.
        readable.sort_by_key(|event| event.position);
        let readable: Vec<_> = readable.into_iter().map(LogEntry::Event).collect();

        // It happens now, on top of the newest block: when that block is undone, so is this.
        let block = BlockRef {
            number,
            hash,
            parent_hash: [0; 32],
            timestamp: 0,
        };
        if checkpoint::is_undoable(&mut transaction).await? {
            apply::set_undo_block(&mut transaction, &number.to_string()).await?;
        }
        apply::apply_entries(&mut transaction, &self.projector, &block, &readable).await?;
        released.write(&mut transaction).await?;
        transaction.commit().await?;
        kept.keep(connection);
        let mut released: Vec<Position> = released.positions.into_iter().map(from_sql).collect();
        released.sort_unstable();
        Ok(Some(Page { released, last }))
    }
}

impl<P> Parking<P> {
    /// The next page of parked events after a position. A commit that goes on behind it is left to the next page; one that is longer than a page is a page.
    async fn page(&self, connection: &mut PgConnection, after: Position) -> Result<Vec<JournaledEntry>, sqlx::Error> {
        let mut most = PAGE;
        loop {
            let mut entries = parked_entries(connection, after, most).await?;
            if entries.len() < most {
                return Ok(entries);
            }
            let mut commits = entries.chunk_by(are_of_one_commit);
            let last = commits.next_back().map_or(0, <[_]>::len);
            if last < entries.len() {
                entries.truncate(entries.len().saturating_sub(last));
                return Ok(entries);
            }
            most = most.saturating_mul(2);
        }
    }

    /// The entries, those together that count together or not at all: what a commit says in shared namespaces. Whatever stands between them is alone.
    fn counting_together<'a>(&self, entries: &'a [JournaledEntry]) -> Vec<Vec<&'a JournaledEntry>> {
        let mut all = Vec::new();
        for commit in entries.chunk_by(are_of_one_commit) {
            let (shared, own): (Vec<_>, Vec<_>) =
                commit.iter().partition(|one| self.opener.is_shared(&one.entry.stream));
            all.extend(own.into_iter().map(|one| vec![one]));
            all.extend(Some(shared).filter(|shared| !shared.is_empty()));
        }
        all
    }

    /// Whether an entry cannot be read yet.
    const fn stays_parked(opening: &Opening) -> bool {
        match opening {
            Opening::Undecodable(_)
            | Opening::Newer { .. }
            | Opening::EpochMissing { .. }
            | Opening::KeyMissing
            | Opening::Foreign
            | Opening::Public
            // It was published, or it would not be parked: whoever asks for another try may not have heard of it yet.
            | Opening::Void(Void::UnknownEpoch(_))
            | Opening::Opened {
                personal: PersonalPart::Missing,
                ..
            } => true,
            Opening::Opened { .. } | Opening::Void(_) | Opening::Sealed => false,
        }
    }
}

/// What a page of parked events came to.
struct Page {
    released: Vec<Position>,
    /// The last position that was looked at.
    last: Position,
}

/// The commits of entries that were parked before anybody could tell whether they are authentic, and whether their commit is whole.
struct Commits(HashMap<Position, CommitProof>);

impl Commits {
    async fn of(
        connection: &mut PgConnection,
        entries: &[JournaledEntry],
        opener: &Opener,
    ) -> Result<Self, sqlx::Error> {
        let mut commits = HashMap::new();
        for JournaledEntry { entry, .. } in entries {
            let first = first_of_commit(entry);
            if entry.origin.count > 1 && !commits.contains_key(&first) && opener.is_record(&entry.stream) {
                let last = first.saturating_add(entry.origin.count.into()).saturating_sub(1);
                let sql = "SELECT position, stream, version, transaction, origin, payload, before, 0 FROM journal
                           WHERE position BETWEEN $1 AND $2 ORDER BY position";
                let rows = sqlx::query(sql).bind(to_sql(first)).bind(to_sql(last));
                let rows = rows.fetch_all(&mut *connection).await?;
                let commit: Vec<JournaledEntry> = rows.iter().map(journaled).collect::<Result<_, _>>()?;
                let places = commit
                    .iter()
                    .map(|of| (Place::of(&of.entry, of.before), of.entry.payload.as_ref()));
                commits.insert(first, CommitProof::of(places));
            }
        }
        Ok(Self(commits))
    }

    /// What is known of the entries beside one.
    fn siblings(&self, entry: &AppendedEntry) -> Siblings<'_> {
        self.0
            .get(&first_of_commit(entry))
            .map_or(Siblings::Seen, Siblings::Proof)
    }
}

fn are_of_one_commit(one: &JournaledEntry, other: &JournaledEntry) -> bool {
    first_of_commit(&one.entry) == first_of_commit(&other.entry)
}

/// The position of the first entry of an entry's commit: they stand one after the other.
fn first_of_commit(entry: &AppendedEntry) -> Position {
    entry.position.saturating_sub(entry.origin.index.into())
}

/// How many parked events are tried in one transaction.
const PAGE: usize = 256;

/// What is parked no more: for each position what the journal says of it, and what it came to if that is not what it says.
#[derive(Default)]
struct Released {
    positions: Vec<i64>,
    labels: Vec<Label>,
    came_to: Vec<Option<&'static str>>,
}

impl Released {
    fn add(&mut self, position: Position, label: Label, came_to: Option<&'static str>) {
        self.positions.push(to_sql(position));
        self.labels.push(label);
        self.came_to.push(came_to);
    }

    /// These are parked no more, and the journal says of them what it says of others.
    async fn write(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM parked WHERE position = ANY ($1)")
            .bind(&self.positions)
            .execute(&mut *connection)
            .await?;
        sqlx::query("INSERT INTO released SELECT * FROM UNNEST($1::bigint[], $2::text[]) AS new (position, came_to) WHERE came_to IS NOT NULL")
            .bind(&self.positions)
            .bind(&self.came_to)
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "UPDATE journal SET aggregate_id = read.aggregate_id, command_id = read.command_id, claimed_at = read.claimed_at, void = read.void
             FROM UNNEST($1::bigint[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[])
                 AS read (position, aggregate_id, command_id, claimed_at, void)
             WHERE journal.position = read.position",
        )
        .bind(&self.positions)
        .bind(self.labels.iter().map(Label::aggregate_id).collect::<Vec<_>>())
        .bind(self.labels.iter().map(Label::command).collect::<Vec<_>>())
        .bind(self.labels.iter().map(|label| label.claimed_at).collect::<Vec<_>>())
        .bind(self.labels.iter().map(Label::void_reason).collect::<Vec<_>>())
        .execute(connection)
        .await
        .map(drop)
    }
}

/// The first parked events after a position.
async fn parked_entries(
    connection: &mut PgConnection,
    after: Position,
    most: usize,
) -> Result<Vec<JournaledEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT position, journal.stream, version, transaction, origin, payload, before,
                COALESCE((SELECT number FROM chapters WHERE chapters.stream = journal.stream), 0)
         FROM parked JOIN journal USING (position)
         WHERE position > $1 ORDER BY position LIMIT $2",
    )
    .bind(to_sql(after))
    .bind(to_sql(most as u64));
    rows.fetch_all(connection).await?.iter().map(journaled).collect()
}
