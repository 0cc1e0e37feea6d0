//! The commands that both sides execute: a patient's way through a clinic, over and over, by many clients at once.
//!
//! Every client is a practitioner's front desk. Its round opens the next day, registers a patient, books a slot, confirms it,
//! moves it to the next slot and cancels it: six commands on two streams, so that streams stay as short as real ones.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use domain::calendar::Session;
use domain::kernel::{Concept, Gender, HumanName, Slot};
use domain::patient::PatientDetails;
use domain::practitioner::PractitionerDetails;

/// The length of the slots offered, in minutes.
const SLOT_MINUTES: u32 = 30;

/// One round of one client: what it needs to know of its day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// The day it opens.
    pub(super) day: NaiveDate,
    /// What the day offers.
    pub(super) session: Session,
    /// The slot that is booked.
    pub(super) first: Slot,
    /// The slot to which the appointment moves.
    pub(super) second: Slot,
}

impl Round {
    /// The `number`-th round, on the `number`-th day from the day after tomorrow. `None` at the end of the calendar.
    pub(super) fn new(number: u64, now: DateTime<Utc>) -> Option<Self> {
        let day = now.date_naive().checked_add_days(Days::new(number.checked_add(2)?))?;
        let at = |hour| Some(day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?).and_utc());
        let session = Session {
            start: at(9)?,
            end: at(17)?,
            slot_minutes: SLOT_MINUTES,
        };
        let mut slots = session.slots();
        Some(Self {
            day,
            session,
            first: slots.next()?,
            second: slots.next()?,
        })
    }
}

/// The practitioner of a client.
pub(super) fn doctor(client: usize) -> PractitionerDetails {
    PractitionerDetails {
        name: HumanName {
            family: format!("Bench{client}"),
            ..HumanName::default()
        },
        gender: Gender::Unknown,
        specializations: vec![Concept {
            coding: None,
            text: "Benchmarks".to_owned(),
        }],
        credentials: Vec::new(),
        time_zone: chrono_tz::UTC,
        identifier: None,
        other_identifiers: Vec::new(),
        as_of: None,
    }
}

/// A patient as they come to the desk: made up, and about as long as a real one.
pub(super) fn details(client: usize, round: u64) -> PatientDetails {
    PatientDetails {
        name: HumanName {
            family: format!("Bench{client}"),
            given: vec![format!("Round{round}")],
            prefix: Vec::new(),
        },
        birth_date: NaiveDate::default(),
        gender: Gender::Unknown,
        phone: Some("555-0100".to_owned()),
        ..PatientDetails::default()
    }
}
