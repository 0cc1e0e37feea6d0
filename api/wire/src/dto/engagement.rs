//! Auditors' engagements in JSON.

use application::ports::queries::EngagementView;
use application::use_cases::engagements::ToEngage;
use domain::engagement::{self, Terms};
use domain::kernel::{AccountId, PatientId, Personal, PractitionerId, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::CaseText;
use super::{Instant, wire_enum};
use crate::check::{Checked, Checks};

/// For how many days an auditor is engaged unless it is said.
const DAYS: u16 = 14;

wire_enum!(
    /// Why accesses are examined: `review` (it is done regularly), `complaint` (a patient complains, or asks), `suspected-breach` (somebody may have read what they should not), or `authority`
    /// (an authority wants it).
    AuditReason = engagement::AuditReason
);

/// Which accesses are examined: those to all records, to one patient's, by one practitioner, or by whom an account is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditScopeKind {
    /// Those to all records.
    Everybody,
    /// Those to one patient's record.
    Patient,
    /// Those by a practitioner, and by systems for them.
    Practitioner,
    /// Those by a person of the staff and by systems for them, or by a system for nobody.
    Account,
}

/// Which accesses are examined.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "kind": "practitioner", "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6" }))]
pub struct AuditScope {
    /// Of which kind they are.
    #[schema(inline)]
    pub kind: AuditScopeKind,
    /// The id of the patient, the practitioner or the account. Missing for everybody, and in answers about a patient who was erased; administrators are not told which patient it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
}

impl Checked for AuditScope {
    type Domain = engagement::AuditScope;

    fn check(self, checks: &mut Checks) -> engagement::AuditScope {
        let is_named = self.kind != AuditScopeKind::Everybody;
        if self.id.is_some() != is_named {
            checks.within("id", |checks| {
                checks.wrong(if is_named {
                    "must be there, unless it is about everybody"
                } else {
                    "must be missing where it is about everybody"
                })
            });
        }
        let id = self.id.unwrap_or_default();
        match self.kind {
            AuditScopeKind::Everybody => engagement::AuditScope::Everybody,
            AuditScopeKind::Patient => engagement::AuditScope::Patient(Personal::Known(PatientId::new(id))),
            AuditScopeKind::Practitioner => engagement::AuditScope::Practitioner {
                practitioner: PractitionerId::new(id),
            },
            AuditScopeKind::Account => engagement::AuditScope::Account {
                account: AccountId::new(id),
            },
        }
    }
}

impl From<engagement::AuditScope> for AuditScope {
    fn from(scope: engagement::AuditScope) -> Self {
        let (kind, id) = match scope {
            engagement::AuditScope::Everybody => (AuditScopeKind::Everybody, None),
            engagement::AuditScope::Patient(patient) => {
                (AuditScopeKind::Patient, patient.known().map(|patient| patient.uuid()))
            }
            engagement::AuditScope::Practitioner { practitioner } => {
                (AuditScopeKind::Practitioner, Some(practitioner.uuid()))
            }
            engagement::AuditScope::Account { account } => (AuditScopeKind::Account, Some(account.uuid())),
        };
        Self { kind, id }
    }
}

/// For what an auditor is to be engaged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "auditor": "9b2d0f6e-3c1a-4c58-9d7e-6a1f2b3c4d5e", "scope": { "kind": "everybody" }, "from": "2026-02-01T00:00:00Z",
    "until": "2026-03-01T00:00:00Z", "reason": "review", "reference": "2026-17", "days": 14,
}))]
pub struct NewEngagement {
    /// The id of the auditor's account: of a person, and open.
    pub auditor: Uuid,
    /// Which accesses they examine.
    pub scope: AuditScope,
    /// Accesses from this time on.
    pub from: Instant,
    /// Accesses before this time, which may lie ahead: at most 366 days later.
    pub until: Instant,
    /// Why.
    #[schema(inline)]
    pub reason: AuditReason,
    /// What the case is called elsewhere. It stays in the log for ever: no name of a patient belongs into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<CaseText>)]
    pub reference: Option<String>,
    /// For how many days they examine them: two weeks, unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 90, default = 14)]
    pub days: Option<u16>,
}

impl Checked for NewEngagement {
    type Domain = ToEngage;

    fn check(self, checks: &mut Checks) -> ToEngage {
        let days = self.days.unwrap_or(DAYS);
        if !Terms::DAYS.contains(&days) {
            let (least, most) = (Terms::DAYS.start(), Terms::DAYS.end());
            checks.within("days", |checks| checks.wrong(format!("must be from {least} to {most}")));
        }
        let reference = self
            .reference
            .map(|text| checks.fits("reference", text, TextRule::CASE));
        ToEngage {
            auditor: AccountId::new(self.auditor),
            scope: checks.field("scope", self.scope),
            from: self.from.0,
            until: self.until.0,
            reason: self.reason.into(),
            reference,
            days,
        }
    }
}

/// For what an auditor is engaged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "auditor": "9b2d0f6e-3c1a-4c58-9d7e-6a1f2b3c4d5e", "scope": { "kind": "everybody" },
    "from": "2026-02-01T00:00:00Z", "until": "2026-03-01T00:00:00Z", "reason": "review", "reference": "2026-17",
    "at": "2026-03-02T08:00:00.250Z", "ends": "2026-03-16T08:00:00.250Z", "position": 4021,
}))]
pub struct Engagement {
    /// Its id.
    pub id: Uuid,
    /// The id of the auditor's account.
    pub auditor: Uuid,
    /// Which accesses are examined.
    pub scope: AuditScope,
    /// Accesses from this time on.
    pub from: Instant,
    /// Accesses before this time.
    pub until: Instant,
    /// Why.
    #[schema(inline)]
    pub reason: AuditReason,
    /// What the case is called elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<CaseText>)]
    pub reference: Option<String>,
    /// When it began.
    pub at: Instant,
    /// It is open before this time, unless it was ended.
    pub ends: Instant,
    /// When it was ended, if it was before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Instant>,
    /// The position in the log of the entry that began it. By it the entry is found and proved.
    pub position: u64,
}

impl From<EngagementView> for Engagement {
    fn from(view: EngagementView) -> Self {
        let terms = view.terms;
        Self {
            id: view.id.uuid(),
            auditor: terms.auditor.uuid(),
            scope: view.scope.into(),
            from: Instant(terms.from),
            until: Instant(terms.until),
            reason: terms.reason.into(),
            reference: terms.reference,
            at: Instant(terms.at),
            ends: Instant(terms.ends),
            ended_at: view.ended_at.map(Instant),
            position: view.position,
        }
    }
}
