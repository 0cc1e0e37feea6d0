//! Admitting by what patients have granted.

use domain::consent::{Details, Message};
use domain::kernel::{Category, PatientId};
use domain::registries::consents::GrantStanding;

use crate::error::UseCaseError;
use crate::policy::access::{Admittance, admit, admit_by_grants};
use crate::policy::identity::Principal;
use crate::policy::{Action, Grant, Object, reach};
use crate::ports::queries::{ConsentsView, GrantView, Queries as _};
use crate::use_cases::clinic::{Backend, Clinic};

/// Grants of a patient, with what was revoked of them and does not show in what the registry has recorded yet.
pub struct Consents {
    view: ConsentsView,
    revoked: Vec<Message>,
    now: chrono::DateTime<chrono::Utc>,
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

    /// What holds.
    fn holding(&self) -> impl Iterator<Item = &Details> + Clone {
        let holds = |grant: &&GrantView| self.standing(grant) == GrantStanding::Holds;
        let granted = self.view.grants.iter().filter(holds);
        granted.filter_map(|grant| grant.grant.as_ref().map(|grant| &grant.details))
    }
}

impl<B: Backend> Clinic<B> {
    /// Decides whether somebody may do this with what is known of a patient, by their role, or by what the patient has granted: then of these categories those that
    /// it covers, one at least.
    pub(crate) async fn admit_to(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Admittance, UseCaseError> {
        if reach(principal, purpose)? != Grant::Consented {
            return Ok(admit(principal, Object::Patient(patient), purpose, categories)?);
        }
        let grantees = principal.grantees();
        let consents = self
            .consents(patient, self.queries.consents_to(patient, &grantees))
            .await?;
        let granted = consents.holding();
        Ok(admit_by_grants(principal, patient, purpose, categories, granted)?)
    }

    /// What is known of grants of a patient. What is revoked is asked first: once it does not stand there any more, the read models have it.
    pub(crate) async fn consents<E>(
        &self,
        patient: PatientId,
        asked: impl Future<Output = Result<ConsentsView, E>>,
    ) -> Result<Consents, UseCaseError>
    where
        UseCaseError: From<E>,
    {
        let revoked = self.revocations.of_grants(patient).await?;
        Ok(Consents {
            view: asked.await?,
            revoked,
            now: self.now(),
        })
    }
}
