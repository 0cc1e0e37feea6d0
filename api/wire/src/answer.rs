//! What a command is answered with: ids and versions, never what it was about.

use chrono::{DateTime, Utc};
use domain::kernel::CommandId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::dto::Finality;
use super::problem::ProblemBody;

/// The result of a command that was executed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandResult {
    /// The id of the command.
    pub command_id: Uuid,
    /// The path of the resource that the command was about.
    #[schema(example = "/v1/appointments/3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub resource: String,
    /// The id of the resource, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub id: Option<Uuid>,
    /// Whether the resource is new, and was not there before.
    #[serde(default)]
    pub created: bool,
    /// The version of the resource after the command; 0 where nothing of it is in the log, and for whoever may not know it.
    #[schema(example = 2)]
    pub version: u64,
    /// The position in the log of the last event of the command; missing when nothing in the log needed to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 90210)]
    pub position: Option<u64>,
    /// How sure it is that the chain keeps the result.
    pub finality: Finality,
    /// The secret of a service's new key. It is shown in this answer and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// The state of a command: `pending` (it is being executed, or is accepted and on its way to the chain), `done` (it is on the chain and
/// in the read models, or nothing needed to change) or `failed` (it was refused or not executed, and nothing has changed).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// Being executed, or accepted and on its way to the chain.
    Pending,
    /// On the chain and in the read models, or nothing needed to change.
    Done,
    /// Refused, or not executed: nothing changed.
    Failed,
}

/// A command, and what has become of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Command)]
pub struct CommandStatusBody {
    /// The id of the command.
    pub id: Uuid,
    /// The state of the command.
    pub status: CommandState,
    /// When the command was issued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DateTime<Utc>,
    /// What holds already, while the command is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The result of the command, if it is done and its answer is still kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<CommandResult>,
    /// The position in the log of the last event of the command, if it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Why the command failed, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemBody>,
}

impl CommandStatusBody {
    /// A command on its way.
    pub const fn pending(id: CommandId, created_at: DateTime<Utc>) -> Self {
        Self {
            id: id.uuid(),
            status: CommandState::Pending,
            created_at,
            detail: None,
            result: None,
            position: None,
            problem: None,
        }
    }
}
