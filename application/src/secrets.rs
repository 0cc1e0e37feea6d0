//! Randomness and digests, as a port: cryptography stands in `infrastructure`.

/// No randomness could be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Makes secrets and fingerprints.
pub trait Secrets: Send + Sync + 'static {
    /// 256 random bits as 43 characters of base64url.
    ///
    /// # Errors
    /// When the system gives no randomness.
    fn token(&self) -> Result<String, NoRandomness>;

    /// SHA-256. A secret of 256 random bits needs no slower hash.
    fn digest(&self, bytes: &[u8]) -> [u8; 32];
}
