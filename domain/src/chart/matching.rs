//! Which findings are states of one another, and which of two states counts.

use chrono::{DateTime, NaiveDate, Utc};

use super::concepts::same;
use super::contents::Withdrawn;
use super::finding::SourcedFinding;
use super::list::{Entry, FindingId};
use super::report::Ended;
use crate::kernel::{Concept, SourceId, Sources};

/// Whether two days may be one.
fn may_be_one(one: Option<NaiveDate>, two: Option<NaiveDate>) -> bool {
    one.is_none() || two.is_none() || one == two
}

/// Whether two states are of one resource. `None` when that is not told of one of them.
pub(super) fn is_one_source(one: Option<SourceId>, two: Option<SourceId>) -> Option<bool> {
    one.zip(two).map(|(one, two)| one.may_be(two))
}

/// Whether a finding may be what is meant: the state of one resource, or where that is not told, the same of the same day.
fn may_be<T: SourcedFinding>(
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
pub(super) fn is_of<T: SourcedFinding>(gone: &Withdrawn, entry: &T) -> bool {
    gone.list == T::LIST && may_be(entry, gone.source, gone.concept.as_ref(), gone.since)
}

/// Whether an entry that is told is a state from before it was taken back.
pub(super) fn brings_back<T: SourcedFinding>(gone: &Withdrawn, told: &T, now: DateTime<Utc>) -> bool {
    is_of(gone, told) && told.as_of().unwrap_or(now) < gone.as_of
}

/// Whether an entry of another id says what was taken back, is of the same day, and is dated before that: a source that gives its
/// resources new ids may have told it before. Two resources of one server, or of two, are two.
pub(super) fn brings_back_under_another_id<T: SourcedFinding>(gone: &Withdrawn, told: &T) -> bool {
    let is_same = gone
        .concept
        .as_ref()
        .is_some_and(|concept| same(concept, told.concept()));
    let is_before = told.as_of().is_some_and(|told| told < gone.as_of);
    let are_two = gone
        .source
        .zip(told.source())
        .is_some_and(|(gone, told)| gone.is_beside(told));
    gone.list == T::LIST && is_same && gone.since == told.since() && is_before && !are_two
}

/// Whether an entry is noted already, whatever was taken back under another id.
pub(super) fn says_again<T: SourcedFinding>(noted: &T, told: &T) -> bool {
    noted.sources().have(told.source()) == Some(true) || same(noted.concept(), told.concept())
}

/// Whether both say the end of one thing.
pub(super) fn is_same_end(known: &Withdrawn, ended: &Ended) -> bool {
    let is_named_alike = || {
        let concepts = known.concept.as_ref().zip(ended.concept.as_ref());
        known.since == ended.since && concepts.is_some_and(|(known, ended)| same(known, ended))
    };
    known.list == ended.list && is_one_source(known.source, ended.source).unwrap_or_else(is_named_alike)
}

/// Whether this end was told before. Nobody knows whether one without a date is news.
pub(super) fn is_applied(known: &Withdrawn, ended: &Ended) -> bool {
    is_same_end(known, ended) && ended.as_of.is_none_or(|ended| ended <= known.as_of)
}

/// Whether an entry may be what ended.
pub(super) fn is_ended_by<T: SourcedFinding>(entry: &T, ended: &Ended) -> bool {
    may_be(entry, ended.source, ended.concept.as_ref(), ended.since)
}

/// Whether an entry says what another resource said that ended.
pub(super) fn is_alike<T: SourcedFinding>(entry: &T, ended: &Ended) -> bool {
    let is_same = ended
        .concept
        .as_ref()
        .is_some_and(|concept| same(concept, entry.concept()));
    is_same && entry.since() == ended.since && !is_ended_by(entry, ended)
}

/// A finding while a report is taken in.
#[derive(Clone)]
pub(super) struct Matched<T> {
    /// Its id, if it was noted before.
    pub(super) id: Option<FindingId>,
    /// What it is now.
    pub(super) finding: T,
    /// What the sources call the resources that tell it, each as far as that is known.
    told_by: Vec<Option<SourceId>>,
}

impl<T: SourcedFinding> Matched<T> {
    fn new(finding: T) -> Self {
        Self {
            id: None,
            told_by: vec![finding.source()],
            finding,
        }
    }
}

impl<T> Matched<T> {
    /// Whether it is told.
    pub(super) const fn is_told(&self) -> bool {
        !self.told_by.is_empty()
    }
}

/// Noted findings to which something was told.
pub(super) struct Updated<T> {
    /// The noted ones, each in the newest state that is known of it, and those that are new.
    pub(super) entries: Vec<Matched<T>>,
    /// How many of those that are told are no newer than what is noted, and say something else.
    pub(super) older: usize,
    /// How many say something else now than the same resource did.
    pub(super) replaced: usize,
    /// How many are over, and nothing tells which of several that are noted they are.
    pub(super) unclear: usize,
    /// How many are taken for what is noted under another id, though only one of the two says that it is over.
    pub(super) under_another_id: usize,
    /// How many are over, and may be what is noted without a day.
    pub(super) may_be_over: usize,
}

/// Takes in what is told.
///
/// An entry is a state of the noted one that the same resource told. Where that is not known of one of them, it is a state of the one
/// that is the same, or else of the one of the same day, or else of one of a day that is not known ([`without_day`]). An entry of another
/// resource is the same thing only if it says the same, or is of the same day: some sources give their resources new ids with every
/// export. What is known of an entry and is not told of it stays.
pub(super) fn updated<T: SourcedFinding>(noted: &[Entry<T>], told: &[&T], now: DateTime<Utc>) -> Updated<T> {
    let mut updated = Updated {
        entries: noted.iter().map(not_told).collect(),
        older: 0,
        replaced: 0,
        unclear: 0,
        under_another_id: 0,
        may_be_over: 0,
    };
    let mut rest: Vec<&T> = told.to_vec();
    let one_source = |known: &T, new: &T| known.sources().have(new.source());
    let alike = |known: &T, new: &T| same(known.concept(), new.concept());
    let same_day = |known: &T, new: &T| alike(known, new) && known.since() == new.since();
    // Without a day nothing but its end tells one episode from another.
    let may_be_one = |known: &T, new: &T| same_day(known, new) && (new.since().is_some() || new.ends_like(known));
    type IsState<'a, T> = &'a dyn Fn(&T, &T) -> bool;
    let is_state: [IsState<'_, T>; 6] = [
        // Of several that a resource has told it is a state of the one that it told last.
        &|known, new| new.source().is_some() && known.source() == new.source(),
        &|known, new| known.sources().have_certainly(new.source()),
        &|known, new| one_source(known, new) == Some(true) && alike(known, new),
        &|known, new| one_source(known, new) == Some(true),
        &|known, new| one_source(known, new).is_none() && is_equal(known, new),
        &|known, new| one_source(known, new).is_none() && may_be_one(known, new),
    ];
    for is_state in is_state {
        rest.retain(|new| !updated.meet(new, &is_state, now));
    }
    rest.retain(|new| match without_day(&updated.entries, *new) {
        Which::None => true,
        Which::One(at) => {
            updated.take_in(at, new, now);
            false
        }
        Which::Several => {
            updated.unclear = updated.unclear.saturating_add(1);
            false
        }
    });
    rest.retain(|new| !updated.meet(new, &|known, new| is_equal(known, new), now));
    rest.retain(|new| !updated.meet_under_another_id(new, &same_day, now));
    // Another state of the same report was of it, too: both resources tell it.
    rest.retain(|new| {
        let is_theirs = |known: &Matched<T>| known.is_told() && known.finding.sources().have_certainly(new.source());
        let at = updated.entries.iter().position(is_theirs);
        at.inspect(|at| updated.take_in(*at, new, now)).is_none()
    });
    // Of each that is over, whether it may be the end of one without a day, or is one of its own.
    let open = |known: &&Matched<T>| !known.is_told() && !known.finding.is_over() && known.finding.since().is_none();
    let open = || updated.entries.iter().filter(open).map(|known| &known.finding);
    let is_of_one = |new: &T| open().any(|known| one_source(known, new).is_none() && alike(known, new));
    let over = rest.iter().filter(|new| new.is_over() && new.since().is_some());
    updated.may_be_over = over.filter(|new| is_of_one(new)).count();
    for new in rest {
        let is_said = |known: &Matched<T>| {
            let is_sourced = known.finding.source().is_some() && new.source().is_some();
            // What is compared first costs nothing: a history has a thousand findings.
            let is_named_so = known.finding.concept() == new.concept();
            known.is_told() && is_sourced && is_named_so && is_equal(&known.finding, new)
        };
        match updated.entries.iter().position(is_said) {
            // Two resources of one report say the same: over two reports they tell one thing as well.
            Some(at) => updated.take_in(at, new, now),
            None => updated.entries.push(Matched::new(taken(new.clone(), now))),
        }
    }
    updated
}

fn not_told<T: Clone>(entry: &Entry<T>) -> Matched<T> {
    Matched {
        id: Some(entry.id),
        finding: entry.finding.clone(),
        told_by: Vec::new(),
    }
}

impl<T: SourcedFinding> Updated<T> {
    /// Takes in what is told as a state of the first entry that it is one of. Whether there is one.
    fn meet(&mut self, new: &T, is_state: &dyn Fn(&T, &T) -> bool, now: DateTime<Utc>) -> bool {
        let at = self
            .entries
            .iter()
            .position(|known| !known.is_told() && is_state(&known.finding, new));
        if let Some(at) = at {
            self.take_in(at, new, now);
        }
        at.is_some()
    }

    /// As [`Self::meet`], for what is of the same day and has another id. A server that gives no new ids has two.
    fn meet_under_another_id(&mut self, new: &T, same_day: &dyn Fn(&T, &T) -> bool, now: DateTime<Utc>) -> bool {
        let is_state =
            |known: &T| known.since().is_some() && same_day(known, new) && !known.sources().have_beside(new.source());
        let mut all = self.entries.iter();
        let Some(at) = all.position(|known| !known.is_told() && is_state(&known.finding)) else {
            return false;
        };
        let is_doubtful = self
            .entries
            .get(at)
            .is_some_and(|known| known.finding.is_over() != new.is_over());
        let older = self.older;
        self.take_in(at, new, now);
        if is_doubtful {
            (self.older, self.under_another_id) = (older, self.under_another_id.saturating_add(1));
        }
        true
    }

    fn take_in(&mut self, at: usize, new: &T, now: DateTime<Utc>) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        entry.told_by.push(new.source());
        let known = &mut entry.finding;
        let is_same_resource = known.sources().have(new.source()) == Some(true);
        // What was known of where its resource stands stays known.
        let source = new.source().map(|source| known.sources().completed(source));
        let new = &new.clone().told(new.as_of(), source.into());
        let is_replaced = !same(known.concept(), new.concept());
        let is_news = known.as_of().is_none_or(|known| new.as_of().unwrap_or(now) > known);
        let new = new.clone().completed(known, is_same_resource);
        let others = known.sources().clone().without(new.source());
        // Another resource may have told it since, and later than this one tells otherwise.
        let told_before = new.source().and_then(|source| known.told_by(source));
        let is_own_news = is_same_resource && told_before.is_none_or(|before| new.as_of().unwrap_or(now) > before);
        if is_equal(known, &new) {
            *known = told_again(known, new, others, is_news);
        } else if !(is_news || is_own_news) {
            // What people noted here has no source until an older state tells of it, and says less than that may.
            let is_by_people = known.sources().list().is_empty() && new.source().is_some();
            let told = if is_by_people { &new } else { &*known };
            let sources = told.sources().clone();
            *known = known
                .clone()
                .completed(&new, !is_by_people)
                .told(known.as_of(), sources);
            if !is_equal(known, &new) {
                self.older = self.older.saturating_add(1);
            }
        } else {
            self.replaced = self.replaced.saturating_add(usize::from(is_replaced));
            if is_same_resource && others != Sources::default() {
                // The others tell still what they told, but not now.
                entry.told_by.retain(|source| *source != new.source());
                *known = known.clone().not_told_by(new.source());
                self.entries.push(Matched::new(taken(new, now)));
            } else {
                *known = told_otherwise(new, others, now);
            }
        }
    }
}

