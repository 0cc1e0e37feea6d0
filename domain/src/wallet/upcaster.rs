//! Reads every schema of a wallet's events ever written.

use cqrs_es::DomainEvent;

use super::event::WalletEvent;
use crate::kernel::{AggregateRef, ClinicEvent, DecodeError, PatientId, PersonalSlot, decode_current};

impl DomainEvent for WalletEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Claimed { .. } => "Claimed",
            Self::Released => "Released",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::SCHEMA.to_string()
    }
}

impl ClinicEvent for WalletEvent {
    const SCHEMA: u8 = 1;

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
