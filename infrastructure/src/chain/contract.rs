//! The `EventLog` contract's ABI: selectors, topics, the calldata of its functions and what its views return.
//!
//! Written out by hand, for nothing generic should stand on the path of every event; a test holds it against the
//! artifact that is committed with the contract.

use serde::Deserialize;

use super::address::Address;
use crate::log::{LogHead, Namespace, StreamHead};

/// The compiled contract, as `contracts/` committed it.
const ARTIFACT: &str = include_str!("../../../contracts/artifacts/EventLog.json");

/// `append(bytes)`.
pub const APPEND: [u8; 4] = [0x19, 0x63, 0xf2, 0xb3];
/// `head()`.
pub const HEAD: [u8; 4] = [0x8f, 0x7d, 0xcf, 0xa3];
/// `headOf(bytes32)`.
pub const HEAD_OF: [u8; 4] = [0x65, 0xc7, 0xd7, 0x9d];
/// `openNamespace(bool,uint32)`.
pub const OPEN_NAMESPACE: [u8; 4] = [0xf1, 0x7b, 0x32, 0x45];
/// `admit(uint32,address)`.
pub const ADMIT: [u8; 4] = [0x0f, 0x9c, 0xe9, 0xce];
/// `dismiss(uint32,address)`.
pub const DISMISS: [u8; 4] = [0xb4, 0xfc, 0xee, 0x31];
/// `transferNamespace(uint32,address)`.
pub const TRANSFER_NAMESPACE: [u8; 4] = [0xb1, 0xf6, 0x55, 0xa6];
/// `acceptNamespace(uint32)`.
pub const ACCEPT_NAMESPACE: [u8; 4] = [0x1e, 0x04, 0xc0, 0xce];
/// `publish(uint32,bytes)`.
pub const PUBLISH: [u8; 4] = [0x2d, 0x31, 0x1b, 0x5a];
/// `writerOf(uint32,address)`.
pub const WRITER_OF: [u8; 4] = [0xbd, 0x5a, 0x39, 0x21];
/// `namespaceAt(uint32)`.
pub const NAMESPACE_AT: [u8; 4] = [0xd5, 0xc6, 0x87, 0xa4];

/// `Appended(bytes32,uint256,bytes)`.
pub const APPENDED: &str = "0x6255b4cfd6525e85fdbb56ea74d4b8cd56795cbbb2d6e27a5d9e223db0c412ac";
/// `CommitRejected(uint256,bytes32,uint64,bytes8)`.
pub const COMMIT_REJECTED: &str = "0x1c1058016b6d3845ba7540c48ef38cae51c25a4297cb12520246b1eb1a026d7e";

/// The committed artifact cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the embedded contract artifact is malformed")]
pub struct ArtifactError;

/// The contract's code.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bytecode {
    /// What a deployment runs. The constructor has no arguments.
    pub creation: Vec<u8>,
    /// What stands at the contract's address afterwards.
    pub runtime: Vec<u8>,
}

/// The code that is embedded in this program.
///
/// # Errors
/// When the artifact is malformed.
pub fn bytecode() -> Result<Bytecode, ArtifactError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Artifact<'a> {
        bytecode: &'a str,
        deployed_bytecode: &'a str,
    }
    let artifact: Artifact<'_> = serde_json::from_str(ARTIFACT).map_err(|_| ArtifactError)?;
    let code = |text| hex::decode(text).map_err(|_| ArtifactError);
    Ok(Bytecode {
        creation: code(artifact.bytecode)?,
        runtime: code(artifact.deployed_bytecode)?,
    })
}

/// Where the contract's storage has the log's head, and those of streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadSlots {
    /// The slot of the last position.
    pub position: u64,
    /// The slot of the running hash.
    pub running_hash: u64,
    /// The slot of the table with the heads of all streams.
    pub streams: u64,
}

/// The slots of the head, as the compiler has laid the contract's storage out.
///
/// # Errors
/// When the artifact is malformed, or one of them shares its slot.
pub fn head_slots() -> Result<HeadSlots, ArtifactError> {
    #[derive(Deserialize)]
    struct Artifact<'a> {
        #[serde(borrow)]
        storage: Vec<Variable<'a>>,
    }
    #[derive(Deserialize)]
    struct Variable<'a> {
        label: &'a str,
        slot: &'a str,
    }
    let artifact: Artifact<'_> = serde_json::from_str(ARTIFACT).map_err(|_| ArtifactError)?;
    let slot_of = |label: &str| {
        let variable = artifact.storage.iter().find(|variable| variable.label == label);
        let slot = variable.ok_or(ArtifactError)?.slot;
        let in_it = artifact.storage.iter().filter(|variable| variable.slot == slot).count();
        if in_it != 1 {
            return Err(ArtifactError);
        }
        slot.parse().map_err(|_| ArtifactError)
    };
    Ok(HeadSlots {
        position: slot_of("_position")?,
        running_hash: slot_of("_runningHash")?,
        streams: slot_of("_heads")?,
    })
}

