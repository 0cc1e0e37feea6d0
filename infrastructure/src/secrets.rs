//! Randomness and digests from `ring`.

use application::secrets::{NoRandomness, Secrets};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// [`Secrets`] of the operating system's randomness.
#[derive(Debug)]
pub struct SystemSecrets(SystemRandom);

impl Default for SystemSecrets {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Secrets for SystemSecrets {
    fn token(&self) -> Result<String, NoRandomness> {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        sha256(bytes)
    }
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_no_two_are_the_same() {
        let secrets = SystemSecrets::default();
        let (one, other) = (secrets.token().unwrap(), secrets.token().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(&one).unwrap().len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn the_digest_is_sha_256() {
        let hash = hex::encode(SystemSecrets::default().digest(b"abc"));
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
