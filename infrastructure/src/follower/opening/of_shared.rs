//! What several organisations append to a namespace that they share: whoever does what, all of them come to the same, and no time is anybody's twice.

use application::log::{Actor, AnyEvent, EventMetadata};
use chrono::{NaiveDate, TimeDelta};
use domain::calendar::{Booking, CalendarEvent, Session};
use domain::kernel::{AppointmentId, CalendarId, CommandId, Contradiction, PatientId, Personal, PractitionerId, Slot};
use domain::state::AnyState;
use futures::executor::block_on;
use proptest::prelude::*;

use super::super::authors::Authors;
use super::tests::{LOCATION, checked};
use super::*;
use crate::keys::{KeyLookup, KeyRing, LogSecrets, MasterSecret, SealingKey};
use crate::log::{LogLocation, Namespace, Origin};
use crate::sealing::{Overruled, Sealer, StreamNames, UnsealedEvent, UnsealedPart};

const SHARED: Namespace = Namespace(5);

/// An organisation that shares the namespace.
struct Member {
    /// Under which number it writes there.
    writer: u32,
    patient: PatientId,
    key: SealingKey,
    sealer: Sealer,
    opener: Opener,
}

impl Member {
    fn new(number: u8) -> Self {
        let location = LogLocation {
            namespace: Namespace(number.into()),
            ..LOCATION
        };
        let secrets = LogSecrets::new(MasterSecret::new([number; 32]));
        let secrets = secrets.sharing(SHARED, MasterSecret::new([0x55; 32]), Vec::new());
        let patient = PatientId::new(Uuid::from_u128(number.into()));
        let ring = Arc::new(block_on(KeyRing::offline(&[patient])));
        Self {
            writer: number.into(),
            patient,
            key: block_on(ring.for_sealing(patient.into())).unwrap(),
            sealer: Sealer::new(location, &secrets, Arc::clone(&ring)),
            opener: Opener::new(location, &secrets, ring),
        }
    }

    fn keys(&self) -> KeySet {
        let held = KeyLookup::Held(Arc::clone(&self.key.held));
        [(self.key.key_id, held)].into_iter().collect()
    }

    /// Before the log has any entry.
    fn at_first(&self) -> SoFar {
        let mut so_far = SoFar::default();
        so_far.told.authors = Authors::at_first(&self.opener);
        so_far
    }

    /// That each member's account writes in its own namespace, and all of them in the shared one.
    fn admissions(members: &[Self]) -> Vec<AppendedEntry> {
        let admitted = |namespace, member: &Self| {
            let number = u8::try_from(member.writer).unwrap();
            (namespace, [&[2, 0, 0, 0, number][..], &[number; 20]].concat())
        };
        let own = members.iter().map(|member| admitted(Namespace(member.writer), member));
        let shared = members.iter().map(|member| admitted(SHARED, member));
        let acts = own.chain(shared).zip(1..);
        let entries = acts.map(|((namespace, act), position)| AppendedEntry {
            stream: Namespace::about(namespace),
            version: position,
            position,
            origin: Origin {
                count: 1,
                index: 0,
                writer: 0,
            },
            payload: act.into(),
            transaction: [1; 32],
        });
        entries.collect()
    }
}

/// Pools are made in a runtime, though nobody asks a database here.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn doctor() -> PractitionerId {
    PractitionerId::new(Uuid::from_u128(2)).sharing_days_in(SHARED.0)
}

fn calendar(day: u8) -> CalendarId {
    let day = NaiveDate::from_epoch_days(20_000 + i32::from(day)).unwrap();
    CalendarId::of(doctor(), day)
}

/// The slots of half an hour of a day, from eight o'clock on. Each also begins a quarter of an hour later.
fn slot(of: CalendarId, number: u8) -> Slot {
    let start = of.day.and_hms_opt(8, 0, 0).unwrap().and_utc();
    Slot {
        start: start + TimeDelta::minutes(15 * i64::from(number)),
        minutes: 30,
    }
}

