//! Which findings are states of one another, and which of two states counts.

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::{Concept, SourceId};
use domain::patient::{Allergy, Condition, Matter, Medication, Withdrawn};

use super::Ended;

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
    /// What its source calls it.
    fn source(&self) -> Option<SourceId>;
    /// The same, as of another time, and called otherwise.
    fn told(self, as_of: Option<DateTime<Utc>>, source: Option<SourceId>) -> Self;
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

            fn source(&self) -> Option<SourceId> {
                self.source
            }

            fn told(self, as_of: Option<DateTime<Utc>>, source: Option<SourceId>) -> Self {
                Self {
                    as_of,
                    source,
                    ..self
                }
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

/// Whether two states are of one resource. `None` when that is not told of one of them.
pub(super) fn is_one_source(one: Option<SourceId>, two: Option<SourceId>) -> Option<bool> {
    one.zip(two).map(|(one, two)| one.may_be(two))
}

/// Whether a finding may be what is meant: the state of one resource, or where that is not told, the same of the same day.
fn may_be<T: Finding>(
    entry: &T,
    source: Option<SourceId>,
    concept: Option<&Concept>,
    since: Option<NaiveDate>,
) -> bool {
    is_one_source(entry.source(), source).unwrap_or_else(|| {
        concept.is_some_and(|concept| same(concept, entry.concept())) && may_be_one(since, entry.since())
    })
}

/// Whether an entry may be what was taken back.
pub(super) fn is_of<T: Finding>(gone: &Withdrawn, entry: &T) -> bool {
    gone.matter == T::MATTER && may_be(entry, gone.source, gone.concept.as_ref(), gone.since)
}

/// Whether an entry that is told is a state from before it was taken back.
pub(super) fn brings_back<T: Finding>(gone: &Withdrawn, told: &T, now: DateTime<Utc>) -> bool {
    is_of(gone, told) && told.as_of().unwrap_or(now) < gone.as_of
}

/// Whether an entry of another id says what was taken back, is of the same day, and is dated before that: a source that gives its
/// resources new ids may have told it before.
pub(super) fn brings_back_under_another_id<T: Finding>(gone: &Withdrawn, told: &T) -> bool {
    let is_same = gone
        .concept
        .as_ref()
        .is_some_and(|concept| same(concept, told.concept()));
    let is_before = told.as_of().is_some_and(|told| told < gone.as_of);
    gone.matter == T::MATTER && is_same && gone.since == told.since() && is_before
}

/// Whether an entry is recorded already, whatever was taken back under another id.
pub(super) fn says_again<T: Finding>(recorded: &T, told: &T) -> bool {
    is_one_source(recorded.source(), told.source()) == Some(true) || same(recorded.concept(), told.concept())
}

/// Whether both say the end of one thing.
pub(super) fn is_same_end(known: &Withdrawn, ended: &Ended) -> bool {
    let is_same_word = || {
        let concepts = known.concept.as_ref().zip(ended.concept.as_ref());
        known.since == ended.since && concepts.is_some_and(|(known, ended)| same(known, ended))
    };
    known.matter == ended.matter && is_one_source(known.source, ended.source).unwrap_or_else(is_same_word)
}

/// Whether this end was told before. Nobody knows whether one without a date is news.
pub(super) fn is_applied(known: &Withdrawn, ended: &Ended) -> bool {
    is_same_end(known, ended) && ended.as_of.is_none_or(|ended| ended <= known.as_of)
}

/// Whether an entry may be what ended.
pub(super) fn is_ended_by<T: Finding>(entry: &T, ended: &Ended) -> bool {
    may_be(entry, ended.source, ended.concept.as_ref(), ended.since)
}

/// Whether an entry says what another resource said that ended.
pub(super) fn is_alike<T: Finding>(entry: &T, ended: &Ended) -> bool {
    let is_same = ended
        .concept
        .as_ref()
        .is_some_and(|concept| same(concept, entry.concept()));
    is_same && entry.since() == ended.since && !is_ended_by(entry, ended)
}

/// Recorded entries to which something was told.
pub(super) struct Updated<T> {
    /// The recorded entries, each in the newest state that is known of it, and those that are new; with each whether it was told.
    pub(super) entries: Vec<(T, bool)>,
    /// How many of those that are told are no newer than what is recorded, and say something else.
    pub(super) older: usize,
    /// How many say something else now than the same resource did.
    pub(super) replaced: usize,
}

/// Takes in what is told.
///
/// An entry is a state of the recorded one that the same resource told. Where that is not known of one of them, it is a state of the one
/// that is the same, or else of the one of the same day, or else of one of a day that is not known. An entry of another resource is the
/// same thing only if it says the same, or is of the same day: some sources give their resources new ids with every export.
pub(super) fn updated<T: Finding>(recorded: &[T], told: &[&T], now: DateTime<Utc>) -> Updated<T> {
    let mut entries: Vec<(T, bool)> = recorded.iter().map(|entry| (entry.clone(), false)).collect();
    let mut rest: Vec<&T> = told.to_vec();
    let (mut older, mut replaced): (usize, usize) = (0, 0);
    let one_source = |known: &T, new: &T| is_one_source(known.source(), new.source());
    let alike = |known: &T, new: &T| same(known.concept(), new.concept());
    let same_day = |known: &T, new: &T| alike(known, new) && known.since() == new.since();
    let no_day = |known: &T, new: &T| alike(known, new) && (known.since().is_none() || new.since().is_none());
    type IsState<'a, T> = &'a dyn Fn(&T, &T) -> bool;
    let is_state: [IsState<'_, T>; 8] = [
        &|known, new| known.source().is_some() && known.source() == new.source(),
        &|known, new| one_source(known, new) == Some(true) && alike(known, new),
        &|known, new| one_source(known, new) == Some(true),
        &|known, new| one_source(known, new).is_none() && is_equal(known, new),
        &|known, new| one_source(known, new).is_none() && same_day(known, new),
        &|known, new| one_source(known, new).is_none() && no_day(known, new),
        &|known, new| is_equal(known, new),
        &|known, new| known.since().is_some() && same_day(known, new),
    ];
    for is_state in is_state {
        rest.retain(|new| {
            let known = entries.iter_mut().find(|(known, met)| !met && is_state(known, new));
            let Some((known, met)) = known else { return true };
            *met = true;
            let is_news = known.as_of().is_none_or(|known| new.as_of().unwrap_or(now) > known);
            if !is_news {
                older = older.saturating_add(usize::from(!is_equal(known, new)));
            } else if !is_equal(known, new) || new.as_of().is_some() {
                replaced = replaced.saturating_add(usize::from(!alike(known, new)));
                *known = taken(new, known.source(), now);
            }
            false
        });
    }
    entries.extend(rest.into_iter().map(|new| (taken(new, None, now), true)));
    Updated {
        entries,
        older,
        replaced,
    }
}

/// Whether both say the same, as of whenever.
fn is_equal<T: Finding>(one: &T, two: &T) -> bool {
    one.clone().told(None, None) == two.clone().told(None, None)
}

/// What is told, as it is recorded: without a date as of now. What was told by another server keeps its name.
fn taken<T: Finding>(told: &T, known: Option<SourceId>, now: DateTime<Utc>) -> T {
    let as_of = told.as_of().unwrap_or(now);
    let is_elsewhere = known
        .zip(told.source())
        .is_some_and(|(known, told)| known.is_of_another_server(told));
    let source = told.source().filter(|_| !is_elsewhere).or(known);
    told.clone().told(Some(as_of), source)
}

/// Takes out what ended, unless it is told beside that, or recorded in a newer state: the entry of its day, or else one where a day is
/// not known. Never one of another day, which is another episode. Tells whether there was one.
pub(super) fn take_out<T: Finding>(entries: &mut Vec<(T, bool)>, ended: &Ended, now: DateTime<Utc>) -> bool {
    let of = |is_it: &dyn Fn(&T) -> bool| entries.iter().position(|(entry, met)| !met && is_it(entry));
    let same_day = of(&|entry| is_ended_by(entry, ended) && entry.since() == ended.since);
    let found = same_day.or_else(|| of(&|entry| is_ended_by(entry, ended)));
    let as_of = ended.as_of.unwrap_or(now);
    let is_newer = |at: &usize| {
        let entry = entries.get(*at);
        entry.is_some_and(|(entry, _)| entry.as_of().is_some_and(|known| known > as_of))
    };
    let found = found.filter(|at| !is_newer(at));
    if let Some(at) = found {
        entries.remove(at);
    }
    found.is_some()
}
