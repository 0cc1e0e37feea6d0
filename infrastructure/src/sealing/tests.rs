//! The sealed format as a whole.

use std::sync::Arc;

use application::log::{Actor, AnyEvent, EventMetadata, OpenedEvent};
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
use proptest::prelude::*;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;
use crate::keys::{
    DataKey, HeldKey, KeyEncryptionKey, KeyEncryptionKeys, KeyLookup, KeyRing, KeySet, MasterSecret, SealingKey,
};
use crate::log::{AppendedEntry, KeyId, LogLocation, Namespace, Origin};

const LOCATION: LogLocation = LogLocation {
    chain_id: 31337,
    contract: [0xcc; 20],
    namespace: Namespace(7),
};
const KEY_ID: KeyId = [0x11; 8];

fn secret() -> MasterSecret {
    MasterSecret::new([0x42; 32])
}

fn patient() -> PatientId {
    PatientId::new(Uuid::from_u128(0x0707))
}

fn aggregate() -> AggregateRef {
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

fn held() -> Arc<HeldKey> {
    Arc::new(HeldKey {
        subject: patient(),
        key: DataKey::from_bytes(Zeroizing::new([0x77; 32])),
    })
}

fn keys() -> KeySet {
    [(KEY_ID, KeyLookup::Held(held()))].into_iter().collect()
}

fn sealer(location: LogLocation, secret: &MasterSecret) -> Sealer {
    Sealer::new(location, secret, ring())
}

fn opener(location: LogLocation, secret: &MasterSecret) -> Opener {
    Opener::new(location, secret, ring())
}

fn metadata() -> EventMetadata {
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

fn slot(minutes: u32) -> Slot {
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

fn check_up() -> CalendarEvent {
    booked(Some(concept("185349003", "Encounter for check up (procedure)")), 30)
}

fn encounter() -> EncounterId {
    EncounterId {
        patient: patient(),
        id: Uuid::from_u128(0x00a9_9090 << 90),
    }
}

/// A visit of the past, as it is imported.
fn visit(reason: Option<Concept>, minutes: u32) -> EncounterEvent {
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

fn seal_with(
    aggregate: &AggregateRef,
    version: u64,
    event: &impl ClinicEvent,
    metadata: &EventMetadata,
    nonce: [u8; 12],
) -> AppendedEntry {
    let stream = StreamNames::new(&secret(), LOCATION.namespace).seal(aggregate);
    let encoded = AnyEvent::of(*aggregate, event.clone()).unwrap().encode().unwrap();
    let key = SealingKey {
        key_id: KEY_ID,
        held: held(),
        new: None,
    };
    let person = encoded.personal.as_deref().map(|personal| (personal, key));
    let payload = sealer(LOCATION, &secret())
        .seal_under(&stream, version, &encoded, metadata, person.as_ref(), nonce)
        .unwrap();
    AppendedEntry {
        stream,
        version,
        position: 100 + version,
        origin: Origin {
            count: 1,
            index: 0,
            writer: 1,
        },
        payload: payload.into(),
        transaction: [0; 32],
    }
}

fn open(entry: &AppendedEntry, keys: &KeySet) -> Opening {
    opener(LOCATION, &secret()).open(entry, keys)
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
            event: OpenedEvent { position: 100 + version, version, metadata, event: AnyEvent::Calendar(id, event) },
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
            event: OpenedEvent { position: 101, version: 1, metadata, event: AnyEvent::Calendar(id, event) },
            personal: PersonalPart::Absent,
        };
        prop_assert_eq!(within_a_runtime(|| open(&entry, &keys())), expected);
    }

    #[test]
    fn arbitrary_bytes_are_never_opened(mut payload in any::<Vec<u8>>(), ours in any::<bool>()) {
        if ours {
            let start: Vec<u8> = [0b0110_1010].into_iter().chain(secret().org_key_id()).collect();
            let length = start.len().min(payload.len());
            payload[..length].copy_from_slice(&start[..length]);
        }
        let mut entry = within_a_runtime(|| seal(&aggregate(), 1, &check_up(), &metadata()));
        entry.payload = payload.into();
        prop_assert!(!is_opened(&within_a_runtime(|| open(&entry, &keys()))));
    }
}

/// The pool of a key ring wants a runtime around it, even one that is never asked.
fn within_a_runtime<T>(run: impl FnOnce() -> T) -> T {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    let _entered = RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).enter();
    run()
}

#[tokio::test]
async fn a_payload_with_any_bit_flipped_is_refused() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    for at in 0..entry.payload.len() {
        for bit in 0..8 {
            let mut altered = entry.clone();
            let mut payload = entry.payload.to_vec();
            payload[at] ^= 1 << bit;
            altered.payload = payload.into();
            assert!(!is_opened(&open(&altered, &keys())), "byte {at}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_payload_cut_short_or_made_longer_is_refused() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    for length in 0..entry.payload.len() {
        let shorter = AppendedEntry {
            payload: entry.payload[..length].into(),
            ..entry.clone()
        };
        assert!(!is_opened(&open(&shorter, &keys())));
    }
    let longer = AppendedEntry {
        payload: [&entry.payload, [0_u8; 32].as_slice()].concat().into(),
        ..entry
    };
    assert!(!is_opened(&open(&longer, &keys())));
}

#[tokio::test]
async fn a_payload_opens_nowhere_but_in_its_place() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    assert!(is_opened(&open(&entry, &keys())));

    let not_authentic = Opening::Unreadable(OpenError::NotAuthentic);
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
        stream: StreamNames::new(&secret(), LOCATION.namespace).seal(&other.into()),
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
        assert_eq!(opener(location, &secret()).open(&entry, &keys()), not_authentic);
    }
}

