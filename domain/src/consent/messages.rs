//! All that patients sign, and those who speak for them.

use serde::{Deserialize, Serialize};

use super::grant::Grant;
use super::ids::{GrantId, GranteeTag, SignerId};
use crate::kernel::typed_data::{Struct, Value};

/// What wallets call the registry.
pub const DOMAIN_NAME: &str = "Medconnect Consent";

/// What somebody signs about a patient of the registry. Numbers are those of `IConsentRegistry`; times are in seconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// Give a grant.
    Grant(Grant),
    /// Revoke one.
    Revocation {
        /// Whose.
        patient: SignerId,
        /// Which.
        grant: GrantId,
    },
    /// Revoke all to one grantee.
    GranteeRevocation {
        /// Whose.
        patient: SignerId,
        /// To whom.
        grantee: GranteeTag,
        /// The grantee's epoch, which ends.
        epoch: u64,
    },
    /// Revoke all.
    FullRevocation {
        /// Whose.
        patient: SignerId,
        /// The patient's epoch, which ends.
        epoch: u64,
    },
    /// Let somebody speak for the patient.
    Delegation {
        /// For whom.
        patient: SignerId,
        /// Who.
        delegate: SignerId,
        /// Until when.
        until: u64,
        /// The delegate's epoch.
        epoch: u64,
        /// Until when it may be handed in.
        deadline: u64,
    },
    /// End that.
    DelegationEnd {
        /// For whom it was.
        patient: SignerId,
        /// Whose.
        delegate: SignerId,
        /// The delegate's epoch, which ends.
        epoch: u64,
    },
    /// Say which guardians can give the patient another controller.
    Guardians {
        /// Whose.
        patient: SignerId,
        /// The hash of the list; 0 for none.
        guardians: [u8; 32],
        /// The number of the control, which ends.
        number: u64,
        /// Until when it may be handed in.
        deadline: u64,
    },
    /// Make somebody else the controller.
    Controller {
        /// Whose.
        patient: SignerId,
        /// Who it becomes.
        controller: SignerId,
        /// The number of the control, which ends.
        number: u64,
        /// Until when it may be handed in.
        deadline: u64,
    },
    /// Begin to, as guardians.
    Recovery {
        /// Whose.
        patient: SignerId,
        /// Who it becomes.
        controller: SignerId,
        /// The number of the control, which ends.
        number: u64,
        /// Until when it may be handed in.
        deadline: u64,
    },
    /// Refuse that.
    RecoveryRefusal {
        /// Whose.
        patient: SignerId,
        /// The number of the control, which ends.
        number: u64,
    },
}

/// A grant, as far as revocations name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamedGrant {
    /// Whose.
    pub patient: SignerId,
    /// Which.
    pub grant: GrantId,
    /// To whom, in which epoch of the patient, and in which of the grantee, if that is known.
    pub given: Option<(GranteeTag, u64, u64)>,
}

impl Message {
    /// Whether it takes a grant away: what ends an epoch takes away what was given in it or before.
    pub fn takes_away(&self, named: &NamedGrant) -> bool {
        let is_it = match *self {
            Self::Revocation { grant, .. } => grant == named.grant,
            Self::GranteeRevocation { grantee, epoch, .. } => {
                let is_in_it = |(to, _, given_in)| to == grantee && given_in <= epoch;
                named.given.is_some_and(is_in_it)
            }
            Self::FullRevocation { epoch, .. } => named.given.is_some_and(|(_, given_in, _)| given_in <= epoch),
            Self::Grant(_)
            | Self::Delegation { .. }
            | Self::DelegationEnd { .. }
            | Self::Guardians { .. }
            | Self::Controller { .. }
            | Self::Recovery { .. }
            | Self::RecoveryRefusal { .. } => false,
        };
        is_it && self.patient() == named.patient
    }

    /// As it is signed.
    pub fn typed(&self) -> Struct {
        let patient = ("patient", Value::Address(self.patient().0));
        let (name, rest) = match self {
            Self::Grant(grant) => return grant.typed(),
            Self::Revocation { grant, .. } => ("Revocation", vec![("grant", Value::Bytes32(grant.0))]),
            Self::GranteeRevocation { grantee, epoch, .. } => (
                "GranteeRevocation",
                vec![
                    ("granteeTag", Value::Bytes32(grantee.0)),
                    ("epoch", Value::Number(*epoch)),
                ],
            ),
            Self::FullRevocation { epoch, .. } => ("FullRevocation", vec![("epoch", Value::Number(*epoch))]),
            Self::Delegation {
                delegate,
                until,
                epoch,
                deadline,
                ..
            } => (
                "Delegation",
                vec![
                    ("delegate", Value::Address(delegate.0)),
                    ("until", Value::Number(*until)),
                    ("epoch", Value::Number(*epoch)),
                    ("deadline", Value::Number(*deadline)),
                ],
            ),
            Self::DelegationEnd { delegate, epoch, .. } => (
                "DelegationEnd",
                vec![
                    ("delegate", Value::Address(delegate.0)),
                    ("epoch", Value::Number(*epoch)),
                ],
            ),
            Self::Guardians {
                guardians,
                number,
                deadline,
                ..
            } => (
                "Guardians",
                numbered(("guardians", Value::Bytes32(*guardians)), *number, *deadline),
            ),
            Self::Controller {
                controller,
                number,
                deadline,
                ..
            } => (
                "Controller",
                numbered(("controller", Value::Address(controller.0)), *number, *deadline),
            ),
            Self::Recovery {
                controller,
                number,
                deadline,
                ..
            } => (
                "Recovery",
                numbered(("controller", Value::Address(controller.0)), *number, *deadline),
            ),
            Self::RecoveryRefusal { number, .. } => ("RecoveryRefusal", vec![("number", Value::Number(*number))]),
        };
        Struct {
            name,
            members: std::iter::once(patient).chain(rest).collect(),
        }
    }

    /// Whom of the registry it is about.
    pub const fn patient(&self) -> SignerId {
        match self {
            Self::Grant(grant) => grant.patient,
            Self::Revocation { patient, .. }
            | Self::GranteeRevocation { patient, .. }
            | Self::FullRevocation { patient, .. }
            | Self::Delegation { patient, .. }
            | Self::DelegationEnd { patient, .. }
            | Self::Guardians { patient, .. }
            | Self::Controller { patient, .. }
            | Self::Recovery { patient, .. }
            | Self::RecoveryRefusal { patient, .. } => *patient,
        }
    }
}

/// What changes the control names its number, and a deadline.
fn numbered(what: (&'static str, Value), number: u64, deadline: u64) -> Vec<(&'static str, Value)> {
    vec![
        what,
        ("number", Value::Number(number)),
        ("deadline", Value::Number(deadline)),
    ]
}
