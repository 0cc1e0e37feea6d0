//! Admitting by what patients have granted.

use chrono::{DateTime, Utc};
use domain::consent::{Grant, Message, Query};
use domain::kernel::{Category, PatientId};
use domain::registries::consents::GrantStanding;

use crate::error::UseCaseError;
use crate::policy::access::{Admittance, admit, admit_by_grants, asked};
use crate::policy::identity::Principal;
use crate::policy::{Action, Grant as Reach, Object, reach};
use crate::ports::queries::{ConsentsView, GrantView, Queries as _};
use crate::use_cases::clinic::{Backend, Clinic};

/// Grants of a patient, with what was revoked of them and does not show in what the registry has recorded yet.
pub struct Consents {
    view: ConsentsView,
    revoked: Vec<Message>,
    now: DateTime<Utc>,
}

impl Consents {
    /// How a grant among these stands. What is revoked is so before the registry says it.
    pub fn standing(&self, grant: &GrantView) -> GrantStanding {
        let is_revoked = |grant| self.revoked.iter().any(|message| message.takes_away(grant));
        match grant.grant.as_ref().is_some_and(is_revoked) {
            true => GrantStanding::Revoked,
            false => self.view.standing(grant, self.now),
        }
    }

    /// The grants.
    pub fn grants(&self) -> &[GrantView] {
        &self.view.grants
    }

    /// What holds, and is what it is named by: a row that somebody has changed is not.
    fn holding(&self) -> impl Iterator<Item = &Grant> {
        let holds = |view: &&GrantView| self.standing(view) == GrantStanding::Holds;
        let granted = self.view.grants.iter().filter(holds);
        granted.filter_map(|view| {
            let is_it = |grant: &&Grant| grant.id() == view.grant_id && grant.patient == view.registered_as;
            view.grant.as_ref().filter(is_it)
        })
    }
}

impl<B: Backend> Clinic<B> {
    /// Decides whether somebody may do this with what is known of a patient, by their role, or by what the patient has granted: then with those of these categories that
    /// it covers, one at least.
    pub(crate) async fn admit_to(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Admittance, UseCaseError> {
        if reach(principal, purpose)? != Reach::Consented {
            return Ok(admit(principal, Object::Patient(patient), purpose, categories)?);
        }
        let grantees = principal.grantees();
        let granted = self.queries.consents_to(patient, &grantees);
        let consents = self.consents(patient, granted).await?;
        let mut open = asked(principal, purpose, categories);
        let mut allowed = Vec::new();
        for grant in consents.holding() {
            let covered: Vec<_> = open
                .iter()
                .copied()
                .filter(|query| grant.details.covers(query))
                .collect();
            if let Some(query) = covered.first()
                && self.is_witnessed(grant, query).await?
            {
                open.retain(|query| !covered.contains(query));
                allowed.extend(covered);
            }
        }
        Ok(admit_by_grants(patient, &allowed)?)
    }

    /// Whether the contract itself knows of a grant.
    async fn is_witnessed(&self, grant: &Grant, query: &Query) -> Result<bool, UseCaseError> {
        match &self.registries.witness {
            Some(witness) => Ok(witness.allows(grant, query).await?),
            None => Ok(false),
        }
    }

    /// What is known of grants of a patient. What is revoked is asked first: once it does not stand there any more, the read models have it.
    pub(crate) async fn consents<E>(
        &self,
        patient: PatientId,
        granted: impl Future<Output = Result<ConsentsView, E>>,
    ) -> Result<Consents, UseCaseError>
    where
        UseCaseError: From<E>,
    {
        let revoked = self.revocations.of_grants(patient).await?;
        Ok(Consents {
            view: granted.await?,
            revoked,
            now: self.now(),
        })
    }
}
