//! The frozen payloads of a namespace that two organisations share.

use std::collections::HashMap;

use application::log::{AnyEvent, Author, StreamId};
use domain::calendar::{Booking, Calendar, CalendarEvent, Session, contradicts_sharing};
use domain::kernel::{
    AggregateRef, AppointmentId, CalendarId, ClinicAggregate as _, Parts, Personal, PractitionerId, Slot,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;
use crate::keys::{EpochSecret, LogSecrets, MasterSecret};
use crate::log::Namespace;

/// A namespace that the organisation shares with another one.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Shared {
    namespace: u32,
    secret: String,
    epochs: Vec<EpochOf>,
    ids: Vec<SharedId>,
    names: Vec<Name>,
    commits: Vec<SharedCommit>,
}

/// The id of somebody whose calendars are shared, and from which it was made.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SharedId {
    from: Uuid,
    id: Uuid,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SharedCommit {
    what: String,
    /// Whether an account of the other organisation wrote it.
    by_another: bool,
    entries: Vec<Entry>,
}

/// The namespace that is shared.
const SHARED: Namespace = Namespace(9);

/// The secret of its second epoch.
fn later_shared() -> EpochSecret {
    EpochSecret::from_bytes(Zeroizing::new([0xaa; 32]))
}

/// The secrets of one who shares it.
fn sharing(own: MasterSecret, shared: u8) -> LogSecrets {
    LogSecrets::new(own).sharing(SHARED, MasterSecret::new([shared; 32]), vec![later_shared()])
}

fn ours() -> LogSecrets {
    sharing(secret(), 0x99)
}

/// Those of the other organisation.
fn theirs() -> LogSecrets {
    sharing(MasterSecret::new([0x43; 32]), 0x99)
}

/// Its second epoch is published.
fn with_two_epochs(opener: Opener) -> Opener {
    opener.publish_epochs(|namespace| {
        let published = (namespace == SHARED).then(|| (1, later_shared().commitment()));
        published.into_iter()
    });
    opener
}

fn shared_doctor() -> PractitionerId {
    PractitionerId::new(Uuid::from_u128(0x1234_5678_9abc_def0_fedc_ba98_7654_3210)).sharing_days_in(SHARED.0)
}

fn shared_day(day: u32) -> CalendarId {
    CalendarId::of(shared_doctor(), chrono::NaiveDate::from_ymd_opt(2019, 4, day).unwrap())
}

/// The slot of half an hour of a shared day with this number, from eight o'clock on.
fn shared_slot(day: u32, number: u32) -> Slot {
    let start = shared_day(day).day.and_hms_opt(8, 0, 0).unwrap().and_utc();
    let start = start + chrono::TimeDelta::minutes(30 * i64::from(number));
    Slot { start, minutes: 30 }
}

/// An appointment that is booked on the first of the shared days.
fn shared_appointment(number: u64) -> AppointmentId {
    AppointmentId::new(Uuid::from_u64_pair(number << 32, 0)).of_shared_day(shared_day(1))
}

fn shared_booking() -> Personal<Booking> {
    let reason = None;
    let patient = patient();
    Personal::Known(Booking { patient, reason })
}

fn offered(day: u32) -> CalendarEvent {
    let session = Session {
        start: shared_slot(day, 0).start,
        end: shared_slot(day, 8).start,
        slot_minutes: 30,
    };
    let sessions = vec![session];
    CalendarEvent::AvailabilityPublished { sessions }
}

fn booked_in_shared(number: u32) -> CalendarEvent {
    CalendarEvent::Booked {
        appointment: shared_appointment(number.into()),
        slot: shared_slot(1, number),
        booking: shared_booking(),
    }
}

/// The first appointment moves from the first day to the second.
fn moved_in_shared() -> [(u32, CalendarEvent); 2] {
    let appointment = shared_appointment(0);
    let out = CalendarEvent::MovedOut {
        appointment,
        to: shared_day(2).day,
        patient: Personal::Known(patient()),
    };
    let into = CalendarEvent::MovedIn {
        appointment,
        slot: shared_slot(2, 3),
        from: shared_day(1).day,
        booking: shared_booking(),
    };
    [(1, out), (2, into)]
}

