//! What is told by a reference alone, to a resource that an export of what has changed leaves out: medications (`Medication`), and reasons of
//! visits (`Condition`).

use chrono::{DateTime, NaiveDate, Utc};
use domain::chart::{Condition, List, Medication};
use domain::kernel::{Concept, SourceId};

/// What a resource tells of a medication, but for what it is.
#[derive(Clone, PartialEq, Debug)]
pub struct UnnamedMedication {
    /// The kind of resource that tells it.
    pub kind: &'static str,
    /// Where it stands in the file.
    pub path: String,
    /// Since when it is taken, if that is told.
    pub since: Option<NaiveDate>,
    /// Whether it is being taken now.
    pub active: bool,
    /// As of when the source tells it.
    pub as_of: Option<DateTime<Utc>>,
    /// What the source calls the resource.
    pub source: Option<SourceId>,
}

impl UnnamedMedication {
    /// With what it is.
    pub(crate) fn named(&self, concept: Concept) -> Medication {
        Medication {
            concept,
            since: self.since,
            active: self.active,
            as_of: self.as_of,
            sources: self.source.into(),
        }
    }

    /// With the name that is recorded, if this very resource told it before and it is not taken any more. While it is taken, it may be another
    /// one by now.
    pub(crate) fn named_by(&self, recorded: &List<Medication>) -> Option<Medication> {
        let mut told = recorded
            .findings()
            .filter(|known| known.sources.have_certainly(self.source));
        let known = told.next().filter(|_| told.next().is_none() && !self.active)?;
        Some(self.named(known.concept.clone()))
    }
}

/// A condition that is the reason of a visit, and of which only this is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnnamedReason {
    /// What the source calls it, if a record can know it by that.
    pub source: Option<SourceId>,
}

impl UnnamedReason {
    /// What it is, if this very resource told it before.
    pub(crate) fn named_by(self, recorded: &List<Condition>) -> Option<Concept> {
        let mut told = recorded
            .findings()
            .filter(|known| known.sources.have_certainly(self.source));
        let known = told.next().filter(|_| told.next().is_none())?;
        Some(known.concept.clone())
    }
}
