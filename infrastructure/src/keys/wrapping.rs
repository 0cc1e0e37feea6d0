//! Keys at rest: wrapped with AES-256-GCM under a key-encryption key that no database holds.

use std::fmt;
use std::path::Path;

use domain::kernel::SubjectId;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::data_key::aes_256_gcm;
use super::epoch_rows::RestingEpoch;
use super::{DataKey, Epoch, EpochCommitment, EpochNumber, EpochSecret, SecretError, hex_secret};
use crate::log::KeyId;

/// A wrapped key that cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnwrapError {
    /// It is wrapped under a key-encryption key that is not configured.
    #[error("the key-encryption key {0:?} is not configured")]
    UnknownKek(String),
    /// It was altered, moved to another row, or the key-encryption key of this name is another one.
    #[error("a key does not open under the key-encryption key {0:?}")]
    Refused(String),
}

/// A key-encryption key and its name.
#[derive(Clone)]
pub struct KeyEncryptionKey {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl KeyEncryptionKey {
    /// From its bytes.
    pub fn new(id: impl Into<String>, key: [u8; 32]) -> Self {
        Self {
            id: id.into(),
            key: Zeroizing::new(key),
        }
    }

    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_hex(id: impl Into<String>, text: &str) -> Result<Self, SecretError> {
        Ok(Self {
            id: id.into(),
            key: hex_secret::parse(text)?,
        })
    }

    /// From a file with 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be read or holds anything else.
    pub fn from_file(id: impl Into<String>, path: &Path) -> Result<Self, SecretError> {
        Ok(Self {
            id: id.into(),
            key: hex_secret::read(path)?,
        })
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As operators keep it: whoever calls this writes it where only they may read.
    pub fn to_hex(&self) -> String {
        hex::encode(self.key.as_slice())
    }

    fn wrap(&self, bound: &[u8], secret: &[u8; 32]) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SecretError::NoRandomness)?;
        let mut sealed = Zeroizing::new(secret.to_vec());
        aes_256_gcm(&self.key)
            .and_then(|cipher| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                cipher.seal_in_place_append_tag(nonce, Aad::from(bound), &mut *sealed)
            })
            .map_err(|_| SecretError::Sealing)?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = aes_256_gcm(&self.key)
            .ok()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), &mut sealed)
            .ok()?;
        let mut secret = Zeroizing::new([0; 32]);
        *secret = <[u8; 32]>::try_from(&*opened).ok()?;
        Some(secret)
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyEncryptionKey").field(&self.id).finish()
    }
}

/// A wrapped key opens only in its own row: under its own name and for its own subject.
fn of_key(key_id: &KeyId, subject: SubjectId) -> Vec<u8> {
    [key_id.as_slice(), subject.uuid().as_bytes()].concat()
}

/// And an epoch's secret under its own number and commitment.
fn of_epoch(number: EpochNumber, commitment: &EpochCommitment) -> Vec<u8> {
    [b"epoch".as_slice(), &number.to_be_bytes(), commitment].concat()
}

/// The key-encryption keys that are configured: the current one wraps, older ones only unwrap.
#[derive(Clone, Debug)]
pub struct KeyEncryptionKeys {
    current: KeyEncryptionKey,
    older: Vec<KeyEncryptionKey>,
}

impl KeyEncryptionKeys {
    /// The current key and the ones before it.
    pub const fn new(current: KeyEncryptionKey, older: Vec<KeyEncryptionKey>) -> Self {
        Self { current, older }
    }

