//! What a patient has prepared to grant, and the decision to prepare more.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::{GrantsCommand, Preparation};
use super::error::GrantsError;
use super::event::GrantsEvent;
use crate::consent::{Details, Grant, Grantee, SignerId};
use crate::kernel::{ClinicAggregate, Contradiction, GrantsId, Personal};

/// What a patient has prepared to grant, as far as decisions depend on it. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    prepared: BTreeSet<Uuid>,
    /// What hides each grantee, who are the same in all grants of the patient.
    #[serde(skip)]
    salts: BTreeMap<(SignerId, Grantee), [u8; 32]>,
    /// Those that can be read.
    #[serde(skip)]
    read: BTreeSet<Uuid>,
}

impl Grants {
    /// How many grants a patient prepares at most.
    pub const MOST: usize = 10_000;

    /// Whether a grant was prepared under this id.
    pub fn has(&self, id: Uuid) -> bool {
        self.prepared.contains(&id)
    }

    fn prepare(&self, preparation: Preparation) -> Result<Grant, GrantsError> {
        if self.read.len() != self.prepared.len() {
            return Err(GrantsError::Sealed);
        }
        if self.prepared.len() >= Self::MOST {
            return Err(GrantsError::Full);
        }
        let Preparation {
            patient,
            proposal,
            name,
            deadline,
            salts,
            epochs,
            now,
            ..
        } = preparation;
        proposal.check(now)?;
        let categories: BTreeSet<_> = proposal.categories.into_iter().collect();
        let documents: BTreeSet<_> = proposal.documents.into_iter().collect();
        let known = self.salts.get(&(patient, proposal.grantee));
        let details = Details {
            name,
            grantee: proposal.grantee,
            categories: categories.into_iter().collect(),
            documents: documents.into_iter().collect(),
            from: proposal.from,
            until: proposal.until,
            purpose: proposal.purpose,
            may_write: proposal.may_write,
            grantee_salt: known.copied().unwrap_or(salts.grantee),
            salt: salts.grant,
        };
        let grantee_epoch = epochs.grantees.get(&details.grantee_tag()).copied().unwrap_or_default();
        Ok(Grant {
            patient,
            details,
            not_before: proposal.not_before,
            expiry: proposal.expiry,
            epoch: epochs.patient,
            grantee_epoch,
            deadline,
        })
    }
}

impl ClinicAggregate for Grants {
    type Id = GrantsId;
    type Command = GrantsCommand;
    type Event = GrantsEvent;
    type Error = GrantsError;

    fn decide(&self, command: GrantsCommand) -> Result<Vec<GrantsEvent>, GrantsError> {
        let GrantsCommand::Prepare(preparation) = command;
        let id = preparation.id;
        if self.has(id) {
            return Ok(Vec::new());
        }
        let grant = self.prepare(preparation)?;
        Ok(vec![GrantsEvent::Prepared {
            id,
            grant: Personal::Known(grant),
        }])
    }

    fn apply(&mut self, event: GrantsEvent) {
        let GrantsEvent::Prepared { id, grant } = event;
        self.prepared.insert(id);
        if let Personal::Known(grant) = grant {
            self.read.insert(id);
            let whose = (grant.patient, grant.details.grantee);
            self.salts.entry(whose).or_insert(grant.details.grantee_salt);
        }
    }

    fn contradiction(&self, event: &GrantsEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}

impl Grants {
    /// What hides a grantee in the patient's grants.
    pub(super) fn salt_of(&self, grant: &Grant) -> Option<&[u8; 32]> {
        self.salts.get(&(grant.patient, grant.details.grantee))
    }
}
