//! Headers: what is in them, and how each kind of chain makes a block's hash of it.
//!
//! A header whose hash is the one that was asked for is the block's, whoever sent it: to find another one with that hash is as hard as to
//! break keccak-256. Of fields that a chain does not have nothing stands in the encoding, so that one field could be called by the name of
//! another; but all that is used here stands before the first that may be missing.

use std::fmt;

use alloy_primitives::{Address, B64, B256, Bloom, BloomInput, Bytes, U64, U256};
use alloy_rlp::Encodable;
use infrastructure::chain::{Hash, keccak256};
use serde::{Deserialize, Serialize};

use crate::rlp;

/// How a chain makes a block's hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HashFormula {
    /// The header as it is: Ethereum, Clique, Anvil, Ganache.
    Whole,
    /// Besu's QBFT: without the seals of the validators, and with round 0.
    Qbft,
    /// Besu's IBFT 2: without the seals of the validators, and without the round.
    Ibft,
}

impl HashFormula {
    const ALL: [Self; 3] = [Self::Whole, Self::Qbft, Self::Ibft];
}

impl fmt::Display for HashFormula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "of the whole header",
            Self::Qbft => "of the header without its seals and round (QBFT)",
            Self::Ibft => "of the header without its seals and round (IBFT 2)",
        })
    }
}

/// A header as a node writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawHeader {
    parent_hash: B256,
    sha3_uncles: B256,
    miner: Address,
    state_root: B256,
    transactions_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    difficulty: U256,
    number: U64,
    gas_limit: U256,
    gas_used: U256,
    timestamp: U64,
    extra_data: Bytes,
    mix_hash: Option<B256>,
    nonce: Option<B64>,
    base_fee_per_gas: Option<U256>,
    withdrawals_root: Option<B256>,
    blob_gas_used: Option<U64>,
    excess_blob_gas: Option<U64>,
    parent_beacon_block_root: Option<B256>,
    requests_hash: Option<B256>,
    block_access_list_hash: Option<B256>,
    slot_number: Option<U64>,
}

/// What is proven of a block by its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) hash: Hash,
    pub(crate) parent: Hash,
    /// In seconds since the Unix epoch.
    pub(crate) time: u64,
    pub(crate) state_root: B256,
    pub(crate) transactions_root: B256,
    pub(crate) receipts_root: B256,
    bloom: Bloom,
}

impl Header {
    /// One of no chain.
    #[cfg(test)]
    pub(crate) fn made_up(number: u64) -> Self {
        Self {
            number,
            hash: [7; 32],
            parent: [6; 32],
            time: 1_000,
            state_root: B256::ZERO,
            transactions_root: B256::ZERO,
            receipts_root: B256::ZERO,
            bloom: Bloom::ZERO,
        }
    }

    /// Whether the block may have a log of this contract with all of these topics. If not, it has none: the bloom filter is made of all its
    /// logs.
    pub(crate) fn may_have(&self, contract: &[u8; 20], topics: &[Hash]) -> bool {
        let has = |bytes: &[u8]| self.bloom.contains_input(BloomInput::Raw(bytes));
        has(contract) && topics.iter().all(|topic| has(topic))
    }
}

impl RawHeader {
    /// The header, if its hash is the one that is expected by one of the formulas; and that formula. Otherwise the hash that it has as a whole.
    pub(crate) fn proven(self, expected: Hash) -> Result<(Header, HashFormula), Hash> {
        let mut formulas = HashFormula::ALL.into_iter();
        let Some(formula) = formulas.find(|formula| self.hash(*formula) == Some(expected)) else {
            return Err(self.hash(HashFormula::Whole).unwrap_or_default());
        };
        let header = Header {
            number: self.number.to(),
            hash: expected,
            parent: self.parent_hash.0,
            time: self.timestamp.to(),
            state_root: self.state_root,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            bloom: self.logs_bloom,
        };
        Ok((header, formula))
    }

    fn hash(&self, formula: HashFormula) -> Option<Hash> {
        let extra = match formula {
            HashFormula::Whole => self.extra_data.to_vec(),
            HashFormula::Qbft | HashFormula::Ibft => without_seals(&self.extra_data, formula)?,
        };
        Some(keccak256(&self.encoded(&extra)))
    }

