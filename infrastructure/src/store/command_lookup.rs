//! Finds out what became of a command that was, or may have been, accepted before: by this process or by another.

use std::time::Duration;

use application::log::Finality;
use application::ports::command::Receipt;
use application::ports::registry::Trace;
use domain::kernel::{AggregateRef, CommandId};
use tokio::time::{Instant, sleep};

use super::core::Core;
use super::failure::Failure;
use super::journal::Journal;
use crate::log::CommitLog;

/// How often to look for a command that is on its way.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What became of a command that may have been accepted before.
pub(super) enum Earlier {
    /// Its commit is final.
    Appended(Receipt),
    /// Its commit was accepted, and the contract refuses it for good.
    Refused,
    /// There is no such commit: none was ever accepted, or the contract has rejected it.
    Nothing,
}

impl<L: CommitLog, J: Journal> Core<L, J> {
    /// What became of a command's commit, once that is final. While it is on its way it is waited for, however long that takes:
    /// it is durable, and whoever is interested is told that it is accepted.
    ///
    /// The version is that of `aggregate`, which the command was first about, right after the commit.
    ///
    /// # Errors
    /// When the database does not answer for a while. What became of the command is not known then.
    pub(super) async fn earlier(&self, aggregate: AggregateRef, command_id: CommandId) -> Result<Earlier, Failure> {
        let stream = self.names.seal(&aggregate);
        let mut answered_at = Instant::now();
        let mut told = false;
        loop {
            let since = self.heard.moment();
            let found = async {
                Ok(match self.reader.trace(command_id).await? {
                    Trace::Journaled { position } => {
                        let stood = self.reader.stood_at(aggregate, &stream, position).await?;
                        Ok(Some((position, stood)))
                    }
                    Trace::Outbox => Ok(None),
                    Trace::Refused | Trace::RefusedByTheRegistry(_) => Err(Earlier::Refused),
                    Trace::None => Err(Earlier::Nothing),
                })
            };
            match found.await {
                Ok(Err(ended)) => return Ok(ended),
                Ok(Ok(place)) => {
                    answered_at = Instant::now();
                    if !std::mem::replace(&mut told, true) {
                        self.hand_over.tell_accepted(command_id);
                    }
                    if let Some((position, stood)) = place
                        && self.heard.until_final(position, since).await
                    {
                        return Ok(Earlier::Appended(Receipt {
                            command_id,
                            version: stood.version,
                            began: stood.began_with == Some(command_id),
                            position: Some(position),
                            finality: Finality::Final,
                        }));
                    }
                }
                Err(failure) if answered_at.elapsed() >= self.options.catch_up => return Err(failure),
                Err(_) => {}
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
