//! Receipts as a block's header has them: status, gas, bloom filter and logs of each transaction, in a trie by index.

use alloy_primitives::{Address, B256, Bloom, Bytes, U64, U256};
use alloy_rlp::{Encodable, RlpEncodable};
use serde::Deserialize;

use crate::rlp;

/// The newest type of a transaction that is known: that of EIP-7702. All have receipts of one form.
const NEWEST: u64 = 4;

/// A receipt as a node writes it. What else it says (hashes, indices, addresses) is in no root, and is not read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawReceipt {
    #[serde(default, rename = "type")]
    kind: Option<U64>,
    status: Option<U64>,
    /// In place of the status, on chains with the rules from before Byzantium.
    root: Option<B256>,
    cumulative_gas_used: U256,
    logs_bloom: Bloom,
    pub(crate) logs: Vec<RawLog>,
}

/// A log within it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, RlpEncodable)]
pub(crate) struct RawLog {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
}

impl RawReceipt {
    /// As it is in the trie. The type of its transaction, where that is not known.
    pub(crate) fn encoded(&self) -> Result<Vec<u8>, u64> {
        let kind = self.kind.map_or(0, |kind| kind.to::<u64>());
        let outcome: &dyn Encodable = match (&self.status, &self.root) {
            (None, Some(root)) => root,
            (Some(status), _) => status,
            (None, None) => &U64::ZERO,
        };
        let list = rlp::list_of(&[outcome, &self.cumulative_gas_used, &self.logs_bloom, &self.logs]);
        match u8::try_from(kind) {
            Ok(0) => Ok(list),
            Ok(known) if kind <= NEWEST => Ok([&[known], list.as_slice()].concat()),
            _ => Err(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_trie::root::ordered_trie_root_encoded;
    use serde_json::json;

    fn receipt(kind: &str) -> RawReceipt {
        serde_json::from_value(json!({
            "type": kind, "status": "0x1", "cumulativeGasUsed": "0x5208", "logs": [], "logsBloom": format!("0x{}", "00".repeat(256)),
        }))
        .unwrap()
    }

    #[test]
    fn the_root_of_a_block_is_that_of_its_receipts() {
        // The only one of a block of Anvil 1.7.1, and of the same block of Geth 1.17.10.
        let root: B256 = "0xf78dfb743fbd92ade140711c8bbc542b5e307f0ab7984eff35d751969fe57efa"
            .parse()
            .unwrap();
        assert_eq!(ordered_trie_root_encoded(&[receipt("0x2").encoded().unwrap()]), root);
        // The type is in it.
        assert_ne!(ordered_trie_root_encoded(&[receipt("0x0").encoded().unwrap()]), root);
    }

    #[test]
    fn a_type_that_is_not_known_is_said() {
        assert_eq!(receipt("0x7e").encoded(), Err(0x7e));
        assert_eq!(receipt("0x102").encoded(), Err(0x102));
    }

    #[test]
    fn before_byzantium_a_root_stood_for_the_status() {
        let root = B256::repeat_byte(7);
        let old: RawReceipt = serde_json::from_value(json!({
            "root": root, "cumulativeGasUsed": "0x5208", "logs": [], "logsBloom": format!("0x{}", "00".repeat(256)),
        }))
        .unwrap();
        let encoded = old.encoded().unwrap();
        let items = rlp::items(&encoded).unwrap();
        assert_eq!(items.first().unwrap().get(1..), Some(root.as_slice()));
    }
}
