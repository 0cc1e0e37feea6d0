//! The untyped identity of an aggregate, which log, journal and cqrs-es share, and how typed ids turn into it and back.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use uuid::Uuid;

use super::ids::{AccountId, CalendarId, PatientId, PractitionerId, WalletId};

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

    /// The UUID, and the day if it has one.
    fn parts(self) -> (Uuid, Option<NaiveDate>);

    /// Puts the parts together again. `None` when a day is missing or is one too many.
    fn from_parts(id: Uuid, day: Option<NaiveDate>) -> Option<Self>;
}

macro_rules! references {
    ($(
        $(#[$doc:meta])*
        $code:literal $name:ident: $Aggregate:ident { id: $kind:ident $Id:ident, $($rest:tt)* }
    )*) => {
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
        /// As text it is `patient/<uuid>` or `calendar/<uuid>/<day>`.
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

            /// The UUID, and the day for a calendar.
            pub fn parts(&self) -> (Uuid, Option<NaiveDate>) {
                match self {
                    $( Self::$Aggregate(id) => id.parts(), )*
                }
            }

            /// The UUID.
            pub fn uuid(&self) -> Uuid {
                self.parts().0
            }

            /// Puts the parts together again. `None` when a day is missing or is one too many.
            pub fn from_parts(kind: AggregateType, id: Uuid, day: Option<NaiveDate>) -> Option<Self> {
                match kind {
                    $( AggregateType::$Aggregate => $Id::from_parts(id, day).map(Self::$Aggregate), )*
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
    };
    (@uuid $Aggregate:ident $Id:ident) => {
        impl Identity for $Id {
            const TYPE: AggregateType = AggregateType::$Aggregate;

            fn parts(self) -> (Uuid, Option<NaiveDate>) {
                (self.uuid(), None)
            }

            fn from_parts(id: Uuid, day: Option<NaiveDate>) -> Option<Self> {
                day.is_none().then(|| Self::new(id))
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

    fn parts(self) -> (Uuid, Option<NaiveDate>) {
        (self.owner, Some(self.day))
    }

    fn from_parts(owner: Uuid, day: Option<NaiveDate>) -> Option<Self> {
        Some(Self { owner, day: day? })
    }
}

impl AggregateRef {
    /// The aggregate after which the stream is named in which this one stands.
    pub const fn stream(&self) -> Self {
        *self
    }
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, day) = self.parts();
        write!(f, "{}/{id}", self.aggregate_type().name())?;
        match day {
            Some(day) => write!(f, "/{day}"),
            None => Ok(()),
        }
    }
}

/// A text that is no [`AggregateRef`], or one of another kind than expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the name of such an aggregate")]
pub struct RefError;

impl FromStr for AggregateRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let mut parts = text.split('/');
        let (kind, id, day, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        let kind = AggregateType::ALL
            .iter()
            .copied()
            .find(|known| Some(known.name()) == kind)
            .ok_or(RefError)?;
        let id = id.and_then(|id| Uuid::try_parse(id).ok()).ok_or(RefError)?;
        let day = day.map(|day| day.parse().map_err(|_| RefError)).transpose()?;
        match rest {
            None => Self::from_parts(kind, id, day).ok_or(RefError),
            Some(_) => Err(RefError),
        }
    }
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
            AggregateRef::WalletClaim(WalletId::new(id)),
            AggregateRef::Calendar(CalendarId { owner: id, day }),
        ] {
            assert_eq!(of.to_string().parse(), Ok(of));
        }
    }

    #[test]
    fn a_text_that_names_no_aggregate_is_refused() {
        for text in [
            "",
            "patient",
            "patient/x",
            "calendar/00000000-0000-0000-0000-000000000007",
            "robot/1/2/3",
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
        assert_eq!(
            AggregateRef::from_parts(AggregateType::Calendar, Uuid::nil(), None),
            None
        );
        assert_eq!(
            AggregateRef::from_parts(AggregateType::Patient, Uuid::nil(), Some(day)),
            None
        );
    }

    #[test]
    fn an_aggregate_ref_of_another_kind_is_no_such_id() {
        let of = AggregateRef::from(PatientId::new(Uuid::from_u128(7)));
        assert_eq!(PatientId::try_from(of), Ok(PatientId::new(Uuid::from_u128(7))));
        assert_eq!(PractitionerId::try_from(of), Err(RefError));
        assert_eq!(CalendarId::try_from(of), Err(RefError));
        assert_eq!(AccountId::try_from(of), Err(RefError));
    }
}
