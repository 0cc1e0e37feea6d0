//! The untyped identity of an aggregate, which log, journal and cqrs-es share, and how typed ids turn into it and back.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use uuid::Uuid;

use super::{DataSubject, SubjectId};

/// A typed id of an aggregate, which converts to and from the untyped [`AggregateRef`].
pub trait Identity:
    Copy
    + Ord
    + std::hash::Hash
    + fmt::Debug
    + Send
    + Sync
    + Into<AggregateRef>
    + TryFrom<AggregateRef, Error = RefError>
    + 'static
{
    /// Which kind of aggregate it names.
    const TYPE: AggregateType;

    /// What it is made of.
    fn parts(self) -> Parts;

    /// Puts the parts together again. `None` when one is missing or is one too many.
    fn from_parts(parts: Parts) -> Option<Self>;
}

/// What an id is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Parts {
    /// A UUID.
    Uuid(Uuid),
    /// A UUID and a day.
    Day(Uuid, NaiveDate),
    /// A UUID in the record of a patient, who comes first.
    InRecord(PatientId, Uuid),
    /// The patient in whose record it stands, once.
    Part(PatientId),
    /// The data subject in whose own stream it stands, once.
    OfSubject(DataSubject),
    /// The number of a bucket.
    Bucket(u8),
}

macro_rules! references {
    ($(
        $(#[$doc:meta])*
        $code:literal $name:ident: $Aggregate:ident { id: $kind:ident $Id:ident, $($rest:tt)* }
    )*) => {
        $( use super::ids::$Id; )*

        /// The kinds of aggregate. The numbers are written to the chain inside sealed stream names: never reuse one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum AggregateType {
            $( $(#[$doc])* $Aggregate = $code, )*
        }

        impl AggregateType {
            /// All kinds, in the order of their numbers.
            pub const ALL: &[Self] = &[$( Self::$Aggregate ),*];

            /// The lower-case name, as it stands in an [`AggregateRef`].
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$Aggregate => stringify!($name), )*
                }
            }
        }

        /// Which aggregate: the untyped identity that log, journal and cqrs-es share.
        ///
        /// As text it is `patient/<uuid>`, `calendar/<uuid>/<day>`, `claims/<number>` or, in a patient's record, `encounter/<patient's uuid>/<uuid>`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum AggregateRef {
            $( $(#[$doc])* $Aggregate($Id), )*
        }

        impl AggregateRef {
            /// The kind.
            pub const fn aggregate_type(&self) -> AggregateType {
                match self {
                    $( Self::$Aggregate(_) => AggregateType::$Aggregate, )*
                }
            }

            /// What its id is made of.
            pub fn parts(&self) -> Parts {
                match self {
                    $( Self::$Aggregate(id) => id.parts(), )*
                }
            }

            /// Puts the parts together again. `None` when one is missing or is one too many.
            pub fn from_parts(kind: AggregateType, parts: Parts) -> Option<Self> {
                match kind {
                    $( AggregateType::$Aggregate => $Id::from_parts(parts).map(Self::$Aggregate), )*
                }
            }
        }

        $(
            impl From<$Id> for AggregateRef {
                fn from(id: $Id) -> Self {
                    Self::$Aggregate(id)
                }
            }

            impl TryFrom<AggregateRef> for $Id {
                type Error = RefError;

                fn try_from(of: AggregateRef) -> Result<Self, RefError> {
                    match of {
                        AggregateRef::$Aggregate(id) => Ok(id),
                        _ => Err(RefError),
                    }
                }
            }

            references!(@$kind $Aggregate $Id);
        )*

        /// Says the same of the typed id of an [`AggregateRef`], whichever it is: `with_id!(of, id => id.parts())`.
        #[macro_export]
        macro_rules! with_id {
            ($of:expr, $one:ident => $what:expr) => {
                match $of {
                    $( $crate::kernel::AggregateRef::$Aggregate($one) => $what, )*
                }
            };
        }
    };
    (@uuid $Aggregate:ident $Id:ident) => {
        impl Identity for $Id {
            const TYPE: AggregateType = AggregateType::$Aggregate;

            fn parts(self) -> Parts {
                Parts::Uuid(self.uuid())
            }

            fn from_parts(parts: Parts) -> Option<Self> {
                match parts {
                    Parts::Uuid(id) => Some(Self::new(id)),
                    Parts::Day(..) | Parts::InRecord(..) | Parts::Part(_) | Parts::OfSubject(_) | Parts::Bucket(_) => None,
                }
            }
        }
    };
    (@record $Aggregate:ident $Id:ident) => {
        impl Identity for $Id {
            const TYPE: AggregateType = AggregateType::$Aggregate;

            fn parts(self) -> Parts {
                Parts::InRecord(self.patient, self.id)
            }

            fn from_parts(parts: Parts) -> Option<Self> {
                match parts {
                    Parts::InRecord(patient, id) => Some(Self { patient, id }),
                    Parts::Uuid(_) | Parts::Day(..) | Parts::Part(_) | Parts::OfSubject(_) | Parts::Bucket(_) => None,
                }
            }
        }
    };
    (@part $Aggregate:ident $Id:ident) => {
        impl Identity for $Id {
            const TYPE: AggregateType = AggregateType::$Aggregate;

            fn parts(self) -> Parts {
                Parts::Part(self.0)
            }

            fn from_parts(parts: Parts) -> Option<Self> {
                match parts {
                    Parts::Part(patient) => Some(Self(patient)),
                    Parts::Uuid(_) | Parts::Day(..) | Parts::InRecord(..) | Parts::OfSubject(_) | Parts::Bucket(_) => None,
                }
            }
        }
    };
    (@subject $Aggregate:ident $Id:ident) => {
        impl Identity for $Id {
            const TYPE: AggregateType = AggregateType::$Aggregate;

            fn parts(self) -> Parts {
                Parts::OfSubject(self.0)
            }

            fn from_parts(parts: Parts) -> Option<Self> {
                match parts {
                    Parts::OfSubject(subject) => Some(Self(subject)),
                    Parts::Uuid(_) | Parts::Day(..) | Parts::InRecord(..) | Parts::Part(_) | Parts::Bucket(_) => None,
                }
            }
        }
    };
    (@own $Aggregate:ident $Id:ident) => {};
}

