//! An appointment as the events of all days leave it.
//!
//! An appointment that moves leaves one day and enters another in one commit; which of the two events comes first in the log
//! does not matter. So an event counts only while the appointment is on the event's day, and entering a day says everything.
//! A recorded visit has a stream of its own, which says to which day it belongs.

use chrono::{DateTime, Utc};
use domain::calendar::{AppointmentStatus, Booking, CalendarEvent, Provider, RecordedOutcome, Slot, VisitPlace};
use domain::kernel::{AppointmentId, CalendarId, Concept, PatientId, Personal, PractitionerId};

use crate::batch::Stamp;
use crate::relationships::Visit;

/// A row of `appointments`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AppointmentRow {
    pub(crate) calendar: CalendarId,
    pub(crate) practitioner: Option<PractitionerId>,
    pub(crate) patient: Option<PatientId>,
    pub(crate) slot: Slot,
    pub(crate) status: AppointmentStatus,
    pub(crate) reason: Option<Concept>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) recorded: bool,
    pub(crate) version: u64,
    pub(crate) position: u64,
}

impl AppointmentRow {
    fn enter(calendar: CalendarId, stamp: &Stamp, slot: Slot, booking: &Personal<Booking>) -> Self {
        Self {
            calendar,
            practitioner: Some(PractitionerId::new(calendar.owner)),
            patient: booking.known().map(|booking| booking.patient),
            slot,
            status: AppointmentStatus::Booked,
            reason: booking.known().and_then(|booking| booking.reason.clone()),
            cancellation_reason: None,
            recorded: false,
            version: stamp.version,
            position: stamp.position,
        }
    }

    fn recorded(self, provider: Provider, outcome: RecordedOutcome) -> Self {
        Self {
            practitioner: self.practitioner.filter(|_| provider == Provider::Practitioner),
            status: outcome.status(),
            recorded: true,
            ..self
        }
    }

    /// What it adds to the relationship of its patient and practitioner: nothing when it is no visit, or one is not known.
    pub(crate) fn visit(&self) -> Option<Visit> {
        match (self.patient, self.practitioner) {
            (Some(patient), Some(practitioner)) if self.status.is_visit() => Some(Visit {
                patient,
                practitioner,
                start: self.start(),
            }),
            _ => None,
        }
    }

    /// Whether the start is on none of the three days of UTC that the day can share an instant with, in any time zone.
    pub(crate) fn is_stray(&self) -> bool {
        self.start()
            .date_naive()
            .signed_duration_since(self.calendar.day)
            .num_days()
            .abs()
            > 1
    }

    /// The start as the database keeps it.
    pub(crate) fn start(&self) -> DateTime<Utc> {
        crate::column::instant(self.slot.start)
    }
}

/// The appointment that an event of a stream is about.
pub(crate) const fn appointment_of(stream: CalendarId, event: &CalendarEvent) -> Option<AppointmentId> {
    match event {
        CalendarEvent::AvailabilityPublished { .. } => None,
        CalendarEvent::Booked { appointment, .. }
        | CalendarEvent::Confirmed { appointment }
        | CalendarEvent::Rescheduled { appointment, .. }
        | CalendarEvent::MovedOut { appointment, .. }
        | CalendarEvent::MovedIn { appointment, .. }
        | CalendarEvent::Cancelled { appointment, .. }
        | CalendarEvent::Completed { appointment }
        | CalendarEvent::NoShowMarked { appointment }
        | CalendarEvent::VisitRecorded { appointment, .. } => Some(*appointment),
        CalendarEvent::VisitFiled { .. } => Some(AppointmentId::new(stream.owner)),
    }
}

/// `None` when the appointment left the day and has not entered another.
pub(crate) fn fold(
    row: Option<AppointmentRow>,
    stream: CalendarId,
    stamp: &Stamp,
    event: &CalendarEvent,
) -> Option<AppointmentRow> {
    let own_stream = appointment_of(stream, event).map(CalendarId::of_visit);
    let here = row
        .as_ref()
        .is_some_and(|row| row.calendar == stream || own_stream == Some(stream));
    let change = |status, slot: Option<Slot>| {
        row.clone().map(|row| {
            if here {
                AppointmentRow {
                    status,
                    slot: slot.unwrap_or(row.slot),
                    version: stamp.version,
                    position: stamp.position,
                    ..row
                }
            } else {
                row
            }
        })
    };
    match event {
        CalendarEvent::AvailabilityPublished { .. } => row,
        // A stream that was held back is applied late: where the appointment went since is known already.
        CalendarEvent::Booked { .. }
        | CalendarEvent::MovedIn { .. }
        | CalendarEvent::VisitRecorded { .. }
        | CalendarEvent::VisitFiled { .. }
            if row.as_ref().is_some_and(|row| row.position > stamp.position) =>
        {
            row
        }
        CalendarEvent::Booked { slot, booking, .. } | CalendarEvent::MovedIn { slot, booking, .. } => {
            Some(AppointmentRow::enter(stream, stamp, *slot, booking))
        }
        CalendarEvent::Confirmed { .. } => change(AppointmentStatus::Confirmed, None),
        CalendarEvent::Rescheduled { slot, .. } => change(AppointmentStatus::Booked, Some(*slot)),
        CalendarEvent::MovedOut { .. } => row.filter(|_| !here),
        CalendarEvent::Cancelled { cancellation, .. } => change(AppointmentStatus::Cancelled, None).map(|row| {
            let reason = cancellation
                .known()
                .and_then(|cancellation| cancellation.reason.clone());
            AppointmentRow {
                cancellation_reason: if here { reason } else { row.cancellation_reason },
                ..row
            }
        }),
        CalendarEvent::Completed { .. } => change(AppointmentStatus::Completed, None),
        CalendarEvent::NoShowMarked { .. } => change(AppointmentStatus::NoShow, None),
        CalendarEvent::VisitRecorded {
            slot,
            provider,
            outcome,
            booking,
            ..
        } => {
            let entered = AppointmentRow::enter(stream, stamp, *slot, booking);
            Some(entered.recorded(*provider, *outcome))
        }
        CalendarEvent::VisitFiled {
            place: VisitPlace { calendar, slot },
            provider,
            outcome,
            booking,
            ..
        } => {
            let calendar = CalendarId {
                day: crate::column::date(calendar.day),
                ..*calendar
            };
            let entered = AppointmentRow::enter(calendar, stamp, *slot, booking);
            Some(entered.recorded(*provider, *outcome))
        }
    }
}
