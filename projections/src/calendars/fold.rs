//! A practitioner's day as its events leave it.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::{CalendarEvent, Session};
use domain::kernel::{AppointmentId, Slot};

use crate::batch::Stamp;

/// A row of `calendars`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct CalendarRow {
    pub(crate) sessions: Vec<Session>,
    pub(crate) taken: BTreeMap<AppointmentId, Slot>,
    /// The version at which the offer, or what is taken of it, last changed.
    pub(crate) version: u64,
    pub(crate) position: u64,
}

/// No day has more minutes, so no honest session offers more slots.
const MOST_SLOTS: usize = 25 * 60;

impl CalendarRow {
    /// The slots offered of which nobody has any part: the same that [`domain::calendar::Calendar`] would let be booked.
    pub(crate) fn free(&self) -> BTreeSet<Slot> {
        self.sessions
            .iter()
            .flat_map(Session::slots)
            .take(MOST_SLOTS)
            .filter(|slot| !self.taken.values().any(|taken| taken.overlaps(slot)))
            .collect()
    }
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

pub(crate) fn fold(row: Option<CalendarRow>, stamp: &Stamp, event: &CalendarEvent) -> CalendarRow {
    let mut row = CalendarRow {
        version: stamp.version,
        position: stamp.position,
        ..row.unwrap_or_default()
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
    row
}
