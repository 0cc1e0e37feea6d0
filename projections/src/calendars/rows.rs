//! The row of a calendar, and the rows of the runs of its free slots.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::Session;
use domain::kernel::{AppointmentId, CalendarId, Slot};
use uuid::Uuid;

use crate::table::{keyed, table};

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
