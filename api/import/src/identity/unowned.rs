//! What is no person and no patient's: medications, roles and organisations. Where they are told by an id alone, another server has another
//! resource of that id. They are one beyond their file where both say the same, so that it does not matter, and where both are of one
//! source: it calls a patient the same in both.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::Kind;
use super::key::Key;
use super::likeness::Word;
use super::state::{Folders, State, at};
use crate::disjoint_sets::DisjointSets;

/// What is told at once by one source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place<'a> {
    /// A bundle of a file.
    Bundle(u32, u32),
    /// What stands alone in a file.
    File(u32),
    /// A folder, for a file in it that tells of no patient.
    Folder(&'a Path),
}

/// An id of a kind of resources.
type Id = (Kind, Key);

/// What a state says, as far as it is taken: of a role, whose it is.
type Said<'a> = (Option<u32>, bool, &'a [Word]);

/// A patient, and what a source calls them.
type Called = (Key, u32);

/// Which states are of one resource. `groups` and `whose` are of the patients and the practitioners already.
pub(super) fn links(states: &[State], groups: &[u32], whose: &[Option<u32>], folders: &Folders) -> Vec<(u32, u32)> {
    let told = Told::of(states, groups, folders);
    let mut same: HashMap<(Id, Said<'_>), u32> = HashMap::new();
    let mut by_place: HashMap<(Id, Place<'_>), Vec<u32>> = HashMap::new();
    let mut links = Vec::new();
    for (number, state) in (0..).zip(states) {
        let Some(id) = bare_id(state) else { continue };
        let said = (whose.get(at(number)).copied().flatten(), state.is_there, &*state.says);
        let says_something = said.0.is_some() || !said.2.is_empty();
        if says_something {
            links.push((*same.entry((id, said)).or_insert(number), number));
        }
        by_place.entry((id, told.place_of(state))).or_default().push(number);
    }
    let mut known: HashMap<(Id, u32), u32> = HashMap::new();
    for ((id, place), here) in by_place {
        let first = here.first().filter(|_| are_of_one(states, place, &here));
        if let Some((first, source)) = first.zip(told.source_of(place)) {
            links.push((*known.entry((id, source)).or_insert(*first), *first));
        }
    }
    links
}

/// Whether all that has an id in one place is one. Of two in a folder nothing tells which is the patient's source's.
fn are_of_one(states: &[State], place: Place<'_>, here: &[u32]) -> bool {
    let urls = here.iter().filter_map(|number| states.get(at(*number))?.url);
    match place {
        Place::Bundle(..) => urls.collect::<HashSet<Key>>().len() <= 1,
        Place::File(_) => true,
        Place::Folder(_) => here.len() == 1,
    }
}

/// The id of what has no address.
fn bare_id(state: &State) -> Option<Id> {
    let is_unowned = matches!(state.kind, Kind::Medication | Kind::Role | Kind::Organization);
    let is_bare = !state.is_own_global && state.base.is_none() && state.contained.is_none();
    let id = state
        .id
        .filter(|_| state.is_id_told() && is_unowned && is_bare && !state.deleted);
    id.map(|id| (state.kind, id))
}

/// Which places tell of patients, and which of these are of one source.
struct Told<'a> {
    places: HashMap<Place<'a>, u32>,
    sources: DisjointSets,
    folders: HashMap<u32, &'a Path>,
}

impl<'a> Told<'a> {
    fn of(states: &[State], groups: &[u32], folders: &'a Folders) -> Self {
        let folders: HashMap<u32, &Path> = folders.iter().map(|(file, folder)| (*file, &**folder)).collect();
        let mut places: HashMap<Place<'a>, u32> = HashMap::new();
        let mut pairs = Vec::new();
        // A folder may have several sources' bundles: it is compared with folders alone.
        let mut known: HashMap<(bool, Called), u32> = HashMap::new();
        for (state, group) in states.iter().zip(groups) {
            let is_told = state.kind == Kind::Patient && !state.deleted && state.is_id_told();
            if let Some(id) = state.id.filter(|_| is_told) {
                let folder = folders.get(&state.file).map(|folder| Place::Folder(folder));
                for place in [Some(own_place(state)), folder].into_iter().flatten() {
                    let is_folder = matches!(place, Place::Folder(_));
                    let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
                    let place = *places.entry(place).or_insert(next);
                    pairs.push((*known.entry((is_folder, (id, *group))).or_insert(place), place));
                }
            }
        }
        let mut sources = DisjointSets::new(places.len());
        for (one, other) in pairs {
            sources.union(one, other);
        }
        Self {
            places,
            sources,
            folders,
        }
    }

    /// The source of a place that tells of patients.
    fn source_of(&self, place: Place<'_>) -> Option<u32> {
        self.places.get(&place).map(|place| self.sources.find(*place))
    }

    fn place_of(&self, state: &State) -> Place<'a> {
        let own = own_place(state);
        let folder = self.folders.get(&state.file).map(|folder| Place::Folder(folder));
        match own {
            Place::File(_) if !self.places.contains_key(&own) => folder.unwrap_or(own),
            own => own,
        }
    }
}

fn own_place<'a>(state: &State) -> Place<'a> {
    match state.bundle {
        Some(bundle) => Place::Bundle(state.file, bundle),
        None => Place::File(state.file),
    }
}
