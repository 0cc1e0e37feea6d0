//! Frozen payloads, for whoever else reads the log: `tests/formats/vectors.json`, which `docs/formats.md` explains. A run with `UPDATE_GOLDEN=1`
//! writes the file where it does not exist. What stands in it is on chains: it stays readable for ever.

mod shared;

use std::path::PathBuf;

use application::log::{Actor, EventMetadata, StreamId};
use chrono::DateTime;
use domain::calendar::{CalendarEvent, Session};
use domain::chapters::ChaptersEvent;
use domain::erasure::ErasureEvent;
use domain::kernel::{
    AggregateRef, AppointmentId, CalendarId, Category, ChaptersId, ChartId, ClaimsId, DataSubject, ErasureId, Parts,
    PatientId, Personal, PractitionerId, Seal,
};
use domain::patient::PatientEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::tests::*;
use super::*;
use crate::log::{AppendedEntry, Origin, StreamTip};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vectors {
    chain_id: u64,
    contract: String,
    namespace: u32,
    master_secret: String,
    epochs: Vec<EpochOf>,
    roots: Vec<Root>,
    names: Vec<Name>,
    profiles: Vec<ProfileOf>,
    commits: Vec<Commit>,
    shared: shared::Shared,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EpochOf {
    number: u64,
    secret: String,
    commitment: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProfileOf {
    what: String,
    profile: String,
    /// `None` where it is no profile.
    publishes: Option<Publishes>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Publishes {
    epochs: Vec<PublishedEpoch>,
    formats: Vec<u8>,
    endpoint: Option<String>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublishedEpoch {
    number: u64,
    commitment: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Root {
    key_id: String,
    subject: Uuid,
    root: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Name {
    r#type: u8,
    id: Uuid,
    number: u16,
    stream: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Commit {
    what: String,
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    stream: String,
    version: u64,
    count: u16,
    index: u16,
    before: String,
    payload: String,
    /// `None` where the entry is void.
    says: Option<Says>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Says {
    schema: u8,
    /// In milliseconds since 1970.
    at: i64,
    command: Uuid,
    account: Option<Uuid>,
    correlation: Option<Uuid>,
    cause: Option<Uuid>,
    shared: String,
    /// Under which key the personal section is, or the whole payload, and what it says.
    personal: Option<PersonalSays>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PersonalSays {
    /// `None` where the whole payload is under the key: then nothing names it.
    key_id: Option<String>,
    chapter: u16,
    category: u8,
    bytes: String,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/formats/vectors.json")
}

fn confirmed() -> CalendarEvent {
    CalendarEvent::Confirmed {
        appointment: AppointmentId::new(Uuid::from_u128(3)),
    }
}

fn says(event: &UnsealedEvent, metadata: &EventMetadata) -> Says {
    let account = match metadata.actor {
        Some(Actor::Account(id)) => Some(id.uuid()),
        _ => None,
    };
    Says {
        schema: event.encoded.schema,
        at: metadata.at.timestamp_millis(),
        command: metadata.command_id.uuid(),
        account,
        correlation: metadata.correlation,
        cause: metadata.cause,
        shared: hex::encode(&event.encoded.shared),
        personal: event.encoded.personal.as_ref().map(|bytes| PersonalSays {
            key_id: matches!(event.seal, Seal::Beside(_)).then(|| hex::encode(KEY_ID)),
            chapter: event.chapter,
            category: event.seal.category().unwrap().code(),
            bytes: hex::encode(bytes),
        }),
    }
}

/// A commit as it was sealed, with what its entries say.
fn sealed(what: &str, parts: &[UnsealedPart], metadata: &EventMetadata, nonce: u8) -> Commit {
    sealed_in(0, what, parts, metadata, nonce)
}

/// The same in an epoch.
fn sealed_in(epoch: u64, what: &str, parts: &[UnsealedPart], metadata: &EventMetadata, nonce: u8) -> Commit {
    let events = parts.iter().flat_map(|part| part.events.iter());
    let says = events.map(|event| Some(says(event, metadata)));
    entries(what, seal_in(epoch, parts, metadata, nonce), says)
}

/// Entries, each with what its stream ended with before.
type Sealed = Vec<(AppendedEntry, [u8; 32])>;

fn seal(parts: &[UnsealedPart], metadata: &EventMetadata, nonce: u8) -> Sealed {
    seal_in(0, parts, metadata, nonce)
}

fn seal_in(epoch: u64, parts: &[UnsealedPart], metadata: &EventMetadata, nonce: u8) -> Sealed {
    let before = parts
        .iter()
        .flat_map(|part| part.events.iter().map(|_| part.expected.hash));
    let entries = seal_commit_in(epoch, parts, metadata, [nonce; 12]);
    entries.into_iter().zip(before).collect()
}

/// A commit that somebody has made of what was sealed otherwise.
fn void(what: &str, commit: Sealed) -> Commit {
    entries(what, commit, std::iter::repeat_with(|| None))
}

fn entries(what: &str, commit: Sealed, says: impl Iterator<Item = Option<Says>>) -> Commit {
    let entry = |((entry, before), says): ((AppendedEntry, [u8; 32]), Option<Says>)| Entry {
        stream: hex::encode(entry.stream.0),
        version: entry.version,
        count: entry.origin.count,
        index: entry.origin.index,
        before: hex::encode(before),
        payload: hex::encode(&entry.payload),
        says,
    };
    Commit {
        what: what.to_owned(),
        entries: commit.into_iter().zip(says).map(entry).collect(),
    }
}

/// With one bit of one payload turned over; counted from the end if it is negative.
fn altered(mut commit: Sealed, entry: usize, at: isize) -> Sealed {
    let (altered, _) = &mut commit[entry];
    let mut payload = altered.payload.to_vec();
    let at = usize::try_from(at.rem_euclid(payload.len().cast_signed())).unwrap();
    payload[at] ^= 1;
    altered.payload = payload.into();
    commit
}

/// With the number of another epoch, below 128.
fn in_epoch(epoch: u8, mut commit: Sealed) -> Sealed {
    let (altered, _) = &mut commit[0];
    let mut payload = altered.payload.to_vec();
    payload[1] = epoch;
    altered.payload = payload.into();
    commit
}

/// With a first byte that says that there is a personal section.
fn with_a_personal_section(mut commit: Sealed) -> Sealed {
    let (altered, _) = &mut commit[0];
    let mut payload = altered.payload.to_vec();
    payload[0] |= 1 << 5;
    altered.payload = payload.into();
    commit
}

/// With the MAC of the commit as it is now.
fn signed_again(commit: Sealed, secret: u8) -> Sealed {
    let places = commit
        .iter()
        .map(|(entry, before)| (Place::of(entry, *before), entry.payload.to_vec()));
    let mut payloads: Vec<_> = places.collect();
    let (_, last) = payloads.last_mut().unwrap();
    last.truncate(last.len() - 16);
    payload::sign(&mut payloads, &[secret; 16]);
    let signed = commit.into_iter().zip(payloads);
    signed
        .map(|((entry, before), (_, payload))| {
            let payload = payload.into();
            (AppendedEntry { payload, ..entry }, before)
        })
        .collect()
}

/// Profiles of the namespace.
fn profiles() -> Vec<ProfileOf> {
    let whole = Profile {
        epochs: vec![(1, second_epoch().secret.commitment()), (300, [8; 32])],
        formats: vec![2, 3],
        endpoint: Some("https://hospital.example".to_owned()),
    };
    let written = whole.write();
    let later = [&[1][..], &[9, 3, 1, 2, 3], &[2, 1, 3]].concat();
    let short = written.split_last().unwrap().1;
    let cases = [
        (
            "an epoch, another one with a long number, two formats, and an endpoint",
            written.clone(),
        ),
        ("nothing", vec![1]),
        ("a field of a later program, and a format", later),
        ("one that ends early", short.to_vec()),
        ("of another version", [&[2], &written[1..]].concat()),
        ("a format that has no two bits", vec![1, 2, 1, 4]),
        (
            "an epoch whose commitment is too short",
            [&[1, 1, 32, 1][..], &[8; 31]].concat(),
        ),
        ("two endpoints", vec![1, 3, 1, b'a', 3, 1, b'b']),
        ("an endpoint that is not UTF-8", vec![1, 3, 1, 0xff]),
    ];
    let case = |(what, profile): (&str, Vec<u8>)| ProfileOf {
        what: what.to_owned(),
        publishes: Profile::read(&profile).map(|profile| Publishes {
            epochs: profile
                .epochs
                .iter()
                .map(|(number, commitment)| PublishedEpoch {
                    number: *number,
                    commitment: hex::encode(commitment),
                })
                .collect(),
            formats: profile.formats,
            endpoint: profile.endpoint,
        }),
        profile: hex::encode(profile),
    };
    cases.map(case).into()
}

/// An event in a day and one in a patient's record, together.
fn with_a_record() -> [UnsealedPart; 2] {
    let (day, chart) = (aggregate(), AggregateRef::from(ChartId(patient())));
    let [conditions, medications] = tests::chart(4).map(|event| encode(&chart, &event));
    [
        part(&day, 5, &[encode(&day, &confirmed())]),
        part(&chart, 3, &[conditions, medications]),
    ]
}

/// An event of a record that the namespace's key opens: none is written like this.
fn beside_in_a_record() -> UnsealedPart {
    let chart = AggregateRef::from(ChartId(patient()));
    let [conditions, _] = tests::chart(5);
    let conditions = UnsealedEvent {
        seal: Seal::Beside(Category::Summary),
        ..encode(&chart, &conditions)
    };
    part(&chart, 2, &[conditions])
}

/// An event in a patient's record that is in the open for the namespace.
fn open_in_a_record() -> UnsealedPart {
    let mut part = beside_in_a_record();
    for event in &mut part.events {
        (event.seal, event.encoded.personal) = (Seal::Namespace, None);
    }
    part
}

/// An event in another stream that is wholly under a subject's key.
fn whole_elsewhere() -> UnsealedPart {
    let day = aggregate();
    let booked = UnsealedEvent {
        seal: Seal::Within(Category::Appointments),
        ..encode(&day, &check_up())
    };
    part(&day, 2, &[booked])
}

/// A short event in a patient's record.
fn short_in_a_record() -> UnsealedPart {
    let of = AggregateRef::from(encounter());
    part(&of, 6, &[encode(&of, &visit(None, 20))])
}

/// The first event of a patient's record.
fn begins() -> UnsealedPart {
    let of = AggregateRef::from(patient());
    let event = PatientEvent::Registered {
        details: Personal::Known(details(1)),
    };
    UnsealedPart {
        expected: StreamTip::default(),
        ..part(&of, 1, &[encode(&of, &event)])
    }
}

/// The same behind what is void: the stream has entries already.
fn begins_behind_void() -> UnsealedPart {
    let begins = begins();
    UnsealedPart {
        begins: true,
        ..part(&patient().into(), 3, &begins.events)
    }
}

/// An event in a day, and the first two of a patient's record.
fn begins_with_two() -> [UnsealedPart; 2] {
    let (day, chart) = (aggregate(), AggregateRef::from(ChartId(patient())));
    let [conditions, _] = tests::chart(6);
    let mut begins = begins();
    begins.events.push(encode(&chart, &conditions));
    [part(&day, 5, &[encode(&day, &confirmed())]), begins]
}

/// The closing of the first chapter of a patient's record.
fn closing() -> UnsealedPart {
    let chapters = AggregateRef::from(ChaptersId(patient()));
    part(&chapters, 12, &[encode(&chapters, &ChaptersEvent::Closed)])
}

/// A patient's record goes on in its second chapter, under the keys of this one.
fn next_chapter(chapter: u16) -> UnsealedPart {
    let of = AggregateRef::from(encounter());
    let event = UnsealedEvent {
        chapter,
        ..encode(&of, &visit(None, 20))
    };
    UnsealedPart {
        expected: StreamTip::default(),
        ..part_of_chapter(&of, 1, 1, &[event])
    }
}

/// What stands beside another stream when a record is in its third chapter.
fn beside_a_later_chapter() -> UnsealedPart {
    let booked = UnsealedEvent {
        chapter: 2,
        ..encode(&aggregate(), &check_up())
    };
    part(&aggregate(), 3, &[booked])
}

/// The end of a patient's record.
fn erased() -> UnsealedPart {
    let erasure = AggregateRef::from(ErasureId(DataSubject::Patient(patient())));
    part(
        &erasure,
        11,
        &[encode(&erasure, &ErasureEvent::Erased { keys: vec![KEY_ID] })],
    )
}

/// Three events on two streams, one of which begins with them.
fn two_streams() -> [UnsealedPart; 2] {
    let (day, other) = (aggregate(), other_day());
    let first = [encode(&day, &check_up()), encode(&day, &confirmed())];
    let mut begins = part(&other, 1, &[encode(&other, &check_up())]);
    begins.expected.hash = [0; 32];
    [part(&day, 4, &first), begins]
}

fn other_day() -> AggregateRef {
    CalendarId {
        owner: Uuid::from_u128(6),
        day: chrono::NaiveDate::from_ymd_opt(2019, 4, 1).unwrap(),
    }
    .into()
}

fn commits() -> Vec<Commit> {
    let day = aggregate();
    let chart = ChartId(patient());
    let of_chart: Vec<_> = tests::chart(3)
        .iter()
        .map(|event| encode(&chart.into(), event))
        .collect();
    let sessions = (0..40)
        .map(|number| Session {
            start: DateTime::from_timestamp(1_800_000_000 + number * 7200, 0).unwrap(),
            end: DateTime::from_timestamp(1_800_003_600 + number * 7200, 0).unwrap(),
            slot_minutes: 20,
        })
        .collect();
    let offers = CalendarEvent::AvailabilityPublished { sessions };
    let by_system = EventMetadata {
        actor: Some(Actor::System),
        ..metadata()
    };
    let belonging = EventMetadata {
        correlation: Some(Uuid::from_u128(0xc0 << 96)),
        cause: Some(Uuid::from_u128(0xca << 96)),
        ..metadata()
    };
    let single = || part(&day, 1, &[encode(&day, &check_up())]);
    let sealed_single = || seal(&[single()], &metadata(), 2);
    let whole = || seal(&two_streams(), &metadata(), 3);
    let (mut alone, before) = whole().remove(2);
    alone.origin = Origin {
        count: 1,
        index: 0,
        ..alone.origin
    };
    let mut later = sealed_single();
    later[0].0.version = 2;
    let mut behind_another = sealed_single();
    behind_another[0].1 = [1; 32];
    let mut junk = sealed_single();
    junk[0].0.payload = [0x80; 64].as_slice().into();
    let short = [part(&day, 2, &[encode(&day, &confirmed())])];
    vec![
        sealed("without a personal section, by the system", &short, &by_system, 1),
        sealed("with a personal section", &[single()], &metadata(), 2),
        sealed(
            "three events on two streams, one of which begins",
            &two_streams(),
            &metadata(),
            3,
        ),
        sealed(
            "long events in a patient's record",
            &[part(&chart.into(), 8, &of_chart)],
            &belonging,
            9,
        ),
        sealed(
            "a long shared section",
            &[part(&day, 9, &[encode(&day, &offers)])],
            &belonging,
            12,
        ),
        sealed(
            "a short event in a patient's record, by the system",
            &[short_in_a_record()],
            &by_system,
            14,
        ),
        sealed("a patient's record begins", &[begins()], &metadata(), 15),
        sealed(
            "an event in a day, and two in a patient's record",
            &with_a_record(),
            &metadata(),
            20,
        ),
        sealed("the end of a patient's record", &[erased()], &by_system, 25),
        sealed(
            "a chapter of a patient's record is closed",
            &[closing()],
            &by_system,
            31,
        ),
        sealed("the next chapter begins", &[next_chapter(1)], &metadata(), 32),
        sealed(
            "with a personal section under the keys of a later chapter",
            &[beside_a_later_chapter()],
            &metadata(),
            33,
        ),
        sealed_in(1, "in the second epoch", &two_streams(), &metadata(), 36),
        sealed_in(
            1,
            "a patient's record begins in the second epoch",
            &[begins()],
            &metadata(),
            41,
        ),
        sealed_in(
            1,
            "in the second epoch, an event in a day, and two in a patient's record",
            &with_a_record(),
            &metadata(),
            42,
        ),
        sealed_in(
            1,
            "the end of a patient's record, in the second epoch",
            &[erased()],
            &by_system,
            47,
        ),
        sealed_in(
            1,
            "a chapter of a patient's record is closed in the second epoch",
            &[closing()],
            &by_system,
            48,
        ),
        sealed(
            "a patient's record begins with two events, beside one in a day",
            &begins_with_two(),
            &metadata(),
            52,
        ),
        sealed(
            "a patient's record begins behind what is void",
            &[begins_behind_void()],
            &metadata(),
            56,
        ),
        void(
            "where a patient's record begins, with a personal section",
            with_a_personal_section(seal(&[begins()], &metadata(), 15)),
        ),
        void(
            "beside an entry of an epoch that nobody has published, with a right MAC",
            signed_again(in_epoch(2, seal(&two_streams(), &metadata(), 49)), 49),
        ),
        void(
            "of the second epoch, with the number of the first",
            altered(seal_in(1, &[single()], &metadata(), 46), 0, 1),
        ),
        void("of an epoch that nobody has published", in_epoch(2, sealed_single())),
        void(
            "a chapter that begins under the keys of another",
            seal(&[next_chapter(0)], &metadata(), 34),
        ),
        void(
            "in a patient's record, with a section for the namespace",
            seal(&[beside_in_a_record()], &metadata(), 27),
        ),
        void(
            "in a patient's record, under the stream's key",
            seal(&[open_in_a_record()], &metadata(), 28),
        ),
        void(
            "in another stream, wholly under a patient's key",
            seal(&[whole_elsewhere()], &metadata(), 29),
        ),
        void(
            "in a patient's record, one of three altered",
            altered(seal(&with_a_record(), &metadata(), 20), 1, 30),
        ),
        void(
            "where a patient's record begins, an altered commitment",
            altered(seal(&[begins()], &metadata(), 15), 0, 30),
        ),
        void("an altered header", altered(sealed_single(), 0, 4)),
        void("an altered section", altered(sealed_single(), 0, 60)),
        void("another version", later),
        void("behind another payload", behind_another),
        void("one of three, alone", vec![(alone, before)]),
        void("one of three altered", altered(whole(), 1, 40)),
        void("another MAC", altered(whole(), 2, -1)),
        void("nothing that was ever sealed", junk),
    ]
}

fn stream_names() -> StreamNames {
    StreamNames::new(secret(), LOCATION.namespace)
}

fn written_today() -> Vectors {
    let chapter = |aggregate: AggregateRef, chapter| Name {
        r#type: aggregate.aggregate_type().code(),
        id: aggregate.uuid(),
        number: match aggregate.parts() {
            Parts::Day(_, day) => u16::try_from(day.to_epoch_days()).unwrap(),
            Parts::Bucket(number) => number.into(),
            _ => chapter,
        },
        stream: hex::encode(stream_names().seal_chapter(&aggregate, chapter).0),
    };
    let names = |aggregate| chapter(aggregate, 0);
    let id = Uuid::from_u128(7);
    Vectors {
        chain_id: LOCATION.chain_id,
        contract: hex::encode(LOCATION.contract),
        namespace: LOCATION.namespace.0,
        master_secret: secret().to_hex(),
        epochs: vec![EpochOf {
            number: 1,
            secret: hex::encode([0x55; 32]),
            commitment: hex::encode(second_epoch().secret.commitment()),
        }],
        profiles: profiles(),
        roots: vec![Root {
            key_id: hex::encode(KEY_ID),
            subject: patient().uuid(),
            root: hex::encode([0x77; 32]),
        }],
        names: vec![
            names(PatientId::new(id).into()),
            names(patient().into()),
            names(PractitionerId::new(id).into()),
            names(aggregate()),
            names(ClaimsId(36).into()),
            chapter(patient().into(), 1),
            chapter(patient().into(), u16::MAX),
        ],
        commits: commits(),
        shared: shared::written_today(),
    }
}

fn known() -> Vectors {
    serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_vectors_are_what_is_written_today() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !file().exists() {
        let text = serde_json::to_string_pretty(&written_today()).unwrap();
        std::fs::write(file(), text + "\n").unwrap();
    }
    assert_eq!(known(), written_today());
}

impl Entry {
    fn appended(&self) -> AppendedEntry {
        AppendedEntry {
            stream: StreamId(bytes(&self.stream).try_into().unwrap()),
            version: self.version,
            position: 1,
            origin: Origin {
                count: self.count,
                index: self.index,
                writer: 1,
            },
            payload: bytes(&self.payload).into(),
            transaction: [0; 32],
        }
    }
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn before(entry: &Entry) -> [u8; 32] {
    bytes(&entry.before).try_into().unwrap()
}

#[tokio::test]
async fn the_vectors_open_as_they_say() {
    for commit in known().commits {
        let written: Vec<_> = commit.entries.iter().map(Entry::appended).collect();
        let places = commit
            .entries
            .iter()
            .zip(&written)
            .map(|(told, entry)| (Place::of(entry, before(told)), entry.payload.as_ref()));
        let proof = CommitProof::of(places);
        for (told, entry) in commit.entries.iter().zip(&written) {
            let opener = Opener::new(LOCATION, secret(), ring_of_two_epochs());
            // Whoever follows the log looks at this before.
            let is_published =
                |entry: &AppendedEntry| Written::of(&entry.payload).is_none_or(|written| written.epoch < Some(2));
            let opened = if written.iter().all(is_published) {
                opener.open(entry, before(told), Siblings::Proof(&proof), &keys())
            } else {
                Opening::Void(Void::UnknownEpoch(2))
            };
            match (&told.says, opened) {
                (None, Opening::Void(_)) => {}
                (Some(expected), Opening::Opened { event, personal }) => {
                    assert_ne!(personal, PersonalPart::Unreadable, "{}", commit.what);
                    let chapter = match &expected.personal {
                        // It opened under the keys of the chapter that the header names.
                        Some(beside) if beside.key_id.is_some() => beside.chapter,
                        _ => stream_names().open(&entry.stream).unwrap().chapter,
                    };
                    let again = UnsealedEvent::of(&event.event, chapter).unwrap();
                    assert_eq!(&says(&again, &event.metadata), expected, "{}", commit.what);
                    assert_eq!(again.subject.is_some(), expected.personal.is_some(), "{}", commit.what);
                }
                (expected, opening) => panic!("{}: {expected:?} and {opening:?}", commit.what),
            }
        }
    }
}