/// What stands in the shared namespace, one commit behind the other.
#[derive(Default)]
struct SharedHistory {
    tips: HashMap<StreamId, StreamTip>,
    nonce: u8,
}

impl SharedHistory {
    /// Events, each of a day, for where the days stand.
    fn parts(&self, events: &[(u32, CalendarEvent)]) -> Vec<UnsealedPart> {
        let part = |(day, event): &(u32, CalendarEvent)| {
            let day = AggregateRef::from(shared_day(*day));
            let stream = StreamNames::new(ours(), LOCATION.namespace).seal(&day);
            UnsealedPart {
                stream,
                expected: self.tips.get(&stream).copied().unwrap_or_default(),
                ..part(&day, 1, &[encode(&day, event)])
            }
        };
        events.iter().map(part).collect()
    }

    /// A commit by one who shares the namespace, in an epoch of it. It is the last one from then on.
    fn seal(&mut self, secrets: LogSecrets, epoch: u64, parts: &[UnsealedPart]) -> Sealed {
        let opener = with_two_epochs(Opener::new(LOCATION, &secrets, ring_of_two_epochs()));
        opener.seal_under_epochs(|namespace| if namespace == SHARED { epoch } else { 0 });
        let sealer = Sealer::new(LOCATION, secrets, ring_of_two_epochs());
        self.nonce += 4;
        let entries = seal_commit_by(&sealer, 0, parts, &metadata(), [60 + self.nonce; 12]);
        let before = |entry: &AppendedEntry| self.tips.get(&entry.stream).copied().unwrap_or_default();
        let hashes: Vec<_> = entries.iter().map(|entry| before(entry).hash).collect();
        let sealed: Sealed = entries.into_iter().zip(hashes).collect();
        for (entry, _) in &sealed {
            let tip = self.tips.entry(entry.stream).or_default();
            *tip = tip.after(&entry.payload);
        }
        sealed
    }

    fn commit(&mut self, what: &str, secrets: LogSecrets, epoch: u64, events: &[(u32, CalendarEvent)]) -> Commit {
        let parts = self.parts(events);
        let says: Vec<_> = parts
            .iter()
            .flat_map(|part| &part.events)
            .map(|event| Some(says(event, &metadata())))
            .collect();
        entries(what, self.seal(secrets, epoch, &parts), says.into_iter())
    }
}

fn shared_commits() -> Vec<SharedCommit> {
    let by = |by_another, Commit { what, entries }| SharedCommit {
        what,
        by_another,
        entries,
    };
    let mut history = SharedHistory::default();
    let offers = [1, 2].map(|day| history.commit("a day is offered", ours(), 0, &[(day, offered(day))]));
    let [first, second] = offers.map(|commit| by(false, commit));
    let booked = by(false, history.commit("booked", ours(), 0, &[(1, booked_in_shared(0))]));
    let mut booked_by_another = history.commit(
        "booked by the other organisation",
        theirs(),
        0,
        &[(1, booked_in_shared(1))],
    );
    let entry = &mut booked_by_another.entries[0];
    let told = entry.says.take().unwrap();
    entry.says = Some(Says {
        account: None,
        personal: None,
        ..told
    });
    let confirmed = CalendarEvent::Confirmed {
        appointment: shared_appointment(1),
    };
    let confirmed = by(
        true,
        history.commit("confirmed by the other organisation", theirs(), 0, &[(1, confirmed)]),
    );
    let moved = by(
        false,
        history.commit("moved to the other day", ours(), 0, &moved_in_shared()),
    );
    let later = by(
        false,
        history.commit("booked, in the second epoch", ours(), 1, &[(1, booked_in_shared(2))]),
    );
    let mut of_another_schema = history.parts(&[(1, booked_in_shared(4))]);
    of_another_schema[0].events[0].encoded.schema = 2;
    let of_another_schema = history.seal(theirs(), 0, &of_another_schema);
    let parts = history.parts(&[(1, booked_in_shared(5))]);
    let another_secret = history.seal(sharing(secret(), 0x98), 0, &parts);
    let parts = history.parts(&[(1, booked_in_shared(6))]);
    let changed = altered(history.seal(ours(), 0, &parts), 0, 60);
    vec![
        first,
        second,
        booked,
        by(true, booked_by_another),
        confirmed,
        moved,
        later,
        by(true, void("authentic, of another schema", of_another_schema)),
        by(true, void("under another secret", another_secret)),
        by(false, void("altered", changed)),
    ]
}

