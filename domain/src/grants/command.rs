//! What can be asked of what a patient grants.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::GrantsError;
use crate::consent::{Details, Grant, Granted, Grantee, GranteeTag, Purpose, SignerId};

/// A command to what a patient grants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GrantsCommand {
    /// Prepare a grant. Doing so again under the same id changes nothing.
    Prepare(Preparation),
}

/// What it takes to prepare a grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preparation {
    /// What names the grant.
    pub id: Uuid,
    /// As whom the registry knows the patient.
    pub patient: SignerId,
    /// What is to be granted.
    pub proposal: Proposal,
    /// What the grantee is called, for the reader alone.
    pub name: String,
    /// Until when the grant may be handed in, in seconds since 1970.
    pub deadline: u64,
    /// What keeps others from finding it out.
    pub salts: Salts,
    /// In which epochs it is.
    pub epochs: Epochs,
    /// When it is prepared.
    pub now: DateTime<Utc>,
}

/// What a patient would grant. Times are in seconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// To whom.
    pub grantee: Grantee,
    /// Of the record.
    pub categories: Vec<Granted>,
    /// If there are any, these documents alone.
    pub documents: Vec<Uuid>,
    /// Only what is of this second or later; 0 for no limit.
    pub from: u64,
    /// Only what is of before this second; 0 for no limit.
    pub until: u64,
    /// Why.
    pub purpose: Purpose,
    /// Whether the grantee may add to the record, too.
    pub may_write: bool,
    /// From when on it holds; 0 for at once.
    pub not_before: u64,
    /// When it ends; 0 for never.
    pub expiry: u64,
}

impl Proposal {
    /// Refuses what no patient prepares now.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), GrantsError> {
        self.check_at_any_time()?;
        let is_over = self.expiry != 0 && i64::try_from(self.expiry).is_ok_and(|expiry| expiry <= now.timestamp());
        if is_over { Err(GrantsError::Expired) } else { Ok(()) }
    }

    /// Refuses what no grant is, whenever it is prepared.
    pub(super) const fn check_at_any_time(&self) -> Result<(), GrantsError> {
        if self.categories.is_empty() {
            return Err(GrantsError::NoCategory);
        }
        if self.documents.len() > Details::MOST_DOCUMENTS {
            return Err(GrantsError::TooManyDocuments);
        }
        if self.until != 0 && self.until <= self.from {
            return Err(GrantsError::PeriodEmpty);
        }
        if self.expiry != 0 && self.expiry <= self.not_before {
            return Err(GrantsError::Expired);
        }
        Ok(())
    }
}

/// What a grant would have been proposed as.
impl From<&Grant> for Proposal {
    fn from(grant: &Grant) -> Self {
        let details = &grant.details;
        Self {
            grantee: details.grantee,
            categories: details.categories.clone(),
            documents: details.documents.clone(),
            from: details.from,
            until: details.until,
            purpose: details.purpose,
            may_write: details.may_write,
            not_before: grant.not_before,
            expiry: grant.expiry,
        }
    }
}

/// Random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Salts {
    /// For the grantee, if nothing was granted to them before.
    pub grantee: [u8; 32],
    /// For this grant.
    pub grant: [u8; 32],
}

/// How often all grants of the patient were revoked, and all of theirs to somebody, as the registry knows them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Epochs {
    /// Of the patient.
    pub patient: u64,
    /// Of grantees; those of the others are 0.
    pub grantees: BTreeMap<GranteeTag, u64>,
}
