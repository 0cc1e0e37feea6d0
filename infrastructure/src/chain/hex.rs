//! The hexadecimal texts of JSON-RPC, read from borrowed JSON without a copy.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The digits after `0x`.
pub(super) fn digits(text: &str) -> Option<&str> {
    text.strip_prefix("0x")
}

/// Exactly `N` bytes.
pub(super) fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = digits(text)?;
    let mut bytes = [0; N];
    (digits.len() == 2 * N && ::hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some(bytes)
}

/// Any number of bytes.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    ::hex::decode(digits(text)?).ok()
}

/// Digits, without `0x`, into a slice of exactly half their length.
pub(super) fn decode_into(digits: &str, into: &mut [u8]) -> Option<()> {
    (digits.len() == 2 * into.len() && ::hex::decode_to_slice(digits, into).is_ok()).then_some(())
}

/// Bytes as text with `0x`.
pub(super) fn encode(bytes: &[u8]) -> String {
    ::hex::encode_prefixed(bytes)
}

/// Reads a text without keeping it.
pub(super) fn visit<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Text<T, F>(&'static str, F, PhantomData<T>);
    impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Text<T, F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).ok_or_else(|| E::invalid_value(Unexpected::Other("a text"), &self.0))
        }
    }
    deserializer.deserialize_str(Text(expected, read, PhantomData))
}

/// A number, as `0x1f`. Saturates beyond 128 bits, which only the balances of development chains reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Quantity(pub(super) u128);

impl Quantity {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = digits(text)?;
        match digits.len() {
            1..=64 if digits.bytes().all(|c| c.is_ascii_hexdigit()) => {
                let significant = digits.trim_start_matches('0');
                Some(Self(match significant.len() {
                    0 => 0,
                    1..=32 => u128::from_str_radix(significant, 16).ok()?,
                    _ => u128::MAX,
                }))
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        visit(deserializer, "a hexadecimal number", Self::parse)
    }
}

/// A number of at most 64 bits, as `0x1f`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Number(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Quantity(number) = Quantity::deserialize(deserializer)?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| D::Error::custom("a number beyond 64 bits"))
    }
}

/// A number that some nodes tell as [`Number`], some in another form, and some not at all: then nothing is told. Zero tells nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Told(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Told;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a hexadecimal number, or nothing")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Told, E> {
                let number = Quantity::parse(text).and_then(|quantity| u64::try_from(quantity.0).ok());
                Ok(Told(number.filter(|number| *number > 0)))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Told, E> {
                Ok(Told(None))
            }

            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Told, E> {
                Ok(Told(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#x}", self.0))
    }
}

/// Exactly `N` bytes, as `0x…`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fixed<const N: usize>(pub(super) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        visit(deserializer, "bytes of a fixed length in hexadecimal", |text| {
            fixed(text).map(Self)
        })
    }
}

/// Any number of bytes, as `0x…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Data(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        visit(deserializer, "bytes in hexadecimal", |text| bytes(text).map(Self))
    }
}

/// Borrowed bytes, written as `0x…`.
pub(super) struct AsHex<'a>(pub(super) &'a [u8]);

impl Serialize for AsHex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_strictly() {
        for (text, number) in [
            ("0x0", Some(0)),
            ("0x1F", Some(31)),
            ("0x001", Some(1)),
            ("1f", None),
            ("0x", None),
            ("0x+1", None),
        ] {
            assert_eq!(Quantity::parse(text).map(|quantity| quantity.0), number, "{text}");
        }
        assert_eq!(
            Quantity::parse(&format!("0x{}", "f".repeat(64))),
            Some(Quantity(u128::MAX))
        );
        assert_eq!(Quantity::parse(&format!("0x{}", "f".repeat(65))), None);
        assert!(serde_json::from_str::<Number>("\"0x10000000000000000\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(0x)?\\PC{0,40}") {
            let _ = (fixed::<4>(&text), bytes(&text), Quantity::parse(&text));
        }

        #[test]
        fn bytes_read_back(raw in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(bytes(&encode(&raw)), Some(raw));
        }
    }
}
