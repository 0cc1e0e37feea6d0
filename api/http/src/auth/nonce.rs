//! Nonces that nobody keeps: whoever asks for one fills neither memory nor a table.
//!
//! A nonce says when it ends, and carries a keyed hash of what it says, so every server of the organisation knows it again. Only one that
//! was used, by a valid signature, is remembered, until it ends.

use application::ports::secrets::{NoRandomness, Secrets};
use chrono::{DateTime, Utc};

/// How many characters say when it ends, and how many are the hash.
const END: usize = 12;
const HASH: usize = 32;

/// A nonce that ends at an instant. EIP-4361 allows letters and digits only.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn make(secrets: &dyn Secrets, ends: DateTime<Utc>) -> Result<String, NoRandomness> {
    let mut said: String = secrets.token()?.chars().filter(char::is_ascii_alphanumeric).collect();
    said.push_str(&format!("{:0END$x}", ends.timestamp_millis()));
    let hash = hash(secrets, &said);
    Ok(said + &hash)
}

/// When a nonce ends; `None` if it is none of ours, or has ended.
pub(crate) fn end(secrets: &dyn Secrets, nonce: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (said, claimed) = nonce.split_at_checked(nonce.len().checked_sub(HASH)?)?;
    let (_, end) = said.split_at_checked(said.len().checked_sub(END)?)?;
    // Without a branch per character: how long the answer takes says nothing about how much of a forged hash is right.
    let difference = hash(secrets, said)
        .bytes()
        .zip(claimed.bytes())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    let end = DateTime::from_timestamp_millis(i64::from_str_radix(end, 16).ok()?)?;
    (difference == 0 && now < end).then_some(end)
}

fn hash(secrets: &dyn Secrets, said: &str) -> String {
    let mut hash = hex::encode(secrets.fingerprint(&[b"sign-in nonce", said.as_bytes()]));
    hash.truncate(HASH);
    hash
}

#[cfg(test)]
mod tests {
    use infrastructure::keys::MasterSecret;
    use infrastructure::secrets::SystemSecrets;

    use super::*;

    #[test]
    fn a_nonce_is_known_again_until_it_ends_and_by_who_has_the_secret_alone() {
        let secrets = |secret| SystemSecrets::new(&MasterSecret::new([secret; 32]));
        let (ours, theirs) = (secrets(1), secrets(2));
        let now = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let later = now + chrono::TimeDelta::minutes(5);
        let nonce = make(&ours, later).unwrap();
        assert!(nonce.chars().all(|c| c.is_ascii_alphanumeric()), "{nonce}");
        assert_ne!(nonce, make(&ours, later).unwrap());
        assert_eq!(end(&secrets(1), &nonce, now), Some(later));
        assert_eq!(end(&ours, &nonce, later), None);
        assert_eq!(end(&theirs, &nonce, now), None);
        for at in 0..nonce.len() {
            let mut altered = nonce.clone();
            let other = if &nonce[at..=at] == "0" { "1" } else { "0" };
            altered.replace_range(at..=at, other);
            assert_eq!(end(&ours, &altered, now), None, "{at}");
        }
        for text in ["", "0", "é", &nonce[1..], &"0".repeat(44)] {
            assert_eq!(end(&ours, text, now), None, "{text}");
        }
    }
}
