//! Whether everything is there that the entries of the journal need to be opened.

use application::log::{Position, StreamId};
use sqlx::PgPool;

use super::authors::Authors;
use super::published::Published;
use super::tables;
use crate::keys::backup::{Backup, BackupError};
use crate::keys::keeping::{self, Findings};
use crate::keys::{KeyEncryptionKeys, MasterSecret};
use crate::log::{Namespace, Need, Origin};
use crate::sealing::{Author, Opener};

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
) -> Result<Findings, BackupError> {
    let published = Published::of_journal(pool).await?;
    let published = published.epochs(opener.location().namespace);
    let published: Vec<_> = published.map(|(_, commitment)| commitment).collect();
    let needs = Needs::load(pool, opener).await?;
    let need = |position, stream: &StreamId, origin, start: &[u8]| needs.of(position, stream, origin, start);
    keeping::check(pool, need, &published, master, encryption, backup).await
}

/// What the entries of one organisation need.
struct Needs {
    opener: Opener,
    authors: Authors,
}

impl Needs {
    /// By an opener, and by what the journal tells of who has written in shared namespaces.
    async fn load(pool: &PgPool, opener: Opener) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let authors = if tables::has_table(&mut connection, "journal").await? {
            Authors::load(&mut *connection, &opener).await?
        } else {
            Authors::at_first(&opener)
        };
        Ok(Self { opener, authors })
    }

    /// What an entry needs, read from the start of its payload.
    fn of(&self, position: Position, stream: &StreamId, origin: Origin, start: &[u8]) -> Need {
        let author = self.authors.of_writer(Namespace::of(stream), origin.writer, position);
        match (self.opener.need(stream, start), author) {
            (Need::Key(_) | Need::KeyOf(_) | Need::Nothing, Author::Another) => Need::Others,
            (need, _) => need,
        }
    }
}
