//! Which exports of one person a run has: those of several nights stand in one folder, or in one file.
//!
//! What is told under an id is put in order by its states. What has no id, or a UUID, which may be a new one with every export, is known again
//! only in the record: so each export is told on what the one before it has made of the record, in a run as over runs. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

/// A document of a file of the run: a bundle, or a resource that stands alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct DocumentId {
    /// The file, in the order in which they are imported.
    pub(super) file: u32,
    /// Its number in that file.
    pub(super) number: u32,
    /// Whether it is a bundle.
    pub(super) is_bundle: bool,
}

/// What tells of a person at once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Export {
    /// A bundle.
    Bundle(DocumentId),
    /// What stands alone in a file, from one state of the patient to the next.
    File(u32, u32),
    /// A folder whose files have each a kind of resource, the patient in one of them.
    Folder(PathBuf),
}

/// Where the states of a patient stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    patients: BTreeSet<DocumentId>,
    folders: BTreeMap<u32, PathBuf>,
}

/// That a finding is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FindingAt {
    /// Where.
    pub(super) document: DocumentId,
    /// The kind of resource.
    pub(super) kind: &'static str,
    /// As of when, if that is told.
    pub(super) as_of: Option<DateTime<Utc>>,
}

impl Exports {
    /// A state of the patient stands in this document.
    pub(super) fn tell_patient(&mut self, document: DocumentId) {
        self.patients.insert(document);
    }

    /// A file that tells of the patient stands there.
    pub(super) fn tell_file(&mut self, file: u32, path: &Path) {
        self.folders.insert(file, path.parent().unwrap_or(path).to_path_buf());
    }

    pub(super) fn append(&mut self, other: Self) {
        self.patients.extend(other.patients);
        self.folders.extend(other.folders);
    }

    /// The places of documents in the order of their exports, the newest last, by the dates of what they tell. What has no date is told now.
    pub(super) fn in_order(&self, told: &[FindingAt], now: DateTime<Utc>) -> BTreeMap<DocumentId, usize> {
        let mut files: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for one in told {
            files.entry(one.document.file).or_default().insert(one.kind);
        }
        let mut made: BTreeMap<Export, (DateTime<Utc>, DocumentId)> = BTreeMap::new();
        for FindingAt { document, as_of, .. } in told {
            let as_of = as_of.unwrap_or(now);
            let export = self.export_of(*document, &files);
            let (newest, first) = made.entry(export).or_insert((as_of, *document));
            (*newest, *first) = ((*newest).max(as_of), (*first).min(*document));
        }
        let mut order: Vec<_> = made.into_iter().collect();
        order.sort_by_key(|(_, made)| *made);
        let places = order.into_iter().zip(0..).map(|((export, _), place)| (export, place));
        let places: BTreeMap<Export, usize> = places.collect();
        let place = |document| {
            places
                .get(&self.export_of(document, &files))
                .copied()
                .unwrap_or_default()
        };
        told.iter().map(|one| (one.document, place(one.document))).collect()
    }

    /// The export to which a document belongs. `files` says which kinds of findings each file tells.
    fn export_of(&self, document: DocumentId, files: &BTreeMap<u32, BTreeSet<&str>>) -> Export {
        let DocumentId {
            file,
            number,
            is_bundle,
        } = document;
        if is_bundle {
            return Export::Bundle(document);
        }
        let own: Vec<u32> = self.states_in(file).collect();
        if let Some(first) = own.first() {
            let before = own.iter().rev().find(|state| **state <= number);
            return Export::File(file, *before.unwrap_or(first));
        }
        let folder = self.folders.get(&file);
        let beside = self.patients.iter().map(|patient| patient.file);
        let beside: BTreeSet<u32> = beside.filter(|other| self.folders.get(other) == folder).collect();
        let has_one_kind = files.get(&file).is_some_and(|kinds| kinds.len() == 1);
        match (beside.first(), folder) {
            (Some(patient), Some(folder)) if has_one_kind && beside.len() == 1 && !files.contains_key(patient) => {
                Export::Folder(folder.clone())
            }
            _ => Export::File(file, 0),
        }
    }

    /// The documents of a file that are states of the patient.
    fn states_in(&self, file: u32) -> impl Iterator<Item = u32> {
        let all = self.patients.iter().filter(move |patient| patient.file == file);
        all.map(|patient| patient.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(file: u32, number: u32) -> DocumentId {
        DocumentId {
            file,
            number,
            is_bundle: false,
        }
    }

    fn exports(paths: &[&str], patients: &[DocumentId]) -> Exports {
        let mut exports = Exports::default();
        for (file, path) in (0..).zip(paths) {
            exports.tell_file(file, Path::new(path));
        }
        patients.iter().for_each(|patient| exports.tell_patient(*patient));
        exports
    }

    fn one(document: DocumentId, kind: &'static str, as_of: Option<DateTime<Utc>>) -> FindingAt {
        FindingAt { document, kind, as_of }
    }

    /// Which of these are told at once, in their order.
    fn together(exports: &Exports, told: &[DocumentId]) -> Vec<usize> {
        let now = Utc::now();
        let told: Vec<FindingAt> = told.iter().map(|document| one(*document, "Condition", None)).collect();
        let order = exports.in_order(&told, now);
        told.iter().map(|one| order[&one.document]).collect()
    }

    #[test]
    fn files_of_a_folder_that_have_each_a_kind_are_one_export() {
        let exports = exports(&["a/Patient", "a/Condition", "a/Medication"], &[at(0, 3)]);
        assert_eq!(together(&exports, &[at(1, 1), at(1, 2), at(2, 1)]), [0, 0, 0]);
    }

    #[test]
    fn files_beside_several_states_of_the_patient_or_beside_none_are_exports_of_their_own() {
        let nights = exports(
            &["a/1-Patient", "a/1-Condition", "a/2-Patient", "a/2-Condition"],
            &[at(0, 1), at(2, 1)],
        );
        assert_eq!(together(&nights, &[at(1, 1), at(1, 2), at(3, 1)]), [0, 0, 1]);
        let changes = exports(&["a/1", "a/2", "b/3"], &[at(0, 1)]);
        assert_eq!(
            together(&changes, &[at(0, 2), at(1, 1), at(1, 2), at(2, 1)]),
            [0, 1, 1, 2]
        );
    }

    #[test]
    fn nights_in_one_file_begin_with_a_state_of_the_patient() {
        let exports = exports(&["all"], &[at(0, 1), at(0, 4)]);
        assert_eq!(together(&exports, &[at(0, 2), at(0, 3), at(0, 5)]), [0, 0, 1]);
    }

    #[test]
    fn each_bundle_is_an_export_and_the_newest_is_the_last() {
        let bundle = |file| DocumentId {
            is_bundle: true,
            ..at(file, 1)
        };
        let exports = exports(&["a", "b"], &[bundle(0)]);
        let day = |day: u32| Some(format!("2024-01-{day:02}T00:00:00Z").parse().unwrap());
        let told = [(bundle(0), day(2)), (bundle(1), day(1)), (bundle(0), None)];
        let told = told.map(|(document, as_of)| one(document, "Condition", as_of));
        assert_eq!(
            exports.in_order(&told[..2], Utc::now()),
            BTreeMap::from([(bundle(0), 1), (bundle(1), 0)])
        );
        assert_eq!(exports.in_order(&told, Utc::now())[&bundle(0)], 1);
    }
}
