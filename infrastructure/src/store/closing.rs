//! Chapters of records are closed when they are full.
//!
//! It is done beside the commands, in a commit of its own: closing one chapter and opening the next in one commit would show everybody that they are
//! one record's. Whatever is decided meanwhile still goes into the open chapter; what comes behind the closing there the contract rejects, and it is
//! decided again in the next one.

use application::log::Actor;
use application::ports::command::{CommandContext, CommandExecutor as _};
use application::ports::transaction::Target;
use chrono::Utc;
use domain::chapters::{Chapters, ChaptersCommand};
use domain::kernel::ChaptersId;

use super::executor::Executor;
use super::full_chapter::Full;
use super::journal::Journal;
use crate::log::CommitLog;

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
