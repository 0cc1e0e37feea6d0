//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;

use super::{Claim, ClaimsEvent, Name};
use crate::kernel::{AccountId, DataSubject, PatientId, Personal, PractitionerId, Wallet};
use crate::samples::strategies::{personal, some_identifier, uuids};
use crate::samples::values::{id, identifier};

/// Every event of a bucket of claims, with every kind of name and of subject.
pub(crate) fn examples() -> Vec<ClaimsEvent> {
    let of_patient = Claim {
        name: Name::OfPatient(identifier("urn:uuid:1")),
        subject: DataSubject::Patient(PatientId::new(id(1))),
    };
    let of_practitioner = Claim {
        name: Name::OfPractitioner(identifier("urn:uuid:2")),
        subject: DataSubject::Practitioner(PractitionerId::new(id(2))),
    };
    let wallet = Claim {
        name: Name::Wallet(Wallet([0x77; 20])),
        subject: DataSubject::Staff(AccountId::new(id(3))),
    };
    let claimed = |claim: &Claim| ClaimsEvent::Claimed {
        claim: Personal::Known(claim.clone()),
    };
    vec![
        claimed(&of_patient),
        claimed(&of_practitioner),
        claimed(&wallet),
        ClaimsEvent::Released {
            claim: Personal::Known(wallet),
        },
    ]
}

/// Any name.
pub(crate) fn names() -> impl Strategy<Value = Name> {
    prop_oneof![
        some_identifier().prop_map(Name::OfPatient),
        some_identifier().prop_map(Name::OfPractitioner),
        any::<[u8; 20]>().prop_map(|wallet| Name::Wallet(Wallet(wallet))),
    ]
}

/// Any data subject.
pub(crate) fn subjects() -> impl Strategy<Value = DataSubject> {
    (uuids(), 0..3_u8).prop_map(|(id, kind)| match kind {
        0 => DataSubject::Patient(PatientId::new(id)),
        1 => DataSubject::Practitioner(PractitionerId::new(id)),
        _ => DataSubject::Staff(AccountId::new(id)),
    })
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = ClaimsEvent> {
    let claims = || personal((names(), subjects()).prop_map(|(name, subject)| Claim { name, subject }));
    prop_oneof![
        claims().prop_map(|claim| ClaimsEvent::Claimed { claim }),
        claims().prop_map(|claim| ClaimsEvent::Released { claim }),
    ]
}
