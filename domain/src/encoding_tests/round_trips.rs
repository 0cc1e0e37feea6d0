//! Whatever is written reads back, in each of its two sections; whatever else arrives is refused without a panic.

use cqrs_es::DomainEvent;
use proptest::prelude::*;
use uuid::Uuid;

use crate::encounter::{Conclusion, EncounterEvent, Ending};
use crate::event::AnyEvent;
use crate::kernel::{
    AggregateRef, ClinicAggregate, ClinicEvent, DataSubject, DecodeError, EncounterId, Identity, Parts, PatientId,
    Personal, PractitionerId,
};

fn reads_back<A: ClinicAggregate>(event: &A::Event) {
    let encoded = event.encode().unwrap();
    assert_eq!(encoded.schema, A::Event::SCHEMA);
    assert_eq!(event.event_version(), A::Event::SCHEMA.to_string());
    let read = |personal| A::Event::decode(encoded.schema, &encoded.shared, personal).unwrap();
    assert_eq!(read(encoded.personal.as_deref()), *event);
    let mut sealed = read(None);
    assert_eq!(sealed == *event, encoded.personal.is_none());
    assert_eq!(
        sealed.encode().unwrap().shared,
        encoded.shared,
        "what is shared does not depend on what is personal"
    );
    assert!(sealed.personal().is_none_or(|slot| slot.encode() == Ok(None)));
    let longer = [encoded.shared.as_slice(), &[0]].concat();
    assert!(matches!(
        A::Event::decode(encoded.schema, &longer, None),
        Err(DecodeError::Malformed { .. })
    ));
    let json = serde_json::to_string(event).unwrap();
    assert_eq!(
        serde_json::from_str(&json).ok(),
        Some(sealed),
        "what is personal does not leave as JSON"
    );
    reads_back_as_any::<A>(event);
}

/// The event of any aggregate is that of its own.
fn reads_back_as_any<A: ClinicAggregate>(event: &A::Event) {
    let id = Uuid::from_u128(7);
    let parts = [
        Parts::Uuid(id),
        Parts::Day(id, chrono::NaiveDate::default()),
        Parts::InRecord(PatientId::new(id), id),
        Parts::Part(PatientId::new(id)),
        Parts::OfSubject(DataSubject::Patient(PatientId::new(id))),
        Parts::Bucket(7),
    ];
    let of = parts.into_iter().find_map(A::Id::from_parts).unwrap().into();
    let encoded = AnyEvent::of(of, event.clone()).unwrap().encode().unwrap();
    let (stream, shared) = (of.stream(), encoded.shared.as_slice());
    let any = AnyEvent::decode(stream, encoded.schema, shared, encoded.personal.as_deref()).unwrap();
    assert_eq!(
        (any.aggregate(), any.subject(), any.encode().as_ref()),
        (of, event.subject(&of), Ok(&encoded))
    );
    assert!(AnyEvent::knows(stream, encoded.schema, shared) && !AnyEvent::knows(stream, 0, shared));
    assert_eq!(any.typed::<A::Event>().as_ref(), Some(event));
}

/// Also folds what could be read: `apply` takes anything.
fn survives<A: ClinicAggregate>(schema: u8, shared: &[u8], personal: Option<&[u8]>) {
    match A::Event::decode(schema, shared, personal) {
        Ok(event) => {
            let mut aggregate = A::default();
            aggregate.apply(event.clone());
            aggregate.apply(event);
        }
        Err(DecodeError::UnknownSchema(unknown)) => assert_eq!(unknown, schema),
        Err(DecodeError::Malformed { schema: named, .. }) => assert_eq!(named, schema),
    }
}

/// Changes one byte of an event's encoding, or cuts it there.
fn damaged<A: ClinicAggregate>(event: &A::Event, at: prop::sample::Index, to: u8, cut: bool) {
    let encoded = event.encode().unwrap();
    let damage = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = to;
            if cut {
                bytes.truncate(at);
            }
        }
        bytes
    };
    survives::<A>(encoded.schema, &damage(&encoded.shared), encoded.personal.as_deref());
    if let Some(personal) = encoded.personal {
        survives::<A>(encoded.schema, &encoded.shared, Some(&damage(&personal)));
    }
}

