//! The untyped identity of an aggregate, which log, journal and cqrs-es share, and how typed ids turn into it and back.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use uuid::Uuid;

use super::ids::{AccountId, CalendarId, PatientId, PractitionerId, WalletId};

/// The kinds of aggregate. The numbers are written to the chain inside sealed stream names: never reuse one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum AggregateType {
    /// [`crate::patient`].
    Patient = 1,
    /// [`crate::practitioner`].
    Practitioner = 2,
    /// [`crate::calendar`].
    Calendar = 3,
    /// [`crate::account`].
    Account = 4,
    /// [`crate::wallet`].
    Wallet = 5,
}

impl AggregateType {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Patient,
        Self::Practitioner,
        Self::Calendar,
        Self::Account,
        Self::Wallet,
    ];

    /// The lower-case name, as it stands in an [`AggregateRef`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Practitioner => "practitioner",
            Self::Calendar => "calendar",
            Self::Account => "account",
            Self::Wallet => "wallet",
        }
    }

    /// The number as written in stream names.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind behind a number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Which aggregate: the untyped identity that log, journal and cqrs-es share.
///
/// As text it is `patient/<uuid>` or `calendar/<uuid>/<day>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AggregateRef {
    /// A patient.
    Patient(PatientId),
    /// A practitioner.
    Practitioner(PractitionerId),
    /// A calendar.
    Calendar(CalendarId),
    /// An account.
    Account(AccountId),
    /// A wallet's claim.
    Wallet(WalletId),
}

impl AggregateRef {
    /// The kind.
    pub const fn aggregate_type(&self) -> AggregateType {
        match self {
            Self::Patient(_) => AggregateType::Patient,
            Self::Practitioner(_) => AggregateType::Practitioner,
            Self::Calendar(_) => AggregateType::Calendar,
            Self::Account(_) => AggregateType::Account,
            Self::Wallet(_) => AggregateType::Wallet,
        }
    }

    /// The UUID part.
    pub const fn uuid(&self) -> Uuid {
        match self {
            Self::Patient(id) => id.uuid(),
            Self::Practitioner(id) => id.uuid(),
            Self::Calendar(id) => id.owner,
            Self::Account(id) => id.uuid(),
            Self::Wallet(id) => id.uuid(),
        }
    }

    /// The day, for a calendar.
    pub const fn day(&self) -> Option<NaiveDate> {
        match self {
            Self::Calendar(id) => Some(id.day),
            _ => None,
        }
    }

    /// Puts the parts together again. `None` when a calendar has no day or another kind has one.
    pub fn from_parts(kind: AggregateType, id: Uuid, day: Option<NaiveDate>) -> Option<Self> {
        match (kind, day) {
            (AggregateType::Patient, None) => Some(Self::Patient(PatientId::new(id))),
            (AggregateType::Practitioner, None) => Some(Self::Practitioner(PractitionerId::new(id))),
            (AggregateType::Account, None) => Some(Self::Account(AccountId::new(id))),
            (AggregateType::Wallet, None) => Some(Self::Wallet(WalletId::new(id))),
            (AggregateType::Calendar, Some(day)) => Some(Self::Calendar(CalendarId { owner: id, day })),
            _ => None,
        }
    }
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate_type().name(), self.uuid())?;
        match self.day() {
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
            .into_iter()
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

/// A typed id of an aggregate, which converts to and from the untyped [`AggregateRef`].
pub trait Identity:
    Copy + Eq + std::hash::Hash + fmt::Debug + Send + Sync + Into<AggregateRef> + TryFrom<AggregateRef, Error = RefError>
{
}

macro_rules! identity {
    ($id:ty, $kind:ident) => {
        impl Identity for $id {}

        impl From<$id> for AggregateRef {
            fn from(id: $id) -> Self {
                Self::$kind(id)
            }
        }

        impl TryFrom<AggregateRef> for $id {
            type Error = RefError;

            fn try_from(of: AggregateRef) -> Result<Self, RefError> {
                match of {
                    AggregateRef::$kind(id) => Ok(id),
                    _ => Err(RefError),
                }
            }
        }
    };
}

identity!(PatientId, Patient);
identity!(PractitionerId, Practitioner);
identity!(CalendarId, Calendar);
identity!(AccountId, Account);
identity!(WalletId, Wallet);

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
            AggregateRef::Wallet(WalletId::new(id)),
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
            assert_eq!(AggregateType::from_code(kind.code()), Some(kind));
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
