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
}

/// What tells of a person at once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Export {
    /// A document with a state of the patient.
    Document(DocumentId),
    /// A file with one: its resources stand alone.
    File(u32),
    /// A folder with one: its files have each a kind of resource.
    Folder(PathBuf),
    /// The run.
    Run,
}

/// Where the states of a patient stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    patients: BTreeSet<DocumentId>,
    folders: BTreeMap<u32, PathBuf>,
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

    /// The exports to which documents belong, the newest last, by the dates of what they tell. What has no date is told now.
    pub(super) fn in_order(
        &self,
        told: impl Iterator<Item = (DocumentId, Option<DateTime<Utc>>)>,
        now: DateTime<Utc>,
    ) -> Vec<Export> {
        let mut made: BTreeMap<Export, (DateTime<Utc>, DocumentId)> = BTreeMap::new();
        for (document, as_of) in told {
            let as_of = as_of.unwrap_or(now);
            let (newest, first) = made.entry(self.of(document)).or_insert((as_of, document));
            (*newest, *first) = ((*newest).max(as_of), (*first).min(document));
        }
        let mut order: Vec<_> = made.into_iter().collect();
        order.sort_by_key(|(_, made)| *made);
        order.into_iter().map(|(export, _)| export).collect()
    }

    /// The export to which a document belongs: the least that has a state of the patient, too.
    pub(super) fn of(&self, document: DocumentId) -> Export {
        let DocumentId { file, .. } = document;
        let folder = self.folders.get(&file);
        let mut all = self.patients.iter();
        if self.patients.contains(&document) {
            Export::Document(document)
        } else if all.clone().any(|patient| patient.file == file) {
            Export::File(file)
        } else {
            let is_there = all.any(|patient| self.folders.get(&patient.file) == folder);
            folder
                .filter(|_| is_there)
                .map_or(Export::Run, |folder| Export::Folder(folder.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_belongs_to_the_least_that_has_a_state_of_the_patient() {
        let at = |file, number| DocumentId { file, number };
        let mut exports = Exports::default();
        for (file, path) in [(0, "a/0.json"), (1, "a/1.json"), (2, "b/2.json"), (3, "c/3.json")] {
            exports.tell_file(file, Path::new(path));
        }
        exports.tell_patient(at(0, 1));
        exports.tell_patient(at(2, 1));
        for (document, export) in [
            (at(0, 1), Export::Document(at(0, 1))),
            (at(0, 2), Export::File(0)),
            (at(1, 1), Export::Folder("a".into())),
            (at(2, 1), Export::Document(at(2, 1))),
            (at(3, 1), Export::Run),
        ] {
            assert_eq!(exports.of(document), export);
        }
    }
}
