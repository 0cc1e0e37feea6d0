//! What a practitioner's day decides.
//!
//! The ways of an appointment:
//!
//! ```text
//! Booked -> Confirmed -> Completed | NoShow | Cancelled
//! Booked -> Completed | NoShow | Cancelled     nobody need confirm for a patient to come, or not
//! Booked | Confirmed -> Booked                 moved to another slot or day
//! ```
//!
//! Completed, NoShow and Cancelled are final. Repeating a step that was taken decides nothing.

use chrono::{DateTime, NaiveDate, Utc};

use super::aggregate::{Appointment, Calendar};
use super::command::CalendarCommand;
use super::error::CalendarError;
use super::event::{AppointmentStatus, Booking, CalendarEvent, Cancellation, Session};
use super::sessions;
use crate::kernel::{AppointmentId, CalendarId, ClinicAggregate, Contradiction, Personal, Slot};

type Decision = Result<Vec<CalendarEvent>, CalendarError>;

impl ClinicAggregate for Calendar {
    type Id = CalendarId;
    type Command = CalendarCommand;
    type Event = CalendarEvent;
    type Error = CalendarError;

    fn decide(&self, command: CalendarCommand) -> Decision {
        match command {
            CalendarCommand::PublishAvailability {
                day,
                time_zone,
                sessions,
                now,
            } => self.publish(sessions::validate(sessions, day, time_zone)?, now),
            CalendarCommand::Book {
                appointment,
                slot,
                booking,
                now,
            } => self.book(appointment, slot, booking, now),
            CalendarCommand::Confirm { appointment } => self.confirm(appointment),
            CalendarCommand::Reschedule { appointment, slot, now } => self.reschedule(appointment, slot, now),
            CalendarCommand::MoveOut { appointment, to, now } => self.move_out(appointment, to, now),
            CalendarCommand::MoveIn {
                appointment,
                slot,
                from,
                booking,
                now,
            } => self.move_in(appointment, slot, from, booking, now),
            CalendarCommand::Cancel { appointment, reason } => self.cancel(appointment, reason),
            CalendarCommand::Complete { appointment, now } => self.conclude(
                appointment,
                AppointmentStatus::Completed,
                CalendarEvent::Completed { appointment },
                now,
            ),
            CalendarCommand::MarkNoShow { appointment, now } => self.conclude(
                appointment,
                AppointmentStatus::NoShow,
                CalendarEvent::NoShowMarked { appointment },
                now,
            ),
        }
    }

    fn apply(&mut self, event: CalendarEvent) {
        self.change_by(event);
    }

    fn contradiction(&self, event: &CalendarEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}

impl Calendar {
    /// A session that is over cannot be offered any more; one that already was may stand beside new ones.
    fn publish(&self, sessions: Vec<Session>, now: DateTime<Utc>) -> Decision {
        if sessions == self.sessions() {
            return Ok(Vec::new());
        }
        if sessions
            .iter()
            .any(|session| session.end <= now && !self.sessions().contains(session))
        {
            return Err(CalendarError::InThePast);
        }
        Ok(vec![CalendarEvent::AvailabilityPublished { sessions }])
    }

    fn book(&self, id: AppointmentId, slot: Slot, booking: Booking, now: DateTime<Utc>) -> Decision {
        let slot = slot.on_whole_seconds();
        if self.stands_already(id, slot, &booking)? {
            return Ok(Vec::new());
        }
        if let Some(to) = self.moved_to(id) {
            return Err(CalendarError::Moved { to });
        }
        self.check_bookable(&slot, now, None)?;
        Ok(vec![CalendarEvent::Booked {
            appointment: id,
            slot,
            booking: Personal::Known(booking),
        }])
    }

    fn move_in(
        &self,
        id: AppointmentId,
        slot: Slot,
        from: NaiveDate,
        booking: Booking,
        now: DateTime<Utc>,
    ) -> Decision {
        let slot = slot.on_whole_seconds();
        if self.stands_already(id, slot, &booking)? {
            return Ok(Vec::new());
        }
        self.check_bookable(&slot, now, None)?;
        Ok(vec![CalendarEvent::MovedIn {
            appointment: id,
            slot,
            from,
            booking: Personal::Known(booking),
        }])
    }

    fn confirm(&self, id: AppointmentId) -> Decision {
        let appointment = self.find(id)?;
        match appointment.status {
            AppointmentStatus::Confirmed => Ok(Vec::new()),
            AppointmentStatus::Booked => Ok(vec![CalendarEvent::Confirmed { appointment: id }]),
            status => Err(CalendarError::WrongStatus { status }),
        }
    }

