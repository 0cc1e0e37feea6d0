//! Why a use case did not do what it was asked.

use std::borrow::Cow;

pub use domain::kernel::Resource;
use domain::kernel::{AggregateRef, AggregateType, DomainError, PatientId, RefusalKind};

use crate::policy::access::{Denied, NotAdmitted};
use crate::policy::{Denial, Object};
use crate::ports::StoreError;
use crate::ports::command::{CommandError, Unavailable};
use crate::ports::queries::QueryError;
use crate::ports::registries::{HandInError, RegistryRefusal};

/// A rule of the domain that forbids something, whichever aggregate's.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Of which kind it is.
    pub kind: RefusalKind,
    /// Where the fault stands, as a JSON pointer from the value that the command is about; empty when it is about all of it.
    pub field: Cow<'static, str>,
    /// What the rule says, without a capital letter and a full stop.
    pub message: String,
}

impl Refusal {
    /// The same, of a part of the request.
    #[must_use]
    pub(crate) fn within(self, part: &str) -> Self {
        Self {
            field: format!("{part}{}", self.field).into(),
            ..self
        }
    }
}

impl<E: DomainError> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self {
            kind: error.kind(),
            field: error.field(),
            message: error.to_string(),
        }
    }
}

/// Why a use case did not do what it was asked. In every case but [`UseCaseError::Unknown`] nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// The caller may not do such a thing.
    #[error("the caller may not do this")]
    Forbidden,
    /// The caller is a practitioner whom no registrar has attested.
    #[error("no registrar has attested the caller")]
    NotAttested,
    /// The caller is a practitioner whom a registrar has suspended.
    #[error("a registrar has suspended the caller")]
    Suspended,
    /// The caller is a service that does such a thing for a person alone, and names none.
    #[error("the service names no person for whom it asks")]
    NoPerson,
    /// The staff does such a thing to patients who are treated here, and this one is not.
    #[error("the patient is not treated here")]
    NotTreated,
    /// Patients do not have themselves erased here.
    #[error("patients are erased by the operator")]
    ErasedByOperator,
    /// Only a wallet without an account may do such a thing.
    #[error("the wallet has an account already")]
    HasAccount,
    /// There is no such thing, or none that the caller may know of.
    #[error("there is no such {0}")]
    NotFound(Resource),
    /// The request names something that does not exist, or that the caller may not know of.
    #[error("{pointer} names nothing that exists")]
    UnknownReference {
        /// Where in the request.
        pointer: &'static str,
    },
    /// The request is well-formed and makes no sense.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// Where in the request.
        pointer: &'static str,
        /// What is wrong.
        detail: &'static str,
    },
    /// What a wallet has signed is not accepted.
    #[error("{pointer}: {detail}")]
    Unproved {
        /// Where in the request.
        pointer: &'static str,
        /// Why.
        detail: String,
    },
    /// Nobody registers themselves here.
    #[error("patients are invited")]
    ByInvitation,
    /// Nobody registers themselves here: they ask for it.
    #[error("patients are registered on approval")]
    ByApproval,
    /// Nobody need ask to be registered here.
    #[error("patients register themselves")]
    RegistrationIsOpen,
    /// As many requests for access of this caller wait as may.
    #[error("as many requests for access wait as may")]
    TooManyAccessRequests,
    /// The auditor's engagement has ended.
    #[error("the engagement has ended")]
    EngagementOver,
    /// As many wait to be registered as may.
    #[error("the list of requests to be registered is full")]
    WaitingListFull,
    /// The request to be registered was decided before.
    #[error("the request to be registered is decided")]
    RequestDecided {
        /// The record, if its owner is registered.
        patient: Option<PatientId>,
    },
    /// The patient holds as many appointments as they may.
    #[error("a patient books at most {most} appointments ahead")]
    TooManyBookings {
        /// How many.
        most: u32,
    },
    /// Nobody could administer the system after it.
    #[error("nobody could administer the system after it")]
    LastAdministrator,
    /// The access is denied from now on, and the log does not say so yet. It will: whatever is not there just now, it is tried until it
    /// is.
    #[error("the access is denied; the log will say so as soon as it can")]
    Denied,
    /// The caller's version of the thing is not the current one.
    #[error("the caller saw another version")]
    Stale,
    /// A rule of the domain forbids it.
    #[error(transparent)]
    Refused(Refusal),
    /// What was to be registered is there with other content, and the caller may know which it is.
    #[error("{refusal}")]
    Exists {
        /// The rule.
        refusal: Refusal,
        /// What is there.
        existing: AggregateRef,
    },
    /// Others were faster, every time.
    #[error("others changed the same stream {attempts} times in a row")]
    Conflict {
        /// How often it was decided.
        attempts: u32,
    },
    /// The write side cannot take it now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It cannot be told now whether the command was accepted. The same command, issued again, finds out.
    #[error("it cannot be told now whether the command was accepted")]
    Unknown,
    /// The read models cannot be read now.
    #[error(transparent)]
    Unreadable(#[from] QueryError),
    /// The store of short-lived things cannot be reached now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream has an event that cannot be read.
    #[error("the stream is held back by an event that cannot be read")]
    HeldBack,
    /// The calendar stands in a namespace that is shared, and this server is not configured with it.
    #[error("the calendar stands in the namespace {namespace}, which is not configured here")]
    CalendarElsewhere {
        /// The number of the namespace.
        namespace: u32,
    },
    /// Whom the request is about is erased.
    #[error("whom it is about is erased")]
    Erased,
    /// What the request says is more than one event of the log can hold.
    #[error("more than one event of the log can hold")]
    TooLarge,
    /// The log's contract refuses what the request came to, for good.
    #[error("the log's contract refuses it")]
    RefusedByTheLog,
    /// A registry does not take what was signed.
    #[error(transparent)]
    RefusedByTheRegistry(RegistryRefusal),
    /// No registry is followed here.
    #[error("no such registry is followed here")]
    NoRegistry,
    /// A fault of ours.
    #[error("internal fault")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl UseCaseError {
    /// The same, with what was to be registered and is there with other content. The caller may know which it is.
    #[must_use]
    pub(crate) fn meeting(self, existing: impl Into<AggregateRef>) -> Self {
        match self {
            Self::Refused(refusal) if refusal.kind == RefusalKind::Exists => {
                let existing = existing.into();
                Self::Exists { refusal, existing }
            }
            error => error,
        }
    }
}

