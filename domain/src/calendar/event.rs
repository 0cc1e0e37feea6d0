//! What can happen on a practitioner's day.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{AppointmentId, CalendarId, Concept, PatientId, Personal, PersonalValue};

/// A stretch of time: from `start`, for whole minutes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// The first instant, on a whole second.
    #[serde(with = "crate::kernel::time::compact_seconds")]
    pub start: DateTime<Utc>,
    /// Length in minutes, at least 1.
    pub minutes: u32,
}

impl Slot {
    /// The first instant after the slot. Saturates at the end of the calendar.
    pub fn end(&self) -> DateTime<Utc> {
        self.start
            .checked_add_signed(chrono::Duration::minutes(i64::from(self.minutes)))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The slot as the log keeps it: a fraction of a second in its start is dropped.
    pub fn on_whole_seconds(self) -> Self {
        Self {
            start: whole_seconds(self.start),
            ..self
        }
    }

    /// Whether two slots share an instant. Slots that only touch do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }
}

/// A stretch of the day in which slots of equal length are offered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The first instant, on a whole second.
    #[serde(with = "crate::kernel::time::compact_seconds")]
    pub start: DateTime<Utc>,
    /// The first instant after it.
    #[serde(with = "crate::kernel::time::compact_seconds")]
    pub end: DateTime<Utc>,
    /// Length of each slot in minutes, at least 1. A remainder at the end offers nothing.
    pub slot_minutes: u32,
}

impl Session {
    /// The session as the log keeps it: fractions of a second are dropped.
    pub fn on_whole_seconds(self) -> Self {
        Self {
            start: whole_seconds(self.start),
            end: whole_seconds(self.end),
            ..self
        }
    }

    /// The slots offered, in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let Self {
            start,
            end,
            slot_minutes: minutes,
        } = *self;
        std::iter::successors(Some(Slot { start, minutes }), move |slot| {
            Some(Slot {
                start: slot.end(),
                minutes,
            })
        })
        .take_while(move |slot| minutes > 0 && slot.start < end && slot.end() <= end)
    }
}

/// What the compact encoding of an instant keeps, so that state decided and state read back are the same.
fn whole_seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}

/// Who comes, and why: under the patient's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Booking {
    /// The patient.
    pub patient: PatientId,
    /// The reason for the visit, if given.
    pub reason: Option<Concept>,
}

impl PersonalValue for Booking {
    fn subject(&self) -> Option<PatientId> {
        Some(self.patient)
    }
}

/// Why an appointment was cancelled: under the patient's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cancellation {
    /// The patient.
    pub patient: PatientId,
    /// The reason, if given.
    pub reason: Option<String>,
}

impl PersonalValue for Cancellation {
    fn subject(&self) -> Option<PatientId> {
        Some(self.patient)
    }
}

/// Where an appointment stands (a subset of FHIR R4 `appointmentstatus`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AppointmentStatus {
    /// Booked, not yet confirmed by the practitioner.
    Booked,
    /// Confirmed by the practitioner.
    Confirmed,
    /// The visit took place.
    Completed,
    /// Cancelled.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// There never was such a visit: the system it came from has taken it back.
    EnteredInError,
}

impl AppointmentStatus {
    /// Whether it counts as a visit that was, is or will be.
    pub const fn is_visit(self) -> bool {
        !matches!(self, Self::Cancelled | Self::EnteredInError)
    }
}

/// How a visit of the past ended, as its source tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordedOutcome {
    /// It took place.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// The source leaves it open.
    Open,
    /// There never was such a visit: the source has taken it back, or deleted it.
    EnteredInError,
}

impl RecordedOutcome {
    /// Where an appointment stands that ended so.
    pub const fn status(self) -> AppointmentStatus {
        match self {
            Self::Completed => AppointmentStatus::Completed,
            Self::Cancelled => AppointmentStatus::Cancelled,
            Self::Open => AppointmentStatus::Booked,
            Self::EnteredInError => AppointmentStatus::EnteredInError,
        }
    }
}

/// Where a recorded visit stands: in which calendar, and when.
///
/// A visit's day is the day on which it starts, in some time zone. So the log keeps the owner, the slot, and how many days the
/// calendar's day is after the start's in UTC, which is one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "KeptPlace", try_from = "KeptPlace")]
pub struct VisitPlace {
    /// The calendar.
    pub calendar: CalendarId,
    /// When.
    pub slot: Slot,
}