    fn reschedule(&self, id: AppointmentId, slot: Slot, now: DateTime<Utc>) -> Decision {
        let slot = slot.on_whole_seconds();
        let appointment = self.find(id)?;
        check_live(appointment)?;
        if appointment.slot == slot {
            return Ok(Vec::new());
        }
        check_movable(appointment, now)?;
        self.check_bookable(&slot, now, Some(id))?;
        Ok(vec![CalendarEvent::Rescheduled {
            appointment: id,
            slot,
            patient: appointment.patient(),
        }])
    }

    /// Who comes moves along, under the patient's key; so an appointment that cannot be opened cannot be carried.
    fn move_out(&self, id: AppointmentId, to: NaiveDate, now: DateTime<Utc>) -> Decision {
        if self.moved_to(id) == Some(to) {
            return Ok(Vec::new());
        }
        let appointment = self.find(id)?;
        check_live(appointment)?;
        check_movable(appointment, now)?;
        match appointment.patient() {
            Personal::Sealed => Err(CalendarError::Sealed),
            patient => Ok(vec![CalendarEvent::MovedOut {
                appointment: id,
                to,
                patient,
            }]),
        }
    }

    /// Where the patient's key is missing there is no section for the reason, and it is not kept: the slot must get free.
    fn cancel(&self, id: AppointmentId, reason: Option<String>) -> Decision {
        let appointment = self.find(id)?;
        if appointment.status == AppointmentStatus::Cancelled {
            return Ok(Vec::new());
        }
        check_live(appointment)?;
        let cancellation = match &appointment.booking {
            Personal::Known(booking) => Personal::Known(Cancellation {
                patient: booking.patient,
                reason,
            }),
            Personal::Sealed => Personal::Sealed,
        };
        Ok(vec![CalendarEvent::Cancelled {
            appointment: id,
            cancellation,
        }])
    }

    fn conclude(
        &self,
        id: AppointmentId,
        status: AppointmentStatus,
        event: CalendarEvent,
        now: DateTime<Utc>,
    ) -> Decision {
        let appointment = self.find(id)?;
        if appointment.status == status {
            return Ok(Vec::new());
        }
        check_live(appointment)?;
        if now < appointment.slot.start {
            return Err(CalendarError::NotYetBegun);
        }
        Ok(vec![event])
    }

    /// Whether this very booking was made before, whatever became of it since.
    fn stands_already(&self, id: AppointmentId, slot: Slot, booking: &Booking) -> Result<bool, CalendarError> {
        match self.appointment(id) {
            None => Ok(false),
            Some(known) if known.slot != slot => Err(CalendarError::AlreadyExists(id)),
            Some(known) => same_booking(id, known, booking).map(|()| true),
        }
    }

    fn find(&self, id: AppointmentId) -> Result<&Appointment, CalendarError> {
        self.appointment(id).ok_or_else(|| match self.moved_to(id) {
            Some(to) => CalendarError::Moved { to },
            None => CalendarError::UnknownAppointment,
        })
    }

    /// Who comes and why, of an appointment that is to enter another day.
    ///
    /// # Errors
    /// When it is not on this day, or is sealed.
    pub fn booking_to_move(&self, id: AppointmentId) -> Result<Booking, CalendarError> {
        match &self.find(id)?.booking {
            Personal::Known(booking) => Ok(booking.clone()),
            Personal::Sealed => Err(CalendarError::Sealed),
        }
    }

    fn check_bookable(
        &self,
        slot: &Slot,
        now: DateTime<Utc>,
        except: Option<AppointmentId>,
    ) -> Result<(), CalendarError> {
        if slot.start < now {
            Err(CalendarError::InThePast)
        } else if !self.offers(slot) {
            Err(CalendarError::NotOffered)
        } else if !self.is_free(slot, except) {
            Err(CalendarError::SlotTaken)
        } else {
            Ok(())
        }
    }
}

const fn check_live(appointment: &Appointment) -> Result<(), CalendarError> {
    match appointment.status {
        AppointmentStatus::Booked | AppointmentStatus::Confirmed => Ok(()),
        status => Err(CalendarError::WrongStatus { status }),
    }
}

/// Once its time has come, an appointment is completed, cancelled or a no-show, but no longer moved.
fn check_movable(appointment: &Appointment, now: DateTime<Utc>) -> Result<(), CalendarError> {
    if appointment.slot.start < now {
        Err(CalendarError::InThePast)
    } else {
        Ok(())
    }
}

fn same_booking(id: AppointmentId, known: &Appointment, booking: &Booking) -> Result<(), CalendarError> {
    match &known.booking {
        Personal::Sealed => Err(CalendarError::Sealed),
        Personal::Known(known) if known == booking => Ok(()),
        Personal::Known(_) => Err(CalendarError::AlreadyExists(id)),
    }
}
