//! The `EventLog` contract's ABI: selectors, topics, the calldata of its functions and what its views return.
//!
//! Written out by hand, for nothing generic should stand on the path of every event; a test holds it against the
//! artifact that is committed with the contract.

use serde::Deserialize;

use super::address::Address;
use crate::log::{LogHead, StreamHead};

/// The compiled contract, as `contracts/` committed it.
const ARTIFACT: &str = include_str!("../../../contracts/artifacts/EventLog.json");

/// `append(bytes)`.
pub const APPEND: [u8; 4] = [0x19, 0x63, 0xf2, 0xb3];
/// `head()`.
pub const HEAD: [u8; 4] = [0x8f, 0x7d, 0xcf, 0xa3];
/// `headOf(bytes32)`.
pub const HEAD_OF: [u8; 4] = [0x65, 0xc7, 0xd7, 0x9d];
/// `hasRole(bytes32,address)`.
pub const HAS_ROLE: [u8; 4] = [0x91, 0xd1, 0x48, 0x54];
/// `grantRole(bytes32,address)`.
pub const GRANT_ROLE: [u8; 4] = [0x2f, 0x2f, 0xf1, 0x5d];

/// `Appended(bytes32,uint64,uint64,bytes)`.
pub const APPENDED: &str = "0x901b97de7689da7a12c72884c9f2b89f0a6c4a3db562668d6bd0ecabecf41041";
/// `CommitRejected(uint256,bytes32,uint64,bytes8)`.
pub const COMMIT_REJECTED: &str = "0x1c1058016b6d3845ba7540c48ef38cae51c25a4297cb12520246b1eb1a026d7e";

/// `keccak256("WRITER_ROLE")`.
pub const WRITER_ROLE: [u8; 32] = [
    0x2b, 0x8f, 0x16, 0x8f, 0x36, 0x1a, 0xc1, 0x39, 0x3a, 0x16, 0x3e, 0xd4, 0xad, 0xfa, 0x89, 0x9a, 0x87, 0xbe, 0x7b,
    0x7c, 0x71, 0x64, 0x51, 0x67, 0xbd, 0xad, 0xdd, 0x82, 0x2a, 0xe4, 0x53, 0xc8,
];

/// The committed artifact cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the embedded contract artifact is malformed")]
pub struct ArtifactError;

/// The contract's code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bytecode {
    /// What a deployment runs, without the constructor's arguments.
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

/// The constructor's call: the code and who administers the log.
///
/// # Errors
/// When the artifact is malformed.
pub fn deployment(admin: Address) -> Result<Vec<u8>, ArtifactError> {
    let mut code = bytecode()?.creation;
    code.extend_from_slice(&admin.word());
    Ok(code)
}

/// The call of a function whose arguments are all one word long.
pub fn call(selector: [u8; 4], words: &[[u8; 32]]) -> Vec<u8> {
    let mut data = selector.to_vec();
    data.extend(words.iter().flatten());
    data
}

/// `hasRole(WRITER_ROLE, account)`.
pub fn is_writer(account: Address) -> Vec<u8> {
    call(HAS_ROLE, &[WRITER_ROLE, account.word()])
}

/// `hasRole(DEFAULT_ADMIN_ROLE, account)`.
pub fn is_administrator(account: Address) -> Vec<u8> {
    call(HAS_ROLE, &[[0; 32], account.word()])
}

/// `grantRole(WRITER_ROLE, account)`.
pub fn grant_writer(account: Address) -> Vec<u8> {
    call(GRANT_ROLE, &[WRITER_ROLE, account.word()])
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

/// What a function returned that answers with a `bool`.
pub fn read_bool(answer: &[u8]) -> Option<bool> {
    match small(answer.try_into().ok()?)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
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
    use crate::chain::keccak256;
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
            ("hasRole", HAS_ROLE),
            ("grantRole", GRANT_ROLE),
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
        assert_eq!(keccak256(b"WRITER_ROLE"), WRITER_ROLE);
    }

    #[test]
    fn the_embedded_code_can_be_read() {
        let code = bytecode().unwrap();
        assert!(code.creation.len() > code.runtime.len() && !code.runtime.is_empty());
        let admin = Address([7; 20]);
        assert!(deployment(admin).unwrap().ends_with(&admin.0));
    }

    #[test]
    fn the_calls_are_as_the_generic_abi_encodes_them() {
        use ethers_core::abi::Token;
        let account = Address([5; 20]);
        let role = Token::FixedBytes(WRITER_ROLE.to_vec());
        let generic = |name: &str, tokens: &[Token]| abi().function(name).unwrap().encode_input(tokens).unwrap();
        assert_eq!(
            is_writer(account),
            generic("hasRole", &[role.clone(), Token::Address(account.to_ethers())])
        );
        assert_eq!(
            grant_writer(account),
            generic("grantRole", &[role, Token::Address(account.to_ethers())])
        );
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(answer in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (read_head(&answer), read_stream_head(&answer), read_bool(&answer));
        }
    }
}