/// Even numbers are of the first day, odd ones of the second.
fn appointment(number: u8) -> AppointmentId {
    let id = Uuid::from_u64_pair(0xa00 + u64::from(number), 0);
    AppointmentId::new(id).of_shared_day(calendar(number % 2))
}

/// What a member does, whether or not any program would decide it.
#[derive(Clone, Debug)]
enum Act {
    Publish {
        day: u8,
        hours: u8,
    },
    Book {
        day: u8,
        appointment: u8,
        slot: u8,
    },
    Move {
        appointment: u8,
        from: u8,
        to: u8,
        slot: u8,
    },
    Cancel {
        day: u8,
        appointment: u8,
    },
    Confirm {
        day: u8,
        appointment: u8,
    },
    Junk {
        day: u8,
        byte: u8,
    },
    OfAnotherSchema {
        day: u8,
        schema: u8,
    },
    Undecodable {
        day: u8,
    },
}

fn acts() -> impl Strategy<Value = (bool, Act)> {
    let (days, slots, ids) = (|| 0..2_u8, || 0..6_u8, || 0..5_u8);
    let act = prop_oneof![
        2 => (days(), 1..3_u8).prop_map(|(day, hours)| Act::Publish { day, hours }),
        6 => (days(), ids(), slots()).prop_map(|(day, appointment, slot)| Act::Book { day, appointment, slot }),
        3 => (ids(), days(), days(), slots())
            .prop_map(|(appointment, from, to, slot)| Act::Move { appointment, from, to, slot }),
        2 => (days(), ids()).prop_map(|(day, appointment)| Act::Cancel { day, appointment }),
        1 => (days(), ids()).prop_map(|(day, appointment)| Act::Confirm { day, appointment }),
        1 => (days(), any::<u8>()).prop_map(|(day, byte)| Act::Junk { day, byte }),
        1 => (days(), 2..0x70_u8).prop_map(|(day, schema)| Act::OfAnotherSchema { day, schema }),
        1 => days().prop_map(|day| Act::Undecodable { day }),
    ];
    (any::<bool>(), act)
}

/// The log as the contract has it: it looks at heads and writers alone.
struct Log {
    names: StreamNames,
    blocks: Vec<Vec<AppendedEntry>>,
    tips: Tips,
    versions: std::collections::HashMap<StreamId, u64>,
    position: u64,
}

impl Log {
    fn new(members: &[Member]) -> Self {
        let secrets = LogSecrets::from(MasterSecret::new([9; 32]));
        let secrets = secrets.sharing(SHARED, MasterSecret::new([0x55; 32]), Vec::new());
        let admissions = Member::admissions(members);
        Self {
            names: StreamNames::new(secrets, Namespace(9)),
            position: admissions.len() as u64,
            blocks: vec![admissions],
            tips: Tips::default(),
            versions: std::collections::HashMap::new(),
        }
    }

    fn tip(&self, stream: &StreamId) -> StreamTip {
        StreamTip {
            version: self.versions.get(stream).copied().unwrap_or_default(),
            hash: self.tips.of_stream(stream),
        }
    }