/// The call of a function whose arguments are all one word long.
pub fn call(selector: [u8; 4], words: &[[u8; 32]]) -> Vec<u8> {
    let mut data = selector.to_vec();
    data.extend(words.iter().flatten());
    data
}

/// `openNamespace(isSealed, delay)`.
pub fn open_namespace(is_sealed: bool, delay: u32) -> Vec<u8> {
    call(OPEN_NAMESPACE, &[word(is_sealed.into()), word(delay)])
}

/// `admit(namespace, account)`.
pub fn admit(namespace: Namespace, account: Address) -> Vec<u8> {
    call(ADMIT, &[word(namespace.0), account.word()])
}

/// `dismiss(namespace, account)`.
pub fn dismiss(namespace: Namespace, account: Address) -> Vec<u8> {
    call(DISMISS, &[word(namespace.0), account.word()])
}

/// `transferNamespace(namespace, candidate)`.
pub fn transfer_namespace(namespace: Namespace, candidate: Address) -> Vec<u8> {
    call(TRANSFER_NAMESPACE, &[word(namespace.0), candidate.word()])
}

/// `acceptNamespace(namespace)`.
pub fn accept_namespace(namespace: Namespace) -> Vec<u8> {
    call(ACCEPT_NAMESPACE, &[word(namespace.0)])
}

/// `publish(namespace, profile)`.
pub fn publish(namespace: Namespace, profile: &[u8]) -> Vec<u8> {
    let length = u32::try_from(profile.len()).unwrap_or(u32::MAX);
    let mut data = call(PUBLISH, &[word(namespace.0), word(64), word(length)]);
    data.extend_from_slice(profile);
    data.resize(
        data.len()
            .saturating_add(profile.len().next_multiple_of(32) - profile.len()),
        0,
    );
    data
}

/// `writerOf(namespace, account)`.
pub fn writer_of(namespace: Namespace, account: Address) -> Vec<u8> {
    call(WRITER_OF, &[word(namespace.0), account.word()])
}

/// `namespaceAt(namespace)`.
pub fn namespace_at(namespace: Namespace) -> Vec<u8> {
    call(NAMESPACE_AT, &[word(namespace.0)])
}

/// A number in its word.
fn word(number: u32) -> [u8; 32] {
    let mut word = [0; 32];
    if let Some(low) = word.last_chunk_mut::<4>() {
        *low = number.to_be_bytes();
    }
    word
}

/// A namespace as the contract has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamespaceState {
    /// Whose it is.
    pub owner: Address,
    /// Whether it takes commits of sealed events; a plain one takes what other contracts record.
    pub is_sealed: bool,
    /// How many seconds pass between offering and accepting it, at least.
    pub delay: u32,
    /// To whom it is offered.
    pub candidate: Option<Address>,
    /// From when on they can accept it, in seconds since 1970.
    pub acceptable_from: u64,
}

/// What `head()` returned.
pub fn read_head(answer: &[u8]) -> Option<LogHead> {
    let (position, running_hash) = answer.split_first_chunk::<32>()?;
    Some(LogHead {
        position: small(position)?,
        running_hash: running_hash.try_into().ok()?,
    })
}

/// What `headOf(stream)` returned.
pub fn read_stream_head(answer: &[u8]) -> Option<StreamHead> {
    let (version, tag) = answer.split_first_chunk::<32>()?;
    Some(StreamHead {
        version: small(version)?,
        tag: tag_of(tag.try_into().ok()?)?,
    })
}

/// What `writerOf(namespace, account)` returned: the account's number as a writer, if it is one.
pub fn read_writer(answer: &[u8]) -> Option<Option<u32>> {
    let number = u32::try_from(small(answer.try_into().ok()?)?).ok()?;
    Some(Some(number).filter(|number| *number != 0))
}

/// What `namespaceAt(namespace)` returned; `None` within it where there is no such namespace.
pub fn read_namespace(answer: &[u8]) -> Option<Option<NamespaceState>> {
    let ([owner, is_sealed, delay, candidate, acceptable_from], []) = answer.as_chunks::<32>() else {
        return None;
    };
    let Some(owner) = account_of(owner)? else {
        return Some(None);
    };
    Some(Some(NamespaceState {
        owner,
        is_sealed: match small(is_sealed)? {
            0 => false,
            1 => true,
            _ => return None,
        },
        delay: u32::try_from(small(delay)?).ok()?,
        candidate: account_of(candidate)?,
        acceptable_from: small(acceptable_from)?,
    }))
}

/// An address in its word; `None` within it for the address 0, which is nobody's.
fn account_of(word: &[u8; 32]) -> Option<Option<Address>> {
    let (zero, account) = word.split_first_chunk::<12>()?;
    let account: [u8; 20] = account.try_into().ok()?;
    (*zero == [0; 12]).then_some((account != [0; 20]).then_some(Address(account)))
}

