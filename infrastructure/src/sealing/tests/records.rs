//! What is wholly under a subject's key: a patient's record.

use domain::erasure::ErasureEvent;
use domain::kernel::{Category, DataSubject, ErasureId, Seal};

use super::super::commitments::Commitments;
use super::super::payload::{Beginning, Contents, Fresh};
use super::super::place::Section;
use super::super::reference::{Reference, References};
use super::super::stream_keys::StreamKeys;
use super::*;

pub(super) fn visited() -> (EncounterEvent, AppendedEntry) {
    let event = visit(Some(concept("185349003", "Encounter for check up (procedure)")), 30);
    let entry = seal(&encounter().into(), 7, &event, &metadata());
    (event, entry)
}

fn destroyed() -> KeySet {
    [(KEY_ID, KeyLookup::Destroyed)].into_iter().collect()
}

#[tokio::test]
async fn an_event_of_a_record_opens_as_its_own_aggregates() {
    let (event, entry) = visited();
    assert_eq!(
        opener(LOCATION, &secret()).aggregate(&entry.stream),
        Some(patient().into())
    );
    let Opening::Opened {
        event: opened,
        personal,
    } = open(&entry, &keys())
    else {
        panic!("not opened")
    };
    assert_eq!((opened.version, personal), (7, PersonalPart::Present));
    assert_eq!(opened.metadata, metadata());
    assert_eq!(opened.event, AnyEvent::Encounter(encounter(), event));
}

#[tokio::test]
async fn without_the_subjects_key_nothing_of_a_record_opens_not_even_what_it_is() {
    let (_, entry) = visited();
    assert_eq!(open(&entry, &KeySet::default()), Opening::KeyMissing);
    let mut erased = keys();
    erased.destroy(|_| false, |subject| *subject == patient().into());
    assert_eq!(open(&entry, &erased), Opening::Sealed);
    // Nothing in the clear names the key or the subject.
    assert_eq!(opener(LOCATION, &secret()).person_key_id(&entry.payload), None);
    assert!(!entry.payload.windows(8).any(|bytes| bytes == KEY_ID));
}

#[tokio::test]
async fn a_record_of_whose_subject_all_keys_are_destroyed_is_sealed() {
    let (_, entry) = visited();
    let mut gone = keys();
    gone.destroy(|key| *key == KEY_ID, |_| false);
    assert_eq!(open(&entry, &gone), Opening::Sealed);
    // By the name of a key nobody knows whose it was.
    assert_eq!(open(&entry, &destroyed()), Opening::KeyMissing);
}

#[tokio::test]
async fn of_several_keys_of_a_subject_the_right_one_opens() {
    // Two servers on one database may each have made one at the same moment.
    let (_, entry) = visited();
    let other = Arc::new(HeldKey {
        subject: patient().into(),
        key: DataKey::from_bytes(Zeroizing::new([0x78; 32])),
    });
    let wrong: KeySet = [([0x22; 8], KeyLookup::Held(Arc::clone(&other)))].into_iter().collect();
    assert_eq!(open(&entry, &wrong), Opening::Void(Void::NotAuthentic));
    let both = [([0x22; 8], KeyLookup::Held(other)), (KEY_ID, KeyLookup::Held(held()))];
    assert!(is_opened(&open(&entry, &both.into_iter().collect())));
}

/// The first event of the record.
fn begun() -> AppendedEntry {
    let event = PatientEvent::Registered {
        details: Personal::Known(details(1)),
    };
    seal(&patient().into(), 1, &event, &metadata())
}

#[tokio::test]
async fn where_a_record_begins_the_organisation_reads_of_which_key_and_nobody_else() {
    let entry = begun();
    assert!(is_opened(&open(&entry, &keys())));
    assert_eq!(opener(LOCATION, &secret()).person_key_id(&entry.payload), Some(KEY_ID));
    assert!(!entry.payload.windows(8).any(|bytes| bytes == KEY_ID));
    let others = opener(LOCATION, &MasterSecret::new([1; 32]));
    assert_ne!(others.person_key_id(&entry.payload), Some(KEY_ID));
}

