//! Which states are of one resource, and which identifiers are shared by several and so name none of them.
//!
//! Nothing here depends on the order in which the states are given.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Kind;
use super::index::State;
use super::key::Key;
use super::naming::Standing;

/// Disjoint sets of states, by union and find.
pub(super) struct Sets(Vec<u32>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..u32::try_from(count).unwrap_or(u32::MAX)).collect())
    }

    fn parent(&self, state: u32) -> u32 {
        self.0.get(at(state)).copied().unwrap_or(state)
    }

    /// The set that a state is in, named by its least state.
    pub(super) fn find(&self, mut state: u32) -> u32 {
        while self.parent(state) != state {
            state = self.parent(state);
        }
        state
    }

    fn union(&mut self, one: u32, two: u32) {
        let (one, two) = (self.find(one), self.find(two));
        let (least, other) = (one.min(two), one.max(two));
        if let Some(parent) = self.0.get_mut(at(other)) {
            *parent = least;
        }
    }

    /// Every state's set.
    pub(super) fn flat(self) -> Vec<u32> {
        (0..u32::try_from(self.0.len()).unwrap_or(u32::MAX))
            .map(|state| self.find(state))
            .collect()
    }
}

pub(super) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The groups of a run.
pub(super) struct Grouped {
    /// Every state's group, named by its least state.
    pub(super) groups: Vec<u32>,
    /// The identifiers that several share: they name nobody.
    pub(super) shared: HashSet<(Kind, Key)>,
}

/// Groups the states. `whose` tells whose a state of a patient is, once the patients are grouped.
pub(super) fn group(states: &[State], whose: impl FnOnce(&[u32]) -> Vec<Option<u32>>) -> Grouped {
    let mut grouping = Grouping {
        states,
        sets: Sets::new(states.len()),
        shared: HashSet::new(),
        whose: vec![None; states.len()],
    };
    grouping.by_own_names();
    grouping.by_identifiers(|kind| !kind.is_of_a_patient());
    grouping.by_ids(|kind| !kind.is_of_a_patient());
    grouping.by_deletions(|kind| !kind.is_of_a_patient());
    let groups: Vec<u32> = (0..u32::try_from(states.len()).unwrap_or(u32::MAX))
        .map(|state| grouping.sets.find(state))
        .collect();
    grouping.whose = whose(&groups);
    grouping.by_identifiers(|kind| kind == Kind::Encounter);
    grouping.by_ids(Kind::is_of_a_patient);
    grouping.by_deletions(Kind::is_of_a_patient);
    Grouped {
        groups: grouping.sets.flat(),
        shared: grouping.shared,
    }
}

struct Grouping<'a> {
    states: &'a [State],
    sets: Sets,
    shared: HashSet<(Kind, Key)>,
    whose: Vec<Option<u32>>,
}

impl<'a> Grouping<'a> {
    fn each(&self) -> impl Iterator<Item = (u32, &'a State)> + use<'a> {
        (0..).zip(self.states)
    }

    fn state(&self, number: u32) -> Option<&'a State> {
        self.states.get(at(number))
    }

    /// An address that names one resource everywhere names one resource.
    fn by_own_names(&mut self) {
        let mut first: HashMap<(Kind, Key), u32> = HashMap::new();
        for (number, state) in self.each() {
            if let Some(own) = state.likeness.own.filter(|_| state.is_own_global) {
                let first = *first.entry((state.kind, own)).or_insert(number);
                self.sets.union(first, number);
            }
        }
    }

    /// A deletion tells an id, and no more: it is of the resource of that id which is nearest, if there is one.
    fn by_deletions(&mut self, of: impl Fn(Kind) -> bool) {
        let mut there: HashMap<(Kind, Key), Vec<u32>> = HashMap::new();
        for (number, state) in self
            .each()
            .filter(|(_, state)| of(state.kind) && !state.deleted && state.contained.is_none())
        {
            if let Some(id) = state.id {
                there.entry((state.kind, id)).or_default().push(number);
            }
        }
        for (number, state) in self
            .each()
            .filter(|(_, state)| of(state.kind) && state.deleted && !state.is_own_global)
        {
            let all = state.id.and_then(|id| there.get(&(state.kind, id)));
            let all = || {
                all.into_iter()
                    .flatten()
                    .filter_map(|other| Some((*other, self.state(*other)?)))
            };
            let in_file = |other: &State| other.file == state.file;
            let in_document = |other: &State| in_file(other) && other.document == state.document;
            for nearness in [&in_document as &dyn Fn(&State) -> bool, &in_file, &|_: &State| true] {
                let near: Vec<u32> = all()
                    .filter(|(_, other)| nearness(other))
                    .map(|(number, _)| number)
                    .collect();
                let Some(first) = near.first() else { continue };
                if near
                    .iter()
                    .all(|other| self.sets.find(*other) == self.sets.find(*first))
                {
                    self.sets.union(*first, number);
                }
                break;
            }
        }
    }

