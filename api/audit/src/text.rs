//! Bytes as people and JSON read them.

use std::fmt;

use serde::{Serialize, Serializer};

/// How long a text may be of which a node may have made a part.
const LONGEST: usize = 1000;

/// A text of which a node may have made a part, as it may be shown: not for ever, and without what steers a terminal.
pub(crate) fn shown(text: impl fmt::Display) -> String {
    let shown = |character: char| if character.is_control() { ' ' } else { character };
    text.to_string().chars().take(LONGEST).map(shown).collect()
}

/// Bytes, written as `0x…`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hex<T>(pub(crate) T);

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

/// A value of an enum as JSON writes it.
pub(crate) fn name_of(value: &impl Serialize) -> String {
    let name = serde_json::to_value(value).ok();
    name.as_ref()
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
