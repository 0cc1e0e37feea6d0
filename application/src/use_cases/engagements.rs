//! Auditors' engagements: an administrator has an auditor examine who has read what, of whom, of which time and why; what the auditor is shown stands in the log of each patient
//! whose record was read.

use chrono::{DateTime, Utc};
use domain::access_log::Shown;
use domain::account::{Account, Holder, Role};
use domain::engagement::{AuditReason, AuditScope, Beginning, Engagement, EngagementCommand};
use domain::kernel::{AccountId, AggregateType, EngagementId, Personal};

use crate::error::{Resource, UseCaseError};
use crate::log::Position;
use crate::policy::access::admit_to_examine;
use crate::policy::identity::Principal;
use crate::policy::{Action, Reach};
use crate::ports::command::{CommandExecutor as _, Receipt};
use crate::ports::queries::{EngagementView, LoggedReadView, Page, Queries as _, ReadCursor};
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit};

/// What a command's new engagement is told apart by from whatever else it makes.
const ENGAGEMENT: &str = "engagement";

/// Where a request names whoever accesses are examined of.
const SCOPE: &str = "/scope/id";

/// What an auditor is to be engaged for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToEngage {
    /// The auditor's account.
    pub auditor: AccountId,
    /// Which accesses they examine.
    pub scope: AuditScope,
    /// Accesses from this instant on.
    pub from: DateTime<Utc>,
    /// Accesses before this instant.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: AuditReason,
    /// What the case is called elsewhere.
    pub reference: Option<String>,
    /// For how many days it is open.
    pub days: u16,
}

