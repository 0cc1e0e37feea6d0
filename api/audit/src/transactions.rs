//! Transactions as a block's header has them: each encoded as it was signed, in a trie by index.

use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U256};
use alloy_rlp::Encodable;
use infrastructure::chain::{Hash, keccak256};
use serde::Deserialize;

use crate::rlp;

/// A block with its transactions, as a node writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct RawBlock {
    pub(crate) transactions: Vec<RawTransaction>,
}

/// A transaction as a node writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawTransaction {
    pub(crate) hash: B256,
    #[serde(default, rename = "type")]
    kind: Option<U64>,
    nonce: U64,
    gas: U64,
    to: Option<Address>,
    value: U256,
    input: Bytes,
    gas_price: Option<U256>,
    max_fee_per_gas: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
    max_fee_per_blob_gas: Option<U256>,
    chain_id: Option<U256>,
    access_list: Option<Vec<Access>>,
    blob_versioned_hashes: Option<Vec<B256>>,
    authorization_list: Option<Vec<Authorization>>,
    v: Option<U256>,
    y_parity: Option<U256>,
    r: U256,
    s: U256,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    address: Address,
    storage_keys: Vec<B256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    chain_id: U256,
    address: Address,
    nonce: U64,
    y_parity: Option<U256>,
    v: Option<U256>,
    r: U256,
    s: U256,
}

/// A transaction that cannot be encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unencodable {
    /// It is of a type that is not known.
    Type(u64),
    /// It lacks a field that its type has.
    Field(&'static str),
}

/// A transaction as it was signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Encoded {
    pub(crate) hash: Hash,
    pub(crate) bytes: Vec<u8>,
}

impl RawTransaction {
    /// As it was signed.
    pub(crate) fn encoded(&self) -> Result<Encoded, Unencodable> {
        let kind = self.kind.map_or(0, |kind| kind.to::<u64>());
        let fields = match kind {
            0 => self.legacy()?,
            1 => self.with_access_list()?,
            2 => self.with_fees()?,
            3 => self.with_blobs()?,
            4 => self.with_authorizations()?,
            other => return Err(Unencodable::Type(other)),
        };
        let list = rlp::list(&fields);
        let bytes = match u8::try_from(kind) {
            Ok(kind @ 1..) => [&[kind], list.as_slice()].concat(),
            _ => list,
        };
        Ok(Encoded {
            hash: keccak256(&bytes),
            bytes,
        })
    }

    fn legacy(&self) -> Result<Vec<u8>, Unencodable> {
        let v = given(self.v.as_ref(), "v")?;
        let gas_price = given(self.gas_price.as_ref(), "gasPrice")?;
        Ok(payload(&[
            &self.nonce,
            gas_price,
            &self.gas,
            &self.target(),
            &self.value,
            &self.input,
            v,
            &self.r,
            &self.s,
        ]))
    }

    fn with_access_list(&self) -> Result<Vec<u8>, Unencodable> {
        let gas_price = given(self.gas_price.as_ref(), "gasPrice")?;
        let mut fields = payload(&[
            given(self.chain_id.as_ref(), "chainId")?,
            &self.nonce,
            gas_price,
            &self.gas,
        ]);
        fields.extend(payload(&[&self.target(), &self.value, &self.input]));
        fields.extend(self.accesses()?);
        fields.extend(self.signature()?);
        Ok(fields)
    }

    fn with_fees(&self) -> Result<Vec<u8>, Unencodable> {
        let mut fields = self.up_to_accesses()?;
        fields.extend(self.signature()?);
        Ok(fields)
    }

    fn with_blobs(&self) -> Result<Vec<u8>, Unencodable> {
        let mut fields = self.up_to_accesses()?;
        let hashes = given(self.blob_versioned_hashes.as_ref(), "blobVersionedHashes")?;
        fields.extend(payload(&[
            given(self.max_fee_per_blob_gas.as_ref(), "maxFeePerBlobGas")?,
            hashes,
        ]));
        fields.extend(self.signature()?);
        Ok(fields)
    }

    fn with_authorizations(&self) -> Result<Vec<u8>, Unencodable> {
        let mut fields = self.up_to_accesses()?;
        let mut list = Vec::new();
        for one in given(self.authorization_list.as_ref(), "authorizationList")? {
            let parity = given(one.y_parity.as_ref().or(one.v.as_ref()), "yParity")?;
            list.extend(rlp::list_of(&[
                &one.chain_id,
                &one.address,
                &one.nonce,
                parity,
                &one.r,
                &one.s,
            ]));
        }
        fields.extend(rlp::list(&list));
        fields.extend(self.signature()?);
        Ok(fields)
    }

