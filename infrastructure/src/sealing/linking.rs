//! Whoever sees every byte on the chain and has no key: can they tell which events concern the same person?
//!
//! Here a linker learns from pairs of events of which it is told whether they concern one person, and is then asked about others. It is given the
//! stream ids and the payloads, and not what `docs/security.md` says is seen by everybody: times, order, sizes, and what stands in one
//! stream or commit.

use std::collections::HashSet;

use domain::kernel::{AggregateRef, AppointmentId, CalendarId, PatientId, Personal};
use futures::FutureExt as _;
use uuid::Uuid;

use super::tests::{metadata, sealer, secret};
use super::*;
use crate::keys::{DataKey, HeldKey, SealingKey};
use crate::log::{KeyId, StreamTip};

const EVENTS: usize = 10_000;
const PERSONS: usize = 100;
/// How many pairs the linker learns from, and about how many it is asked.
const PAIRS: usize = 20_000;

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next().to_le_bytes()[0]);
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }
}

/// What everybody sees of an event, and whom it concerns.
struct Seen {
    person: usize,
    bytes: Vec<u8>,
}

/// A booking of each of many persons, again and again, each on a day of its own.
fn bookings(random: &mut Random) -> Vec<Seen> {
    let persons: Vec<(SealingKey, PatientId)> = (0..PERSONS).map(|_| person(random)).collect();
    let sealer = sealer(tests::LOCATION, &secret());
    let names = StreamNames::new(&secret(), tests::LOCATION.namespace);
    (0..EVENTS)
        .map(|_| {
            let person = random.below(PERSONS);
            let (key, patient) = &persons[person];
            let day = CalendarId {
                owner: random.uuid(),
                day: chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap(),
            };
            let booked = domain::calendar::CalendarEvent::Booked {
                appointment: AppointmentId::new(random.uuid()),
                slot: tests::slot(30),
                booking: Personal::Known(domain::calendar::Booking {
                    patient: *patient,
                    reason: None,
                }),
            };
            let day = AggregateRef::from(day);
            let event = application::log::AnyEvent::of(day, booked).unwrap();
            let part = UnsealedPart {
                stream: names.seal(&day),
                expected: StreamTip::default(),
                events: vec![UnsealedEvent::of(&event).unwrap()],
                begins: false,
            };
            let key = |_| std::future::ready(Ok(key.clone()));
            let fill = |bytes: &mut [u8]| {
                random.fill(bytes);
                Ok(())
            };
            let (parts, metadata) = ([part], metadata());
            let sealed = sealer.seal_with(&parts, &metadata, key, fill);
            let sealed = sealed.now_or_never().unwrap().unwrap();
            let part = &sealed.parts[0];
            let bytes = [part.stream.0.as_slice(), &part.payloads[0]].concat();
            Seen { person, bytes }
        })
        .collect()
}

fn person(random: &mut Random) -> (SealingKey, PatientId) {
    let subject = PatientId::new(random.uuid());
    let mut key_id = KeyId::default();
    random.fill(&mut key_id);
    let mut root = [0; 32];
    random.fill(&mut root);
    let held = HeldKey {
        subject: subject.into(),
        key: DataKey::from_bytes(root.into()),
    };
    let key = SealingKey {
        key_id,
        held: held.into(),
        new: None,
    };
    (key, subject)
}

/// What a linker looks at in a pair: at each place whether the bytes are equal, and whether any four bytes of one stand anywhere in the other.
fn features(one: &Seen, other: &Seen) -> Vec<bool> {
    let mut features: Vec<bool> = one.bytes.iter().zip(&other.bytes).map(|(a, b)| a == b).collect();
    let windows: HashSet<&[u8]> = one.bytes.windows(4).collect();
    features.push(other.bytes.windows(4).any(|window| windows.contains(window)));
    features
}

/// Pairs of different events, every other one of them of one person.
fn pairs<'a>(seen: &'a [Seen], random: &mut Random) -> Vec<(&'a Seen, &'a Seen)> {
    let mut pairs = Vec::with_capacity(PAIRS);
    while pairs.len() < PAIRS {
        let (one, other) = (random.below(seen.len()), random.below(seen.len()));
        let wanted = pairs.len() % 2 == 0;
        if one != other && (seen[one].person == seen[other].person) == wanted {
            pairs.push((&seen[one], &seen[other]));
        }
    }
    pairs
}

/// How often a naive Bayes classifier is right about pairs that it has not seen.
fn linked(seen: &[Seen], random: &mut Random) -> f64 {
    let learned = pairs(seen, random);
    let length = features(learned[0].0, learned[0].1).len();
    // How often each feature was there, in pairs of different persons and of one.
    let mut there = vec![[1.0_f64; 2]; length];
    for (one, other) in &learned {
        let same = usize::from(one.person == other.person);
        for (count, is_there) in there.iter_mut().zip(features(one, other)) {
            count[same] += f64::from(u8::from(is_there));
        }
    }
    let half = PAIRS as f64 / 2.0 + 2.0;
    let says_one_person = |one: &Seen, other: &Seen| {
        let odds = there.iter().zip(features(one, other)).map(|(count, is_there)| {
            let share = count.map(|count| count / half);
            if is_there {
                (share[1] / share[0]).ln()
            } else {
                ((1.0 - share[1]) / (1.0 - share[0])).ln()
            }
        });
        odds.sum::<f64>() > 0.0
    };
    let asked = pairs(seen, random);
    let right = asked
        .iter()
        .filter(|(one, other)| says_one_person(one, other) == (one.person == other.person));
    right.count() as f64 / PAIRS as f64
}

#[tokio::test]
async fn who_sees_every_byte_does_no_better_than_chance_at_telling_which_events_concern_one_person() {
    let mut random = Random(7);
    let mut seen = bookings(&mut random);
    let right = linked(&seen, &mut random);
    // Four standard deviations of as many tosses of a coin.
    let chance = 4.0 * (0.25 / PAIRS as f64).sqrt();
    assert!((right - 0.5).abs() < chance, "right in {right} of the pairs");

    // It would notice: two constant bytes for each person are enough, wherever they stand.
    for one in &mut seen {
        let at = 40 + random.below(2);
        one.bytes[at] = u8::try_from(one.person).unwrap();
        one.bytes[at + 1] = u8::try_from(one.person).unwrap() ^ 0x5a;
    }
    let right = linked(&seen, &mut random);
    assert!(right > 0.6, "right in {right} of the pairs only");
}
