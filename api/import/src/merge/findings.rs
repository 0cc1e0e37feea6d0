//! Which findings are states of one another, and which of two states counts.

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::{Concept, SourceId, Sources};
use domain::patient::{Abated, Allergy, Condition, Matter, Medication, Withdrawn};

use super::{Beside, Ended};

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
    /// What its sources call it.
    fn sources(&self) -> &Sources;
    /// What the source calls it that told it last: of what is told, the one that tells it.
    fn source(&self) -> Option<SourceId> {
        self.sources().last()
    }
    /// Whether it is over.
    fn is_over(&self) -> bool;
    /// Whether what is known of its end is known of this one too, or may be.
    fn ends_like(&self, known: &Self) -> bool;
    /// The same with what is known of it and not told. Of the state of the very resource that told it all is told, but for what
    /// `is_unsaid`: how critical an allergy is.
    fn completed(self, known: &Self, is_same_resource: bool, is_unsaid: bool) -> Self;
    /// The same, as of another time, and called otherwise.
    fn told(self, as_of: Option<DateTime<Utc>>, sources: Sources) -> Self;
}

macro_rules! finding {
    ($kind:ident, $matter:ident, $since:expr, { $($rules:item)* }) => {
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

            fn sources(&self) -> &Sources {
                &self.sources
            }

            fn told(self, as_of: Option<DateTime<Utc>>, sources: Sources) -> Self {
                Self {
                    as_of,
                    sources,
                    ..self
                }
            }

            $($rules)*
        }
    };
}

