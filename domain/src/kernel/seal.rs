//! Under which keys an event is sealed.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

/// What a part of a person's record is about. Each category has a key of its own, so that it can be shared alone.
///
/// Its name stands in what patients sign, and never changes. The order is its encoding in events: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Display, EnumString, Serialize, Deserialize)]
#[strum(serialize_all = "lowercase")]
pub enum Category {
    /// Who somebody is.
    Identity,
    /// Allergies, conditions, immunisations: what anybody who treats must know.
    Summary,
    /// Medications.
    Medication,
    /// Encounters, procedures, plans.
    Care,
    /// Results.
    Results,
    /// Documents.
    Documents,
    /// Appointments.
    Appointments,
    /// Bills and claims.
    Billing,
    /// Who may read, and who has read.
    Access,
    /// What needs a grant of its own, whatever else it is.
    Sensitive,
}

impl Category {
    /// All of them, the more frequent ones in records first.
    pub const ALL: [Self; 10] = [
        Self::Care,
        Self::Summary,
        Self::Identity,
        Self::Medication,
        Self::Results,
        Self::Documents,
        Self::Appointments,
        Self::Billing,
        Self::Access,
        Self::Sensitive,
    ];

    /// The number from which its key is derived. It never changes.
    pub const fn code(self) -> u8 {
        match self {
            Self::Identity => 1,
            Self::Summary => 2,
            Self::Medication => 3,
            Self::Care => 4,
            Self::Results => 5,
            Self::Documents => 6,
            Self::Appointments => 7,
            Self::Billing => 8,
            Self::Access => 9,
            Self::Sensitive => 10,
        }
    }
}

/// Under which keys an event is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Seal {
    /// The namespace's: the organisation reads it.
    Namespace,
    /// The namespace's, and a section of its own under the person's.
    Beside(Category),
    /// The person's alone.
    Within(Category),
}

impl Seal {
    /// Which of the person's keys.
    pub const fn category(self) -> Option<Category> {
        match self {
            Self::Namespace => None,
            Self::Beside(category) | Self::Within(category) => Some(category),
        }
    }
}