impl<B: Backend> Clinic<B> {
    /// Engages an auditor.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn engage_auditor(
        &self,
        principal: &Principal,
        to_engage: ToEngage,
        issue: &Issue,
    ) -> Result<Done<EngagementId>, UseCaseError> {
        permit(principal, Action::ManageEngagements)?;
        let id = EngagementId::new(issue.new_id(ENGAGEMENT));
        if let Some(receipt) = self.earlier::<Engagement>(id, issue).await? {
            return Ok(Done { id, receipt });
        }
        if !self.is_auditor(to_engage.auditor).await? {
            return Err(UseCaseError::Invalid {
                pointer: "/auditor",
                detail: "must be the open account of a person who is an auditor, with a wallet",
            });
        }
        self.require_known(&to_engage.scope).await?;
        let context = self.stamp(principal, issue);
        let begin = EngagementCommand::Begin(Beginning {
            auditor: to_engage.auditor,
            scope: to_engage.scope,
            from: to_engage.from,
            until: to_engage.until,
            reason: to_engage.reason,
            reference: to_engage.reference,
            days: to_engage.days,
            now: context.at,
        });
        let target = Target::of(id).freshness(issue.freshness());
        let begun = self.execute::<Engagement>(target, begin, &context).await;
        let receipt = begun.map_err(|error| hiding_the_erased(error.into()))?;
        Ok(Done { id, receipt })
    }

    /// Ends an engagement before its time: when the answer comes, it opens nothing any more. What has ended stays as it is.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn end_engagement(
        &self,
        principal: &Principal,
        id: EngagementId,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        permit(principal, Action::ManageEngagements)?;
        let context = self.stamp(principal, issue);
        let end = EngagementCommand::End { now: context.at };
        Ok(self.execute::<Engagement>(Target::of(id), end, &context).await?)
    }

    /// The engagements that the caller sees, the newest first: an administrator all of them, without whom they are about, an auditor their own.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn engagements(
        &self,
        principal: &Principal,
        page: Page<Position>,
    ) -> Result<Vec<EngagementView>, UseCaseError> {
        let auditor = whose(principal, Action::ReadEngagements)?;
        let found = self.queries.engagements(auditor, page).await?;
        if auditor.is_none() {
            return Ok(found.into_iter().map(about_nobody).collect());
        }
        for view in page.shown(&found) {
            self.note_scope(principal, view).await?;
        }
        Ok(found)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn engagement(&self, principal: &Principal, id: EngagementId) -> Result<EngagementView, UseCaseError> {
        let auditor = whose(principal, Action::ReadEngagements)?;
        let found = self.engagement_of(auditor, id).await?;
        if auditor.is_none() {
            return Ok(about_nobody(found));
        }
        self.note_scope(principal, &found).await?;
        Ok(found)
    }

    /// Notes that an auditor is shown whom an engagement is about.
    async fn note_scope(&self, principal: &Principal, view: &EngagementView) -> Result<(), UseCaseError> {
        let AuditScope::Patient(Personal::Known(patient)) = view.scope else {
            return Ok(());
        };
        let admittance = admit_to_examine(principal, view.id, &view.scope)?;
        self.note_read(principal, &admittance, Shown::AccessLog, patient).await
    }

    /// Who has read what in an engagement's scope and time, as the log has it, the latest first; for its auditor, while it is open: what the log says of that, whatever the read models do.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn examined_accesses(
        &self,
        principal: &Principal,
        id: EngagementId,
        page: Page<ReadCursor>,
    ) -> Result<Vec<LoggedReadView>, UseCaseError> {
        let auditor = whose(principal, Action::ExamineAccesses)?.ok_or(UseCaseError::Forbidden)?;
        let view = self.engagement_of(Some(auditor), id).await?;
        // A system may name an auditor whose wallet was taken away.
        if !self.is_auditor(auditor).await? {
            return Err(UseCaseError::Forbidden);
        }
        let engagement = self.executor.load::<Engagement>(id).await?.aggregate;
        // Of a patient who was erased meanwhile, only the read models know nothing.
        let open = engagement
            .open_to(auditor, self.now())
            .filter(|(scope, _)| **scope == view.scope);
        let (scope, terms) = open.ok_or(UseCaseError::EngagementOver)?;
        let admittance = admit_to_examine(principal, id, scope)?;
        let time = (terms.from, terms.until);
        let found = self.queries.examined(&admittance, scope, time, page).await?;
        let seen = page.shown(&found).iter().map(|view| view.patient);
        self.note_reads(principal, &admittance, Shown::AccessLog, seen).await?;
        Ok(found)
    }

    async fn engagement_of(
        &self,
        auditor: Option<AccountId>,
        id: EngagementId,
    ) -> Result<EngagementView, UseCaseError> {
        let found = self.queries.engagement(id).await?;
        let is_theirs = |view: &EngagementView| auditor.is_none_or(|auditor| view.terms.auditor == auditor);
        let none = UseCaseError::NotFound(Resource::Aggregate(AggregateType::Engagement));
        found.filter(is_theirs).ok_or(none)
    }

    /// Whether the account is an auditor's, a person's, open, and has a wallet.
    async fn is_auditor(&self, account: AccountId) -> Result<bool, UseCaseError> {
        let state = self.executor.load::<Account>(account).await?.aggregate;
        let is_auditor = matches!(
            state.holder(),
            Some(Holder::Staff {
                role: Role::Auditor,
                ..
            })
        );
        Ok(is_auditor && !state.is_closed() && state.wallet().is_some())
    }

    /// Fails unless whoever accesses are examined of is known here.
    async fn require_known(&self, scope: &AuditScope) -> Result<(), UseCaseError> {
        let is_known = match scope {
            AuditScope::Everybody => true,
            AuditScope::Patient(Personal::Known(patient)) => {
                return self.require_patient(*patient, SCOPE).await.map_err(hiding_the_erased);
            }
            AuditScope::Patient(Personal::Sealed) => false,
            AuditScope::Practitioner { practitioner } => self.queries.practitioner(*practitioner).await?.is_some(),
            AuditScope::Account { account } => match self.queries.account(*account).await?.map(|known| known.role) {
                Some(Role::Patient | Role::Doctor) => return Err(NO_READER),
                known => known.is_some(),
            },
        };
        match is_known {
            true => Ok(()),
            false => Err(UseCaseError::UnknownReference { pointer: SCOPE }),
        }
    }
}

/// Patients and practitioners are shown things as such, and not as the account that they sign in to.
const NO_READER: UseCaseError = UseCaseError::Invalid {
    pointer: SCOPE,
    detail: "must be the account of a person of the staff or of a system; a practitioner and a patient are kinds of their own",
};

/// As whoever engages auditors sees it: without whom it is about, if that is a patient.
fn about_nobody(view: EngagementView) -> EngagementView {
    match view.scope {
        AuditScope::Patient(_) => EngagementView {
            scope: AuditScope::Patient(Personal::Sealed),
            ..view
        },
        _ => view,
    }
}

/// Who was erased is known no more.
fn hiding_the_erased(error: UseCaseError) -> UseCaseError {
    match error {
        UseCaseError::Erased => UseCaseError::UnknownReference { pointer: SCOPE },
        error => error,
    }
}

/// Whose engagements the caller does this with: their own, by their account; `None` stands for everybody's.
fn whose(principal: &Principal, action: Action) -> Result<Option<AccountId>, UseCaseError> {
    match permit(principal, action)? {
        Reach::Any => Ok(None),
        _ => Ok(Some(principal.person().account().ok_or(UseCaseError::Forbidden)?)),
    }
}
