//! What a chapter's keys are, told to everybody without telling any of them: AES-GCM commits to no key, so without this one could be handed over that
//! opens something else than the others see.
//!
//! Of each category's key there is a leaf in a tree of hashes, and its root stands where the record begins. With a key go the hashes beside its way
//! to the root.

use domain::kernel::Category;
use ring::error::Unspecified;
use ring::hkdf::HKDF_SHA256;

use crate::keys::{CategoryKey, DataKey};
use crate::secrets::sha256;

/// So many levels are above the leaves: there is room for 16 categories.
const LEVELS: usize = 4;
const LEAVES: usize = 1 << LEVELS;

/// The commitments to all keys of a chapter.
pub(super) struct Commitments([[u8; 32]; LEAVES]);

/// The hashes beside a key's way to the root, the lowest first.
pub type CommitmentProof = [[u8; 32]; LEVELS];

impl Commitments {
    /// To those that a root gives.
    pub(super) fn of(root: &DataKey, chapter: u16) -> Result<Self, Unspecified> {
        let mut leaves = [[0; 32]; LEAVES];
        for (category, key) in root.categories(chapter)? {
            if let Some(place) = leaves.get_mut(usize::from(category.code())) {
                *place = leaf(category, &key)?;
            }
        }
        Ok(Self(leaves))
    }

    /// What stands where the record begins.
    pub(super) fn root(&self) -> [u8; 32] {
        let mut level = self.0.to_vec();
        while level.len() > 1 {
            level = parents(&level);
        }
        level.first().copied().unwrap_or_default()
    }

    /// The proof for one of the keys.
    pub(super) fn proof(&self, category: Category) -> CommitmentProof {
        let mut level = self.0.to_vec();
        let mut at = usize::from(category.code());
        std::array::from_fn(|_| {
            let beside = level.get(at ^ 1).copied().unwrap_or_default();
            level = parents(&level);
            at /= 2;
            beside
        })
    }
}

/// Whether a key is the one that was committed to.
pub(super) fn is_committed(root: &[u8; 32], category: Category, key: &CategoryKey, proof: &CommitmentProof) -> bool {
    let Ok(leaf) = leaf(category, key) else {
        return false;
    };
    let way = proof.iter().enumerate();
    let found = way.fold(leaf, |hash, (level, beside)| {
        if category.code() >> level & 1 == 0 {
            parent(&hash, beside)
        } else {
            parent(beside, &hash)
        }
    });
    found == *root
}

/// SHA-256(0 || category:1 || HKDF-SHA256-Expand(key, "commitment")).
fn leaf(category: Category, key: &CategoryKey) -> Result<[u8; 32], Unspecified> {
    let mut told = [0; 32];
    key.expanding().expand(&[b"commitment"], HKDF_SHA256)?.fill(&mut told)?;
    Ok(sha256(&[&[0, category.code()], told.as_slice()].concat()))
}

/// SHA-256(1 || left || right).
fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left.as_slice(), right].concat())
}

fn parents(level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let (pairs, _) = level.as_chunks::<2>();
    pairs.iter().map(|[left, right]| parent(left, right)).collect()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_key_is_proved_to_be_the_one_that_was_committed_to_and_no_other_is() {
        let root = |byte| DataKey::from_bytes(Zeroizing::new([byte; 32]));
        let commitments = Commitments::of(&root(7), 0).unwrap();
        let committed = commitments.root();
        for category in Category::ALL {
            let proof = commitments.proof(category);
            let holds = |root: &DataKey, chapter, of| {
                let key = root.category(chapter, of).unwrap();
                is_committed(&committed, category, &key, &proof)
            };
            assert!(holds(&root(7), 0, category));
            assert!(!holds(&root(8), 0, category) && !holds(&root(7), 1, category));
            let others = Category::ALL.into_iter().filter(|other| *other != category);
            assert!(others.into_iter().all(|other| !holds(&root(7), 0, other)));
        }
    }
}