    /// What all types since EIP-1559 begin with.
    fn up_to_accesses(&self) -> Result<Vec<u8>, Unencodable> {
        let mut fields = payload(&[
            given(self.chain_id.as_ref(), "chainId")?,
            &self.nonce,
            given(self.max_priority_fee_per_gas.as_ref(), "maxPriorityFeePerGas")?,
            given(self.max_fee_per_gas.as_ref(), "maxFeePerGas")?,
            &self.gas,
            &self.target(),
            &self.value,
            &self.input,
        ]);
        fields.extend(self.accesses()?);
        Ok(fields)
    }

    fn accesses(&self) -> Result<Vec<u8>, Unencodable> {
        let mut list = Vec::new();
        for access in given(self.access_list.as_ref(), "accessList")? {
            list.extend(rlp::list_of(&[&access.address, &access.storage_keys]));
        }
        Ok(rlp::list(&list))
    }

    fn signature(&self) -> Result<Vec<u8>, Unencodable> {
        let parity = given(self.y_parity.as_ref().or(self.v.as_ref()), "yParity")?;
        Ok(payload(&[parity, &self.r, &self.s]))
    }

    fn target(&self) -> TxKind {
        self.to.map_or(TxKind::Create, TxKind::Call)
    }
}

fn payload(fields: &[&dyn Encodable]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        field.encode(&mut out);
    }
    out
}