fn no_schema_but_todays<A: ClinicAggregate>(event: &A::Event, schema: u8) {
    let shared = event.encode().unwrap().shared;
    if schema == 0 || schema > A::Event::SCHEMA {
        assert_eq!(
            A::Event::decode(schema, &shared, None),
            Err(DecodeError::UnknownSchema(schema))
        );
    }
}

macro_rules! tests {
    ($(
        $(#[$doc:meta])*
        $code:literal $name:ident: $Aggregate:ident { id: $kind:ident $Id:ident, $($rest:tt)* }
    )*) => {
        fn all_survive(schema: u8, shared: &[u8], personal: Option<&[u8]>) {
            $( survives::<crate::$name::$Aggregate>(schema, shared, personal); )*
        }

        proptest! {
            #[test]
            fn every_event_reads_back_with_its_personal_section_and_without($( $name in crate::$name::samples::strategy().boxed() ),*) {
                $( reads_back::<crate::$name::$Aggregate>(&$name); )*
            }

            #[test]
            fn an_unknown_schema_is_refused(schema in any::<u8>(), $( $name in crate::$name::samples::strategy().boxed() ),*) {
                $( no_schema_but_todays::<crate::$name::$Aggregate>(&$name, schema); )*
            }

            #[test]
            fn no_damage_to_an_event_makes_reading_panic(
                at in any::<prop::sample::Index>(),
                to in any::<u8>(),
                cut in any::<bool>(),
                $( $name in crate::$name::samples::strategy().boxed() ),*
            ) {
                $( damaged::<crate::$name::$Aggregate>(&$name, at, to, cut); )*
            }
        }
    };
}

aggregates!(tests);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_bytes_whatever_make_reading_panic(
        schema in prop_oneof![4 => 1..4_u8, 1 => any::<u8>()],
        // The first byte names the variant: mostly one that exists.
        variant in 0..12_u8,
        shared in prop::collection::vec(any::<u8>(), 0..80),
        personal in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
    ) {
        all_survive(schema, &shared, personal.as_deref());
        all_survive(schema, &[&[variant], shared.as_slice()].concat(), personal.as_deref());
    }
}

#[test]
fn an_event_of_a_record_says_of_which_aggregate_it_is() {
    let patient = PatientId::new(Uuid::from_u128(7));
    let id = EncounterId {
        patient,
        id: Uuid::from_u128(8),
    };
    let event = EncounterEvent::Concluded {
        conclusion: Personal::Known(Conclusion {
            ending: Ending::NoShow,
            as_of: chrono::DateTime::UNIX_EPOCH,
        }),
    };
    let encoded = AnyEvent::Encounter(id, event.clone()).encode().unwrap();
    assert_eq!(encoded.schema, 0x81);
    assert_eq!(encoded.shared[..17], [&[6], id.id.as_bytes().as_slice()].concat());
    assert_eq!(encoded.shared[17..], event.encode().unwrap().shared);

    let read = |stream: AggregateRef, shared: &[u8]| AnyEvent::decode(stream, 0x81, shared, None);
    let short = read(patient.into(), &encoded.shared[..16]);
    assert!(matches!(short, Err(DecodeError::Malformed { .. })), "{short:?}");
    let with_kind = |kind: u8| [&[kind], &encoded.shared[1..]].concat();
    // Nothing has that number: a newer program's.
    let newer = with_kind(200);
    assert_eq!(read(patient.into(), &newer), Err(DecodeError::UnknownSchema(0x81)));
    assert!(!AnyEvent::knows(patient.into(), 0x81, &newer));
    // No stream but a patient's is a record, and a patient shares nobody's stream: a mistake.
    for (stream, shared) in [
        (PractitionerId::new(patient.uuid()).into(), encoded.shared.clone()),
        (patient.into(), with_kind(1)),
    ] {
        let mistaken = read(stream, &shared);
        assert!(
            matches!(mistaken, Err(DecodeError::Malformed { .. })),
            "{stream}: {mistaken:?}"
        );
        assert!(AnyEvent::knows(stream, 0x81, &shared), "{stream}");
    }
}
