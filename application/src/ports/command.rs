//! The write side as a port.
//!
//! [`CommandExecutor::transact`] loads aggregates, lets them decide, and commits the events; it answers when they are on
//! the chain at the configured finality and in the read models. When somebody else was faster, it decides again on fresh
//! state, a bounded number of times. What it is decided upon is final as well before it is refused, or found to need no change.
//!
//! Until a command is durable every wait has an end, after which it certainly will not be executed. Once it is durable it is
//! seen through, however long that takes; [`crate::ports::AcceptanceListener`] is told in between.

use std::convert::Infallible;
use std::future::Future;

use chrono::{DateTime, Utc};
use domain::kernel::{ClinicAggregate, CommandId};
use uuid::Uuid;

use crate::log::{Actor, Finality, Position};
use crate::ports::transaction::{Root, Roots, Target};

/// What a use case stamps on a command.
#[derive(Clone, Debug)]
pub struct CommandContext {
    /// The command's id; the same for every retry.
    pub command_id: CommandId,
    /// The time of the command.
    pub at: DateTime<Utc>,
    /// Who asks.
    pub actor: Actor,
    /// The conversation, if the caller named one.
    pub correlation: Option<Uuid>,
    /// What led to the command, if it was not the caller's own idea.
    pub cause: Option<Uuid>,
    /// Whether a command with this id may have been accepted before: then it is looked up before it is decided.
    pub repeated: bool,
}

/// What a command came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The command.
    pub command_id: CommandId,
    /// The version at which the (first) aggregate last changed: that of its stream then.
    pub version: u64,
    /// Whether the (first) aggregate began with it.
    pub began: bool,
    /// The position of its last event; `None` when nothing needed to change.
    pub position: Option<Position>,
    /// How sure the network is.
    pub finality: Finality,
}

/// Why a command failed. `E` is the aggregate's own refusal.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<E> {
    /// A rule forbids it. Nothing changed.
    #[error("{0}")]
    Rejected(E),
    /// The caller insists on another version than the current one. Nothing changed.
    #[error("the caller saw another version")]
    Stale,
    /// Others were faster, every time. Nothing changed; it may be tried again.
    #[error("others changed the same stream {attempts} times in a row")]
    Conflict {
        /// How often it was decided.
        attempts: u32,
    },
    /// The write side cannot take it now. Nothing changed.
    #[error("{0}")]
    Unavailable(Unavailable),
    /// It may have been accepted or not. Whoever issues it again under the same id, with [`CommandContext::repeated`], finds out.
    #[error("it cannot be told now whether the command was accepted")]
    Unknown,
    /// The stream has an event that cannot be read, so nothing can be decided on it. Nothing changed.
    #[error("the stream is held back by an event that cannot be read")]
    HeldBack,
    /// Whom it is about is erased. Nothing changed.
    #[error("whom it is about is erased")]
    Erased,
    /// What it says is more than one transaction can carry. Nothing changed.
    #[error("more than one transaction can carry")]
    TooLarge,
    /// It was accepted, and the log's contract refuses it for good. Nothing changed.
    #[error("the log's contract refuses it")]
    Refused,
    /// A fault of ours. The cause is for the log, not for the caller.
    #[error("internal fault")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl<E> CommandError<E> {
    /// The refusal, if that is what it is.
    ///
    /// # Errors
    /// Anything else.
    pub fn rejection(self) -> Result<E, CommandError<Infallible>> {
        match self {
            Self::Rejected(refusal) => Ok(refusal),
            Self::Stale => Err(CommandError::Stale),
            Self::Conflict { attempts } => Err(CommandError::Conflict { attempts }),
            Self::Unavailable(what) => Err(CommandError::Unavailable(what)),
            Self::Unknown => Err(CommandError::Unknown),
            Self::HeldBack => Err(CommandError::HeldBack),
            Self::Erased => Err(CommandError::Erased),
            Self::TooLarge => Err(CommandError::TooLarge),
            Self::Refused => Err(CommandError::Refused),
            Self::Internal(cause) => Err(CommandError::Internal(cause)),
        }
    }

    /// The same, with its refusal told otherwise.
    pub fn refused_as<F>(self, told: impl FnOnce(E) -> F) -> CommandError<F> {
        match self {
            Self::Rejected(refusal) => CommandError::Rejected(told(refusal)),
            Self::Stale => CommandError::Stale,
            Self::Conflict { attempts } => CommandError::Conflict { attempts },
            Self::Unavailable(what) => CommandError::Unavailable(what),
            Self::Unknown => CommandError::Unknown,
            Self::HeldBack => CommandError::HeldBack,
            Self::Erased => CommandError::Erased,
            Self::TooLarge => CommandError::TooLarge,
            Self::Refused => CommandError::Refused,
            Self::Internal(cause) => CommandError::Internal(cause),
        }
    }
}

