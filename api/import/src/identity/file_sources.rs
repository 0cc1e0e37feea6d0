//! Whether two files, neither of which tells its server, are of one source.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::Kind;
use super::key::Key;
use super::state::{State, at};

/// The patients of whom each file tells, by their ids and their groups.
#[derive(Default)]
pub(super) struct FileSources {
    told: HashMap<u32, HashSet<(Option<Key>, u32)>>,
    /// Of two files, whether they have a patient in common under one id.
    common: RefCell<HashMap<(u32, u32), bool>>,
}

impl FileSources {
    /// Of these states and their groups.
    pub(super) fn of(states: &[State], groups: &[u32]) -> Self {
        let mut sources = Self::default();
        for (state, group) in states.iter().zip(groups) {
            if state.kind == Kind::Patient && !state.deleted {
                sources.told.entry(state.file).or_default().insert((state.id, *group));
            }
        }
        sources
    }

    /// Whether a deletion may be meant for what stands in another file. What is a patient's is meant where the file of the deletion tells
    /// of that patient, and calls them the same, or of nobody; a patient, where it tells of somebody under the id that they have in the other file, or of nobody.
    pub(super) fn may_mean(&self, deletion: &State, other: &State, number: u32, whose: &[Option<u32>]) -> bool {
        let Some(told) = self.told.get(&deletion.file) else {
            return true;
        };
        if other.kind.is_of_a_patient() {
            let whose = whose.get(at(number)).copied().flatten();
            let there = self.told.get(&other.file);
            // Another hospital calls the same patient otherwise, and has another resource of that id.
            let is_called_otherwise = |one: &(Option<Key>, u32)| {
                there.is_some_and(|there| {
                    !there.contains(one) && there.iter().any(|(id, group)| id.is_some() && *group == one.1)
                })
            };
            return told
                .iter()
                .any(|one| whose == Some(one.1) && (one.0.is_none() || !is_called_otherwise(one)));
        }
        let files = (deletion.file, other.file);
        let compare = || {
            let there = self.told.get(&other.file);
            there.is_some_and(|there| told.iter().any(|one| one.0.is_some() && there.contains(one)))
        };
        *self.common.borrow_mut().entry(files).or_insert_with(compare)
    }
}
