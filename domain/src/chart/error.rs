//! Why a command to a chart is refused.

use std::borrow::Cow;

use super::list::ListKind;
use crate::kernel::{DomainError, RefusalKind, Resource};

/// Where something stands that is told of findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FindingPlace {
    /// The finding that is noted or changed, of one of the lists.
    Noted(ListKind),
    /// In a report, the finding of this index in one of the lists.
    Finding(ListKind, usize),
    /// In a report, the end of this index.
    Ended(usize),
    /// In a report, the negation of this index.
    Negation(usize),
}

impl FindingPlace {
    /// Where a member of the finding stands, as a JSON pointer from the whole. In a report a finding stands beside as of when it is told.
    fn within_finding(self, member: &str) -> String {
        match self {
            Self::Finding(..) => self.pointer(&format!("finding/{member}")),
            _ => self.pointer(member),
        }
    }

    /// Where a member of it stands, as a JSON pointer from the whole.
    fn pointer(self, member: &str) -> String {
        match self {
            Self::Noted(list) => format!("/{}/{member}", list.singular()),
            Self::Finding(list, index) => format!("/{list}/{index}/{member}"),
            Self::Ended(index) => format!("/withdrawn/{index}/{member}"),
            Self::Negation(index) => format!("/negations/{index}/{member}"),
        }
    }

    /// The member that says since when the finding is.
    const fn beginning(self) -> &'static str {
        match self {
            Self::Noted(ListKind::Conditions) | Self::Finding(ListKind::Conditions, _) => "onset",
            _ => "since",
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
    ToldInTheFuture(FindingPlace),
    /// A finding is said to begin on a day that is still to come, wherever one is.
    #[error("the day on which it began lies in the future")]
    BeginsInTheFuture(FindingPlace),
    /// A condition is said to be over since a day that is still to come, wherever one is.
    #[error("the day on which it ended lies in the future")]
    EndsInTheFuture(FindingPlace),
    /// A condition is said to be over since a day before it began.
    #[error("the day on which it ended lies before the day on which it began")]
    EndsBeforeItBegins(FindingPlace),
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
            Self::ToldInTheFuture(_)
            | Self::BeginsInTheFuture(_)
            | Self::EndsInTheFuture(_)
            | Self::EndsBeforeItBegins(_) => RefusalKind::Invalid,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        match self {
            Self::ToldInTheFuture(place) => place.pointer("asOf").into(),
            Self::BeginsInTheFuture(place) => place.within_finding(place.beginning()).into(),
            Self::EndsInTheFuture(place) | Self::EndsBeforeItBegins(place) => place.within_finding("abated").into(),
            _ => "".into(),
        }
    }
}
