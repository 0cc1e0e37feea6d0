//! The sealed format as a whole. `records`: what is wholly under a subject's key; `rules`: what becomes of an entry, case by case; `scoped`: with
//! single keys.

mod epochs;
mod records;
mod rules;
mod scoped;

use std::sync::Arc;

use application::log::{Actor, AnyEvent, Author, EventMetadata, OpenedEvent};
use application::ports::IdentityDerivation;
use chrono::{DateTime, NaiveDate};
use domain::calendar::{Booking, CalendarEvent};
use domain::chart::{Abated, ChartEvent, Condition, Medication, Noted};
use domain::encounter::{EncounterEvent, EncounterNames, Filed, Outcome, Provider};
use domain::kernel::{
    AccountId, AggregateRef, AppointmentId, CalendarId, ChartId, ClinicEvent, CodeSystem, Coding, CommandId, Concept,
    EncounterId, Gender, HumanName, Identifier, PatientId, Personal, PractitionerId, Slot, Sources,
};
use domain::patient::{PatientDetails, PatientEvent};
use domain::practitioner::{PractitionerDetails, PractitionerEvent};
use futures::FutureExt as _;
use proptest::prelude::*;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;
use crate::keys::{
    DataKey, Epoch, EpochNumber, EpochSecret, HeldKey, KeyEncryptionKey, KeyEncryptionKeys, KeyLookup, KeyRing, KeySet,
    MasterSecret, SealingKey,
};
use crate::log::{AppendedEntry, KeyId, LogLocation, Namespace, Origin, StreamTip};

pub(super) const LOCATION: LogLocation = LogLocation {
    chain_id: 31337,
    contract: [0xcc; 20],
    namespace: Namespace(7),
};
pub(super) const KEY_ID: KeyId = [0x11; 8];

pub(super) fn secret() -> MasterSecret {
    MasterSecret::new([0x42; 32])
}

pub(super) fn patient() -> PatientId {
    PatientId::new(Uuid::from_u128(0x0707))
}

pub(super) fn aggregate() -> AggregateRef {
    CalendarId {
        owner: Uuid::from_u128(5),
        day: NaiveDate::from_ymd_opt(2019, 4, 1).unwrap(),
    }
    .into()
}

/// A key ring whose database is never asked.
fn ring() -> Arc<KeyRing> {
    let pool = crate::postgres::pool("postgres://nobody@localhost:1/none", crate::postgres::LIVE, 1).unwrap();
    Arc::new(KeyRing::new(
        pool,
        KeyEncryptionKeys::new(KeyEncryptionKey::new("test", [0; 32]), Vec::new()),
    ))
}

/// The same, where the second epoch's secret is as well.
pub(super) fn ring_of_two_epochs() -> Arc<KeyRing> {
    let ring = ring();
    ring.epochs().hold(&second_epoch());
    ring
}

/// The epoch after the first.
pub(super) fn second_epoch() -> Epoch {
    Epoch {
        number: 1,
        secret: EpochSecret::from_bytes(Zeroizing::new([0x55; 32])),
    }
}

fn held() -> Arc<HeldKey> {
    Arc::new(HeldKey {
        subject: patient().into(),
        key: DataKey::from_bytes(Zeroizing::new([0x77; 32])),
    })
}

pub(super) fn keys() -> KeySet {
    [(KEY_ID, KeyLookup::Held(held()))].into_iter().collect()
}

pub(super) fn sealer(location: LogLocation, secret: &MasterSecret) -> Sealer {
    Sealer::new(location, secret, ring())
}

pub(super) fn opener(location: LogLocation, secret: &MasterSecret) -> Opener {
    Opener::new(location, secret, ring())
}

pub(super) fn metadata() -> EventMetadata {
    EventMetadata {
        command_id: CommandId::new(Uuid::from_u128(0xc0ffee << 64)),
        at: DateTime::from_timestamp_millis(1_767_225_600_123).unwrap(),
        actor: Some(Actor::Account(AccountId::new(Uuid::from_u128(0xacc << 80)))),
        correlation: None,
        cause: None,
    }
}

