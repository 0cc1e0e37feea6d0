//! A grant.

use serde::{Deserialize, Serialize};

use super::details::Details;
use super::ids::{GrantId, SignerId};
use crate::kernel::PersonalValue;
use crate::kernel::typed_data::{Struct, Value};

/// A grant. Times are in seconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Whose record it is about, as the registry knows them: a signer, or a ward.
    pub patient: SignerId,
    /// To whom what is granted.
    pub details: Details,
    /// From when on it holds.
    pub not_before: u64,
    /// When it ends; 0 for never.
    pub expiry: u64,
    /// The patient's, in which it is signed: it ends when all is revoked.
    pub epoch: u64,
    /// The grantee's: it ends when all of theirs is revoked.
    pub grantee_epoch: u64,
    /// Until when it may be handed in.
    pub deadline: u64,
}

impl PersonalValue for Grant {}

impl Grant {
    /// As it is signed.
    pub fn typed(&self) -> Struct {
        Struct {
            name: "Grant",
            members: vec![
                ("patient", Value::Address(self.patient.0)),
                ("details", Value::Struct(self.details.typed())),
                ("granteeTag", Value::Bytes32(self.details.grantee_tag().0)),
                ("notBefore", Value::Number(self.not_before)),
                ("expiry", Value::Number(self.expiry)),
                ("epoch", Value::Number(self.epoch)),
                ("granteeEpoch", Value::Number(self.grantee_epoch)),
                ("deadline", Value::Number(self.deadline)),
            ],
        }
    }

    /// Its id.
    pub fn id(&self) -> GrantId {
        GrantId(self.typed().hash())
    }
}