#[tokio::test]
async fn sections_of_two_payloads_cannot_be_put_together() {
    let first = seal_with(&aggregate(), 1, &check_up(), &metadata(), [1; 12]);
    let second = seal_with(&aggregate(), 1, &check_up(), &metadata(), [2; 12]);
    let (header, sections) = header::Header::read(&first.payload).unwrap();
    let header_length = first.payload.len() - sections.len();
    let shared_end = header_length + header.personal.unwrap().shared_length;
    for cut in [header_length, shared_end] {
        let mixed = [&first.payload[..cut], &second.payload[cut..]].concat();
        let mixed = AppendedEntry {
            payload: mixed.into(),
            ..first.clone()
        };
        assert_eq!(open(&mixed, &keys()), Opening::Unreadable(OpenError::NotAuthentic));
    }
}

#[tokio::test]
async fn another_organisation_reads_nothing() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    assert_eq!(
        opener(LOCATION, &MasterSecret::new([1; 32])).open(&entry, &keys()),
        Opening::Foreign
    );
}

#[tokio::test]
async fn what_another_organisation_writes_into_our_stream_is_foreign() {
    let mut entry = seal(&aggregate(), 1, &check_up(), &metadata());
    let mut payload = entry.payload.to_vec();
    payload[1..5].copy_from_slice(b"them");
    entry.payload = payload.into();
    assert_eq!(open(&entry, &keys()), Opening::Foreign);
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
async fn an_event_of_a_record_opens_as_its_own_aggregates_and_without_the_key_too() {
    let event = visit(Some(concept("185349003", "Encounter for check up (procedure)")), 30);
    let entry = seal(&encounter().into(), 7, &event, &metadata());
    assert_eq!(
        opener(LOCATION, &secret()).aggregate(&entry.stream),
        Some(patient().into())
    );
    let sealed = EncounterEvent::Filed {
        encounter: Personal::Sealed,
    };
    for (keys, expected) in [(keys(), event), (KeySet::default(), sealed)] {
        let Opening::Opened { event, .. } = open(&entry, &keys) else {
            panic!("not opened")
        };
        assert_eq!(
            (event.version, event.event),
            (7, AnyEvent::Encounter(encounter(), expected))
        );
    }
}

#[tokio::test]
async fn the_persons_key_is_named_in_the_header() {
    let entry = seal(&aggregate(), 1, &check_up(), &metadata());
    assert_eq!(Opener::person_key_id(&entry.payload), Some(KEY_ID));
    assert_eq!(Opener::person_key_id(&[0; 64]), None);
}

#[tokio::test]
async fn an_event_too_large_for_a_transaction_is_refused() {
    let derivation = crate::derivation::KeyedDerivation::new(&secret());
    let digits = (0..12_000_u128).map(|n| derivation.from_name("digits", &n.to_string()).to_string());
    let text: String = digits.collect();
    let encoded = booked(Some(concept("1", &text)), 30).encode().unwrap();
    let key = SealingKey {
        key_id: KEY_ID,
        held: held(),
        new: None,
    };
    let person = (encoded.personal.as_deref().unwrap(), key);
    let stream = StreamNames::new(&secret(), LOCATION.namespace).seal(&aggregate());
    let refused = sealer(LOCATION, &secret()).seal_under(&stream, 1, &encoded, &metadata(), Some(&person), [9; 12]);
    assert!(matches!(refused, Err(SealError::TooLarge { .. })));
}

#[tokio::test]
async fn no_two_payloads_share_a_nonce() {
    let sealer = sealer(LOCATION, &secret());
    let stream = StreamNames::new(&secret(), LOCATION.namespace).seal(&aggregate());
    let encoded = CalendarEvent::AvailabilityPublished { sessions: Vec::new() }
        .encode()
        .unwrap();
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..1000 {
        let sealed = sealer.seal(&stream, 1, &encoded, &metadata(), None).await.unwrap();
        assert!(sealed.new_key.is_none());
        assert!(nonces.insert(sealed.payload[5..17].to_vec()));
    }
}

#[tokio::test]
async fn the_format_never_changes() {
    // Frozen: payloads like these are on chains. A new format gets a new version, and this one stays readable. A byte of it is the
    // schema of the calendar's events: when that is raised, the new payload is added, and this one stays readable.
    let with_person = seal(&aggregate(), 1, &check_up(), &metadata());
    assert_eq!(hex::encode(&with_person.payload), GOLDEN_WITH_PERSON);
    let confirmed = CalendarEvent::Confirmed {
        appointment: AppointmentId::new(Uuid::from_u128(3)),
    };
    let without = seal(&aggregate(), 2, &confirmed, &metadata());
    assert_eq!(hex::encode(&without.payload), GOLDEN_WITHOUT_PERSON);
    for golden in [GOLDEN_WITH_PERSON, GOLDEN_WITHOUT_PERSON] {
        let version = if golden == GOLDEN_WITH_PERSON { 1 } else { 2 };
        let payload = hex::decode(golden).unwrap().into();
        assert!(is_opened(&open(
            &AppendedEntry {
                payload,
                version,
                ..with_person.clone()
            },
            &keys()
        )));
    }
}

const GOLDEN_WITH_PERSON: &str = "6290c9b18f09090909090909090909090911111111111111113eb8d28ada3b47d11d0ea16a18369fa55b10a13fb82731283534bb07bd39e0ecbeb4f7c77dfb60a3fb67b2fc004ea50e5fea2dd05ebc18979e8c4e9979546cfffd30ae703d9d1f1e1921fe35e1f4255229d593864da2d5cb91abf850bf49d591f47701af92b01e";
const GOLDEN_WITHOUT_PERSON: &str = "4890c9b18f0909090909090909090909098028a1e06746552e0ea16a18f6a0b4b510a13fb82731283435b9a1ff79ea20beb4f7c77dfb60a3fbe72472ca45bb740a2a4737e414ed7d2457e9a0398520cbffc64d95ceddc9c6734e222b1f87d2ec";

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

fn details(nth: u128) -> PatientDetails {
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

fn chart(nth: u128) -> [ChartEvent; 2] {
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
        details: PractitionerDetails {
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
        },
    }
}