/// What is not there just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The Ethereum node does not answer, or answers wrongly, and the queue is full.
    #[error("the chain cannot be reached")]
    Chain,
    /// Postgres does not answer.
    #[error("the database cannot be reached")]
    Database,
    /// Too much is waiting already.
    #[error("too many commands are waiting")]
    Overloaded,
    /// This server's signing key is used by another server, may not append, or cannot pay; or the secret is not here that events are sealed under.
    #[error("this server cannot append with its keys")]
    NotAppending,
    /// What the command was decided upon is in blocks that may still be dropped, and did not become final in good time.
    #[error("what the command was decided upon is not final yet")]
    NotFinal,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// An aggregate and its version, commits in flight included.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The state.
    pub aggregate: A,
    /// The version of its stream at which it last changed; 0 when nothing has happened to it.
    pub version: u64,
}

/// The write side.
pub trait CommandExecutor: Send + Sync + 'static {
    /// Decides over one or several aggregates, and commits what was decided: all of it or nothing. `decide` gets the aggregates as they
    /// are and gives them back when they have executed their commands; it is asked again when somebody else was faster. Only of the
    /// aggregates that change is it certain that they are as they were when it was decided.
    ///
    /// # Errors
    /// [`CommandError`]; in every case but [`CommandError::Unknown`] nothing changed.
    fn transact<S, E, D>(
        &self,
        targets: S::Targets,
        decide: D,
        context: &CommandContext,
    ) -> impl Future<Output = Result<Receipt, CommandError<E>>> + Send
    where
        S: Roots,
        E: Send,
        D: Fn(S) -> Result<S, E> + Send + Sync;

    /// Has one aggregate decide on one command.
    ///
    /// # Errors
    /// As [`Self::transact`].
    fn execute<A: ClinicAggregate>(
        &self,
        target: Target<A::Id>,
        command: A::Command,
        context: &CommandContext,
    ) -> impl Future<Output = Result<Receipt, CommandError<A::Error>>> + Send {
        let decide = move |mut root: Root<A>| {
            root.execute(command.clone())?;
            Ok(root)
        };
        self.transact::<Root<A>, A::Error, _>(target, decide, context)
    }

    /// What a command has come to that may have been accepted before; `None` when nothing came of it. `first` is the aggregate that it was
    /// first about. While it is on its way it is waited for.
    ///
    /// # Errors
    /// [`CommandError::Refused`], and [`CommandError::Unknown`] when it cannot be told now.
    fn earlier<A: ClinicAggregate>(
        &self,
        first: A::Id,
        command: CommandId,
    ) -> impl Future<Output = Result<Option<Receipt>, CommandError<A::Error>>> + Send;

    /// The state of an aggregate as the next command would see it.
    ///
    /// # Errors
    /// [`CommandError`], never `Rejected`, `Stale` or `Conflict`.
    fn load<A: ClinicAggregate>(
        &self,
        id: A::Id,
    ) -> impl Future<Output = Result<Loaded<A>, CommandError<A::Error>>> + Send;

    /// An aggregate to which something has happened, perhaps not its newest state: for what of it never changes, such as that it is there. That nothing
    /// has happened to it (`None`) is up to date.
    ///
    /// # Errors
    /// As [`Self::load`].
    fn known<A: ClinicAggregate>(
        &self,
        id: A::Id,
    ) -> impl Future<Output = Result<Option<A>, CommandError<A::Error>>> + Send;
}
