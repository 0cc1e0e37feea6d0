//! Commands whose answer was not waited for.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use application::clinic::Backend;
use application::error::{Resource, UseCaseError};
use application::registry::{RegisteredCommand, Trace};
use domain::kernel::CommandId;

use crate::http::answer::{CommandResult, CommandState, CommandStatusBody};
use crate::http::command::unreachable_store;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reading::Reading;

/// Where a command stands.
///
/// Only for who issued it, and only if it was issued with an `Idempotency-Key`, with `Prefer: respond-async`, or took too long
/// to wait for. What is done is on the chain and final.
#[utoipa::path(
    get, path = "/v1/commands/{id}", tag = "commands", params(("id" = Uuid, Path, description = "The command")),
    responses((status = 200, description = "The command", body = CommandStatusBody)),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<CommandId>) -> Result<HttpResponse, Problem> {
    let registry = &reading.core.ports.registry;
    let found = registry.find(*id).await.map_err(unreachable_store)?;
    let issuer = reading.issuer;
    let missing = UseCaseError::NotFound(Resource::Command);
    let command = found.filter(|command| command.issuer == issuer).ok_or(missing)?;
    let status = status(&reading, *id, command).await?;
    let mut response = HttpResponse::Ok();
    if status.status == CommandState::Pending {
        response.insert_header((header::RETRY_AFTER, 1_u64));
    }
    Ok(response.json(status))
}

/// What is kept is what was decided; without it, the log tells: what is journaled and final is done, what is not final or in the
/// outbox is on its way, a revocation is carried through in any case, what the contract refused never will be done, and what left no
/// trace and is executed by nobody changed nothing.
async fn status<B: Backend>(
    reading: &Reading<B>,
    id: CommandId,
    command: RegisteredCommand,
) -> Result<CommandStatusBody, Problem> {
    let core = &reading.core;
    let pending = CommandStatusBody::pending(id, command.created_at);
    if let Some(answer) = command.answer {
        let corrupt = |error: serde_json::Error| Problem::new(ProblemKind::Internal).cause(error);
        if answer.status >= 400 {
            let problem = serde_json::from_str(&answer.body).map_err(corrupt)?;
            return Ok(CommandStatusBody {
                status: CommandState::Failed,
                problem: Some(problem),
                ..pending
            });
        }
        let result: CommandResult = serde_json::from_str(&answer.body).map_err(corrupt)?;
        let position = result.position;
        return Ok(CommandStatusBody {
            status: CommandState::Done,
            result: Some(result),
            position,
            ..pending
        });
    }
    // Asked before the log is, so that one that ends in between is not taken for one that never began.
    let executed_here = core.ports.tracker.is_running(id);
    let running = executed_here || command.claimed_until > core.ports.clock.now();
    // Until then a reorganisation may take it back, and the contract may reject it when it comes again.
    let is_final = |position| position <= core.ports.progress.progress().final_position;
    Ok(match core.ports.registry.trace(id).await.map_err(unreachable_store)? {
        // Whoever executes it is about to keep its answer.
        Trace::Journaled { position } if executed_here || !is_final(position) => pending,
        Trace::Journaled { position } => CommandStatusBody {
            status: CommandState::Done,
            position: Some(position),
            ..pending
        },
        Trace::Outbox => pending,
        Trace::None if running => pending,
        Trace::Refused => failed(pending, ProblemKind::RefusedByTheLog),
        Trace::None if reading.clinic.is_being_revoked(id).await? => pending,
        Trace::None => failed(pending, ProblemKind::CommandNotExecuted),
    })
}

fn failed(pending: CommandStatusBody, kind: ProblemKind) -> CommandStatusBody {
    CommandStatusBody {
        status: CommandState::Failed,
        problem: Some(Problem::new(kind).body()),
        ..pending
    }
}
