//! Commands whose answer was not waited for.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use api_wire::answer::{CommandState, CommandStatusBody};
use application::error::{Resource, UseCaseError};
use application::use_cases::clinic::Backend;
use domain::kernel::CommandId;

use crate::command::unreachable_store;
use crate::command_status;
use crate::problem::Problem;
use crate::read::Reading;

/// Read the state of a command.
///
/// Only the issuer of a command can read it, and only if it was issued with an `Idempotency-Key` or with `Prefer: respond-async`, or
/// took too long to wait for. A command that is done is on the chain and final.
#[utoipa::path(
    get, path = "/v1/commands/{id}", tag = "commands", params(("id" = Uuid, Path, description = "The id of the command")),
    responses((status = 200, description = "The command and its state", body = CommandStatusBody)),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<CommandId>) -> Result<HttpResponse, Problem> {
    // Asked before its answer and the log are: whoever executes a command keeps its answer, and is done with it then. One that ends in between is not taken
    // for one that never began, nor told without its result.
    let executed_here = reading.core.ports.tracker.is_running(*id);
    let found = reading.core.ports.registry.find(*id).await.map_err(unreachable_store)?;
    let command = found.filter(|command| reading.issuers.include(command.issuer, command.created_at));
    let command = command.ok_or(UseCaseError::NotFound(Resource::Command))?;
    let status = command_status::of(&reading, *id, command, executed_here).await?;
    let mut response = HttpResponse::Ok();
    if status.status == CommandState::Pending {
        response.insert_header((header::RETRY_AFTER, 1_u64));
    }
    Ok(response.json(status))
}
