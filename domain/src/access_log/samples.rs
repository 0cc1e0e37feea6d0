//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;

use super::{AccessLogEvent, Basis, Named, OpenedAs, Prepared, Read, Reader, Reading, Reads, Shown};
use crate::account::Role;
use crate::consent::Purpose;
use crate::kernel::{AccountId, Category, EngagementId, Personal, PractitionerId};
use crate::samples::strategies::{millis, personal, uuids};
use crate::samples::values::{id, time};
use crate::treatment::Act;

/// Reads of all kinds of readers, of everything that can be shown, by every right; those that came later in an event of their own.
pub(crate) fn examples() -> Vec<AccessLogEvent> {
    let account = AccountId::new(id(3));
    let (key, role) = (id(4), Role::Hospital);
    let by = |reader, basis| Reading {
        reader,
        shown: Shown::Chart,
        categories: vec![Category::Summary, Category::Medication],
        basis,
    };
    let of = |shown| Reading {
        reader: Reader::Patient,
        shown,
        categories: vec![Category::Identity],
        basis: Basis::Own,
    };
    let grants =
        |purpose, grants: &[u128]| Basis::Grants(purpose, grants.iter().map(|grant| Prepared(id(*grant))).collect());
    let doctor = PractitionerId::new(id(2));
    let first = [
        by(Reader::Patient, Basis::Own),
        by(Reader::Practitioner(doctor), grants(Purpose::Treatment, &[5, 6])),
        by(Reader::Staff { account, role }, Basis::Role),
        by(Reader::Service { account, key, role }, grants(Purpose::Payment, &[])),
    ];
    let service_for = |person| Reader::ServiceFor {
        account,
        key,
        role,
        person,
    };
    let later = [
        by(
            service_for(Named::Staff(AccountId::new(id(7)))),
            Basis::Treatment(Act::Wallet),
        ),
        by(service_for(Named::Practitioner(doctor)), Basis::Treatment(Act::Paper)),
        of(Shown::Treatment),
        of(Shown::Reports),
    ];
    let came_later = [
        Shown::Treatment,
        Shown::Reports,
        Shown::Emergencies,
        Shown::Export,
        Shown::AccessLog,
    ];
    let shown = Shown::iter().filter(|shown| !came_later.contains(shown));
    let first = first.into_iter().chain(shown.map(of)).collect();
    let last = [
        by(
            Reader::Practitioner(doctor),
            Basis::Emergencies(vec![OpenedAs(id(9)), OpenedAs(id(8))], vec![Prepared(id(5))]),
        ),
        of(Shown::Emergencies),
    ];
    let export = vec![of(Shown::Export)];
    let auditor = Reader::Staff {
        account,
        role: Role::Auditor,
    };
    let audited = vec![Reading {
        reader: auditor,
        shown: Shown::AccessLog,
        categories: vec![Category::Access],
        basis: Basis::Engagement(EngagementId::new(id(10))),
    }];
    vec![
        logged(first),
        logged(later.into()),
        logged(last.into()),
        logged(export),
        logged(audited),
    ]
}

/// That each of these was read three times.
fn logged(readings: Vec<Reading>) -> AccessLogEvent {
    let reads = readings.into_iter().flat_map(|reading| {
        let at = [
            "2026-03-01T08:00:00.250Z",
            "2026-03-01T08:00:01Z",
            "2026-03-01T09:30:00Z",
        ];
        at.map(|at| Read::new(time(at), reading.clone()))
    });
    AccessLogEvent::ReadsLogged {
        reads: Personal::Known(Reads::from(reads.collect::<Vec<_>>())),
    }
}

/// Anybody for whom a service asks.
fn persons() -> impl Strategy<Value = Named> {
    prop_oneof![
        uuids().prop_map(|id| Named::Staff(AccountId::new(id))),
        uuids().prop_map(|id| Named::Practitioner(PractitionerId::new(id))),
    ]
}

/// Any reader.
fn readers() -> impl Strategy<Value = Reader> {
    let roles = || select(vec![Role::Doctor, Role::Hospital, Role::Administrator]);
    prop_oneof![
        Just(Reader::Patient),
        uuids().prop_map(|id| Reader::Practitioner(PractitionerId::new(id))),
        (uuids(), roles()).prop_map(|(id, role)| Reader::Staff {
            account: AccountId::new(id),
            role
        }),
        (uuids(), uuids(), roles()).prop_map(|(id, key, role)| Reader::Service {
            account: AccountId::new(id),
            key,
            role
        }),
        (uuids(), uuids(), roles(), persons()).prop_map(|(id, key, role, person)| Reader::ServiceFor {
            account: AccountId::new(id),
            key,
            role,
            person,
        }),
    ]
}

/// Any right.
fn rights() -> impl Strategy<Value = Basis> {
    let purposes = || select(vec![Purpose::Treatment, Purpose::Payment, Purpose::Research]);
    prop_oneof![
        Just(Basis::Own),
        Just(Basis::Role),
        (purposes(), prop::collection::vec(uuids().prop_map(Prepared), 0..3))
            .prop_map(|(purpose, grants)| Basis::Grants(purpose, grants)),
        select(Act::iter().collect::<Vec<_>>()).prop_map(Basis::Treatment),
        (
            prop::collection::vec(uuids().prop_map(OpenedAs), 0..3),
            prop::collection::vec(uuids().prop_map(Prepared), 0..3),
        )
            .prop_map(|(emergencies, grants)| Basis::Emergencies(emergencies, grants)),
        uuids().prop_map(|id| Basis::Engagement(EngagementId::new(id))),
    ]
}

/// Any read.
pub(super) fn reads() -> impl Strategy<Value = Read> {
    let shown = select(Shown::iter().collect::<Vec<_>>());
    let categories = prop::collection::vec(select(Category::ALL.to_vec()), 0..3);
    (millis(), readers(), shown, categories, rights()).prop_map(|(at, reader, shown, categories, basis)| {
        let reading = Reading {
            reader,
            shown,
            categories,
            basis,
        };
        Read::new(at, reading)
    })
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = AccessLogEvent> {
    let reads = prop::collection::vec(reads(), 0..8).prop_map(Reads::from);
    personal(reads).prop_map(|reads| AccessLogEvent::ReadsLogged { reads })
}
