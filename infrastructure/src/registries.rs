//! Handing in to the registries what was signed: as calls of the appender, each under its command's id. So a command that is repeated calls nothing twice, and
//! [`crate::trace`] finds what became of it.

use std::marker::PhantomData;
use std::sync::Arc;

use application::ports::command::Unavailable;
use application::ports::registries::{HandInError, Recorded, RegistryOf};
use application::ports::{AcceptanceListener, StoreError};
use async_trait::async_trait;
use domain::consent;
use domain::kernel::CommandId;
use domain::kernel::typed_data::SigningDomain;
use domain::registries::{Signed, practitioners};
use sqlx::PgPool;

use crate::calls::{Call, CallId, CallKind, CallLog, CallOutcome, CallTicket as _};
use crate::chain::Address;
use crate::chain::registries::{self as contracts, InterfaceError, refusal};
use crate::postgres::{self, Answering};
use crate::sessions::store;
use crate::trace::{CallTrace, trace_of_call};

/// What is handed in to a registry.
pub trait HandedIn: Sync + 'static {
    /// What wallets call the registry.
    const REGISTRY: &'static str;
    /// What a call with it is for.
    const KIND: &'static str;

    /// The call of the contract.
    ///
    /// # Errors
    /// When the program was built badly.
    fn calldata(&self, signed: &Signed) -> Result<Vec<u8>, InterfaceError>;
}

impl HandedIn for practitioners::Message {
    const REGISTRY: &'static str = practitioners::DOMAIN_NAME;
    const KIND: &'static str = "attestation";

    fn calldata(&self, signed: &Signed) -> Result<Vec<u8>, InterfaceError> {
        contracts::practitioners::hand_in(self, signed)
    }
}

impl HandedIn for consent::Message {
    const REGISTRY: &'static str = consent::DOMAIN_NAME;
    const KIND: &'static str = "consent";

    fn calldata(&self, signed: &Signed) -> Result<Vec<u8>, InterfaceError> {
        contracts::consents::hand_in(self, signed)
    }
}

/// A registry at an address, through the appender.
pub struct RegistryByCalls<L, M> {
    calls: L,
    pool: Answering,
    domain: SigningDomain,
    acceptance: Arc<dyn AcceptanceListener>,
    of: PhantomData<fn(M)>,
}

impl<L, M: HandedIn> RegistryByCalls<L, M> {
    /// At this address of a chain. The search path of the pool begins with the schema of the journal and has `core`.
    pub const fn new(
        calls: L,
        pool: PgPool,
        (chain_id, contract): (u64, Address),
        acceptance: Arc<dyn AcceptanceListener>,
    ) -> Self {
        Self {
            calls,
            pool: Answering::new(pool),
            domain: SigningDomain {
                name: M::REGISTRY,
                chain_id,
                contract: contract.0,
            },
            acceptance,
            of: PhantomData,
        }
    }
}

/// A call by a command, which has one at most.
const fn id_of(command: CommandId) -> CallId {
    CallId(command.uuid())
}

#[async_trait]
impl<L: CallLog, M: HandedIn> RegistryOf<M> for RegistryByCalls<L, M> {
    fn signing_domain(&self) -> SigningDomain {
        self.domain
    }

    async fn has_from(&self, command: CommandId) -> Result<bool, StoreError> {
        let found = trace_of_call(&self.pool, command).await.map_err(store)?;
        Ok(found.is_some())
    }

    async fn hand_in(&self, command: CommandId, message: &M, signed: &Signed) -> Result<Recorded, HandInError> {
        let call = self.call(command, message, signed)?;
        self.told(command, self.calls.call(call).await).await
    }

    async fn insist(&self, command: CommandId, message: &M, signed: &Signed) -> Result<Recorded, HandInError> {
        let call = self.call(command, message, signed)?;
        self.told(command, self.calls.insist(call).await).await
    }
}

impl<L: CallLog, M: HandedIn> RegistryByCalls<L, M> {
    /// The call of a command.
    fn call(&self, command: CommandId, message: &M, signed: &Signed) -> Result<Call, HandInError> {
        let internal = |error: Box<dyn std::error::Error + Send + Sync>| HandInError::Internal(error);
        Ok(Call {
            id: id_of(command),
            kind: CallKind::new(M::KIND).map_err(|error| internal(error.into()))?,
            target: self.domain.contract,
            data: message.calldata(signed).map_err(|error| internal(error.into()))?,
        })
    }

    /// What becomes of a call that was handed over.
    async fn told(
        &self,
        command: CommandId,
        handed_over: Result<L::Ticket, Unavailable>,
    ) -> Result<Recorded, HandInError> {
        let outcome = match handed_over {
            Ok(mut ticket) => {
                if ticket.accepted().await {
                    self.acceptance.accepted(command);
                }
                ticket.outcome().await
            }
            Err(why) => CallOutcome::Failed(why),
        };
        let error = match outcome {
            CallOutcome::Done { .. } | CallOutcome::HandedOver => HandInError::Unknown,
            CallOutcome::Refused { reason, .. } => return Err(refusal(&reason).into()),
            CallOutcome::WouldBeRefused { reason } => refusal(&reason).into(),
            CallOutcome::TooLarge => HandInError::TooLarge,
            CallOutcome::Failed(why) => why.into(),
            CallOutcome::AnotherHasItsId => HandInError::Internal("one command has made two calls".into()),
        };
        self.found(command, error).await
    }

    /// What a command's call has come to, whoever has seen it through; where there is no trace of one, it is as it was told.
    async fn found(&self, command: CommandId, told: HandInError) -> Result<Recorded, HandInError> {
        match trace_of_call(&self.pool, command).await {
            Ok(Some(CallTrace::Recorded(recorded))) => Ok(recorded),
            Ok(Some(CallTrace::Refused(refusal))) => Err(refusal.into()),
            Ok(Some(CallTrace::UnderWay)) => Err(HandInError::Unknown),
            Ok(None) => Err(told),
            Err(error) => {
                tracing::warn!(error = postgres::told(&error), %command, "what became of a call cannot be found out");
                Err(HandInError::Unknown)
            }
        }
    }
}
