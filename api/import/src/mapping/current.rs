//! Which of several names, addresses, telephone numbers and identifiers is the one: never one that is over.

use chrono::{DateTime, Utc};

use super::{Context, Remarks};
use crate::fhir::{self, Moment, Period};

/// Something of which a resource may have several, each for a use and a time.
pub(crate) trait Several {
    /// FHIR `use`.
    fn used(&self) -> Option<&str>;
    /// FHIR `period`.
    fn period(&self) -> Option<&Period>;
    /// FHIR `rank`: 1 comes first.
    fn rank(&self) -> Option<u64> {
        None
    }
}

macro_rules! several {
    ($($kind:ident),*) => {
        $(impl Several for fhir::$kind {
            fn used(&self) -> Option<&str> {
                self.used.as_deref()
            }

            fn period(&self) -> Option<&Period> {
                self.period.as_ref()
            }
        })*
    };
}

several!(HumanName, Address, Identifier);

impl Several for fhir::ContactPoint {
    fn used(&self) -> Option<&str> {
        self.used.as_deref()
    }

    fn period(&self) -> Option<&Period> {
        self.period.as_ref()
    }

    fn rank(&self) -> Option<u64> {
        self.rank
    }
}

/// Whether it is in use: neither old nor temporary, begun, and not ended.
pub(super) fn is_current(one: &impl Several, context: &Context) -> bool {
    !matches!(one.used(), Some("old" | "temp" | "maiden")) && is_now(one.period(), context)
}

/// Whether it is out of use.
pub(crate) fn is_over(one: &impl Several, context: &Context) -> bool {
    let ended = one.period().and_then(|period| end(period, context));
    one.used() == Some("old") || ended.is_some_and(|end| end <= context.now)
}

/// Whether now lies within a period. One that cannot be read is open.
pub(super) fn is_now(period: Option<&Period>, context: &Context) -> bool {
    let Some(period) = period else { return true };
    let begun = start(period, context).is_none_or(|start| start <= context.now);
    let ended = end(period, context).is_some_and(|end| end <= context.now);
    begun && !ended
}

/// When a period begins, if it says so.
fn start(period: &Period, context: &Context) -> Option<DateTime<Utc>> {
    Moment::read(period.start.as_deref()?)?.start(context.time_zone)
}

/// The first instant after a period, if it says so.
pub(super) fn end(period: &Period, context: &Context) -> Option<DateTime<Utc>> {
    Moment::read(period.end.as_deref()?)?.end(context.time_zone)
}

/// The current ones, best first: by rank, then by use in the order of `uses` (`""` for none), then as they stand.
pub(super) fn best_first<'a, T: Several>(
    all: impl IntoIterator<Item = &'a T>,
    uses: &[&str],
    context: &Context,
) -> Vec<&'a T> {
    let mut current: Vec<&T> = all.into_iter().filter(|one| is_current(*one, context)).collect();
    let by_use = |one: &T| {
        let used = one.used().unwrap_or_default();
        uses.iter().position(|known| *known == used).unwrap_or(uses.len())
    };
    current.sort_by_key(|one| (one.rank().unwrap_or(u64::MAX), by_use(one)));
    current
}

/// Remarks on those that a record has no place for: the former ones, and all but one of the current ones.
pub(super) fn remark_on_others(remarks: &mut Remarks<'_>, what: &str, former: usize, current: usize) {
    for _ in 0..former {
        remarks.no_place(format!("{what} is former or temporary"));
    }
    for _ in 1..current {
        remarks.no_place(format!("{what} is one of several, and only one has a place"));
    }
}
