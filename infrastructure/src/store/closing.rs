//! Chapters of records are closed when they are long.
//!
//! It is done beside the commands, in a commit of its own: closing one chapter and opening the next in one commit would show everybody that they are
//! one record's. Whatever is decided meanwhile still goes into the open chapter; what comes behind the closing there the contract rejects, and it is
//! decided again in the next one.

use application::log::{Actor, StreamId};
use application::ports::command::{CommandContext, CommandExecutor as _};
use application::ports::transaction::Target;
use chrono::Utc;
use domain::chapters::{Chapters, ChaptersCommand};
use domain::kernel::{ChaptersId, CommandId, PatientId};
use uuid::Uuid;

use super::executor::Executor;
use super::journal::Journal;
use crate::log::{CommitLog, in_chapter};

/// A chapter that is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full {
    /// The record, by its first chapter.
    pub(super) record: StreamId,
    pub(super) patient: PatientId,
    pub(super) chapter: u16,
}

impl Full {
    /// The chapter in which a record ends at this version, if it has as many entries as a chapter should have.
    pub(super) fn of(record: StreamId, patient: PatientId, version: u64, chapter_entries: u64) -> Option<Self> {
        let (chapter, entries) = in_chapter(version);
        let is_full = entries >= chapter_entries && chapter < u16::MAX;
        is_full.then_some(Self {
            record,
            patient,
            chapter,
        })
    }

    /// The command that closes it: the same on every server, so that one closing is enough.
    fn command(&self) -> CommandId {
        let name = format!("close chapter {}", self.chapter);
        CommandId::new(Uuid::new_v5(&self.patient.uuid(), name.as_bytes()))
    }
}

impl<L: CommitLog, J: Journal> Executor<L, J> {
    /// Has chapters closed, without waiting for it. One that is being closed already is left alone.
    pub(super) fn close(&self, full: Vec<Full>) {
        for full in full {
            if self.core().closing.insert(full.record) {
                let executor = self.clone();
                tokio::spawn(async move {
                    executor.close_one(&full).await;
                    executor.core().closing.remove(&full.record);
                });
            }
        }
    }

    /// What keeps it from being closed now does not matter: the next command on the record tries again.
    async fn close_one(&self, full: &Full) {
        let context = CommandContext {
            command_id: full.command(),
            at: Utc::now(),
            actor: Actor::System,
            correlation: None,
            cause: None,
            repeated: false,
        };
        let target = Target::of(ChaptersId(full.patient));
        let close = ChaptersCommand::Close { chapter: full.chapter };
        match self.execute::<Chapters>(target, close, &context).await {
            Ok(_) => tracing::info!(chapter = full.chapter, "a chapter of a record is closed"),
            Err(error) => tracing::debug!(%error, chapter = full.chapter, "a chapter of a record is not closed yet"),
        }
    }
}
