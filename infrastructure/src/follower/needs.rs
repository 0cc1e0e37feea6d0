//! What entries of the journal need to be opened, for whoever looks at all of them.

use application::log::{Position, StreamId};
use sqlx::PgPool;

use super::authors::Authors;
use crate::log::{Namespace, Need, Origin};
use crate::sealing::{Author, Opener};

/// What the entries of one organisation need.
#[derive(Clone, Debug)]
pub struct Needs {
    opener: Opener,
    authors: Authors,
}

impl Needs {
    /// By an opener, and by what the journal tells of who has written in shared namespaces.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn load(pool: &PgPool, opener: Opener) -> Result<Self, sqlx::Error> {
        let authors = Authors::load(pool, &opener).await?;
        Ok(Self { opener, authors })
    }

    /// What an entry needs, read from the start of its payload. What another organisation has written in a namespace that is shared needs no key of ours.
    pub fn of(&self, position: Position, stream: &StreamId, origin: Origin, start: &[u8]) -> Need {
        let author = self.authors.of_writer(Namespace::of(stream), origin.writer, position);
        match (self.opener.need(stream, start), author) {
            (Need::Key(_) | Need::KeyOf(_) | Need::Nothing, Author::Another) => Need::Foreign,
            (need, _) => need,
        }
    }
}
