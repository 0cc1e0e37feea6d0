//! Typed data that people sign (EIP-712, <https://eips.ethereum.org/EIPS/eip-712>): what their wallets show them, and its hash.

use std::collections::BTreeMap;

use sha3::{Digest as _, Keccak256};

/// The hash that Ethereum uses.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// A value of a struct, of one of the types that our contracts use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// `address`.
    Address([u8; 20]),
    /// `bytes16`.
    Bytes16([u8; 16]),
    /// `bytes32`.
    Bytes32([u8; 32]),
    /// `uint40`. It is the caller's to see that it is at most [`Self::GREATEST_NUMBER`].
    Number(u64),
    /// `bool`.
    Flag(bool),
    /// `string`.
    Text(String),
    /// `string[]`.
    Texts(Vec<String>),
    /// Another struct.
    Struct(Struct),
}

/// A struct: its type's name, and its members in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Struct {
    /// The name of its type.
    pub name: &'static str,
    /// Its members.
    pub members: Vec<(&'static str, Value)>,
}

/// Where a message is good: a contract on a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigningDomain {
    /// What wallets call it.
    pub name: &'static str,
    /// The id of the chain.
    pub chain_id: u64,
    /// The contract.
    pub contract: [u8; 20],
}

impl Value {
    /// The greatest number.
    pub const GREATEST_NUMBER: u64 = (1 << 40) - 1;

    /// The name of its type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Bytes16(_) => "bytes16",
            Self::Bytes32(_) => "bytes32",
            Self::Number(_) => "uint40",
            Self::Flag(_) => "bool",
            Self::Text(_) => "string",
            Self::Texts(_) => "string[]",
            Self::Struct(inner) => inner.name,
        }
    }

    /// What stands for it in its struct (`encodeData`).
    fn word(&self) -> [u8; 32] {
        match self {
            Self::Address(address) => right(address),
            Self::Bytes16(bytes) => left(bytes),
            Self::Bytes32(bytes) => *bytes,
            Self::Number(number) => right(&number.to_be_bytes()),
            Self::Flag(flag) => right(&[u8::from(*flag)]),
            Self::Text(text) => keccak256(text.as_bytes()),
            Self::Texts(texts) => {
                let hashes: Vec<_> = texts.iter().map(|text| keccak256(text.as_bytes())).collect();
                keccak256(&hashes.concat())
            }
            Self::Struct(inner) => inner.hash(),
        }
    }
}

/// Bytes at the end of a word.
fn right(bytes: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    word.iter_mut()
        .rev()
        .zip(bytes.iter().rev())
        .for_each(|(to, from)| *to = *from);
    word
}

/// Bytes at the beginning of a word.
fn left(bytes: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    word
}

impl Struct {
    /// Its hash (`hashStruct`).
    pub fn hash(&self) -> [u8; 32] {
        let words = self.members.iter().map(|(_, value)| value.word());
        let words: Vec<_> = std::iter::once(keccak256(self.kind().as_bytes()))
            .chain(words)
            .collect();
        keccak256(&words.concat())
    }

    /// What its owner signs to say it there.
    pub fn digest(&self, domain: &SigningDomain) -> [u8; 32] {
        keccak256(&[&[0x19, 0x01], &domain.hash()[..], &self.hash()].concat())
    }

    /// The types that it is made of, by name: its own, and those of the structs in it.
    pub fn types(&self) -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
        let own = self.members.iter().map(|(name, value)| (*name, value.kind())).collect();
        let inner = self.members.iter().filter_map(|(_, value)| match value {
            Value::Struct(inner) => Some(inner.types()),
            _ => None,
        });
        inner.flatten().chain([(self.name, own)]).collect()
    }

    /// The text of its type, and behind it those of the structs in it, by name (`encodeType`).
    fn kind(&self) -> String {
        let mut types = self.types();
        let own = types.remove_entry(self.name);
        let texts = own.into_iter().chain(types).map(|(name, members)| {
            let members: Vec<_> = members.iter().map(|(name, kind)| format!("{kind} {name}")).collect();
            format!("{name}({})", members.join(","))
        });
        texts.collect()
    }
}

impl SigningDomain {
    /// The version of what wallets are shown. All domains of ours are of the first.
    pub const VERSION: &'static str = "1";

    /// Its members' names and types, in order.
    pub const MEMBERS: [(&'static str, &'static str); 4] = [
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ];

    /// Its hash (`domainSeparator`).
    pub fn hash(&self) -> [u8; 32] {
        let kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let words = [
            keccak256(kind),
            keccak256(self.name.as_bytes()),
            keccak256(Self::VERSION.as_bytes()),
            right(&self.chain_id.to_be_bytes()),
            right(&self.contract),
        ];
        keccak256(&words.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard: <https://github.com/ethereum/EIPs/blob/master/assets/eip-712/Example.js>. It has addresses, texts and structs.
    #[test]
    fn the_standards_own_example_comes_out() {
        let person = |name: &str, wallet: [u8; 20]| {
            Value::Struct(Struct {
                name: "Person",
                members: vec![
                    ("name", Value::Text(name.to_owned())),
                    ("wallet", Value::Address(wallet)),
                ],
            })
        };
        let address = |text: &str| {
            let mut address = [0; 20];
            hex::decode_to_slice(text, &mut address).unwrap();
            address
        };
        let mail = Struct {
            name: "Mail",
            members: vec![
                (
                    "from",
                    person("Cow", address("CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826")),
                ),
                ("to", person("Bob", address("bBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"))),
                ("contents", Value::Text("Hello, Bob!".to_owned())),
            ],
        };
        let kind = "Mail(Person from,Person to,string contents)Person(string name,address wallet)";
        assert_eq!(mail.kind(), kind);
        let domain = SigningDomain {
            name: "Ether Mail",
            chain_id: 1,
            contract: address("CcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"),
        };
        let digest = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2";
        assert_eq!(hex::encode(mail.digest(&domain)), digest);
    }

    #[test]
    fn each_type_fills_a_word_from_its_own_side() {
        let of = |value: Value| hex::encode(value.word());
        assert_eq!(of(Value::Number(258)), format!("{:0>64}", "102"));
        assert_eq!(of(Value::Flag(true)), format!("{:0>64}", "1"));
        assert_eq!(of(Value::Bytes16([7; 16])), format!("{:0<64}", "07".repeat(16)));
        assert_eq!(of(Value::Address([7; 20])), format!("{:0>64}", "07".repeat(20)));
        assert_eq!(of(Value::Texts(Vec::new())), hex::encode(keccak256(b"")));
    }
}
