//! Reads every schema of a calendar's events ever written.

use cqrs_es::DomainEvent;

use super::event::CalendarEvent;
use crate::kernel::{AggregateRef, ClinicEvent, DecodeError, PatientId, PersonalSlot, decode_current};

impl DomainEvent for CalendarEvent {
    fn event_type(&self) -> String {
        match self {
            Self::AvailabilityPublished { .. } => "AvailabilityPublished",
            Self::Booked { .. } => "Booked",
            Self::Confirmed { .. } => "Confirmed",
            Self::Rescheduled { .. } => "Rescheduled",
            Self::MovedOut { .. } => "MovedOut",
            Self::MovedIn { .. } => "MovedIn",
            Self::Cancelled { .. } => "Cancelled",
            Self::Completed { .. } => "Completed",
            Self::NoShowMarked { .. } => "NoShowMarked",
            Self::VisitRecorded { .. } => "VisitRecorded",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::SCHEMA.to_string()
    }
}

impl ClinicEvent for CalendarEvent {
    const SCHEMA: u8 = 1;

    fn personal(&mut self) -> Option<&mut dyn PersonalSlot> {
        match self {
            Self::Booked { booking, .. } | Self::MovedIn { booking, .. } | Self::VisitRecorded { booking, .. } => {
                Some(booking)
            }
            Self::Cancelled { cancellation, .. } => Some(cancellation),
            Self::Rescheduled { patient, .. } | Self::MovedOut { patient, .. } => Some(patient),
            Self::AvailabilityPublished { .. }
            | Self::Confirmed { .. }
            | Self::Completed { .. }
            | Self::NoShowMarked { .. } => None,
        }
    }

    fn subject(&self, _: &AggregateRef) -> Option<PatientId> {
        match self {
            Self::Booked { booking, .. } | Self::MovedIn { booking, .. } | Self::VisitRecorded { booking, .. } => {
                booking.known().map(|booking| booking.patient)
            }
            Self::Cancelled { cancellation, .. } => cancellation.known().map(|cancellation| cancellation.patient),
            Self::Rescheduled { patient, .. } | Self::MovedOut { patient, .. } => patient.known().copied(),
            Self::AvailabilityPublished { .. }
            | Self::Confirmed { .. }
            | Self::Completed { .. }
            | Self::NoShowMarked { .. } => None,
        }
    }

    fn decode(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError> {
        match schema {
            Self::SCHEMA => decode_current(shared, personal),
            unknown => Err(DecodeError::UnknownSchema(unknown)),
        }
    }
}
