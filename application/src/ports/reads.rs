//! Reads on their way into the log, as a port: noted before their answers leave the server, and kept until the log has them for good.
//!
//! Notes are durable, sealed, and the same for all servers on one database. What was noted of a patient in a while is taken together, and put into the log by one command; whoever takes it on again,
//! on whichever server, issues the same command.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::access_log::Read;
use domain::kernel::{CommandId, PatientId};

use crate::log::Position;
use crate::ports::StoreError;

/// What was noted of a patient, and is put into the log together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notes {
    /// The command that does it.
    pub command_id: CommandId,
    /// Whose record was read.
    pub patient: PatientId,
    /// The reads.
    pub reads: Vec<Read>,
    /// When they were taken together.
    pub at: DateTime<Utc>,
    /// Whether somebody may have issued the command before.
    pub repeated: bool,
    /// Whether a backup has brought some of them: what was noted when it was taken may be in the log by now.
    pub restored: bool,
}

/// What waits for too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overdue {
    /// How many reads; of very many so many at least.
    pub reads: u64,
    /// When the first of them was noted.
    pub since: DateTime<Utc>,
}

/// Which notes are due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Those of patients of whom one has waited for long enough, and that nobody works at.
    Now,
    /// All of a patient.
    Of(PatientId),
}

/// Where reads are noted.
#[async_trait]
pub trait NotedReads: Send + Sync + 'static {
    /// Notes a read of what is known of each of these patients. It is durable when this returns.
    ///
    /// # Errors
    /// When that cannot be told: then nothing may be shown.
    async fn note(&self, patients: &[PatientId], read: &Read) -> Result<(), StoreError>;

    /// Takes on some of what is due, and what was taken before and has not come to the log for good. It is left to whoever took it on for some seconds.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn take_on(&self, due: Due) -> Result<Vec<Notes>, StoreError>;

    /// Forgets notes that the log has, once it has them for good: by their command, or, where others had put all of them into it before, up to this position.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn logged(&self, notes: CommandId, before: Option<Position>) -> Result<(), StoreError>;

    /// Forgets notes of a patient who is erased.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn forget(&self, patient: PatientId) -> Result<(), StoreError>;

    /// What was noted before an instant and the log does not have yet, if there is anything.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn overdue(&self, before: DateTime<Utc>) -> Result<Option<Overdue>, StoreError>;

    /// What was noted of a patient and the log does not have yet, the latest first; of more than this, the latest.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn waiting(&self, patient: PatientId, most: Option<u32>) -> Result<Vec<Read>, StoreError>;
}
