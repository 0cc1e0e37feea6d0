//! Reads every schema of a practitioner's events ever written.

use cqrs_es::DomainEvent;

use super::event::PractitionerEvent;
use crate::kernel::{AggregateRef, ClinicEvent, DecodeError, PatientId, PersonalSlot, decode_current};

impl DomainEvent for PractitionerEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Registered { .. } => "Registered",
            Self::DetailsUpdated { .. } => "DetailsUpdated",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::SCHEMA.to_string()
    }
}

impl ClinicEvent for PractitionerEvent {
    const SCHEMA: u8 = 1;

    /// A practitioner's entry is public within the clinic.
    fn personal(&mut self) -> Option<&mut dyn PersonalSlot> {
        None
    }

    fn subject(&self, _: &AggregateRef) -> Option<PatientId> {
        None
    }

    fn decode(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError> {
        match schema {
            Self::SCHEMA => decode_current(shared, personal),
            unknown => Err(DecodeError::UnknownSchema(unknown)),
        }
    }
}
