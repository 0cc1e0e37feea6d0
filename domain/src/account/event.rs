//! What can happen to an account.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};
use uuid::Uuid;

use crate::kernel::{
    AccountId, PatientId, Personal, PersonalField, PersonalSlot, PersonalValue, PractitionerId, SubjectId, Wallet,
};

/// The roles of R6. What each may do is in the application's policy. The order is their encoding: add only at the end.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// A patient, for their own record.
    Patient,
    /// A practitioner, for their own calendar.
    Doctor,
    /// Who administers the hospital that runs this server, and its systems.
    Hospital,
    /// An insurer.
    Insurer,
    /// Attests doctors.
    Registrar,
    /// Replays and verifies the log.
    Auditor,
    /// Runs the server. Sees no health data.
    Administrator,
    /// Cares for the hospital's patients.
    Nurse,
    /// Receives the hospital's patients: books, and sees nothing clinical.
    Reception,
    /// Files results of the hospital's patients.
    Laboratory,
}

/// What a service's key may be used for, within the account's role. The order is their encoding: add only at the end.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, VariantArray, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Scope {
    /// Read.
    Read,
    /// Change.
    Write,
    /// Record history from another system.
    Import,
}

/// Who holds an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Holder {
    /// A patient: whose record it opens, under that patient's key.
    Patient(Personal<PatientId>),
    /// A practitioner.
    Practitioner {
        /// Whose calendar it opens.
        practitioner: PractitionerId,
    },
    /// A person of the staff: the data subject of this account.
    Staff {
        /// What they are called in lists, under their own key.
        name: Personal<String>,
        /// Any but patient and doctor.
        role: Role,
    },
    /// Another system.
    Service {
        /// What it is called in lists.
        name: String,
        /// Any but patient and doctor.
        role: Role,
    },
}

impl Holder {
    /// The role it gives.
    pub const fn role(&self) -> Role {
        match self {
            Self::Patient(_) => Role::Patient,
            Self::Practitioner { .. } => Role::Doctor,
            Self::Staff { role, .. } | Self::Service { role, .. } => *role,
        }
    }

    /// The patient whose record it opens. `None` for other holders, and when that is sealed.
    pub const fn patient(&self) -> Option<PatientId> {
        match self {
            Self::Patient(Personal::Known(patient)) => Some(*patient),
            _ => None,
        }
    }

    /// The practitioner whose calendar it opens. `None` for other holders.
    pub const fn practitioner(&self) -> Option<PractitionerId> {
        match self {
            Self::Practitioner { practitioner } => Some(*practitioner),
            _ => None,
        }
    }

    /// What an event of this holder's account says, under the holder's key. `None` when that key is not at hand.
    pub fn says<T>(&self, value: T) -> Option<Said<T>> {
        let subject = match self {
            Self::Patient(Personal::Sealed)
            | Self::Staff {
                name: Personal::Sealed, ..
            } => return None,
            Self::Patient(Personal::Known(patient)) => (*patient).into(),
            Self::Practitioner { practitioner } => (*practitioner).into(),
            Self::Staff { .. } | Self::Service { .. } => return Some(Said::OfHolder(Personal::Known(value))),
        };
        Some(Said::OfSubject(Personal::Known(OfSubject { subject, value })))
    }
}

impl PersonalField for Holder {
    fn slot(&mut self) -> Option<&mut dyn PersonalSlot> {
        match self {
            Self::Patient(patient) => patient.slot(),
            Self::Staff { name, .. } => name.slot(),
            Self::Practitioner { .. } | Self::Service { .. } => None,
        }
    }

    fn subject(&self, own: Option<SubjectId>) -> Option<SubjectId> {
        match self {
            Self::Patient(patient) => patient.subject(own),
            Self::Staff { name, .. } => name.subject(own),
            Self::Practitioner { .. } | Self::Service { .. } => None,
        }
    }
}

/// A value with the data subject whom it concerns, so that it says whose key seals it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfSubject<T> {
    /// The patient or practitioner.
    pub subject: SubjectId,
    /// The value.
    pub value: T,
}