#[tokio::test]
async fn where_a_record_begins_a_missing_key_is_told_from_junk_though_another_of_the_subject_is_here() {
    // Two databases of one organisation may have made the subject a key each, of which the log has one.
    let other = Arc::new(HeldKey {
        subject: patient().into(),
        key: DataKey::from_bytes(Zeroizing::new([0x78; 32])),
    });
    let wrong: KeySet = [([0x22; 8], KeyLookup::Held(other))].into_iter().collect();
    let entry = begun();
    assert_eq!(open(&entry, &wrong), Opening::KeyMissing);
    // Who does not have the namespace's key cannot make such a beginning.
    for at in 0..entry.payload.len() {
        let mut payload = entry.payload.to_vec();
        payload[at] ^= 0x10;
        let altered = AppendedEntry {
            payload: payload.into(),
            ..entry.clone()
        };
        for keys in [&wrong, &keys(), &KeySet::default()] {
            assert!(matches!(open(&altered, keys), Opening::Void(_)), "byte {at}");
        }
    }
    // A true header before another section is none either.
    let (_, other) = visited();
    let header = entry.payload.len() - header::Header::read(&entry.payload).unwrap().1.len();
    let put_together = [&entry.payload[..header], &other.payload[14..]].concat();
    let put_together = AppendedEntry {
        payload: put_together[..put_together.len() / 32 * 32].into(),
        ..entry
    };
    assert_eq!(open(&put_together, &wrong), Opening::Void(Void::NotAuthentic));
}

/// A first event of the record as nobody of ours writes it.
fn begun_as(section: Section, reference: Reference, commitment: [u8; 32]) -> AppendedEntry {
    let AnyEvent::Patient(_, event) = (match open(&begun(), &keys()) {
        Opening::Opened { event, .. } => event.event,
        other => panic!("{other:?}"),
    }) else {
        panic!("another event")
    };
    let of: AggregateRef = patient().into();
    let UnsealedEvent { encoded, .. } = encode(&of, &event);
    let stream_key = || {
        StreamKeys::new(LOCATION, &secret().into(), &ring())
            .of(&begun().stream, 0)
            .unwrap()
    };
    let personal = encoded.personal.unwrap();
    let (content, key) = match section {
        Section::Whole => (
            content::write_whole(encoded.schema, &metadata(), &encoded.shared, &personal),
            held().key.category(0, Category::Identity).unwrap().expanding(),
        ),
        _ => (
            content::write_only(encoded.schema, &metadata(), &encoded.shared),
            stream_key(),
        ),
    };
    let contents = Contents {
        content: content.unwrap(),
        section,
        key,
        personal: None,
        beginning: Some(Beginning {
            reference,
            commitment,
            key: stream_key(),
        }),
    };
    let place = Place::of(&begun(), BEFORE);
    let fresh = Fresh {
        epoch: 0,
        nonce: [9; 12],
        secret: &[0; 16],
    };
    let payload = contents.seal(&LOCATION, &References::new(&secret()), &place, fresh);
    AppendedEntry {
        payload: payload.unwrap().into(),
        ..begun()
    }
}

#[tokio::test]
async fn a_record_begins_with_a_root_of_its_subjects_and_the_keys_that_this_gives() {
    let own = Reference {
        key_id: KEY_ID,
        chapter: 0,
    };
    let committed = Commitments::of(&held().key, 0).unwrap().root();
    assert!(is_opened(&open(&begun_as(Section::Whole, own, committed), &keys())));
    let somebody_elses = HeldKey {
        subject: PatientId::new(Uuid::from_u128(9)).into(),
        key: DataKey::from_bytes(Zeroizing::new([0x77; 32])),
    };
    let others = [
        ([0x22; 8], KeyLookup::Held(Arc::new(somebody_elses))),
        (KEY_ID, KeyLookup::Held(held())),
    ];
    let keys: KeySet = others.into_iter().collect();
    let named = |key_id, chapter| Reference { key_id, chapter };
    for (what, entry) in [
        ("another commitment", begun_as(Section::Whole, own, [1; 32])),
        ("another chapter", begun_as(Section::Whole, named(KEY_ID, 1), committed)),
        (
            "somebody else's root",
            begun_as(Section::Whole, named([0x22; 8], 0), committed),
        ),
        ("its end", begun_as(Section::Shared, own, committed)),
    ] {
        assert_eq!(open(&entry, &keys), Opening::Void(Void::NotAuthentic), "{what}");
    }
}