fn concept(code: &str, text: &str) -> Concept {
    Concept {
        coding: Some(Coding {
            system: CodeSystem::Snomed,
            code: code.to_owned(),
        }),
        text: text.to_owned(),
    }
}

pub(super) fn slot(minutes: u32) -> Slot {
    Slot {
        start: DateTime::from_timestamp(1_554_105_600, 0).unwrap(),
        minutes,
    }
}

fn booked(reason: Option<Concept>, minutes: u32) -> CalendarEvent {
    CalendarEvent::Booked {
        appointment: AppointmentId::new(Uuid::from_u128(0x00a9_9090 << 90)),
        slot: slot(minutes),
        booking: Personal::Known(Booking {
            patient: patient(),
            reason,
        }),
    }
}

pub(super) fn check_up() -> CalendarEvent {
    booked(Some(concept("185349003", "Encounter for check up (procedure)")), 30)
}

pub(super) fn encounter() -> EncounterId {
    EncounterId {
        patient: patient(),
        id: Uuid::from_u128(0x00a9_9090 << 90),
    }
}

/// A visit of the past, as it is imported.
pub(super) fn visit(reason: Option<Concept>, minutes: u32) -> EncounterEvent {
    EncounterEvent::Filed {
        encounter: Personal::Known(Filed {
            provider: Provider::Practitioner(PractitionerId::new(Uuid::from_u128(0x00d0_c909 << 90))),
            slot: slot(minutes),
            day: NaiveDate::from_ymd_opt(2019, 4, 1).unwrap(),
            outcome: Outcome::Completed,
            reason,
            as_of: None,
            names: EncounterNames::default(),
        }),
    }
}

fn seal(aggregate: &AggregateRef, version: u64, event: &impl ClinicEvent, metadata: &EventMetadata) -> AppendedEntry {
    seal_with(aggregate, version, event, metadata, [9; 12])
}

/// What the streams of these tests ended with.
pub(super) const BEFORE: [u8; 32] = [0xbe; 32];

fn seal_with(
    aggregate: &AggregateRef,
    version: u64,
    event: &impl ClinicEvent,
    metadata: &EventMetadata,
    nonce: [u8; 12],
) -> AppendedEntry {
    let part = part(aggregate, version, &[encode(aggregate, event)]);
    let mut commit = seal_commit(&[part], metadata, nonce);
    commit.remove(0)
}

pub(super) fn encode(aggregate: &AggregateRef, event: &impl ClinicEvent) -> UnsealedEvent {
    let event = AnyEvent::of(*aggregate, event.clone()).unwrap();
    UnsealedEvent {
        subject: Some(patient().into()),
        ..UnsealedEvent::of(&event, 0).unwrap()
    }
}

/// Events that are to stand in the stream of an aggregate from this version on.
pub(super) fn part(aggregate: &AggregateRef, version: u64, events: &[UnsealedEvent]) -> UnsealedPart {
    part_of_chapter(aggregate, 0, version, events)
}

/// The same in a chapter of a record.
pub(super) fn part_of_chapter(
    aggregate: &AggregateRef,
    chapter: u16,
    version: u64,
    events: &[UnsealedEvent],
) -> UnsealedPart {
    UnsealedPart {
        stream: StreamNames::new(secret(), LOCATION.namespace).seal_chapter(aggregate, chapter),
        expected: StreamTip {
            version: version - 1,
            hash: BEFORE,
        },
        events: events.to_vec(),
        begins: version == 1,
    }
}

/// A commit as the contract would append it. The nonces count up from the one that is given.
pub(super) fn seal_commit(parts: &[UnsealedPart], metadata: &EventMetadata, nonce: [u8; 12]) -> Vec<AppendedEntry> {
    seal_commit_in(0, parts, metadata, nonce)
}

