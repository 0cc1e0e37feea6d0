//! Which events a practitioner's day could not have decided upon. When something was decided the event does not say, so that nothing is said of
//! what was too late or too early.

use super::aggregate::{Appointment, Calendar};
use super::event::{AppointmentStatus, CalendarEvent, Session};
use crate::kernel::{AppointmentId, Contradiction, Slot, contradicts};

impl Calendar {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &CalendarEvent) -> Option<Contradiction> {
        match event {
            CalendarEvent::AvailabilityPublished { sessions } => {
                contradicts(sessions == self.sessions(), Contradiction::ChangesNothing)
                    .or_else(|| contradicts(!are_in_order(sessions), Contradiction::SessionsNotInOrder))
            }
            CalendarEvent::Booked { appointment, slot, .. } => self
                .enters_twice(*appointment)
                .or_else(|| contradicts(self.moved_to(*appointment).is_some(), Contradiction::AfterTheEnd))
                .or_else(|| self.is_not_bookable(slot, None)),
            CalendarEvent::MovedIn { appointment, slot, .. } => self
                .enters_twice(*appointment)
                .or_else(|| self.is_not_bookable(slot, None)),
            CalendarEvent::Confirmed { appointment } => {
                self.is_not(*appointment, |known| known.status == AppointmentStatus::Booked)
            }
            CalendarEvent::Rescheduled { appointment, slot, .. } => self
                .is_not(*appointment, is_live)
                .or_else(|| contradicts(self.has(*appointment, slot), Contradiction::ChangesNothing))
                .or_else(|| self.is_not_bookable(slot, Some(*appointment))),
            CalendarEvent::MovedOut { appointment, .. }
            | CalendarEvent::Cancelled { appointment, .. }
            | CalendarEvent::Completed { appointment }
            | CalendarEvent::NoShowMarked { appointment } => self.is_not(*appointment, is_live),
        }
    }
}

impl Calendar {
    fn enters_twice(&self, id: AppointmentId) -> Option<Contradiction> {
        contradicts(self.appointment(id).is_some(), Contradiction::Twice)
    }

    fn is_not_bookable(&self, slot: &Slot, except: Option<AppointmentId>) -> Option<Contradiction> {
        let is_offered = self.offered_slots().any(|offered| offered == *slot);
        contradicts(!self.is_free(slot, except), Contradiction::SlotTaken)
            .or_else(|| contradicts(!is_offered, Contradiction::SlotNotOffered))
    }

    fn is_not(&self, id: AppointmentId, as_it_must_be: impl Fn(&Appointment) -> bool) -> Option<Contradiction> {
        match self.appointment(id) {
            None => Some(Contradiction::NotThere),
            Some(known) => contradicts(!as_it_must_be(known), Contradiction::WrongStatus),
        }
    }

    fn has(&self, id: AppointmentId, slot: &Slot) -> bool {
        self.appointment(id).is_some_and(|known| known.slot == *slot)
    }
}

fn is_live(appointment: &Appointment) -> bool {
    matches!(
        appointment.status,
        AppointmentStatus::Booked | AppointmentStatus::Confirmed
    )
}

/// Whether a day could offer this: in order, without overlap.
fn are_in_order(sessions: &[Session]) -> bool {
    let ends = sessions.iter().map(|session| session.end);
    let next_begins = sessions.iter().skip(1).map(|session| session.start);
    sessions
        .iter()
        .all(|session| session.start < session.end && session.slot_minutes > 0)
        && ends.zip(next_begins).all(|(end, next)| end <= next)
}