    /// Appends what a member does as one commit, in a block of its own.
    fn append(&mut self, by: &Member, act: &Act) {
        let events = events(by, act);
        let mut parts: Vec<UnsealedPart> = Vec::new();
        for (of, event) in events {
            let stream = self.names.seal(&of.into());
            let mut event = UnsealedEvent::of(&AnyEvent::Calendar(of, event), 0).unwrap();
            match act {
                Act::OfAnotherSchema { schema, .. } => event.encoded.schema = *schema,
                Act::Undecodable { .. } => event.encoded.shared = vec![0x7e],
                _ => {}
            }
            match parts.iter_mut().find(|part| part.stream == stream) {
                Some(part) => part.events.push(event),
                None => parts.push(UnsealedPart {
                    stream,
                    expected: self.tip(&stream),
                    events: vec![event],
                    begins: false,
                }),
            }
        }
        let metadata = EventMetadata {
            command_id: CommandId::new(Uuid::from_u128(self.position.into())),
            at: DateTime::UNIX_EPOCH,
            actor: Some(Actor::System),
            correlation: None,
            cause: None,
        };
        let sealed = block_on(by.sealer.seal(&parts, &metadata)).unwrap().parts;
        let count = sealed.iter().map(|part| part.payloads.len()).sum::<usize>();
        let mut entries = Vec::new();
        for part in sealed {
            for payload in part.payloads {
                let payload = match act {
                    Act::Junk { byte, .. } => vec![*byte; 64].into(),
                    _ => payload,
                };
                let before = self.tip(&part.stream);
                let after = before.after(&payload);
                self.position += 1;
                self.versions.insert(part.stream, after.version);
                self.tips.set(part.stream, after);
                entries.push(AppendedEntry {
                    stream: part.stream,
                    version: after.version,
                    position: self.position,
                    origin: Origin {
                        count: count.try_into().unwrap(),
                        index: entries.len().try_into().unwrap(),
                        writer: by.writer,
                    },
                    payload,
                    transaction: [1; 32],
                });
            }
        }
        self.blocks.push(entries);
    }

    /// What a member comes to who reads all of it, so many of its blocks at once: what became of each entry, and how everything stands.
    fn read(&self, by: &Member, at_once: usize) -> (Vec<(Fate, Option<Void>)>, SharedStates) {
        let mut so_far = by.at_first();
        let mut fates = Vec::new();
        for blocks in self.blocks.chunks(at_once) {
            let block = checked(blocks.concat());
            let opened = open(block, &by.opener, &mut by.keys(), &mut so_far).unwrap();
            assert!(opened.parked.is_empty(), "nothing is held back");
            let voids = opened.labels.iter().map(|label| label.void);
            fates.extend(opened.fates.iter().copied().zip(voids));
        }
        (fates, so_far.shared)
    }
}

fn events(by: &Member, act: &Act) -> Vec<(CalendarId, CalendarEvent)> {
    let booking = || {
        Personal::Known(Booking {
            patient: by.patient,
            reason: None,
        })
    };
    match *act {
        Act::Publish { day, hours } => {
            let of = calendar(day);
            let start = slot(of, 0).start;
            let session = match hours {
                u8::MAX => Session {
                    start: DateTime::UNIX_EPOCH - TimeDelta::days(90_000_000),
                    end: DateTime::UNIX_EPOCH + TimeDelta::days(90_000_000),
                    slot_minutes: 1,
                },
                _ => Session {
                    start,
                    end: start + TimeDelta::hours(hours.into()),
                    slot_minutes: 30,
                },
            };
            vec![(
                of,
                CalendarEvent::AvailabilityPublished {
                    sessions: vec![session],
                },
            )]
        }
        Act::Book {
            day,
            appointment: id,
            slot: number,
        } => {
            let of = calendar(day);
            let event = CalendarEvent::Booked {
                appointment: appointment(id),
                slot: slot(of, number),
                booking: booking(),
            };
            vec![(of, event)]
        }
        Act::Move {
            appointment: id,
            from,
            to,
            slot: number,
        } => {
            let (leaving, entering) = (calendar(from), calendar(to));
            let out = CalendarEvent::MovedOut {
                appointment: appointment(id),
                to: entering.day,
                patient: Personal::Known(by.patient),
            };
            let into = CalendarEvent::MovedIn {
                appointment: appointment(id),
                slot: slot(entering, number),
                from: leaving.day,
                booking: booking(),
            };
            vec![(leaving, out), (entering, into)]
        }
        Act::Cancel { day, appointment: id } => {
            let event = CalendarEvent::Cancelled {
                appointment: appointment(id),
                cancellation: Personal::Sealed,
            };
            vec![(calendar(day), event)]
        }
        Act::Confirm { day, appointment: id } => {
            let appointment = appointment(id);
            vec![(calendar(day), CalendarEvent::Confirmed { appointment })]
        }
        Act::Junk { day, .. } | Act::OfAnotherSchema { day, .. } | Act::Undecodable { day } => {
            let appointment = appointment(0);
            vec![(calendar(day), CalendarEvent::Confirmed { appointment })]
        }
    }
}

