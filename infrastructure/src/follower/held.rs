//! What is parked, and which streams that holds back. A record is held back as a whole: it goes by the stream of its first chapter.

use std::collections::HashSet;

use application::log::{Position, StreamId};
use sqlx::{PgConnection, PgPool};

use super::numbers::from_sql;
use super::status::FollowerStatus;
use super::window::Unread;
use crate::log::Need;

/// An entry that is parked, and why.
pub(super) struct Parked {
    pub(super) position: Position,
    /// The stream that it holds back; of a record the first chapter.
    pub(super) stream: StreamId,
    pub(super) reason: String,
    /// The key that it waits for, if that is the reason.
    pub(super) waits_for: Option<Need>,
}

/// Why an entry is parked whose key is not here. It waits for the key to be restored: a read model without what concerns the person
/// would be taken for the truth.
pub(super) const KEY_MISSING: &str = "the data subject's key is not here";

/// Why an entry is parked that may itself be fine.
pub(super) const BEHIND: &str = "an earlier event of its stream is parked";

/// Why an entry of a shared namespace is parked that may itself be fine, and with which its stream begins to be held back: there its commit counts as a whole.
pub(super) const WITH_ITS_COMMIT: &str = "an event of its commit is parked";

/// With what the reason begins why an entry of a shared namespace is parked whose epoch's secret is not here.
pub(super) const EPOCH_MISSING: &str = "the secret of epoch ";

/// Whether an entry is parked because it cannot be read itself, and no key that came would help.
fn is_unreadable(reason: &str) -> bool {
    ![KEY_MISSING, BEHIND, WITH_ITS_COMMIT].contains(&reason) && !reason.starts_with(EPOCH_MISSING)
}

/// The streams that are held back, and how many events of theirs are parked.
#[derive(Clone, Default)]
pub(super) struct Held {
    pub(super) streams: HashSet<StreamId>,
    pub(super) events: u64,
    /// How many of them are under keys of ours that are not here.
    pub(super) keyless: u64,
    /// How many of them cannot be read themselves, whichever keys are here.
    pub(super) unreadable: u64,
    /// What was parked and came to mean nothing, or not all that it says, when it was tried again.
    pub(super) released: Unread,
}

const RELEASED: &str = "SELECT count(*) FILTER (WHERE came_to = 'void'), count(*) FILTER (WHERE came_to = 'overruled'),
                               count(*) FILTER (WHERE came_to = 'unreadable') FROM released";

impl Held {
    /// Over a connection of its own.
    pub(super) async fn read(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Self::load(&mut *pool.acquire().await?).await
    }

    pub(super) async fn load(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let sql = "SELECT stream, reason, count(*) FROM parked GROUP BY stream, reason";
        let rows: Vec<([u8; 32], String, i64)> = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
        let mut held = Self::default();
        for (stream, reason, events) in rows {
            held.count(&reason, from_sql(events));
            held.streams.insert(StreamId(stream));
        }
        let (void, overruled, unreadable): (i64, i64, i64) =
            sqlx::query_as(RELEASED).fetch_one(&mut *connection).await?;
        held.released = Unread {
            foreign: 0,
            void: from_sql(void),
            unreadable: from_sql(unreadable),
            overruled: from_sql(overruled),
        };
        Ok(held)
    }

    fn count(&mut self, reason: &str, events: u64) {
        self.events = self.events.saturating_add(events);
        if reason == KEY_MISSING {
            self.keyless = self.keyless.saturating_add(events);
        }
        if is_unreadable(reason) {
            self.unreadable = self.unreadable.saturating_add(events);
        }
    }

    /// Counts what was parked in a block. Its streams are here already.
    pub(super) fn add(&mut self, parked: &[Parked]) {
        for parked in parked {
            self.count(&parked.reason, 1);
        }
    }

    pub(super) fn show(&self, status: &mut FollowerStatus) {
        status.held_streams = self.streams.len() as u64;
        status.parked_events = self.events;
        status.keyless_events = self.keyless;
        status.tell_unread(status.in_blocks, self.released);
        status.tell_keys();
        status.tell_parked(self.unreadable);
    }
}
