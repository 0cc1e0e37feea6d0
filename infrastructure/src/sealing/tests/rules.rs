//! What becomes of an entry, case by case: the rules of opening as a table.
//!
//! In each row an entry stands in a stream of some kind; the subject's key is held, destroyed or not here; and something is the matter with it, or
//! with its commit.

use super::records::visited;
use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stream {
    /// The namespace reads it, and a subject's key a section beside.
    Shared,
    /// A subject's key reads it alone.
    Record,
    /// Another organisation's.
    Others,
    Administration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Held,
    Destroyed,
    Missing,
    /// Another one is held in its place.
    Wrong,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Matter {
    Nothing,
    /// A bit was turned over, it was moved, or it was never sealed by us: it does not authenticate.
    Altered,
    OtherFormat,
    OtherEpoch,
    /// The log has published its epoch, whose secret is not here.
    MissingEpoch,
    Formless,
    /// Another entry of its commit is altered.
    CommitNotWhole,
    /// It is authentic, and of a schema that a newer program writes.
    Newer,
    /// It is authentic, and says what no event says.
    Undecodable,
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Becomes {
    Opened(PersonalPart),
    Public,
    Foreign,
    Void(Void),
    Sealed,
    KeyMissing,
    Newer,
    EpochMissing,
    Undecodable,
}

use Becomes::{Opened, Undecodable};
use PersonalPart::{Erased, Missing, Present, Unreadable};

/// The table. Where a row says nothing of a key or a matter, it is the same with each of them.
fn becomes(stream: Stream, key: Key, matter: Matter) -> Becomes {
    let form = match matter {
        Matter::OtherFormat => Some(Void::UnknownFormat(1)),
        Matter::OtherEpoch => Some(Void::UnknownEpoch(1)),
        Matter::Formless => Some(Void::Malformed),
        _ => None,
    };
    match (stream, key, matter) {
        (Stream::Administration, ..) => Becomes::Public,
        (Stream::Others, ..) => Becomes::Foreign,
        // Anybody can tell.
        (_, _, Matter::OtherFormat | Matter::OtherEpoch | Matter::Formless) => Becomes::Void(form.unwrap()),
        (_, _, Matter::MissingEpoch) => Becomes::EpochMissing,
        // The shared section alone decides; the personal one is looked at then.
        (Stream::Shared, _, Matter::Altered) => Becomes::Void(Void::NotAuthentic),
        (Stream::Shared, _, Matter::CommitNotWhole) => Becomes::Void(Void::CommitNotWhole),
        (Stream::Shared, _, Matter::Newer) => Becomes::Newer,
        (Stream::Shared, _, Matter::Undecodable) => Undecodable,
        (Stream::Shared, Key::Held, Matter::Nothing) => Opened(Present),
        (Stream::Shared, Key::Destroyed, Matter::Nothing) => Opened(Erased),
        (Stream::Shared, Key::Missing, Matter::Nothing) => Opened(Missing),
        (Stream::Shared, Key::Wrong, Matter::Nothing) => Opened(Unreadable),
        // Without the key nobody can tell what it is.
        (Stream::Record, Key::Destroyed, _) => Becomes::Sealed,
        (Stream::Record, Key::Missing, _) => Becomes::KeyMissing,
        (Stream::Record, Key::Wrong, _) | (Stream::Record, Key::Held, Matter::Altered) => {
            Becomes::Void(Void::NotAuthentic)
        }
        (Stream::Record, Key::Held, Matter::CommitNotWhole) => Becomes::Void(Void::CommitNotWhole),
        (Stream::Record, Key::Held, Matter::Newer) => Becomes::Newer,
        (Stream::Record, Key::Held, Matter::Undecodable) => Undecodable,
        (Stream::Record, Key::Held, Matter::Nothing) => Opened(Present),
    }
}

fn keys_of(key: Key) -> KeySet {
    let mut held = keys();
    match key {
        Key::Held => held,
        Key::Missing => KeySet::default(),
        Key::Destroyed => {
            held.destroy(|key| *key == KEY_ID, |_| false);
            held
        }
        Key::Wrong => {
            let other = HeldKey {
                subject: patient().into(),
                key: DataKey::from_bytes(Zeroizing::new([0x78; 32])),
            };
            [(KEY_ID, KeyLookup::Held(Arc::new(other)))].into_iter().collect()
        }
    }
}

/// A commit of two entries in a stream of this kind, the first of which is looked at.
fn commit(stream: Stream, matter: Matter) -> Vec<AppendedEntry> {
    let (of, mut first) = match stream {
        Stream::Record => (encounter().into(), encode(&encounter().into(), &visited().0)),
        _ => (aggregate(), encode(&aggregate(), &check_up())),
    };
    let second = first.clone();
    match matter {
        Matter::Newer => first.encoded.schema |= 0x7f,
        // There is no such variant. What tells the aggregate stays.
        Matter::Undecodable => {
            let last = first.encoded.shared.len() - 1;
            let variant = if stream == Stream::Record { last } else { 0 };
            first.encoded.shared[variant] = 0x7e;
        }
        _ => {}
    }
    let mut commit = seal_commit(&[part(&of, 3, &[first, second])], &metadata(), [5; 12]);
    let altering = |entry: &mut AppendedEntry, at: usize, change: u8| {
        let mut payload = entry.payload.to_vec();
        payload[at] ^= change;
        entry.payload = payload.into();
    };
    match matter {
        Matter::Altered => altering(&mut commit[0], 40, 1),
        // The top two bits say the format.
        Matter::OtherFormat => altering(&mut commit[0], 0, 0b1100_0000),
        Matter::OtherEpoch | Matter::MissingEpoch => altering(&mut commit[0], 1, 1),
        Matter::Formless => commit[0].payload = commit[0].payload[..33].into(),
        Matter::CommitNotWhole => altering(&mut commit[1], 40, 1),
        Matter::Nothing | Matter::Newer | Matter::Undecodable => {}
    }
    let others = StreamNames::new(MasterSecret::new([1; 32]), LOCATION.namespace).seal(&of);
    let mut administration = commit[0].stream;
    administration.0[..4].fill(0);
    for entry in &mut commit {
        match stream {
            Stream::Others => entry.stream = others,
            Stream::Administration => entry.stream = administration,
            Stream::Shared | Stream::Record => {}
        }
    }
    commit
}

#[tokio::test]
async fn what_becomes_of_an_entry_is_as_the_table_of_rules_says() {
    let (mut rows, mut kinds) = (0, std::collections::HashSet::new());
    for stream in [Stream::Shared, Stream::Record, Stream::Others, Stream::Administration] {
        for key in [Key::Held, Key::Destroyed, Key::Missing, Key::Wrong] {
            for matter in [
                Matter::Nothing,
                Matter::Altered,
                Matter::OtherFormat,
                Matter::OtherEpoch,
                Matter::MissingEpoch,
                Matter::Formless,
                Matter::CommitNotWhole,
                Matter::Newer,
                Matter::Undecodable,
            ] {
                let commit = commit(stream, matter);
                let opener = opener(LOCATION, &secret());
                if matter == Matter::MissingEpoch {
                    opener.publish_epochs(|_| std::iter::once((1, second_epoch().secret.commitment())));
                }
                let found = match open_all_with(&opener, &commit, &keys_of(key)).remove(0) {
                    Opening::Opened { personal, .. } => Opened(personal),
                    Opening::Public => Becomes::Public,
                    Opening::Foreign => Becomes::Foreign,
                    Opening::Void(void) => Becomes::Void(void),
                    Opening::Sealed => Becomes::Sealed,
                    Opening::KeyMissing => Becomes::KeyMissing,
                    Opening::Newer { .. } => Becomes::Newer,
                    Opening::EpochMissing { epoch: 1 } => Becomes::EpochMissing,
                    Opening::EpochMissing { epoch } => panic!("epoch {epoch}"),
                    Opening::Undecodable(_) => Undecodable,
                };
                let case = format!("{stream:?}, key {key:?}, {matter:?}");
                assert_eq!(found, becomes(stream, key, matter), "{case}");
                rows += 1;
                kinds.insert(std::mem::discriminant(&found));
            }
        }
    }
    assert_eq!((rows, kinds.len()), (144, 9));
}