/// No two appointments have any part of a time.
fn is_nobodys_twice(states: &SharedStates) -> bool {
    states.all_states().all(|state| {
        let AnyState::Calendar(calendar) = state else {
            return false;
        };
        let held: Vec<_> = calendar
            .aggregate()
            .appointments()
            .filter(|(_, appointment)| appointment.holds_slot())
            .map(|(_, appointment)| appointment.slot)
            .collect();
        let pairs = held.iter().enumerate();
        let mut pairs = pairs.flat_map(|(index, one)| held.iter().skip(index + 1).map(move |other| (one, other)));
        pairs.all(|(one, other)| !one.overlaps(other))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whoever_appends_what_all_members_come_to_the_same_and_no_time_is_anybodys_twice(
        acts in prop::collection::vec(acts(), 1..40), at_once in 1..5_usize
    ) {
        let runtime = runtime();
        let _entered = runtime.enter();
        let members = [Member::new(1), Member::new(2)];
        let mut log = Log::new(&members);
        for (by_second, act) in &acts {
            log.append(&members[usize::from(*by_second)], act);
        }
        let (fates, states) = log.read(&members[0], 1);
        prop_assert!(is_nobodys_twice(&states));
        let (others, others_states) = log.read(&members[1], at_once);
        prop_assert_eq!(&fates, &others);
        prop_assert_eq!(&states, &others_states);
        // Nor does it depend on whether anybody has keys.
        let (fates_without_keys, states_without_keys) = log.read(&Member::new(3), at_once);
        prop_assert_eq!(&fates, &fates_without_keys);
        prop_assert_eq!(&states, &states_without_keys);
        // What nobody sealed is void, and everything else counts or is overruled.
        let void = fates.iter().filter(|(fate, _)| *fate == Fate::Void).count();
        let junk = acts.iter().filter(|(_, act)| matches!(act, Act::Junk { .. })).count();
        prop_assert_eq!(void, junk);
    }
}

#[test]
fn a_second_booking_of_a_time_is_overruled_with_all_of_its_commit() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let members = [Member::new(1), Member::new(2)];
    let mut log = Log::new(&members);
    let [ours, theirs] = &members;
    let book = |day, id| Act::Book {
        day,
        appointment: id,
        slot: 0,
    };
    log.append(ours, &Act::Publish { day: 0, hours: 1 });
    log.append(ours, &Act::Publish { day: 1, hours: 1 });
    log.append(ours, &book(0, 2));
    log.append(theirs, &book(1, 1));
    log.append(theirs, &book(0, 4));
    let onto_ours = Act::Move {
        appointment: 1,
        from: 1,
        to: 0,
        slot: 0,
    };
    log.append(theirs, &onto_ours);
    let taken = Some(Void::Overruled(Overruled::Contradiction(Contradiction::SlotTaken)));
    let (fates, states) = log.read(ours, 1);
    let counted = (Fate::Counted, None);
    let overruled = (Fate::Overruled, taken);
    assert_eq!(
        fates[4..],
        [counted, counted, counted, counted, overruled, overruled, overruled]
    );
    // What was to be moved stands where it stood.
    let still_there = states.all_states().any(|state| match state {
        AnyState::Calendar(calendar) => calendar.aggregate().appointment(appointment(1)).is_some(),
        _ => false,
    });
    assert!(still_there);
}

#[test]
fn what_no_shared_day_needs_is_overruled_at_once() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let members = [Member::new(1), Member::new(2)];
    let mut log = Log::new(&members);
    let [ours, theirs] = &members;
    // For all time, in slots of a minute: nobody counts them.
    for hours in [u8::MAX, 24] {
        log.append(theirs, &Act::Publish { day: 0, hours });
    }
    log.append(ours, &Act::Publish { day: 0, hours: 1 });
    // An appointment of another day, of which somebody else could have one.
    let of_another_day = Act::Book {
        day: 0,
        appointment: 1,
        slot: 0,
    };
    log.append(theirs, &of_another_day);
    let (fates, _) = log.read(ours, 1);
    let overruled = |rule| {
        let why = Overruled::Contradiction(rule);
        (Fate::Overruled, Some(Void::Overruled(why)))
    };
    let expected = [
        overruled(Contradiction::NotOfThisDay),
        overruled(Contradiction::NotOfThisDay),
        (Fate::Counted, None),
        overruled(Contradiction::NotOfThisDay),
    ];
    assert_eq!(fates[4..], expected);
}

