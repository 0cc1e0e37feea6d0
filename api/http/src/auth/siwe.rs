//! Sign-In with Ethereum (EIP-4361), strictly.
//!
//! The `signinwithethereum` crate parses messages; what they say is compared here, every field, and the message must be, byte
//! for byte, what its fields say: so nothing that a wallet showed to its owner can differ from what is checked. What the
//! standard lets a wallet write one way or another is taken either way: an address with its checksum or in one case, a scheme
//! before the domain or none, a URI with or without the slash of its empty path. Resources and a request id are the wallet's
//! business: they are read and mean nothing here.
//!
//! Signatures are those of externally owned accounts ([`super::signature`]); contract wallets (ERC-1271) cannot sign in yet.
//!
//! The nonce's use is not checked here: it is consumed in the store after everything else holds.

use std::time::Duration;

use api_wire::wallet_address::{is_address, parse_wallet};
use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::Wallet;
use signinwithethereum::{Message, TimeStamp};

use super::signature::{Unreadable, signer};

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
    /// What the message states.
    pub statement: Option<String>,
}

/// Why a sign-in is refused. Each says what the caller knows already, and what a message must say instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// No message of this standard.
    #[error(
        "The message is no EIP-4361 message. It consists of printable ASCII in lines that a line feed alone ends, in the \
         standard's order, with version 1, the nonce as it was given, and nothing after the last field."
    )]
    Malformed,
    /// More than is kept with a session.
    #[error("The message is longer than 2000 bytes.")]
    TooLong,
    /// An address that was mistyped.
    #[error("The message's address has a wrong checksum: write it as EIP-55 says, or all its letters in one case.")]
    Checksum,
    /// For somebody else.
    #[error("The message is for another domain. It must name the `domain` that POST /v1/auth/nonce answers.")]
    Domain,
    /// For another protocol.
    #[error(
        "The message names another scheme before its domain than that of the `uri` that POST /v1/auth/nonce answers."
    )]
    Scheme,
    /// For somewhere else.
    #[error("The message is for another URI. It must name the `uri` that POST /v1/auth/nonce answers.")]
    Uri,
    /// For another chain.
    #[error("The message is for another chain. It must name the `chainId` that POST /v1/auth/nonce answers.")]
    Chain,
    /// Too old or from the future.
    #[error(
        "The message was not issued just now, by this server's clock. Take the `issuedAt` that POST /v1/auth/nonce answers."
    )]
    IssuedAt,
    /// Expired.
    #[error("The message has expired: its Expiration Time is past.")]
    Expired,
    /// Not valid yet.
    #[error("The message is not valid yet: its Not Before is to come.")]
    NotBefore,
    /// No signature.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Signed by somebody else, or something else was signed.
    #[error(
        "The signature is not that of the message's address over this very message. Contract wallets (ERC-1271) cannot sign \
         in."
    )]
    Signature,
    /// Signed for something else than signing in.
    #[error("The message's statement is about something else than signing in.")]
    Statement,
    /// Unknown, expired or used.
    #[error("The nonce is unknown, expired or used. POST /v1/auth/nonce gives another.")]
    Nonce,
}