aggregates!(references);

impl AggregateType {
    /// The number as written in stream names.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind behind a number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl Identity for CalendarId {
    const TYPE: AggregateType = AggregateType::Calendar;

    fn parts(self) -> Parts {
        Parts::Day(self.owner, self.day)
    }

    fn from_parts(parts: Parts) -> Option<Self> {
        match parts {
            Parts::Day(owner, day) => Some(Self { owner, day }),
            Parts::Uuid(_) | Parts::InRecord(..) | Parts::Part(_) | Parts::OfSubject(_) | Parts::Bucket(_) => None,
        }
    }
}

impl Identity for ClaimsId {
    const TYPE: AggregateType = AggregateType::Claims;

    fn parts(self) -> Parts {
        Parts::Bucket(self.0)
    }

    fn from_parts(parts: Parts) -> Option<Self> {
        match parts {
            Parts::Bucket(number) => Some(Self(number)),
            Parts::Uuid(_) | Parts::Day(..) | Parts::InRecord(..) | Parts::Part(_) | Parts::OfSubject(_) => None,
        }
    }
}

impl AggregateRef {
    /// The UUID of its own; nil for a bucket.
    pub fn uuid(&self) -> Uuid {
        match self.parts() {
            Parts::Bucket(_) => Uuid::nil(),
            Parts::Uuid(id) | Parts::Day(id, _) | Parts::InRecord(_, id) => id,
            Parts::Part(patient) => patient.uuid(),
            Parts::OfSubject(subject) => subject.id().uuid(),
        }
    }

    /// The aggregate after which the stream is named in which this one stands.
    pub fn stream(&self) -> Self {
        match self.parts() {
            Parts::InRecord(patient, _) | Parts::Part(patient) => patient.into(),
            Parts::OfSubject(subject) => subject.aggregate(),
            Parts::Uuid(_) | Parts::Day(..) | Parts::Bucket(_) => *self,
        }
    }

    /// Whether it rests on nothing else of its stream. So closings and erasures are decided and read also where the stream is held back by an event that
    /// cannot be read.
    pub const fn stands_alone(&self) -> bool {
        matches!(self, Self::Erasure(_) | Self::Chapters(_))
    }

    /// Whether its state is folded from personal sections: without the key of anybody who is not erased nothing can be decided on it.
    pub const fn rests_on_personal_sections(&self) -> bool {
        matches!(self, Self::Claims(_))
    }
}

impl AggregateRef {
    /// The data subject whose own stream it stands in, if it is one's ([`DataSubject::try_from`]).
    pub fn data_subject(&self) -> Option<SubjectId> {
        DataSubject::try_from(*self).ok().map(DataSubject::id)
    }

