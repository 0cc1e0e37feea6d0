//! The key of one section of one payload.

use ring::aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::Prk;

/// Derived from the key that the section is under and the payload's nonce: HKDF-SHA256-Expand(key, nonce). It says nothing about
/// any other.
pub(super) fn event_key(key: &Prk, nonce: &[u8; NONCE_LEN]) -> Result<LessSafeKey, Unspecified> {
    let info = [nonce.as_slice()];
    let key = key.expand(&info, &AES_256_GCM)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}
