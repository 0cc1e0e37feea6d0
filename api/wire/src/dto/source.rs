//! What a source calls one of its resources, in JSON.

use domain::kernel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check::{Checked, Checks};

/// The digest of the id that a source has given to one of its resources: 16 hexadecimal digits, preceded by 8 others and a dot for
/// the server of the source, and 8 others and a dot for its id for the patient, where these are known. It serves only to tell whether two resources of a patient's record
/// are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^([0-7][0-9a-f]{7}\\.)?([89a-f][0-9a-f]{7}\\.)?[0-9a-f]{16}$", example = "5f0c1d2e3b4a5968")]
pub struct SourceId(pub kernel::SourceId);

impl SourceId {
    /// Those that tell one thing.
    pub(super) fn list(sources: &kernel::Sources) -> Vec<Self> {
        sources.list().iter().copied().map(Self).collect()
    }

    /// Checks those that tell one thing.
    pub(super) fn checked(checks: &mut Checks, sources: Vec<Self>) -> kernel::Sources {
        kernel::Sources::new(checks.set("sources", sources, kernel::Sources::MOST))
    }
}

impl Checked for SourceId {
    type Domain = kernel::SourceId;

    fn check(self, _: &mut Checks) -> kernel::SourceId {
        self.0
    }
}
