//! Typed data (EIP-712) in JSON, as wallets take it (`eth_signTypedData_v4`).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use domain::kernel::typed_data::{SigningDomain, Struct, Value};
use domain::registries::Signed;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use crate::check::Checks;

/// What is to be signed: typed data (EIP-712), as `eth_signTypedData_v4` takes it, and its hash.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypedData {
    /// The structs, by their names, and that of the domain.
    pub types: BTreeMap<&'static str, Vec<Member>>,
    /// The name of the struct that is signed.
    #[schema(example = "Attestation")]
    pub primary_type: &'static str,
    /// Where it is good: a contract on a chain.
    #[schema(value_type = Object)]
    pub domain: Json,
    /// The struct.
    #[schema(value_type = Object)]
    pub message: Json,
    /// What is signed in the end: the hash of all of it, in hexadecimal. Whoever signs can compute it from the rest.
    #[schema(example = "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2")]
    pub hash: String,
}

/// A member of a struct.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Member {
    /// Its name.
    #[schema(example = "practitioner")]
    pub name: &'static str,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "bytes16")]
    pub kind: &'static str,
}

impl TypedData {
    /// A struct, to be signed for a contract.
    pub fn new(domain: &SigningDomain, message: &Struct) -> Self {
        let members = |members: &[(&'static str, &'static str)]| {
            let member = |&(name, kind): &(_, _)| Member { name, kind };
            members.iter().map(member).collect::<Vec<_>>()
        };
        let own = message.types();
        let types = own.iter().map(|(name, list)| (*name, members(list)));
        let of_the_domain = ("EIP712Domain", members(&SigningDomain::MEMBERS));
        Self {
            types: types.chain([of_the_domain]).collect(),
            primary_type: message.name,
            domain: json!({
                "name": domain.name,
                "version": SigningDomain::VERSION,
                "chainId": domain.chain_id,
                "verifyingContract": hex::encode_prefixed(domain.contract),
            }),
            message: written(message),
            hash: hex::encode_prefixed(message.digest(domain)),
        }
    }
}

fn written(message: &Struct) -> Json {
    let members = message.members.iter().map(|(name, value)| {
        let value = match value {
            Value::Address(bytes) => hex::encode_prefixed(bytes).into(),
            Value::Bytes16(bytes) => hex::encode_prefixed(bytes).into(),
            Value::Bytes32(bytes) => hex::encode_prefixed(bytes).into(),
            Value::Number(number) => (*number).into(),
            Value::Flag(flag) => (*flag).into(),
            Value::Text(text) => text.as_str().into(),
            Value::Texts(texts) => texts.as_slice().into(),
            Value::Struct(inner) => written(inner),
        };
        ((*name).to_owned(), value)
    });
    Json::Object(members.collect::<Map<_, _>>())
}

/// Reads bytes in hexadecimal, behind `0x`.
pub(super) fn bytes(checks: &mut Checks, text: &str, long: RangeInclusive<usize>) -> Vec<u8> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with("0x"));
    let read = digits.and_then(|digits| hex::decode(digits).ok());
    match read.filter(|bytes| long.contains(&bytes.len())) {
        Some(bytes) => bytes,
        None => {
            let (least, most) = long.into_inner();
            let count = if least == most {
                most.to_string()
            } else {
                format!("{least} to {most}")
            };
            checks.wrong(format!("must be `0x` and the hexadecimal digits of {count} bytes"));
            Vec::new()
        }
    }
}

/// How long the signer is at most, in bytes.
const LONGEST_SIGNER: usize = 2047;

/// How long a signature is at most, in bytes: one of a contract can be long.
const LONGEST_SIGNATURE: usize = 8191;

/// Reads who has signed, and the signature.
pub(super) fn signed(checks: &mut Checks, signer: &str, signature: &str) -> Signed {
    Signed {
        signer: checks.within("signer", |checks| bytes(checks, signer, 20..=LONGEST_SIGNER)),
        signature: checks.within("signature", |checks| bytes(checks, signature, 1..=LONGEST_SIGNATURE)),
    }
}

/// A member that there must be, or must not be.
pub(super) fn member<T>(checks: &mut Checks, step: &str, value: Option<T>, belongs: bool) -> Option<T> {
    match (&value, belongs) {
        (None, true) => checks.within(step, |checks| checks.wrong("is missing from a struct of this type")),
        (Some(_), false) => checks.within(step, |checks| checks.wrong("is no member of a struct of this type")),
        _ => {}
    }
    value.filter(|_| belongs)
}

/// A number as the contract has them; 0 for one that is missing.
pub(super) fn fitting(checks: &mut Checks, step: &str, number: Option<u64>) -> u64 {
    let number = number.unwrap_or_default();
    if number > Value::GREATEST_NUMBER {
        checks.within(step, |checks| {
            checks.wrong(format!("must be at most {}", Value::GREATEST_NUMBER))
        });
    }
    number
}
