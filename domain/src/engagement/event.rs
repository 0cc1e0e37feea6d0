//! What can happen to an engagement.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, VariantNames};

use crate::kernel::{AccountId, PatientId, Personal, PersonalField, PersonalSlot, PractitionerId, SubjectId};

/// Which accesses are examined. The order is its encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AuditScope {
    /// Those to all records.
    Everybody,
    /// Those to one patient's record; who that is stands under their key.
    Patient(Personal<PatientId>),
    /// Those by a practitioner, and by systems for them.
    Practitioner {
        /// Who.
        practitioner: PractitionerId,
    },
    /// Those by a person of the staff and by systems for them, or by a system for nobody.
    Account {
        /// Whose account it is.
        account: AccountId,
    },
}

impl PersonalField for AuditScope {
    fn slot(&mut self) -> Option<&mut dyn PersonalSlot> {
        match self {
            Self::Patient(patient) => patient.slot(),
            Self::Everybody | Self::Practitioner { .. } | Self::Account { .. } => None,
        }
    }

    fn subject(&self, own: Option<SubjectId>) -> Option<SubjectId> {
        match self {
            Self::Patient(patient) => patient.subject(own),
            Self::Everybody | Self::Practitioner { .. } | Self::Account { .. } => None,
        }
    }
}

/// Why accesses are examined. The order is its encoding: add only at the end.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Display,
    EnumIter,
    EnumString,
    VariantNames,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AuditReason {
    /// It is done regularly.
    Review,
    /// A patient has complained, or asks.
    Complaint,
    /// Somebody may have read what they should not.
    SuspectedBreach,
    /// An authority wants it.
    Authority,
}

/// What an auditor is engaged for. Times are to the millisecond.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// The auditor's account.
    pub auditor: AccountId,
    /// Accesses from this instant on are examined.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub from: DateTime<Utc>,
    /// Accesses before this instant are examined.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: AuditReason,
    /// What the case is called elsewhere: a number, and nobody's name.
    pub reference: Option<String>,
    /// When it began.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub at: DateTime<Utc>,
    /// It is open before this instant.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub ends: DateTime<Utc>,
}

impl Terms {
    /// For how long an engagement is open, in days.
    pub const DAYS: RangeInclusive<u16> = 1..=90;

    /// How long the time is that is examined, in days, at most.
    pub const MOST_DAYS: u16 = 366;
}

/// An event of an engagement. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EngagementEvent {
    /// An auditor is engaged.
    Begun {
        /// Which accesses they examine.
        scope: AuditScope,
        /// For what else.
        terms: Terms,
    },
    /// It was ended before its time.
    Ended {
        /// When: to the millisecond.
        #[serde(with = "crate::kernel::time::compact_millis")]
        at: DateTime<Utc>,
    },
}
