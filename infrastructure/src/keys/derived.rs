//! What is derived from a secret of 32 bytes: a key of its own for each use.

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

/// How many bytes to derive.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// What is derived from a secret under a label: the master secret, or that of an epoch.
pub(super) fn derive(secret: &[u8; 32], label: &[u8], out: &mut [u8]) {
    let root = Salt::new(HKDF_SHA256, b"medconnect.v1").extract(secret);
    let filled = root.expand(&[label], Length(out.len())).and_then(|okm| okm.fill(out));
    // HKDF-SHA256 fails only beyond 255 * 32 bytes; nobody here asks for more than 32.
    debug_assert!(filled.is_ok());
}
