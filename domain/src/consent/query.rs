//! What somebody would do with a record.

use uuid::Uuid;

use super::details::{Details, Grantee, Purpose};
use crate::kernel::Category;

/// What somebody would do. It is for one grantee: whoever is several (a doctor, of an organisation) asks for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Query {
    /// Who.
    pub grantee: Grantee,
    /// Of which category it is.
    pub category: Category,
    /// Which document it is, if it is one.
    pub document: Option<Uuid>,
    /// Of when it is, in seconds since 1970, if it is of any time.
    pub time: Option<u64>,
    /// Why.
    pub purpose: Purpose,
    /// Whether it adds to the record.
    pub writes: bool,
}

impl Details {
    /// Whether what somebody would do is within what was granted. All of it must be.
    pub fn covers(&self, query: &Query) -> bool {
        self.grantee == query.grantee
            && self.purpose == query.purpose
            && (self.may_write || !query.writes)
            && self.categories.iter().any(|granted| granted.covers(query.category))
            && self.covers_document(query.document)
            && self.covers_time(query.time)
    }

    fn covers_document(&self, document: Option<Uuid>) -> bool {
        self.documents.is_empty() || document.is_some_and(|document| self.documents.contains(&document))
    }

    /// What is of no time is in no period.
    fn covers_time(&self, time: Option<u64>) -> bool {
        self.period()
            .is_none_or(|period| time.is_some_and(|time| period.contains(time)))
    }

    /// To which period it is limited, if it is.
    pub fn period(&self) -> Option<Period> {
        let period = Period {
            from: self.from,
            until: self.until,
        };
        (period != Period { from: 0, until: 0 }).then_some(period)
    }
}

/// A period, in seconds since 1970: from this one on, and before that one; 0 for no limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Period {
    /// From when on.
    pub from: u64,
    /// Until before when.
    pub until: u64,
}

impl Period {
    /// Whether a second is in it. The second 0 is in none.
    pub const fn contains(self, time: u64) -> bool {
        time != 0 && self.from <= time && (self.until == 0 || time < self.until)
    }

    /// The first second that is in it, if any is.
    pub const fn first(self) -> u64 {
        if self.from == 0 { 1 } else { self.from }
    }
}
