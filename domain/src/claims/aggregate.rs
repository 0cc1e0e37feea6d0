//! The state of a bucket of claims and its decisions.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::ClaimsCommand;
use super::error::ClaimsError;
use super::event::{Claim, ClaimsEvent, Name};
use crate::kernel::{ClaimsId, ClinicAggregate, Contradiction, DataSubject, Personal};

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
        match command {
            ClaimsCommand::Claim(claim) => match (self.whose(&claim.name), &claim.name) {
                (None, _) => Ok(vec![ClaimsEvent::Claimed {
                    claim: Personal::Known(claim),
                }]),
                (Some(owner), _) if owner == claim.subject => Ok(Vec::new()),
                (Some(_), Name::Wallet(_)) => Err(ClaimsError::Wallet),
                (Some(names), Name::OfPatient(_) | Name::OfPractitioner(_)) => Err(ClaimsError::Identifier { names }),
            },
            ClaimsCommand::Release(claim) if self.whose(&claim.name) == Some(claim.subject) => {
                Ok(vec![ClaimsEvent::Released {
                    claim: Personal::Known(claim),
                }])
            }
            ClaimsCommand::Release(_) => Ok(Vec::new()),
        }
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

    fn contradiction(&self, event: &ClaimsEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
