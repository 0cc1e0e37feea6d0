//! Values that concern a person.
//!
//! A [`Personal`] field of an event is never serialised with the event: it is written into a section of its own, sealed
//! under the data subject's key. So whoever can open only the stream's section, because the key was destroyed or was never
//! theirs, reads the event with [`Personal::Sealed`] in its place, and aggregates decide without it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{PatientId, SubjectId};

/// A value under a data subject's key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Personal<T> {
    /// The key was at hand.
    Known(T),
    /// The key is not held here, or is destroyed.
    #[default]
    Sealed,
}

impl<T> Personal<T> {
    /// The value, if it could be opened.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Sealed => None,
        }
    }
}

/// Writes nothing: what is personal cannot leave with what is not.
impl<T> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// Reads nothing: the section that holds the value is opened separately.
impl<'de, T> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self::Sealed)
    }
}

/// What stands in a personal section.
pub trait PersonalValue: Serialize + DeserializeOwned {
    /// Whom it concerns, if it says so. In the own stream of a data subject the stream does.
    fn subject(&self) -> Option<SubjectId> {
        None
    }
}

impl PersonalValue for PatientId {
    fn subject(&self) -> Option<SubjectId> {
        Some((*self).into())
    }
}

impl PersonalValue for String {}

/// A personal value of an event, whatever its type: how the codec reads and fills it.
pub trait PersonalSlot {
    /// The value in bytes for the personal section; `None` when it is sealed.
    ///
    /// # Errors
    /// When the value cannot be written, which is a mistake in its type.
    fn encode(&self) -> Result<Option<Vec<u8>>, postcard::Error>;

    /// Fills the value from the bytes of the opened personal section.
    ///
    /// # Errors
    /// When the bytes are not such a value.
    fn decode(&mut self, bytes: &[u8]) -> Result<(), postcard::Error>;
}

impl<T: PersonalValue> PersonalSlot for Personal<T> {
    fn encode(&self) -> Result<Option<Vec<u8>>, postcard::Error> {
        self.known().map(postcard::to_stdvec).transpose()
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        *self = Self::Known(from_all(bytes)?);
        Ok(())
    }
}

/// A field of an event that is personal, or may be.
pub trait PersonalField {
    /// The personal value in it, if it has one.
    fn slot(&mut self) -> Option<&mut dyn PersonalSlot>;

    /// Whom the personal value concerns: whom it names, or else the data subject whose stream it stands in. `None` when there is no
    /// such value, or it is sealed.
    fn subject(&self, own: Option<SubjectId>) -> Option<SubjectId>;
}

impl<T: PersonalValue> PersonalField for Personal<T> {
    fn slot(&mut self) -> Option<&mut dyn PersonalSlot> {
        Some(self)
    }

    fn subject(&self, own: Option<SubjectId>) -> Option<SubjectId> {
        self.known().and_then(|value| value.subject().or(own))
    }
}

/// Reads a value that takes all of the bytes. What is left over was written by another schema than the one named.
pub(super) fn from_all<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, postcard::Error> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(value),
        _ => Err(postcard::Error::DeserializeBadEncoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_value_does_not_leave_with_what_holds_it() {
        let event = ("shared", Personal::Known("secret".to_owned()));
        assert_eq!(serde_json::to_string(&event).unwrap(), r#"["shared",null]"#);
        assert_eq!(
            postcard::to_stdvec(&event).unwrap(),
            postcard::to_stdvec("shared").unwrap()
        );
    }

    #[test]
    fn a_slot_reads_back_what_it_wrote() {
        let patient = PatientId::new(uuid::Uuid::from_u128(42));
        let bytes = Personal::Known(patient).encode().unwrap().unwrap();
        let mut slot = Personal::<PatientId>::Sealed;
        slot.decode(&bytes).unwrap();
        assert_eq!(slot.subject(None), Some(patient.into()));
        assert_eq!(slot, Personal::Known(patient));
    }
}
