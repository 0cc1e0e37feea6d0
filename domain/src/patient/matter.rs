//! What findings are about.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantNames};

/// One of the three matters of which there are findings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Display, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Matter {
    /// Conditions.
    Conditions,
    /// Allergies.
    Allergies,
    /// Medications.
    Medications,
}
