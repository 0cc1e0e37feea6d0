//! Which folders are of one source: they call a patient the same. What is told by an id alone is not meant by what another source tells.

use std::collections::HashMap;
use std::path::Path;

use super::Kind;
use super::key::Key;
use super::state::{Folders, State};
use crate::disjoint_sets::DisjointSets;

/// The source of each file whose folder tells of patients under ids. What stands in another folder may be anybody's.
#[derive(Default)]
pub(super) struct FolderSources(HashMap<u32, u32>);

impl FolderSources {
    /// Of these states and their groups.
    pub(super) fn of(states: &[State], groups: &[u32], folders: &Folders) -> Self {
        let mut numbers: HashMap<&Path, u32> = HashMap::new();
        for (folder, number) in folders.values().zip(0..) {
            numbers.entry(folder).or_insert(number);
        }
        let number = |file: &u32| numbers.get(&**folders.get(file)?).copied();
        let mut sets = DisjointSets::new(folders.len());
        let mut told: HashMap<(Key, u32), u32> = HashMap::new();
        for (state, group) in states.iter().zip(groups) {
            let is_told = state.kind == Kind::Patient && !state.deleted && state.is_id_told();
            if let Some((id, folder)) = state.id.filter(|_| is_told).zip(number(&state.file)) {
                sets.union(*told.entry((id, *group)).or_insert(folder), folder);
            }
        }
        let telling: Vec<u32> = told.into_values().map(|folder| sets.find(folder)).collect();
        let source = |file: &u32| Some((*file, sets.find(number(file)?)));
        let sources = folders.keys().filter_map(source);
        Self(sources.filter(|(_, source)| telling.contains(source)).collect())
    }

    /// Whether two files are of two sources.
    pub(super) fn are_two(&self, one: u32, other: u32) -> bool {
        let sources = self.0.get(&one).zip(self.0.get(&other));
        sources.is_some_and(|(one, other)| one != other)
    }
}
