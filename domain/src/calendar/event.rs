//! What can happen on a practitioner's day.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use crate::kernel::time::whole_seconds;
use crate::kernel::{AppointmentId, Concept, PatientId, Personal, PersonalValue, Slot, SubjectId};

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
    /// How many of them a day has at most.
    pub const MOST: usize = 100;

    /// The session as the log keeps it: fractions of a second are dropped.
    pub fn on_whole_seconds(self) -> Self {
        Self {
            start: whole_seconds(self.start),
            end: whole_seconds(self.end),
            ..self
        }
    }

    /// Whether it offers this very slot.
    pub fn offers(&self, slot: &Slot) -> bool {
        let length = i64::from(self.slot_minutes).saturating_mul(60);
        let since = slot.start.signed_duration_since(self.start);
        length > 0
            && slot.minutes == self.slot_minutes
            && since >= TimeDelta::zero()
            && since.subsec_nanos() == 0
            && since.num_seconds() % length == 0
            && slot.end() <= self.end
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

/// Who comes, and why: under the patient's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Booking {
    /// The patient.
    pub patient: PatientId,
    /// The reason for the visit, if given.
    pub reason: Option<Concept>,
}

impl PersonalValue for Booking {
    fn subject(&self) -> Option<SubjectId> {
        Some(self.patient.into())
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
    fn subject(&self) -> Option<SubjectId> {
        Some(self.patient.into())
    }
}

/// Where an appointment stands (a subset of FHIR R4 `appointmentstatus`).
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    /// Whether it counts as one that was, is or will be.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Cancelled | Self::EnteredInError)
    }
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
}
