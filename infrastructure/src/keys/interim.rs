//! Seals what rests in the database for a while and is nobody's record yet, under a key of the organisation's.
//!
//! `nonce:12 ciphertext tag:16`, AES-256-GCM. What is sealed opens only in its own place: under the same context.

use std::fmt;

use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::data_key::aes_256_gcm;
use super::{MasterSecret, SecretError};

/// The key.
#[derive(Clone)]
pub(crate) struct InterimKey(Zeroizing<[u8; 32]>);

impl InterimKey {
    /// Of an organisation, for this use.
    pub(crate) fn new(secret: &MasterSecret, label: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        secret.fill(label, key.as_mut_slice());
        Self(key)
    }

    /// Seals.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn seal(&self, context: &[u8], content: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        let random = SystemRandom::new();
        random.fill(&mut nonce).map_err(|_| SecretError::NoRandomness)?;
        let mut sealed = content;
        aes_256_gcm(&self.0)
            .and_then(|cipher| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                cipher.seal_in_place_append_tag(nonce, Aad::from(context), &mut *sealed)
            })
            .map_err(|_| SecretError::Sealing)?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what was sealed in the same context. `None` for anything else.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = aes_256_gcm(&self.0).ok()?;
        let length = opened
            .open_in_place(nonce, Aad::from(context), &mut content)
            .ok()?
            .len();
        content.truncate(length);
        Some(content)
    }
}

impl fmt::Debug for InterimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterimKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: u8, label: &[u8]) -> InterimKey {
        InterimKey::new(&MasterSecret::new([secret; 32]), label)
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_alone() {
        let content = b"Ada Okafor".to_vec();
        let sealed = key(1, b"requests").seal(b"row 1", content.clone().into()).unwrap();
        assert!(!sealed.windows(3).any(|bytes| bytes == b"Ada"));
        assert_eq!(*key(1, b"requests").open(b"row 1", &sealed).unwrap(), content);
        for (key, context) in [
            (key(2, b"requests"), b"row 1"),
            (key(1, b"others"), b"row 1"),
            (key(1, b"requests"), b"row 2"),
        ] {
            assert!(key.open(context, &sealed).is_none());
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key(1, b"requests").open(b"row 1", &altered).is_none());
            assert!(key(1, b"requests").open(b"row 1", &sealed[..at]).is_none());
        }
    }

    #[test]
    fn the_same_is_never_sealed_in_the_same_way() {
        let key = key(1, b"requests");
        let seal = || key.seal(b"row 1", b"same".to_vec().into()).unwrap();
        assert_ne!(seal(), seal());
        assert_eq!(format!("{key:?}"), "InterimKey");
    }
}
