//! The root of one data subject's keys.

use std::fmt;

use domain::kernel::Category;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, Prk};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::SecretError;

/// 32 random bytes, from which all keys of a data subject are derived. Clones share nothing with each other and are wiped separately.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new key.
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

    /// From its bytes.
    pub const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the keys of single payloads are expanded from, for one category of one chapter of the subject's record. Whoever is given it reads
    /// that and nothing else.
    ///
    /// HKDF-SHA256-Expand(Expand(root, "record" || chapter:2), category:1), the root taken as the pseudorandom key that it is.
    ///
    /// # Errors
    /// Never: HKDF fails only for more than 255 blocks.
    pub(crate) fn category(&self, chapter: u16, category: Category) -> Result<CategoryKey, Unspecified> {
        CategoryKey::of(&self.chapter(chapter)?, category)
    }

    /// The keys of all categories of a chapter, the more frequent ones first; each is derived when it is asked for.
    ///
    /// # Errors
    /// Never, as above.
    pub(crate) fn categories(
        &self,
        chapter: u16,
    ) -> Result<impl Iterator<Item = (Category, CategoryKey)> + use<>, Unspecified> {
        let chapter = self.chapter(chapter)?;
        let key = move |category| Some((category, CategoryKey::of(&chapter, category).ok()?));
        Ok(Category::ALL.into_iter().filter_map(key))
    }

    fn chapter(&self, chapter: u16) -> Result<Prk, Unspecified> {
        let root = Prk::new_less_safe(HKDF_SHA256, self.0.as_slice());
        let info = [b"record".as_slice(), &chapter.to_be_bytes()];
        root.expand(&info, HKDF_SHA256).map(Prk::from)
    }
}

/// The key of one category of one chapter of a subject's record: what can be handed over of their keys.
#[derive(Clone)]
pub struct CategoryKey(Zeroizing<[u8; 32]>);

impl CategoryKey {
    fn of(chapter: &Prk, category: Category) -> Result<Self, Unspecified> {
        let mut key = Zeroizing::new([0; 32]);
        let info = [category.code()];
        chapter.expand(&[&info], HKDF_SHA256)?.fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// As HKDF expands it to the keys of single payloads.
    pub(crate) fn expanding(&self) -> Prk {
        Prk::new_less_safe(HKDF_SHA256, self.0.as_slice())
    }
}

impl fmt::Debug for CategoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CategoryKey")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// AES-256-GCM under a key. It fails only for a key of another length, which the type rules out; `ring` says it in a `Result`.
pub(super) fn aes_256_gcm(key: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new)
}
