//! In which format and epoch an entry is written, and whether that was published before, decides what becomes of its commit: the rules as a table.

use std::sync::Arc;

use application::log::{Actor, AnyEvent, EventMetadata, StreamId};
use chrono::DateTime;
use domain::calendar::CalendarEvent;
use domain::kernel::{AppointmentId, CalendarId, CommandId, PractitionerId};
use uuid::Uuid;

use super::super::{FollowerError, Newer};
use super::tests::{LOCATION, checked, secret};
use super::*;
use crate::keys::{Epoch, EpochSecret, KeyRing};
use crate::log::{Namespace, Origin};
use crate::sealing::{Profile, Sealer, StreamNames, UnsealedEvent, UnsealedPart};

const OTHERS: Namespace = Namespace(2);

/// How the second of two entries of a commit is written. The first is as everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    AsEverywhere,
    InTheSecondEpoch,
    InAnotherFormat,
}

/// What was published before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Before {
    Nothing,
    Both,
    /// By the owner of another namespace, about that.
    BothElsewhere,
    /// What is no profile.
    Malformed,
}

/// What becomes of the two.
fn becomes(before: Before, secret_is_here: bool, written: Written) -> Result<[Fate; 2], &'static str> {
    match (before, secret_is_here, written) {
        (_, _, Written::AsEverywhere) => Ok([Fate::Counted; 2]),
        (Before::Both, true, Written::InTheSecondEpoch) => Ok([Fate::Counted; 2]),
        (Before::Both, false, Written::InTheSecondEpoch) => Err("epoch"),
        (Before::Both, _, Written::InAnotherFormat) => Err("newer"),
        // All of its commit.
        (Before::Nothing | Before::BothElsewhere | Before::Malformed, ..) => Ok([Fate::Void; 2]),
    }
}

fn epoch() -> Epoch {
    Epoch {
        number: 1,
        secret: EpochSecret::from_bytes(zeroize::Zeroizing::new([9; 32])),
    }
}

fn profile() -> Vec<u8> {
    let profile = Profile {
        epochs: vec![(1, epoch().secret.commitment())],
        formats: vec![3],
        endpoint: None,
    };
    [vec![6], profile.write()].concat()
}

fn entry(stream: StreamId, position: u64, of: (u16, u16), payload: &[u8]) -> AppendedEntry {
    let (count, index) = of;
    AppendedEntry {
        stream,
        version: 1,
        position,
        origin: Origin {
            count,
            index,
            writer: 1,
        },
        payload: Arc::from(payload),
        transaction: [1; 32],
    }
}

/// Two entries in two days of a calendar.
async fn commit(sealer: &Sealer, written: Written) -> Vec<AppendedEntry> {
    let names = StreamNames::new(secret(), LOCATION.namespace);
    let metadata = EventMetadata {
        command_id: CommandId::new(Uuid::from_u128(4)),
        at: DateTime::UNIX_EPOCH,
        actor: Some(Actor::System),
        correlation: None,
        cause: None,
    };
    let days = [chrono::NaiveDate::MIN, chrono::NaiveDate::MAX];
    let parts = days.map(|day| {
        let day = CalendarId::of(PractitionerId::new(Uuid::from_u128(2)), day);
        let appointment = AppointmentId::new(Uuid::from_u128(3));
        let event = AnyEvent::Calendar(day, CalendarEvent::Confirmed { appointment });
        UnsealedPart {
            stream: names.seal(&day.into()),
            expected: StreamTip::default(),
            events: vec![UnsealedEvent::of(&event, 0).unwrap()],
            begins: false,
        }
    });
    let sealed = sealer.seal(&parts, &metadata).await.unwrap().parts;
    let mut entries: Vec<_> = (0..)
        .zip(&sealed)
        .map(|(index, part)| entry(part.stream, 11 + u64::from(index), (2, index), &part.payloads[0]))
        .collect();
    if written == Written::InAnotherFormat {
        let mut payload = entries[1].payload.to_vec();
        payload[0] |= 0b1100_0000;
        entries[1].payload = payload.into();
    }
    entries
}

/// What a follower makes of a block with what was published, and the commit.
fn opened(opener: &Opener, before: Before, commit: Vec<AppendedEntry>) -> Result<OpenedBlock, FollowerError> {
    let act = match before {
        Before::Nothing => None,
        Before::Both => Some((LOCATION.namespace, profile())),
        Before::BothElsewhere => Some((OTHERS, profile())),
        Before::Malformed => Some((LOCATION.namespace, vec![6, 9])),
    };
    let act = act.map(|(namespace, act)| entry(Namespace::about(namespace), 10, (1, 0), &act));
    let entries = act.into_iter().chain(commit).collect();
    open(checked(entries), opener, &mut KeySet::default(), &mut SoFar::default())
}

#[tokio::test]
async fn what_becomes_of_a_commit_is_as_the_table_of_what_was_published_says() {
    let with_secret = || async {
        let ring = KeyRing::offline(&[] as &[domain::kernel::PatientId]).await;
        ring.epochs().hold(&epoch());
        Arc::new(ring)
    };
    let mut rows = 0;
    for before in [Before::Nothing, Before::Both, Before::BothElsewhere, Before::Malformed] {
        for secret_is_here in [true, false] {
            for written in [
                Written::AsEverywhere,
                Written::InTheSecondEpoch,
                Written::InAnotherFormat,
            ] {
                let ring = with_secret().await;
                if written == Written::InTheSecondEpoch {
                    ring.epochs().seal_under(1);
                }
                let commit = commit(&Sealer::new(LOCATION, secret(), Arc::clone(&ring)), written).await;
                let ring = if secret_is_here {
                    ring
                } else {
                    Arc::new(KeyRing::offline(&[] as &[domain::kernel::PatientId]).await)
                };
                let opener = Opener::new(LOCATION, secret(), ring);
                let found = opened(&opener, before, commit);
                let found = match &found {
                    Ok(block) => Ok([block.fates[block.fates.len() - 2], block.fates[block.fates.len() - 1]]),
                    Err(FollowerError::EpochMissing { epoch: 1, .. }) => Err("epoch"),
                    Err(FollowerError::Newer {
                        what: Newer::Format(3), ..
                    }) => Err("newer"),
                    Err(error) => panic!("{error}"),
                };
                let case = format!("{before:?}, secret {secret_is_here}, {written:?}");
                assert_eq!(found, becomes(before, secret_is_here, written), "{case}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 24);
}

#[tokio::test]
async fn what_comes_before_a_publication_stays_void() {
    let ring = KeyRing::offline(&[] as &[domain::kernel::PatientId]).await;
    ring.epochs().hold(&epoch());
    ring.epochs().seal_under(1);
    let ring = Arc::new(ring);
    let commit = commit(
        &Sealer::new(LOCATION, secret(), Arc::clone(&ring)),
        Written::InTheSecondEpoch,
    )
    .await;
    let after = entry(Namespace::about(LOCATION.namespace), 13, (1, 0), &profile());
    let entries = commit.into_iter().chain([after]).collect();
    let opener = Opener::new(LOCATION, secret(), ring);
    let mut so_far = SoFar::default();
    let block = open(checked(entries), &opener, &mut KeySet::default(), &mut so_far).unwrap();
    assert_eq!(block.fates, [Fate::Void, Fate::Void, Fate::Public]);
    assert_eq!(block.labels[0].void, Some(Void::UnknownEpoch(1)));
    assert_eq!(so_far.told.published.latest_epoch(LOCATION.namespace, 12), 0);
    assert_eq!(so_far.told.published.latest_epoch(LOCATION.namespace, 13), 1);
}
