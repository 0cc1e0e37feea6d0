//! All that is known of a patient, for the patient to take along.

use chrono::{DateTime, Utc};
use domain::access_log::Shown;
use domain::kernel::{AggregateType, Category, PatientId, Wallet};

use crate::error::{Resource, UseCaseError};
use crate::log::Position;
use crate::policy::access::{Admittance, admit};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::queries::{
    AccountView, AppointmentCursor, AppointmentView, ChartView, EmergencyView, EngagementView, GrantCursor, Page,
    PatientView, Queries as _, RelationshipView,
};
use crate::use_cases::clinic::{Backend, Clinic, own_record, permit};
use crate::use_cases::consented::GrantsAtHand;
use crate::use_cases::treatments::TreatmentView;

/// Of which categories what is known here is.
const KNOWN: &[Category] = &[
    Category::Identity,
    Category::Summary,
    Category::Medication,
    Category::Care,
    Category::Appointments,
    Category::Access,
];

/// What is known of a patient and is no long list.
#[derive(Clone, PartialEq, Debug)]
pub struct Exported {
    /// When it was so.
    pub at: DateTime<Utc>,
    /// Who they are.
    pub patient: PatientView,
    /// Their chart.
    pub chart: ChartView,
    /// Whether they are treated here.
    pub treatment: TreatmentView,
    /// Their account.
    pub account: AccountView,
    /// Who treats them.
    pub relationships: Vec<RelationshipView>,
}

/// Whose lists are exported. Whoever has it is noted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exporting {
    patient: PatientId,
    admittance: Admittance,
    /// The wallet that the patient has signed in with.
    wallet: Option<Wallet>,
}

impl<B: Backend> Clinic<B> {
    /// Begins to give a patient all that is known of them. It is noted once, as an export.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn export(&self, principal: &Principal) -> Result<(Exported, Exporting), UseCaseError> {
        permit(principal, Action::ExportSelf)?;
        let patient = own_record(principal).ok_or(UseCaseError::Forbidden)?;
        let admittance = admit(principal, Object::Patient(patient), Action::ExportSelf, KNOWN)?;
        let found = self.queries.patient(&admittance, patient).await?;
        let view = found.ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient)))?;
        let exported = Exported {
            at: self.now(),
            patient: view,
            chart: self.chart_or_none(&admittance, patient).await?,
            treatment: self.treatment_of(patient).await?,
            account: self.own_wallet(principal).await?,
            relationships: self.queries.relationships_of_patient(&admittance, patient).await?,
        };
        self.note_read(principal, &admittance, Shown::Export, patient).await?;
        let wallet = exported.account.wallet;
        let exporting = Exporting {
            patient,
            admittance,
            wallet,
        };
        Ok((exported, exporting))
    }

    /// Whether an export goes on: whoever reads slowly may have lost their wallet meanwhile.
    ///
    /// # Errors
    /// [`UseCaseError::Forbidden`] when it does not, and others.
    pub async fn go_on_exporting(&self, principal: &Principal, exporting: &Exporting) -> Result<(), UseCaseError> {
        let account = self.own_wallet(principal).await?;
        let is_denied = self.revocations.any(&[account.id.uuid()]).await?;
        match is_denied || account.closed || account.wallet != exporting.wallet {
            true => Err(UseCaseError::Forbidden),
            false => Ok(()),
        }
    }

    /// Ends an export. It is none of a patient who was erased meanwhile: their lists were empty.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn end_export(
        &self,
        Exporting {
            patient, admittance, ..
        }: &Exporting,
    ) -> Result<(), UseCaseError> {
        match self.queries.patient(admittance, *patient).await? {
            Some(_) => Ok(()),
            None => Err(UseCaseError::Erased),
        }
    }

    /// The appointments and visits that belong to an export, by their start.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn exported_appointments(
        &self,
        Exporting {
            patient, admittance, ..
        }: &Exporting,
        page: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, UseCaseError> {
        Ok(self.queries.appointments_of(admittance, *patient, page).await?)
    }

    /// The grants that belong to an export, the newest first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn exported_grants(
        &self,
        Exporting {
            patient, admittance, ..
        }: &Exporting,
        page: Page<GrantCursor>,
    ) -> Result<GrantsAtHand, UseCaseError> {
        let found = self.consents(*patient, || self.queries.grants(admittance, *patient, page));
        found.await
    }

    /// For what auditors are engaged to look who has read of them, the newest first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn exported_engagements(
        &self,
        Exporting {
            patient, admittance, ..
        }: &Exporting,
        page: Page<Position>,
    ) -> Result<Vec<EngagementView>, UseCaseError> {
        Ok(self.queries.engagements_about(admittance, *patient, page).await?)
    }

    /// The emergencies that belong to an export, the newest first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn exported_emergencies(
        &self,
        Exporting {
            patient, admittance, ..
        }: &Exporting,
        page: Page<Position>,
    ) -> Result<Vec<EmergencyView>, UseCaseError> {
        let whose = Object::Patient(*patient);
        Ok(self.queries.emergencies(admittance, whose, page).await?)
    }
}