pub(super) fn written_today() -> Shared {
    let names = StreamNames::new(ours(), LOCATION.namespace);
    let name = |aggregate: AggregateRef| Name {
        r#type: aggregate.aggregate_type().code(),
        id: aggregate.uuid(),
        number: match aggregate.parts() {
            Parts::Day(_, day) => u16::try_from(day.to_epoch_days()).unwrap(),
            _ => 0,
        },
        stream: hex::encode(names.seal(&aggregate).0),
    };
    let ids = [0x1234_5678_9abc_def0_fedc_ba98_7654_3210, 0, u128::MAX].map(Uuid::from_u128);
    let id = |from| SharedId {
        from,
        id: PractitionerId::new(from).sharing_days_in(SHARED.0).uuid(),
    };
    Shared {
        namespace: SHARED.0,
        secret: hex::encode([0x99; 32]),
        epochs: vec![EpochOf {
            number: 1,
            secret: hex::encode([0xaa; 32]),
            commitment: hex::encode(later_shared().commitment()),
        }],
        ids: ids.map(id).into(),
        names: vec![name(shared_day(1).into()), name(shared_day(2).into())],
        commits: shared_commits(),
    }
}

#[tokio::test]
async fn the_vectors_of_a_shared_namespace_open_as_they_say() {
    let mut days: HashMap<StreamId, Calendar> = HashMap::new();
    for commit in known().shared.commits {
        let opener = with_two_epochs(Opener::new(LOCATION, ours(), ring_of_two_epochs()));
        let written: Vec<_> = commit.entries.iter().map(Entry::appended).collect();
        let places = commit.entries.iter().zip(&written);
        let proof =
            CommitProof::of(places.map(|(told, entry)| (Place::of(entry, before(told)), entry.payload.as_ref())));
        let author = if commit.by_another {
            Author::Another
        } else {
            Author::Ours
        };
        for (told, entry) in commit.entries.iter().zip(&written) {
            let (name, siblings) = (opener.name(&entry.stream), Siblings::Proof(&proof));
            assert!(name.is_some(), "{}", commit.what);
            match (
                &told.says,
                opener.open_named(entry, name, before(told), siblings, &keys(), author),
            ) {
                (None, Opening::Void(_)) => {}
                (Some(expected), Opening::Opened { event, personal }) => {
                    if personal == PersonalPart::Others {
                        let told = (event.metadata.command_id.uuid(), event.metadata.at.timestamp_millis());
                        assert_eq!(told, (expected.command, expected.at), "{}", commit.what);
                        assert_eq!(event.metadata.actor, None, "{}", commit.what);
                    } else {
                        let again = UnsealedEvent::of(&event.event, 0).unwrap();
                        assert_eq!(&says(&again, &event.metadata), expected, "{}", commit.what);
                    }
                    // The examples follow the rules that all hold to who share a namespace.
                    let AnyEvent::Calendar(of, event) = event.event.without_personal().unwrap() else {
                        panic!("{}: it is of no day", commit.what);
                    };
                    let day = days.entry(entry.stream).or_default();
                    let against = contradicts_sharing(of, &event).or_else(|| day.contradiction(&event));
                    assert_eq!(against, None, "{}", commit.what);
                    day.apply(event);
                }
                (expected, opening) => panic!("{}: {expected:?} and {opening:?}", commit.what),
            }
        }
    }
}
