//! What can happen to an account.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{PatientId, Personal, PractitionerId, Wallet};

/// The roles of R6. What each may do is in the application's policy. The order is their encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A patient, for their own record.
    Patient,
    /// A practitioner, for their own calendar.
    Doctor,
    /// The staff and systems of the hospital that runs this server.
    Hospital,
    /// An insurer.
    Insurer,
    /// Attests doctors.
    Registrar,
    /// Replays and verifies the log.
    Auditor,
    /// Runs the server. Sees no health data.
    Administrator,
}

/// What a service's key may be used for, within the account's role. The order is their encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Read.
    Read,
    /// Change.
    Write,
    /// Record history from another system.
    Import,
}

/// A patient's login: under the patient's key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PatientLogin {
    /// The wallet.
    pub wallet: Wallet,
    /// Whose record it opens.
    pub patient: PatientId,
}

/// Who holds an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Holder {
    /// A patient.
    Patient(Personal<PatientLogin>),
    /// A practitioner.
    Practitioner {
        /// The wallet.
        wallet: Wallet,
        /// Whose calendar it opens.
        practitioner: PractitionerId,
    },
    /// A person of the staff.
    Staff {
        /// The wallet.
        wallet: Wallet,
        /// What they are called in lists.
        name: String,
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
    /// The wallet that signs in. `None` for a service, and for a patient whose login is sealed.
    pub const fn wallet(&self) -> Option<Wallet> {
        match self {
            Self::Patient(Personal::Known(login)) => Some(login.wallet),
            Self::Practitioner { wallet, .. } | Self::Staff { wallet, .. } => Some(*wallet),
            Self::Patient(Personal::Sealed) | Self::Service { .. } => None,
        }
    }

    /// The role it gives.
    pub const fn role(&self) -> Role {
        match self {
            Self::Patient(_) => Role::Patient,
            Self::Practitioner { .. } => Role::Doctor,
            Self::Staff { role, .. } | Self::Service { role, .. } => *role,
        }
    }

    /// The patient whose record it opens. `None` for other holders, and when the login is sealed.
    pub const fn patient(&self) -> Option<PatientId> {
        match self {
            Self::Patient(Personal::Known(login)) => Some(login.patient),
            _ => None,
        }
    }

    /// The practitioner whose calendar it opens. `None` for other holders.
    pub const fn practitioner(&self) -> Option<PractitionerId> {
        match self {
            Self::Practitioner { practitioner, .. } => Some(*practitioner),
            _ => None,
        }
    }
}

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
}
