//! Registration by approval: a wallet asks to be registered, and a hospital decides.
//!
//! Nothing of it touches the log before somebody approves. Then the record, the account and the wallet's claim are one commit, whose
//! ids follow from the request: approving twice, at once or after a server died, registers once.

use chrono::TimeDelta;
use domain::account::Title;
use domain::kernel::{AccountId, Category, PatientId, Wallet};
use domain::patient::{Patient, PatientCommand, PatientDetails};
use uuid::Uuid;

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::access::admit;
use crate::policy::identity::Principal;
use crate::policy::rules::Registration;
use crate::policy::{Action, Object};
use crate::ports::command::{CommandError, CommandExecutor as _, Receipt};
use crate::ports::queries::Page;
use crate::ports::requests::{Asked, Decided, Declined, OwnRequest, RegistrationRequest, RequestCursor};
use crate::ports::sessions::SignedIn;
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit};
use crate::use_cases::newcomers::Newcomer;
use crate::use_cases::patient_records::{RECORD, of_a_registration, told_by_oneself};

/// The kind of ids that follow from requests.
const REQUEST: &str = "registration request";

/// For how long whoever has asked sees what was decided.
const SHOWN: TimeDelta = TimeDelta::days(14);

impl<B: Backend> Clinic<B> {
    /// Asks to be registered. The wallet's former request, if it has one, is gone.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn ask_for_registration(
        &self,
        principal: &Principal,
        details: PatientDetails,
        signed_in: Option<SignedIn>,
        issue: &Issue,
    ) -> Result<Uuid, UseCaseError> {
        permit(principal, Action::RegisterSelf)?;
        match self.rules.registration {
            Registration::Approval => {}
            Registration::Invitation => return Err(UseCaseError::ByInvitation),
            Registration::Open => return Err(UseCaseError::RegistrationIsOpen),
        }
        told_by_oneself(&details)?;
        let now = self.now();
        details.check(now).map_err(of_a_registration)?;
        let SignedIn { wallet, proof, .. } = signed_in.ok_or(UseCaseError::Forbidden)?;
        let request = RegistrationRequest {
            id: issue.new_id(REQUEST),
            wallet,
            proof,
            details,
            asked_at: now,
            expires_at: now + self.rules.request_lifetime,
        };
        let most = self.rules.registration_requests;
        match self.requests.ask(self.wallet_id(&wallet), &request, most).await? {
            Asked::Listed => Ok(request.id),
            Asked::Full => Err(UseCaseError::WaitingListFull),
            Asked::Approved => Err(UseCaseError::RequestDecided { patient: None }),
        }
    }

    /// The request of the wallet that the caller signed in with, and the caller's record once there is one.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn own_request(
        &self,
        principal: &Principal,
        wallet: Option<&Wallet>,
    ) -> Result<(OwnRequest, Option<PatientId>), UseCaseError> {
        permit(principal, Action::ReadOwnRequest)?;
        let wallet = wallet.ok_or(UseCaseError::Forbidden)?;
        let found = self.requests.of_wallet(self.wallet_id(wallet), self.now()).await?;
        let request = found.ok_or(UseCaseError::NotFound(Resource::Request))?;
        let own = match principal {
            Principal::Patient { patient, .. } => Some(*patient),
            _ => None,
        };
        let registered = own.filter(|own| *own == self.patient_of_request(request.id));
        Ok((request, registered))
    }

    /// The requests on which nobody has decided, the longest wait first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn requests(
        &self,
        principal: &Principal,
        page: Page<RequestCursor>,
    ) -> Result<Vec<RegistrationRequest>, UseCaseError> {
        // Who asks tells who they are, though there is no record of theirs yet.
        admit(principal, Object::Everybody, Action::ListRequests, RECORD)?;
        Ok(self.requests.waiting(page, self.now()).await?)
    }

    /// Approves a request: its owner is registered, with the wallet that asked. Again changes nothing. Answers with the wallet that has an
    /// account now, unless it had one before.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn approve_request(
        &self,
        principal: &Principal,
        id: Uuid,
        issue: &Issue,
    ) -> Result<(Done<PatientId>, Option<Wallet>), UseCaseError> {
        let patient = self.patient_of_request(id);
        admit(principal, Object::Patient(patient), Action::DecideRequest, RECORD)?;
        let issuer = principal.person().account().ok_or(UseCaseError::Forbidden)?;
        let by = issue.command_id;
        let request = match self.requests.begin_approval(id, by, self.now()).await? {
            Decided::Done(request) => request,
            Decided::Missing => return Err(UseCaseError::NotFound(Resource::Request)),
            Decided::Before => return Ok((self.registered_before(principal, patient, issue).await?, None)),
        };
        let wallet = request.wallet;
        match self.register_asked(request, issuer, issue).await {
            Ok(receipt) => {
                self.requests.approved(id, self.now() + SHOWN).await?;
                Ok((Done { id: patient, receipt }, Some(wallet)))
            }
            // It may be there: whoever approves again finds out.
            Err(error @ CommandError::Unknown) => Err(error.into()),
            // An approval that was cut off had come through, and the record has changed since.
            Err(CommandError::Rejected(_)) if self.executor.known::<Patient>(patient).await?.is_some() => {
                self.requests.approved(id, self.now() + SHOWN).await?;
                Ok((self.registered_before(principal, patient, issue).await?, Some(wallet)))
            }
            Err(error) => {
                self.requests.give_back(id, by).await?;
                Err(error.into())
            }
        }
    }

    async fn register_asked(
        &self,
        request: RegistrationRequest,
        issuer: AccountId,
        issue: &Issue,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let RegistrationRequest {
            id,
            wallet,
            proof,
            details,
            ..
        } = request;
        let newcomer = Newcomer::<Patient> {
            id: self.patient_of_request(id),
            command: PatientCommand::Register {
                details,
                now: self.now(),
            },
            told: of_a_registration,
            signed_in: SignedIn {
                wallet,
                proof,
                session: None,
            },
            title: Title::Approval { issuer },
        };
        self.register_newcomer(newcomer, Some(issuer), issue).await
    }

    /// What approving again comes to: registering somebody as their record stands changes nothing, and a command that was cut off finds
    /// what it came to.
    async fn registered_before(
        &self,
        principal: &Principal,
        patient: PatientId,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        let state = self.executor.load::<Patient>(patient).await?;
        let decided = || UseCaseError::RequestDecided {
            patient: (state.version > 0).then_some(patient),
        };
        let details = state.aggregate.details().ok_or_else(decided)?;
        let context = self.stamp(principal, issue);
        let command = PatientCommand::Register {
            details: details.clone(),
            now: context.at,
        };
        let receipt = self.execute::<Patient>(Target::of(patient), command, &context).await;
        let receipt = receipt.map_err(|error| match error {
            CommandError::Rejected(_) => decided(),
            error => error.into(),
        })?;
        Ok(Done { id: patient, receipt })
    }

    /// Declines a request, with a reason for its owner to read.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn decline_request(
        &self,
        principal: &Principal,
        id: Uuid,
        reason: &str,
        issue: &Issue,
    ) -> Result<(), UseCaseError> {
        let patient = Object::Patient(self.patient_of_request(id));
        admit(principal, patient, Action::DecideRequest, &[Category::Identity])?;
        let now = self.now();
        let refusal = Declined {
            reason,
            by: issue.command_id,
            until: now + SHOWN,
        };
        match self.requests.decline(id, &refusal, now).await? {
            Decided::Done(()) => Ok(()),
            Decided::Missing => Err(UseCaseError::NotFound(Resource::Request)),
            Decided::Before => {
                let patient = self.patient_of_request(id);
                let registered = self.executor.known::<Patient>(patient).await?.is_some();
                Err(UseCaseError::RequestDecided {
                    patient: registered.then_some(patient),
                })
            }
        }
    }

    fn patient_of_request(&self, id: Uuid) -> PatientId {
        PatientId::new(self.identities.from_name(REQUEST, &id.to_string()))
    }
}
