//! Whether everything is there that the entries of the journal need to be opened.

use application::log::{Author, Position, StreamId};
use sqlx::PgPool;

use super::authors::Authors;
use super::published::Published;
use super::shared_namespaces::{self, SharedFindings};
use super::tables;
use crate::keys::backup::{Backup, BackupError};
use crate::keys::keeping::{self, Findings};
use crate::keys::{EpochNumber, KeyEncryptionKeys, MasterSecret};
use crate::log::{Namespace, Need, Origin};
use crate::sealing::Opener;

/// What a look at all keys has found.
#[derive(Debug)]
pub struct CheckedKeys {
    /// Of data subjects' keys and the organisation's own epochs.
    pub own: Findings,
    /// Of namespaces that are shared.
    pub shared: SharedFindings,
    /// Epochs of shared namespaces that the log has published and whose secrets are not configured, or are not those.
    pub missing_shared: Vec<(Namespace, EpochNumber)>,
}

impl CheckedKeys {
    /// Whether everything is as it should be.
    pub fn all_is_well(&self) -> bool {
        self.own.all_is_well() && self.shared.all_is_well() && self.missing_shared.is_empty()
    }
}

/// Looks at every key of the database, at what every entry of the journal needs, and at a backup. A database without a journal needs nothing.
///
/// # Errors
/// As [`keeping::check`].
pub async fn check_keys(
    pool: &PgPool,
    opener: Opener,
    master: &MasterSecret,
    encryption: &KeyEncryptionKeys,
    backup: Option<&Backup>,
) -> Result<CheckedKeys, BackupError> {
    let published = Published::of_journal(pool).await?;
    published.tell(&opener);
    let published = published.epochs(opener.location().namespace);
    let published: Vec<_> = published.map(|(_, commitment)| commitment).collect();
    let has_journal = tables::has_table(&mut *pool.acquire().await?, "journal").await?;
    let (authors, shared) = if has_journal {
        let authors = Authors::load(pool, &opener).await?;
        (authors, shared_namespaces::look(pool, &opener).await?)
    } else {
        (Authors::at_first(&opener), SharedFindings::default())
    };
    let missing_shared = opener.missing_shared_epochs();
    let needs = Needs { opener, authors };
    let need = |position, stream: &StreamId, origin, start: &[u8]| needs.of(position, stream, origin, start);
    Ok(CheckedKeys {
        own: keeping::check(pool, need, &published, master, encryption, backup).await?,
        shared,
        missing_shared,
    })
}

/// What the entries of one organisation need: by an opener, and by what the journal tells of who has written in shared namespaces.
struct Needs {
    opener: Opener,
    authors: Authors,
}

impl Needs {
    /// What an entry needs, read from the start of its payload.
    fn of(&self, position: Position, stream: &StreamId, origin: Origin, start: &[u8]) -> Need {
        let author = self.authors.of_writer(Namespace::of(stream), origin.writer, position);
        match (self.opener.need(stream, start), author) {
            (Need::Key(_) | Need::KeyOf(_) | Need::Nothing, Author::Another) => Need::Others,
            (need, _) => need,
        }
    }
}
