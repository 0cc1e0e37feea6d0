//! Whatever is written reads back, in each of its two sections; whatever else arrives is refused without a panic.

use proptest::prelude::*;

use super::strategies;
use crate::account::Account;
use crate::calendar::{Calendar, CalendarEvent};
use crate::kernel::{ClinicAggregate, ClinicEvent, DecodeError};
use crate::patient::Patient;
use crate::practitioner::Practitioner;
use crate::wallet::WalletClaim;

fn reads_back<E: ClinicEvent>(event: &E) {
    let encoded = event.encode().unwrap();
    assert_eq!(encoded.schema, E::SCHEMA);
    assert_eq!(event.event_version(), E::SCHEMA.to_string());
    let read = |personal| E::decode(encoded.schema, &encoded.shared, personal).unwrap();
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
        E::decode(encoded.schema, &longer, None),
        Err(DecodeError::Malformed { .. })
    ));
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

fn all_survive(schema: u8, shared: &[u8], personal: Option<&[u8]>) {
    survives::<Patient>(schema, shared, personal);
    survives::<Practitioner>(schema, shared, personal);
    survives::<Calendar>(schema, shared, personal);
    survives::<Account>(schema, shared, personal);
    survives::<WalletClaim>(schema, shared, personal);
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
    if schema != A::Event::SCHEMA {
        assert_eq!(
            A::Event::decode(schema, &shared, None),
            Err(DecodeError::UnknownSchema(schema))
        );
    }
}

proptest! {
    #[test]
    fn every_event_reads_back_with_its_personal_section_and_without(
        patient in strategies::patient(),
        practitioner in strategies::practitioner(),
        calendar in strategies::calendar(),
        account in strategies::account(),
        wallet in strategies::wallet(),
    ) {
        reads_back(&patient);
        reads_back(&practitioner);
        reads_back(&calendar);
        reads_back(&account);
        reads_back(&wallet);
    }

    #[test]
    fn every_event_reads_back_from_json_with_its_personal_field_sealed(
        practitioner in strategies::practitioner(),
        calendar in strategies::calendar(),
    ) {
        let json = serde_json::to_string(&practitioner).unwrap();
        prop_assert_eq!(serde_json::from_str(&json).ok(), Some(practitioner));
        let encoded = calendar.encode().unwrap();
        let sealed = CalendarEvent::decode(encoded.schema, &encoded.shared, None).ok();
        prop_assert_eq!(serde_json::from_str(&serde_json::to_string(&calendar).unwrap()).ok(), sealed);
    }

    #[test]
    fn an_unknown_schema_is_refused(
        schema in any::<u8>(),
        patient in strategies::patient(),
        practitioner in strategies::practitioner(),
        calendar in strategies::calendar(),
        account in strategies::account(),
        wallet in strategies::wallet(),
    ) {
        no_schema_but_todays::<Patient>(&patient, schema);
        no_schema_but_todays::<Practitioner>(&practitioner, schema);
        no_schema_but_todays::<Calendar>(&calendar, schema);
        no_schema_but_todays::<Account>(&account, schema);
        no_schema_but_todays::<WalletClaim>(&wallet, schema);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_bytes_whatever_make_reading_panic(
        schema in prop_oneof![4 => Just(1), 1 => any::<u8>()],
        // The first byte names the variant: mostly one that exists.
        variant in 0..12_u8,
        shared in prop::collection::vec(any::<u8>(), 0..80),
        personal in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
    ) {
        all_survive(schema, &shared, personal.as_deref());
        all_survive(schema, &[&[variant], shared.as_slice()].concat(), personal.as_deref());
    }
}

proptest! {
    #[test]
    fn no_damage_to_an_event_makes_reading_panic(
        patient in strategies::patient(),
        practitioner in strategies::practitioner(),
        calendar in strategies::calendar(),
        account in strategies::account(),
        wallet in strategies::wallet(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
        cut in any::<bool>(),
    ) {
        damaged::<Patient>(&patient, at, to, cut);
        damaged::<Practitioner>(&practitioner, at, to, cut);
        damaged::<Calendar>(&calendar, at, to, cut);
        damaged::<Account>(&account, at, to, cut);
        damaged::<WalletClaim>(&wallet, at, to, cut);
    }
}