/// The same in an epoch.
pub(super) fn seal_commit_in(
    epoch: EpochNumber,
    parts: &[UnsealedPart],
    metadata: &EventMetadata,
    nonce: [u8; 12],
) -> Vec<AppendedEntry> {
    let sealer = Sealer::new(LOCATION, secret(), ring_of_two_epochs());
    seal_commit_by(&sealer, epoch, parts, metadata, nonce)
}

/// The same by any sealer; the epoch is that of the organisation's own namespace.
pub(super) fn seal_commit_by(
    sealer: &Sealer,
    epoch: EpochNumber,
    parts: &[UnsealedPart],
    metadata: &EventMetadata,
    mut nonce: [u8; 12],
) -> Vec<AppendedEntry> {
    // The commit's secret first, then the nonces.
    let random = |bytes: &mut [u8]| {
        bytes.fill(nonce[0]);
        bytes.iter_mut().zip(nonce).for_each(|(to, from)| *to = from);
        nonce[11] += u8::from(bytes.len() == nonce.len());
        Ok(())
    };
    let key = SealingKey {
        key_id: KEY_ID,
        held: held(),
        new: None,
    };
    let sealed = sealer
        .seal_with(parts, metadata, epoch, |_| std::future::ready(Ok(key.clone())), random)
        .now_or_never()
        .unwrap()
        .unwrap();
    let count: usize = parts.iter().map(|part| part.events.len()).sum();
    let count = u16::try_from(count).unwrap();
    let payloads = parts.iter().zip(&sealed.parts).flat_map(|(unsealed, part)| {
        let versions = unsealed.expected.version + 1..;
        part.payloads
            .iter()
            .zip(versions)
            .map(|(payload, version)| (part.stream, version, payload))
    });
    (0..)
        .zip(payloads)
        .map(|(index, (stream, version, payload))| AppendedEntry {
            stream,
            version,
            position: 100 + version,
            origin: Origin {
                count,
                index,
                writer: 1,
            },
            payload: payload.clone(),
            transaction: [0; 32],
        })
        .collect()
}

fn open(entry: &AppendedEntry, keys: &KeySet) -> Opening {
    open_as(LOCATION, &secret(), entry, keys)
}

fn open_as(location: LogLocation, secret: &MasterSecret, entry: &AppendedEntry, keys: &KeySet) -> Opening {
    open_beside(location, secret, entry, std::slice::from_ref(entry), keys)
}

/// Opens an entry of a commit that consists of these.
fn open_beside(
    location: LogLocation,
    secret: &MasterSecret,
    entry: &AppendedEntry,
    commit: &[AppendedEntry],
    keys: &KeySet,
) -> Opening {
    let proof = proof_of(commit);
    opener(location, secret).open(entry, BEFORE, Siblings::Proof(&proof), keys)
}

fn proof_of(commit: &[AppendedEntry]) -> CommitProof {
    let places = commit
        .iter()
        .map(|entry| (Place::of(entry, BEFORE), entry.payload.as_ref()));
    CommitProof::of(places)
}

/// What becomes of each entry of a commit.
pub(super) fn open_all(commit: &[AppendedEntry]) -> Vec<Opening> {
    open_all_with(&opener(LOCATION, &secret()), commit, &keys())
}

fn open_all_with(opener: &Opener, commit: &[AppendedEntry], keys: &KeySet) -> Vec<Opening> {
    let proof = proof_of(commit);
    let open = |entry| opener.open(entry, BEFORE, Siblings::Proof(&proof), keys);
    commit.iter().map(open).collect()
}

fn is_opened(opening: &Opening) -> bool {
    matches!(opening, Opening::Opened { .. })
}

prop_compose! {
    fn any_metadata()(
        command in any::<u128>(),
        at in 0..4_102_444_800_000_i64,
        actor in any::<Option<u128>>(),
        correlation in any::<Option<u128>>(),
        cause in any::<Option<u128>>(),
    ) -> EventMetadata {
        EventMetadata {
            command_id: CommandId::new(Uuid::from_u128(command)),
            at: DateTime::from_timestamp_millis(at).unwrap(),
            actor: Some(actor.map_or(Actor::System, |id| Actor::Account(AccountId::new(Uuid::from_u128(id))))),
            correlation: correlation.map(Uuid::from_u128),
            cause: cause.map(Uuid::from_u128),
        }
    }
}

