//! Admitting by what patients have granted, to whoever is treated here, and in emergencies.

use chrono::{DateTime, Utc};
use domain::consent::{Grant, Message, Query};
use domain::kernel::{AggregateType, Category, PatientId};
use domain::registries::consents::GrantStanding;
use uuid::Uuid;

use crate::error::{Resource, UseCaseError};
use crate::policy::access::{
    Admittance, VISITS, admit, admit_by_grants, admit_in_emergency, admit_to_treated, asked, asked_of,
};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object, Reach, reach};
use crate::ports::queries::{ConsentsView, GrantView, Queries as _, QueryError};
use crate::use_cases::clinic::{Backend, Clinic};

/// Grants of a patient, with what was revoked of them and does not show in what the registry has recorded yet.
pub struct GrantsAtHand {
    view: ConsentsView,
    revoked: Vec<Message>,
    now: DateTime<Utc>,
}

impl GrantsAtHand {
    /// How a grant among these stands. What is revoked is so before the registry says it.
    pub fn standing(&self, grant: &GrantView) -> GrantStanding {
        let named = grant.named();
        match self.revoked.iter().any(|message| message.takes_away(&named)) {
            true => GrantStanding::Revoked,
            false => self.view.standing(grant, self.now),
        }
    }

    /// The grants.
    pub fn grants(&self) -> &[GrantView] {
        &self.view.grants
    }

    /// What holds, and is what it is named by: a row that somebody has changed is not.
    fn holding(&self) -> impl Iterator<Item = (Uuid, &Grant)> {
        let holds = |view: &&GrantView| self.standing(view) == GrantStanding::Holds;
        let granted = self.view.grants.iter().filter(holds);
        granted.filter_map(|view| {
            let is_it = |grant: &&Grant| grant.id() == view.grant_id && grant.patient == view.registered_as;
            view.id.zip(view.grant.as_ref().filter(is_it))
        })
    }
}

