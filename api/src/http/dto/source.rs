//! What a source calls one of its resources, in JSON.

use domain::kernel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a source calls one of its resources, digested: 16 hexadecimal digits, with 8 others and a dot before them where the server is
/// known, or what it calls the patient. It means nothing but that two of them are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^([0-9a-f]{8}\\.)?[0-9a-f]{16}$", example = "5f0c1d2e3b4a5968")]
pub struct SourceId(pub kernel::SourceId);
