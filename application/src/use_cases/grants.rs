//! Grants: what a patient prepares, signs and hands in, and how it stands.

use std::sync::Arc;

use domain::access_log::Shown;
use domain::consent::{Grant, GrantId, Grantee, GranteeTag, Message, SignerId};
use domain::grants::{Epochs, Grants, GrantsCommand, Preparation, Proposal, Salts};
use domain::kernel::typed_data::SigningDomain;
use domain::kernel::{Category, GrantsId, HumanName, PatientId};
use domain::registries::Signed;
use domain::registries::consents::GrantStanding;
use uuid::Uuid;

use crate::error::{Resource, UseCaseError};
use crate::policy::access::{Admittance, admit};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::Receipt;
use crate::ports::queries::{AccountView, GrantCursor, GrantView, Page, Queries as _};
use crate::ports::registries::ConsentRegistry;
use crate::ports::revocations::Revoked;
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue};
use crate::use_cases::consented::GrantsAtHand;

const ACCESS: &[Category] = &[Category::Access];

/// What a command's new grant is told apart by from whatever else it makes.
pub(crate) const GRANT: &str = "grant";

/// What a patient would sign to revoke grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToRevoke {
    /// One.
    Grant(Which),
    /// All to the grantee of this one.
    GranteeOf(Which),
    /// All.
    All,
}

/// Which of a patient's grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// One that was prepared here, by its id.
    Prepared(Uuid),
    /// One of which the registry alone may know, by what names it there.
    Recorded(GrantId),
}

