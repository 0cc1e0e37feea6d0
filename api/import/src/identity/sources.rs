//! Which places are of one source: they call a patient the same. What is told by an id alone is another resource at another source.

use std::collections::HashMap;

use super::Kind;
use super::key::Key;
use super::state::{Folders, State};
use crate::disjoint_sets::DisjointSets;

/// What one source tells at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Place {
    /// A bundle of a file.
    Bundle(u32, u32),
    /// What stands alone in a file.
    File(u32),
    /// A folder, for its files that tell of no patient.
    Folder(u32),
}

impl Place {
    /// Where a state stands.
    const fn of(state: &State) -> Self {
        match state.bundle {
            Some(bundle) => Self::Bundle(state.file, bundle),
            None => Self::File(state.file),
        }
    }
}

/// The places that tell of patients under ids, and which of these are of one source.
#[derive(Default)]
pub(super) struct Sources {
    places: HashMap<Place, u32>,
    sets: DisjointSets,
}

impl Sources {
    /// Of these states, of whose groups those of patients count.
    pub(super) fn of(states: &[State], groups: &[u32], folders: &Folders) -> Self {
        let mut places: HashMap<Place, u32> = HashMap::new();
        let mut pairs = Vec::new();
        // A folder may have several sources' bundles: it is compared with folders alone.
        let mut known: HashMap<(bool, Key, u32), u32> = HashMap::new();
        for (state, group) in states.iter().zip(groups) {
            let is_told = state.kind == Kind::Patient && !state.deleted && state.is_id_told();
            let Some(id) = state.id.filter(|_| is_told) else {
                continue;
            };
            let folder = folders.get(&state.file).map(|folder| (true, Place::Folder(*folder)));
            for (is_folder, place) in [(false, Place::of(state))].into_iter().chain(folder) {
                let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
                let place = *places.entry(place).or_insert(next);
                pairs.push((*known.entry((is_folder, id, *group)).or_insert(place), place));
            }
        }
        let mut sets = DisjointSets::new(places.len());
        for (one, other) in pairs {
            sets.union(one, other);
        }
        Self { places, sets }
    }

    /// The place in which a state is told: its own, or its folder where what stands alone in its file tells of no patient.
    pub(super) fn place_of(&self, state: &State, folders: &Folders) -> Place {
        let own = Place::of(state);
        let folder = folders.get(&state.file).map(|folder| Place::Folder(*folder));
        match own {
            Place::File(_) if !self.places.contains_key(&own) => folder.unwrap_or(own),
            own => own,
        }
    }

    /// The source of a place that tells of patients. What stands elsewhere may be anybody's.
    pub(super) fn source_of(&self, place: Place) -> Option<u32> {
        self.places.get(&place).map(|place| self.sets.find(*place))
    }

    /// Whether two folders are of two sources.
    pub(super) fn are_two(&self, one: u32, other: u32) -> bool {
        let source = |folder| self.source_of(Place::Folder(folder));
        source(one).zip(source(other)).is_some_and(|(one, other)| one != other)
    }
}