finding!(Condition, Conditions, |condition| condition.onset, {
    fn is_over(&self) -> bool {
        self.abated.is_some()
    }

    fn ends_like(&self, known: &Self) -> bool {
        match (self.abated, known.abated) {
            (Some(Abated::On(one)), Some(Abated::On(two))) => one == two,
            (told, Some(Abated::On(_))) => told.is_some(),
            _ => true,
        }
    }

    fn completed(self, known: &Self, is_same_resource: bool, _: bool) -> Self {
        if is_same_resource {
            return self;
        }
        let abated = match self.abated {
            Some(Abated::Unknown) => known.abated.or(self.abated),
            told => told,
        };
        Self {
            onset: self.onset.or(known.onset),
            abated,
            ..self
        }
    }
});
finding!(Allergy, Allergies, |_| None, {
    fn is_over(&self) -> bool {
        false
    }

    fn ends_like(&self, _: &Self) -> bool {
        true
    }

    fn completed(self, known: &Self, _: bool, is_unsaid: bool) -> Self {
        Self {
            high_criticality: self.high_criticality || (is_unsaid && known.high_criticality),
            ..self
        }
    }
});
finding!(Medication, Medications, |medication| medication.since, {
    fn is_over(&self) -> bool {
        !self.active
    }

    fn ends_like(&self, _: &Self) -> bool {
        true
    }

    fn completed(self, known: &Self, is_same_resource: bool, _: bool) -> Self {
        Self {
            since: self.since.or(known.since.filter(|_| !is_same_resource)),
            ..self
        }
    }
});

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
    entry.sources().have(source).unwrap_or_else(|| {
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
/// resources new ids may have told it before. Two resources of one server, or of two, are two.
pub(super) fn brings_back_under_another_id<T: Finding>(gone: &Withdrawn, told: &T) -> bool {
    let is_same = gone
        .concept
        .as_ref()
        .is_some_and(|concept| same(concept, told.concept()));
    let is_before = told.as_of().is_some_and(|told| told < gone.as_of);
    let are_two = gone
        .source
        .zip(told.source())
        .is_some_and(|(gone, told)| gone.is_beside(told));
    gone.matter == T::MATTER && is_same && gone.since == told.since() && is_before && !are_two
}

/// Whether an entry is recorded already, whatever was taken back under another id.
pub(super) fn says_again<T: Finding>(recorded: &T, told: &T) -> bool {
    recorded.sources().have(told.source()) == Some(true) || same(recorded.concept(), told.concept())
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
    /// How many are over, and nothing tells which of several that are recorded they are.
    pub(super) unclear: usize,
}

/// Takes in what is told.
///
/// An entry is a state of the recorded one that the same resource told. Where that is not known of one of them, it is a state of the one
/// that is the same, or else of the one of the same day, or else of one of a day that is not known ([`without_day`]). An entry of another
/// resource is the same thing only if it says the same, or is of the same day: some sources give their resources new ids with every
/// export. What is known of an entry and is not told of it stays.
pub(super) fn updated<T: Finding>(recorded: &[T], told: &[&T], beside: &Beside, now: DateTime<Utc>) -> Updated<T> {
    let mut updated = Updated {
        entries: recorded.iter().map(|entry| (entry.clone(), false)).collect(),
        older: 0,
        replaced: 0,
        unclear: 0,
    };
    let mut rest: Vec<&T> = told.to_vec();
    let one_source = |known: &T, new: &T| known.sources().have(new.source());
    let alike = |known: &T, new: &T| same(known.concept(), new.concept());
    let same_day = |known: &T, new: &T| alike(known, new) && known.since() == new.since();
    // Without a day nothing but its end tells one episode from another.
    let may_be_one = |known: &T, new: &T| same_day(known, new) && (new.since().is_some() || new.ends_like(known));
    type IsState<'a, T> = &'a dyn Fn(&T, &T) -> bool;
    let is_state: [IsState<'_, T>; 5] = [
        &|known, new| known.sources().have_certainly(new.source()),
        &|known, new| one_source(known, new) == Some(true) && alike(known, new),
        &|known, new| one_source(known, new) == Some(true),
        &|known, new| one_source(known, new).is_none() && is_equal(known, new),
        &|known, new| one_source(known, new).is_none() && may_be_one(known, new),
    ];
    for is_state in is_state {
        rest.retain(|new| !updated.meet(new, &is_state, beside, now));
    }
    rest.retain(|new| match without_day(&updated.entries, *new) {
        Which::None => true,
        Which::One(at) => {
            updated.take_in(at, new, beside, now);
            false
        }
        Which::Several => {
            updated.unclear = updated.unclear.saturating_add(1);
            false
        }
    });
    let is_state: [IsState<'_, T>; 2] = [&|known, new| is_equal(known, new), &|known, new| {
        // A server that gives no new ids has two.
        known.since().is_some() && same_day(known, new) && !known.sources().have_beside(new.source())
    }];
    for is_state in is_state {
        rest.retain(|new| !updated.meet(new, &is_state, beside, now));
    }
    let new = rest.into_iter().map(|new| (taken(new.clone(), now), true));
    updated.entries.extend(new);
    updated
}

impl<T: Finding> Updated<T> {
    /// Takes in what is told as a state of the first entry that it is one of. Whether there is one.
    fn meet(&mut self, new: &T, is_state: &dyn Fn(&T, &T) -> bool, beside: &Beside, now: DateTime<Utc>) -> bool {
        let at = self
            .entries
            .iter()
            .position(|(known, met)| !met && is_state(known, new));
        if let Some(at) = at {
            self.take_in(at, new, beside, now);
        }
        at.is_some()
    }

    fn take_in(&mut self, at: usize, new: &T, beside: &Beside, now: DateTime<Utc>) {
        let Some((known, met)) = self.entries.get_mut(at) else {
            return;
        };
        *met = true;
        let is_same_resource = known.sources().have(new.source()) == Some(true);
        // What was known of where its resource stands stays known.
        let source = new.source().map(|source| known.sources().completed(source));
        let new = &new.clone().told(new.as_of(), source.into());
        let is_unsaid = beside.leaves_open(new);
        let is_replaced = !same(known.concept(), new.concept());
        let is_news = known.as_of().is_none_or(|known| new.as_of().unwrap_or(now) > known);
        let new = new.clone().completed(known, is_same_resource, is_unsaid);
        let others = known.sources().clone().without(new.source());
        if is_equal(known, &new) {
            *known = told_again(known, new, others, is_news);
        } else if !(is_news || (is_same_resource && is_not_last(known, new.source()))) {
            self.older = self.older.saturating_add(1);
        } else {
            self.replaced = self.replaced.saturating_add(usize::from(is_replaced));
            if is_same_resource && others != Sources::default() {
                // The others tell still what they told.
                *known = known.clone().told(known.as_of(), others);
                self.entries.push((taken(new, now), true));
            } else {
                *known = told_otherwise(new, others, now);
            }
        }
    }
}

/// Whether another resource has told an entry since this one did: the entry's date is that one's, and nobody knows this one's any more.
fn is_not_last<T: Finding>(known: &T, source: Option<SourceId>) -> bool {
    known
        .source()
        .zip(source)
        .is_some_and(|(last, source)| !last.may_be(source))
}

/// An entry of which the same is told once more, by the same resource or by another. The last of its sources is the one of its date.
fn told_again<T: Finding>(known: &T, new: T, others: Sources, is_news: bool) -> T {
    match new.as_of() {
        Some(as_of) if is_news => {
            let sources = others.with(new.source());
            new.told(Some(as_of), sources)
        }
        _ if known.sources().have(new.source()) == Some(true) => known.clone(),
        _ => {
            let sources = new.source().into_iter().chain(others.list().iter().copied());
            known.clone().told(known.as_of(), Sources::new(sources))
        }
    }
}

/// An entry of which something else is told. What was told by other servers, or by the same resource, keeps its names.
fn told_otherwise<T: Finding>(new: T, others: Sources, now: DateTime<Utc>) -> T {
    let new = taken(new, now);
    let is_elsewhere = |source: SourceId| others.list().iter().any(|one| one.is_elsewhere(source));
    if new.source().is_some_and(|source| !is_elsewhere(source)) {
        return new;
    }
    let sources = others.with(new.source());
    let as_of = new.as_of();
    new.told(as_of, sources)
}

/// Which entry something is a state of.
enum Which {
    One(usize),
    Several,
    None,
}

/// The entry of which something is a state where one of both tells no day and no source. What is still so is no news of what is over: it
/// is another episode. What is over ends the one that is open, if that is the only one that it can be.
fn without_day<T: Finding>(entries: &[(T, bool)], new: &T) -> Which {
    let may_be_one = |known: &T| {
        known.sources().have(new.source()).is_none()
            && same(known.concept(), new.concept())
            && (known.since().is_none() || new.since().is_none())
            && new.ends_like(known)
            // The one that tells a day may have been over before the other one began.
            && (known.is_over() == new.is_over() || (new.is_over() && new.since().is_none()))
    };
    let all = || {
        let known = entries.iter().enumerate();
        known.filter(|(_, (known, met))| !met && may_be_one(known))
    };
    let is_open = all().any(|(_, (known, _))| !known.is_over());
    match (all().next(), all().count()) {
        (None, _) => Which::None,
        (Some(_), 2..) if new.is_over() && is_open => Which::Several,
        (Some((at, _)), _) => Which::One(at),
    }
}

/// Whether both say the same, as of whenever.
fn is_equal<T: Finding>(one: &T, two: &T) -> bool {
    one.clone().told(None, Sources::default()) == two.clone().told(None, Sources::default())
}

/// What is told, as it is recorded: without a date as of now.
fn taken<T: Finding>(told: T, now: DateTime<Utc>) -> T {
    let (as_of, sources) = (told.as_of().unwrap_or(now), told.sources().clone());
    told.told(Some(as_of), sources)
}

/// What became of what ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Out {
    /// It is taken out.
    Taken,
    /// It stays, for others tell it still.
    Alike,
    /// It is not there, or in a newer state.
    NotThere,
    /// It may be one of several.
    Unclear,
}

