//! An account or a contract.

use std::fmt;
use std::str::FromStr;

use domain::consent::SignerId;
use ethers_core::types::H160;
use ethers_core::utils::to_checksum;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hex;

/// The address of an account or a contract. As text it carries the checksum of EIP-55.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 20]);

impl Address {
    pub(super) fn to_ethers(self) -> H160 {
        H160(self.0)
    }

    /// The address as a word of the ABI: padded on the left.
    pub(super) fn word(self) -> [u8; 32] {
        let mut word = [0; 32];
        if let Some(low) = word.last_chunk_mut::<20>() {
            *low = self.0;
        }
        word
    }
}

impl From<H160> for Address {
    fn from(address: H160) -> Self {
        Self(address.0)
    }
}

impl From<Address> for SignerId {
    fn from(address: Address) -> Self {
        Self(address.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_checksum(&self.to_ethers(), None))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an address: 0x and 40 hexadecimal digits, with a correct checksum if in mixed case")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = hex::fixed(text).map(Self).ok_or(AddressError)?;
        let digits = text.get(2..).unwrap_or_default();
        let mixed = digits.bytes().any(|c| c.is_ascii_lowercase()) && digits.bytes().any(|c| c.is_ascii_uppercase());
        if mixed && address.to_string() != text {
            return Err(AddressError);
        }
        Ok(address)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::visit(deserializer, "an address", |text| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn an_address_reads_back_from_its_text_with_the_checksum() {
        let address: Address = TEXT.parse().unwrap();
        assert_eq!(address.to_string(), TEXT);
        assert_eq!(TEXT.to_lowercase().parse(), Ok(address));
    }

    #[test]
    fn a_mistyped_address_is_refused() {
        for text in [
            "",
            "0x",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }
}
