//! Who has read what is known of a patient: noted before anything is shown, put into the log together, and told to the patient.

use std::collections::{BTreeMap, BTreeSet};

use domain::access_log::{AccessLog, AccessLogCommand, Read, Reading, Shown};
use domain::kernel::{AccessLogId, Category, PatientId};

use crate::error::UseCaseError;
use crate::log::{Actor, Position};
use crate::policy::access::{Admittance, admit};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::{CommandContext, CommandError, CommandExecutor as _};
use crate::ports::queries::{LoggedReadView, Page, Queries as _, ReadCursor};
use crate::ports::reads::{Due, Notes};
use crate::ports::transaction::{Expected, Target};
use crate::use_cases::clinic::{Backend, Clinic, own_record, permit};

const ACCESS: &[Category] = &[Category::Access];

impl<B: Backend> Clinic<B> {
    /// Notes that somebody is shown something of a patient. Without it nothing may be shown.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub(crate) async fn note_read(
        &self,
        principal: &Principal,
        admittance: &Admittance,
        shown: Shown,
        patient: PatientId,
    ) -> Result<(), UseCaseError> {
        self.note_reads(principal, admittance, shown, [patient]).await
    }

    /// As [`Self::note_read`], of each of these patients.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn note_reads(
        &self,
        principal: &Principal,
        admittance: &Admittance,
        shown: Shown,
        patients: impl IntoIterator<Item = PatientId>,
    ) -> Result<(), UseCaseError> {
        let patients: BTreeSet<PatientId> = patients.into_iter().collect();
        if patients.is_empty() {
            return Ok(());
        }
        let reading = Reading {
            reader: principal.reader().ok_or(UseCaseError::Forbidden)?,
            shown,
            categories: admittance.categories().into_iter().collect(),
            basis: admittance.basis().clone(),
        };
        let patients: Vec<PatientId> = patients.into_iter().collect();
        Ok(self.reads.note(&patients, &Read::new(self.now(), reading)).await?)
    }

    /// Puts reads into the log that were taken on. What fails is taken on again.
    ///
    /// # Errors
    /// When they are not in the log, or are and it could not be noted.
    pub async fn log_reads(&self, notes: Notes) -> Result<(), UseCaseError> {
        let Notes {
            command_id,
            patient,
            mut reads,
            at,
            repeated,
            restored,
        } = notes;
        let mut target = Target::of(AccessLogId(patient));
        if restored {
            // First how far the log is, and then what it has: if it has gone on by then, this is tried again.
            let log = self.executor.load::<AccessLog>(AccessLogId(patient)).await?;
            target = target.expecting(Some(Expected::whole(log.version)));
            let times: Vec<_> = reads.iter().map(|read| read.at).collect();
            let known = self.queries.reads_at(patient, &times).await?;
            leave_out(&mut reads, &known);
            if reads.is_empty() {
                let last = known.into_iter().map(|(_, position)| position).max();
                return Ok(self.reads.logged(command_id, last).await?);
            }
        }
        let context = CommandContext {
            command_id,
            at,
            actor: Actor::System,
            correlation: None,
            cause: None,
            repeated,
        };
        let logged = self.execute::<AccessLog>(target, AccessLogCommand::Log(reads), &context);
        match logged.await {
            Ok(_) => Ok(self.reads.logged(command_id, None).await?),
            // What was read of them is known no more, and so is who has read it.
            Err(CommandError::Erased) => Ok(self.reads.forget(patient).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts all reads into the log that were noted of whoever asks: for a patient who looks who has read.
    ///
    /// # Errors
    /// When they are no patient, or it cannot be told what was noted.
    pub async fn log_own_reads(&self, principal: &Principal) -> Result<(), UseCaseError> {
        let (patient, _) = own_log(principal)?;
        let mut outcome = Ok(());
        for notes in self.reads.take_on(Due::Of(patient)).await? {
            outcome = outcome.and(self.log_reads(notes).await);
        }
        outcome
    }

    /// Who has read what is known of whoever asks, the latest first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn access_log(
        &self,
        principal: &Principal,
        page: Page<ReadCursor>,
    ) -> Result<Vec<LoggedReadView>, UseCaseError> {
        let (patient, admittance) = own_log(principal)?;
        Ok(self.queries.access_log(&admittance, patient, page).await?)
    }

    /// What was noted of whoever asks and is not in the log yet, the latest first; of more than this, the latest.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn noted_reads(&self, principal: &Principal, most: Option<u32>) -> Result<Vec<Read>, UseCaseError> {
        let (patient, admittance) = own_log(principal)?;
        admittance.check_patient(patient, ACCESS)?;
        Ok(self.reads.waiting(patient, most).await?)
    }
}

/// Leaves out what the log has, each read as often as it has it.
fn leave_out(reads: &mut Vec<Read>, known: &[(Read, Position)]) {
    let mut left: BTreeMap<&Read, u64> = BTreeMap::new();
    for (read, _) in known {
        *left.entry(read).or_default() += 1;
    }
    reads.retain(|read| match left.get_mut(read) {
        Some(times @ 1..) => {
            *times -= 1;
            false
        }
        _ => true,
    });
}

/// Of whom who asks sees who has read, and leave to do so.
fn own_log(principal: &Principal) -> Result<(PatientId, Admittance), UseCaseError> {
    permit(principal, Action::ReadAccessLog)?;
    let patient = own_record(principal).ok_or(UseCaseError::Forbidden)?;
    let admittance = admit(principal, Object::Patient(patient), Action::ReadAccessLog, ACCESS)?;
    Ok((patient, admittance))
}
