//! Reads 32 secret bytes from the hexadecimal text in which operators keep them.

use std::path::Path;

use zeroize::Zeroizing;

/// A secret that cannot be used. Never says what the text was.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text is not 64 hexadecimal digits.
    #[error("a secret must be 64 hexadecimal digits")]
    NotHex,
    /// The file cannot be read.
    #[error("the secret's file cannot be read")]
    File(#[source] std::io::Error),
    /// The random number generator of the system failed.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// The cipher refused; it does so only for gigabytes.
    #[error("a secret cannot be sealed")]
    Sealing,
}

/// 32 bytes from 64 hexadecimal digits; white space around them and a leading `0x` do not matter.
pub(super) fn parse(text: &str) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| SecretError::NotHex)?;
    Ok(bytes)
}

/// As [`parse`], from a file.
pub(super) fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(SecretError::File)?);
    parse(&text)
}
