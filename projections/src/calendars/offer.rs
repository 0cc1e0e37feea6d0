//! What a practitioner's day offers that nobody has taken.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::{CalendarEvent, Session};
use domain::kernel::{AppointmentId, Slot};

/// No day has more minutes, so no honest session offers more slots.
const MOST_SLOTS: usize = 25 * 60;

/// The slots offered of which nobody has any part: the same that [`domain::calendar::Calendar`] would let be booked.
pub(crate) fn free(sessions: &[Session], taken: &BTreeMap<AppointmentId, Slot>) -> BTreeSet<Slot> {
    sessions
        .iter()
        .flat_map(Session::slots)
        .take(MOST_SLOTS)
        .filter(|slot| !taken.values().any(|taken| taken.overlaps(slot)))
        .collect()
}

/// Whether an event changes what is offered or taken. The others touch only an appointment's own row.
pub(crate) const fn concerns_the_offer(event: &CalendarEvent) -> bool {
    match event {
        CalendarEvent::AvailabilityPublished { .. }
        | CalendarEvent::Cancelled { .. }
        | CalendarEvent::Booked { .. }
        | CalendarEvent::Rescheduled { .. }
        | CalendarEvent::MovedOut { .. }
        | CalendarEvent::MovedIn { .. } => true,
        CalendarEvent::Confirmed { .. } | CalendarEvent::Completed { .. } | CalendarEvent::NoShowMarked { .. } => false,
    }
}