#[tokio::test]
async fn no_stream_of_the_namespace_begins_as_a_record_does() {
    let mut entry = seal(&aggregate(), 1, &check_up(), &metadata());
    entry.payload = begun().payload;
    assert!(matches!(open(&entry, &keys()), Opening::Void(_)));
}

#[tokio::test]
async fn whatever_bit_of_a_record_is_altered_it_is_void() {
    let (_, entry) = visited();
    for at in 0..entry.payload.len() {
        let mut payload = entry.payload.to_vec();
        payload[at] ^= 0x04;
        let altered = AppendedEntry {
            payload: payload.into(),
            ..entry.clone()
        };
        assert!(matches!(open(&altered, &keys()), Opening::Void(_)), "byte {at}");
    }
}

#[tokio::test]
async fn the_end_of_a_record_opens_without_any_key_of_the_subject() {
    let erasure = ErasureId(DataSubject::Patient(patient()));
    let event = ErasureEvent::Erased { keys: vec![KEY_ID] };
    let entry = seal(&erasure.into(), 9, &event, &metadata());
    assert_eq!(
        opener(LOCATION, &secret()).aggregate(&entry.stream),
        Some(patient().into())
    );
    for keys in [keys(), destroyed(), KeySet::default()] {
        let Opening::Opened {
            event: opened,
            personal,
        } = open(&entry, &keys)
        else {
            panic!("not opened")
        };
        assert_eq!(personal, PersonalPart::Absent);
        assert_eq!(opened.event, AnyEvent::Erasure(erasure, event.clone()));
    }
}

#[tokio::test]
async fn an_event_under_another_key_than_its_own_is_void() {
    let event = encode(&encounter().into(), &visited().0);
    let seal_as = |seal| {
        let part = part(&encounter().into(), 7, &[UnsealedEvent { seal, ..event.clone() }]);
        seal_commit(&[part], &metadata(), [9; 12]).remove(0)
    };
    assert!(is_opened(&open(&seal_as(Seal::Within(Category::Care)), &keys())));
    // Whoever has the category's key would not see it, or see what they should not.
    let other_category = seal_as(Seal::Within(Category::Summary));
    assert_eq!(open(&other_category, &keys()), Opening::Void(Void::OtherKey));
    // With or without the key, in a record nothing stands beside.
    for keys in [keys(), KeySet::default(), destroyed()] {
        let beside = seal_as(Seal::Beside(Category::Care));
        assert_eq!(open(&beside, &keys), Opening::Void(Void::Malformed));
    }
    let mut in_the_open = event.clone();
    (in_the_open.seal, in_the_open.encoded.personal) = (Seal::Namespace, None);
    let in_the_open = part(&encounter().into(), 7, &[in_the_open]);
    let in_the_open = seal_commit(&[in_the_open], &metadata(), [9; 12]).remove(0);
    assert_eq!(open(&in_the_open, &keys()), Opening::Void(Void::OtherKey));
    // In a stream of the namespace's no key of a subject is tried.
    let booked = UnsealedEvent {
        seal: Seal::Within(Category::Appointments),
        ..encode(&aggregate(), &check_up())
    };
    let hidden = seal_commit(&[part(&aggregate(), 2, &[booked])], &metadata(), [9; 12]).remove(0);
    assert_eq!(open(&hidden, &keys()), Opening::Void(Void::NotAuthentic));
}

#[tokio::test]
async fn what_has_nothing_to_hide_is_not_sealed_within_a_subjects_key() {
    let confirmed = CalendarEvent::Confirmed {
        appointment: AppointmentId::new(Uuid::from_u128(3)),
    };
    let event = UnsealedEvent {
        seal: Seal::Within(Category::Care),
        ..encode(&aggregate(), &confirmed)
    };
    let sealer = sealer(LOCATION, &secret());
    let key = |_| async { panic!("no key is asked for") };
    let part = part(&aggregate(), 1, &[event]);
    let refused = sealer.seal_with(&[part], &metadata(), 0, key, |_| Ok(())).await;
    assert!(matches!(refused, Err(SealError::NoSubject)), "{refused:?}");
}
