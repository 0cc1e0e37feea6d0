//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;

use super::GrantsEvent;
use crate::consent::{Details, Grant, Granted, Grantee, Purpose, SignerId, StaffRole};
use crate::kernel::{Category, Personal, PractitionerId};
use crate::samples::strategies::{personal, texts, uuids};
use crate::samples::values::{id, text};

/// A grant to somebody, of this.
fn grant(grantee: Grantee, categories: Vec<Granted>, purpose: Purpose) -> Grant {
    Grant {
        patient: SignerId([0x11; 20]),
        details: Details {
            name: text("Dr. Elizabeth Blackwell"),
            grantee,
            categories,
            documents: vec![id(7)],
            from: 1_700_000_000,
            until: 1_800_000_000,
            purpose,
            may_write: true,
            grantee_salt: [0x22; 32],
            salt: [0x33; 32],
        },
        not_before: 1_790_000_000,
        expiry: 1_890_000_000,
        epoch: 1,
        grantee_epoch: 2,
        deadline: 1_790_003_600,
    }
}

/// Every event, with every kind of grantee, role of the staff, category and purpose.
pub(crate) fn examples() -> Vec<GrantsEvent> {
    let categories = Category::ALL.map(Granted::Category);
    let doctor = Grantee::Practitioner(PractitionerId::new(id(2)));
    let roles = StaffRole::iter().map(|role| grant(Grantee::Role(1, role), vec![Granted::Record], Purpose::Payment));
    let grants = [
        grant(doctor, categories.to_vec(), Purpose::Treatment),
        grant(Grantee::Organisation(3), vec![Granted::Record], Purpose::Research),
    ];
    let grants = grants.into_iter().chain(roles);
    let prepared = |grant| GrantsEvent::Prepared {
        id: id(1),
        grant: Personal::Known(grant),
    };
    grants.map(prepared).collect()
}

/// Any grantee.
fn grantees() -> impl Strategy<Value = Grantee> {
    prop_oneof![
        uuids().prop_map(|id| Grantee::Practitioner(PractitionerId::new(id))),
        any::<u32>().prop_map(Grantee::Organisation),
        (any::<u32>(), select(StaffRole::iter().collect::<Vec<_>>()))
            .prop_map(|(number, role)| Grantee::Role(number, role)),
    ]
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = GrantsEvent> {
    let granted = prop_oneof![
        Just(Granted::Record),
        select(Category::ALL.to_vec()).prop_map(Granted::Category)
    ];
    let details = (
        texts(),
        grantees(),
        prop::collection::vec(granted, 0..4),
        prop::collection::vec(uuids(), 0..3),
        (any::<u64>(), any::<u64>(), any::<bool>()),
        select(vec![Purpose::Treatment, Purpose::Payment, Purpose::Research]),
        (any::<[u8; 32]>(), any::<[u8; 32]>()),
    )
        .prop_map(
            |(name, grantee, categories, documents, (from, until, may_write), purpose, (grantee_salt, salt))| Details {
                name,
                grantee,
                categories,
                documents,
                from,
                until,
                purpose,
                may_write,
                grantee_salt,
                salt,
            },
        );
    let grants = (any::<[u8; 20]>(), details, any::<[u64; 5]>()).prop_map(|(patient, details, numbers)| {
        let [not_before, expiry, epoch, grantee_epoch, deadline] = numbers;
        Grant {
            patient: SignerId(patient),
            details,
            not_before,
            expiry,
            epoch,
            grantee_epoch,
            deadline,
        }
    });
    (uuids(), personal(grants)).prop_map(|(id, grant)| GrantsEvent::Prepared { id, grant })
}