/// A [`VisitPlace`] as the log keeps it.
#[derive(Serialize, Deserialize)]
struct KeptPlace(#[serde(with = "crate::kernel::compact_uuid")] Uuid, Slot, i64);

impl From<VisitPlace> for KeptPlace {
    fn from(VisitPlace { calendar, slot }: VisitPlace) -> Self {
        let days = calendar.day.signed_duration_since(slot.start.date_naive()).num_days();
        Self(calendar.owner, slot, days)
    }
}

impl TryFrom<KeptPlace> for VisitPlace {
    type Error = &'static str;

    fn try_from(KeptPlace(owner, slot, days): KeptPlace) -> Result<Self, Self::Error> {
        let day = chrono::TimeDelta::try_days(days)
            .and_then(|days| slot.start.date_naive().checked_add_signed(days))
            .ok_or("a visit's day is outside the calendar")?;
        let calendar = CalendarId { owner, day };
        Ok(Self { calendar, slot })
    }
}

/// Whose calendar a recorded visit stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Provider {
    /// A practitioner's.
    Practitioner,
    /// The organisation's: the source names no practitioner.
    Organization,
}

/// An event in a calendar's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CalendarEvent {
    /// What the day offers, whole; it replaces what was offered before. Appointments stand as they are.
    AvailabilityPublished {
        /// The sessions, in order, without overlap. None means that nothing is offered.
        sessions: Vec<Session>,
    },
    /// A slot was booked.
    Booked {
        /// The appointment.
        appointment: AppointmentId,
        /// Its slot.
        slot: Slot,
        /// Who and why.
        booking: Personal<Booking>,
    },
    /// The practitioner confirmed.
    Confirmed {
        /// The appointment.
        appointment: AppointmentId,
    },
    /// The appointment moved to another slot of this day.
    Rescheduled {
        /// The appointment.
        appointment: AppointmentId,
        /// The new slot.
        slot: Slot,
        /// Whose it is: so that it is under the patient's key who moved it, who may be the patient.
        patient: Personal<PatientId>,
    },
    /// The appointment left for another day, in the same commit that enters it there.
    MovedOut {
        /// The appointment.
        appointment: AppointmentId,
        /// Where it went.
        #[serde(with = "crate::kernel::time::compact_date")]
        to: NaiveDate,
        /// Whose it is: so that it is under the patient's key who moved it, who may be the patient.
        patient: Personal<PatientId>,
    },
    /// The appointment came from another day, in the same commit that releases it there. It is booked, not confirmed.
    MovedIn {
        /// The appointment.
        appointment: AppointmentId,
        /// Its slot here.
        slot: Slot,
        /// Where it came from.
        #[serde(with = "crate::kernel::time::compact_date")]
        from: NaiveDate,
        /// Who and why.
        booking: Personal<Booking>,
    },
    /// The appointment was cancelled and its slot is free.
    Cancelled {
        /// The appointment.
        appointment: AppointmentId,
        /// Why.
        cancellation: Personal<Cancellation>,
    },
    /// The visit took place.
    Completed {
        /// The appointment.
        appointment: AppointmentId,
    },
    /// The patient did not come.
    NoShowMarked {
        /// The appointment.
        appointment: AppointmentId,
    },
    /// A visit of the past was recorded in the calendar of its day. No longer written: see [`Self::VisitFiled`].
    VisitRecorded {
        /// The appointment.
        appointment: AppointmentId,
        /// When it was.
        slot: Slot,
        /// Whose calendar this is.
        provider: Provider,
        /// How it ended.
        outcome: RecordedOutcome,
        /// Who and why.
        booking: Personal<Booking>,
    },
    /// A visit of the past was recorded as its source tells it, in the stream that its id names
    /// ([`CalendarId::of_visit`]). It takes no slot. Told again, it is this from then on.
    VisitFiled {
        /// The calendar that it belongs to, and when it was.
        place: VisitPlace,
        /// Whose calendar that is.
        provider: Provider,
        /// How it ended.
        outcome: RecordedOutcome,
        /// As of when the source told this, if it said.
        #[serde(with = "crate::kernel::time::compact_optional_millis")]
        as_of: Option<DateTime<Utc>>,
        /// Who and why.
        booking: Personal<Booking>,
    },
}