impl<T: Serialize + DeserializeOwned> PersonalValue for OfSubject<T> {
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject)
    }
}

/// What an account's event says about its holder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Said<T> {
    /// About a patient or a practitioner: under their key.
    OfSubject(Personal<OfSubject<T>>),
    /// About the person of the staff whose account it is: under the account's key.
    OfHolder(Personal<T>),
}

impl<T> Said<T> {
    /// The value. `None` when it is sealed.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::OfSubject(Personal::Known(of)) => Some(&of.value),
            Self::OfHolder(Personal::Known(value)) => Some(value),
            Self::OfSubject(Personal::Sealed) | Self::OfHolder(Personal::Sealed) => None,
        }
    }

    /// The same about a part of the value.
    pub(super) fn map<U>(&self, part: impl FnOnce(&T) -> U) -> Said<U> {
        match self {
            Self::OfSubject(Personal::Known(of)) => Said::OfSubject(Personal::Known(OfSubject {
                subject: of.subject,
                value: part(&of.value),
            })),
            Self::OfSubject(Personal::Sealed) => Said::OfSubject(Personal::Sealed),
            Self::OfHolder(Personal::Known(value)) => Said::OfHolder(Personal::Known(part(value))),
            Self::OfHolder(Personal::Sealed) => Said::OfHolder(Personal::Sealed),
        }
    }
}

impl<T: PersonalValue> PersonalField for Said<T> {
    fn slot(&mut self) -> Option<&mut dyn PersonalSlot> {
        match self {
            Self::OfSubject(value) => value.slot(),
            Self::OfHolder(value) => value.slot(),
        }
    }

    fn subject(&self, own: Option<SubjectId>) -> Option<SubjectId> {
        match self {
            Self::OfSubject(value) => value.subject(own),
            Self::OfHolder(value) => value.subject(own),
        }
    }
}

/// A message that a wallet has signed, whole: anybody who may read it can check it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The message (EIP-4361).
    pub message: String,
    /// The signature (EIP-191) as it was given: 65 bytes, or 64 in the compact form of EIP-2098.
    pub signature: Vec<u8>,
}

/// What entitles a wallet to an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Title {
    /// Its owner has registered with it: the account is new.
    Registration,
    /// An invitation.
    Invitation {
        /// The account of who issued it.
        issuer: AccountId,
    },
    /// The wallet that the account had before has agreed.
    FormerWallet {
        /// By this.
        proof: Proof,
    },
    /// The operator's configuration names it: the first administrator.
    Configuration,
    /// Its owner has asked to be registered, and somebody has approved.
    Approval {
        /// The account of who did.
        issuer: AccountId,
    },
}

/// A wallet that has proved that it wants the account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Binding {
    /// The wallet.
    pub wallet: Wallet,
    /// Its own signature.
    pub proof: Proof,
    /// What entitles it.
    pub title: Title,
}

impl PersonalValue for Binding {}

/// SHA-256 of a service key. The key itself has 256 random bits and is kept nowhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct KeyHash(pub [u8; 32]);

/// An event in an account's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccountEvent {
    /// The account was opened.
    Opened {
        /// For whom.
        holder: Holder,
    },
    /// A service got a key.
    KeyIssued {
        /// The key's id.
        #[serde(with = "crate::kernel::compact_uuid")]
        key: Uuid,
        /// Its hash.
        hash: KeyHash,
        /// What it may be used for.
        scopes: Vec<Scope>,
        /// When it stops working, if ever.
        expires: Option<DateTime<Utc>>,
    },
    /// A key was revoked.
    KeyRevoked {
        /// The key's id.
        #[serde(with = "crate::kernel::compact_uuid")]
        key: Uuid,
    },
    /// The account was closed: nobody signs in with it any more.
    Closed,
    /// A wallet signs in with it from now on, and no other.
    WalletBound {
        /// Which, and what proves it.
        binding: Said<Binding>,
    },
    /// A registrar has taken the wallet away: nobody signs in with it until another is bound.
    WalletUnbound {
        /// Why, in the registrar's words.
        reason: Said<String>,
    },
}
