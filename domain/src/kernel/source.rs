//! What a source calls one of its resources, short and of one size.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a source calls a resource: digests of its kind and id, and of that within which the id is one resource's: its server, or where
/// that is not known, the patient's id there. Two states of one name are states of one thing.
///
/// It is only compared within one patient's record, so that a few bytes are enough. For people it is written as
/// `scope.resource` or `resource`, in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId {
    /// That within which the id is one resource's, as [`Self::of_server`] or [`Self::of_patient`] makes it; unless neither is known, or the id
    /// is nowhere another one's.
    pub scope: Option<[u8; 4]>,
    /// The resource's kind and id.
    pub resource: [u8; 8],
}

/// The bit by which the scope that a patient is differs from that of a server.
const OF_PATIENT: u8 = 0x80;

impl SourceId {
    /// Whether both may name one resource: an id is another resource's on another server.
    pub fn may_be(self, other: Self) -> bool {
        self.resource == other.resource && !self.is_of_another_server(other)
    }

    /// Whether the two are known to be of two servers, or of patients whom their servers call otherwise.
    pub fn is_of_another_server(self, other: Self) -> bool {
        let is_of_patient = |[first, ..]: [u8; 4]| first & OF_PATIENT != 0;
        let scopes = self.scope.zip(other.scope);
        scopes.is_some_and(|(one, two)| one != two && is_of_patient(one) == is_of_patient(two))
    }

    /// The scope that a server is, by a digest of its address.
    pub const fn of_server([a, b, c, d]: [u8; 4]) -> [u8; 4] {
        [a & !OF_PATIENT, b, c, d]
    }

    /// The scope that a patient is, by a digest of their id on a server that is not known.
    pub const fn of_patient([a, b, c, d]: [u8; 4]) -> [u8; 4] {
        [a | OF_PATIENT, b, c, d]
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = self.scope {
            server.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_str(".")?;
        }
        self.resource.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// It is not written as a [`SourceId`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "must be 16 hexadecimal digits, with 8 others and a dot before them where the server is known, or what it calls the patient"
)]
pub struct NoSourceId;

impl FromStr for SourceId {
    type Err = NoSourceId;

    fn from_str(text: &str) -> Result<Self, NoSourceId> {
        let (scope, resource) = match text.split_once('.') {
            Some((scope, resource)) => (Some(bytes(scope)?), resource),
            None => (None, text),
        };
        Ok(Self {
            scope,
            resource: bytes(resource)?,
        })
    }
}

/// So many bytes, written in small hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Result<[u8; N], NoSourceId> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != N.saturating_mul(2) || !text.bytes().all(is_digit) {
        return Err(NoSourceId);
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| NoSourceId)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| NoSourceId)?;
    }
    Ok(bytes)
}

impl Serialize for SourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.scope, self.resource).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        } else {
            let (scope, resource) = Deserialize::deserialize(deserializer)?;
            Ok(Self { scope, resource })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let resource = [1, 2, 3, 4, 5, 6, 7, 0xff];
        for server in [None, Some([0xab, 0, 0, 1])] {
            let id = SourceId {
                scope: server,
                resource,
            };
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(serde_json::from_value::<SourceId>(serde_json::json!(id)).unwrap(), id);
        }
        for wrong in [
            "",
            ".",
            "01",
            "010203040506070G",
            "010203040506070F",
            "ab.01020304050607ff",
        ] {
            assert_eq!(wrong.parse::<SourceId>(), Err(NoSourceId), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_another_ones_on_another_server() {
        let of = |server: Option<u8>, resource: u8| SourceId {
            scope: server.map(|server| [server; 4]),
            resource: [resource; 8],
        };
        assert!(of(None, 1).may_be(of(Some(2), 1)) && of(Some(2), 1).may_be(of(Some(2), 1)));
        let patient = SourceId {
            scope: Some(SourceId::of_patient([2; 4])),
            ..of(None, 1)
        };
        assert!(patient.may_be(of(Some(2), 1)) && patient.may_be(of(None, 1)) && of(Some(2), 1).may_be(patient));
        assert_eq!(SourceId::of_server([0xff; 4]), [0x7f, 0xff, 0xff, 0xff]);
        assert!(!of(Some(3), 1).may_be(of(Some(2), 1)) && !of(None, 1).may_be(of(None, 2)));
    }
}
