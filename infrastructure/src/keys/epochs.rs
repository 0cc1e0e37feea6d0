//! The epochs of a namespace, the organisation's own or one that is shared: which secret its streams are sealed under, from when on.
//!
//! The first epoch, number 0, is that of the master secret, or of the shared namespace's first one. Each later one has a random secret of its own. The namespace's owner publishes what it
//! commits to (`sealing::Profile`), and from there on events may be sealed under it. So a secret that somebody got to know opens nothing that is sealed
//! under a later one. Names of streams and references stay under the master secret.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{PoisonError, RwLock};

use ring::hkdf::{HKDF_SHA256, Prk};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::SecretError;
use super::derived::derive;

/// Which epoch, from 0.
pub type EpochNumber = u64;

/// What an epoch's secret commits to: 32 bytes that tell nothing of it, and that no other secret has.
pub type EpochCommitment = [u8; 32];

/// The secret of an epoch: 32 random bytes. Clones are wiped separately.
#[derive(Clone)]
pub struct EpochSecret(Zeroizing<[u8; 32]>);

impl EpochSecret {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0; 32]);
        let filled = SystemRandom::new().fill(bytes.as_mut_slice());
        filled.map_err(|_| SecretError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// From its bytes.
    pub const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What it commits to.
    pub fn commitment(&self) -> EpochCommitment {
        let mut commitment = [0; 32];
        derive(&self.0, b"epoch commitment", &mut commitment);
        commitment
    }

    /// What the streams' own keys are expanded from, by stream id.
    pub(crate) fn stream_sealing(&self) -> Prk {
        let mut key = Zeroizing::new([0; 32]);
        derive(&self.0, b"stream sealing", key.as_mut_slice());
        Prk::new_less_safe(HKDF_SHA256, key.as_slice())
    }
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochSecret")
    }
}

/// An epoch's secret and its number.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: EpochNumber,
    /// Its secret.
    pub secret: EpochSecret,
}

/// What is known here of an epoch's key.
pub(crate) enum EpochKey {
    /// It is here.
    Held(Prk),
    /// The log has published the epoch, and its secret is not here.
    Missing,
    /// Neither is known.
    Unknown,
}

/// The epochs after the first one, as far as they are known in this process.
#[derive(Default)]
pub(crate) struct Epochs(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// The keys that are here.
    keys: HashMap<EpochCommitment, (EpochNumber, Prk)>,
    /// What the log has published.
    published: BTreeMap<EpochNumber, EpochCommitment>,
    /// Which one is sealed under.
    sealing: EpochNumber,
}

impl Epochs {
    /// A secret is here.
    pub(crate) fn hold(&self, epoch: &Epoch) {
        let key = (epoch.number, epoch.secret.stream_sealing());
        self.write(|known| known.keys.insert(epoch.secret.commitment(), key));
    }

    /// The log has published an epoch. Whoever reads the log says so, from wherever they are in it; that it was published before it is used they see to
    /// themselves. A reorganisation may put another commitment in the place of the former one.
    ///
    /// Says whether that is news.
    pub(crate) fn publish(&self, number: EpochNumber, commitment: EpochCommitment) -> bool {
        let is_new = self.read(|known| known.published.get(&number) != Some(&commitment));
        if is_new {
            self.write(|known| known.published.insert(number, commitment));
        }
        is_new
    }

    /// The log has published these and no others: what it published otherwise was undone.
    pub(crate) fn publish_only(&self, published: impl Iterator<Item = (EpochNumber, EpochCommitment)>) {
        let published = published.collect();
        self.write(|known| known.published = published);
    }

    /// The epoch of this number is sealed under from now on.
    pub(crate) fn seal_under(&self, number: EpochNumber) {
        self.write(|known| known.sealing = number);
    }

    /// Which epoch is sealed under.
    pub(crate) fn sealing(&self) -> EpochNumber {
        self.read(|known| known.sealing)
    }

    /// The key of an epoch. Of one that nobody has published the only secret of its number will do: what was not sealed under it does not open.
    pub(crate) fn key(&self, number: EpochNumber) -> EpochKey {
        self.read(|known| {
            if let Some(commitment) = known.published.get(&number) {
                let held = known.keys.get(commitment);
                return held.map_or(EpochKey::Missing, |(_, key)| EpochKey::Held(key.clone()));
            }
            let mut of_number = known.keys.values().filter(|(of, _)| *of == number);
            match (of_number.next(), of_number.next()) {
                (Some((_, key)), None) => EpochKey::Held(key.clone()),
                _ => EpochKey::Unknown,
            }
        })
    }

    /// Whether it must be asked whether the secret of an epoch is here.
    pub(super) fn lacks(&self, number: EpochNumber) -> bool {
        number > 0 && !matches!(self.key(number), EpochKey::Held(_))
    }

    /// The epochs that the log has published and whose secrets are not here.
    pub(crate) fn missing(&self) -> Vec<EpochNumber> {
        self.read(|known| {
            let published = known.published.iter();
            let missing = published.filter(|(_, commitment)| !known.keys.contains_key(*commitment));
            missing
                .map(|(number, _)| *number)
                .filter(|number| *number > 0)
                .collect()
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(number: EpochNumber, byte: u8) -> Epoch {
        Epoch {
            number,
            secret: EpochSecret::from_bytes(Zeroizing::new([byte; 32])),
        }
    }

    #[test]
    fn the_secret_is_not_printed_and_what_is_derived_never_changes() {
        let secret = epoch(1, 0x42).secret;
        assert_eq!(format!("{secret:?}"), "EpochSecret");
        assert_eq!(
            hex::encode(secret.commitment()),
            "8e29b3f39d844c03ddb687356f3faf0b7f7b1f63f4ae6a10f3abd17a23ccab8f"
        );
    }

    #[test]
    fn of_two_secrets_of_one_number_the_published_one_counts() {
        let epochs = Epochs::default();
        let (ours, theirs) = (epoch(1, 1), epoch(1, 2));
        assert!(matches!(epochs.key(1), EpochKey::Unknown));
        epochs.hold(&ours);
        assert!(matches!(epochs.key(1), EpochKey::Held(_)));
        epochs.publish(1, theirs.secret.commitment());
        assert!(matches!(epochs.key(1), EpochKey::Missing));
        assert_eq!(epochs.missing(), [1]);
        epochs.hold(&theirs);
        assert!(matches!(epochs.key(1), EpochKey::Held(_)));
        assert!(epochs.missing().is_empty());
    }

    #[test]
    fn of_two_secrets_of_one_number_that_nobody_has_published_neither_is_taken() {
        let epochs = Epochs::default();
        epochs.hold(&epoch(1, 1));
        epochs.hold(&epoch(1, 2));
        assert!(matches!(epochs.key(1), EpochKey::Unknown));
        assert!(epochs.lacks(1));
        assert!(!epochs.lacks(0));
    }
}