impl From<Denial> for UseCaseError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Role => Self::Forbidden,
            Denial::NotAttested => Self::NotAttested,
            Denial::Suspended => Self::Suspended,
            Denial::NoPerson => Self::NoPerson,
        }
    }
}

impl From<Denied> for UseCaseError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Forbidden(denial) => denial.into(),
            Denied::Hidden(Object::Patient(_) | Object::Everybody) => {
                Self::NotFound(Resource::Aggregate(AggregateType::Patient))
            }
            Denied::Hidden(Object::Practitioner(_)) => Self::NotFound(Resource::Aggregate(AggregateType::Practitioner)),
            Denied::Hidden(Object::Appointment { .. }) => Self::NotFound(Resource::Appointment),
        }
    }
}

impl From<NotAdmitted> for UseCaseError {
    fn from(error: NotAdmitted) -> Self {
        QueryError::from(error).into()
    }
}

impl From<Refusal> for UseCaseError {
    fn from(refusal: Refusal) -> Self {
        match refusal.kind {
            RefusalKind::Missing(resource) => Self::NotFound(resource),
            _ => Self::Refused(refusal),
        }
    }
}

impl<E: Into<Refusal>> From<CommandError<E>> for UseCaseError {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Rejected(refusal) => refusal.into().into(),
            CommandError::Stale => Self::Stale,
            CommandError::Conflict { attempts } => Self::Conflict { attempts },
            CommandError::Unavailable(what) => Self::Unavailable(what),
            CommandError::Unknown => Self::Unknown,
            CommandError::HeldBack => Self::HeldBack,
            CommandError::Erased => Self::Erased,
            CommandError::TooLarge => Self::TooLarge,
            CommandError::Refused => Self::RefusedByTheLog,
            CommandError::Internal(cause) => Self::Internal(cause),
        }
    }
}

impl From<HandInError> for UseCaseError {
    fn from(error: HandInError) -> Self {
        match error {
            HandInError::Refused(refusal) => Self::RefusedByTheRegistry(refusal),
            HandInError::TooLarge => Self::TooLarge,
            HandInError::Unavailable(what) => Self::Unavailable(what),
            HandInError::Unknown => Self::Unknown,
            HandInError::Internal(cause) => Self::Internal(cause),
        }
    }
}
