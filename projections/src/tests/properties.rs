//! What holds for every history.

use std::collections::BTreeSet;

use domain::kernel::{AppointmentId, Personal};
use proptest::prelude::*;

use crate::appointments::status_of;

use super::memory::{History, Memory, history, sealed, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn rows_do_not_depend_on_how_the_log_was_cut_into_blocks(
        steps in steps(),
        sizes in prop::collection::vec(1_usize..9, 120),
    ) {
        let History { commits, .. } = history(&steps);
        let mut one_by_one = Memory::default();
        commits.iter().for_each(|commit| one_by_one.apply(commit));
        let mut in_blocks = Memory::default();
        let mut rest = commits.as_slice();
        for size in sizes {
            let (block, left) = rest.split_at(size.min(rest.len()));
            in_blocks.apply(&block.concat());
            rest = left;
        }
        prop_assert_eq!(&in_blocks, &one_by_one);
        let mut at_once = Memory::default();
        at_once.apply(&commits.concat());
        prop_assert_eq!(&at_once, &one_by_one);
    }

    #[test]
    fn relationships_are_what_the_appointments_say(steps in steps()) {
        let History { commits, .. } = history(&steps);
        let mut memory = Memory::default();
        for commit in commits {
            memory.apply(&commit);
            prop_assert_eq!(&memory.relationships, &memory.derive());
        }
    }

    #[test]
    fn slots_are_free_exactly_when_the_calendar_says_so(steps in steps()) {
        let History { commits, calendars, .. } = history(&steps);
        let mut memory = Memory::default();
        commits.iter().for_each(|commit| memory.apply(commit));
        let expected: BTreeSet<_> = calendars
            .iter()
            .flat_map(|(id, calendar)| calendar.aggregate().free_slots().map(|slot| (*id, slot)).collect::<Vec<_>>())
            .collect();
        prop_assert_eq!(memory.free(), expected);
    }

    #[test]
    fn appointments_are_those_of_the_calendars(steps in steps()) {
        let History { commits, calendars, encounters } = history(&steps);
        let mut memory = Memory::default();
        commits.iter().for_each(|commit| memory.apply(commit));
        let mut known = 0;
        for (id, day) in &calendars {
            for (appointment, expected) in day.aggregate().appointments() {
                let row = &memory.appointments[&appointment];
                prop_assert_eq!((row.calendar(), row.slot(), row.status), (*id, expected.slot, expected.status));
                prop_assert_eq!((row.recorded, Some(row.version)), (false, day.version_of(appointment.uuid())));
                known += 1;
            }
            let here = memory.appointments.values().filter(|row| row.calendar() == *id && !row.recorded);
            let version = here.map(|row| row.version).max().max(memory.calendars.get(id).map(|row| row.version));
            prop_assert_eq!(version.unwrap_or(0), day.version());
        }
        for (id, encounter) in &encounters {
            let row = &memory.appointments[&AppointmentId::new(id.id)];
            let filed = encounter.aggregate().filed().and_then(Personal::known).unwrap();
            prop_assert_eq!((row.day, row.owner, row.slot()), (filed.day, filed.provider.uuid(), filed.slot));
            prop_assert_eq!((row.patient, row.practitioner), (Some(id.patient), filed.provider.practitioner()));
            prop_assert_eq!(Some(row.status), encounter.aggregate().status().map(status_of));
            prop_assert_eq!((row.recorded, row.version), (true, encounter.version()));
            known += 1;
        }
        prop_assert_eq!(memory.appointments.len(), known);
    }

    #[test]
    fn who_comes_does_not_change_what_is_free(steps in steps()) {
        let History { commits, .. } = history(&steps);
        let (mut open, mut closed) = (Memory::default(), Memory::default());
        for commit in commits {
            open.apply(&commit);
            closed.apply(&commit.iter().map(sealed).collect::<Vec<_>>());
        }
        prop_assert_eq!(open.runs, closed.runs);
        let booked = open.appointments.values().filter(|row| !row.recorded);
        prop_assert_eq!(booked.count(), closed.appointments.len());
        prop_assert!(closed.appointments.values().all(|row| row.patient.is_none()));
        prop_assert!(closed.relationships.is_empty());
    }
}
