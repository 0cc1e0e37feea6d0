//! What all aggregates share: typed ids, time, personal values, and the shape of an event, an aggregate and a refusal.

mod aggregate;
mod clinical;
mod contradiction;
mod event;
mod ids;
mod personal;
mod reference;
mod refusal;
mod seal;
mod sharing;
mod slot;
mod source;
mod teller;
#[cfg(test)]
pub(crate) mod testing;
mod text;
pub mod time;
pub mod typed_data;

pub use aggregate::{ClinicAggregate, Versioned};
pub use clinical::{Address, CodeSystem, Coding, Concept, Gender, HumanName, Identifier, Wallet};
pub use contradiction::Contradiction;
pub(crate) use contradiction::contradicts;
pub use event::{ClinicEvent, DecodeError, EncodedEvent, decode_as, decode_current};
pub use ids::*;
pub(crate) use ids::{compact_bytes, compact_uuid};
pub use personal::{Personal, PersonalField, PersonalSlot, PersonalValue};
pub use reference::{AggregateRef, AggregateType, Identity, Parts, RefError};
pub use refusal::{DomainError, RefusalKind, Resource};
pub use seal::{Category, Seal};
pub use sharing::MARK_IN_TEXT as SHARED_MARK;
pub use slot::Slot;
pub use source::{NoSourceId, SourceId, Sources};
pub use teller::Teller;
pub use text::{Flaw, TextRule};