    fn encoded(&self, extra: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let always: [&dyn Encodable; 13] = [
            &self.parent_hash,
            &self.sha3_uncles,
            &self.miner,
            &self.state_root,
            &self.transactions_root,
            &self.receipts_root,
            &self.logs_bloom,
            &self.difficulty,
            &self.number,
            &self.gas_limit,
            &self.gas_used,
            &self.timestamp,
            &extra,
        ];
        for field in always {
            field.encode(&mut out);
        }
        encode(self.mix_hash.as_ref(), &mut out);
        encode(self.nonce.as_ref(), &mut out);
        encode(self.base_fee_per_gas.as_ref(), &mut out);
        encode(self.withdrawals_root.as_ref(), &mut out);
        encode(self.blob_gas_used.as_ref(), &mut out);
        encode(self.excess_blob_gas.as_ref(), &mut out);
        encode(self.parent_beacon_block_root.as_ref(), &mut out);
        encode(self.requests_hash.as_ref(), &mut out);
        encode(self.block_access_list_hash.as_ref(), &mut out);
        encode(self.slot_number.as_ref(), &mut out);
        rlp::list(&out)
    }
}

fn encode(field: Option<&impl Encodable>, out: &mut Vec<u8>) {
    if let Some(field) = field {
        field.encode(out);
    }
}

