//! Batches to and from bytes.

use application::log::StreamId;

use super::super::contract::APPEND;
use crate::log::{Commit, Payload, StreamHead, StreamPart};

/// `partCount:u8`.
const COMMIT_HEADER: usize = 1;
/// `stream:32 version:u32 tag:8 eventCount:u16`.
const PART_HEADER: usize = 32 + 4 + 8 + 2;
/// `length:u24`.
const EVENT_HEADER: usize = 3;
/// Selector, offset and length before the batch.
const CALL_HEADER: usize = 4 + 32 + 32;

/// A commit that the contract's encoding cannot express, or that the contract would refuse for its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    /// It has no part, or more than 255.
    #[error("a commit has 1 to 255 parts")]
    Parts,
    /// Two parts are for one stream.
    #[error("a commit names each stream once")]
    StreamRepeated,
    /// A part has no event, or the commit has more than 65 535.
    #[error("a part has an event, and a commit 65535 at most")]
    Events,
    /// The stream is too long.
    #[error("a stream has fewer than 2^32 events")]
    Version,
    /// A payload is empty, or 16 MiB or longer.
    #[error("a payload has 1 to 2^24 - 1 bytes")]
    Payload,
}

/// How many bytes the commit takes in a batch.
///
/// # Errors
/// [`EncodeError`]: then it must not be put into a batch.
pub fn encoded_len(commit: &Commit) -> Result<usize, EncodeError> {
    let (mut len, mut events) = (COMMIT_HEADER, 0_usize);
    if commit.parts.is_empty() || commit.parts.len() > usize::from(u8::MAX) {
        return Err(EncodeError::Parts);
    }
    for (index, part) in commit.parts.iter().enumerate() {
        if commit
            .parts
            .iter()
            .take(index)
            .any(|earlier| earlier.stream == part.stream)
        {
            return Err(EncodeError::StreamRepeated);
        }
        if part.payloads.is_empty() {
            return Err(EncodeError::Events);
        }
        let last = part.expected.version.checked_add(part.payloads.len() as u64);
        if last.is_none_or(|last| last > u64::from(u32::MAX)) {
            return Err(EncodeError::Version);
        }
        events += part.payloads.len();
        if events > usize::from(u16::MAX) {
            return Err(EncodeError::Events);
        }
        len += PART_HEADER;
        for payload in &part.payloads {
            if payload.is_empty() || payload.len() >= 1 << 24 {
                return Err(EncodeError::Payload);
            }
            len += EVENT_HEADER + payload.len();
        }
    }
    Ok(len)
}

/// The batch of these commits, in their order.
///
/// # Errors
/// [`EncodeError`] of the first commit that has one.
pub fn encode_batch<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Result<Vec<u8>, EncodeError> {
    let mut batch = Vec::new();
    write_batch(&mut batch, commits)?;
    Ok(batch)
}

/// The calldata of `append(batch)` with these commits.
///
/// # Errors
/// [`EncodeError`] of the first commit that has one.
pub fn append_calldata<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Result<Vec<u8>, EncodeError> {
    let mut data = Vec::with_capacity(64 << 10);
    data.extend_from_slice(&APPEND);
    data.resize(CALL_HEADER, 0);
    write_batch(&mut data, commits)?;
    let len = data.len() - CALL_HEADER;
    if let Some(offset) = data.get_mut(4..36).and_then(<[u8]>::last_mut) {
        *offset = 0x20;
    }
    if let Some(length) = data.get_mut(36..CALL_HEADER).and_then(<[u8]>::last_chunk_mut::<8>) {
        *length = (len as u64).to_be_bytes();
    }
    data.resize(CALL_HEADER + len.next_multiple_of(32), 0);
    Ok(data)
}

fn write_batch<'a>(out: &mut Vec<u8>, commits: impl IntoIterator<Item = &'a Commit>) -> Result<(), EncodeError> {
    for commit in commits {
        out.reserve(encoded_len(commit)?);
        out.push(u8::try_from(commit.parts.len()).map_err(|_| EncodeError::Parts)?);
        for part in &commit.parts {
            let version = u32::try_from(part.expected.version).map_err(|_| EncodeError::Version)?;
            let count = u16::try_from(part.payloads.len()).map_err(|_| EncodeError::Events)?;
            out.extend_from_slice(&part.stream.0);
            out.extend_from_slice(&version.to_be_bytes());
            out.extend_from_slice(&part.expected.tag);
            out.extend_from_slice(&count.to_be_bytes());
            for payload in &part.payloads {
                let len = u32::try_from(payload.len()).map_err(|_| EncodeError::Payload)?;
                let [_, length @ ..] = len.to_be_bytes();
                out.extend_from_slice(&length);
                out.extend_from_slice(payload);
            }
        }
    }
    Ok(())
}

