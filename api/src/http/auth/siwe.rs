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
        // The crate takes any nonce of eight characters; the standard, letters and digits alone.
        let nonce = message.nonce.chars().all(|c| c.is_ascii_alphanumeric());
        if !nonce || message.to_string() != text {
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
        Ok(Verified {
            wallet: Wallet(message.address),
            nonce: message.nonce,
        })
    }

    fn check_times(&self, message: &Message, now: DateTime<Utc>) -> Result<(), Rejection> {
        let skew = TimeDelta::from_std(self.skew).unwrap_or_default();
        let lifetime = TimeDelta::from_std(self.lifetime).unwrap_or_default();
        let issued = instant(&message.issued_at).ok_or(Rejection::IssuedAt)?;
        if issued > now + skew || issued + lifetime + skew < now {
            return Err(Rejection::IssuedAt);
        }
        if let Some(expires) = &message.expiration_time
            && instant(expires).is_none_or(|expires| expires + skew <= now)
        {
            return Err(Rejection::Expired);
        }
        if let Some(not_before) = &message.not_before
            && instant(not_before).is_none_or(|not_before| not_before > now + skew)
        {
            return Err(Rejection::NotBefore);
        }
        Ok(())
    }
}

fn instant(stamp: &TimeStamp) -> Option<DateTime<Utc>> {
    let at = stamp.as_ref();
    DateTime::from_timestamp(at.unix_timestamp(), at.nanosecond())
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

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;

    use super::*;

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn policy() -> SignInPolicy {
        SignInPolicy {
            domain: "clinic.example".into(),
            uri: "https://clinic.example".into(),
            chain_id: 31337,
            skew: Duration::from_secs(30),
            lifetime: Duration::from_secs(300),
        }
    }

    fn now() -> DateTime<Utc> {
        NOW.parse().unwrap()
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32].into()).unwrap()
    }

    fn address(key: &SigningKey) -> String {
        use sha3::{Digest as _, Keccak256};
        let point = key.verifying_key().to_encoded_point(false);
        let hash = Keccak256::digest(&point.as_bytes()[1..]);
        siwe::eip55(hash[12..].try_into().unwrap())
    }

    fn message() -> String {
        format!(
            "clinic.example wants you to sign in with your Ethereum account:\n{}\n\nSign in to the clinic.\n\n\
             URI: https://clinic.example\nVersion: 1\nChain ID: 31337\nNonce: n0nce1234567\nIssued At: {NOW}",
            address(&key(7))
        )
    }

    fn sign(text: &str, key: &SigningKey) -> String {
        let message: Message = text.parse().unwrap();
        let (signature, recovery) = key.sign_prehash_recoverable(&message.eip191_hash().unwrap()).unwrap();
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + recovery.to_byte());
        format!("0x{}", hex::encode(bytes))
    }

    fn verify(text: &str) -> Result<Verified, Rejection> {
        policy().verify(text, &sign(text, &key(7)), now())
    }

    #[test]
    fn the_signer_of_a_right_message_is_recognised() {
        let verified = verify(&message()).unwrap();
        assert_eq!(checksummed(&verified.wallet), address(&key(7)));
        assert_eq!(verified.nonce, "n0nce1234567");
    }

    #[test]
    fn a_message_with_one_wrong_field_is_refused() {
        for (from, to, rejection) in [
            ("clinic.example wants", "evil.example wants", Rejection::Domain),
            (
                "URI: https://clinic.example",
                "URI: https://clinic.example/other",
                Rejection::Uri,
            ),
            (
                "URI: https://clinic.example",
                "URI: https://evil.example",
                Rejection::Uri,
            ),
            ("Chain ID: 31337", "Chain ID: 1", Rejection::Chain),
            (NOW, "2026-03-01T12:00:31Z", Rejection::IssuedAt),
            (NOW, "2026-03-01T11:54:29Z", Rejection::IssuedAt),
            (
                NOW,
                "2026-03-01T12:00:00Z\nExpiration Time: 2026-03-01T11:59:30Z",
                Rejection::Expired,
            ),
            (
                NOW,
                "2026-03-01T12:00:00Z\nNot Before: 2026-03-01T12:00:31Z",
                Rejection::NotBefore,
            ),
        ] {
            assert_eq!(verify(&message().replace(from, to)), Err(rejection), "{to}");
        }
    }

    #[test]
    fn times_within_the_skew_are_accepted() {
        for to in [
            "2026-03-01T12:00:29Z",
            "2026-03-01T13:00:00+01:00",
            "2026-03-01T11:54:31Z",
            "2026-03-01T12:00:00Z\nExpiration Time: 2026-03-01T11:59:31Z",
            "2026-03-01T12:00:00Z\nNot Before: 2026-03-01T12:00:30Z",
        ] {
            assert!(verify(&message().replace(NOW, to)).is_ok(), "{to}");
        }
    }

    #[test]
    fn what_is_no_message_of_the_standard_is_refused() {
        let lower = address(&key(7)).to_lowercase();
        let checksum = message().replace(&address(&key(7)), &lower);
        let version = message().replace("Version: 1", "Version: 2");
        let trailing = format!("{}\n", message());
        let hidden = message().replacen("\n\nSign in", "\nunseen\nSign in", 1);
        let nonce = |nonce: &str| message().replace("n0nce1234567", nonce);
        let nul = nonce("n0nce\x00234567");
        let accent = nonce("nönce1234567");
        for text in [
            String::new(),
            "hello".into(),
            checksum,
            version,
            trailing,
            hidden,
            nul,
            accent,
        ] {
            assert_eq!(policy().verify(&text, "0x", now()), Err(Rejection::Malformed), "{text}");
        }
    }

    #[test]
    fn a_signature_that_is_not_the_address_owners_is_refused() {
        let text = message();
        let right = sign(&text, &key(7));
        let odd = format!("{}{:02x}", &right[..right.len() - 2], 54);
        for signature in [
            sign(&text, &key(8)),
            "0x".into(),
            format!("0x{}", "00".repeat(65)),
            right.replace("0x", "0xzz"),
            odd,
        ] {
            assert_eq!(
                policy().verify(&text, &signature, now()),
                Err(Rejection::Signature),
                "{signature}"
            );
        }
        let other = text.replace("Sign in to the clinic.", "Sign in to the clinic!");
        assert_eq!(policy().verify(&other, &right, now()), Err(Rejection::Signature));
    }

    #[test]
    fn an_address_is_read_with_its_checksum_or_without_any() {
        let right = address(&key(7));
        let wallet = parse_wallet(&right).unwrap();
        assert_eq!(parse_wallet(&right.to_lowercase()), Some(wallet));
        let flipped: String = right
            .char_indices()
            .map(|(i, c)| {
                if i > 1 && c.is_ascii_uppercase() {
                    c.to_ascii_lowercase()
                } else if i > 1 {
                    c.to_ascii_uppercase()
                } else {
                    c
                }
            })
            .collect();
        assert_eq!(parse_wallet(&flipped), None);
        assert_eq!(parse_wallet("0x12"), None);
        assert_eq!(parse_wallet(right.trim_start_matches("0x")), None);
    }
}