fn given<'a, T>(field: Option<&'a T>, name: &'static str) -> Result<&'a T, Unencodable> {
    field.ok_or(Unencodable::Field(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_trie::root::ordered_trie_root_encoded;
    use serde_json::{Value, json};

    const TO: &str = "0x3333333333333333333333333333333333333333";

    fn raw(of_type: Value, common: &Value) -> RawTransaction {
        let mut fields = common.as_object().unwrap().clone();
        fields.extend(of_type.as_object().unwrap().clone());
        serde_json::from_value(fields.into()).unwrap()
    }

    /// One of each type, signed by another program (Python's `eth-account`).
    fn signed() -> Vec<RawTransaction> {
        let address = format!("0x{}", "44".repeat(20));
        let access = json!([{ "address": address, "storageKeys": [format!("0x{}", "55".repeat(32))] }]);
        let two = json!([{ "address": address, "storageKeys": [format!("0x{}", "55".repeat(32)), format!("0x{}", "56".repeat(32))] }]);
        let common =
            json!({ "chainId": "0x1", "nonce": "0x3", "gas": "0x186a0", "to": TO, "value": "0x5", "input": "0x0102" });
        let fees = json!({ "chainId": "0x1", "nonce": "0x3", "gas": "0x186a0", "to": TO, "value": "0x5", "input": "0x0102", "maxFeePerGas": "0x1e", "maxPriorityFeePerGas": "0x2" });
        vec![
            raw(
                json!({
                    "type": "0x0", "gasPrice": "0x1e", "to": null, "value": "0x0", "input": "0x6001", "v": "0x26",
                    "r": "0x1b201a3563cb0a7091bb556950b4676e7cf39eb065bc5e2d21ffefa4936509fe",
                    "s": "0x4b5b99b4ede6b52faa150c484b9be5924028b0f2f81cdf96c9883556919293eb",
                    "hash": "0xf1215c0f968c2b2aee1014f32641b71df5c2632af198c2623731e93eeb3d4760",
                }),
                &common,
            ),
            raw(
                json!({
                    "type": "0x1", "gasPrice": "0x1e", "accessList": two, "yParity": "0x1",
                    "r": "0xd6343c83db1f2d26be4e8b25a9e4e113a093b51a9bdce7a9d80a0bef9daa236b",
                    "s": "0xd75fe6d2876ddb2727a8ce8b3d390c2f5384f74f31cc1b3ed5e0234fa036f55",
                    "hash": "0x78909e2c27a152853e91383e7ed6ce98e852ff61458e45cb4f6e4cf75af2ed27",
                }),
                &common,
            ),
            raw(
                json!({
                    "type": "0x2", "nonce": "0x0", "gas": "0x5208", "input": "0x", "accessList": [], "v": "0x1",
                    "r": "0x14cb1c10f9baa3d0231b27a4fe73a5e02e1f75b69718f4902bc9798e8979faa3",
                    "s": "0x33cf88cca52ea1b6db311927defa75817a6faf52ac9db009fe8d58cba35f78a3",
                    "hash": "0xb99fbb554979d367fd33b5e00bb57628202cc24bd910639bde35c17d8a021734",
                }),
                &fees,
            ),
            raw(
                json!({
                    "type": "0x3", "accessList": [], "maxFeePerBlobGas": "0x9", "yParity": "0x0",
                    "blobVersionedHashes": [format!("0x01{}", "66".repeat(31))],
                    "r": "0xb065c00ead7bfb7dbd37615409aff69cbcf971884f5f857f8c68f538c8226902",
                    "s": "0x2988515afe76ef94d4b73bf19a4903f505d9bdf1172636e10660a542f9fbf73a",
                    "hash": "0x372911e18cedc38d0e9fcb6841c777d04e2d1ec71d5d894d6c3e25e2d0cae7bd",
                }),
                &fees,
            ),
            raw(
                json!({
                    "type": "0x4", "accessList": access, "yParity": "0x0",
                    "authorizationList": [{
                        "chainId": "0x1", "address": format!("0x{}", "22".repeat(20)), "nonce": "0x7", "yParity": "0x0",
                        "r": "0x8d14c7d7e06b67c43a147f14c63523ef36d6eb34deb105b7b1f7c594c7f91818",
                        "s": "0x2a7f2524299517a73b25a159174a75c09e7e9039a45a4818400838716755195",
                    }],
                    "r": "0xb0f15fcb5b6ea7ad97e9bd12cf806750ab1a9538ced72bbb15aa4d8f4dda7d0f",
                    "s": "0x1e2ac107b40777b8d7401dd1a39667d24ed2fc28e52d8c099b689294f35f24ee",
                    "hash": "0x382c4f69357744a916a1c94ac626060b346a00abdc5a8799d94d9261db83bb56",
                }),
                &fees,
            ),
        ]
    }

    #[test]
    fn every_type_has_the_hash_under_which_it_was_signed() {
        for (kind, raw) in signed().into_iter().enumerate() {
            assert_eq!(raw.encoded().unwrap().hash, raw.hash.0, "type {kind}");
        }
    }

    #[test]
    fn what_is_unknown_or_missing_is_said() {
        let mut unknown = signed().pop().unwrap();
        unknown.kind = Some(U64::from(0x7e));
        assert_eq!(unknown.encoded(), Err(Unencodable::Type(0x7e)));
        unknown.kind = Some(U64::from(0x1_02));
        assert_eq!(unknown.encoded(), Err(Unencodable::Type(0x1_02)));
        let mut cut = signed().pop().unwrap();
        cut.authorization_list = None;
        assert_eq!(cut.encoded(), Err(Unencodable::Field("authorizationList")));
    }

    #[test]
    fn the_root_of_a_block_is_that_of_its_transactions() {
        // The only one of a block of Anvil 1.7.1.
        let raw: RawTransaction = serde_json::from_value(json!({
            "type": "0x2", "chainId": "0x7a69", "nonce": "0x0", "gas": "0x5208", "maxFeePerGas": "0x77359400",
            "maxPriorityFeePerGas": "0x3b9aca00", "to": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "value": "0x1",
            "accessList": [], "input": "0x", "r": "0xc316f3bcb8a79cd2079190476be229657b968fc92a97446add8791c847f228c9",
            "s": "0x9a86bb2c57b34659d78cb7b887dd6fbbbca3e8f3f16f4490deff2c6820cc96a", "yParity": "0x1", "v": "0x1",
            "hash": "0x7fed5402a9c91182b4528c3e8fe4be6df44cbcdcfb2f2c704bff5a0c05ab202c", "gasPrice": "0x77359400",
        }))
        .unwrap();
        let encoded = raw.encoded().unwrap();
        assert_eq!(encoded.hash, raw.hash.0);
        let root: B256 = "0xfba49b3226e22682ea11c07deea19ad2bed822bfa3f18533523ba44ca96d25d4"
            .parse()
            .unwrap();
        assert_eq!(ordered_trie_root_encoded(&[encoded.bytes]), root);
    }
}
