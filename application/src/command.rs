//! The write side as a port.
//!
//! [`CommandExecutor::execute`] loads an aggregate, lets it decide, and commits the events; it answers when they are on
//! the chain at the configured finality and in the read models. When somebody else was faster, it decides again on fresh
//! state, a bounded number of times. What it is decided upon is final as well before it is refused, or found to need no change.
//!
//! Until a command is durable every wait has an end, after which it certainly will not be executed. Once it is durable it is
//! seen through, however long that takes; [`crate::ports::AcceptanceListener`] is told in between.

use std::collections::HashMap;
use std::future::Future;

use chrono::{DateTime, Utc};
use domain::kernel::{ClinicAggregate, CommandId};
use uuid::Uuid;

use crate::log::{Actor, Finality, Position};

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
    /// Whether a command with this id may have been accepted before: then it is looked up before it is decided. Not carried by
    /// [`Self::to_metadata`].
    pub repeated: bool,
}

impl CommandContext {
    const COMMAND_ID: &'static str = "command_id";
    const AT: &'static str = "at";
    const ACTOR: &'static str = "actor";
    const CORRELATION: &'static str = "correlation";
    const CAUSE: &'static str = "cause";

    /// The context in the shape that cqrs-es carries.
    pub fn to_metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::from([
            (Self::COMMAND_ID.to_owned(), self.command_id.to_string()),
            (Self::AT.to_owned(), self.at.timestamp_millis().to_string()),
        ]);
        if let Actor::Account(id) = self.actor {
            metadata.insert(Self::ACTOR.to_owned(), id.to_string());
        }
        for (key, value) in [(Self::CORRELATION, self.correlation), (Self::CAUSE, self.cause)] {
            if let Some(value) = value {
                metadata.insert(key.to_owned(), value.to_string());
            }
        }
        metadata
    }

    /// Reads [`Self::to_metadata`] back; `None` when something is missing or malformed.
    pub fn from_metadata(metadata: &HashMap<String, String>) -> Option<Self> {
        let uuid = |key| metadata.get(key).map(|text| Uuid::try_parse(text)).transpose().ok();
        Some(Self {
            command_id: metadata.get(Self::COMMAND_ID)?.parse().ok()?,
            at: DateTime::from_timestamp_millis(metadata.get(Self::AT)?.parse().ok()?)?,
            actor: match metadata.get(Self::ACTOR) {
                Some(id) => Actor::Account(id.parse().ok()?),
                None => Actor::System,
            },
            correlation: uuid(Self::CORRELATION)?,
            cause: uuid(Self::CAUSE)?,
            repeated: false,
        })
    }
}

/// Whether a stream may already exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Its id was drawn at random for this command: there is nothing to load. The chain still checks.
    New,
    /// It may exist.
    MayExist,
}

/// What a command came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The command.
    pub command_id: CommandId,
    /// The version of the (first) stream afterwards.
    pub version: u64,
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
    /// The same, with a refusal of whichever aggregate.
    pub fn of_any<F: From<E>>(self) -> CommandError<F> {
        match self {
            Self::Rejected(refusal) => CommandError::Rejected(refusal.into()),
            Self::Conflict { attempts } => CommandError::Conflict { attempts },
            Self::Unavailable(what) => CommandError::Unavailable(what),
            Self::Unknown => CommandError::Unknown,
            Self::HeldBack => CommandError::HeldBack,
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
    /// Another server signs with this server's key, so this one appends nothing.
    #[error("another server signs with this server's key")]
    KeyTaken,
    /// What the command was decided upon is in blocks that may still be dropped, and did not become final in good time.
    #[error("what the command was decided upon is not final yet")]
    NotFinal,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// An aggregate and the version of its stream, commits in flight included.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The state.
    pub aggregate: A,
    /// The version; 0 when there is no such stream.
    pub version: u64,
}

/// The write side.
pub trait CommandExecutor: Send + Sync + 'static {
    /// Executes one command on one aggregate.
    ///
    /// # Errors
    /// [`CommandError`]; in every case but [`CommandError::Unknown`] nothing changed.
    fn execute<A: ClinicAggregate>(
        &self,
        id: A::Id,
        freshness: Freshness,
        command: A::Command,
        context: &CommandContext,
    ) -> impl Future<Output = Result<Receipt, CommandError<A::Error>>> + Send
    where
        A::Command: Clone + Sync;

    /// Executes two commands on two aggregates in one commit: both or neither. `decide` gets both states and answers with
    /// both commands; it is asked again when somebody else was faster.
    ///
    /// # Errors
    /// [`CommandError`]; in every case but [`CommandError::Unknown`] nothing changed.
    fn execute_pair<A, B, E, D>(
        &self,
        first: A::Id,
        second: B::Id,
        decide: D,
        context: &CommandContext,
    ) -> impl Future<Output = Result<Receipt, CommandError<E>>> + Send
    where
        A: ClinicAggregate,
        B: ClinicAggregate,
        E: From<A::Error> + From<B::Error> + Send,
        D: Fn(&A, &B) -> Result<(A::Command, B::Command), E> + Send + Sync;

    /// Executes three commands on three aggregates in one commit, as [`Self::execute_pair`] does two.
    ///
    /// # Errors
    /// [`CommandError`]; in every case but [`CommandError::Unknown`] nothing changed.
    fn execute_three<A, B, C, E, D>(
        &self,
        ids: (A::Id, B::Id, C::Id),
        decide: D,
        context: &CommandContext,
    ) -> impl Future<Output = Result<Receipt, CommandError<E>>> + Send
    where
        A: ClinicAggregate,
        B: ClinicAggregate,
        C: ClinicAggregate,
        E: From<A::Error> + From<B::Error> + From<C::Error> + Send,
        D: Fn(&A, &B, &C) -> Result<(A::Command, B::Command, C::Command), E> + Send + Sync;

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
    /// [`CommandError`], never `Rejected` or `Conflict`.
    fn load<A: ClinicAggregate>(
        &self,
        id: A::Id,
    ) -> impl Future<Output = Result<Loaded<A>, CommandError<A::Error>>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kernel::AccountId;

    #[test]
    fn a_context_survives_the_journey_through_cqrs_es() {
        let context = CommandContext {
            command_id: CommandId::new(Uuid::from_u128(1)),
            at: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
            actor: Actor::Account(AccountId::new(Uuid::from_u128(2))),
            correlation: Some(Uuid::from_u128(3)),
            cause: None,
            repeated: false,
        };
        let back = CommandContext::from_metadata(&context.to_metadata()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{context:?}"));
    }
}
