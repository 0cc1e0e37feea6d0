//! Addresses of wallets as people read and write them (EIP-55).

use domain::kernel::Wallet;
use signinwithethereum::{eip55, is_checksum};

/// An address as people read it, with its checksum (EIP-55).
pub fn checksummed(wallet: &Wallet) -> String {
    eip55(&wallet.0)
}

/// Reads an address: with a right checksum, or without any (all in one case).
pub fn parse_wallet(text: &str) -> Option<Wallet> {
    let digits = text.strip_prefix("0x").filter(|_| is_address(text))?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    let mixed = digits.contains(|c: char| c.is_ascii_lowercase()) && digits.contains(|c: char| c.is_ascii_uppercase());
    (!mixed || is_checksum(digits)).then_some(Wallet(bytes))
}

/// Whether a text looks like an address, whatever its checksum.
pub fn is_address(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}
