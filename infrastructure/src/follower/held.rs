//! What is parked, and which streams that holds back. A record is held back as a whole: it goes by the stream of its first chapter.

use std::collections::HashSet;

use application::log::{Position, StreamId};
use sqlx::PgExecutor;

use super::numbers::from_sql;
use super::status::FollowerStatus;
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

/// The streams that are held back, and how many events of theirs are parked.
#[derive(Clone, Default)]
pub(super) struct Held {
    pub(super) streams: HashSet<StreamId>,
    pub(super) events: u64,
    /// How many of them are under keys of ours that are not here.
    pub(super) keyless: u64,
}

impl Held {
    pub(super) async fn load(executor: impl PgExecutor<'_>) -> Result<Self, sqlx::Error> {
        let sql = "SELECT stream, count(*), count(*) FILTER (WHERE reason = $1) FROM parked GROUP BY stream";
        let rows: Vec<([u8; 32], i64, i64)> = sqlx::query_as(sql).bind(KEY_MISSING).fetch_all(executor).await?;
        let mut held = Self::default();
        for (stream, events, keyless) in rows {
            held.events = held.events.saturating_add(from_sql(events));
            held.keyless = held.keyless.saturating_add(from_sql(keyless));
            held.streams.insert(StreamId(stream));
        }
        Ok(held)
    }

    /// Counts what was parked in a block. Its streams are here already.
    pub(super) fn add(&mut self, parked: &[Parked]) {
        for parked in parked {
            self.events = self.events.saturating_add(1);
            self.keyless = self.keyless.saturating_add(u64::from(parked.reason == KEY_MISSING));
        }
    }

    pub(super) fn show(&self, status: &mut FollowerStatus) {
        status.held_streams = self.streams.len() as u64;
        status.parked_events = self.events;
        status.keyless_events = self.keyless;
        status.tell_keys();
    }
}