/// The batch inside the calldata of `append`; `None` when it is the calldata of something else.
pub fn batch_of_calldata(data: &[u8]) -> Option<&[u8]> {
    let (head, rest) = data.split_first_chunk::<CALL_HEADER>()?;
    let (selector, head) = head.split_first_chunk::<4>()?;
    let (offset, length) = head.split_first_chunk::<32>()?;
    let offset = super::super::contract::small(offset)?;
    let length = usize::try_from(super::super::contract::small(length.try_into().ok()?)?).ok()?;
    (*selector == APPEND && offset == 0x20).then_some(())?;
    rest.get(..length)
}

/// The parts of each commit of a batch; `None` when it is malformed.
pub fn decode_batch(mut batch: &[u8]) -> Option<Vec<Vec<StreamPart>>> {
    let mut commits = Vec::new();
    while !batch.is_empty() {
        let [count] = *take::<1>(&mut batch)?;
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(decode_part(&mut batch)?);
        }
        (!parts.is_empty()).then(|| commits.push(parts))?;
    }
    Some(commits)
}

fn decode_part(batch: &mut &[u8]) -> Option<StreamPart> {
    let stream = StreamId(*take::<32>(batch)?);
    let version = u32::from_be_bytes(*take::<4>(batch)?);
    let tag = *take::<8>(batch)?;
    let count = u16::from_be_bytes(*take::<2>(batch)?);
    let mut payloads = Vec::new();
    for _ in 0..count {
        let [high, middle, low] = *take::<3>(batch)?;
        let len = usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?;
        let (payload, rest) = batch.split_at_checked(len).filter(|(payload, _)| !payload.is_empty())?;
        payloads.push(Payload::from(payload));
        *batch = rest;
    }
    (!payloads.is_empty()).then_some(StreamPart {
        stream,
        expected: StreamHead {
            version: version.into(),
            tag,
        },
        payloads,
    })
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
pub(in crate::chain) mod tests {
    use super::*;
    use domain::kernel::CommandId;
    use proptest::prelude::*;
    use uuid::Uuid;

    pub(in crate::chain) fn any_commit() -> impl Strategy<Value = Commit> {
        let payload = prop::collection::vec(any::<u8>(), 1..300).prop_map(Payload::from);
        let part = (
            any::<[u8; 32]>(),
            any::<u16>(),
            any::<[u8; 8]>(),
            prop::collection::vec(payload, 1..4),
        )
            .prop_map(|(stream, version, tag, payloads)| StreamPart {
                stream: StreamId(stream),
                expected: StreamHead {
                    version: version.into(),
                    tag,
                },
                payloads,
            });
        (any::<u128>(), prop::collection::vec(part, 1..4)).prop_map(|(id, parts)| Commit {
            command_id: CommandId::new(Uuid::from_u128(id)),
            parts,
        })
    }

    proptest! {
        #[test]
        fn a_batch_reads_back(commits in prop::collection::vec(any_commit(), 1..5)) {
            let batch = encode_batch(&commits).unwrap();
            let parts: Vec<_> = commits.iter().map(|commit| commit.parts.clone()).collect();
            prop_assert_eq!(batch.len(), commits.iter().map(|commit| encoded_len(commit).unwrap()).sum::<usize>());
            prop_assert_eq!(decode_batch(&batch), Some(parts));
        }

        #[test]
        fn calldata_is_as_the_generic_abi_encodes_it(commits in prop::collection::vec(any_commit(), 1..3)) {
            let batch = encode_batch(&commits).unwrap();
            let generic = ethers_core::abi::encode(&[ethers_core::abi::Token::Bytes(batch.clone())]);
            let calldata = append_calldata(&commits).unwrap();
            prop_assert_eq!(&calldata[..4], &APPEND);
            prop_assert_eq!(&calldata[4..], &generic);
            prop_assert_eq!(batch_of_calldata(&calldata), Some(&batch[..]));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (decode_batch(&bytes), batch_of_calldata(&bytes));
        }
    }

    #[test]
    fn what_the_contract_would_refuse_is_not_encoded() {
        let part = |stream: u8, version, payload: &[u8]| StreamPart {
            stream: StreamId([stream; 32]),
            expected: StreamHead { version, tag: [0; 8] },
            payloads: vec![Payload::from(payload)],
        };
        let commit = |parts| Commit {
            command_id: CommandId::new(Uuid::nil()),
            parts,
        };
        for (parts, error) in [
            (vec![], EncodeError::Parts),
            (vec![part(1, 0, b"x"); 256], EncodeError::StreamRepeated),
            (
                (0..=255).map(|stream| part(stream, 0, b"x")).collect(),
                EncodeError::Parts,
            ),
            (
                vec![StreamPart {
                    payloads: vec![],
                    ..part(1, 0, b"x")
                }],
                EncodeError::Events,
            ),
            (vec![part(1, u64::from(u32::MAX), b"x")], EncodeError::Version),
            (vec![part(1, u64::MAX, b"x")], EncodeError::Version),
            (vec![part(1, 0, b"")], EncodeError::Payload),
        ] {
            let parts_count = parts.len();
            let found = encode_batch(&[commit(parts)]);
            // Of two faults either may be named.
            assert!(
                found == Err(error) || parts_count == 256 && found.is_err(),
                "{error}: {found:?}"
            );
        }
    }
}
