//! Attestations: where a public register has a practitioner, what a registrar signs, and handing it in to the registry.

use std::sync::Arc;

use domain::kernel::typed_data::SigningDomain;
use domain::kernel::{AggregateType, Identifier, PractitionerId};
use domain::practitioner::{Practitioner, PractitionerCommand, RegisterEntry};
use domain::registries::Signed;
use domain::registries::practitioners::{Message, MessageType};

use crate::error::{Resource, UseCaseError};
use crate::policy::Action;
use crate::policy::identity::Principal;
use crate::ports::command::Receipt;
use crate::ports::queries::{AttestationView, PractitionerView, Queries as _};
use crate::ports::registries::PractitionerRegistry;
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit, permit_on};

impl<B: Backend> Clinic<B> {
    /// Tells under which number a public register has a practitioner.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn tell_register_entry(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        identifier: Identifier,
        issue: &Issue,
    ) -> Result<Done<PractitionerId>, UseCaseError> {
        permit_on(principal, Action::TellRegisterEntry, practitioner)?;
        let entry = RegisterEntry {
            identifier,
            salt: self.salt()?,
        };
        let command = PractitionerCommand::TellRegisterEntry { entry };
        let context = self.stamp(principal, issue);
        let receipt = self.execute::<Practitioner>(Target::of(practitioner), command, &context);
        Ok(Done {
            id: practitioner,
            receipt: receipt.await?,
        })
    }

    /// Where a public register has a practitioner, and whether that is what registrars have attested.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn register_entry(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
    ) -> Result<(RegisterEntry, bool), UseCaseError> {
        permit_on(principal, Action::ReadRegisterEntry, practitioner)?;
        let entry = self.entry_in_a_register(practitioner).await?;
        let entry = entry.ok_or(UseCaseError::NotFound(Resource::RegisterEntry))?;
        let attestation = self.queries.attestation(practitioner).await?.attestation;
        let is_attested = attestation.details == Some(entry.details());
        Ok((entry, is_attested))
    }

    /// How a practitioner stands with the registrars.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn attestation(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
    ) -> Result<AttestationView, UseCaseError> {
        self.practitioner(principal, practitioner).await?;
        Ok(self.queries.attestation(practitioner).await?)
    }

    /// What a registrar signs to attest, suspend or reinstate a practitioner as they stand now, and where that is good.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn attestation_to_sign(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        of: MessageType,
    ) -> Result<(SigningDomain, Message), UseCaseError> {
        permit(principal, Action::AttestPractitioner)?;
        let registry = self.registry_of_practitioners()?;
        let entry = self.entry_in_a_register(practitioner).await?;
        let known = self.queries.attestation(practitioner).await?.attestation;
        let deadline = self.deadline();
        let message = match of {
            MessageType::Attestation => Message::Attestation {
                practitioner,
                details: entry.ok_or(UseCaseError::NotFound(Resource::RegisterEntry))?.details(),
                number: known.number,
                deadline,
            },
            MessageType::Suspension => Message::Suspension {
                practitioner,
                reinstatements: known.reinstatements,
            },
            MessageType::Reinstatement => Message::Reinstatement {
                practitioner,
                number: known.number,
                deadline,
            },
        };
        Ok((registry.signing_domain(), message))
    }

    /// Hands in what a registrar has signed. Whether it counts the registry decides; here is only seen to it that an attestation is of the register
    /// entry as it stands.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn hand_in_attestation(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        (message, signed): (Message, Signed),
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        permit(principal, Action::AttestPractitioner)?;
        let registry = self.registry_of_practitioners()?;
        if message.practitioner() != practitioner {
            return Err(UseCaseError::Invalid {
                pointer: "/message/practitioner",
                detail: "is another practitioner than the path names",
            });
        }
        // What was handed in before is not judged by what has changed since.
        if !(issue.repeated && registry.has_from(issue.command_id).await?) {
            let entry = self.entry_in_a_register(practitioner).await?;
            if let Message::Attestation { details, .. } = message
                && entry.is_none_or(|entry| entry.details() != details)
            {
                return Err(UseCaseError::Invalid {
                    pointer: "/message/details",
                    detail: "is not the hash of the practitioner's register entry as it stands now",
                });
            }
        }
        let recorded = registry.hand_in(issue.command_id, &message, &signed).await?;
        Ok(recorded.receipt(issue.command_id))
    }

    /// Where a public register has somebody, if it was told. `missing` when there is no such practitioner.
    async fn entry_in_a_register(&self, practitioner: PractitionerId) -> Result<Option<RegisterEntry>, UseCaseError> {
        let view: Option<PractitionerView> = self.queries.practitioner(practitioner).await?;
        let view = view.ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner)))?;
        Ok(view.register_entry)
    }

    fn registry_of_practitioners(&self) -> Result<&Arc<PractitionerRegistry>, UseCaseError> {
        self.registries.practitioners.as_ref().ok_or(UseCaseError::NoRegistry)
    }
}
