//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;

use super::{AccessLogEvent, Basis, Prepared, Read, Reader, Reading, Reads, Shown};
use crate::account::Role;
use crate::consent::Purpose;
use crate::kernel::{AccountId, Category, Personal, PractitionerId};
use crate::samples::strategies::{millis, personal, uuids};
use crate::samples::values::{id, time};

/// Reads of all kinds of readers, of everything that can be shown, by every right.
pub(crate) fn examples() -> Vec<AccessLogEvent> {
    let account = AccountId::new(id(3));
    let readers = [
        Reader::Patient,
        Reader::Practitioner(PractitionerId::new(id(2))),
        Reader::Staff {
            account,
            role: Role::Hospital,
        },
        Reader::Service {
            account,
            key: id(4),
            role: Role::Hospital,
        },
    ];
    let rights = [
        Basis::Own,
        Basis::Grants(Purpose::Treatment, vec![Prepared(id(5)), Prepared(id(6))]),
        Basis::Role,
        Basis::Grants(Purpose::Payment, Vec::new()),
    ];
    let by_each = readers.into_iter().zip(rights).map(|(reader, basis)| Reading {
        reader,
        shown: Shown::Chart,
        categories: vec![Category::Summary, Category::Medication],
        basis,
    });
    let of_each = Shown::iter().map(|shown| Reading {
        reader: Reader::Patient,
        shown,
        categories: vec![Category::Identity],
        basis: Basis::Own,
    });
    let reads = by_each.chain(of_each).flat_map(|reading| {
        let at = [
            "2026-03-01T08:00:00.250Z",
            "2026-03-01T08:00:01Z",
            "2026-03-01T09:30:00Z",
        ];
        at.map(|at| Read::new(time(at), reading.clone()))
    });
    vec![AccessLogEvent::ReadsLogged {
        reads: Personal::Known(Reads::from(reads.collect::<Vec<_>>())),
    }]
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
