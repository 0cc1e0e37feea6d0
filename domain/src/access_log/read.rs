//! A read: who has seen what, when, and by which right.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, VariantNames};
use uuid::Uuid;

use crate::account::Role;
use crate::consent::Purpose;
use crate::kernel::time::whole_millis;
use crate::kernel::{AccountId, Category, EngagementId, PatientId, PractitionerId};
use crate::treatment::Act;

/// Who reads. The order is its encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reader {
    /// The patient.
    Patient,
    /// A practitioner.
    Practitioner(PractitionerId),
    /// A person of the staff.
    Staff {
        /// Their account.
        account: AccountId,
        /// Their role then.
        role: Role,
    },
    /// Another system.
    Service {
        /// Its account.
        account: AccountId,
        /// The key that it used.
        #[serde(with = "crate::kernel::compact_uuid")]
        key: Uuid,
        /// Its role then.
        role: Role,
    },
    /// Another system, for a person.
    ServiceFor {
        /// Its account.
        account: AccountId,
        /// The key that it used.
        #[serde(with = "crate::kernel::compact_uuid")]
        key: Uuid,
        /// Its role then.
        role: Role,
        /// The person.
        person: Named,
    },
}

impl Reader {
    /// By whose id the reader is found, of those who have read of this patient: the person's who was shown it, the practitioner's or the account's; or the system's, where it names nobody.
    pub fn answering(&self, patient: PatientId) -> Uuid {
        match self {
            Self::Patient => patient.uuid(),
            Self::Practitioner(id)
            | Self::ServiceFor {
                person: Named::Practitioner(id),
                ..
            } => id.uuid(),
            Self::Staff { account, .. }
            | Self::Service { account, .. }
            | Self::ServiceFor {
                person: Named::Staff(account),
                ..
            } => account.uuid(),
        }
    }
}

/// For whom a service asks. The order is its encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Named {
    /// A person of the staff, by their account.
    Staff(AccountId),
    /// A practitioner.
    Practitioner(PractitionerId),
}

/// What was shown. The order is its encoding: add only at the end.
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
pub enum Shown {
    /// Who they are.
    Patient,
    /// The same, in a list or among what was searched for.
    PatientInAList,
    /// The chart.
    Chart,
    /// Who treats them.
    Relationships,
    /// An appointment or a visit, or several.
    Appointments,
    /// What they grant to whom.
    Grants,
    /// Their account: as whom they sign in.
    Account,
    /// Whether they are treated here.
    Treatment,
    /// What other systems have told of the chart.
    Reports,
    /// In which emergencies the record was opened.
    Emergencies,
    /// All that is known of them, for themselves.
    Export,
    /// Who has read what is known of them, for an auditor.
    AccessLog,
}

/// By which right. The order is its encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// It is their own.
    Own,
    /// The role of the reader. Why they read nobody knows.
    Role,
    /// What the patient has granted.
    Grants(Purpose, Vec<Prepared>),
    /// That the patient is treated here.
    Treatment(Act),
    /// That the reader has opened the record in these emergencies; the rest of what they have read these grants allow.
    Emergencies(Vec<OpenedAs>, Vec<Prepared>),
    /// That the reader is engaged to examine who has read.
    Engagement(EngagementId),
}

/// The id of an emergency in a patient's record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenedAs(#[serde(with = "crate::kernel::compact_uuid")] pub Uuid);

/// The id under which a grant was prepared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prepared(#[serde(with = "crate::kernel::compact_uuid")] pub Uuid);

/// What reads have in common that differ in time alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Who.
    pub reader: Reader,
    /// What.
    pub shown: Shown,
    /// Of which categories, in order.
    pub categories: Vec<Category>,
    /// By which right.
    pub basis: Basis,
}

/// A read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Read {
    /// When: to the millisecond.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub at: DateTime<Utc>,
    /// Who, what, and by which right.
    pub reading: Reading,
}

impl Read {
    /// A read, at what the log keeps of this instant.
    pub fn new(at: DateTime<Utc>, reading: Reading) -> Self {
        let at = whole_millis(at);
        Self { at, reading }
    }
}

/// Reads by what they have in common: the times of each, in order. In which order what they have in common stands means nothing.
pub(super) fn gathered(reads: Vec<Read>) -> BTreeMap<Reading, Vec<DateTime<Utc>>> {
    let mut gathered: BTreeMap<Reading, Vec<DateTime<Utc>>> = BTreeMap::new();
    for Read { at, reading } in reads {
        gathered.entry(reading).or_default().push(whole_millis(at));
    }
    for times in gathered.values_mut() {
        times.sort_unstable();
    }
    gathered
}
