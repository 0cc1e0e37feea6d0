//! What can happen to an encounter.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, VariantNames};
use uuid::Uuid;

use super::names::EncounterNames;
use crate::kernel::{Concept, Personal, PersonalValue, PractitionerId, Slot};

/// Who provided an encounter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Provider {
    /// A practitioner.
    Practitioner(PractitionerId),
    /// An organisation: the source names no practitioner. The id is derived from the organisation's identifier.
    Organization(#[serde(with = "crate::kernel::compact_uuid")] Uuid),
}

impl Provider {
    /// The id of whoever it is.
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::Practitioner(id) => id.uuid(),
            Self::Organization(id) => id,
        }
    }

    /// The practitioner, if it is one.
    pub const fn practitioner(self) -> Option<PractitionerId> {
        match self {
            Self::Practitioner(id) => Some(id),
            Self::Organization(_) => None,
        }
    }
}

/// How an encounter ended, as its source tells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// It took place.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// The source leaves it open.
    Open,
    /// There never was such an encounter: the source has taken it back, or deleted it.
    EnteredInError,
}

/// An encounter of the past, as its source tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "Kept", try_from = "Kept")]
pub struct Filed {
    /// Who provided it.
    pub provider: Provider,
    /// When it was.
    pub slot: Slot,
    /// The day on which it began, in the provider's time zone.
    pub day: NaiveDate,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, if known.
    pub reason: Option<Concept>,
    /// As of when the source tells this, if it says. Kept to the millisecond.
    pub as_of: Option<DateTime<Utc>>,
    /// What names it beside its id.
    pub names: EncounterNames,
}

impl PersonalValue for Filed {}

/// A [`Filed`] as the log keeps it: the day is how many days it is after the start's in UTC, which is one byte.
#[derive(Serialize, Deserialize)]
struct Kept {
    provider: Provider,
    slot: Slot,
    days: i64,
    outcome: Outcome,
    reason: Option<Concept>,
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    as_of: Option<DateTime<Utc>>,
    names: EncounterNames,
}

impl From<Filed> for Kept {
    fn from(filed: Filed) -> Self {
        let days = filed.day.signed_duration_since(filed.slot.start.date_naive());
        Self {
            provider: filed.provider,
            slot: filed.slot,
            days: days.num_days(),
            outcome: filed.outcome,
            reason: filed.reason,
            as_of: filed.as_of,
            names: filed.names,
        }
    }
}

impl TryFrom<Kept> for Filed {
    type Error = &'static str;

    fn try_from(kept: Kept) -> Result<Self, Self::Error> {
        let day = chrono::TimeDelta::try_days(kept.days)
            .and_then(|days| kept.slot.start.date_naive().checked_add_signed(days))
            .ok_or("an encounter's day is outside the calendar")?;
        Ok(Self {
            provider: kept.provider,
            slot: kept.slot,
            day,
            outcome: kept.outcome,
            reason: kept.reason,
            as_of: kept.as_of,
            names: kept.names,
        })
    }
}

/// How an encounter that its source left open ended, as it is said here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ending {
    /// It took place.
    Completed,
    /// The patient did not come.
    NoShow,
    /// It was called off.
    Cancelled {
        /// Why, if given.
        reason: Option<String>,
    },
}

/// That an encounter ended, as it is said here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conclusion {
    /// How.
    pub ending: Ending,
    /// As of when it is said: an older state of its source does not undo it. Kept to the millisecond.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub as_of: DateTime<Utc>,
}

impl PersonalValue for Conclusion {}

/// Where an encounter stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Display)]
#[strum(serialize_all = "kebab-case")]
pub enum EncounterStatus {
    /// Nobody has said how it ended.
    Open,
    /// It took place.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// There never was such an encounter.
    EnteredInError,
}

impl From<Outcome> for EncounterStatus {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Open => Self::Open,
            Outcome::EnteredInError => Self::EnteredInError,
        }
    }
}

impl From<&Ending> for EncounterStatus {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Completed => Self::Completed,
            Ending::NoShow => Self::NoShow,
            Ending::Cancelled { .. } => Self::Cancelled,
        }
    }
}

/// An event of an encounter. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EncounterEvent {
    /// It was filed as its source tells it. Told again, it is this from then on.
    Filed {
        /// All of it.
        encounter: Personal<Filed>,
    },
    /// Further names of it were told.
    Named {
        /// All that name it, beside its id.
        names: Personal<EncounterNames>,
    },
    /// It was concluded here.
    Concluded {
        /// How, and as of when.
        conclusion: Personal<Conclusion>,
    },
}
