//! What holds for every history.

use std::collections::BTreeSet;

use application::log::{AnyEvent, OpenedEvent};
use domain::kernel::{AppointmentId, CalendarId};
use proptest::prelude::*;

use super::memory::{Memory, history, sealed, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn rows_do_not_depend_on_how_the_log_was_cut_into_blocks(
        steps in steps(),
        sizes in prop::collection::vec(1_usize..9, 120),
    ) {
        let (commits, _) = history(&steps);
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
        let (commits, _) = history(&steps);
        let mut memory = Memory::default();
        for commit in commits {
            memory.apply(&commit);
            prop_assert_eq!(&memory.relationships, &memory.derive());
        }
    }

    #[test]
    fn slots_are_free_exactly_when_the_calendar_says_so(steps in steps()) {
        let (commits, calendars) = history(&steps);
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
        let (commits, calendars) = history(&steps);
        let mut memory = Memory::default();
        commits.iter().for_each(|commit| memory.apply(commit));
        let mut known = 0;
        for (id, calendar) in &calendars {
            let (version_of, version_of_day) = (|id: AppointmentId| calendar.version_of(id.uuid()), calendar.version());
            let calendar = calendar.aggregate();
            // A recorded visit is the whole of its calendar.
            let visit = calendar.visit().map(|(home, visit)| (*home, AppointmentId::new(id.owner), visit, Some(version_of_day)));
            let booked = calendar.appointments();
            let booked = booked.map(|(appointment, booked)| (*id, appointment, booked, version_of(appointment)));
            for (home, appointment, expected, version) in booked.chain(visit) {
                let row = &memory.appointments[&appointment];
                prop_assert_eq!(row.calendar, home);
                prop_assert_eq!(row.slot, expected.slot);
                prop_assert_eq!(row.status, expected.status);
                prop_assert_eq!(row.recorded, expected.recorded.is_some());
                prop_assert_eq!(Some(row.version), version);
                known += 1;
            }
            let streams = memory.appointments.iter().map(|(appointment, row)| {
                let own = CalendarId::of_visit(*appointment);
                (if row.recorded { own } else { row.calendar }, row.version)
            });
            let version = streams.filter(|(stream, _)| stream == id).map(|(_, version)| version).max();
            let version = version.max(memory.calendars.get(id).map(|row| row.version));
            prop_assert_eq!(version.unwrap_or(0), version_of_day);
        }
        prop_assert_eq!(memory.appointments.len(), known);
    }

    #[test]
    fn who_comes_does_not_change_what_is_free(steps in steps()) {
        let (commits, _) = history(&steps);
        let (mut open, mut closed) = (Memory::default(), Memory::default());
        for commit in commits {
            open.apply(&commit);
            let without_keys = commit.into_iter().map(|event| match &event.event {
                AnyEvent::Calendar(id, calendar) => OpenedEvent {
                    event: AnyEvent::Calendar(*id, sealed(calendar)),
                    ..event
                },
                _ => event,
            });
            closed.apply(&without_keys.collect::<Vec<_>>());
        }
        prop_assert_eq!(open.runs, closed.runs);
        prop_assert_eq!(open.appointments.len(), closed.appointments.len());
        prop_assert!(closed.appointments.values().all(|row| row.patient.is_none()));
        prop_assert!(closed.relationships.is_empty());
    }
}
