//! In which chapter of a record an entry stands decides what becomes of it and of its commit, whatever it is, and whether or not its key is here: the rules
//! as a table. What becomes of an entry by itself is the table of `sealing/tests/rules.rs`.

use application::log::{Actor, AnyEvent, BlockRef, EventMetadata};
use domain::calendar::CalendarEvent;
use domain::chapters::ChaptersEvent;
use domain::erasure::ErasureEvent;
use domain::kernel::{
    AppointmentId, CalendarId, ChaptersId, CommandId, DataSubject, ErasureId, PatientId, Personal, PractitionerId,
};
use domain::patient::{PatientDetails, PatientEvent};

use super::*;
use crate::chain::keccak256;
use crate::keys::{KeyLookup, KeyRing, MasterSecret, SealingKey};
use crate::log::{LogBlock, LogHead, LogLocation, Namespace, Origin};
use crate::sealing::{Sealer, StreamNames, UnsealedEvent, UnsealedPart};

pub(super) const LOCATION: LogLocation = LogLocation {
    chain_id: 31_337,
    contract: [0x5f; 20],
    namespace: Namespace(1),
};

/// The record's second chapter is open, but for who is erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chapter {
    Open,
    Closed,
    NotBegun,
    OfTheErased,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Held,
    Destroyed,
    Missing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry {
    Event,
    Closing,
    Erasure,
    /// Nothing that was ever sealed.
    Junk,
}

/// The table.
fn becomes(chapter: Chapter, key: Key, entry: Entry) -> (Fate, Option<Void>) {
    let void = |why| (Fate::Void, Some(why));
    match (chapter, key, entry) {
        // What does not depend on keys comes first: it is so for whoever has lost them.
        (Chapter::Closed, ..) => void(Void::AfterClosing),
        (Chapter::NotBegun, ..) => void(Void::BeforeItsChapter),
        (Chapter::OfTheErased, ..) => void(Void::AfterErasure),
        (Chapter::Open, Key::Held, Entry::Junk) => void(Void::NotAuthentic),
        (Chapter::Open, _, Entry::Closing | Entry::Erasure) | (Chapter::Open, Key::Held, Entry::Event) => {
            (Fate::Counted, None)
        }
        (Chapter::Open, Key::Destroyed, Entry::Event | Entry::Junk) => (Fate::Sealed, None),
        (Chapter::Open, Key::Missing, Entry::Event | Entry::Junk) => (Fate::Parked, None),
    }
}

pub(super) fn secret() -> MasterSecret {
    MasterSecret::new([7; 32])
}

fn patient() -> PatientId {
    PatientId::new(Uuid::from_u128(1))
}

fn keys_of(key: Key, held: &SealingKey) -> KeySet {
    let lookup = match key {
        Key::Missing => return KeySet::default(),
        Key::Held | Key::Destroyed => KeyLookup::Held(Arc::clone(&held.held)),
    };
    let mut keys: KeySet = [(held.key_id, lookup)].into_iter().collect();
    if key == Key::Destroyed {
        keys.destroy(|_| true, |_| false);
    }
    keys
}

fn so_far(chapter: Chapter, record: StreamId, second: StreamId) -> SoFar {
    let mut so_far = SoFar::default();
    so_far.told.chapters.add(&Closed {
        position: 7,
        record,
        next: 1,
        next_stream: second,
    });
    if chapter == Chapter::OfTheErased {
        so_far.told.erasures.add(&Erased {
            position: 8,
            stream: record,
            subject: DataSubject::Patient(patient()),
            keys: Vec::new(),
        });
    }
    so_far
}

/// An event of a day, of which nobody's key is needed, in a commit with the entry of the record.
fn beside() -> AnyEvent {
    let day = CalendarId::of(PractitionerId::new(Uuid::from_u128(2)), chrono::NaiveDate::MIN);
    let appointment = AppointmentId::new(Uuid::from_u128(3));
    AnyEvent::Calendar(day, CalendarEvent::Confirmed { appointment })
}

fn of_record(entry: Entry) -> AnyEvent {
    match entry {
        Entry::Closing => AnyEvent::Chapters(ChaptersId(patient()), ChaptersEvent::Closed),
        Entry::Erasure => {
            let of = ErasureId(DataSubject::Patient(patient()));
            AnyEvent::Erasure(of, ErasureEvent::Erased { keys: vec![[9; 8]] })
        }
        Entry::Event | Entry::Junk => {
            let details = Personal::Known(PatientDetails::default());
            AnyEvent::Patient(patient(), PatientEvent::DetailsUpdated { details })
        }
    }
}

