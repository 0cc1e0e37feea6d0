//! Emergencies: a practitioner opens a record without a grant, says why, and justifies it; what they do not justify in time is flagged.

use chrono::{DateTime, Utc};
use domain::access_log::Shown;
use domain::emergency::{Emergency, EmergencyCommand, Opening};
use domain::kernel::{AccountId, AggregateType, Category, CommandId, EmergencyId, PatientId, PractitionerId};
use uuid::Uuid;

use crate::error::{Resource, UseCaseError};
use crate::log::{Actor, Position};
use crate::policy::access::{Admittance, admit, can_be_opened};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::{CommandContext, CommandExecutor as _, Receipt};
use crate::ports::queries::{EmergencyStanding, EmergencyView, Page, Queries as _};
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit};

const ACCESS: &[Category] = &[Category::Access];

/// What a command's new emergency is told apart by from whatever else it makes.
const EMERGENCY: &str = "emergency";

/// The policy that flags what is not justified: what its commands are named by.
const FLAGGING: &str = "flag emergency";

/// What a practitioner would open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToOpen {
    /// Why.
    pub reason: String,
    /// What of the record.
    pub categories: Vec<Category>,
    /// For how many minutes.
    pub minutes: u16,
}

impl<B: Backend> Clinic<B> {
    /// A practitioner opens a patient's record in an emergency. Once that is in the log, they read what they have opened.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn open_in_emergency(
        &self,
        principal: &Principal,
        patient: PatientId,
        to_open: ToOpen,
        issue: &Issue,
    ) -> Result<Done<EmergencyId>, UseCaseError> {
        admit(principal, Object::Patient(patient), Action::OpenInEmergency, ACCESS)?;
        let practitioner = practitioner(principal)?;
        let id = issue.new_id(EMERGENCY);
        let id = EmergencyId { patient, id };
        if let Some(receipt) = self.earlier::<Emergency>(id, issue).await? {
            return Ok(Done { id, receipt });
        }
        let hidden = |error| hiding_the_erased(error, AggregateType::Patient);
        self.require_registered(patient).await.map_err(hidden)?;
        let context = self.stamp(principal, issue);
        let open = self
            .queries
            .emergencies_open_to(patient, practitioner, context.at)
            .await?;
        let command = EmergencyCommand::Open(Opening {
            practitioner,
            system: system(principal),
            open: open.len(),
            reason: to_open.reason,
            categories: to_open.categories,
            minutes: to_open.minutes,
            to_justify: self.rules.emergency_justification,
            now: context.at,
        });
        let target = Target::of(id).freshness(issue.freshness());
        let opened = self.execute::<Emergency>(target, command, &context).await;
        let receipt = opened.map_err(|error| hidden(error.into()))?;
        Ok(Done { id, receipt })
    }

    /// Who has opened a record says why it was right.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn justify_emergency(
        &self,
        principal: &Principal,
        id: EmergencyId,
        text: String,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        permit(principal, Action::JustifyEmergency)?;
        let practitioner = practitioner(principal)?;
        let whose = Object::Practitioner(practitioner);
        let admittance = admit(principal, whose, Action::JustifyEmergency, ACCESS)?;
        // Who has opened nothing learns nothing of the record.
        let found = self.queries.emergency(&admittance, whose, id).await?;
        found.ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Emergency)))?;
        let context = self.stamp(principal, issue);
        let command = EmergencyCommand::Justify {
            practitioner,
            system: system(principal),
            text,
            now: context.at,
        };
        let justified = self.execute::<Emergency>(Target::of(id), command, &context).await;
        justified.map_err(|error| hiding_the_erased(error.into(), AggregateType::Emergency))
    }

    /// In which emergencies the record of the caller was opened, or the caller has opened others', the newest first.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn own_emergencies(
        &self,
        principal: &Principal,
        page: Page<Position>,
    ) -> Result<Vec<EmergencyView>, UseCaseError> {
        let (whose, admittance) = own(principal)?;
        let found = self.queries.emergencies(&admittance, whose, page).await?;
        let seen = page.shown(&found).iter().map(|view| view.id.patient);
        self.note_reads(principal, &admittance, Shown::Emergencies, seen)
            .await?;
        Ok(found)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn emergency(&self, principal: &Principal, id: EmergencyId) -> Result<EmergencyView, UseCaseError> {
        let (whose, admittance) = own(principal)?;
        let found = self.queries.emergency(&admittance, whose, id).await?;
        let none = UseCaseError::NotFound(Resource::Aggregate(AggregateType::Emergency));
        let found = found.ok_or(none)?;
        self.note_read(principal, &admittance, Shown::Emergencies, id.patient)
            .await?;
        Ok(found)
    }

    /// Who has opened records, the newest first: for those who oversee practitioners. They are not told whose, nor why.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn emergencies_overseen(
        &self,
        principal: &Principal,
        standing: Option<EmergencyStanding>,
        page: Page<Position>,
    ) -> Result<Vec<EmergencyView>, UseCaseError> {
        permit(principal, Action::OverseeEmergencies)?;
        Ok(self.queries.emergencies_overseen(standing, page).await?)
    }

    /// What the caller has opened of a patient's record and is open now, each with its id: what the log says, whatever the read models do.
    pub(crate) async fn open_emergencies(
        &self,
        principal: &Principal,
        patient: PatientId,
        purpose: Action,
    ) -> Result<Vec<(Uuid, Vec<Category>)>, UseCaseError> {
        let Principal::Practitioner { practitioner, .. } = principal.person() else {
            return Ok(Vec::new());
        };
        if !can_be_opened(principal, purpose) {
            return Ok(Vec::new());
        }
        let now = self.now();
        let mut open = Vec::new();
        for id in self.queries.emergencies_open_to(patient, *practitioner, now).await? {
            let loaded = self.executor.load::<Emergency>(EmergencyId { patient, id }).await?;
            let categories = loaded.aggregate.open_to(*practitioner, now);
            if !categories.is_empty() {
                open.push((id, categories.to_vec()));
            }
        }
        Ok(open)
    }

    /// What nobody has justified in time, and is not flagged: so much at most, in no order.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn overdue_emergencies(&self, most: u32) -> Result<Vec<EmergencyId>, UseCaseError> {
        Ok(self.queries.overdue_emergencies(self.now(), most).await?)
    }

    /// The command by which an emergency is flagged: the same on every server, so it happens once.
    pub fn flags(&self, id: EmergencyId) -> CommandId {
        CommandId::new(
            self.identities
                .from_name(FLAGGING, &format!("{}/{}", id.patient, id.id)),
        )
    }

    /// Flags what is not justified. What is justified meanwhile stays as it is.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn flag_emergency(&self, id: EmergencyId) -> Result<(), UseCaseError> {
        let now: DateTime<Utc> = self.now();
        let context = CommandContext {
            command_id: self.flags(id),
            at: now,
            actor: Actor::System,
            correlation: None,
            cause: None,
            repeated: true,
        };
        let flag = EmergencyCommand::Flag { now };
        self.execute::<Emergency>(Target::of(id), flag, &context).await?;
        Ok(())
    }
}

/// The practitioner who asks, or for whom a service does.
fn practitioner(principal: &Principal) -> Result<PractitionerId, UseCaseError> {
    match principal.person() {
        Principal::Practitioner { practitioner, .. } => Ok(*practitioner),
        _ => Err(UseCaseError::Forbidden),
    }
}

/// The account of the system that asks for a practitioner, if one does.
fn system(principal: &Principal) -> Option<AccountId> {
    principal.account().filter(|_| principal.key().is_some())
}

/// Nobody who opens records in emergencies is told of the erased.
fn hiding_the_erased(error: UseCaseError, missing: AggregateType) -> UseCaseError {
    match error {
        UseCaseError::Erased => UseCaseError::NotFound(Resource::Aggregate(missing)),
        error => error,
    }
}

/// Whose emergencies the caller sees, and leave to do so.
fn own(principal: &Principal) -> Result<(Object, Admittance), UseCaseError> {
    permit(principal, Action::ReadEmergencies)?;
    let whose = match principal {
        Principal::Patient { patient, .. } => Object::Patient(*patient),
        _ => Object::Practitioner(practitioner(principal)?),
    };
    let admittance = admit(principal, whose, Action::ReadEmergencies, ACCESS)?;
    Ok((whose, admittance))
}
