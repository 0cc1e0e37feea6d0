//! What is no person and no patient's: medications, roles and organisations. Where they are told by an id alone, another server has another
//! resource of that id. They are one beyond their file where both say the same, so that it does not matter, and where both are of one
//! source.

use std::collections::{HashMap, HashSet};

use super::Kind;
use super::key::Key;
use super::likeness::Word;
use super::sources::{Place, Sources};
use super::state::{Folders, State, at};

/// An id of a kind of resources.
type Id = (Kind, Key);

/// What a state says, as far as it is taken: of a role, whose it is; whether there is such a thing; its words.
type Said<'a> = (Option<u32>, bool, &'a [Word]);

/// Which states are of one resource. `whose` tells whose each role is.
pub(super) fn links(states: &[State], whose: &[Option<u32>], sources: &Sources, folders: &Folders) -> Vec<(u32, u32)> {
    let mut same: HashMap<(Id, Said<'_>), u32> = HashMap::new();
    let mut by_place: HashMap<(Id, Place), Vec<u32>> = HashMap::new();
    let mut links = Vec::new();
    for (number, state) in (0..).zip(states) {
        let Some(id) = bare_id(state) else { continue };
        let said: Said<'_> = (whose.get(at(number)).copied().flatten(), state.is_there, &state.says);
        if said.0.is_some() || !said.2.is_empty() {
            links.push((*same.entry((id, said)).or_insert(number), number));
        }
        let place = sources.place_of(state, folders);
        by_place.entry((id, place)).or_default().push(number);
    }
    let mut known: HashMap<(Id, u32), u32> = HashMap::new();
    for ((id, place), here) in by_place {
        let first = here.first().filter(|_| are_of_one(states, place, &here));
        if let Some((first, source)) = first.zip(sources.source_of(place)) {
            links.push((*known.entry((id, source)).or_insert(*first), *first));
        }
    }
    links
}

/// Whether all that has an id in one place is one. Of two in a folder nothing tells which is the patient's source's.
fn are_of_one(states: &[State], place: Place, here: &[u32]) -> bool {
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
