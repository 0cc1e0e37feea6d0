//! Bytes as people and JSON read them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Bytes, written as `0x…`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hex<T>(pub(crate) T);

impl<T: AsRef<[u8]>> fmt::Display for Hex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(&self.0))
    }
}

impl<T: AsRef<[u8]>> Serialize for Hex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a hash.
pub(crate) fn hash<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    Hex(hash).serialize(serializer)
}

/// Writes a hash, if there is one.
pub(crate) fn optional<S: Serializer>(hash: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    hash.map(Hex).serialize(serializer)
}
