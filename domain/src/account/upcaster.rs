//! Reads every schema of an account's events ever written.

use cqrs_es::DomainEvent;

use super::event::{AccountEvent, Holder, Said};
use crate::kernel::{AggregateRef, ClinicEvent, DecodeError, PatientId, PersonalSlot, decode_current};

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "Opened",
            Self::KeyIssued { .. } => "KeyIssued",
            Self::KeyRevoked { .. } => "KeyRevoked",
            Self::Closed => "Closed",
            Self::WalletBound { .. } => "WalletBound",
            Self::WalletUnbound { .. } => "WalletUnbound",
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
                holder: Holder::Patient(patient),
            } => Some(patient),
            Self::WalletBound {
                binding: Said::OfPatient(binding),
            } => Some(binding),
            Self::WalletUnbound {
                reason: Said::OfPatient(reason),
            } => Some(reason),
            _ => None,
        }
    }

    fn subject(&self, _: &AggregateRef) -> Option<PatientId> {
        match self {
            Self::Opened { holder } => holder.patient(),
            Self::WalletBound { binding } => binding.patient(),
            Self::WalletUnbound { reason } => reason.patient(),
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
