//! What a source calls one of its resources, short and of one size.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::time::Millis;

/// What a source calls a resource: digests of its kind and id, and of that within which the id is one resource's: its server, and the
/// patient's id there. Two states of one name are states of one thing.
///
/// It is only compared within one patient's record, so that a few bytes are enough. For people it is written as `server.patient.resource`,
/// without what is not known, in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SourceId {
    /// The server, if it is known, as [`Self::of_server`] makes it; unless the id is nowhere another one's.
    pub server: Option<[u8; 4]>,
    /// What the source calls the patient, if it is known, as [`Self::of_patient`] makes it; unless the id is nowhere another one's.
    pub patient: Option<[u8; 4]>,
    /// The resource's kind and id.
    pub resource: [u8; 8],
}

/// The bit by which what names a patient differs from what names a server.
const OF_PATIENT: u8 = 0x80;

impl SourceId {
    /// Whether both may name one resource: an id is another resource's on another server, and where a server is not told, on one that calls
    /// the patient otherwise.
    pub fn may_be(self, other: Self) -> bool {
        self.resource == other.resource && !self.is_elsewhere(other)
    }

    /// Whether both name one resource for sure: as much is told of both as tells that.
    pub fn is_certainly(self, other: Self) -> bool {
        let is_one_server = self.server.is_some() && self.server == other.server;
        self == other || (self.resource == other.resource && is_one_server)
    }

    /// Whether the two are known to be of two servers, or of servers that call the patient otherwise.
    pub fn is_elsewhere(self, other: Self) -> bool {
        match self.server.zip(other.server) {
            Some((one, two)) => one != two,
            None => self.patient.zip(other.patient).is_some_and(|(one, two)| one != two),
        }
    }

    /// Whether both are certainly two resources: of one server, or of a patient whom it calls so, with two ids; or of two servers.
    pub fn is_beside(self, other: Self) -> bool {
        let is_other_id = self.resource != other.resource;
        match (self.server.zip(other.server), self.patient.zip(other.patient)) {
            (Some((one, two)), _) => one != two || is_other_id,
            (None, Some((one, two))) => one == two && is_other_id,
            (None, None) => false,
        }
    }

    /// With what another name of the same resource tells beside.
    #[must_use]
    pub fn completed_by(self, other: Self) -> Self {
        Self {
            server: self.server.or(other.server),
            patient: self.patient.or(other.patient),
            ..self
        }
    }

    /// A server, by a digest of its address.
    pub const fn of_server([a, b, c, d]: [u8; 4]) -> [u8; 4] {
        [a & !OF_PATIENT, b, c, d]
    }

    /// A patient, by a digest of their id on their server.
    pub const fn of_patient([a, b, c, d]: [u8; 4]) -> [u8; 4] {
        [a | OF_PATIENT, b, c, d]
    }
}

