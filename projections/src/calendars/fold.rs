//! A practitioner's day as its events leave it.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::{Calendar, CalendarEvent, Session};
use domain::kernel::{AppointmentId, CalendarId, Slot};

use super::CalendarRow;
use crate::aggregate_row::AggregateRow;
use crate::stamp::Stamp;

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

impl AggregateRow for CalendarRow {
    type Aggregate = Calendar;

    fn fold(row: Option<Self>, id: CalendarId, stamp: &Stamp, event: &CalendarEvent) -> Option<Self> {
        let (sessions, taken) = row.map(|row| (row.sessions, row.taken)).unwrap_or_default();
        let mut row = Self {
            owner: id.owner,
            day: id.day,
            sessions,
            taken,
            version: stamp.version,
            position: stamp.position,
        };
        match event {
            CalendarEvent::AvailabilityPublished { sessions } => row.sessions.clone_from(sessions),
            CalendarEvent::Booked { appointment, slot, .. } | CalendarEvent::MovedIn { appointment, slot, .. } => {
                row.taken.insert(*appointment, *slot);
            }
            CalendarEvent::Rescheduled { appointment, slot, .. } => {
                if let Some(taken) = row.taken.get_mut(appointment) {
                    *taken = *slot;
                }
            }
            CalendarEvent::MovedOut { appointment, .. } | CalendarEvent::Cancelled { appointment, .. } => {
                row.taken.remove(appointment);
            }
            CalendarEvent::Confirmed { .. } | CalendarEvent::Completed { .. } | CalendarEvent::NoShowMarked { .. } => {}
        }
        Some(row)
    }
}
