//! The charts of patients: read, note, change, refute, and take in what other systems report.

use chrono::{DateTime, Utc};
use domain::access_log::Shown;
use domain::chart::{Absence, AllergyKind, AnyFinding, Chart, ChartCommand, Contents, FindingId, ListKind, Report};
use domain::kernel::{Category, ChartId, PatientId};

use crate::error::{Resource, UseCaseError};
use crate::policy::access::{Admittance, admit};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::Receipt;
use crate::ports::queries::{ChartView, Queries as _};
use crate::ports::transaction::{Expected, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue};

/// The kind of ids that findings get.
const FINDING: &str = "finding";

/// Of which category a list is.
const fn in_list(list: ListKind) -> &'static [Category] {
    match list {
        ListKind::Medications => &[Category::Medication],
        ListKind::Conditions | ListKind::Allergies | ListKind::Symptoms => &[Category::Summary],
    }
}

/// What is said of a whole list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AbsenceStatement {
    /// Why there are no findings in it.
    Of(ListKind, Absence),
    /// Whether of one kind of allergies none are known.
    OfAllergiesTo(AllergyKind, bool),
}

impl<B: Backend> Clinic<B> {
    /// A patient's chart, of which is left out what the caller may not see.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn chart(&self, principal: &Principal, patient: PatientId) -> Result<ChartView, UseCaseError> {
        let (admittance, chart) = self.chart_seen_by(principal, patient).await?;
        self.note_read(principal, &admittance, Shown::Chart, patient).await?;
        Ok(chart)
    }

    /// The same, for a finding that is in it.
    ///
    /// # Errors
    /// [`UseCaseError`]; when there is no such finding that the caller may see.
    pub async fn chart_with(
        &self,
        principal: &Principal,
        patient: PatientId,
        id: FindingId,
    ) -> Result<ChartView, UseCaseError> {
        let (admittance, chart) = self.chart_seen_by(principal, patient).await?;
        let list = chart.contents.list_of(id);
        let list = list.ok_or(UseCaseError::NotFound(Resource::Finding))?;
        let admittance = admittance.only(in_list(list));
        self.note_read(principal, &admittance, Shown::Chart, patient).await?;
        Ok(chart)
    }

    /// What other systems have told of a patient's chart, for the one that tells it.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn reported_chart(&self, principal: &Principal, patient: PatientId) -> Result<ChartView, UseCaseError> {
        let whose = Object::Patient(patient);
        let admittance = admit(principal, whose, Action::ReadReports, Contents::CATEGORIES)?;
        let chart = self.chart_or_none(&admittance, patient).await?;
        self.note_read(principal, &admittance, Shown::Reports, patient).await?;
        Ok(ChartView {
            contents: chart.contents.told_by_sources(),
            ..chart
        })
    }

    async fn chart_seen_by(
        &self,
        principal: &Principal,
        patient: PatientId,
    ) -> Result<(Admittance, ChartView), UseCaseError> {
        let admittance = self
            .admit_to(principal, patient, Action::ReadChart, Contents::CATEGORIES)
            .await?;
        let chart = self.chart_or_none(&admittance, patient).await?;
        Ok((admittance, chart))
    }

    /// The chart of a patient who is there; nothing may stand in it yet.
    pub(crate) async fn chart_or_none(
        &self,
        admittance: &Admittance,
        patient: PatientId,
    ) -> Result<ChartView, UseCaseError> {
        match self.queries.chart(admittance, patient).await? {
            Some(chart) => Ok(chart),
            None => {
                self.require_registered(patient).await?;
                Ok(ChartView::empty(patient).seen_by(admittance))
            }
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
        let which = (patient, finding.list(), id);
        let command = |now| ChartCommand::Note { id, finding, now };
        self.update_finding(principal, which, command, None, issue).await
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
        let which = (patient, finding.list(), id);
        let command = |now| ChartCommand::Change { id, finding, now };
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
        let admittance = self
            .admit_to(principal, patient, Action::UpdateChart, Contents::CATEGORIES)
            .await?;
        // Who does it by grants must have one for the finding's list, whichever that is. What an earlier attempt has refuted is in none.
        if admittance.is_to_a_part() && self.earlier::<Chart>(ChartId(patient), issue).await?.is_none() {
            let seen = self.queries.chart(&admittance, patient).await?;
            let is_in = seen.and_then(|chart| chart.contents.list_of(id));
            is_in.ok_or(UseCaseError::NotFound(Resource::Finding))?;
        }
        let command = |now| ChartCommand::Refute { id, now };
        let done = self.update_chart((principal, &admittance), patient, command, expected_version, issue);
        Ok(done.await?.of(id))
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
        let list = match statement {
            AbsenceStatement::Of(list, _) => list,
            AbsenceStatement::OfAllergiesTo(..) => ListKind::Allergies,
        };
        let command = |now| match statement {
            AbsenceStatement::Of(list, absence) => ChartCommand::StateAbsence { list, absence, now },
            AbsenceStatement::OfAllergiesTo(kind, holds) => ChartCommand::StateNoAllergiesTo { kind, holds, now },
        };
        let admittance = self
            .admit_to(principal, patient, Action::UpdateChart, in_list(list))
            .await?;
        let done = self.update_chart((principal, &admittance), patient, command, None, issue);
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
        let admittance = self
            .admit_to(principal, patient, Action::ReportChart, Contents::CATEGORIES)
            .await?;
        let done = self.update_chart((principal, &admittance), patient, command, expected_version, issue);
        done.await
    }

    async fn update_finding(
        &self,
        principal: &Principal,
        (patient, list, id): (PatientId, ListKind, FindingId),
        command: impl FnOnce(DateTime<Utc>) -> ChartCommand,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<FindingId>, UseCaseError> {
        let admittance = self
            .admit_to(principal, patient, Action::UpdateChart, in_list(list))
            .await?;
        let done = self.update_chart((principal, &admittance), patient, command, expected_version, issue);
        Ok(done.await?.of(id))
    }

    async fn update_chart(
        &self,
        (principal, admittance): (&Principal, &Admittance),
        patient: PatientId,
        command: impl FnOnce(DateTime<Utc>) -> ChartCommand,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        // Who writes by grants is given no version that could be the current one.
        if admittance.is_to_a_part() && expected_version.is_some() {
            return Err(UseCaseError::Stale);
        }
        self.require_registered(patient).await?;
        let context = self.stamp(principal, issue);
        let target = Target::of(ChartId(patient)).expecting(expected_version.map(Expected::whole));
        let receipt = self.execute::<Chart>(target, command(context.at), &context).await?;
        let receipt = match admittance.is_to_a_part() {
            true => Receipt { version: 0, ..receipt },
            false => receipt,
        };
        Ok(Done { id: patient, receipt })
    }
}
