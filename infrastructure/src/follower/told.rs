//! What the log has told so far that decides what later entries come to.

use sqlx::PgConnection;

use super::authors::Authors;
use super::believed::Believed;
use super::chapters::Chapters;
use super::erasures::Erasures;
use super::held::Held;
use super::published::Published;
use crate::chain::Recorder;
use crate::sealing::Opener;

/// What the log has told so far.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// What is parked: a record or stream whose event cannot be read joins those that are held back.
    pub(super) held: Held,
    /// Who is erased.
    pub(super) erasures: Erasures,
    /// Whose plain entries are believed.
    pub(super) believed: Believed,
    /// Who has written in shared namespaces.
    pub(super) authors: Authors,
    /// Which chapters of records are closed.
    pub(super) chapters: Chapters,
    /// In which formats and epochs entries may be written.
    pub(super) published: Published,
}

impl Told {
    /// As the schema has it that comes first in the search path.
    pub(super) async fn load(
        connection: &mut PgConnection,
        recorders: &[Recorder],
        opener: &Opener,
    ) -> Result<Self, sqlx::Error> {
        Ok(Self {
            held: Held::load(&mut *connection).await?,
            erasures: Erasures::load(&mut *connection).await?,
            believed: Believed::load(&mut *connection, recorders).await?,
            authors: Authors::load(&mut *connection, opener).await?,
            chapters: Chapters::load(&mut *connection).await?,
            published: Published::load(connection).await?,
        })
    }

    /// What is new is so for good.
    pub(super) fn settle(&mut self) {
        self.erasures.settle();
        self.chapters.settle();
    }
}
