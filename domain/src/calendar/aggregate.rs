//! The state of a practitioner's day: what it offers, what is booked, and what left for another day. What it decides is
//! in `decision.rs`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event::{AppointmentStatus, Booking, CalendarEvent, Session};
use crate::kernel::{AppointmentId, PatientId, Personal, Slot};

/// An appointment on the day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Appointment {
    /// Its slot.
    pub slot: Slot,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Who and why.
    pub booking: Personal<Booking>,
}

impl Appointment {
    /// Whose it is.
    pub(super) fn patient(&self) -> Personal<PatientId> {
        match &self.booking {
            Personal::Known(booking) => Personal::Known(booking.patient),
            Personal::Sealed => Personal::Sealed,
        }
    }

    /// Whether nobody else may have its time. Cancelling gives it up; a visit that took place, or should have, does not.
    pub const fn holds_slot(&self) -> bool {
        !matches!(self.status, AppointmentStatus::Cancelled)
    }
}

/// A practitioner's day. A snapshot of it holds nothing personal: bookings read back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calendar {
    sessions: Vec<Session>,
    appointments: BTreeMap<AppointmentId, Appointment>,
    moved_out: BTreeMap<AppointmentId, NaiveDate>,
}

impl Calendar {
    /// What the day offers, in order.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// An appointment that is on this day, whatever its status.
    pub fn appointment(&self, id: AppointmentId) -> Option<&Appointment> {
        self.appointments.get(&id)
    }

    /// The appointments on this day, whatever their status, in the order of their ids.
    pub fn appointments(&self) -> impl Iterator<Item = (AppointmentId, &Appointment)> {
        self.appointments.iter().map(|(id, appointment)| (*id, appointment))
    }

    /// The day for which an appointment left this one, if it did.
    pub fn moved_to(&self, id: AppointmentId) -> Option<NaiveDate> {
        self.moved_out.get(&id).copied()
    }

    /// Whether this very slot is offered, taken or not.
    pub fn offers(&self, slot: &Slot) -> bool {
        self.sessions.iter().any(|session| session.offers(slot))
    }

    /// The slots offered, taken or not, in order.
    pub fn offered_slots(&self) -> impl Iterator<Item = Slot> {
        self.sessions.iter().flat_map(Session::slots)
    }

    /// The slots offered of which nobody has any part, in order; those of the past too, since a calendar has no clock.
    pub fn free_slots(&self) -> impl Iterator<Item = Slot> {
        self.offered_slots().filter(|slot| self.is_free(slot, None))
    }

    /// Whether nobody, `except` perhaps this appointment, has any part of the slot.
    pub(super) fn is_free(&self, slot: &Slot, except: Option<AppointmentId>) -> bool {
        !self
            .appointments()
            .any(|(id, other)| Some(id) != except && other.holds_slot() && other.slot.overlaps(slot))
    }

    /// Takes in what happened.
    pub(super) fn change_by(&mut self, event: CalendarEvent) {
        match event {
            CalendarEvent::AvailabilityPublished { sessions } => self.sessions = sessions,
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
            } => self.enter(appointment, slot, booking),
            CalendarEvent::Confirmed { appointment } => self.change(appointment, AppointmentStatus::Confirmed, None),
            CalendarEvent::Rescheduled { appointment, slot, .. } => {
                self.change(appointment, AppointmentStatus::Booked, Some(slot));
            }
            CalendarEvent::MovedOut { appointment, to, .. } => {
                self.appointments.remove(&appointment);
                self.moved_out.insert(appointment, to);
            }
            CalendarEvent::Cancelled { appointment, .. } => {
                self.change(appointment, AppointmentStatus::Cancelled, None)
            }
            CalendarEvent::Completed { appointment } => self.change(appointment, AppointmentStatus::Completed, None),
            CalendarEvent::NoShowMarked { appointment } => self.change(appointment, AppointmentStatus::NoShow, None),
        }
    }

    fn enter(&mut self, id: AppointmentId, slot: Slot, booking: Personal<Booking>) {
        let appointment = Appointment {
            slot,
            status: AppointmentStatus::Booked,
            booking,
        };
        self.moved_out.remove(&id);
        self.appointments.insert(id, appointment);
    }

    fn change(&mut self, id: AppointmentId, status: AppointmentStatus, slot: Option<Slot>) {
        if let Some(appointment) = self.appointments.get_mut(&id) {
            appointment.status = status;
            appointment.slot = slot.unwrap_or(appointment.slot);
        }
    }
}
