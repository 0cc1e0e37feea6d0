//! The lists of a chart.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantNames};
use uuid::Uuid;

use crate::kernel::{Category, compact_uuid};

/// One of the lists of a chart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Display, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ListKind {
    /// Conditions.
    Conditions,
    /// Allergies.
    Allergies,
    /// Medications.
    Medications,
    /// Symptoms.
    Symptoms,
}

impl ListKind {
    /// Whether sources tell what is in it. Symptoms are told here alone.
    pub const fn is_reported(self) -> bool {
        !matches!(self, Self::Symptoms)
    }

    /// Of which category its findings are. It is that under which they are sealed.
    pub const fn category(self) -> Category {
        match self {
            Self::Conditions | Self::Allergies | Self::Symptoms => Category::Summary,
            Self::Medications => Category::Medication,
        }
    }

    /// What one of its findings is.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Conditions => "condition",
            Self::Allergies => "allergy",
            Self::Medications => "medication",
            Self::Symptoms => "symptom",
        }
    }
}

/// What names a finding, within its patient's chart and elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(#[serde(with = "compact_uuid")] pub Uuid);

impl FindingId {
    /// The id of one of the findings that were noted together: the first has the id of them all, and the others count on from there.
    pub fn in_batch(batch: Uuid, index: usize) -> Self {
        let index = u128::try_from(index).unwrap_or_default();
        Self(Uuid::from_u128(batch.as_u128().wrapping_add(index)))
    }
}

/// A finding under its id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry<T> {
    /// What names it.
    pub id: FindingId,
    /// What is found.
    pub finding: T,
}

/// Why there are no findings: these are three different things, and none of them is a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Absence {
    /// Nobody has said anything.
    #[default]
    NotAsked,
    /// It was asked, and could not be told.
    Unknown,
    /// It was asked, and none are known.
    NoneKnown,
}

/// A list of a chart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct List<T> {
    /// The findings, in the order in which they were noted.
    pub entries: Vec<Entry<T>>,
    /// Why there are none. It says nothing while there are some.
    pub absence: Absence,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            absence: Absence::NotAsked,
        }
    }
}

impl<T> List<T> {
    /// How many findings a list takes.
    pub const MOST: usize = 1000;

    /// The findings, without their ids.
    pub fn findings(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.finding)
    }

    /// Why there are no findings; `None` when there are some.
    pub fn absence(&self) -> Option<Absence> {
        self.entries.is_empty().then_some(self.absence)
    }

    /// A finding.
    pub fn get(&self, id: FindingId) -> Option<&T> {
        let found = self.entries.iter().find(|entry| entry.id == id);
        found.map(|entry| &entry.finding)
    }

    /// A finding takes the place of the one of its id, or is added.
    pub(super) fn put(&mut self, id: FindingId, finding: T) {
        match self.entries.iter_mut().find(|entry| entry.id == id) {
            Some(entry) => entry.finding = finding,
            None => self.entries.push(Entry { id, finding }),
        }
        self.absence = Absence::NotAsked;
    }

    pub(super) fn remove(&mut self, ids: &[FindingId]) {
        self.entries.retain(|entry| !ids.contains(&entry.id));
    }
}
