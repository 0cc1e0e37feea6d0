//! Whether the log has an erasure that the table `erasures` names. The row alone destroys nobody's key: the event is opened again.

use std::collections::HashSet;

use application::log::{AnyEvent, Position, StreamId};
use domain::erasure::ErasureEvent;
use domain::kernel::ErasureId;
use sqlx::{FromRow, PgPool};

use crate::keys::{KeyRingError, KeySet};
use crate::log::{AppendedEntry, JournaledEntry, Origin};
use crate::postgres;
use crate::sealing::{Opener, Opening};

/// A row of the table, with what the journal has at its position.
#[derive(FromRow)]
struct Row {
    position: i64,
    subject: String,
    key_ids: Vec<Vec<u8>>,
    /// The stream of the entry: of a record the chapter that was open.
    stream: Option<[u8; 32]>,
    version: Option<i64>,
    origin: Option<i64>,
    before: Option<[u8; 32]>,
    payload: Option<Vec<u8>>,
}

/// What the log says of an erasure.
enum Said {
    /// The same as the row.
    TheSame,
    /// Something else, or nothing.
    Otherwise,
    /// What this program cannot read now: a newer version wrote it, which destroys the keys; or the secret of its epoch is not here.
    Unreadable,
}

/// What the log says of some erasures.
#[derive(Default)]
pub(super) struct Looked {
    /// Where those are that the log has.
    pub(super) founded: HashSet<i64>,
    /// Where those are that it does not have.
    pub(super) unfounded: Vec<Position>,
}

/// Looks in the journal for the erasures at these positions.
pub(super) async fn look(pool: &PgPool, opener: &Opener, positions: &[i64]) -> Result<Looked, sqlx::Error> {
    let sql = "SELECT erasures.position, subject, key_ids, journal.stream, version, origin, before, payload
               FROM erasures LEFT JOIN journal
                 ON journal.position = erasures.position AND record_of(journal.stream) = erasures.stream AND void IS NULL
               WHERE erasures.position = ANY ($1) ORDER BY position";
    let rows: Vec<Row> = sqlx::query_as(sql).bind(positions).fetch_all(pool).await?;
    let journaled = rows.iter().filter_map(|row| journaled(row, 0)).collect::<Vec<_>>();
    // An erasure needs nobody's key, but maybe that of an epoch.
    match opener
        .keys_for(journaled.iter().map(|journaled| &journaled.entry))
        .await
    {
        Ok(_) => {}
        Err(KeyRingError::Database(error)) => return Err(error),
        Err(error) => {
            tracing::warn!(
                error = postgres::told(&error),
                "it cannot be seen now whether the log has an erasure"
            );
            return Ok(Looked::default());
        }
    }
    let mut looked = Looked::default();
    for row in &rows {
        match said(row, opener) {
            Said::TheSame => drop(looked.founded.insert(row.position)),
            Said::Otherwise => looked.unfounded.push(row.position.unsigned_abs()),
            Said::Unreadable => {}
        }
    }
    Ok(looked)
}

fn said(row: &Row, opener: &Opener) -> Said {
    let name = row.stream.and_then(|stream| opener.name(&StreamId(stream)));
    let Some((name, journaled)) = name.and_then(|name| Some((name, journaled(row, name.chapter)?))) else {
        return Said::Otherwise;
    };
    // What ends a subject's stream is under the namespace's key, so nobody's own key is needed.
    match opener.open_again(&journaled, name.aggregate, &KeySet::default()) {
        Opening::Opened { event, .. } if is_that(&event.event, row) => Said::TheSame,
        Opening::Newer { .. } | Opening::EpochMissing { .. } => Said::Unreadable,
        _ => Said::Otherwise,
    }
}

fn journaled(row: &Row, chapter: u16) -> Option<JournaledEntry> {
    let entry = AppendedEntry {
        stream: StreamId(row.stream?),
        version: row.version?.unsigned_abs(),
        position: row.position.unsigned_abs(),
        origin: Origin::from_sql(row.origin?),
        payload: row.payload.as_deref()?.into(),
        // Nothing is sealed for it.
        transaction: [0; 32],
    };
    Some(JournaledEntry {
        entry,
        before: row.before?,
        chapter,
    })
}

/// Whether an event is the erasure of this subject, with these keys.
fn is_that(event: &AnyEvent, row: &Row) -> bool {
    let AnyEvent::Erasure(ErasureId(subject), ErasureEvent::Erased { keys }) = event else {
        return false;
    };
    subject.to_string() == row.subject
        && keys
            .iter()
            .map(<[u8; 8]>::as_slice)
            .eq(row.key_ids.iter().map(Vec::as_slice))
}
