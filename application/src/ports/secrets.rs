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

    /// SHA-256. A secret of 256 random bits needs no slower hash. For anything that can be guessed, take [`Self::fingerprint`].
    fn digest(&self, bytes: &[u8]) -> [u8; 32];

    /// A keyed hash over the parts: the same on every server of the organisation, and without its secret nobody can tell from a
    /// fingerprint, or from a guess at what it was made of, whether they belong together.
    fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32];
}
