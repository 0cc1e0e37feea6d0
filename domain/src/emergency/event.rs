//! What can happen to an emergency.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::{AccountId, Category, Personal, PersonalValue, PractitionerId};

/// That a record was opened. Times are to the millisecond.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// By whom.
    pub practitioner: PractitionerId,
    /// The account of the system that has asked for them; `None` when they have signed in themselves.
    pub system: Option<AccountId>,
    /// Why.
    pub reason: String,
    /// What of it, in order: who the patient is, and more.
    pub categories: Vec<Category>,
    /// When.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub at: DateTime<Utc>,
    /// It is open before this instant.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub until: DateTime<Utc>,
    /// It is to be justified before this instant.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub justify_by: DateTime<Utc>,
}

impl PersonalValue for Opened {}

impl Opened {
    /// In how many emergencies at once a practitioner has one patient's record open, at most.
    pub const MOST: usize = 16;

    /// For how long a record is opened, in minutes.
    pub const MINUTES: RangeInclusive<u16> = 5..=240;

    /// What of a record can be opened. What a patient sets apart as sensitive needs a grant of its own; bills and who may read help nobody in an emergency.
    pub const CATEGORIES: [Category; 7] = [
        Category::Identity,
        Category::Summary,
        Category::Medication,
        Category::Care,
        Category::Results,
        Category::Documents,
        Category::Appointments,
    ];
}

/// Why it was right to open a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Justification {
    /// What the practitioner says.
    pub text: String,
    /// The account of the system that says it for them; `None` when they have signed in themselves.
    pub system: Option<AccountId>,
    /// When: to the millisecond.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub at: DateTime<Utc>,
}

impl PersonalValue for Justification {}

/// That nobody has said so in time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flag {
    /// When it was seen: to the millisecond.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub at: DateTime<Utc>,
}

impl PersonalValue for Flag {}

/// An event of an emergency. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EmergencyEvent {
    /// A practitioner has opened the record.
    Opened {
        /// Who, why, what and for how long.
        opened: Personal<Opened>,
    },
    /// They have justified it.
    Justified {
        /// What they say, and when.
        justification: Personal<Justification>,
    },
    /// It was not justified in time.
    Flagged {
        /// When that was seen.
        flag: Personal<Flag>,
    },
}