proptest! {
    #[test]
    fn an_event_opens_as_it_was_sealed(
        metadata in any_metadata(),
        text in any::<String>(),
        code in "[0-9]{0,18}",
        minutes in any::<u32>(),
        version in 1..u64::from(u32::MAX),
    ) {
        let event = booked(Some(concept(&code, &text)), minutes);
        let entry = within_a_runtime(|| seal(&aggregate(), version, &event, &metadata));
        prop_assert_eq!(entry.payload.len() % 32, 0);
        let AggregateRef::Calendar(id) = aggregate() else { unreachable!() };
        let expected = Opening::Opened {
            event: OpenedEvent { position: 100 + version, version, metadata, author: Author::Ours, event: AnyEvent::Calendar(id, event) },
            personal: PersonalPart::Present,
        };
        prop_assert_eq!(within_a_runtime(|| open(&entry, &keys())), expected);
    }

    #[test]
    fn an_event_that_concerns_nobody_opens_as_it_was_sealed(metadata in any_metadata(), appointment in any::<u128>()) {
        let event = CalendarEvent::Confirmed { appointment: AppointmentId::new(Uuid::from_u128(appointment)) };
        let entry = within_a_runtime(|| seal(&aggregate(), 1, &event, &metadata));
        prop_assert_eq!(entry.payload.len() % 32, 0);
        let AggregateRef::Calendar(id) = aggregate() else { unreachable!() };
        let expected = Opening::Opened {
            event: OpenedEvent { position: 101, version: 1, metadata, author: Author::Ours, event: AnyEvent::Calendar(id, event) },
            personal: PersonalPart::Absent,
        };
        prop_assert_eq!(within_a_runtime(|| open(&entry, &keys())), expected);
    }

    #[test]
    fn arbitrary_bytes_are_void(mut payload in prop::collection::vec(any::<u8>(), 1..300), ours in any::<bool>()) {
        if ours {
            payload.resize(payload.len().next_multiple_of(32), 0);
            payload[..1].copy_from_slice(&[0b1010_1010]);
        }
        let mut entry = within_a_runtime(|| seal(&aggregate(), 1, &check_up(), &metadata()));
        entry.payload = payload.into();
        prop_assert!(matches!(within_a_runtime(|| open(&entry, &keys())), Opening::Void(_)));
    }
}

/// The pool of a key ring wants a runtime around it, even one that is never asked.
fn within_a_runtime<T>(run: impl FnOnce() -> T) -> T {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    let _entered = RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).enter();
    run()
}

#[tokio::test]
async fn a_payload_with_any_bit_flipped_is_void() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    for at in 0..entry.payload.len() {
        for bit in 0..8 {
            let mut altered = entry.clone();
            let mut payload = entry.payload.to_vec();
            payload[at] ^= 1 << bit;
            altered.payload = payload.into();
            assert!(
                matches!(open(&altered, &keys()), Opening::Void(_)),
                "byte {at}, bit {bit}"
            );
        }
    }
}

#[tokio::test]
async fn a_payload_cut_short_or_made_longer_is_void() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    for length in 0..entry.payload.len() {
        let shorter = AppendedEntry {
            payload: entry.payload[..length].into(),
            ..entry.clone()
        };
        assert!(matches!(open(&shorter, &keys()), Opening::Void(_)));
    }
    let longer = AppendedEntry {
        payload: [&entry.payload, [0_u8; 32].as_slice()].concat().into(),
        ..entry
    };
    assert!(matches!(open(&longer, &keys()), Opening::Void(_)));
}