/// Seals the entry and the one beside it, in one commit.
async fn commit(entry: Entry, number: u16, sealer: &Sealer) -> Vec<AppendedEntry> {
    let names = StreamNames::new(secret(), LOCATION.namespace);
    let metadata = EventMetadata {
        command_id: CommandId::new(Uuid::from_u128(4)),
        at: DateTime::UNIX_EPOCH,
        actor: Some(Actor::System),
        correlation: None,
        cause: None,
    };
    let part = |event: AnyEvent, chapter| UnsealedPart {
        stream: names.seal_chapter(&event.aggregate(), chapter),
        expected: StreamTip::default(),
        events: vec![UnsealedEvent::of(&event, chapter).unwrap()],
        begins: false,
    };
    let parts = [part(of_record(entry), number), part(beside(), 0)];
    let sealed = sealer.seal(&parts, &metadata).await.unwrap().parts;
    let entries = (0..).zip(&sealed).map(|(index, part)| AppendedEntry {
        stream: part.stream,
        version: 1,
        position: 11 + u64::from(index),
        origin: Origin {
            count: 2,
            index,
            writer: 1,
        },
        payload: Arc::clone(&part.payloads[0]),
        transaction: [1; 32],
    });
    let mut entries: Vec<_> = entries.collect();
    if entry == Entry::Junk {
        entries.truncate(1);
        entries[0].origin.count = 1;
        // Of the form of a payload.
        let mut junk = [0; 64];
        junk[0] = 0b1000_1000;
        entries[0].payload = junk.as_slice().into();
    }
    entries
}

/// A block with these entries.
pub(super) fn checked(entries: Vec<AppendedEntry>) -> CheckedBlock {
    let tip = |entry: &AppendedEntry| StreamTip {
        version: entry.version,
        hash: keccak256(&entry.payload),
    };
    CheckedBlock {
        head: LogHead {
            position: 12,
            running_hash: [0; 32],
        },
        tips: entries.iter().map(tip).collect(),
        log: LogBlock {
            block: BlockRef {
                number: 1,
                hash: [0; 32],
                parent_hash: [0; 32],
                timestamp: 1,
            },
            appended: entries,
            rejected: Vec::new(),
        },
    }
}

#[tokio::test]
async fn what_becomes_of_an_entry_of_a_record_is_as_the_table_of_chapters_says() {
    let ring = Arc::new(KeyRing::offline(&[patient()]).await);
    let held = ring.for_sealing(patient().into()).await.unwrap();
    let sealer = Sealer::new(LOCATION, secret(), Arc::clone(&ring));
    let opener = Opener::new(LOCATION, secret(), ring);
    let names = StreamNames::new(secret(), LOCATION.namespace);
    let (record, second) = (names.seal(&patient().into()), names.seal_chapter(&patient().into(), 1));
    let mut rows = 0;
    for chapter in [Chapter::Open, Chapter::Closed, Chapter::NotBegun, Chapter::OfTheErased] {
        for key in [Key::Held, Key::Destroyed, Key::Missing] {
            for entry in [Entry::Event, Entry::Closing, Entry::Erasure, Entry::Junk] {
                let case = format!("{chapter:?}, key {key:?}, {entry:?}");
                let number = match chapter {
                    Chapter::Open | Chapter::OfTheErased => 1,
                    Chapter::Closed => 0,
                    Chapter::NotBegun => 2,
                };
                let block = checked(commit(entry, number, &sealer).await);
                let mut so_far = so_far(chapter, record, second);
                let opened = open(block, &opener, &mut keys_of(key, &held), &mut so_far).unwrap();
                let found = (opened.fates[0], opened.labels[0].void);
                assert_eq!(found, becomes(chapter, key, entry), "{case}");
                // What stands beside it counts exactly if the chapter is the open one.
                let beside = (opened.fates.get(1), opened.labels.get(1).map(|label| label.void));
                let expected = match becomes(chapter, Key::Destroyed, entry) {
                    (Fate::Void, why) => (Some(&Fate::Void), Some(why)),
                    _ => (Some(&Fate::Counted), Some(None)),
                };
                assert!(entry == Entry::Junk || beside == expected, "{case}: {beside:?}");
                let closes = chapter == Chapter::Open && entry == Entry::Closing;
                let open_now = if closes { 2 } else { 1 };
                assert_eq!(so_far.told.chapters.void(&record, open_now), None, "{case}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 48);
}
