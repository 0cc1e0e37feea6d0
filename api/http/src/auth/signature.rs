//! Whose signature a signed text carries (EIP-191), for externally owned accounts.
//!
//! A signature is read in every form that wallets give it: 65 bytes whose last one is 27 or 28, or 0 or 1; the 64 bytes of
//! EIP-2098; and with the higher of the two values that `s` may have. One key makes all of them, so they prove the same.

use domain::kernel::Wallet;
use domain::kernel::typed_data::keccak256;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

/// Why a text is no signature. It says how one must look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not hexadecimal.
    #[error("The signature is not hexadecimal: it must be `0x` and an even number of hexadecimal digits.")]
    Digits,
    /// Of another length. Those of contract wallets (ERC-1271, ERC-6492) have any.
    #[error(
        "The signature must have 65 bytes, or 64 in the compact form of EIP-2098. Contract wallets (ERC-1271, ERC-6492) \
         cannot sign in."
    )]
    Length,
    /// With a recovery id that there is not.
    #[error("The signature's last byte must be 27 or 28, or 0 or 1.")]
    RecoveryId,
    /// Of two numbers that no key makes.
    #[error("The signature is none of the curve secp256k1.")]
    Numbers,
}

/// Who signed a text. Of another text's signature that is somebody else.
///
/// # Errors
/// [`Unreadable`] when it is the signature of nobody.
pub(super) fn signer(text: &str, signature: &str) -> Result<Wallet, Unreadable> {
    let (signature, odd) = read(signature)?;
    let (signature, odd) = match signature.normalize_s() {
        Some(lower) => (lower, !odd),
        None => (signature, odd),
    };
    let signed = format!("\x19Ethereum Signed Message:\n{}{text}", text.len());
    let hash = keccak256(signed.as_bytes());
    let key = VerifyingKey::recover_from_prehash(&hash, &signature, RecoveryId::new(odd, false));
    key.ok().as_ref().and_then(address).ok_or(Unreadable::Numbers)
}

/// The two numbers, and whether the point that they come from has an odd ordinate.
fn read(signature: &str) -> Result<(Signature, bool), Unreadable> {
    let digits = signature.strip_prefix("0x").unwrap_or(signature);
    // The decoder takes a prefix of its own.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Unreadable::Digits);
    }
    let bytes = hex::decode(digits).map_err(|_| Unreadable::Digits)?;
    let (numbers, odd) = match <[u8; 65]>::try_from(bytes.as_slice()) {
        Ok([numbers @ .., 0 | 27]) => (numbers, false),
        Ok([numbers @ .., 1 | 28]) => (numbers, true),
        Ok(_) => return Err(Unreadable::RecoveryId),
        Err(_) => compact(&bytes)?,
    };
    let signature = Signature::from_slice(&numbers).map_err(|_| Unreadable::Numbers)?;
    Ok((signature, odd))
}

/// EIP-2098: the lower `s` leaves its highest bit free, and the parity stands there.
fn compact(bytes: &[u8]) -> Result<([u8; 64], bool), Unreadable> {
    let mut numbers = <[u8; 64]>::try_from(bytes).map_err(|_| Unreadable::Length)?;
    let [_, s] = numbers.as_chunks_mut::<32>().0 else {
        return Err(Unreadable::Length);
    };
    let odd = s[0] & 0x80 != 0;
    s[0] &= 0x7f;
    Ok((numbers, odd))
}

/// The last 20 bytes of the hash of a public key.
fn address(key: &VerifyingKey) -> Option<Wallet> {
    let point = key.to_encoded_point(false);
    let coordinates = point.as_bytes().get(1..)?;
    keccak256(coordinates).last_chunk().copied().map(Wallet)
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;
    use proptest::prelude::*;

    use super::*;

    /// A key's signature of a text, without the last byte, and its parity.
    fn sign(text: &str, key: &SigningKey) -> (Signature, bool) {
        let signed = format!("\x19Ethereum Signed Message:\n{}{text}", text.len());
        let (signature, recovery) = key.sign_prehash_recoverable(&keccak256(signed.as_bytes())).unwrap();
        (signature, recovery.is_y_odd())
    }

    fn with_last_byte(signature: &Signature, last: u8) -> String {
        format!("0x{}{last:02x}", hex::encode(signature.to_bytes()))
    }

    /// With the other `s`: wallets avoid it, and it is the same key's.
    fn higher(signature: &Signature) -> Signature {
        let (r, s) = signature.split_scalars();
        Signature::from_scalars(r, -*s).unwrap()
    }

    proptest! {
        #[test]
        fn every_form_of_a_signature_names_its_signer(seed in 1_u8..255, text in ".{0,80}") {
            let key = SigningKey::from_bytes(&[seed; 32].into()).unwrap();
            let wallet = address(key.verifying_key()).unwrap();
            let (signature, odd) = sign(&text, &key);
            let mut compact = signature.to_bytes();
            compact[32] |= u8::from(odd) << 7;
            for form in [
                with_last_byte(&signature, 27 + u8::from(odd)),
                with_last_byte(&signature, u8::from(odd)),
                with_last_byte(&higher(&signature), 27 + u8::from(!odd)),
                with_last_byte(&signature, u8::from(odd)).replacen("0x", "", 1).to_uppercase(),
                format!("0x{}", hex::encode(compact)),
            ] {
                prop_assert_eq!(signer(&text, &form), Ok(wallet), "{}", form);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,10}", signature in "(0x)?[0-9a-f]{0,140}|.{0,20}") {
            let _ = signer(&text, &signature);
        }
    }

    #[test]
    fn a_signature_of_another_text_is_somebody_elses() {
        let key = SigningKey::from_bytes(&[7; 32].into()).unwrap();
        let (signature, odd) = sign("one", &key);
        let signature = with_last_byte(&signature, 27 + u8::from(odd));
        assert_ne!(signer("another", &signature), Ok(address(key.verifying_key()).unwrap()));
    }

    #[test]
    fn what_is_no_signature_is_told_how_one_looks() {
        let right = with_last_byte(&sign("", &SigningKey::from_bytes(&[7; 32].into()).unwrap()).0, 27);
        for (wrong, why) in [
            (right.replace("0x", "0xzz"), Unreadable::Digits),
            (right.replace("0x", "0X"), Unreadable::Digits),
            (right.replace("0x", "0x0x"), Unreadable::Digits),
            ("0x0".to_owned(), Unreadable::Digits),
            (String::new(), Unreadable::Length),
            ("0x".to_owned(), Unreadable::Length),
            (format!("{right}00"), Unreadable::Length),
            (format!("0x{}", "11".repeat(63)), Unreadable::Length),
            (right.trim_end_matches("1b").to_owned() + "36", Unreadable::RecoveryId),
            (format!("0x{}", "00".repeat(65)), Unreadable::Numbers),
            (format!("0x{}", "ff".repeat(64)), Unreadable::Numbers),
        ] {
            assert_eq!(signer("", &wrong), Err(why), "{wrong}");
        }
    }
}
