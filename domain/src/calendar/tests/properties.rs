//! What holds after any sequence of commands.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::kernel::{AggregateRef, CalendarId, ClinicAggregate, ClinicEvent};

/// So few appointments that commands often mean the same one.
const IDS: u128 = 4;

/// A time on a grid of ten minutes within one hour: so few that slots are often offered, and meet, touch and overlap.
fn times() -> impl Strategy<Value = DateTime<Utc>> {
    (0..6_i64).prop_map(|step| at(8, 0) + TimeDelta::minutes(10 * step))
}

fn slots() -> impl Strategy<Value = Slot> {
    (times(), prop::sample::select(vec![10, 20, 30])).prop_map(|(start, minutes)| Slot { start, minutes })
}

/// Sessions that may well be refused; mostly one that goes on for an hour.
fn sessions() -> impl Strategy<Value = Vec<Session>> {
    let session = |longest: i64| {
        (slots(), 1..=longest).prop_map(|(slot, count)| Session {
            start: slot.start,
            end: slot.start + TimeDelta::minutes(count * i64::from(slot.minutes)),
            slot_minutes: slot.minutes,
        })
    };
    let hour = slots().prop_map(|slot| {
        vec![Session {
            start: slot.start,
            end: slot.start + TimeDelta::hours(1),
            slot_minutes: slot.minutes,
        }]
    });
    prop_oneof![2 => hour, 1 => prop::collection::vec(session(3), 0..3)]
}

fn bookings() -> impl Strategy<Value = Booking> {
    (0..2_u128).prop_map(|number| Booking {
        patient: patient(number),
        reason: None,
    })
}

/// A command, often one that some rule forbids.
fn commands() -> impl Strategy<Value = CalendarCommand> {
    use CalendarCommand as C;
    let ids = || (0..IDS).prop_map(id);
    // Mostly before the day, where everything can still happen.
    let now = || prop_oneof![8 => Just(the_day_before()), 1 => times()];
    let days = || prop::sample::select(vec![tomorrow(), date(2026, 3, 4)]);
    prop_oneof![
        3 => (sessions(), now()).prop_map(|(sessions, now)| C::PublishAvailability {
            day: day(), time_zone: BERLIN, sessions, now
        }),
        8 => (ids(), slots(), bookings(), now()).prop_map(|(appointment, slot, booking, now)| C::Book {
            appointment, slot, booking, now
        }),
        2 => ids().prop_map(|appointment| C::Confirm { appointment }),
        4 => (ids(), slots(), now()).prop_map(|(appointment, slot, now)| C::Reschedule {
            appointment, slot, now
        }),
        2 => (ids(), days(), now()).prop_map(|(appointment, to, now)| C::MoveOut {
            appointment, to, now
        }),
        4 => (ids(), slots(), days(), bookings(), now()).prop_map(|(appointment, slot, from, booking, now)| C::MoveIn {
            appointment, slot, from, booking, now
        }),
        1 => ids().prop_map(|appointment| C::Cancel {
            appointment, reason: Some("ill".to_owned())
        }),
        1 => (ids(), times()).prop_map(|(appointment, now)| C::Complete {
            appointment, now
        }),
        1 => (ids(), times()).prop_map(|(appointment, now)| C::MarkNoShow {
            appointment, now
        }),
    ]
}

/// A published day and what is then asked of it.
fn histories() -> impl Strategy<Value = Vec<CalendarCommand>> {
    let open = CalendarCommand::PublishAvailability {
        day: day(),
        time_zone: BERLIN,
        sessions: vec![session(8, 9, 10)],
        now: the_day_before(),
    };
    prop::collection::vec(commands(), 1..40).prop_map(move |rest| [vec![open.clone()], rest].concat())
}

/// Decides and folds each command; what is refused changes nothing.
fn run(commands: Vec<CalendarCommand>, mut each: impl FnMut(&CalendarCommand, &Calendar, &[CalendarEvent], &Calendar)) {
    let mut calendar = Calendar::default();
    for command in commands {
        let before = calendar.clone();
        let events = calendar.decide(command.clone()).unwrap_or_default();
        for event in &events {
            assert_eq!(
                calendar.contradiction(event),
                None,
                "{event:?} is decided by {command:?}"
            );
            calendar.apply(event.clone());
        }
        each(&command, &before, &events, &calendar);
    }
}

/// When a command that lets an appointment enter a slot was given.
fn time_of(command: &CalendarCommand) -> DateTime<Utc> {
    match command {
        CalendarCommand::Book { now, .. }
        | CalendarCommand::Reschedule { now, .. }
        | CalendarCommand::MoveIn { now, .. } => *now,
        other => panic!("no appointment enters a slot by {other:?}"),
    }
}