/// Takes out what ended, unless it is told beside that, or recorded in a newer state: the entry of its day, or else the only one where a
/// day is not known. Never one of another day, which is another episode. What other resources tell still stays, and is not this one's.
pub(super) fn take_out<T: Finding>(entries: &mut Vec<(T, bool)>, ended: &Ended, now: DateTime<Utc>) -> Out {
    let as_of = ended.as_of.unwrap_or(now);
    let is_newer = |entry: &T| entry.as_of().is_some_and(|known| known > as_of);
    let mut is_alike = false;
    for (entry, met) in entries.iter_mut() {
        let others = entry.sources().clone().without(ended.source);
        let is_one_of_several = others != *entry.sources() && others != Sources::default();
        // The date is that of the one that told it last.
        let is_last = entry.source() != others.last();
        if is_one_of_several && !(is_last && (*met || is_newer(entry))) {
            *entry = entry.clone().told(entry.as_of(), others);
            is_alike = true;
        }
    }
    let all = entries.iter().enumerate();
    let all = all.filter(|(_, (entry, met))| !met && is_ended_by(entry, ended));
    let mut all: Vec<(usize, bool, bool)> = all
        .map(|(at, (entry, _))| (at, entry.since() == ended.since, is_newer(entry)))
        .collect();
    if all.iter().any(|(_, is_same_day, _)| *is_same_day) {
        all.retain(|(_, is_same_day, _)| *is_same_day);
        all.truncate(1);
    }
    match all.as_slice() {
        [(at, _, false)] => {
            entries.remove(*at);
            Out::Taken
        }
        _ if is_alike => Out::Alike,
        [] | [_] => Out::NotThere,
        _ => Out::Unclear,
    }
}