    /// Whose record its stream is, if it is one's: that is under their keys alone, but for what ends it.
    pub fn whose_record(&self) -> Option<SubjectId> {
        match self.stream() {
            Self::Patient(patient) => Some(patient.into()),
            _ => None,
        }
    }
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.aggregate_type().name();
        match self.parts() {
            Parts::Uuid(id) => write!(f, "{name}/{id}"),
            Parts::Part(patient) => write!(f, "{name}/{patient}"),
            Parts::OfSubject(subject) => write!(f, "{name}/{subject}"),
            Parts::Day(id, day) => write!(f, "{name}/{id}/{day}"),
            Parts::Bucket(number) => write!(f, "{name}/{number}"),
            Parts::InRecord(patient, id) => write!(f, "{name}/{patient}/{id}"),
        }
    }
}

impl DataSubject {
    /// The aggregate after which their own stream is named.
    pub const fn aggregate(self) -> AggregateRef {
        match self {
            Self::Patient(id) => AggregateRef::Patient(id),
            Self::Practitioner(id) => AggregateRef::Practitioner(id),
            Self::Staff(id) => AggregateRef::Account(id),
        }
    }
}

/// Whose own stream an aggregate stands in. An account is a person's if it is of the staff, which its name does not say.
impl TryFrom<AggregateRef> for DataSubject {
    type Error = RefError;

    fn try_from(of: AggregateRef) -> Result<Self, RefError> {
        match of.stream() {
            AggregateRef::Patient(id) => Ok(Self::Patient(id)),
            AggregateRef::Practitioner(id) => Ok(Self::Practitioner(id)),
            AggregateRef::Account(id) => Ok(Self::Staff(id)),
            _ => Err(RefError),
        }
    }
}

/// `patient/<uuid>`, `practitioner/<uuid>` or `account/<uuid>`.
impl fmt::Display for DataSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.aggregate().fmt(f)
    }
}

impl FromStr for DataSubject {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let of: AggregateRef = text.parse()?;
        Self::try_from(of)
            .ok()
            .filter(|subject| subject.aggregate() == of)
            .ok_or(RefError)
    }
}

/// A text that is no [`AggregateRef`], or one of another kind than expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the name of such an aggregate")]
pub struct RefError;

impl FromStr for AggregateRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let (name, rest) = text.split_once('/').ok_or(RefError)?;
        let kind = AggregateType::ALL.iter().copied().find(|known| known.name() == name);
        let kind = kind.ok_or(RefError)?;
        let of_subject = |subject| Self::from_parts(kind, Parts::OfSubject(subject));
        if let Some(named) = rest.parse().ok().and_then(of_subject) {
            return Ok(named);
        }
        if let Some(bucket) = number_in(rest).and_then(|number| Self::from_parts(kind, Parts::Bucket(number))) {
            return Ok(bucket);
        }
        let mut parts = rest.split('/');
        let (first, second, rest) = (parts.next(), parts.next(), parts.next());
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| RefError);
        let first = id(first.ok_or(RefError)?)?;
        let patient = PatientId::new(first);
        let named = match (second, rest) {
            (None, _) => {
                let own = Self::from_parts(kind, Parts::Uuid(first));
                own.or_else(|| Self::from_parts(kind, Parts::Part(patient)))
            }
            (Some(second), None) => match second.parse() {
                Ok(day) => Self::from_parts(kind, Parts::Day(first, day)),
                Err(_) => Self::from_parts(kind, Parts::InRecord(patient, id(second)?)),
            },
            (Some(_), Some(_)) => None,
        };
        named.ok_or(RefError)
    }
}

