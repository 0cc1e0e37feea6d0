//! The row of a calendar, and what its events make of it; and the rows of the runs of its free slots.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::{Calendar, CalendarEvent, Session};
use domain::kernel::{AppointmentId, CalendarId, Slot};
use uuid::Uuid;

use super::free_runs;
use crate::aggregate_row::AggregateRow;
use crate::stamp::Stamp;
use crate::table::{keyed, table};
use crate::writes::Writes;

table! {
    /// A practitioner's day.
    table CalendarRow: "calendars" (owner, day)
    seen {
        owner: Uuid,
        day: NaiveDate,
        /// What the day offers.
        sessions: Vec<Session>,
        /// The slots that are taken.
        taken: BTreeMap<AppointmentId, Slot>,
    }
    unseen {
        /// The version at which the offer, or what is taken of it, last changed.
        version: u64,
        position: u64,
    }
}
keyed!(CalendarRow by CalendarId { owner, day });

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

table! {
    /// Slots that nobody has any part of, as a run of slots of one length without a gap. A free day is one row. Those of the past stay, and
    /// are not asked for.
    #[derive(Eq, PartialOrd, Ord)]
    derived FreeRunRow: "free_runs" (practitioner, first, last, minutes, day)
    seen {
        practitioner: Uuid,
        /// When the first slot starts.
        first: DateTime<Utc>,
        /// When the last slot starts.
        last: DateTime<Utc>,
        /// How long each is.
        minutes: u32,
        day: NaiveDate,
    }
    unseen {}
}
