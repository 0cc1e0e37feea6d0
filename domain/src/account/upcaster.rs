//! Reads every schema of an account's events ever written.

use cqrs_es::DomainEvent;

use super::event::{AccountEvent, Holder};
use crate::kernel::{AggregateRef, ClinicEvent, DecodeError, PatientId, PersonalSlot, decode_current};

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "Opened",
            Self::KeyIssued { .. } => "KeyIssued",
            Self::KeyRevoked { .. } => "KeyRevoked",
            Self::Closed => "Closed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::SCHEMA.to_string()
    }
}

impl ClinicEvent for AccountEvent {
    const SCHEMA: u8 = 1;

    fn personal(&mut self) -> Option<&mut dyn PersonalSlot> {
        match self {
            Self::Opened {
                holder: Holder::Patient(login),
            } => Some(login),
            _ => None,
        }
    }

    fn subject(&self, _: &AggregateRef) -> Option<PatientId> {
        match self {
            Self::Opened { holder } => holder.patient(),
            _ => None,
        }
    }

    fn decode(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError> {
        match schema {
            Self::SCHEMA => decode_current(shared, personal),
            unknown => Err(DecodeError::UnknownSchema(unknown)),
        }
    }
}
