//! What the events of a calendar make of its row, and of the runs of its free slots.

use std::collections::BTreeMap;

use domain::calendar::{Calendar, CalendarEvent};
use domain::kernel::CalendarId;

use super::CalendarRow;
use super::free_runs;
use crate::aggregate_row::AggregateRow;
use crate::stamp::Stamp;
use crate::writes::Writes;

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

    fn derive(writes: &mut Writes, before: &BTreeMap<CalendarId, Self>, after: &BTreeMap<CalendarId, Self>) {
        free_runs::update(writes, before, after);
    }
}
