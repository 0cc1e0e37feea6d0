//! An appointment as the events of all days leave it, or an encounter of the past as those of its patient's record do.
//!
//! An appointment that moves leaves one day and enters another in one commit; which of the two events comes first in the log
//! does not matter. So an event counts only while the appointment is on the event's day, and entering a day says everything.

use application::log::Author;
use domain::calendar::{AppointmentStatus, Booking, CalendarEvent};
use domain::encounter::{Conclusion, EncounterEvent, EncounterStatus, Ending, Filed};
use domain::kernel::{AggregateRef, AppointmentId, CalendarId, EncounterId, Personal, PractitionerId, Slot};

use super::counted::CountedAppointment;
use super::rows::is_stray;
use super::{AppointmentRow, NamesColumn};
use crate::column;
use crate::stamp::Stamp;

impl AppointmentRow {
    fn enter(id: AppointmentId, calendar: CalendarId, stamp: &Stamp, slot: Slot, booking: &Personal<Booking>) -> Self {
        Self {
            id,
            owner: calendar.owner,
            day: calendar.day,
            practitioner: Some(PractitionerId::new(calendar.owner)),
            patient: booking.known().map(|booking| booking.patient),
            starts: slot.start,
            minutes: slot.minutes,
            status: AppointmentStatus::Booked,
            reason: booking.known().and_then(|booking| booking.reason.clone()),
            cancellation_reason: None,
            recorded: false,
            names: None,
            of_another: stamp.author == Author::Another,
            stray: is_stray(calendar.day, slot.start),
            version: stamp.version,
            position: stamp.position,
        }
    }

    fn filed(id: EncounterId, stamp: &Stamp, filed: &Filed) -> Self {
        let day = column::date(filed.day);
        Self {
            id: AppointmentId::new(id.id),
            owner: filed.provider.uuid(),
            day,
            practitioner: filed.provider.practitioner(),
            patient: Some(id.patient),
            starts: filed.slot.start,
            minutes: filed.slot.minutes,
            status: status_of(filed.outcome.into()),
            reason: filed.reason.clone(),
            cancellation_reason: None,
            recorded: true,
            names: Some(NamesColumn::from(&filed.names)),
            of_another: false,
            stray: is_stray(day, filed.slot.start),
            version: stamp.version,
            position: stamp.position,
        }
    }

    /// The same in another slot of its day.
    fn moved(self, slot: Slot) -> Self {
        Self {
            starts: slot.start,
            minutes: slot.minutes,
            stray: is_stray(self.day, slot.start),
            ..self
        }
    }

    /// Whether it stands where an event that enters it in a shared day could not have found it: whoever shares the days can give an appointment the id of another one.
    fn is_of_another_day(&self, day: CalendarId, event: &CalendarEvent) -> bool {
        let is_on = |day: CalendarId| self.calendar() == day && !self.recorded;
        let is_possible = match event {
            CalendarEvent::Booked { .. } => is_on(day),
            CalendarEvent::MovedIn { from, .. } => is_on(day) || is_on(CalendarId { day: *from, ..day }),
            _ => true,
        };
        AggregateRef::from(day).shared_in().is_some() && !is_possible
    }

    /// Whether it is this encounter.
    fn is(&self, id: EncounterId) -> bool {
        self.recorded && self.patient == Some(id.patient)
    }

    /// What it adds to the relationship of its patient and practitioner: nothing when it does not count, or one is not known.
    pub(crate) fn counted(&self) -> Option<CountedAppointment> {
        match (self.patient, self.practitioner) {
            (Some(patient), Some(practitioner)) if self.status.counts() => Some(CountedAppointment {
                patient,
                practitioner,
                start: column::instant(self.starts),
            }),
            _ => None,
        }
    }
}

pub(crate) const fn status_of(status: EncounterStatus) -> AppointmentStatus {
    match status {
        EncounterStatus::Open => AppointmentStatus::Booked,
        EncounterStatus::Completed => AppointmentStatus::Completed,
        EncounterStatus::Cancelled => AppointmentStatus::Cancelled,
        EncounterStatus::NoShow => AppointmentStatus::NoShow,
        EncounterStatus::EnteredInError => AppointmentStatus::EnteredInError,
    }
}

/// An event that may say something of an appointment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told<'a> {
    /// On a practitioner's day.
    OnADay(CalendarId, &'a CalendarEvent),
    /// In a patient's record.
    InARecord(EncounterId, &'a EncounterEvent),
}

impl Told<'_> {
    /// The appointment that it is about.
    pub(crate) const fn appointment(self) -> Option<AppointmentId> {
        match self {
            Self::OnADay(_, event) => appointment_of(event),
            Self::InARecord(id, _) => Some(AppointmentId::new(id.id)),
        }
    }
}

