//! What can happen in a bucket of claims.

use serde::{Deserialize, Serialize};

use crate::kernel::{DataSubject, Identifier, Personal, PersonalValue, SubjectId, Wallet};

/// What names one living data subject. The order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Name {
    /// What another system calls a patient by.
    OfPatient(Identifier),
    /// What another system calls a practitioner by: the same person may be a patient, and be called so as well.
    OfPractitioner(Identifier),
    /// A wallet, which signs in to the account of one person.
    Wallet(Wallet),
}

/// Whose a name is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The name.
    pub name: Name,
    /// Whose.
    pub subject: DataSubject,
}

impl PersonalValue for Claim {
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject.id())
    }
}

/// An event in a bucket of claims. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClaimsEvent {
    /// A name is somebody's.
    Claimed {
        /// Which, and whose.
        claim: Personal<Claim>,
    },
    /// It is not any more.
    Released {
        /// Which, and whose it was.
        claim: Personal<Claim>,
    },
}
