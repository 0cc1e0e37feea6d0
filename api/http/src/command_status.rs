//! Where a command stands, for whoever did not wait for its answer.
//!
//! What is kept is what was decided. Without it, the log tells: what is journaled and final is done, what is not final or in the outbox is
//! on its way, a revocation is carried through in any case, what the contract refused never will be done, and what left no trace and is
//! executed by nobody changed nothing.

use api_wire::answer::{CommandResult, CommandState, CommandStatusBody};
use api_wire::problem::ProblemKind;
use application::error::UseCaseError;
use application::log::Position;
use application::ports::registry::{RegisteredCommand, StoredAnswer, Trace};
use application::use_cases::clinic::Backend;
use domain::kernel::CommandId;

use super::command::unreachable_store;
use super::core::Core;
use super::problem::Problem;
use super::read::Reading;

/// Where a command stands. `executed_here` is whether this server was executing it before it was looked up.
///
/// # Errors
/// `database-unavailable` when nobody can tell.
pub(super) async fn of<B: Backend>(
    reading: &Reading<B>,
    id: CommandId,
    command: RegisteredCommand,
    executed_here: bool,
) -> Result<CommandStatusBody, Problem> {
    let pending = CommandStatusBody::pending(id, command.created_at);
    if let Some(answer) = &command.answer {
        return answered(pending, answer);
    }
    let core = &reading.core;
    let running = executed_here || command.claimed_until > core.ports.clock.now();
    Ok(match core.ports.registry.trace(id).await.map_err(unreachable_store)? {
        // Whoever executes it, here or elsewhere, is about to keep its answer.
        Trace::Journaled { position } if running || !is_final(core, position) => pending,
        Trace::Journaled { position } => done(pending, position),
        Trace::Outbox => pending,
        Trace::None | Trace::Refused | Trace::RefusedByTheRegistry(_) if running => pending,
        Trace::Refused => failed(pending, &Problem::new(ProblemKind::RefusedByTheLog)),
        Trace::RefusedByTheRegistry(refusal) => failed(pending, &UseCaseError::RefusedByTheRegistry(refusal).into()),
        Trace::None if reading.clinic.is_being_revoked(id).await? => pending,
        Trace::None => failed(pending, &Problem::new(ProblemKind::CommandNotExecuted)),
    })
}

/// What was answered, or would have been to who had waited.
fn answered(pending: CommandStatusBody, answer: &StoredAnswer) -> Result<CommandStatusBody, Problem> {
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
    Ok(CommandStatusBody {
        status: CommandState::Done,
        position: result.position,
        result: Some(result),
        ..pending
    })
}

/// Whether no reorganisation takes it back: the contract could reject it when it came again.
fn is_final(core: &Core, position: Position) -> bool {
    position <= core.ports.progress.progress().final_position
}

fn done(pending: CommandStatusBody, position: Position) -> CommandStatusBody {
    CommandStatusBody {
        status: CommandState::Done,
        position: Some(position),
        ..pending
    }
}

fn failed(pending: CommandStatusBody, problem: &Problem) -> CommandStatusBody {
    CommandStatusBody {
        status: CommandState::Failed,
        problem: Some(problem.body()),
        ..pending
    }
}
