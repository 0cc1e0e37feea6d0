//! Opening with single keys.

use std::collections::HashMap;

use domain::kernel::Category;
use domain::state::AnyState;

use super::*;

/// A record of encounters and chart entries, in commits of one event and of two.
struct Record {
    entries: Vec<AppendedEntry>,
    categories: Vec<Category>,
    /// For each entry, its commit's.
    proofs: Vec<CommitProof>,
    beginning: AppendedEntry,
}

fn record() -> Record {
    let of_chart = AggregateRef::from(ChartId(patient()));
    let [conditions, medications] = chart(6);
    let on_chart = |event: &ChartEvent| encode(&of_chart, event);
    let visit = encode(&encounter().into(), &visit(None, 20));
    let commits = [
        (vec![on_chart(&conditions)], vec![Category::Summary]),
        (vec![visit], vec![Category::Care]),
        (
            vec![on_chart(&medications), on_chart(&conditions)],
            vec![Category::Medication, Category::Summary],
        ),
        (vec![on_chart(&medications)], vec![Category::Medication]),
    ];
    let (mut entries, mut of, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
    let mut nonce = 1;
    for (events, categories) in commits {
        let version = entries.len() as u64 + 1;
        let commit = seal_commit(&[part(&of_chart, version, &events)], &metadata(), [nonce; 12]);
        nonce += 3;
        let places = commit
            .iter()
            .map(|entry| (Place::of(entry, BEFORE), entry.payload.as_ref()));
        let proof = CommitProof::of(places);
        proofs.extend(std::iter::repeat_n(proof, commit.len()));
        entries.extend(commit);
        of.extend(categories);
    }
    Record {
        beginning: entries[0].clone(),
        entries,
        categories: of,
        proofs,
    }
}

impl Record {
    fn open(&self, keys: &[HandedOver]) -> Vec<Opening> {
        let opener = ScopedOpener::new(LOCATION, patient(), 0, &self.beginning, keys.to_vec()).unwrap();
        let entries = self.entries.iter().zip(&self.proofs);
        entries
            .map(|(entry, proof)| opener.open(entry, BEFORE, Siblings::Proof(proof)))
            .collect()
    }

    fn fold(&self, keys: &[HandedOver]) -> HashMap<AggregateRef, AnyState> {
        fold(self.open(keys)).unwrap()
    }
}

fn of_category(category: Category) -> HandedOver {
    HandedOver::category(&held().key, 0, category).unwrap()
}

fn of_event(record: &Record, at: usize) -> HandedOver {
    let HandedOver::Category { key, .. } = of_category(record.categories[at]) else {
        unreachable!()
    };
    HandedOver::event(&key, &record.entries[at]).unwrap()
}

#[tokio::test]
async fn the_key_of_a_category_opens_what_is_of_it_and_nothing_else() {
    let record = record();
    for category in Category::ALL {
        let opened: Vec<bool> = record.open(&[of_category(category)]).iter().map(is_opened).collect();
        let expected: Vec<bool> = record.categories.iter().map(|of| *of == category).collect();
        assert_eq!(opened, expected, "{category:?}");
    }
    let all = record.open(&Category::ALL.map(of_category));
    let whole: Vec<Opening> = record
        .entries
        .iter()
        .zip(&record.proofs)
        .map(|(entry, proof)| opener(LOCATION, &secret()).open(entry, BEFORE, Siblings::Proof(proof), &keys()))
        .collect();
    assert_eq!(all, whole);
}

#[tokio::test]
async fn the_key_of_one_event_opens_that_one() {
    let record = record();
    for at in 0..record.entries.len() {
        let opened = record.open(&[of_event(&record, at)]);
        for (other, opening) in opened.iter().enumerate() {
            assert_eq!(is_opened(opening), other == at, "with the key of {at}: {other}");
        }
    }
}

#[tokio::test]
async fn a_key_with_which_the_record_did_not_begin_is_refused() {
    let (record, category) = (record(), Category::Summary);
    let other_root = DataKey::from_bytes(Zeroizing::new([0x78; 32]));
    let of_other_chapter = HandedOver::category(&held().key, 1, category).unwrap();
    let of_other_root = HandedOver::category(&other_root, 0, category).unwrap();
    let HandedOver::Category { key, .. } = of_other_root.clone() else {
        unreachable!()
    };
    let HandedOver::Category { proof, .. } = of_category(category) else {
        unreachable!()
    };
    let with_the_proof_of_another = HandedOver::Category {
        chapter: 0,
        category,
        key,
        proof,
    };
    let under = |beginning: &AppendedEntry, key: &HandedOver| {
        ScopedOpener::new(LOCATION, patient(), 0, beginning, vec![key.clone()]).map(drop)
    };
    assert_eq!(under(&record.beginning, &of_category(category)), Ok(()));
    for key in [of_other_chapter, of_other_root, with_the_proof_of_another] {
        assert_eq!(under(&record.beginning, &key), Err(NotCommitted));
    }
    // No record begins with its second event.
    assert_eq!(under(&record.entries[1], &of_category(category)), Err(NotCommitted));
}

#[tokio::test]
async fn who_has_some_of_the_keys_calls_nothing_void_that_they_cannot_open() {
    let mut record = record();
    record.entries[1].payload = [0xa5; 64].as_slice().into();
    record.entries[4].payload = [0x80; 31].as_slice().into();
    let opened = record.open(&[of_category(Category::Summary), of_category(Category::Care)]);
    assert_eq!((&opened[1], &opened[4]), (&Opening::Sealed, &Opening::Sealed));
}

#[tokio::test]
async fn an_event_whose_commit_is_not_whole_is_void_to_whoever_has_its_key() {
    let mut record = record();
    let mut altered = record.entries[3].clone();
    altered.version += 1;
    let places = [&record.entries[2], &altered].map(|entry| (Place::of(entry, BEFORE), entry.payload.as_ref()));
    record.proofs[2] = CommitProof::of(places);
    let opened = record.open(&[of_category(Category::Medication)]);
    assert_eq!(opened[2], Opening::Void(Void::CommitNotWhole));
    assert_eq!(record.open(&[of_event(&record, 2)])[2], opened[2]);
}

proptest! {
    #[test]
    fn what_a_record_comes_to_does_not_depend_on_when_keys_were_given(
        given in prop::collection::vec((any::<bool>(), 0..10_usize), 0..8),
        order in any::<prop::sample::Index>(),
    ) {
        within_a_runtime(|| {
            let record = record();
            let keys: Vec<HandedOver> = given
                .iter()
                .map(|(whole, at)| match whole {
                    true => of_category(Category::ALL[*at]),
                    false => of_event(&record, at % record.entries.len()),
                })
                .collect();
            let at_once = record.fold(&keys);
            // One after the other: whoever gets a key folds again.
            let mut later = HashMap::new();
            for known in 1..=keys.len() {
                later = record.fold(&keys[..known]);
            }
            assert_eq!(&later, &at_once);
            let mut turned = keys.clone();
            let by = order.index(turned.len().max(1));
            turned.rotate_left(by);
            assert_eq!(record.fold(&turned), at_once);
            // Nothing but what was given is in it.
            let opened = record.open(&keys).iter().filter(|opening| is_opened(opening)).count();
            let may = |at: &usize| given.iter().any(|(whole, of)| match whole {
                true => Category::ALL[*of] == record.categories[*at],
                false => of % record.entries.len() == *at,
            });
            assert_eq!(opened, (0..record.entries.len()).filter(may).count());
        });
    }
}

#[tokio::test]
async fn the_keys_of_one_chapter_open_nothing_of_another() {
    let of = AggregateRef::from(encounter());
    let in_chapter = |chapter, nonce: u8| {
        let event = UnsealedEvent {
            chapter,
            ..encode(&of, &visit(None, 20))
        };
        let part = part_of_chapter(&of, chapter, 1, &[event]);
        seal_commit(&[part], &metadata(), [nonce; 12]).remove(0)
    };
    let chapters = [in_chapter(0, 3), in_chapter(1, 4), in_chapter(2, 5)];
    let of_chapter = |chapter| HandedOver::category(&held().key, chapter, Category::Care).unwrap();
    for (number, entry) in (0..).zip(&chapters) {
        for keys in 0..3 {
            let opener = ScopedOpener::new(LOCATION, patient(), number, entry, vec![of_chapter(keys)]);
            if keys == number {
                let opening = opener.unwrap().open(entry, BEFORE, Siblings::Seen);
                let Opening::Opened { event, .. } = opening else {
                    panic!("{opening:?}")
                };
                // Numbers of a record grow over its chapters.
                assert_eq!(event.version, u64::from(number) << 32 | 1);
            } else {
                assert_eq!(opener.map(drop), Err(NotCommitted));
            }
        }
    }
}
