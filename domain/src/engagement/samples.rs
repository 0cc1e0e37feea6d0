//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;

use super::{AuditReason, AuditScope, EngagementEvent, Terms};
use crate::kernel::{AccountId, PatientId, Personal, PractitionerId};
use crate::samples::strategies::{millis, personal, texts, uuids};
use crate::samples::values::{id, time};

/// Every event: an engagement about each kind, for every reason.
pub(crate) fn examples() -> Vec<EngagementEvent> {
    let scopes = [
        AuditScope::Everybody,
        AuditScope::Patient(Personal::Known(PatientId::new(id(1)))),
        AuditScope::Practitioner {
            practitioner: PractitionerId::new(id(2)),
        },
        AuditScope::Account {
            account: AccountId::new(id(3)),
        },
    ];
    let begun = scopes.into_iter().zip(AuditReason::iter()).map(|(scope, reason)| {
        let is_named = scope != AuditScope::Everybody;
        let terms = Terms {
            auditor: AccountId::new(id(4)),
            from: time("2026-02-01T00:00:00Z"),
            until: time("2026-03-01T00:00:00.250Z"),
            reason,
            reference: is_named.then(|| "2026-17".to_owned()),
            at: time("2026-03-02T08:00:00.250Z"),
            ends: time("2026-03-09T08:00:00.250Z"),
        };
        EngagementEvent::Begun { scope, terms }
    });
    let ended = EngagementEvent::Ended {
        at: time("2026-03-04T08:00:00.250Z"),
    };
    begun.chain([ended]).collect()
}

/// Any scope, its patient known or sealed.
fn scopes() -> impl Strategy<Value = AuditScope> {
    prop_oneof![
        Just(AuditScope::Everybody),
        personal(uuids().prop_map(PatientId::new)).prop_map(AuditScope::Patient),
        uuids().prop_map(|practitioner| AuditScope::Practitioner {
            practitioner: PractitionerId::new(practitioner)
        }),
        uuids().prop_map(|account| AuditScope::Account {
            account: AccountId::new(account)
        }),
    ]
}

/// Any event.
pub(crate) fn strategy() -> impl Strategy<Value = EngagementEvent> {
    let reasons = select(AuditReason::iter().collect::<Vec<_>>());
    let times = (millis(), millis(), millis(), millis());
    let terms = (uuids(), times, reasons, prop::option::of(texts()));
    let terms = terms.prop_map(|(auditor, (from, until, at, ends), reason, reference)| Terms {
        auditor: AccountId::new(auditor),
        from,
        until,
        reason,
        reference,
        at,
        ends,
    });
    prop_oneof![
        (scopes(), terms).prop_map(|(scope, terms)| EngagementEvent::Begun { scope, terms }),
        millis().prop_map(|at| EngagementEvent::Ended { at }),
    ]
}
