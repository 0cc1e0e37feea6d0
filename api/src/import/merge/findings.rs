//! Which findings are states of one another, and which of two states counts.

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::Concept;
use domain::patient::{Allergy, Condition, Matter, Medication, Withdrawn};

use super::{EndedFinding, is_no_newer, is_older};

/// An entry of a list.
pub(super) trait Finding: Clone + PartialEq {
    /// Which list.
    const MATTER: Matter;
    /// What it is.
    fn concept(&self) -> &Concept;
    /// Since when.
    fn since(&self) -> Option<NaiveDate>;
    /// As of when its source told it.
    fn as_of(&self) -> Option<DateTime<Utc>>;
    /// The same, as of another time.
    fn told(self, as_of: Option<DateTime<Utc>>) -> Self;
}

macro_rules! finding {
    ($kind:ident, $matter:ident, $since:expr) => {
        impl Finding for $kind {
            const MATTER: Matter = Matter::$matter;

            fn concept(&self) -> &Concept {
                &self.concept
            }

            fn since(&self) -> Option<NaiveDate> {
                let since: fn(&Self) -> Option<NaiveDate> = $since;
                since(self)
            }

            fn as_of(&self) -> Option<DateTime<Utc>> {
                self.as_of
            }

            fn told(self, as_of: Option<DateTime<Utc>>) -> Self {
                Self { as_of, ..self }
            }
        }
    };
}

finding!(Condition, Conditions, |condition| condition.onset);
finding!(Allergy, Allergies, |_| None);
finding!(Medication, Medications, |medication| medication.since);

/// Whether two concepts are one: by their codes, or by their texts where one has no code.
pub(super) fn same(one: &Concept, two: &Concept) -> bool {
    match (&one.coding, &two.coding) {
        (Some(one), Some(two)) => one == two,
        _ => one.text.trim().to_lowercase() == two.text.trim().to_lowercase(),
    }
}

/// Whether two days may be one.
fn may_be_one(one: Option<NaiveDate>, two: Option<NaiveDate>) -> bool {
    one.is_none() || two.is_none() || one == two
}

/// Whether an entry may be what was taken back.
pub(super) fn is_of<T: Finding>(withdrawn: &Withdrawn, entry: &T) -> bool {
    withdrawn.matter == T::MATTER
        && same(&withdrawn.concept, entry.concept())
        && may_be_one(withdrawn.since, entry.since())
}

/// Whether an entry that is told is a state from before it was taken back.
pub(super) fn brings_back<T: Finding>(withdrawn: &Withdrawn, told: &T) -> bool {
    is_of(withdrawn, told) && is_older(Some(withdrawn.as_of), told.as_of())
}

/// Whether this end was told before.
pub(super) fn is_applied(withdrawn: &Withdrawn, ended: &EndedFinding) -> bool {
    withdrawn.matter == ended.matter
        && withdrawn.since == ended.since
        && same(&withdrawn.concept, &ended.concept)
        && ended.as_of.is_some_and(|ended| ended <= withdrawn.as_of)
}

/// Whether an entry may be what ended.
pub(super) fn is_ended_by<T: Finding>(entry: &T, ended: &EndedFinding) -> bool {
    same(entry.concept(), &ended.concept) && may_be_one(entry.since(), ended.since)
}

/// The recorded entries, each in the newest state that is known of it, and those that are new; with each whether it was told. Also how
/// many of those that are told are no newer than what is recorded, and say something else.
///
/// An entry is a state of the recorded one that is the same, or else of the one of the same day, or else of one of a day that is not
/// known.
pub(super) fn updated<T: Finding>(recorded: &[T], told: &[&T]) -> (Vec<(T, bool)>, usize) {
    let mut entries: Vec<(T, bool)> = recorded.iter().map(|entry| (entry.clone(), false)).collect();
    let mut rest: Vec<&T> = told.to_vec();
    let mut older: usize = 0;
    let equal = |known: &T, new: &T| known.clone().told(None) == new.clone().told(None);
    let same_day = |known: &T, new: &T| same(known.concept(), new.concept()) && known.since() == new.since();
    let no_day =
        |known: &T, new: &T| same(known.concept(), new.concept()) && (known.since().is_none() || new.since().is_none());
    for is_state in [&equal as &dyn Fn(&T, &T) -> bool, &same_day, &no_day] {
        rest.retain(|new| {
            let known = entries.iter_mut().find(|(known, met)| !met && is_state(known, new));
            let Some((known, met)) = known else { return true };
            *met = true;
            if is_no_newer(known.as_of(), new.as_of()) {
                older = older.saturating_add(usize::from(!equal(known, new)));
            } else {
                let as_of = known.as_of().max(new.as_of());
                *known = (*new).clone().told(as_of);
            }
            false
        });
    }
    entries.extend(rest.into_iter().map(|new| (new.clone(), true)));
    (entries, older)
}

/// Takes out what ended, unless it is told beside that, or recorded in a newer state: the entry of its day, or else one where a day is
/// not known. Never one of another day, which is another episode. Tells whether there was one.
pub(super) fn take_out<T: Finding>(entries: &mut Vec<(T, bool)>, ended: &EndedFinding) -> bool {
    let of = |is_it: &dyn Fn(&T) -> bool| entries.iter().position(|(entry, met)| !met && is_it(entry));
    let same_day = of(&|entry| is_ended_by(entry, ended) && entry.since() == ended.since);
    let found = same_day.or_else(|| of(&|entry| is_ended_by(entry, ended)));
    let is_newer = |at: &usize| {
        let entry = entries.get(*at);
        entry.is_some_and(|(entry, _)| is_older(entry.as_of(), ended.as_of))
    };
    let found = found.filter(|at| !is_newer(at));
    if let Some(at) = found {
        entries.remove(at);
    }
    found.is_some()
}
