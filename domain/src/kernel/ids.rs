//! Ids are types. A UUID names each aggregate; a calendar is named by its owner and a day, and what stands in a patient's record by the
//! patient and a UUID.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::compact_date;

/// A UUID in text for people and in 16 raw bytes for the log, where every byte is paid for.
pub(crate) mod compact_uuid {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use uuid::Uuid;

    pub(crate) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            id.serialize(serializer)
        } else {
            id.as_bytes().serialize(serializer)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
        if deserializer.is_human_readable() {
            Uuid::deserialize(deserializer)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Uuid::from_bytes)
        }
    }
}

/// Bytes in hexadecimal for people, and as they are for the log.
pub(crate) mod compact_bytes {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error>
    where
        [u8; N]: Serialize,
    {
        if serializer.is_human_readable() {
            hex::encode_prefixed(bytes).serialize(serializer)
        } else {
            bytes.serialize(serializer)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error>
    where
        [u8; N]: Deserialize<'de>,
    {
        if deserializer.is_human_readable() {
            hex::decode_to_array(String::deserialize(deserializer)?).map_err(D::Error::custom)
        } else {
            Deserialize::deserialize(deserializer)
        }
    }
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "compact_uuid")] Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

macro_rules! ids_of_aggregates {
    ($(
        $(#[$doc:meta])*
        $code:literal $name:ident: $Aggregate:ident { id: $kind:ident $Id:ident, $($rest:tt)* }
    )*) => {
        $( ids_of_aggregates!(@$kind $(#[$doc])* $Id); )*
    };
    (@uuid $(#[$doc:meta])* $Id:ident) => { typed_id!($(#[$doc])* $Id); };
    (@own $(#[$doc:meta])* $Id:ident) => {};
    (@part $(#[$doc:meta])* $Id:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Id(
            /// In whose record it stands.
            pub PatientId,
        );
    };
    (@subject $(#[$doc:meta])* $Id:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Id(
            /// In whose own stream it stands.
            pub DataSubject,
        );
    };
    (@record $(#[$doc:meta])* $Id:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub struct $Id {
            /// In whose record it stands.
            pub patient: PatientId,
            /// What names it there.
            #[serde(with = "compact_uuid")]
            pub id: Uuid,
        }
    };
}

aggregates!(ids_of_aggregates);

typed_id!(
    /// A data subject, who has a key of their own and can be erased: a patient, a practitioner, or the person of the staff who holds an account.
    SubjectId
);
typed_id!(
    /// A wallet, without telling which: derived from its address under the organisation's secret. What stands beside the log names it so.
    WalletId
);
typed_id!(
    /// An appointment. It keeps its id when it moves to another day.
    AppointmentId
);
typed_id!(
    /// One command, from its acceptance to its last retry. Two events with one command id are one decision.
    CommandId
);

/// The calendar of one practitioner on one day: the stream that owns the no-overlap rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct CalendarId {
    /// The practitioner's id.
    #[serde(with = "compact_uuid")]
    pub owner: Uuid,
    /// The day in the owner's time zone.
    #[serde(with = "compact_date")]
    pub day: NaiveDate,
}

impl CalendarId {
    /// The calendar of a practitioner on a day.
    pub const fn of(practitioner: PractitionerId, day: NaiveDate) -> Self {
        Self {
            owner: practitioner.uuid(),
            day,
        }
    }
}

/// A bucket of claims: which one a name is claimed in follows from the name, under the organisation's secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimsId(
    /// Its number.
    pub u8,
);

/// Somebody who has a key of their own, and a stream of their own, and can be erased.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum DataSubject {
    /// A patient.
    Patient(PatientId),
    /// A practitioner.
    Practitioner(PractitionerId),
    /// The person of the staff who holds an account.
    Staff(AccountId),
}

impl DataSubject {
    /// The name of their key's owner.
    pub fn id(self) -> SubjectId {
        match self {
            Self::Patient(id) => id.into(),
            Self::Practitioner(id) => id.into(),
            Self::Staff(id) => id.into(),
        }
    }
}

impl From<PatientId> for SubjectId {
    fn from(patient: PatientId) -> Self {
        Self::new(patient.uuid())
    }
}

impl From<PractitionerId> for SubjectId {
    fn from(practitioner: PractitionerId) -> Self {
        Self::new(practitioner.uuid())
    }
}

impl From<AccountId> for SubjectId {
    fn from(account: AccountId) -> Self {
        Self::new(account.uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_takes_sixteen_bytes_in_the_log_and_reads_as_text_for_people() {
        let id = PatientId::new(Uuid::from_u128(7));
        assert_eq!(postcard::to_stdvec(&id).unwrap().len(), 16);
        assert_eq!(
            serde_json::to_string(&id).unwrap(),
            "\"00000000-0000-0000-0000-000000000007\""
        );
    }

    #[test]
    fn a_calendar_id_reads_back_from_json_and_takes_nineteen_bytes_in_the_log() {
        let id = CalendarId {
            owner: Uuid::from_u128(7),
            day: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
        };
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(
            json,
            r#"{"owner":"00000000-0000-0000-0000-000000000007","day":"2026-03-01"}"#
        );
        assert_eq!(serde_json::from_str::<CalendarId>(&json).unwrap(), id);
        assert_eq!(postcard::to_stdvec(&id).unwrap().len(), 19);
    }
}