/// The number of a bucket, as it is written.
fn number_in(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number: &u8| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_ref_reads_back_from_its_text() {
        let id = Uuid::from_u128(7);
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        for of in [
            AggregateRef::Patient(PatientId::new(id)),
            AggregateRef::Practitioner(PractitionerId::new(id)),
            AggregateRef::Account(AccountId::new(id)),
            AggregateRef::Claims(ClaimsId(0)),
            AggregateRef::Claims(ClaimsId(255)),
            AggregateRef::Calendar(CalendarId { owner: id, day }),
            AggregateRef::Encounter(EncounterId {
                patient: PatientId::new(id),
                id: Uuid::from_u128(8),
            }),
            AggregateRef::Chart(ChartId(PatientId::new(id))),
            AggregateRef::Erasure(ErasureId(DataSubject::Patient(PatientId::new(id)))),
            AggregateRef::Erasure(ErasureId(DataSubject::Practitioner(PractitionerId::new(id)))),
            AggregateRef::Erasure(ErasureId(DataSubject::Staff(AccountId::new(id)))),
        ] {
            assert_eq!(of.to_string().parse(), Ok(of));
        }
    }

    #[test]
    fn what_stands_in_a_record_stands_in_the_stream_of_its_patient() {
        let patient = PatientId::new(Uuid::from_u128(7));
        let encounter = EncounterId {
            patient,
            id: Uuid::from_u128(8),
        };
        assert_eq!(AggregateRef::from(encounter).stream(), patient.into());
        assert_eq!(AggregateRef::from(ChartId(patient)).stream(), patient.into());
        assert_eq!(AggregateRef::from(patient).stream(), patient.into());
    }

    #[test]
    fn a_text_that_names_no_aggregate_is_refused() {
        for text in [
            "",
            "patient",
            "patient/x",
            "calendar/00000000-0000-0000-0000-000000000007",
            "encounter/00000000-0000-0000-0000-000000000007",
            "encounter/00000000-0000-0000-0000-000000000007/2026-03-01",
            "patient/00000000-0000-0000-0000-000000000007/00000000-0000-0000-0000-000000000007",
            "chart/00000000-0000-0000-0000-000000000007/00000000-0000-0000-0000-000000000007",
            "robot/1/2/3",
            "erasure/00000000-0000-0000-0000-000000000007",
            "erasure/calendar/00000000-0000-0000-0000-000000000007/2026-03-01",
            "erasure/erasure/patient/00000000-0000-0000-0000-000000000007",
            "patient/patient/00000000-0000-0000-0000-000000000007",
            "claims/256",
            "claims/07",
            "claims/+7",
            "claims/00000000-0000-0000-0000-000000000007",
            "patient/7",
        ] {
            assert_eq!(text.parse::<AggregateRef>(), Err(RefError), "{text}");
        }
    }

    #[test]
    fn a_kind_reads_back_from_its_number_and_a_ref_from_its_parts() {
        for kind in AggregateType::ALL {
            assert_eq!(AggregateType::from_code(kind.code()), Some(*kind));
        }
        assert_eq!(AggregateType::from_code(0), None);
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let (id, patient) = (Uuid::nil(), PatientId::default());
        for (kind, parts) in [
            (AggregateType::Calendar, Parts::Uuid(id)),
            (AggregateType::Patient, Parts::Day(id, day)),
            (AggregateType::Patient, Parts::InRecord(patient, id)),
            (AggregateType::Encounter, Parts::Uuid(id)),
            (AggregateType::Chart, Parts::Uuid(id)),
            (AggregateType::Patient, Parts::Part(patient)),
            (AggregateType::Erasure, Parts::Uuid(id)),
            (AggregateType::Chart, Parts::OfSubject(DataSubject::Patient(patient))),
            (AggregateType::Patient, Parts::Bucket(7)),
            (AggregateType::Claims, Parts::Uuid(id)),
        ] {
            assert_eq!(AggregateRef::from_parts(kind, parts), None);
        }
    }

    #[test]
    fn an_aggregate_ref_of_another_kind_is_no_such_id() {
        let of = AggregateRef::from(PatientId::new(Uuid::from_u128(7)));
        assert_eq!(PatientId::try_from(of), Ok(PatientId::new(Uuid::from_u128(7))));
        assert_eq!(PractitionerId::try_from(of), Err(RefError));
        assert_eq!(CalendarId::try_from(of), Err(RefError));
        assert_eq!(AccountId::try_from(of), Err(RefError));
    }

    #[test]
    fn a_data_subject_reads_back_from_its_text_and_from_its_aggregate() {
        let id = Uuid::from_u128(7);
        for (subject, text) in [
            (DataSubject::Patient(PatientId::new(id)), "patient"),
            (DataSubject::Practitioner(PractitionerId::new(id)), "practitioner"),
            (DataSubject::Staff(AccountId::new(id)), "account"),
        ] {
            assert_eq!(subject.to_string(), format!("{text}/{id}"));
            assert_eq!(subject.to_string().parse(), Ok(subject));
            assert_eq!(DataSubject::try_from(subject.aggregate()), Ok(subject));
            assert_eq!(subject.id(), SubjectId::new(id));
        }
    }

    #[test]
    fn what_stands_in_a_record_concerns_its_patient_and_names_nobody() {
        let patient = PatientId::new(Uuid::from_u128(7));
        let chart = AggregateRef::from(ChartId(patient));
        assert_eq!(DataSubject::try_from(chart), Ok(DataSubject::Patient(patient)));
        for text in [
            chart.to_string(),
            format!("calendar/{patient}/2026-03-01"),
            "patient".to_owned(),
        ] {
            assert_eq!(text.parse::<DataSubject>(), Err(RefError), "{text}");
        }
    }
}
