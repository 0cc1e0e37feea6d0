//! Which key a personal section is under: told to the organisation alone. No two headers show the same bytes for the same person, so that
//! nobody else can tell from them which events concern one.

use ring::aead::NONCE_LEN;
use ring::hmac;

use crate::keys::MasterSecret;
use crate::log::KeyId;

/// The length of a reference.
pub(super) const BLINDED: usize = 8 + 2;

/// Which key of which data subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reference {
    /// The name of the subject's root key.
    pub(super) key_id: KeyId,
    /// The chapter of the subject's record whose keys are used; 0 for who has no record.
    pub(super) chapter: u16,
}

/// A reference as it stands in a header: `key id:8 chapter:2` XOR the first bytes of HMAC-SHA256(the organisation's blinding key, nonce). What
/// else it is sealed with authenticates it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Blinded(pub(super) [u8; BLINDED]);

/// Blinds references, and reads them. Nobody but the organisation can, whoever else writes in its namespaces.
#[derive(Clone)]
pub(super) struct References(hmac::Key);

impl References {
    pub(super) fn new(secret: &MasterSecret) -> Self {
        Self(secret.reference_blinding())
    }

    pub(super) fn blind(&self, reference: Reference, nonce: &[u8; NONCE_LEN]) -> Blinded {
        let mut bytes = [0; BLINDED];
        let parts = reference.key_id.into_iter().chain(reference.chapter.to_be_bytes());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Blinded(self.masked(bytes, nonce))
    }

    pub(super) fn read(&self, blinded: Blinded, nonce: &[u8; NONCE_LEN]) -> Reference {
        let [a, b, c, d, e, f, g, h, i, j] = self.masked(blinded.0, nonce);
        Reference {
            key_id: [a, b, c, d, e, f, g, h],
            chapter: u16::from_be_bytes([i, j]),
        }
    }

    fn masked(&self, mut bytes: [u8; BLINDED], nonce: &[u8; NONCE_LEN]) -> [u8; BLINDED] {
        let mask = hmac::sign(&self.0, nonce);
        bytes
            .iter_mut()
            .zip(mask.as_ref())
            .for_each(|(byte, mask)| *byte ^= mask);
        bytes
    }
}

impl std::fmt::Debug for References {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("References")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_organisation_reads_a_reference_and_nobody_else(
            key_id in any::<KeyId>(), chapter in any::<u16>(), nonce in any::<[u8; NONCE_LEN]>()
        ) {
            let of = |secret: u8| References::new(&MasterSecret::new([secret; 32]));
            let reference = Reference { key_id, chapter };
            let blinded = of(1).blind(reference, &nonce);
            prop_assert_eq!(of(1).read(blinded, &nonce), reference);
            prop_assert_ne!(of(2).read(blinded, &nonce), reference);
            prop_assert_ne!(of(1).read(blinded, &[!nonce[0]; NONCE_LEN]), reference);
        }
    }
}
