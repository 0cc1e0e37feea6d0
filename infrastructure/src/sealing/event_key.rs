//! The key of one section of one payload.

use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, Prk};
use zeroize::Zeroizing;

/// Derived from the key that the section is under and the payload's nonce: HKDF-SHA256-Expand(key, nonce). It says nothing about
/// any other.
pub(super) fn event_key(key: &Prk, nonce: &[u8; NONCE_LEN]) -> Result<LessSafeKey, Unspecified> {
    let info = [nonce.as_slice()];
    let key = key.expand(&info, &AES_256_GCM)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

/// The same in its bytes, so that it can be handed over alone.
#[derive(Clone)]
pub struct EventKey(Zeroizing<[u8; 32]>);

impl EventKey {
    /// Of the payload with this nonce.
    pub(super) fn of(key: &Prk, nonce: &[u8; NONCE_LEN]) -> Result<Self, Unspecified> {
        let mut bytes = Zeroizing::new([0; 32]);
        key.expand(&[nonce.as_slice()], HKDF_SHA256)?
            .fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    pub(super) fn cipher(&self) -> Result<LessSafeKey, Unspecified> {
        UnboundKey::new(&AES_256_GCM, self.0.as_slice()).map(LessSafeKey::new)
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventKey")
    }
}