/// An entry of which the same is told once more, by the same resource or by another. The last of its sources is the one of its date.
fn told_again<T: SourcedFinding>(known: &T, new: T, others: Sources, is_news: bool) -> T {
    match (new.as_of(), new.source()) {
        (Some(as_of), source) if is_news => {
            let others = match others.last() {
                Some(last) => others.with_earlier(last, known.told_by(last)),
                None => others,
            };
            new.told(Some(as_of), others.with(source))
        }
        (as_of, Some(source)) => {
            let before = known.told_by(source);
            if known.source().is_some_and(|last| last.may_be(source)) || (before.is_some() && as_of <= before) {
                return known.clone();
            }
            let sources = known.sources().clone().with_earlier(source, as_of);
            known.clone().told(known.as_of(), sources)
        }
        (_, None) => known.clone(),
    }
}

/// An entry of which something else is told. What was told by other servers, or by the same resource, keeps its names.
fn told_otherwise<T: SourcedFinding>(new: T, others: Sources, now: DateTime<Utc>) -> T {
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
/// is another episode, unless it is told as of before that. What is over ends the one that is open, if that is the only one that it can be.
fn without_day<T: SourcedFinding>(entries: &[Matched<T>], new: &T) -> Which {
    // The one that tells a day may have been over before the other one began.
    let may_end = |known: &T| {
        new.ends_like(known) && (known.is_over() == new.is_over() || (new.is_over() && new.since().is_none()))
    };
    let was_so = |known: &T| {
        let told = new.as_of().filter(|_| known.is_over() && !new.is_over());
        told.is_some_and(|told| known.as_of() > Some(told))
    };
    let may_be_one = |known: &T| {
        known.sources().have(new.source()).is_none()
            && same(known.concept(), new.concept())
            && (known.since().is_none() || new.since().is_none())
            && (may_end(known) || was_so(known))
    };
    let all = || {
        let known = entries.iter().enumerate();
        known.filter(|(_, known)| !known.is_told() && may_be_one(&known.finding))
    };
    let is_open = all().any(|(_, known)| !known.finding.is_over());
    match (all().next(), all().count()) {
        (None, _) => Which::None,
        (Some(_), 2..) if new.is_over() && is_open => Which::Several,
        (Some((at, _)), _) => Which::One(at),
    }
}

/// Whether both say the same, as of whenever.
fn is_equal<T: SourcedFinding>(one: &T, two: &T) -> bool {
    one.clone().told(None, Sources::default()) == two.clone().told(None, Sources::default())
}

/// What is told, as it is noted: without a date as of now.
fn taken<T: SourcedFinding>(told: T, now: DateTime<Utc>) -> T {
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

/// Takes out what ended, unless it is told beside that, or noted in a newer state: the entry of its day, or else the only one where a
/// day is not known. Never one of another day, which is another episode. What other resources tell still stays, and is not this one's.
pub(super) fn take_out<T: SourcedFinding>(entries: &mut Vec<Matched<T>>, ended: &Ended, now: DateTime<Utc>) -> Out {
    let as_of = ended.as_of.unwrap_or(now);
    let is_newer = |entry: &T| entry.as_of().is_some_and(|known| known > as_of);
    let is_newer_itself = |entry: &T| {
        let told = ended.source.and_then(|source| entry.told_by(source));
        told.is_some_and(|told| told > as_of)
    };
    let mut is_alike = false;
    for Matched {
        finding: entry,
        told_by,
        ..
    } in entries.iter_mut()
    {
        let others = entry.sources().clone().without(ended.source);
        let is_one_of_several = others != *entry.sources() && others != Sources::default();
        let is_told_by_it = told_by
            .iter()
            .any(|teller| is_one_source(*teller, ended.source) == Some(true));
        if is_one_of_several && !is_told_by_it && !is_newer_itself(entry) {
            *entry = entry.clone().not_told_by(ended.source);
            is_alike = true;
        }
    }
    let all = entries.iter().enumerate();
    let all = all.filter(|(_, entry)| !entry.is_told() && is_ended_by(&entry.finding, ended));
    let mut all: Vec<(usize, bool, bool)> = all
        .map(|(at, Matched { finding, .. })| (at, finding.since() == ended.since, is_newer(finding)))
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
