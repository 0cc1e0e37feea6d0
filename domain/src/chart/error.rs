//! Why a command to a chart is refused.

use std::borrow::Cow;

use super::list::ListKind;
use crate::kernel::{DomainError, RefusalKind, Resource};

/// Where in a report something stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportPlace {
    /// The finding of this index in one of the lists.
    Finding(ListKind, usize),
    /// The end of this index.
    Ended(usize),
    /// The negation of this index.
    Negation(usize),
}

impl ReportPlace {
    /// Where its time stands, as a JSON pointer from the report.
    fn pointer(self) -> String {
        match self {
            Self::Finding(list, index) => format!("/{list}/{index}/asOf"),
            Self::Ended(index) => format!("/withdrawn/{index}/asOf"),
            Self::Negation(index) => format!("/negations/{index}/asOf"),
        }
    }
}

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChartError {
    /// There is no such finding in the list: there never was, or it was refuted.
    #[error("there is no such finding")]
    Unknown,
    /// The finding exists already, with other content.
    #[error("the finding exists already, with other content")]
    AlreadyNoted,
    /// The list takes no more findings.
    #[error("the list of {0} is full")]
    Full(ListKind),
    /// It is said that there are none of what there are some.
    #[error("there are {0} in the chart: refute them first")]
    NotAbsent(ListKind),
    /// What is told is said to be of a time that is still to come.
    #[error("the time as of which this is told lies in the future")]
    ToldInTheFuture(ReportPlace),
    /// The patient's key is destroyed or not held here.
    #[error("the chart is sealed under a key that is not held here")]
    Sealed,
}

impl DomainError for ChartError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Unknown => RefusalKind::Missing(Resource::Finding),
            Self::AlreadyNoted => RefusalKind::Exists,
            Self::Full(_) => RefusalKind::Full,
            Self::NotAbsent(_) => RefusalKind::NotEmpty,
            Self::ToldInTheFuture(_) => RefusalKind::Invalid,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        match self {
            Self::ToldInTheFuture(place) => place.pointer().into(),
            _ => "".into(),
        }
    }
}
