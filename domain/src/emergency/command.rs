//! What can be asked of an emergency.

use chrono::{DateTime, TimeDelta, Utc};

use crate::kernel::{AccountId, Category, PractitionerId};

/// A command to an emergency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmergencyCommand {
    /// A practitioner opens a record.
    Open(Opening),
    /// They say why it was right. Only who has opened it does, once; after the time for it, it is flagged, too.
    Justify {
        /// Who.
        practitioner: PractitionerId,
        /// The account of the system that asks for them, if one does.
        system: Option<AccountId>,
        /// What they say.
        text: String,
        /// When.
        now: DateTime<Utc>,
    },
    /// Nobody has justified it in time. What is justified, or flagged, stays as it is.
    Flag {
        /// When.
        now: DateTime<Utc>,
    },
}

/// What it takes to open a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opening {
    /// Who.
    pub practitioner: PractitionerId,
    /// The account of the system that asks for them, if one does.
    pub system: Option<AccountId>,
    /// How many they have opened of the record that are open.
    pub open: usize,
    /// Why.
    pub reason: String,
    /// What of the record. Who the patient is belongs to it, named or not.
    pub categories: Vec<Category>,
    /// For how long.
    pub minutes: u16,
    /// Within which time it is to be justified.
    pub to_justify: TimeDelta,
    /// When.
    pub now: DateTime<Utc>,
}