impl<B: Backend> Clinic<B> {
    /// Decides whether somebody may do this with what is known of a patient: by their role; because the patient is treated here; or by what the patient has granted, or because they have
    /// opened the record in an emergency, then with those of these categories that it covers, one at least.
    pub(crate) async fn admit_to(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Admittance, UseCaseError> {
        let consented = self.admit_consented(principal, patient, purpose, categories).await;
        if consented.as_ref().is_ok_and(|admitted| admitted.covers_all(categories)) {
            return consented;
        }
        let open = match (self.open_emergencies(principal, patient, purpose).await, &consented) {
            (Ok(open), _) => open,
            // A part of the record is better than none, and whoever may not know of it is told nothing more.
            (Err(error), Ok(_)) => {
                tracing::warn!(%error, "what is open in emergencies cannot be told");
                Vec::new()
            }
            (Err(UseCaseError::Erased | UseCaseError::HeldBack), Err(_)) => Vec::new(),
            (Err(error), Err(_)) => return Err(error),
        };
        let otherwise = consented.as_ref().ok();
        let admitted = admit_in_emergency(principal, patient, purpose, categories, &open, otherwise);
        admitted.or(consented)
    }

    /// The same with all of these categories, or not at all.
    pub(crate) async fn admit_to_all(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Admittance, UseCaseError> {
        let admittance = self.admit_to(principal, patient, purpose, categories).await?;
        match admittance.covers_all(categories) {
            true => Ok(admittance),
            false => Err(not_admitted(principal, purpose)?),
        }
    }

    /// The same for appointments and visits, as far as somebody is admitted to when the patient comes.
    pub(crate) async fn admit_to_visits(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
    ) -> Result<Admittance, UseCaseError> {
        let admittance = self.admit_to(principal, patient, purpose, VISITS).await?;
        match admittance.times(Category::Appointments).is_never() {
            false => Ok(admittance),
            true => Err(not_admitted(principal, purpose)?),
        }
    }

    /// The same without emergencies.
    async fn admit_consented(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Admittance, UseCaseError> {
        let granted = async || self.admit_to_granted(principal, patient, purpose, categories).await;
        let treated = async || self.admit_treated(principal, patient, purpose, categories).await;
        match reach(principal, purpose)? {
            Reach::Consented => match granted().await {
                Err(hidden @ UseCaseError::NotFound(_)) => match treated().await {
                    Ok(Some(admittance)) => Ok(admittance),
                    // Whoever reads by grants is not told of the erased, nor of what cannot be read.
                    Ok(None) | Err(UseCaseError::Erased | UseCaseError::HeldBack) => Err(hidden),
                    Err(error) => Err(error),
                },
                granted => granted,
            },
            Reach::Treated => match treated().await? {
                Some(admittance) => Ok(admittance),
                None => match granted().await {
                    // The staff knows who the patients are.
                    Err(UseCaseError::NotFound(_)) => {
                        self.require_registered(patient).await?;
                        Err(UseCaseError::NotTreated)
                    }
                    granted => granted,
                },
            },
            Reach::Any | Reach::Own | Reach::ForAPerson => {
                Ok(admit(principal, Object::Patient(patient), purpose, categories)?)
            }
        }
    }

    /// The same because the patient is treated here; `None` when they are not, or not by this caller.
    async fn admit_treated(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Option<Admittance>, UseCaseError> {
        let treated = self.treated(principal, patient).await?;
        let admittance = treated.map(|treated| admit_to_treated(principal, patient, purpose, categories, treated));
        Ok(admittance.and_then(Result::ok))
    }

    /// The same by what the patient has granted alone.
    async fn admit_to_granted(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
        categories: &'static [Category],
    ) -> Result<Admittance, UseCaseError> {
        let grantees = principal.grantees(self.rules.organisation);
        let consents = self
            .consents(patient, || self.queries.consents_to(patient, &grantees))
            .await?;
        let asked = asked(&grantees, purpose, categories);
        let (mut holding, mut unasked) = (Vec::new(), None);
        for (id, grant) in consents.holding() {
            let mut of_it = asked.iter().map(|query| asked_of(&grant.details, query, purpose));
            let Some(query) = of_it.find(|query| grant.details.covers(query)) else {
                continue;
            };
            match self.is_witnessed(grant, &query).await {
                Ok(true) => holding.push((id, &grant.details)),
                Ok(false) => {}
                // Another one may open what is asked for.
                Err(error) => unasked = Some(error),
            }
        }
        let admitted = admit_by_grants(principal, patient, purpose, &asked, &holding);
        match (admitted, unasked) {
            (Err(_), Some(error)) => Err(error),
            (admitted, _) => Ok(admitted?),
        }
    }

    /// Whether the contract itself knows of a grant.
    async fn is_witnessed(&self, grant: &Grant, query: &Query) -> Result<bool, UseCaseError> {
        match &self.registries.witness {
            Some(witness) => Ok(witness.allows(grant, query).await?),
            None => Ok(false),
        }
    }

    /// What is known of grants of a patient. What is revoked is asked first, and then the read models: what does not stand there any more they have.
    pub(crate) async fn consents<F>(
        &self,
        patient: PatientId,
        then_ask: impl FnOnce() -> F,
    ) -> Result<GrantsAtHand, UseCaseError>
    where
        F: Future<Output = Result<ConsentsView, QueryError>>,
    {
        let revoked = self.revocations.of_grants(patient).await?;
        Ok(GrantsAtHand {
            view: then_ask().await?,
            revoked,
            now: self.now(),
        })
    }
}

/// What somebody is told who is admitted to something else than they have asked for.
fn not_admitted(principal: &Principal, purpose: Action) -> Result<UseCaseError, UseCaseError> {
    Ok(match reach(principal, purpose)? {
        Reach::Treated => UseCaseError::NotTreated,
        _ => UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient)),
    })
}
