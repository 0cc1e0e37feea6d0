//! How many chapters of a record are closed, and the decision to close one.

use serde::{Deserialize, Serialize};

use super::command::ChaptersCommand;
use super::error::ChaptersError;
use super::event::ChaptersEvent;
use crate::kernel::{ChaptersId, ClinicAggregate, Contradiction};

/// The chapters of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Chapters {
    closed: u16,
}

impl Chapters {
    /// How many are closed. They are counted from 0, so this is the number of the one that is open.
    pub const fn closed(&self) -> u16 {
        self.closed
    }
}

impl ClinicAggregate for Chapters {
    type Id = ChaptersId;
    type Command = ChaptersCommand;
    type Event = ChaptersEvent;
    type Error = ChaptersError;

    fn decide(&self, command: ChaptersCommand) -> Result<Vec<ChaptersEvent>, ChaptersError> {
        let ChaptersCommand::Close { chapter } = command;
        if chapter < self.closed {
            return Ok(Vec::new());
        }
        if chapter > self.closed {
            return Err(ChaptersError::NotBegun);
        }
        if self.closed == u16::MAX {
            return Err(ChaptersError::Last);
        }
        Ok(vec![ChaptersEvent::Closed])
    }

    fn apply(&mut self, event: ChaptersEvent) {
        let ChaptersEvent::Closed = event;
        self.closed = self.closed.saturating_add(1);
    }

    fn contradiction(&self, event: &ChaptersEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