fn sealed(event: &CalendarEvent) -> CalendarEvent {
    let encoded = event.encode().unwrap();
    CalendarEvent::decode(encoded.schema, &encoded.shared, None).unwrap()
}

proptest! {
    #[test]
    fn a_session_offers_exactly_its_slots(sessions in sessions(), slot in slots(), minutes in 0..40_u32) {
        for session in &sessions {
            for slot in [slot, Slot { minutes, ..slot }] {
                prop_assert_eq!(session.offers(&slot), session.slots().any(|offered| offered == slot));
            }
        }
    }

    #[test]
    fn no_two_live_appointments_ever_overlap(commands in histories()) {
        run(commands, |command, _, _, calendar| {
            let live: Vec<_> = calendar.appointments().filter(|(_, appointment)| appointment.holds_slot()).collect();
            for (index, (id, one)) in live.iter().enumerate() {
                for (other_id, other) in &live[index + 1..] {
                    assert!(!one.slot.overlaps(&other.slot), "{id} and {other_id} overlap after {command:?}");
                }
            }
        });
    }

    #[test]
    fn a_slot_that_an_appointment_enters_was_offered_free_and_not_past(commands in histories()) {
        run(commands, |command, before, events, _| {
            let entered = events.iter().find_map(|event| match event {
                CalendarEvent::Booked { slot, .. } | CalendarEvent::MovedIn { slot, .. } => Some((slot, true)),
                CalendarEvent::Rescheduled { slot, .. } => Some((slot, false)),
                _ => None,
            });
            if let Some((slot, comes_from_elsewhere)) = entered {
                assert!(before.offered_slots().any(|offered| offered == *slot), "{command:?}");
                assert!(!comes_from_elsewhere || before.free_slots().any(|free| free == *slot), "{command:?}");
                assert!(slot.start >= time_of(command), "{command:?}");
            }
        });
    }

    #[test]
    fn an_appointment_is_here_or_on_another_day_but_never_both(commands in histories()) {
        run(commands, |command, _, _, calendar| {
            for number in 0..IDS {
                let here = calendar.appointment(id(number)).is_some();
                assert!(!(here && calendar.moved_to(id(number)).is_some()), "after {command:?}");
            }
        });
    }

    #[test]
    fn a_command_repeated_at_once_decides_nothing_more(commands in histories()) {
        run(commands, |command, _, _, calendar| {
            let again = calendar.decide(command.clone()).unwrap_or_default();
            assert_eq!(again, [], "{command:?}");
        });
    }

    #[test]
    fn what_was_decided_folds_to_the_same_state_when_it_is_replayed_from_the_log(commands in histories()) {
        let (mut log, mut live) = (Vec::new(), Calendar::default());
        run(commands, |_, _, events, calendar| {
            log.extend(events.iter().map(|event| event.encode().unwrap()));
            live = calendar.clone();
        });
        let replayed = folded(
            log.iter().map(|event| CalendarEvent::decode(event.schema, &event.shared, event.personal.as_deref()).unwrap()),
        );
        assert_eq!(replayed, live);
    }

    #[test]
    fn every_event_decided_changes_the_state(commands in histories()) {
        run(commands, |command, before, events, calendar| {
            assert!(events.is_empty() || before != calendar, "{command:?}");
        });
    }

    #[test]
    fn whoever_cannot_open_what_is_personal_sees_the_same_slots_free(commands in histories()) {
        let mut calendar = Calendar::default();
        run(commands, |command, _, events, known| {
            events.iter().for_each(|event| calendar.apply(sealed(event)));
            assert!(calendar.free_slots().eq(known.free_slots()), "after {command:?}");
            assert!(calendar.appointments().map(|(id, one)| (id, one.status, one.slot)).eq(
                known.appointments().map(|(id, one)| (id, one.status, one.slot))
            ));
            let fresh = |slot| calendar.decide(book(id(99), slot)).is_ok();
            assert!(known.offered_slots().all(|slot| fresh(slot) == known.decide(book(id(99), slot)).is_ok()));
        });
    }

    #[test]
    fn who_comes_is_named_by_every_event_that_has_a_personal_section(commands in histories()) {
        let of = AggregateRef::Calendar(CalendarId { owner: Uuid::from_u128(5), day: day() });
        run(commands, |_, _, events, _| {
            for event in events {
                assert_eq!(event.encode().unwrap().personal.is_some(), event.subject(&of).is_some());
                assert_eq!(sealed(event).subject(&of), None);
            }
        });
    }
}