impl SignInPolicy {
    /// Checks everything about a signed message but the use of its nonce.
    ///
    /// # Errors
    /// [`Rejection`], never `Nonce`.
    pub fn verify(&self, text: &str, signature: &str, now: DateTime<Utc>) -> Result<Verified, Rejection> {
        let message = read(text)?;
        if !message.domain.as_str().eq_ignore_ascii_case(&self.domain) {
            return Err(Rejection::Domain);
        }
        let scheme = self.uri.split("://").next().unwrap_or_default();
        if message
            .scheme
            .as_ref()
            .is_some_and(|named| !named.eq_ignore_ascii_case(scheme))
        {
            return Err(Rejection::Scheme);
        }
        // It has no path (RFC 3986, 6.2.3): what is left is the same in any case.
        let uri = message.uri.as_str();
        if !uri.strip_suffix('/').unwrap_or(uri).eq_ignore_ascii_case(&self.uri) {
            return Err(Rejection::Uri);
        }
        if message.chain_id != self.chain_id {
            return Err(Rejection::Chain);
        }
        self.check_times(&message, now)?;
        let wallet = Wallet(message.address);
        if signer(text, signature)? != wallet {
            return Err(Rejection::Signature);
        }
        Ok(Verified {
            wallet,
            nonce: message.nonce,
            statement: message.statement,
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

/// Reads a message that says, byte for byte, what its fields say.
fn read(text: &str) -> Result<Message, Rejection> {
    let address = text.lines().nth(1).unwrap_or_default();
    if is_address(address) && parse_wallet(address).is_none() {
        return Err(Rejection::Checksum);
    }
    let message: Message = text.parse().map_err(|_| Rejection::Malformed)?;
    let written = message.to_string();
    // The standard allows an empty list; the crate does not write it.
    let rest = text.strip_prefix(&written).ok_or(Rejection::Malformed)?;
    let printable = text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~'));
    if !printable || !matches!(rest, "" | "\nResources:") {
        return Err(Rejection::Malformed);
    }
    Ok(message)
}

fn instant(stamp: &TimeStamp) -> Option<DateTime<Utc>> {
    let at = stamp.as_ref();
    DateTime::from_timestamp(at.unix_timestamp(), at.nanosecond())
}

/// The wallet that a message names. It proves nothing.
pub fn named(message: &str) -> Option<Wallet> {
    message.lines().nth(1).and_then(parse_wallet)
}

#[cfg(test)]
mod tests {
    use api_wire::dto::SignIn;
    use api_wire::wallet_address::checksummed;
    use k256::ecdsa::SigningKey;
    use signinwithethereum::eip55;
    use utoipa::PartialSchema as _;

    use super::*;
    use domain::kernel::typed_data::keccak256;

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
        let point = key.verifying_key().to_encoded_point(false);
        let hash = keccak256(&point.as_bytes()[1..]);
        eip55(hash[12..].try_into().unwrap())
    }

    fn message() -> String {
        format!(
            "clinic.example wants you to sign in with your Ethereum account:\n{}\n\nSign in to the clinic.\n\n\
             URI: https://clinic.example\nVersion: 1\nChain ID: 31337\nNonce: n0nce1234567\nIssued At: {NOW}",
            address(&key(7))
        )
    }

    fn sign(text: &str, key: &SigningKey) -> String {
        let signed = format!("\x19Ethereum Signed Message:\n{}{text}", text.len());
        let (signature, recovery) = key.sign_prehash_recoverable(&keccak256(signed.as_bytes())).unwrap();
        format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + recovery.to_byte())
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
    fn the_example_of_a_sign_in_is_one() {
        let schema = serde_json::to_value(SignIn::schema()).unwrap();
        let example = |member: &str| schema["properties"][member]["example"].as_str().unwrap().to_owned();
        let policy = SignInPolicy {
            chain_id: 1337,
            skew: Duration::ZERO,
            lifetime: Duration::ZERO,
            ..policy()
        };
        let verified = policy.verify(
            &example("message"),
            &example("signature"),
            "2026-03-01T08:00:00Z".parse().unwrap(),
        );
        assert_eq!(
            verified.map(|verified| verified.nonce).as_deref(),
            Ok("x7pV2mQ9sLr4Tn8Wc3Zk")
        );
    }

    #[test]
    fn a_message_with_one_wrong_field_is_refused() {
        for (from, to, rejection) in [
            ("clinic.example wants", "evil.example wants", Rejection::Domain),
            ("clinic.example wants", "clinic.example:8443 wants", Rejection::Domain),
            ("clinic.example wants", "ada@clinic.example wants", Rejection::Domain),
            ("clinic.example wants", "https://evil.example wants", Rejection::Domain),
            ("clinic.example wants", "http://clinic.example wants", Rejection::Scheme),
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
            (
                "URI: https://clinic.example",
                "URI: http://clinic.example",
                Rejection::Uri,
            ),
            (
                "URI: https://clinic.example",
                "URI: https://clinic.example//",
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
    fn what_the_standard_leaves_to_the_wallet_is_accepted_either_way() {
        let address = address(&key(7));
        let lower = address.to_lowercase();
        let upper = format!("0x{}", lower[2..].to_uppercase());
        for (from, to) in [
            (address.as_str(), lower.as_str()),
            (&address, &upper),
            ("clinic.example wants", "https://clinic.example wants"),
            ("clinic.example wants", "HTTPS://Clinic.Example wants"),
            ("URI: https://clinic.example", "URI: https://clinic.example/"),
            ("URI: https://clinic.example", "URI: HTTPS://CLINIC.example"),
            ("Sign in to the clinic.\n\n", "\n"),
            (NOW, "2026-03-01T12:00:00.123456789Z\nRequest ID: 4711"),
            (NOW, "2026-03-01T12:00:00Z\nRequest ID: "),
            (NOW, "2026-03-01T12:00:00Z\nResources:"),
            (
                NOW,
                "2026-03-01T12:00:00Z\nResources:\n- https://clinic.example/terms\n- ipfs://bafy",
            ),
            (
                NOW,
                "2026-03-01T12:00:00Z\nExpiration Time: 2026-03-01T12:05:00Z\nNot Before: 2026-03-01T12:00:00Z\n\
                 Request ID: 1\nResources:\n- did:example:1",
            ),
        ] {
            let text = message().replace(from, to);
            assert_ne!(text, message());
            assert_eq!(
                verify(&text).map(|verified| checksummed(&verified.wallet)),
                Ok(address.clone()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_message_of_the_standard_is_refused() {
        let replaced = |from: &str, to: &str| message().replacen(from, to, 1);
        for text in [
            String::new(),
            "hello".into(),
            replaced("Version: 1", "Version: 2"),
            format!("{}\n", message()),
            format!("{}\nResources:\n", message()),
            format!("{}\nResources:\nhttps://clinic.example", message()),
            format!("{}\nRequest ID: a\tb", message()),
            format!("{}\nRequest ID: \u{202e}b", message()),
            format!("{}\nRequest ID: 1\nExpiration Time: 2027-01-01T00:00:00Z", message()),
            message().replace('\n', "\r\n"),
            replaced("\n\nSign in", "\nunseen\nSign in"),
            replaced("clinic.\n\n", "clinic.\nunseen\n"),
            replaced("Sign in", "Sígn in"),
            replaced("31337", "031337"),
            replaced("31337", "0x7a69"),
            replaced("n0nce1234567", "short"),
            replaced("n0nce1234567", "n0nce\x00234567"),
            replaced("n0nce1234567", "nönce1234567"),
            replaced(NOW, "1 March 2026"),
            replaced("clinic.example wants", "://clinic.example wants"),
            replaced(&address(&key(7)), "vitalik.eth"),
        ] {
            assert_ne!(text, message());
            assert_eq!(verify(&text), Err(Rejection::Malformed), "{text}");
        }
    }

    #[test]
    fn an_address_that_was_mistyped_is_told_from_a_message_that_is_none() {
        let address = address(&key(7));
        let last = address.len() - 1;
        let other = if address.ends_with('0') { "1" } else { "0" };
        let mistyped = format!("{}{other}", &address[..last]);
        assert_eq!(
            verify(&message().replace(&address, &mistyped)),
            Err(Rejection::Checksum)
        );
    }

    #[test]
    fn a_signature_that_is_not_the_address_owners_is_refused() {
        let text = message();
        let right = sign(&text, &key(7));
        let verify = |text: &str, signature: &str| policy().verify(text, signature, now());
        assert_eq!(verify(&text, &sign(&text, &key(8))), Err(Rejection::Signature));
        let other = text.replace("Sign in to the clinic.", "Sign in to the clinic!");
        assert_eq!(verify(&other, &right), Err(Rejection::Signature));
        // An address in another case is another text, which was not signed.
        let lower = text.replace(&address(&key(7)), &address(&key(7)).to_lowercase());
        assert_eq!(verify(&lower, &right), Err(Rejection::Signature));
        assert_eq!(verify(&text, "0x"), Err(Unreadable::Length.into()));
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
        assert_eq!(parse_wallet(&right.to_lowercase().replace("0x", "0x0x")), None);
        assert_eq!(parse_wallet(right.trim_start_matches("0x")), None);
    }
}
