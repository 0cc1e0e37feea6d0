//! Reads every schema of a patient's events ever written.

use cqrs_es::DomainEvent;

use super::event::PatientEvent;
use crate::kernel::{AggregateRef, ClinicEvent, DecodeError, PatientId, PersonalSlot, decode_current};

impl DomainEvent for PatientEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Registered { .. } => "Registered",
            Self::DetailsUpdated { .. } => "DetailsUpdated",
            Self::IntakeUpdated { .. } => "IntakeUpdated",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::SCHEMA.to_string()
    }
}

impl ClinicEvent for PatientEvent {
    const SCHEMA: u8 = 1;

    fn personal(&mut self) -> Option<&mut dyn PersonalSlot> {
        match self {
            Self::Registered { registration } => Some(registration),
            Self::DetailsUpdated { details } => Some(details),
            Self::IntakeUpdated { intake } => Some(intake),
        }
    }

    fn subject(&self, of: &AggregateRef) -> Option<PatientId> {
        PatientId::try_from(*of).ok()
    }

    fn decode(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError> {
        match schema {
            Self::SCHEMA => decode_current(shared, personal),
            unknown => Err(DecodeError::UnknownSchema(unknown)),
        }
    }
}