    /// Those who have an identifier in common are one, unless any two of them cannot be: then it names none of them.
    fn by_identifiers(&mut self, of: impl Fn(Kind) -> bool) {
        let mut holders: BTreeMap<(Kind, Key), Vec<(u32, Standing)>> = BTreeMap::new();
        for (number, state) in self.each().filter(|(_, state)| of(state.kind)) {
            for (standing, identifier) in &state.identifiers {
                if *standing != Standing::Nobody {
                    holders
                        .entry((state.kind, *identifier))
                        .or_default()
                        .push((number, *standing));
                }
            }
        }
        for (identifier, holders) in holders {
            if self.are_several(&holders) {
                self.shared.insert(identifier);
            } else if let Some((first, _)) = holders.first() {
                for (other, _) in &holders {
                    self.sets.union(*first, *other);
                }
            }
        }
    }

    fn are_several(&self, holders: &[(u32, Standing)]) -> bool {
        let typed = holders
            .iter()
            .all(|(_, standing)| matches!(standing, Standing::Best | Standing::Typed | Standing::Former))
            && holders.iter().any(|(_, standing)| *standing != Standing::Former);
        let mut distinct: Vec<u32> = Vec::new();
        for (number, _) in holders {
            let Some(state) = self.state(*number) else { continue };
            let same = |other: &u32| {
                self.state(*other).is_some_and(|other| other.likeness == state.likeness)
                    && self.whose(*other) == self.whose(*number)
            };
            if distinct.iter().any(same) {
                continue;
            }
            let contradicted = distinct.iter().any(|other| {
                self.sets.find(*other) != self.sets.find(*number) && self.contradict(*other, *number, typed)
            });
            if contradicted {
                return true;
            }
            distinct.push(*number);
        }
        false
    }

    fn whose(&self, number: u32) -> Option<u32> {
        self.whose.get(at(number)).copied().flatten()
    }

    fn contradict(&self, one: u32, two: u32, typed: bool) -> bool {
        let others = self
            .whose(one)
            .zip(self.whose(two))
            .is_some_and(|(one, two)| one != two);
        let (Some(one), Some(two)) = (self.state(one), self.state(two)) else {
            return false;
        };
        others || one.likeness.contradicts(&two.likeness, typed)
    }

    /// An id that is no address names one resource of a file. Beyond that, it is one resource only where nothing speaks against
    /// it and something for it: no identifier names both, and they are alike; or they are the same patient's.
    fn by_ids(&mut self, of: impl Fn(Kind) -> bool) {
        let mut holders: BTreeMap<(Kind, Key), Vec<u32>> = BTreeMap::new();
        for (number, state) in self.each().filter(|(_, state)| of(state.kind) && !state.is_own_global) {
            if let Some(own) = state.likeness.own {
                holders.entry((state.kind, own)).or_default().push(number);
            }
        }
        for holders in holders.values() {
            let mut distinct: Vec<u32> = Vec::new();
            for number in holders {
                match distinct.iter().find(|other| self.is_one_by_id(**other, *number)) {
                    Some(other) => self.sets.union(*other, *number),
                    None => distinct.push(*number),
                }
            }
        }
    }

    fn is_one_by_id(&self, one: u32, two: u32) -> bool {
        let (Some(left), Some(right)) = (self.state(one), self.state(two)) else {
            return false;
        };
        if left.kind.is_of_a_patient() {
            let same_patient = self.whose(one).is_some() && self.whose(one) == self.whose(two);
            let deleted = left.deleted || right.deleted;
            return (same_patient || (deleted && left.file == right.file)) && left.contained.is_none();
        }
        if left.file == right.file {
            return left.deleted || right.deleted || !left.likeness.contradicts(&right.likeness, false);
        }
        let named = |state: &State| state.identifiers.iter().any(|(standing, _)| standing.names());
        let is_alike = !left.likeness.contradicts(&right.likeness, false) && left.likeness.resembles(&right.likeness);
        !(named(left) && named(right)) && (left.deleted || right.deleted || is_alike)
    }
}