impl<B: Backend> Clinic<B> {
    /// Prepares a grant of a patient. It allows nothing until the registry has recorded it.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn prepare_grant(
        &self,
        principal: &Principal,
        patient: PatientId,
        proposal: Proposal,
        issue: &Issue,
    ) -> Result<Done<Uuid>, UseCaseError> {
        admit(principal, Object::Patient(patient), Action::ManageGrants, ACCESS)?;
        let id = issue.new_id(GRANT);
        if let Some(receipt) = self.earlier::<Grants>(GrantsId(patient), issue).await? {
            return Ok(Done { id, receipt });
        }
        self.registry_of_consents()?;
        let whom = self.signer_of(principal).await?;
        let known = self.queries.consents(whom).await?;
        let command = GrantsCommand::Prepare(Preparation {
            id,
            patient: whom,
            name: self.name_of(proposal.grantee).await?,
            proposal,
            deadline: self.deadline(),
            salts: Salts {
                grantee: self.salt()?,
                grant: self.salt()?,
            },
            epochs: Epochs {
                patient: known.control.epoch,
                grantees: known.grantees,
            },
            now: self.now(),
        });
        let context = self.stamp(principal, issue);
        let target = Target::of(GrantsId(patient));
        let receipt = self.execute::<Grants>(target, command, &context).await?;
        Ok(Done { id, receipt })
    }

    /// The grants of a patient, the newest first, and how each stands.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn grants(
        &self,
        principal: &Principal,
        patient: PatientId,
        page: Page<GrantCursor>,
    ) -> Result<GrantsAtHand, UseCaseError> {
        let admittance = admit(principal, Object::Patient(patient), Action::ReadGrants, ACCESS)?;
        let found = self.consents(patient, || self.queries.grants(&admittance, patient, page));
        let found = found.await?;
        self.note_read(principal, &admittance, Shown::Grants, patient).await?;
        Ok(found)
    }

    /// A grant that a patient has prepared, and how it stands.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn grant(
        &self,
        principal: &Principal,
        patient: PatientId,
        id: Uuid,
    ) -> Result<(GrantView, GrantStanding), UseCaseError> {
        let admittance = admit(principal, Object::Patient(patient), Action::ReadGrants, ACCESS)?;
        let found = self.grant_of(&admittance, patient, id).await?;
        self.note_read(principal, &admittance, Shown::Grants, patient).await?;
        Ok(found)
    }

    /// What a patient signs to give a grant that they have prepared, and where that is good.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn grant_to_sign(
        &self,
        principal: &Principal,
        patient: PatientId,
        id: Uuid,
    ) -> Result<(SigningDomain, Message), UseCaseError> {
        let domain = self.registry_of_consents()?.signing_domain();
        let (view, _) = self.grant(principal, patient, id).await?;
        Ok((domain, Message::Grant(prepared(view)?)))
    }

    /// Hands in a grant that a patient has signed. Whether it counts the registry decides.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn hand_in_grant(
        &self,
        principal: &Principal,
        (patient, id): (PatientId, Uuid),
        signed: &Signed,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        let admittance = admit(principal, Object::Patient(patient), Action::ManageGrants, ACCESS)?;
        let registry = self.registry_of_consents()?;
        let (view, _) = self.grant_of(&admittance, patient, id).await?;
        let message = Message::Grant(prepared(view)?);
        let recorded = registry.hand_in(issue.command_id, &message, signed).await?;
        Ok(recorded.receipt(issue.command_id))
    }

    /// What a patient signs to revoke grants, and where that is good.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn revocation_to_sign(
        &self,
        principal: &Principal,
        patient: PatientId,
        what: ToRevoke,
    ) -> Result<(SigningDomain, Message), UseCaseError> {
        let admittance = admit(principal, Object::Patient(patient), Action::ManageGrants, ACCESS)?;
        let domain = self.registry_of_consents()?.signing_domain();
        let message = match what {
            ToRevoke::Grant(which) => {
                let (patient, grant, _) = self.grant_named(principal, &admittance, patient, which).await?;
                Message::Revocation { patient, grant }
            }
            ToRevoke::GranteeOf(which) => {
                let (patient, _, grantee) = self.grant_named(principal, &admittance, patient, which).await?;
                let grantee = grantee.ok_or(UseCaseError::NotFound(Resource::Grant))?;
                let epoch = self.queries.consents(patient).await?.grantee_epoch(grantee);
                Message::GranteeRevocation {
                    patient,
                    grantee,
                    epoch,
                }
            }
            ToRevoke::All => {
                let patient = self.signer_of(principal).await?;
                let epoch = self.queries.consents(patient).await?.control.epoch;
                Message::FullRevocation { patient, epoch }
            }
        };
        self.note_read(principal, &admittance, Shown::Grants, patient).await?;
        Ok((domain, message))
    }

    /// What names a grant in the registry: the patient, the grant, and the grantee if that is known.
    async fn grant_named(
        &self,
        principal: &Principal,
        admittance: &Admittance,
        patient: PatientId,
        which: Which,
    ) -> Result<(SignerId, GrantId, Option<GranteeTag>), UseCaseError> {
        match which {
            Which::Prepared(id) => {
                let (view, _) = self.grant_of(admittance, patient, id).await?;
                let grant = prepared(view)?;
                Ok((grant.patient, grant.id(), Some(grant.details.grantee_tag())))
            }
            Which::Recorded(grant) => {
                let patient = self.signer_of(principal).await?;
                let known = self.queries.consents(patient).await?;
                let state = known
                    .grants
                    .get(&grant)
                    .ok_or(UseCaseError::NotFound(Resource::Grant))?;
                Ok((patient, grant, state.given.map(|given| given.grantee)))
            }
        }
    }

    /// Hands in what a patient has signed to revoke grants. It is denied at once what they allow; whether it counts the registry decides.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn revoke_grants(
        &self,
        principal: &Principal,
        patient: PatientId,
        (message, signed): (Message, Signed),
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        admit(principal, Object::Patient(patient), Action::ManageGrants, ACCESS)?;
        self.registry_of_consents()?;
        if !self.signers_of(principal).await?.contains(&message.patient()) {
            return Err(UseCaseError::Invalid {
                pointer: "/message/patient",
                detail: "is not as whom the registry of consents knows the patient",
            });
        }
        let revoked = Revoked::Grants {
            patient,
            message: Box::new(message),
            signed,
        };
        self.revoke(principal, patient.uuid(), revoked, issue).await
    }

    /// A grant that was prepared, and how it stands.
    async fn grant_of(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        id: Uuid,
    ) -> Result<(GrantView, GrantStanding), UseCaseError> {
        let consents = self
            .consents(patient, || self.queries.grant(admittance, patient, id))
            .await?;
        let found = consents.grants().first().cloned();
        let grant = found.ok_or(UseCaseError::NotFound(Resource::Grant))?;
        let standing = consents.standing(&grant);
        Ok((grant, standing))
    }

    /// As whom the registry knows the caller: by the wallet that they sign in with.
    async fn signer_of(&self, principal: &Principal) -> Result<SignerId, UseCaseError> {
        let account = self.own_account(principal).await?;
        account.wallet.map(SignerId::from).ok_or(UseCaseError::Forbidden)
    }

    /// As whom the registry knows the caller now, or did before they changed their wallet.
    async fn signers_of(&self, principal: &Principal) -> Result<Vec<SignerId>, UseCaseError> {
        let account = self.own_account(principal).await?;
        let former = account.former_wallets().into_iter().map(|former| former.wallet);
        Ok(account.wallet.into_iter().chain(former).map(SignerId::from).collect())
    }

    async fn own_account(&self, principal: &Principal) -> Result<AccountView, UseCaseError> {
        let account = principal.account().ok_or(UseCaseError::Forbidden)?;
        self.queries.account(account).await?.ok_or(UseCaseError::Forbidden)
    }

    /// What a grantee is called, for whoever signs. A practitioner must be there.
    pub(crate) async fn name_of(&self, grantee: Grantee) -> Result<String, UseCaseError> {
        let practitioner = match grantee {
            Grantee::Practitioner(practitioner) => practitioner,
            Grantee::Organisation(number) => return Ok(format!("organisation {number}")),
            Grantee::Role(number, role) => return Ok(format!("{role} of organisation {number}")),
        };
        let view = self.queries.practitioner(practitioner).await?;
        let view = view.ok_or(UseCaseError::UnknownReference { pointer: "/grantee" })?;
        let HumanName { family, given, prefix } = view.details.name;
        let names = prefix.into_iter().chain(given).chain([family]);
        Ok(names.collect::<Vec<_>>().join(" "))
    }

    pub(crate) fn registry_of_consents(&self) -> Result<&Arc<ConsentRegistry>, UseCaseError> {
        self.registries.consents.as_ref().ok_or(UseCaseError::NoRegistry)
    }
}

/// The grant as it is signed.
fn prepared(view: GrantView) -> Result<Grant, UseCaseError> {
    view.grant.ok_or(UseCaseError::NotFound(Resource::Grant))
}
