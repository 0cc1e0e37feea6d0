//! Sign-In with Ethereum (EIP-4361), strictly.
//!
//! The `siwe` crate parses messages and recovers signers; it compares a domain only if one is given, and never URI or chain.
//! Here every field is compared, and the message must be, byte for byte, what its fields say: so nothing that a wallet
//! showed to its owner can differ from what is checked. Signatures are those of externally owned accounts; contract
//! wallets (ERC-1271) cannot sign in yet.
//!
//! The nonce's use is not checked here: it is consumed in the store after everything else holds.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::Wallet;
use siwe::{Message, TimeStamp};

/// What a message must say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInPolicy {
    /// The authority that asks, such as `clinic.example`.
    pub domain: String,
    /// The address that is signed in to, such as `https://clinic.example`.
    pub uri: String,
    /// The chain.
    pub chain_id: u64,
    /// How far a wallet's clock may be off.
    pub skew: Duration,
    /// How old a message may be: as old as a nonce can get.
    pub lifetime: Duration,
}

/// Who signed, under which nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The signer.
    pub wallet: Wallet,
    /// The nonce to consume.
    pub nonce: String,
}

/// Why a sign-in is refused. Each says what the caller knows already: their message, and what ours must say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// No message of this standard.
    #[error("The message is no EIP-4361 message, or its address has a wrong checksum.")]
    Malformed,
    /// For somebody else.
    #[error("The message is for another domain.")]
    Domain,
    /// For somewhere else.
    #[error("The message is for another URI.")]
    Uri,
    /// For another chain.
    #[error("The message is for another chain.")]
    Chain,
    /// Too old or from the future.
    #[error("The message was not issued just now, by this server's clock.")]
    IssuedAt,
    /// Expired.
    #[error("The message has expired.")]
    Expired,
    /// Not valid yet.
    #[error("The message is not valid yet.")]
    NotBefore,
    /// Signed by somebody else, or not at all.
    #[error("The signature is not that of the message's address. Contract wallets are not supported.")]
    Signature,
    /// Unknown, expired or used.
    #[error("The nonce is unknown, expired or used.")]
    Nonce,
}

impl SignInPolicy {
    /// Checks everything about a signed message but the use of its nonce.
    ///
    /// # Errors
    /// [`Rejection`], never `Nonce`.
    pub fn verify(&self, text: &str, signature: &str, now: DateTime<Utc>) -> Result<Verified, Rejection> {
        let message: Message = text.parse().map_err(|_| Rejection::Malformed)?;
        if message.to_string() != text {
            return Err(Rejection::Malformed);
        }
        if !message.domain.as_str().eq_ignore_ascii_case(&self.domain) {
            return Err(Rejection::Domain);
        }
        if message.uri.as_str() != self.uri {
            return Err(Rejection::Uri);
        }
        if message.chain_id != self.chain_id {
            return Err(Rejection::Chain);
        }
        self.check_times(&message, now)?;
        let signature = signature.strip_prefix("0x").unwrap_or(signature);
        let mut bytes = [0; 65];
        hex::decode_to_slice(signature, &mut bytes).map_err(|_| Rejection::Signature)?;
        // The crate takes any value of the last byte modulo 27.
        if !matches!(bytes, [.., 0 | 1 | 27 | 28]) {
            return Err(Rejection::Signature);
        }
        message.verify_eip191(&bytes).map_err(|_| Rejection::Signature)?;
        Ok(Verified { wallet: Wallet(message.address), nonce: message.nonce })
    }

    fn check_times(&self, message: &Message, now: DateTime<Utc>) -> Result<(), Rejection> {
        let skew = TimeDelta::from_std(self.skew).unwrap_or_default();
        let lifetime = TimeDelta::from_std(self.lifetime).unwrap_or_default();
        let issued = instant(&message.issued_at).ok_or(Rejection::IssuedAt)?;
        if issued > now + skew || issued + lifetime + skew < now {
            return Err(Rejection::IssuedAt);
        }
        if let Some(expires) = &message.expiration_time {
            if instant(expires).is_none_or(|expires| expires + skew <= now) {
                return Err(Rejection::Expired);
            }
        }
        if let Some(not_before) = &message.not_before {
            if instant(not_before).is_none_or(|not_before| not_before > now + skew) {
                return Err(Rejection::NotBefore);
            }
        }
        Ok(())
    }
}

fn instant(stamp: &TimeStamp) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(&stamp.to_string()).ok().map(|at| at.to_utc())
}

/// An address as people read it, with its checksum (EIP-55).
pub fn checksummed(wallet: &Wallet) -> String {
    siwe::eip55(&wallet.0)
}

/// Reads an address: with a right checksum, or without any (all in one case).
pub fn parse_wallet(text: &str) -> Option<Wallet> {
    let digits = text.strip_prefix("0x")?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    let mixed = digits.contains(|c: char| c.is_ascii_lowercase()) && digits.contains(|c: char| c.is_ascii_uppercase());
    (!mixed || siwe::is_checksum(digits)).then_some(Wallet(bytes))
}
