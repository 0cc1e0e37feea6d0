//! Why a command to a calendar is refused.

use std::borrow::Cow;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::event::AppointmentStatus;
use crate::kernel::{AppointmentId, DomainError, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CalendarError {
    /// A session holds no slot: it is shorter than one, or ends before it begins, or its slots have no length.
    #[error("a session must be at least as long as its slots, and these at least one minute")]
    EmptySession {
        /// Which of those that were given, counted from 0.
        place: usize,
    },
    /// A session is not within the day, in the calendar's time zone.
    #[error("a session must lie within {day} in the time zone {time_zone}, which is the calendar's")]
    OutsideTheDay {
        /// Which of those that were given, counted from 0.
        place: usize,
        /// The day.
        day: NaiveDate,
        /// The calendar's time zone.
        time_zone: Tz,
    },
    /// Two sessions share an instant.
    #[error("two sessions overlap")]
    SessionsOverlap,
    /// The time has passed.
    #[error("the time has passed")]
    InThePast,
    /// The visit has not begun yet.
    #[error("the visit has not begun yet")]
    NotYetBegun,
    /// The slot is none of those offered on that day.
    #[error("the slot is not offered")]
    NotOffered,
    /// The slot, or a part of it, is taken.
    #[error("the slot is taken")]
    SlotTaken,
    /// No such appointment on this day.
    #[error("no such appointment on this day")]
    UnknownAppointment,
    /// The appointment moved to another day.
    #[error("the appointment moved to {to}")]
    Moved {
        /// Where it went.
        to: NaiveDate,
    },
    /// There is such an appointment, with other content.
    #[error("appointment {0} exists already, with other content")]
    AlreadyExists(AppointmentId),
    /// The appointment's status does not allow it.
    #[error("the appointment is {status}")]
    WrongStatus {
        /// Where it stands.
        status: AppointmentStatus,
    },
    /// Who comes is sealed under a key that is not held here, so the appointment can neither be carried to another day
    /// nor be compared with a booking made again.
    #[error("the appointment is sealed under a key that is not held here")]
    Sealed,
}

impl DomainError for CalendarError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::EmptySession { .. } | Self::OutsideTheDay { .. } | Self::SessionsOverlap => RefusalKind::Invalid,
            Self::InThePast => RefusalKind::TimePassed,
            Self::NotYetBegun => RefusalKind::NotYetBegun,
            Self::NotOffered => RefusalKind::SlotNotOffered,
            Self::SlotTaken => RefusalKind::SlotTaken,
            Self::UnknownAppointment => RefusalKind::Missing(Resource::Appointment),
            Self::Moved { .. } => RefusalKind::Moved,
            Self::AlreadyExists(_) => RefusalKind::Exists,
            Self::WrongStatus { .. } => RefusalKind::Status,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        match self {
            Self::EmptySession { place } | Self::OutsideTheDay { place, .. } => format!("/sessions/{place}").into(),
            Self::SessionsOverlap => "/sessions".into(),
            _ => "".into(),
        }
    }
}