    /// All of them, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &KeyEncryptionKey> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// The name of the key that wraps.
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// Wraps under the current key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn wrap(&self, key_id: &KeyId, subject: SubjectId, key: &DataKey) -> Result<Vec<u8>, SecretError> {
        self.current.wrap(&of_key(key_id, subject), key.bytes())
    }

    /// The same of an epoch's secret.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn wrap_epoch(&self, epoch: &Epoch) -> Result<Vec<u8>, SecretError> {
        let bound = of_epoch(epoch.number, &epoch.secret.commitment());
        self.current.wrap(&bound, epoch.secret.bytes())
    }

    /// Opens what any of the keys wrapped.
    ///
    /// # Errors
    /// [`UnwrapError`].
    pub(super) fn unwrap(
        &self,
        kek_id: &str,
        key_id: &KeyId,
        subject: SubjectId,
        wrapped: &[u8],
    ) -> Result<DataKey, UnwrapError> {
        self.open(kek_id, &of_key(key_id, subject), wrapped)
            .map(DataKey::from_bytes)
    }

    /// The same of an epoch's secret.
    ///
    /// # Errors
    /// [`UnwrapError`]; also when it does not commit to what its row says.
    pub(super) fn unwrap_epoch(&self, resting: &RestingEpoch) -> Result<Epoch, UnwrapError> {
        let RestingEpoch { number, commitment, .. } = resting;
        let bytes = self.open(&resting.kek_id, &of_epoch(*number, commitment), &resting.wrapped)?;
        let secret = EpochSecret::from_bytes(bytes);
        let is_right = secret.commitment() == *commitment;
        let epoch = Epoch {
            number: *number,
            secret,
        };
        is_right
            .then_some(epoch)
            .ok_or_else(|| UnwrapError::Refused(resting.kek_id.clone()))
    }

    fn open(&self, kek_id: &str, bound: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, UnwrapError> {
        self.all()
            .find(|kek| kek.id == kek_id)
            .ok_or_else(|| UnwrapError::UnknownKek(kek_id.to_owned()))?
            .unwrap(bound, wrapped)
            .ok_or_else(|| UnwrapError::Refused(kek_id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ID: KeyId = [1; 8];

    fn subject() -> SubjectId {
        SubjectId::new(Uuid::from_u128(9))
    }

    #[test]
    fn a_wrapped_key_opens_again() {
        let keks = KeyEncryptionKeys::new(
            KeyEncryptionKey::new("b", [2; 32]),
            vec![KeyEncryptionKey::new("a", [1; 32])],
        );
        let key = DataKey::random().unwrap();
        let wrapped = keks.wrap(&ID, subject(), &key).unwrap();
        assert_eq!(wrapped.len(), 12 + 32 + 16);
        assert_eq!(keks.unwrap("b", &ID, subject(), &wrapped).unwrap().bytes(), key.bytes());
    }

    #[test]
    fn an_older_key_still_unwraps() {
        let key = DataKey::random().unwrap();
        let old = KeyEncryptionKeys::new(KeyEncryptionKey::new("a", [1; 32]), Vec::new());
        let wrapped = old.wrap(&ID, subject(), &key).unwrap();
        let keks = KeyEncryptionKeys::new(
            KeyEncryptionKey::new("b", [2; 32]),
            vec![KeyEncryptionKey::new("a", [1; 32])],
        );
        assert_eq!(keks.unwrap("a", &ID, subject(), &wrapped).unwrap().bytes(), key.bytes());
    }

    #[test]
    fn a_wrapped_key_that_was_moved_or_altered_is_refused() {
        let keks = KeyEncryptionKeys::new(KeyEncryptionKey::new("a", [1; 32]), Vec::new());
        let wrapped = keks.wrap(&ID, subject(), &DataKey::random().unwrap()).unwrap();
        let refused = UnwrapError::Refused("a".to_owned());
        assert_eq!(keks.unwrap("a", &[2; 8], subject(), &wrapped).unwrap_err(), refused);
        assert_eq!(
            keks.unwrap("a", &ID, SubjectId::default(), &wrapped).unwrap_err(),
            refused
        );
        for at in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[at] ^= 1;
            assert_eq!(keks.unwrap("a", &ID, subject(), &altered).unwrap_err(), refused);
        }
        assert_eq!(keks.unwrap("a", &ID, subject(), &wrapped[..20]).unwrap_err(), refused);
        assert_eq!(
            keks.unwrap("z", &ID, subject(), &wrapped).unwrap_err(),
            UnwrapError::UnknownKek("z".to_owned())
        );
    }

    #[test]
    fn keys_are_not_printed() {
        let keks = KeyEncryptionKeys::new(KeyEncryptionKey::new("a", [0xee; 32]), Vec::new());
        assert!(!format!("{keks:?}").contains("238"));
        assert_eq!(format!("{:?}", DataKey::random().unwrap()), "DataKey");
    }
}