#[test]
fn whose_command_an_entry_is_only_its_own_organisation_is_told() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let members = [Member::new(1), Member::new(2)];
    let mut log = Log::new(&members);
    for (member, day) in members.iter().zip([0, 1]) {
        log.append(member, &Act::Publish { day, hours: 1 });
    }
    for (reader, expected) in members.iter().zip([[true, false], [false, true]]) {
        let mut so_far = reader.at_first();
        let block = checked(log.blocks.concat());
        let opened = open(block, &reader.opener, &mut reader.keys(), &mut so_far).unwrap();
        let told: Vec<_> = opened.labels[4..]
            .iter()
            .map(|label| label.command_id.is_some())
            .collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn a_member_reads_of_the_others_patients_that_a_time_is_taken_and_of_its_own_who_comes() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let members = [Member::new(1), Member::new(2)];
    let mut log = Log::new(&members);
    log.append(&members[0], &Act::Publish { day: 0, hours: 1 });
    for (member, (id, slot)) in members.iter().zip([(2, 0), (4, 2)]) {
        let book = Act::Book {
            day: 0,
            appointment: id,
            slot,
        };
        log.append(member, &book);
    }
    for reader in &members {
        let mut so_far = reader.at_first();
        let block = checked(log.blocks.concat());
        let opened = open(block, &reader.opener, &mut reader.keys(), &mut so_far).unwrap();
        assert_eq!(opened.unread, Unread::default(), "no alarm");
        let bookings: Vec<_> = opened
            .events()
            .filter_map(|event| match &event.event {
                AnyEvent::Calendar(_, CalendarEvent::Booked { booking, .. }) => Some(booking.clone()),
                _ => None,
            })
            .collect();
        let own = members.iter().map(|member| match member.writer == reader.writer {
            true => Personal::Known(Booking {
                patient: member.patient,
                reason: None,
            }),
            false => Personal::Sealed,
        });
        assert_eq!(bookings, own.collect::<Vec<_>>());
    }
}

#[test]
fn a_key_of_our_own_that_is_missing_holds_back_the_day_and_anothers_does_not() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let members = [Member::new(1), Member::new(2)];
    let mut log = Log::new(&members);
    log.append(&members[0], &Act::Publish { day: 0, hours: 1 });
    log.append(&members[0], &Act::Publish { day: 1, hours: 1 });
    let book = Act::Book {
        day: 0,
        appointment: 2,
        slot: 0,
    };
    log.append(&members[0], &book);
    let away = Act::Move {
        appointment: 2,
        from: 0,
        to: 1,
        slot: 0,
    };
    log.append(&members[1], &away);
    let fates = |reader: &Member| {
        let mut so_far = reader.at_first();
        let block = checked(log.blocks.concat());
        open(block, &reader.opener, &mut KeySet::default(), &mut so_far).unwrap()
    };
    let ours = fates(&members[0]);
    let parked = [Fate::Parked; 3];
    assert_eq!(ours.fates[4..], [&[Fate::Counted; 2][..], &parked].concat());
    let reasons: Vec<_> = ours.parked.iter().map(|parked| parked.reason.as_str()).collect();
    // The other day is held back with it: there the commit counts as a whole.
    assert_eq!(reasons, [KEY_MISSING, BEHIND, WITH_ITS_COMMIT]);
    assert!(fates(&members[1]).fates[6..].contains(&Fate::Parked), "their own move");
    assert_eq!(fates(&Member::new(3)).fates[4..], [Fate::Counted; 5]);
}
