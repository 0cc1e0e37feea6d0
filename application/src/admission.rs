//! Registration by approval: a wallet asks to be registered, and a hospital decides.
//!
//! Nothing of it touches the log before somebody approves. Then the record, the account and the wallet's claim are one commit, whose
//! ids follow from the request: approving twice, at once or after a server died, registers once.

use chrono::TimeDelta;
use domain::account::{Account, AccountCommand, Binding, Holder, Title};
use domain::kernel::{AccountId, PatientId, Personal, Wallet};
use domain::patient::{Intake, Patient, PatientCommand, PatientDetails, Registration};
use domain::wallet::{WalletClaim, WalletCommand};
use uuid::Uuid;

use crate::clinic::{Backend, Clinic, Done, Issue, permit};
use crate::command::{CommandError, CommandExecutor as _, Receipt};
use crate::error::{Refusal, Resource, UseCaseError};
use crate::identity::Principal;
use crate::patients::told_by_oneself;
use crate::policy::Action;
use crate::queries::Page;
use crate::requests::{Asked, Decided, OwnRequest, RegistrationRequest, RequestCursor};
use crate::rules::Admission;
use crate::sessions::SignedIn;
use crate::wallets::Person;

/// The kind of ids that follow from requests.
const REQUEST: &str = "registration request";

/// For how long whoever has asked sees what was decided.
const SHOWN: TimeDelta = TimeDelta::days(14);

/// A patient to register with a wallet that has proved itself.
pub(crate) struct Newcomer {
    /// The record.
    pub(crate) patient: PatientId,
    /// What it begins with.
    pub(crate) registration: Registration,
    /// The wallet, and what it signed.
    pub(crate) signed_in: SignedIn,
    /// What entitles the wallet.
    pub(crate) title: Title,
}

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
        match self.rules.admission {
            Admission::Approval => {}
            Admission::Invitation => return Err(UseCaseError::ByInvitation),
            Admission::Open => return Err(UseCaseError::RegistrationIsOpen),
        }
        told_by_oneself(&details)?;
        let now = self.now();
        details.check(now).map_err(Refusal::from)?;
        let SignedIn { wallet, proof } = signed_in.ok_or(UseCaseError::Forbidden)?;
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
        permit(principal, Action::ListRequests)?;
        Ok(self.requests.waiting(page, self.now()).await?)
    }

    /// Approves a request: its owner is registered, with the wallet that asked. Answers with that wallet too.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn approve_request(
        &self,
        principal: &Principal,
        id: Uuid,
        issue: &Issue,
    ) -> Result<(Done<PatientId>, Wallet), UseCaseError> {
        permit(principal, Action::DecideRequest)?;
        let issuer = principal.account().ok_or(UseCaseError::Forbidden)?;
        let patient = self.patient_of_request(id);
        let request = match self.requests.begin_approval(id, self.now()).await? {
            Decided::Done(request) => request,
            Decided::Missing => return Err(UseCaseError::NotFound(Resource::Request)),
            Decided::Before => return Err(self.decided_before(patient).await?),
        };
        let RegistrationRequest {
            wallet, proof, details, ..
        } = request;
        let newcomer = Newcomer {
            patient,
            registration: Registration {
                details,
                intake: Intake::default(),
            },
            signed_in: SignedIn { wallet, proof },
            title: Title::Approval { issuer },
        };
        let receipt = self.register_newcomer(newcomer, Some(issuer), issue).await;
        let receipt = self.settle(id, patient, receipt).await?;
        Ok((Done { id: patient, receipt }, wallet))
    }

    /// Writes down what an approval has come to.
    async fn settle(
        &self,
        id: Uuid,
        patient: PatientId,
        receipt: Result<Receipt, CommandError<Refusal>>,
    ) -> Result<Receipt, UseCaseError> {
        let until = self.now() + SHOWN;
        match receipt {
            Ok(receipt) => {
                self.requests.approved(id, until).await?;
                Ok(receipt)
            }
            // It may be there: whoever approves again finds out.
            Err(error @ CommandError::Unknown) => Err(error.into()),
            // An earlier approval had come through, and the record has changed since.
            Err(CommandError::Rejected(_)) if self.is_registered(patient).await? => {
                self.requests.approved(id, until).await?;
                Err(UseCaseError::RequestDecided { patient: Some(patient) })
            }
            Err(error) => {
                self.requests.give_back(id).await?;
                Err(error.into())
            }
        }
    }

    /// Declines a request, with a reason for its owner to read.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn decline_request(&self, principal: &Principal, id: Uuid, reason: &str) -> Result<(), UseCaseError> {
        permit(principal, Action::DecideRequest)?;
        let now = self.now();
        match self.requests.decline(id, reason, now, now + SHOWN).await? {
            Decided::Done(()) => Ok(()),
            Decided::Missing => Err(UseCaseError::NotFound(Resource::Request)),
            Decided::Before => Err(self.decided_before(self.patient_of_request(id)).await?),
        }
    }

    async fn decided_before(&self, patient: PatientId) -> Result<UseCaseError, UseCaseError> {
        let patient = self.is_registered(patient).await?.then_some(patient);
        Ok(UseCaseError::RequestDecided { patient })
    }

    async fn is_registered(&self, patient: PatientId) -> Result<bool, UseCaseError> {
        Ok(self.executor.load::<Patient>(patient).await?.version > 0)
    }

    fn patient_of_request(&self, id: Uuid) -> PatientId {
        PatientId::new(self.identities.from_name(REQUEST, &id.to_string()))
    }

    /// Registers a patient, opens the account and binds the wallet, in one commit. `by` is who did it, if it was not the patient.
    pub(crate) async fn register_newcomer(
        &self,
        newcomer: Newcomer,
        by: Option<AccountId>,
        issue: &Issue,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let Newcomer {
            patient,
            registration,
            signed_in: SignedIn { wallet, proof },
            title,
        } = newcomer;
        let account = self.account_of(&Person::Patient(patient));
        let binding = Binding { wallet, proof, title };
        let context = self.stamp_as(Some(by.unwrap_or(account)), issue);
        let now = context.at;
        let receipt = self
            .executor
            .execute_three::<Patient, Account, WalletClaim, Refusal, _>(
                (patient, account, self.wallet_id(&wallet)),
                move |_, _, _| {
                    Ok((
                        PatientCommand::Register {
                            registration: registration.clone(),
                            now,
                        },
                        AccountCommand::Bind {
                            holder: Holder::Patient(Personal::Known(patient)),
                            binding: binding.clone(),
                            turn: 0,
                        },
                        WalletCommand::Claim { account },
                    ))
                },
                &context,
            )
            .await?;
        self.revocations.bound_again(self.wallet_id(&wallet).uuid());
        Ok(receipt)
    }
}
