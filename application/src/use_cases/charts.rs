//! The charts of patients: read, note, change, refute, and take in what other systems report.

use chrono::{DateTime, Utc};
use domain::chart::{Absence, AllergyKind, AnyFinding, Chart, ChartCommand, FindingId, ListKind, Report};
use domain::kernel::{AggregateType, Category, ChartId, PatientId};
use domain::patient::Patient;

use crate::error::{Resource, UseCaseError};
use crate::policy::access::admit;
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::CommandExecutor as _;
use crate::ports::queries::{ChartView, Queries as _};
use crate::ports::transaction::{Expected, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue};

/// The kind of ids that findings get.
const FINDING: &str = "finding";

/// What a chart holds.
const CHART: &[Category] = &[Category::Identity, Category::Summary, Category::Medication];

/// What is said of a whole list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AbsenceStatement {
    /// Why there are no findings in it.
    Of(ListKind, Absence),
    /// Whether of one kind of allergies none are known.
    OfAllergiesTo(AllergyKind, bool),
}

impl<B: Backend> Clinic<B> {
    /// A patient's chart.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn chart(&self, principal: &Principal, patient: PatientId) -> Result<ChartView, UseCaseError> {
        let admittance = admit(principal, Object::Patient(patient), Action::ReadChart, CHART)?;
        if let Some(chart) = self.queries.chart(&admittance, patient).await? {
            return Ok(chart);
        }
        match self.queries.patient(&admittance, patient).await? {
            None => Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient))),
            Some(_) => Ok(ChartView::empty(patient)),
        }
    }

    /// Notes a finding.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn note_finding(
        &self,
        principal: &Principal,
        patient: PatientId,
        finding: AnyFinding,
        issue: &Issue,
    ) -> Result<Done<FindingId>, UseCaseError> {
        let id = FindingId(issue.new_id(FINDING));
        let command = |now| ChartCommand::Note { id, finding, now };
        self.update_finding(principal, (patient, id), command, None, issue)
            .await
    }

    /// Changes a finding.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn change_finding(
        &self,
        principal: &Principal,
        (patient, id): (PatientId, FindingId),
        finding: AnyFinding,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<FindingId>, UseCaseError> {
        let command = |now| ChartCommand::Change { id, finding, now };
        let which = (patient, id);
        self.update_finding(principal, which, command, expected_version, issue)
            .await
    }

    /// Refutes a finding.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn refute_finding(
        &self,
        principal: &Principal,
        (patient, id): (PatientId, FindingId),
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<FindingId>, UseCaseError> {
        let command = |now| ChartCommand::Refute { id, now };
        let which = (patient, id);
        self.update_finding(principal, which, command, expected_version, issue)
            .await
    }

    /// Says why there are no findings in a list, or none of a kind.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn state_absence(
        &self,
        principal: &Principal,
        patient: PatientId,
        statement: AbsenceStatement,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        let command = |now| match statement {
            AbsenceStatement::Of(list, absence) => ChartCommand::StateAbsence { list, absence, now },
            AbsenceStatement::OfAllergiesTo(kind, holds) => ChartCommand::StateNoAllergiesTo { kind, holds, now },
        };
        let done = self.update_chart(principal, patient, Action::UpdateChart, command, None, issue);
        done.await
    }

    /// Takes in what another system reports.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn report_chart(
        &self,
        principal: &Principal,
        patient: PatientId,
        report: Report,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        let batch = issue.new_id(FINDING);
        let command = |now| ChartCommand::TakeIn { report, batch, now };
        let done = self.update_chart(
            principal,
            patient,
            Action::ReportChart,
            command,
            expected_version,
            issue,
        );
        done.await
    }

    async fn update_finding(
        &self,
        principal: &Principal,
        (patient, id): (PatientId, FindingId),
        command: impl FnOnce(DateTime<Utc>) -> ChartCommand,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<FindingId>, UseCaseError> {
        let action = Action::UpdateChart;
        let done = self.update_chart(principal, patient, action, command, expected_version, issue);
        Ok(done.await?.of(id))
    }

    async fn update_chart(
        &self,
        principal: &Principal,
        patient: PatientId,
        action: Action,
        command: impl FnOnce(DateTime<Utc>) -> ChartCommand,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        admit(principal, Object::Patient(patient), action, CHART)?;
        if self.executor.known::<Patient>(patient).await?.is_none() {
            return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient)));
        }
        let context = self.stamp(principal, issue);
        let target = Target::of(ChartId(patient)).expecting(expected_version.map(Expected::whole));
        let receipt = self.execute::<Chart>(target, command(context.at), &context).await?;
        Ok(Done { id: patient, receipt })
    }
}
