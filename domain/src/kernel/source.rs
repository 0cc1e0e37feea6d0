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

    /// Whether both are certainly two resources: of one server, or of a patient whom it calls so, with two ids; or of two servers.
    pub fn is_beside(self, other: Self) -> bool {
        let is_of_one = self.scope.is_some() && self.scope == other.scope;
        (is_of_one && self.resource != other.resource)
            || (self.is_of_server() && other.is_of_server() && self.is_of_another_server(other))
    }

    fn is_of_server(self) -> bool {
        self.scope.is_some_and(|[first, ..]| first & OF_PATIENT == 0)
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

/// The resources that tell one thing: each once, and last the one that told it last.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(Vec<SourceId>);

impl Sources {
    /// How many are known at most. The ones that told it longest ago are forgotten first.
    pub const MOST: usize = 8;

    /// Of these, in order.
    pub fn new(sources: impl IntoIterator<Item = SourceId>) -> Self {
        let all = sources.into_iter();
        all.fold(Self::default(), |known, source| known.with(Some(source)))
    }

    /// They, in order.
    pub fn list(&self) -> &[SourceId] {
        &self.0
    }

    /// The one that told it last.
    pub fn last(&self) -> Option<SourceId> {
        self.0.last().copied()
    }

    /// Whether a resource may be one of them. `None` when that is not told of one or the other.
    pub fn have(&self, source: Option<SourceId>) -> Option<bool> {
        let source = source.filter(|_| !self.0.is_empty())?;
        Some(self.0.iter().any(|known| known.may_be(source)))
    }

    /// Whether another resource than one of them is certainly another thing.
    pub fn have_beside(&self, source: Option<SourceId>) -> bool {
        source.is_some_and(|source| self.0.iter().any(|known| known.is_beside(source)))
    }

    /// With one that tells it now.
    #[must_use]
    pub fn with(self, source: Option<SourceId>) -> Self {
        let mut all = self.without(source);
        all.0.extend(source);
        let surplus = all.0.len().saturating_sub(Self::MOST);
        all.0.drain(..surplus);
        all
    }

    /// Without one that tells it no longer.
    #[must_use]
    pub fn without(mut self, source: Option<SourceId>) -> Self {
        if let Some(source) = source {
            self.0.retain(|known| !known.may_be(source));
        }
        self
    }
}

impl From<Option<SourceId>> for Sources {
    fn from(source: Option<SourceId>) -> Self {
        Self::new(source)
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
    fn so_many_sources_are_known_and_each_once() {
        let of = |resource: u8| SourceId {
            scope: None,
            resource: [resource; 8],
        };
        let all = Sources::new((0..20).map(of));
        assert_eq!(all.list(), (12..20).map(of).collect::<Vec<_>>());
        assert_eq!(
            (all.have(Some(of(12))), all.have(Some(of(1))), all.have(None)),
            (Some(true), Some(false), None)
        );
        assert_eq!(Sources::default().have(Some(of(1))), None);
        let again = all.with(Some(of(12)));
        assert_eq!((again.list().len(), again.last()), (Sources::MOST, Some(of(12))));
        assert_eq!(again.without(Some(of(12))).last(), Some(of(19)));
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
