//! Sealed in a later epoch of the namespace.

use super::records::visited;
use super::*;

/// Two entries on two streams, one of them a record, in an epoch.
fn commit_in(epoch: EpochNumber) -> Vec<AppendedEntry> {
    let of_record = AggregateRef::from(encounter());
    let parts = [
        part(&aggregate(), 3, &[encode(&aggregate(), &check_up())]),
        part(&of_record, 5, &[encode(&of_record, &visited().0)]),
    ];
    seal_commit_in(epoch, &parts, &metadata(), [6; 12])
}

fn opener_of(ring: Arc<KeyRing>) -> Opener {
    Opener::new(LOCATION, secret(), ring)
}

#[tokio::test]
async fn what_is_sealed_in_an_epoch_opens_with_its_secret() {
    let (first, second) = (commit_in(0), commit_in(1));
    let opener = opener_of(ring_of_two_epochs());
    let opened = open_all_with(&opener, &second, &keys());
    assert!(opened.iter().all(is_opened), "{opened:?}");
    assert_eq!(opened, open_all_with(&opener, &first, &keys()));
    // Names of streams and references are not of an epoch.
    for (first, second) in first.iter().zip(&second) {
        assert_eq!((first.stream, second.payload[1]), (second.stream, 1));
        assert_eq!(
            opener.person_key_id(&first.payload),
            opener.person_key_id(&second.payload)
        );
    }
}

#[tokio::test]
async fn without_its_secret_it_waits_if_the_epoch_is_published_and_means_nothing_if_not() {
    let opener = opener_of(ring());
    let unknown = Opening::Void(Void::UnknownEpoch(1));
    assert_eq!(
        open_all_with(&opener, &commit_in(1), &keys()),
        [unknown.clone(), unknown]
    );
    opener.publish_epochs(|_| std::iter::once((1, second_epoch().secret.commitment())));
    let missing = Opening::EpochMissing { epoch: 1 };
    assert_eq!(
        open_all_with(&opener, &commit_in(1), &keys()),
        [missing.clone(), missing]
    );
}

#[tokio::test]
async fn another_secret_of_its_number_is_not_taken_for_the_published_one() {
    let ring = ring();
    let other = Epoch {
        secret: EpochSecret::from_bytes(Zeroizing::new([0x56; 32])),
        ..second_epoch()
    };
    ring.epochs().hold(&other);
    let opener = opener_of(ring);
    opener.publish_epochs(|_| std::iter::once((1, second_epoch().secret.commitment())));
    let missing = Opening::EpochMissing { epoch: 1 };
    assert_eq!(open_all_with(&opener, &commit_in(1), &keys())[0], missing);
}

#[tokio::test]
async fn what_says_another_epoch_than_it_was_sealed_in_is_void() {
    let opener = opener_of(ring_of_two_epochs());
    for epoch in [0, 1] {
        let mut commit = commit_in(epoch);
        for entry in &mut commit {
            let mut payload = entry.payload.to_vec();
            payload[1] ^= 1;
            entry.payload = payload.into();
        }
        for opening in open_all_with(&opener, &commit, &keys()) {
            assert_eq!(opening, Opening::Void(Void::NotAuthentic));
        }
    }
}
