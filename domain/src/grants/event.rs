//! What can happen to what a patient grants.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::consent::Grant;
use crate::kernel::Personal;

/// An event of what a patient grants. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum GrantsEvent {
    /// A grant can be signed.
    Prepared {
        /// What names it here. In the registry its hash does.
        #[serde(with = "crate::kernel::compact_uuid")]
        id: Uuid,
        /// The grant, as it is signed.
        grant: Personal<Grant>,
    },
}
