//! Entries of the log in JSON: where each stands and what it is, never what it says.

use std::fmt;

use application::log::StreamId;
use application::ports::entries::{self, EntryView};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::{Finality, Instant, WalletAddress, wire_enum};

/// The id of a stream of the log: `0x` and 64 hexadecimal digits. It names nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^0x[0-9a-fA-F]{64}$",
    example = "0x000000019f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15"
)]
pub struct Stream(pub StreamId);

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Stream;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a stream, 0x and 64 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Stream, E> {
                let mut bytes = [0; 32];
                let digits = text.strip_prefix("0x").unwrap_or_default();
                hex::decode_to_slice(digits, &mut bytes)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
                Ok(Stream(StreamId(bytes)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Stream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

wire_enum!(
    /// What an entry is: `sealed` (an event in a stream of this organization, or in a calendar that it shares with others, which is in what can be read), `parked` (one that
    /// this server cannot read at present, or one behind it), `void` (in such a stream, and without effect), `erased` (in the
    /// record of somebody who is erased: what it was nobody can tell any more), `recorded` (what another contract that this server is configured to
    /// believe wrote, in the clear), `foreign` (in a stream of somebody else), or `administrative` (what the owner of a namespace did, in the clear).
    EntryKind = entries::EntryKind
);

wire_enum!(
    /// Why an entry is without effect: `unknown-format` (its format is not used here), `unknown-epoch` (its epoch is not used here),
    /// `malformed` (it has not the form of a payload), `not-authentic` (it was altered, moved or copied, or sealed by somebody else),
    /// `other-key` (it is sealed under another key than events like it), `commit-not-whole` (the entries beside it are not those that it was sealed with),
    /// `after-erasure` (it comes after the erasure of its data subject), `after-closing` (it comes after the closing of its chapter of a record),
    /// `before-its-chapter` (another chapter of the record was still open before its own), or `overruled` (it is authentic, in a shared calendar, and against the rules
    /// that all who share it hold to: a time that is taken, for example).
    VoidReason = entries::VoidReason
);

/// An entry of the log. It says where the entry stands and what it is. What an event says, and of whom, is never told here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "position": 4711, "stream": "0x000000019f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15", "version": 3, "block": 4120,
    "blockTime": "2026-03-01T08:00:00Z", "transaction": "0x5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02",
    "finality": "final", "writer": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "index": 0, "count": 1, "kind": "sealed",
    "claimedAt": "2026-03-01T07:59:58.123Z",
}))]
pub struct LogEntry {
    /// The position of the entry in the log.
    #[schema(example = 4711)]
    pub position: u64,
    /// The id of the stream of the entry.
    pub stream: Stream,
    /// The place of the entry in its stream, from 1.
    #[schema(example = 3)]
    pub version: u64,
    /// The number of the block that has the entry.
    #[schema(example = 4120)]
    pub block: u64,
    /// The time of the block, as its header says.
    pub block_time: Instant,
    /// The hash of the transaction that has the entry.
    #[schema(example = "0x5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02")]
    pub transaction: String,
    /// How sure it is that the chain keeps the entry.
    #[schema(example = "final")]
    pub finality: Finality,
    /// The address of the account that wrote the entry; missing for what is administrative, which the contract writes itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writer: Option<WalletAddress>,
    /// Which of the entries of its commit the entry is, from 0.
    #[schema(example = 0)]
    pub index: u16,
    /// The number of entries in the commit.
    #[schema(minimum = 1, example = 1)]
    pub count: u16,
    /// What the entry is.
    #[schema(example = "sealed")]
    pub kind: EntryKind,
    /// Why the entry is void; missing if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void: Option<VoidReason>,
    /// When the event was decided, as it says itself, by the clock of the server that wrote it; missing where that cannot be known: of
    /// what is void, erased, foreign or administrative, and of events that cannot be decoded. Compare it with `blockTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-01T07:59:58.123Z")]
    pub claimed_at: Option<Instant>,
}

impl From<EntryView> for LogEntry {
    fn from(view: EntryView) -> Self {
        Self {
            position: view.position,
            stream: Stream(view.stream),
            version: view.version,
            block: view.block,
            block_time: Instant(view.block_time),
            transaction: hex::encode_prefixed(view.transaction),
            finality: view.finality.into(),
            writer: view.writer.map(Into::into),
            index: view.index,
            count: view.count,
            kind: view.kind.into(),
            void: view.void.map(Into::into),
            claimed_at: view.claimed_at.map(Instant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_reads_back_and_nothing_else_is_one() {
        let text = format!("0x{}", "0A".repeat(32));
        let read = |text: &str| serde_json::from_value::<Stream>(text.into());
        let stream = read(&text).unwrap();
        assert_eq!(stream, Stream(StreamId([10; 32])));
        assert_eq!(serde_json::to_value(stream).unwrap(), text.to_lowercase());
        for other in [
            "",
            "0x",
            &text[2..],
            &text[..64],
            &format!("{text}00"),
            &text.replace('A', "g"),
        ] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