/// The resources that tell one thing: each once, and last the one that told it last. What they tell has the date of that one; as of when
/// each of the others told it is kept here, if that is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Sources {
    all: Vec<SourceId>,
    dates: BTreeMap<SourceId, Millis>,
}

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
        &self.all
    }

    /// The one that told it last.
    pub fn last(&self) -> Option<SourceId> {
        self.all.last().copied()
    }

    /// Whether a resource may be one of them. `None` when that is not told of one or the other.
    pub fn have(&self, source: Option<SourceId>) -> Option<bool> {
        let source = source.filter(|_| !self.all.is_empty())?;
        Some(self.all.iter().any(|known| known.may_be(source)))
    }

    /// Whether a resource is certainly one of them.
    pub fn have_certainly(&self, source: Option<SourceId>) -> bool {
        source.is_some_and(|source| self.all.iter().any(|known| known.is_certainly(source)))
    }

    /// Whether another resource than one of them is certainly another thing.
    pub fn have_beside(&self, source: Option<SourceId>) -> bool {
        source.is_some_and(|source| self.all.iter().any(|known| known.is_beside(source)))
    }

    /// A resource with what is known of where it stands, if it may be one of them.
    pub fn completed(&self, source: SourceId) -> SourceId {
        let known = self.all.iter().filter(|known| known.may_be(source));
        known.fold(source, |source, known| source.completed_by(*known))
    }

    /// As of when one told it that another has told it since, if that is known.
    pub fn told_as_of(&self, source: SourceId) -> Option<DateTime<Utc>> {
        let told = self.dates.iter().find(|(known, _)| known.may_be(source));
        told.map(|(_, told)| told.0)
    }

    /// With one that tells it now. What was known of where it stands stays known.
    #[must_use]
    pub fn with(self, source: Option<SourceId>) -> Self {
        let Some(source) = source else { return self };
        let source = self.completed(source);
        let mut known = self.without(Some(source));
        known.all.push(source);
        known.limited()
    }

    /// With one that told it before the others, or told it once more: as of then, if that is told.
    #[must_use]
    pub fn with_earlier(mut self, source: SourceId, told: Option<DateTime<Utc>>) -> Self {
        let source = self.completed(source);
        if self.have(Some(source)) != Some(true) {
            self.all.insert(0, source);
        }
        if let Some(told) = told {
            self.dates.retain(|known, _| !known.may_be(source));
            self.dates.insert(source, Millis(told));
        }
        self.limited()
    }

    /// Without one that tells it no longer.
    #[must_use]
    pub fn without(mut self, source: Option<SourceId>) -> Self {
        if let Some(source) = source {
            self.all.retain(|known| !known.may_be(source));
            self.dates.retain(|known, _| !known.may_be(source));
        }
        self
    }

    /// No more than are known at most.
    fn limited(mut self) -> Self {
        let surplus = self.all.len().saturating_sub(Self::MOST);
        self.all.drain(..surplus);
        let all = &self.all;
        self.dates
            .retain(|dated, _| all.iter().any(|known| known.may_be(*dated)));
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
        for scope in self.server.iter().chain(&self.patient) {
            write!(f, "{}.", hex::encode(scope))?;
        }
        f.write_str(&hex::encode(self.resource))
    }
}

/// It is not written as a [`SourceId`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "must be 16 hexadecimal digits, with 8 others and a dot before them for the server (the first of them 0 to 7), and 8 others and a dot for the patient (the first of them 8 to f), where these are known"
)]
pub struct NoSourceId;

impl FromStr for SourceId {
    type Err = NoSourceId;

    fn from_str(text: &str) -> Result<Self, NoSourceId> {
        let mut parts = text.rsplit('.');
        let mut id = Self {
            resource: bytes(parts.next().unwrap_or_default())?,
            ..Self::default()
        };
        for scope in parts {
            let scope: [u8; 4] = bytes(scope)?;
            // From the end: the patient, if there is one, comes before the server.
            match (scope[0] & OF_PATIENT != 0, id.server, id.patient) {
                (true, None, None) => id.patient = Some(scope),
                (false, None, _) => id.server = Some(scope),
                _ => return Err(NoSourceId),
            }
        }
        Ok(id)
    }
}

/// So many bytes, written in small hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Result<[u8; N], NoSourceId> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != N.saturating_mul(2) || !text.bytes().all(is_digit) {
        return Err(NoSourceId);
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NoSourceId)?;
    Ok(bytes)
}