/// The extra data of a block of Besu's, as its hash is made of it. `None` where it is another chain's.
///
/// It is a list of vanity, validators, vote, round and seals. Validators seal a block's hash, so their seals cannot be in it; and the same
/// block may be sealed in a later round.
fn without_seals(extra: &[u8], formula: HashFormula) -> Option<Vec<u8>> {
    let items = rlp::items(extra)?;
    let [vanity, validators, vote, _round, _seals] = items.as_slice() else {
        return None;
    };
    let mut kept = [*vanity, *validators, *vote].concat();
    if formula == HashFormula::Qbft {
        let (round, seals) = (0_u8, rlp::list(&[]));
        round.encode(&mut kept);
        kept.extend(seals);
    }
    Some(rlp::list(&kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const EMPTY: &str = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
    const NO_UNCLES: &str = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";

    fn zeros(bytes: usize) -> String {
        format!("0x{}", "00".repeat(bytes))
    }

    fn formula(header: &Value, hash: &str) -> Option<HashFormula> {
        let raw: RawHeader = serde_json::from_value(header.clone()).unwrap();
        let hash: B256 = hash.parse().unwrap();
        raw.proven(hash.0).ok().map(|(_, formula)| formula)
    }

    /// The first block of Ethereum.
    fn mainnet() -> (Value, &'static str) {
        let header = json!({
            "parentHash": zeros(32), "sha3Uncles": NO_UNCLES, "miner": zeros(20),
            "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
            "transactionsRoot": EMPTY, "receiptsRoot": EMPTY, "logsBloom": zeros(256), "difficulty": "0x400000000",
            "number": "0x0", "gasLimit": "0x1388", "gasUsed": "0x0", "timestamp": "0x0",
            "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
            "mixHash": zeros(32), "nonce": "0x0000000000000042",
        });
        (
            header,
            "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
        )
    }

    /// A block of Anvil 1.7.1, with all fields that today's rules have.
    fn anvil() -> (Value, &'static str) {
        let header = json!({
            "parentHash": "0xc07540019d2b1b99ed79a4cb0b1cd53f5e36dd2f61e1a002cc96715d70764b23", "sha3Uncles": NO_UNCLES,
            "miner": zeros(20), "stateRoot": "0xfb0ab71b5e3d88a35699e79de8a9a7ca65bb0242f238605417cd705bd11d4bae",
            "transactionsRoot": "0xfba49b3226e22682ea11c07deea19ad2bed822bfa3f18533523ba44ca96d25d4",
            "receiptsRoot": "0xf78dfb743fbd92ade140711c8bbc542b5e307f0ab7984eff35d751969fe57efa", "logsBloom": zeros(256),
            "difficulty": "0x0", "number": "0x1", "gasLimit": "0x1c9c380", "gasUsed": "0x5208", "timestamp": "0x6b0b15f5",
            "extraData": "0x", "mixHash": "0xeba53aab939eb4379d786d5d23b46c021c57643f7892cfb01076eb659acf40c1",
            "nonce": "0x0000000000000000", "baseFeePerGas": "0x3b9aca00", "withdrawalsRoot": EMPTY, "blobGasUsed": "0x0",
            "excessBlobGas": "0x0", "parentBeaconBlockRoot": zeros(32),
            "requestsHash": "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "totalDifficulty": "0x0", "size": "0x2db", "uncles": [], "transactions": [],
        });
        (
            header,
            "0x42d2df567428d59a63eb2b32f6e0f5d6fbc91b210eec914ccd46bf0c0d7a8c69",
        )
    }

    /// A header of Besu's, with this round and after it three seals. The hashes below were computed by another program (Python's `rlp`) from what
    /// Besu's `BftBlockHashing` says.
    fn besu(vote: &str, round: &str, list: &str) -> Value {
        let seals = ["01", "02", "03"]
            .map(|byte| format!("b841{}", byte.repeat(65)))
            .concat();
        let validators = ["1", "2", "3", "4"].map(|number| format!("94{number:0>40}")).concat();
        let vanity = "a0000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        json!({
            "parentHash": "0xa7762d3307dbf2ae6a1ae1b09cf61c7603722b2379731b6b90409cdb8c8288a0", "sha3Uncles": NO_UNCLES,
            "miner": zeros(20), "stateRoot": "0xca07595b82f908822971b7e848398e3395e59ee52565c7ef3603df1a1fa7bc80",
            "transactionsRoot": EMPTY, "receiptsRoot": EMPTY, "logsBloom": zeros(256), "difficulty": "0x1",
            "number": "0x1", "gasLimit": "0x47c94c", "gasUsed": "0x0", "timestamp": "0x5b3c3db8",
            "extraData": format!("0x{list}{vanity}f854{validators}{vote}{round}f8c9{seals}"),
            "mixHash": "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365", "nonce": "0x0000000000000000",
        })
    }

    const VOTE: &str = "d794000000000000000000000000000000000000000581ff";

    #[test]
    fn a_header_has_the_hash_that_its_chain_makes_of_it() {
        let (header, hash) = mainnet();
        assert_eq!(formula(&header, hash), Some(HashFormula::Whole));
        let (header, hash) = anvil();
        assert_eq!(formula(&header, hash), Some(HashFormula::Whole));
        for (vote, list, hash) in [
            (
                VOTE,
                "f9015b",
                "0x6d3d32983ac2baedbb6d1044722e6a6b47234181b0828de21374d5672f40147b",
            ),
            (
                "c0",
                "f90144",
                "0x8674f0a8cbbf86d65817c290b5bba5ee8887b2a8029d445f30ade35686475fd8",
            ),
        ] {
            let header = besu(vote, "03", list);
            assert_eq!(formula(&header, hash), Some(HashFormula::Qbft));
            // In whichever round it is sealed, it is the same block.
            assert_eq!(formula(&besu(vote, "07", list), hash), Some(HashFormula::Qbft));
        }
        let hash = "0x51e6de6d29abe98a4194e6b347fabbbea76e92784504aff2d06f75654bff28c2";
        assert_eq!(
            formula(&besu(VOTE, "8400000003", "f9015f"), hash),
            Some(HashFormula::Ibft)
        );
    }

    #[test]
    fn no_field_can_be_another_one() {
        let qbft = "0x6d3d32983ac2baedbb6d1044722e6a6b47234181b0828de21374d5672f40147b";
        for (header, hash) in [mainnet(), anvil(), (besu(VOTE, "03", "f9015b"), qbft)] {
            for field in header.as_object().unwrap().keys() {
                if ["size", "totalDifficulty", "uncles", "transactions"].contains(&field.as_str()) {
                    continue;
                }
                let mut changed = header.clone();
                let text = header[field].as_str().unwrap();
                let last = if text.ends_with('1') { "2" } else { "1" };
                let kept = if text == "0x" {
                    "0x0"
                } else {
                    text.get(..text.len() - 1).unwrap()
                };
                changed[field] = json!(format!("{kept}{last}"));
                if field == "extraData" && hash == qbft {
                    // The last byte is one of a seal.
                    assert_eq!(formula(&changed, hash), Some(HashFormula::Qbft));
                    let validator = text.replacen("9400000000000000000000", "9400000000000000000001", 1);
                    changed[field] = json!(validator);
                }
                assert_eq!(formula(&changed, hash), None, "{field}");
            }
        }
    }

    #[test]
    fn a_bloom_filter_names_what_may_be_there() {
        let (mut header, _) = anvil();
        let mut bloom = Bloom::ZERO;
        let (contract, topic) = ([7; 20], [8; 32]);
        bloom.accrue(BloomInput::Raw(&contract));
        bloom.accrue(BloomInput::Raw(&topic));
        header["logsBloom"] = json!(bloom);
        let raw: RawHeader = serde_json::from_value(header).unwrap();
        let hash = raw.hash(HashFormula::Whole).unwrap();
        let (header, _) = raw.proven(hash).unwrap();
        assert!(header.may_have(&contract, &[topic]));
        assert!(!header.may_have(&contract, &[[9; 32], topic]));
        assert!(!header.may_have(&contract, &[[9; 32]]));
        assert!(!header.may_have(&[9; 20], &[topic]));
    }
}
