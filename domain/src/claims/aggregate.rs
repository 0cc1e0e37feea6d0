//! The state of a bucket of claims and its decisions.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::ClaimsCommand;
use super::error::ClaimsError;
use super::event::{Claim, ClaimsEvent, Name};
use crate::kernel::{ClaimsId, ClinicAggregate, DataSubject, Personal};

/// A bucket of claims. A snapshot of it holds nothing personal: it reads back empty.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    /// A bucket is copied with every decision, and may have thousands of names: they are shared.
    #[serde(skip)]
    held: HashMap<Arc<Name>, DataSubject>,
}

impl Claims {
    /// Whose a name is. `None` when it is nobody's, or whoever had it is erased.
    pub fn whose(&self, name: &Name) -> Option<DataSubject> {
        self.held.get(name).copied()
    }
}

impl ClinicAggregate for Claims {
    type Id = ClaimsId;
    type Command = ClaimsCommand;
    type Event = ClaimsEvent;
    type Error = ClaimsError;

    fn decide(&self, command: ClaimsCommand) -> Result<Vec<ClaimsEvent>, ClaimsError> {
        let (ClaimsCommand::Claim(claim) | ClaimsCommand::Release(claim)) = &command;
        let held_by = self.whose(&claim.name);
        if let Some(names) = held_by.filter(|owner| *owner != claim.subject) {
            return Err(match claim.name.clone() {
                Name::Wallet(_) => ClaimsError::Wallet,
                name @ (Name::OfPatient(_) | Name::OfPractitioner(_)) => ClaimsError::Identifier { name, names },
            });
        }
        Ok(match (command, held_by) {
            (ClaimsCommand::Claim(claim), None) => vec![ClaimsEvent::Claimed {
                claim: Personal::Known(claim),
            }],
            (ClaimsCommand::Release(claim), Some(_)) => vec![ClaimsEvent::Released {
                claim: Personal::Known(claim),
            }],
            (ClaimsCommand::Claim(_), Some(_)) | (ClaimsCommand::Release(_), None) => Vec::new(),
        })
    }

    /// What is sealed is of somebody who is erased: it says nothing any more.
    fn apply(&mut self, event: ClaimsEvent) {
        match event {
            ClaimsEvent::Claimed {
                claim: Personal::Known(Claim { name, subject }),
            } => {
                self.held.insert(Arc::new(name), subject);
            }
            ClaimsEvent::Released {
                claim: Personal::Known(Claim { name, subject }),
            } => {
                if self.whose(&name) == Some(subject) {
                    self.held.remove(&name);
                }
            }
            ClaimsEvent::Claimed {
                claim: Personal::Sealed,
            }
            | ClaimsEvent::Released {
                claim: Personal::Sealed,
            } => {}
        }
    }
}
