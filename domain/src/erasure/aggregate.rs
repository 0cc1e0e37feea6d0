//! The state of a data subject's erasure and its decisions.

use serde::{Deserialize, Serialize};

use super::command::ErasureCommand;
use super::error::ErasureError;
use super::event::ErasureEvent;
use crate::kernel::{ClinicAggregate, Contradiction, ErasureId};

/// Whether a data subject is erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Erasure {
    is_erased: bool,
}

impl Erasure {
    /// Whether the subject is erased.
    pub const fn is_erased(&self) -> bool {
        self.is_erased
    }
}

impl ClinicAggregate for Erasure {
    type Id = ErasureId;
    type Command = ErasureCommand;
    type Event = ErasureEvent;
    type Error = ErasureError;

    fn decide(&self, command: ErasureCommand) -> Result<Vec<ErasureEvent>, ErasureError> {
        let ErasureCommand::Erase { keys } = command;
        if self.is_erased {
            return Ok(Vec::new());
        }
        if keys.is_empty() {
            return Err(ErasureError::NoKey);
        }
        Ok(vec![ErasureEvent::Erased { keys }])
    }

    fn apply(&mut self, event: ErasureEvent) {
        let ErasureEvent::Erased { .. } = event;
        self.is_erased = true;
    }

    fn contradiction(&self, event: &ErasureEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
