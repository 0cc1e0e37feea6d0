//! The organisation's master secret and what is derived from it.

use std::fmt;
use std::path::Path;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::derived::derive;
use super::{EpochSecret, SecretError, hex_secret};

/// 32 random bytes that every server of the organisation holds. Whoever has them reads the names and the shared sections of
/// all the organisation's streams from the chain alone; without them nobody can.
///
/// Every use has a key of its own, derived with HKDF-SHA256 under a label, so that none says anything about another.
#[derive(Clone)]
pub struct MasterSecret(Zeroizing<[u8; 32]>);

impl MasterSecret {
    /// From its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(bytes.as_mut_slice())
            .map_err(|_| SecretError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        hex_secret::parse(text).map(Self)
    }

    /// From a file with 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be read or holds anything else.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        hex_secret::read(path).map(Self)
    }

    /// Whether it is the same secret.
    pub fn is(&self, other: &Self) -> bool {
        // Both are ours: nobody learns anything from how long this takes.
        *self.0 == *other.0
    }

    /// As operators keep it: whoever calls this writes it where only they may read.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0.as_slice())
    }

    /// A check value of four bytes, which says nothing about the secret: whether a database or a backup is used with the same one.
    pub fn org_key_id(&self) -> [u8; 4] {
        let mut id = [0; 4];
        self.fill(b"organisation key id", &mut id);
        id
    }

    /// The two keys of the stream names' cipher: for the tag, and for the mask.
    pub(crate) fn stream_naming(&self) -> (hmac::Key, hmac::Key) {
        (self.hmac_key(b"stream name tag"), self.hmac_key(b"stream name mask"))
    }

    /// The secret of the namespace's first epoch, which has no other.
    pub fn first_epoch(&self) -> EpochSecret {
        EpochSecret::from_bytes(self.0.clone())
    }

    /// The key under which headers name data subjects' keys.
    pub(crate) fn reference_blinding(&self) -> hmac::Key {
        self.hmac_key(b"reference blinding")
    }

    /// The key of derived identities.
    pub(crate) fn identity_derivation(&self) -> IdentityKey {
        IdentityKey(self.hmac_key(b"identity derivation"))
    }

    /// The key of the fingerprints of requests.
    pub(crate) fn fingerprinting(&self) -> FingerprintKey {
        FingerprintKey(self.hmac_key(b"request fingerprint"))
    }

    fn hmac_key(&self, label: &[u8]) -> hmac::Key {
        let mut key = Zeroizing::new([0; 32]);
        self.fill(label, key.as_mut_slice());
        hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())
    }

    pub(super) fn fill(&self, label: &[u8], out: &mut [u8]) {
        derive(&self.0, label, out);
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret")
    }
}

/// A keyed hash for what is asked.
#[derive(Clone)]
pub(crate) struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// HMAC-SHA256 over the parts, each with its length before it.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(tag(&self.0, parts).as_ref());
        digest
    }
}

/// Over parts, each with its length before it, so that no two lists of parts collide.
fn tag(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.sign()
}

/// A keyed hash for identities.
#[derive(Clone)]
pub(crate) struct IdentityKey(hmac::Key);

impl IdentityKey {
    /// The first 16 bytes of HMAC-SHA256 over the parts.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut digest = [0; 16];
        digest
            .iter_mut()
            .zip(tag(&self.0, parts).as_ref())
            .for_each(|(to, from)| *to = *from);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_printed() {
        assert_eq!(format!("{:?}", MasterSecret::new([7; 32])), "MasterSecret");
    }

    #[test]
    fn the_secret_reads_from_hex_as_operators_write_it() {
        let expected = MasterSecret::new([0xab; 32]).org_key_id();
        for text in [
            "ab".repeat(32),
            format!("0x{}\n", "AB".repeat(32)),
            format!("  {} ", "ab".repeat(32)),
        ] {
            assert_eq!(MasterSecret::from_hex(&text).unwrap().org_key_id(), expected);
        }
        for text in ["", "ab", &"ab".repeat(33), &"zz".repeat(32)] {
            assert!(matches!(MasterSecret::from_hex(text), Err(SecretError::NotHex)));
        }
    }

    #[test]
    fn the_secret_reads_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "cd".repeat(32) + "\n").unwrap();
        let secret = MasterSecret::from_file(file.path()).unwrap();
        assert_eq!(secret.org_key_id(), MasterSecret::new([0xcd; 32]).org_key_id());
        assert!(matches!(
            MasterSecret::from_file(Path::new("/nowhere/at/all")),
            Err(SecretError::File(_))
        ));
    }

    #[test]
    fn what_is_derived_never_changes() {
        // What is on a chain was sealed and named under these: a change here would make it unreadable.
        let secret = MasterSecret::new([0x42; 32]);
        assert_eq!(hex::encode(secret.org_key_id()), "90c9b18f");
        assert_eq!(
            hex::encode(secret.identity_derivation().digest(&[b"a", b"b"])),
            "be0d85666fc63c8d727f03d171797422"
        );
    }

    #[test]
    fn two_lists_of_parts_with_the_same_bytes_differ() {
        let key = MasterSecret::new([1; 32]).identity_derivation();
        assert_ne!(key.digest(&[b"ab", b"c"]), key.digest(&[b"a", b"bc"]));
    }
}