#[tokio::test]
async fn a_payload_opens_nowhere_but_in_its_place() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    assert!(is_opened(&open(&entry, &keys())));

    let not_authentic = Opening::Void(Void::NotAuthentic);
    let other_version = AppendedEntry {
        version: 2,
        ..entry.clone()
    };
    assert_eq!(open(&other_version, &keys()), not_authentic);
    let other = CalendarId {
        owner: Uuid::from_u128(5),
        day: NaiveDate::from_ymd_opt(2019, 4, 2).unwrap(),
    };
    let other_stream = AppendedEntry {
        stream: StreamNames::new(secret(), LOCATION.namespace).seal(&other.into()),
        ..entry.clone()
    };
    assert_eq!(open(&other_stream, &keys()), not_authentic);
    for location in [
        LogLocation {
            chain_id: 1,
            ..LOCATION
        },
        LogLocation {
            contract: [0xcd; 20],
            ..LOCATION
        },
    ] {
        assert_eq!(open_as(location, &secret(), &entry, &keys()), not_authentic);
    }
    let single = CommitProof::of([(Place::of(&entry, [1; 32]), entry.payload.as_ref())]);
    let behind_another = opener(LOCATION, &secret()).open(&entry, [1; 32], Siblings::Proof(&single), &keys());
    assert_eq!(behind_another, not_authentic);
    let of_two = AppendedEntry {
        origin: Origin {
            count: 2,
            ..entry.origin
        },
        ..entry.clone()
    };
    assert_eq!(open(&of_two, &keys()), not_authentic);
}

/// A commit of three events on two streams.
fn moved() -> Vec<AppendedEntry> {
    let other = CalendarId {
        owner: Uuid::from_u128(6),
        day: NaiveDate::from_ymd_opt(2019, 4, 1).unwrap(),
    };
    let confirmed = CalendarEvent::Confirmed {
        appointment: AppointmentId::new(Uuid::from_u128(3)),
    };
    let first = [encode(&aggregate(), &check_up()), encode(&aggregate(), &confirmed)];
    let second = [encode(&other.into(), &check_up())];
    let parts = [part(&aggregate(), 4, &first), part(&other.into(), 9, &second)];
    seal_commit(&parts, &metadata(), [3; 12])
}

