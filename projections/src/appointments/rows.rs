//! The rows of appointments.

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::AppointmentStatus;
use domain::kernel::{AppointmentId, CalendarId, Concept, PatientId, PractitionerId, Slot};
use uuid::Uuid;

use super::NamesColumn;
use crate::column;
use crate::table::{keyed, table};

table! {
    /// An appointment, or an encounter of the past.
    table AppointmentRow: "appointments" (id)
    seen {
        id: AppointmentId,
        owner: Uuid,
        day: NaiveDate,
        practitioner: Option<PractitionerId>,
        patient: Option<PatientId>,
        starts: DateTime<Utc>,
        minutes: u32,
        status: AppointmentStatus,
        reason: Option<Concept>,
        cancellation_reason: Option<String>,
        recorded: bool,
        /// What names an encounter of the past (`names.rs`).
        names: Option<NamesColumn>,
        /// Whether another organisation has booked it on a day that is shared: then it is a time that is taken, and nobody's appointment here.
        of_another: bool,
    }
    unseen {
        /// Whether the start is not near the day, which nothing honest writes: see `query.rs`.
        stray: bool,
        version: u64,
        position: u64,
    }
}
keyed!(AppointmentRow by id: AppointmentId);

impl AppointmentRow {
    /// The day that it stands on.
    pub(crate) const fn calendar(&self) -> CalendarId {
        CalendarId {
            owner: self.owner,
            day: self.day,
        }
    }

    /// When it is.
    pub(crate) const fn slot(&self) -> Slot {
        Slot {
            start: self.starts,
            minutes: self.minutes,
        }
    }
}

/// Whether an instant, as the database keeps it, is on none of the three days of UTC that the day can share one with, in any time zone.
pub(crate) fn is_stray(day: NaiveDate, start: DateTime<Utc>) -> bool {
    let days = column::instant(start).date_naive().signed_duration_since(day);
    days.num_days().abs() > 1
}
