//! What holds after any sequence of commands.

use proptest::prelude::*;

use super::*;
use crate::kernel::{AggregateRef, ClinicAggregate as _, ClinicEvent as _, EncounterId, PatientId};

fn commands() -> impl Strategy<Value = EncounterCommand> {
    let now = prop::sample::select(vec![at(8, 0), at(12, 0)]);
    let outcomes = prop::sample::select(vec![
        Outcome::Completed,
        Outcome::Cancelled,
        Outcome::Open,
        Outcome::EnteredInError,
    ]);
    let told = (
        (7..9_u128).prop_map(doctor),
        prop::sample::select(vec![slot(7, 0), slot(9, 0)]),
        prop::sample::select(vec![day(1), day(2)]),
        outcomes,
        prop::option::of((1..4_u32).prop_map(|hour| at(hour, 0))),
    );
    let filed = told.prop_map(|(provider, slot, day, outcome, as_of)| Filed {
        provider,
        slot,
        day,
        as_of,
        ..visit(outcome)
    });
    let endings = prop::sample::select(vec![
        Ending::Completed,
        Ending::NoShow,
        Ending::Cancelled { reason: None },
    ]);
    prop_oneof![
        3 => (filed, any::<bool>(), now.clone()).prop_map(|(filed, corrects, now)| {
            EncounterCommand::File(Told { filed, recognised: true, corrects, now })
        }),
        1 => (endings, now).prop_map(|(ending, now)| EncounterCommand::Conclude { ending, now }),
    ]
}

proptest! {
    #[test]
    fn it_is_what_was_told_first_unless_it_is_corrected_and_nothing_is_decided_twice(
        commands in prop::collection::vec(commands(), 0..20)
    ) {
        let mut encounter = Encounter::default();
        let mut is_told = false;
        for command in commands {
            let events = encounter.decide(command.clone()).unwrap_or_default();
            prop_assert!(events.len() <= 1);
            for event in events {
                if matches!(event, EncounterEvent::Filed { .. }) {
                    let corrects = matches!(&command, EncounterCommand::File(told) if told.corrects);
                    prop_assert!(corrects || !is_told, "filed again by {command:?}");
                    is_told = true;
                }
                let id = EncounterId { patient: PatientId::new(Uuid::from_u128(1)), id: Uuid::from_u128(2) };
                prop_assert_eq!(event.subject(&AggregateRef::from(id)), Some(id.patient.into()));
                prop_assert_eq!(encounter.contradiction(&event), None, "it is decided by {:?}", command);
                encounter.apply(event);
            }
            prop_assert_eq!(encounter.decide(command).unwrap_or_default(), vec![]);
        }
    }
}
