//! The read models as a port of the follower.

use std::future::Future;

use domain::kernel::DataSubject;

use crate::log::{BlockRef, LogEntry};

/// Turns a block's entries into rows, inside the follower's transaction.
pub trait Projector: Send + Sync + 'static {
    /// The database connection, in the middle of a transaction.
    type Connection: Send;

    /// What can go wrong: the database only, for folds are infallible.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The tables of the read models, for the follower to watch for undo. All stand in one schema.
    fn tables(&self) -> Vec<&'static str>;

    /// All the SQL that makes the tables, and a text that changes when the same entries give other rows: what was made by other SQL,
    /// or by other folds, is rebuilt.
    fn definition(&self) -> Vec<String>;

    /// Creates the tables, in the schema that comes first in the connection's search path, with what [`Self::fill`] needs.
    ///
    /// # Errors
    /// When the database refuses.
    fn create(&self, connection: &mut Self::Connection) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Erases from what was filled what concerns the data subjects whom the events have erased, derives the rows that follow from other
    /// rows, and creates the indexes that only queries and such rows need. A rebuild does so after it has filled the tables; before the
    /// first [`Self::apply`] it has to be done once. Again is harmless.
    ///
    /// # Errors
    /// When the database refuses.
    fn complete(
        &self,
        connection: &mut Self::Connection,
        erased: &[DataSubject],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Writes the rows that follow from entries alone, for tables that will be completed afterwards: what a rebuild does by the ten
    /// thousand entries.
    ///
    /// # Errors
    /// When the database refuses.
    fn fill(
        &self,
        connection: &mut Self::Connection,
        entries: &[LogEntry],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Applies the entries of one block, or of a run of whole blocks of which this is the last, in order. All or nothing: the
    /// transaction is the follower's. Of whom an event erases nothing is left in any row.
    ///
    /// # Errors
    /// When the database refuses; the follower rolls back and tries again.
    fn apply(
        &self,
        connection: &mut Self::Connection,
        block: &BlockRef,
        entries: &[LogEntry],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