#[tokio::test]
async fn each_event_of_a_commit_opens_beside_the_others_alone() {
    let commit = moved();
    assert!(open_all(&commit).iter().all(is_opened));
    assert!(commit.iter().all(|entry| entry.payload.len() % 32 == 0));
    let other = seal_commit(
        &[part(
            &aggregate(),
            4,
            &[encode(&aggregate(), &check_up()), encode(&aggregate(), &check_up())],
        )],
        &metadata(),
        [7; 12],
    );
    let not_whole = Opening::Void(Void::CommitNotWhole);
    for at in 0..3 {
        let mut altered = commit.clone();
        let mut payload = altered[at].payload.to_vec();
        payload[20] ^= 1;
        altered[at].payload = payload.into();
        let mut exchanged = commit.clone();
        exchanged[at].payload = other[0].payload.clone();
        let mut elsewhere = commit.clone();
        elsewhere[at].version += 1;
        let mut without = commit.clone();
        without.remove(at);
        let mut other_end = commit.clone();
        let mut payload = commit[at].payload.to_vec();
        *payload.last_mut().unwrap() ^= 1;
        other_end[at].payload = payload.into();
        for siblings in [altered, exchanged, elsewhere, without, other_end] {
            for one in (0..3).filter(|one| *one != at) {
                let opened = open_beside(LOCATION, &secret(), &commit[one], &siblings, &keys());
                assert_eq!(opened, not_whole, "{one} beside what is wrong with {at}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_bit_of_a_commit_is_altered_none_of_it_counts() {
    // A commit counts whole or not at all, to everybody who can open any of it: also when what is altered is nothing but the MAC.
    let commit = moved();
    for at in 0..commit.len() {
        for byte in 0..commit[at].payload.len() {
            let mut altered = commit.clone();
            let mut payload = commit[at].payload.to_vec();
            payload[byte] ^= 0x10;
            altered[at].payload = payload.into();
            let opened = open_all(&altered);
            assert!(
                opened.iter().all(|opening| matches!(opening, Opening::Void(_))),
                "byte {byte} of {at}: {opened:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_part_of_a_commit_is_void_when_it_is_appended_alone() {
    // It was opened and acknowledged once: one half of a command that was never done whole.
    let alone = |entry: &AppendedEntry| AppendedEntry {
        origin: Origin {
            count: 1,
            index: 0,
            writer: 2,
        },
        ..entry.clone()
    };
    for entry in moved().iter().map(alone) {
        assert_eq!(open(&entry, &keys()), Opening::Void(Void::NotAuthentic));
    }
}

#[tokio::test]
async fn under_another_key_of_that_name_a_personal_section_is_unreadable_and_the_event_counts() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    let other = Arc::new(HeldKey {
        subject: patient().into(),
        key: DataKey::from_bytes(Zeroizing::new([0x78; 32])),
    });
    let keys: KeySet = [(KEY_ID, KeyLookup::Held(other))].into_iter().collect();
    let Opening::Opened { event, personal } = open(&entry, &keys) else {
        panic!("not opened")
    };
    assert_eq!(personal, PersonalPart::Unreadable);
    let AnyEvent::Calendar(_, CalendarEvent::Booked { booking, .. }) = event.event else {
        panic!("another event")
    };
    assert_eq!(booking, Personal::Sealed);
}

#[tokio::test]
async fn sections_of_two_payloads_cannot_be_put_together() {
    let first = seal_with(&aggregate(), 1, &check_up(), &metadata(), [1; 12]);
    let second = seal_with(&aggregate(), 1, &check_up(), &metadata(), [2; 12]);
    let (header, sections) = header::Header::read(&first.payload).unwrap();
    let header_length = first.payload.len() - sections.len();
    let shared_end = header_length + header.personal.unwrap().first_length;
    for cut in [header_length, shared_end] {
        let mixed = [&first.payload[..cut], &second.payload[cut..]].concat();
        let mixed = AppendedEntry {
            payload: mixed.into(),
            ..first.clone()
        };
        assert_eq!(open(&mixed, &keys()), Opening::Void(Void::NotAuthentic));
    }
}

#[tokio::test]
async fn another_organisation_reads_nothing() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    assert_eq!(
        open_as(LOCATION, &MasterSecret::new([1; 32]), &entry, &keys()),
        Opening::Foreign
    );
}

#[tokio::test]
async fn what_is_sealed_under_another_secret_in_our_stream_is_void() {
    let ours = seal(&aggregate(), 1, &check_up(), &metadata());
    let stream = ours.stream;
    let confirmed = CalendarEvent::Confirmed {
        appointment: AppointmentId::new(Uuid::from_u128(3)),
    };
    let part = UnsealedPart {
        stream,
        ..part(&aggregate(), 1, &[encode(&aggregate(), &confirmed)])
    };
    let other = sealer(LOCATION, &MasterSecret::new([1; 32]));
    let sealed = other.seal(&[part], &metadata()).await.unwrap();
    let entry = AppendedEntry {
        payload: sealed.parts[0].payloads[0].clone(),
        ..ours
    };
    assert_eq!(open(&entry, &keys()), Opening::Void(Void::NotAuthentic));
}

#[tokio::test]
async fn without_the_persons_key_the_shared_part_still_opens_and_nothing_else() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    let destroyed: KeySet = [(KEY_ID, KeyLookup::Destroyed)].into_iter().collect();
    for (keys, part) in [
        (KeySet::default(), PersonalPart::Missing),
        (destroyed, PersonalPart::Erased),
    ] {
        let Opening::Opened { event, personal } = open(&entry, &keys) else {
            panic!("not opened")
        };
        assert_eq!(personal, part);
        assert_eq!(
            event.metadata,
            EventMetadata {
                actor: None,
                ..metadata()
            }
        );
        let AnyEvent::Calendar(_, CalendarEvent::Booked { booking, slot, .. }) = event.event else {
            panic!("another event")
        };
        assert_eq!((booking, slot.minutes), (Personal::Sealed, 30));
    }
}

#[tokio::test]
async fn the_persons_key_is_named_to_the_organisation_alone() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    let ours = opener(LOCATION, &secret());
    assert_eq!(ours.person_key_id(&entry.payload), Some(KEY_ID));
    assert_eq!(ours.person_key_id(&[0; 64]), None);
    // To nobody else: it is not there, and another organisation reads something else.
    assert!(!entry.payload.windows(8).any(|bytes| bytes == KEY_ID));
    let others = opener(LOCATION, &MasterSecret::new([1; 32]));
    assert_ne!(others.person_key_id(&entry.payload), Some(KEY_ID));
}

#[tokio::test]
async fn an_event_too_large_for_a_transaction_is_refused() {
    let derivation = crate::derivation::KeyedDerivation::new(&secret());
    let digits = (0..12_000_u128).map(|n| derivation.from_name("digits", &n.to_string()).to_string());
    let text: String = digits.collect();
    let event = booked(Some(concept("1", &text)), 30);
    let part = part(&aggregate(), 1, &[encode(&aggregate(), &event)]);
    let key = SealingKey {
        key_id: KEY_ID,
        held: held(),
        new: None,
    };
    let sealer = sealer(LOCATION, &secret());
    let key = |_| std::future::ready(Ok(key.clone()));
    let refused = sealer.seal_with(&[part], &metadata(), 0, key, |_| Ok(())).await;
    assert!(matches!(refused, Err(SealError::TooLarge { .. })));
}

#[tokio::test]
async fn no_two_payloads_share_a_nonce() {
    let sealer = sealer(LOCATION, &secret());
    let published = CalendarEvent::AvailabilityPublished { sessions: Vec::new() };
    let part = part(&aggregate(), 1, &[encode(&aggregate(), &published)]);
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..1000 {
        let sealed = sealer.seal(std::slice::from_ref(&part), &metadata()).await.unwrap();
        assert!(sealed.new_keys.is_empty());
        assert!(nonces.insert(sealed.parts[0].payloads[0][2..14].to_vec()));
    }
}

#[tokio::test]
async fn an_imported_history_stays_small() {
    let reasons = [
        (48, "185349003", "Encounter for check up (procedure)"),
        (15, "185345009", "Encounter for symptom"),
        (10, "185347001", "Encounter for problem (procedure)"),
        (5, "50849002", "Emergency room admission (procedure)"),
        (4, "444814009", "Viral sinusitis (disorder)"),
        (4, "10509002", "Acute bronchitis (disorder)"),
        (3, "390906007", "Follow-up encounter"),
        (3, "424619006", "Prenatal visit"),
        (3, "170258001", "Outpatient review of a rare condition nobody lists"),
        (3, "", "A reason in words of somebody's own, as free text"),
    ];
    let mut sizes = Vec::new();
    let mut number = 0_u128;
    for (weight, code, text) in reasons {
        for nth in 0..weight {
            number += 1;
            let id = AccountId::new(Uuid::from_u128(
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            ));
            let metadata = EventMetadata {
                actor: Some(Actor::Account(id)),
                ..metadata()
            };
            let minutes = [15, 30, 45, 60, 1440][nth % 5];
            let coding = (!code.is_empty()).then(|| Coding {
                system: CodeSystem::Snomed,
                code: code.to_owned(),
            });
            let event = visit(
                Some(Concept {
                    coding,
                    text: text.to_owned(),
                }),
                minutes,
            );
            sizes.push(("visit", seal(&encounter().into(), 2, &event, &metadata).payload.len()));
        }
    }
    for nth in 0..5 {
        let id = PatientId::new(Uuid::from_u128(nth));
        let event = PatientEvent::Registered {
            details: Personal::Known(details(nth)),
        };
        sizes.push(("patient", seal(&id.into(), 1, &event, &metadata()).payload.len()));
        for event in chart(nth) {
            let sealed = seal(&ChartId(id).into(), 2, &event, &metadata());
            sizes.push(("chart", sealed.payload.len()));
        }
        let id = PractitionerId::new(Uuid::from_u128(nth));
        sizes.push((
            "practitioner",
            seal(&id.into(), 1, &practitioner(nth), &metadata()).payload.len(),
        ));
    }
    let median = |sizes: &mut Vec<usize>| {
        sizes.sort_unstable();
        sizes[sizes.len() / 2]
    };
    for kind in ["visit", "patient", "practitioner"] {
        let mut of_kind: Vec<usize> = sizes
            .iter()
            .filter(|(k, _)| *k == kind)
            .map(|(_, size)| *size)
            .collect();
        println!("{kind}: median {}, {of_kind:?}", median(&mut of_kind));
    }
    let median = median(&mut sizes.iter().map(|(_, size)| *size).collect());
    assert!(median <= 160, "the median is {median}");
}

pub(super) fn details(nth: u128) -> PatientDetails {
    PatientDetails {
        name: HumanName {
            family: "Mustermann".to_owned(),
            given: vec!["Erika".to_owned()],
            prefix: vec!["Mrs.".to_owned()],
        },
        birth_date: NaiveDate::from_epoch_days(7_000).unwrap(),
        gender: Gender::Female,
        phone: Some("555-0100".to_owned()),
        identifier: Some(Identifier {
            system: "https://github.com/synthetichealth/synthea".to_owned(),
            value: Uuid::from_u128(nth << 100).to_string(),
        }),
        ..PatientDetails::default()
    }
}

pub(super) fn chart(nth: u128) -> [ChartEvent; 2] {
    let day = |days| NaiveDate::from_epoch_days(days);
    let conditions = [
        ("444814009", "Viral sinusitis (disorder)"),
        ("38341003", "Hypertension"),
        ("15777000", "Prediabetes"),
    ]
    .map(|(code, text)| Condition {
        concept: concept(code, text),
        onset: day(15_000),
        abated: day(15_014).map(Abated::On),
        as_of: None,
        sources: Sources::default(),
    });
    let medications = [
        ("313782", "Acetaminophen 325 MG Oral Tablet"),
        ("314076", "lisinopril 10 MG Oral Tablet"),
    ]
    .map(|(code, text)| Medication {
        concept: Concept {
            coding: Some(Coding {
                system: CodeSystem::RxNorm,
                code: code.to_owned(),
            }),
            text: text.to_owned(),
        },
        since: day(16_000),
        active: true,
        as_of: None,
        sources: Sources::default(),
    });
    let batch = Uuid::from_u128(nth << 64);
    [
        ChartEvent::ConditionsNoted {
            conditions: Personal::Known(Noted {
                batch,
                new: conditions.to_vec(),
                changed: Vec::new(),
            }),
        },
        ChartEvent::MedicationsNoted {
            medications: Personal::Known(Noted {
                batch,
                new: medications.to_vec(),
                changed: Vec::new(),
            }),
        },
    ]
}

fn practitioner(nth: u128) -> PractitionerEvent {
    PractitionerEvent::Registered {
        time_zone: chrono_tz::America::New_York,
        details: Personal::Known(PractitionerDetails {
            name: HumanName {
                family: "Musterarzt".to_owned(),
                given: vec!["Max".to_owned()],
                prefix: vec!["Dr.".to_owned()],
            },
            gender: Gender::Male,
            specializations: vec![Concept {
                coding: None,
                text: "General practice".to_owned(),
            }],
            credentials: Vec::new(),
            time_zone: "America/New_York".parse().unwrap(),
            identifier: Some(Identifier {
                system: "http://hl7.org/fhir/sid/us-npi".to_owned(),
                value: (99_999_000 + nth).to_string(),
            }),
            other_identifiers: Vec::new(),
            as_of: None,
        }),
    }
}