/// A `uint64` in its word.
pub(super) fn small(word: &[u8; 32]) -> Option<u64> {
    let (high, low) = word.split_at(24);
    (high.iter().all(|byte| *byte == 0)).then_some(u64::from_be_bytes(low.try_into().ok()?))
}

/// A `bytes8` in its word.
pub(super) fn tag_of(word: &[u8; 32]) -> Option<[u8; 8]> {
    let (tag, rest) = word.split_first_chunk::<8>()?;
    rest.iter().all(|byte| *byte == 0).then_some(*tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ethers_core::abi::Abi;
    use proptest::prelude::*;

    fn abi() -> Abi {
        let artifact: serde_json::Value = serde_json::from_str(ARTIFACT).unwrap();
        serde_json::from_value(artifact["abi"].clone()).unwrap()
    }

    #[test]
    fn the_constants_are_those_of_the_committed_artifact() {
        let abi = abi();
        for (name, selector) in [
            ("append", APPEND),
            ("head", HEAD),
            ("headOf", HEAD_OF),
            ("openNamespace", OPEN_NAMESPACE),
            ("admit", ADMIT),
            ("dismiss", DISMISS),
            ("transferNamespace", TRANSFER_NAMESPACE),
            ("acceptNamespace", ACCEPT_NAMESPACE),
            ("publish", PUBLISH),
            ("writerOf", WRITER_OF),
            ("namespaceAt", NAMESPACE_AT),
        ] {
            assert_eq!(abi.function(name).unwrap().short_signature(), selector, "{name}");
        }
        for (name, topic) in [("Appended", APPENDED), ("CommitRejected", COMMIT_REJECTED)] {
            assert_eq!(
                hex::encode_prefixed(abi.event(name).unwrap().signature()),
                topic,
                "{name}"
            );
        }
    }

    #[test]
    fn the_embedded_code_can_be_read() {
        let code = bytecode().unwrap();
        assert!(code.creation.len() > code.runtime.len() && !code.runtime.is_empty());
    }

    #[test]
    fn the_slots_of_the_head_are_found() {
        let slots = head_slots().unwrap();
        assert_ne!(slots.position, slots.running_hash);
        assert!(![slots.position, slots.running_hash].contains(&slots.streams));
    }

    #[test]
    fn the_calls_are_as_the_generic_abi_encodes_them() {
        use ethers_core::abi::Token;
        let (account, namespace) = (Address([5; 20]), Namespace(7));
        let generic = |name: &str, tokens: &[Token]| abi().function(name).unwrap().encode_input(tokens).unwrap();
        let of_account = [Token::Uint(7.into()), Token::Address(account.to_ethers())];
        assert_eq!(admit(namespace, account), generic("admit", &of_account));
        assert_eq!(dismiss(namespace, account), generic("dismiss", &of_account));
        assert_eq!(
            transfer_namespace(namespace, account),
            generic("transferNamespace", &of_account)
        );
        assert_eq!(writer_of(namespace, account), generic("writerOf", &of_account));
        assert_eq!(
            accept_namespace(namespace),
            generic("acceptNamespace", &[Token::Uint(7.into())])
        );
        assert_eq!(
            namespace_at(namespace),
            generic("namespaceAt", &[Token::Uint(7.into())])
        );
        for length in [1, 31, 32, 33] {
            let profile = vec![9; length];
            let of_profile = [Token::Uint(7.into()), Token::Bytes(profile.clone())];
            assert_eq!(publish(namespace, &profile), generic("publish", &of_profile));
        }
        assert_eq!(
            open_namespace(true, 3600),
            generic("openNamespace", &[Token::Bool(true), Token::Uint(3600.into())])
        );
    }

    #[test]
    fn what_the_views_of_namespaces_return_is_read() {
        let owner = Address([5; 20]);
        let candidate = Address([6; 20]);
        let answer =
            |owner: Address, is_sealed| [owner.word(), word(is_sealed), word(60), candidate.word(), word(99)].concat();
        let state = |is_sealed| {
            Some(NamespaceState {
                owner,
                is_sealed,
                delay: 60,
                candidate: Some(candidate),
                acceptable_from: 99,
            })
        };
        assert_eq!(read_namespace(&answer(owner, 1)), Some(state(true)));
        assert_eq!(read_namespace(&answer(owner, 0)), Some(state(false)));
        assert_eq!(read_namespace(&answer(Address([0; 20]), 0)), Some(None));
        assert_eq!(read_namespace(&answer(owner, 2)), None);
        assert_eq!(read_writer(&word(3)), Some(Some(3)));
        assert_eq!(read_writer(&word(0)), Some(None));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(answer in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (read_head(&answer), read_stream_head(&answer), read_writer(&answer), read_namespace(&answer));
        }
    }
}
