//! Names of resources, short and of one size: an index of millions of them has to fit into memory.

use uuid::Uuid;

/// A digest of a name. Two names with one key do not happen: it has 122 bits of SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Key(u128);

impl Key {
    /// Of the parts of a name.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut name = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for part in parts {
            name.extend_from_slice(part.as_bytes());
            // No text of FHIR has this byte, so that no two lists of parts have one name.
            name.push(0xff);
        }
        Self::of_bytes(&name)
    }

    /// The first bytes of it, for what is compared among few.
    pub(crate) fn digest<const N: usize>(self) -> [u8; N] {
        let mut digest = [0; N];
        for (byte, of) in digest.iter_mut().zip(self.0.to_be_bytes()) {
            *byte = of;
        }
        digest
    }

    /// Of a file's bytes.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, bytes).as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(Key::of(&["a", "b"]), Key::of(&["a", "b"]));
        assert_ne!(Key::of(&["a", "b"]), Key::of(&["ab"]));
        assert_ne!(Key::of(&["a", "b"]), Key::of(&["a", "", "b"]));
    }
}
