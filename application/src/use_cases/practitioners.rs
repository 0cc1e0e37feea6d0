//! Practitioners: register, read, change, find.

use chrono_tz::Tz;
use domain::kernel::{AggregateType, Identifier, PractitionerId};
use domain::practitioner::{Practitioner, PractitionerCommand, PractitionerDetails};

use crate::error::{Resource, UseCaseError};
use crate::policy::Action;
use crate::policy::identity::Principal;
use crate::ports::command::CommandExecutor as _;
use crate::ports::queries::{Page, PractitionerView, Queries as _};
use crate::ports::transaction::{Expected, Freshness, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit, permit_on};

/// The kind of ids that follow from a practitioner's identifier.
pub(crate) const PRACTITIONER: &str = "practitioner";

impl<B: Backend> Clinic<B> {
    /// Registers a practitioner. Only a hospital does: nobody counts as one before somebody has verified them. They bind a wallet by
    /// an invitation.
    ///
    /// An identifier in the details names the entry, so that registering again meets it. So does one by which an entry is called
    /// otherwise.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn register_practitioner(
        &self,
        principal: &Principal,
        details: PractitionerDetails,
        issue: &Issue,
    ) -> Result<Done<PractitionerId>, UseCaseError> {
        permit(principal, Action::RegisterPractitioner)?;
        self.require_told(details.as_of, "/details/asOf")?;
        let (practitioner, freshness) = match &details.identifier {
            Some(identifier) => (
                self.identities.from_identifier(PRACTITIONER, identifier),
                Freshness::MayExist,
            ),
            None => (issue.new_id(PRACTITIONER), issue.freshness()),
        };
        let practitioner = PractitionerId::new(practitioner);
        // What an earlier attempt has registered is not held against its retry.
        if let Some(receipt) = self.earlier::<Practitioner>(practitioner, issue).await? {
            return Ok(Done {
                id: practitioner,
                receipt,
            });
        }
        let _held = self.name_practitioner(principal, practitioner, &details).await?;
        let context = self.stamp(principal, issue);
        let command = PractitionerCommand::Register {
            details,
            now: context.at,
        };
        let target = Target::of(practitioner).freshness(freshness);
        let done = self.execute::<Practitioner>(target, command, &context).await;
        let receipt = done.map_err(|error| UseCaseError::from(error).meeting(practitioner))?;
        Ok(Done {
            id: practitioner,
            receipt,
        })
    }

    /// Replaces a practitioner's details.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn update_practitioner(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        details: PractitionerDetails,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PractitionerId>, UseCaseError> {
        permit_on(principal, Action::UpdatePractitioner, practitioner)?;
        self.require_told(details.as_of, "/asOf")?;
        let _held = match principal.is_of_a_hospital() {
            true => self.name_practitioner(principal, practitioner, &details).await?,
            // Nobody else changes how they are called.
            false => None,
        };
        let context = self.stamp(principal, issue);
        let command = PractitionerCommand::UpdateDetails {
            details,
            teller: principal.teller(),
            now: context.at,
        };
        let target = Target::of(practitioner).expecting(expected_version.map(Expected::whole));
        let receipt = self.execute::<Practitioner>(target, command, &context).await?;
        Ok(Done {
            id: practitioner,
            receipt,
        })
    }

    /// A practitioner's entry.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioner(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
    ) -> Result<PractitionerView, UseCaseError> {
        permit(principal, Action::ReadPractitioner)?;
        self.queries
            .practitioner(practitioner)
            .await?
            .ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner)))
    }

    /// Practitioners in the order of their ids, of a specialization if one is given.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioners(
        &self,
        principal: &Principal,
        specialization: Option<&str>,
        page: Page<PractitionerId>,
    ) -> Result<Vec<PractitionerView>, UseCaseError> {
        permit(principal, Action::ReadPractitioner)?;
        Ok(self.queries.practitioners(specialization, page).await?)
    }

    /// The practitioners whom one of these identifiers names, in the order of their ids: more than one when they share it, or when
    /// the identifiers are several persons'.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioners_known_as(
        &self,
        principal: &Principal,
        identifiers: &[Identifier],
    ) -> Result<Vec<PractitionerView>, UseCaseError> {
        permit(principal, Action::ReadPractitioner)?;
        let named = |identifier| PractitionerId::new(self.identities.from_identifier(PRACTITIONER, identifier));
        let ids: Vec<PractitionerId> = identifiers.iter().map(named).collect();
        Ok(self.queries.practitioners_known_as(&ids, identifiers).await?)
    }

    /// The time zone of a practitioner's days, which never changes; `missing` when there is no such practitioner.
    pub(crate) async fn time_zone_of(
        &self,
        practitioner: PractitionerId,
        missing: UseCaseError,
    ) -> Result<Tz, UseCaseError> {
        let known = self.executor.known::<Practitioner>(practitioner).await?;
        known.as_ref().and_then(Practitioner::time_zone).ok_or(missing)
    }
}