const fn appointment_of(event: &CalendarEvent) -> Option<AppointmentId> {
    match event {
        CalendarEvent::AvailabilityPublished { .. } => None,
        CalendarEvent::Booked { appointment, .. }
        | CalendarEvent::Confirmed { appointment }
        | CalendarEvent::Rescheduled { appointment, .. }
        | CalendarEvent::MovedOut { appointment, .. }
        | CalendarEvent::MovedIn { appointment, .. }
        | CalendarEvent::Cancelled { appointment, .. }
        | CalendarEvent::Completed { appointment }
        | CalendarEvent::NoShowMarked { appointment } => Some(*appointment),
    }
}

/// `None` when the appointment left the day and has not entered another.
pub(crate) fn fold(row: Option<AppointmentRow>, stamp: &Stamp, told: Told<'_>) -> Option<AppointmentRow> {
    match told {
        // A stream that was held back is applied late: what came of it since is known already.
        Told::OnADay(_, CalendarEvent::Booked { .. } | CalendarEvent::MovedIn { .. })
        | Told::InARecord(_, EncounterEvent::Filed { .. })
            if row.as_ref().is_some_and(|row| row.position > stamp.position) =>
        {
            row
        }
        Told::OnADay(day, event) if row.as_ref().is_some_and(|row| row.is_of_another_day(day, event)) => row,
        Told::OnADay(day, event) => on_a_day(row, day, stamp, event),
        Told::InARecord(id, event) => in_a_record(row, id, stamp, event),
    }
}

fn on_a_day(
    row: Option<AppointmentRow>,
    day: CalendarId,
    stamp: &Stamp,
    event: &CalendarEvent,
) -> Option<AppointmentRow> {
    let here = row.as_ref().is_some_and(|row| row.calendar() == day && !row.recorded);
    let change = |status| {
        row.clone().map(|row| match here {
            true => AppointmentRow {
                status,
                version: stamp.version,
                position: stamp.position,
                ..row
            },
            false => row,
        })
    };
    match event {
        CalendarEvent::AvailabilityPublished { .. } => row,
        CalendarEvent::Booked {
            appointment,
            slot,
            booking,
        }
        | CalendarEvent::MovedIn {
            appointment,
            slot,
            booking,
            ..
        } => Some(AppointmentRow::enter(*appointment, day, stamp, *slot, booking)),
        CalendarEvent::Confirmed { .. } => change(AppointmentStatus::Confirmed),
        CalendarEvent::Rescheduled { slot, .. } => change(AppointmentStatus::Booked).map(|row| match here {
            true => row.moved(*slot),
            false => row,
        }),
        CalendarEvent::MovedOut { .. } => row.filter(|_| !here),
        CalendarEvent::Cancelled { cancellation, .. } => change(AppointmentStatus::Cancelled).map(|row| {
            let reason = cancellation
                .known()
                .and_then(|cancellation| cancellation.reason.clone());
            AppointmentRow {
                cancellation_reason: if here { reason } else { row.cancellation_reason },
                ..row
            }
        }),
        CalendarEvent::Completed { .. } => change(AppointmentStatus::Completed),
        CalendarEvent::NoShowMarked { .. } => change(AppointmentStatus::NoShow),
    }
}

/// What is sealed changes nothing, for nothing of it is known.
fn in_a_record(
    row: Option<AppointmentRow>,
    id: EncounterId,
    stamp: &Stamp,
    event: &EncounterEvent,
) -> Option<AppointmentRow> {
    // Nobody honest gives an encounter the id of something else.
    if row.as_ref().is_some_and(|row| !row.is(id)) {
        return row;
    }
    match event {
        EncounterEvent::Filed {
            encounter: Personal::Known(filed),
        } => Some(AppointmentRow::filed(id, stamp, filed)),
        EncounterEvent::Named {
            names: Personal::Known(names),
        } => row.map(|row| AppointmentRow {
            names: Some(NamesColumn::from(names)),
            version: stamp.version,
            position: stamp.position,
            ..row
        }),
        EncounterEvent::Concluded {
            conclusion: Personal::Known(Conclusion { ending, .. }),
        } => row.map(|row| AppointmentRow {
            status: status_of(ending.into()),
            cancellation_reason: match ending {
                Ending::Cancelled { reason } => reason.clone(),
                Ending::Completed | Ending::NoShow => None,
            },
            version: stamp.version,
            position: stamp.position,
            ..row
        }),
        EncounterEvent::Filed {
            encounter: Personal::Sealed,
        }
        | EncounterEvent::Named {
            names: Personal::Sealed,
        }
        | EncounterEvent::Concluded {
            conclusion: Personal::Sealed,
        } => row,
    }
}