impl Serialize for SourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.server, self.patient, self.resource).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        } else {
            let (server, patient, resource) = Deserialize::deserialize(deserializer)?;
            Ok(Self {
                server,
                patient,
                resource,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(server: Option<u8>, patient: Option<u8>, resource: u8) -> SourceId {
        SourceId {
            server: server.map(|server| SourceId::of_server([server; 4])),
            patient: patient.map(|patient| SourceId::of_patient([patient; 4])),
            resource: [resource; 8],
        }
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        for server in [None, Some(0x3b)] {
            for patient in [None, Some(1)] {
                let id = of(server, patient, 0xff);
                assert_eq!(id.to_string().parse(), Ok(id));
                assert_eq!(serde_json::from_value::<SourceId>(serde_json::json!(id)).unwrap(), id);
                let bytes = postcard::to_stdvec(&id).unwrap();
                assert_eq!(postcard::from_bytes(&bytes), Ok(id));
            }
        }
        for wrong in [
            "",
            ".",
            "01",
            "010203040506070G",
            "010203040506070F",
            "ab.01020304050607ff",
            "01010101.01010101.01020304050607ff",
            "81010101.81010101.01020304050607ff",
            "81010101.01010101.01020304050607ff",
            "01010101.01010101.81010101.01020304050607ff",
        ] {
            assert_eq!(wrong.parse::<SourceId>(), Err(NoSourceId), "{wrong}");
        }
    }

    #[test]
    fn so_many_sources_are_known_and_each_once() {
        let of = |resource: u8| of(None, None, resource);
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
        for (one, two, may_be) in [
            (of(None, None, 1), of(Some(2), Some(5), 1), true),
            (of(Some(2), None, 1), of(Some(2), Some(5), 1), true),
            (of(None, Some(5), 1), of(Some(2), Some(5), 1), true),
            // A server may call a patient otherwise from now on.
            (of(Some(2), Some(6), 1), of(Some(2), Some(5), 1), true),
            (of(Some(3), Some(5), 1), of(Some(2), Some(5), 1), false),
            (of(None, Some(6), 1), of(Some(2), Some(5), 1), false),
            (of(None, Some(6), 1), of(None, Some(5), 1), false),
            (of(None, None, 1), of(None, None, 2), false),
        ] {
            assert_eq!((one.may_be(two), two.may_be(one)), (may_be, may_be), "{one} {two}");
        }
        assert_eq!(SourceId::of_server([0xff; 4]), [0x7f, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn two_ids_are_two_resources_only_where_one_server_or_patient_is_told() {
        for (one, two, is_beside) in [
            (of(Some(2), None, 1), of(Some(2), None, 2), true),
            (of(Some(2), None, 1), of(Some(3), None, 1), true),
            (of(None, Some(5), 1), of(Some(2), Some(5), 2), true),
            (of(None, Some(6), 1), of(Some(2), Some(5), 2), false),
            (of(None, None, 1), of(None, None, 2), false),
            (of(Some(2), None, 1), of(Some(2), None, 1), false),
        ] {
            assert_eq!(
                (one.is_beside(two), two.is_beside(one)),
                (is_beside, is_beside),
                "{one} {two}"
            );
        }
    }

    #[test]
    fn what_is_known_of_where_a_resource_stands_stays_known() {
        let (bare, of_patient) = (of(None, None, 1), of(None, Some(5), 1));
        let (north, south) = (of(Some(2), None, 1), of(Some(3), Some(5), 1));
        let whole = of(Some(2), Some(5), 1);
        assert_eq!(Sources::new([of_patient, north]).list(), [whole]);
        assert_eq!(Sources::new([north, of_patient, bare]).list(), [whole]);
        assert_eq!(Sources::new([whole, bare, south]).list(), [whole, south]);
    }

    #[test]
    fn as_of_when_each_told_it_is_known_until_it_is_the_last() {
        let [one, two] = [1, 2].map(|resource| of(Some(2), None, resource));
        let day = |day: i64| DateTime::from_timestamp(day * 86_400, 0);
        let both = Sources::new([two]).with_earlier(one, day(1));
        assert_eq!((both.list(), both.told_as_of(one)), ([one, two].as_slice(), day(1)));
        assert_eq!(both.told_as_of(two), None, "that is what they tell is as of");
        let later = both.clone().with_earlier(one, day(3));
        assert_eq!((later.list(), later.told_as_of(one)), (both.list(), day(3)));
        let last = later.with(Some(one));
        assert_eq!((last.list(), last.told_as_of(one)), ([two, one].as_slice(), None));
        assert_eq!(both.clone().without(Some(one)), Sources::new([two]));
        let bytes = postcard::to_stdvec(&both).unwrap();
        assert_eq!(postcard::from_bytes(&bytes), Ok(both.clone()));
        let json = serde_json::to_value(&both).unwrap();
        assert_eq!(serde_json::from_value::<Sources>(json).unwrap(), both);
    }
}
