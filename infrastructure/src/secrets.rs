//! Randomness, digests and fingerprints from `ring`.

use application::ports::secrets::{NoRandomness, Secrets};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::keys::{FingerprintKey, MasterSecret};

/// [`Secrets`] of the operating system's randomness, with fingerprints under the organisation's secret.
pub struct SystemSecrets {
    random: SystemRandom,
    fingerprints: FingerprintKey,
}

impl SystemSecrets {
    /// Under an organisation's secret.
    pub fn new(secret: &MasterSecret) -> Self {
        Self {
            random: SystemRandom::new(),
            fingerprints: secret.fingerprinting(),
        }
    }
}

impl std::fmt::Debug for SystemSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemSecrets")
    }
}

impl Secrets for SystemSecrets {
    fn token(&self) -> Result<String, NoRandomness> {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        sha256(bytes)
    }

    fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.fingerprints.digest(parts)
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

    fn secrets(secret: u8) -> SystemSecrets {
        SystemSecrets::new(&MasterSecret::new([secret; 32]))
    }

    #[test]
    fn a_fingerprint_is_the_same_on_every_server_and_says_nothing_without_the_secret() {
        let of = |secret, parts: &[&[u8]]| secrets(secret).fingerprint(parts);
        assert_eq!(of(1, &[b"PUT", b"body"]), of(1, &[b"PUT", b"body"]));
        assert_ne!(of(1, &[b"PUT", b"body"]), of(2, &[b"PUT", b"body"]));
        assert_ne!(of(1, &[b"PUT", b"body"]), of(1, &[b"PUTb", b"ody"]));
        assert_ne!(of(1, &[b"body"]), secrets(1).digest(b"body"));
    }

    #[test]
    fn a_token_has_256_bits_and_no_two_are_the_same() {
        let secrets = secrets(1);
        let (one, other) = (secrets.token().unwrap(), secrets.token().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(&one).unwrap().len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn the_digest_is_sha_256() {
        let hash = hex::encode(secrets(1).digest(b"abc"));
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
