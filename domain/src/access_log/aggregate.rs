//! The log of who has read, and the decision to add to it.

use serde::{Deserialize, Serialize};

use super::command::AccessLogCommand;
use super::error::AccessLogError;
use super::event::{AccessLogEvent, Reads};
use crate::kernel::{AccessLogId, ClinicAggregate, Contradiction, Personal};

/// The log of who has read. Nothing depends on what is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AccessLog {
    /// How often something was added.
    additions: u64,
}

impl ClinicAggregate for AccessLog {
    type Id = AccessLogId;
    type Command = AccessLogCommand;
    type Event = AccessLogEvent;
    type Error = AccessLogError;

    fn decide(&self, command: AccessLogCommand) -> Result<Vec<AccessLogEvent>, AccessLogError> {
        let AccessLogCommand::Log(reads) = command;
        match reads.len() {
            0 => Ok(Vec::new()),
            1..=Reads::MOST => Ok(vec![AccessLogEvent::ReadsLogged {
                reads: Personal::Known(Reads::from(reads)),
            }]),
            _ => Err(AccessLogError::TooMany),
        }
    }

    fn apply(&mut self, event: AccessLogEvent) {
        let AccessLogEvent::ReadsLogged { .. } = event;
        self.additions = self.additions.saturating_add(1);
    }

    fn contradiction(&self, event: &AccessLogEvent) -> Option<Contradiction> {
        Self::contradicted_by(event)
    }
}
