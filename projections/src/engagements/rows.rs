//! The row of an engagement, and what its events make of it.

use chrono::{DateTime, Utc};
use domain::engagement::{AuditScope, Engagement, EngagementEvent, Terms};
use domain::kernel::{AccountId, EngagementId, PatientId, Personal, PractitionerId};

use crate::aggregate_row::AggregateRow;
use crate::column;
use crate::stamp::Stamp;
use crate::table::{json, keyed, table};

json! { Terms; }

table! {
    /// That an auditor is engaged.
    table EngagementRow: "engagements" (id)
    seen {
        id: EngagementId,
        auditor: AccountId,
        terms: Terms,
        /// Whether it is about one patient, whoever that is.
        is_of_a_patient: bool,
        /// That patient, until they are erased.
        patient: Option<PatientId>,
        practitioner: Option<PractitionerId>,
        account: Option<AccountId>,
        ended_at: Option<DateTime<Utc>>,
    }
    unseen {
        /// The position of the event that began it.
        begun_in: u64,
        version: u64,
        position: u64,
    }
}
keyed!(EngagementRow by id: EngagementId);

impl EngagementRow {
    fn new(id: EngagementId, stamp: &Stamp, scope: &AuditScope, terms: Terms) -> Self {
        let (patient, practitioner, account) = match scope {
            AuditScope::Everybody => (None, None, None),
            AuditScope::Patient(patient) => (patient.known().copied(), None, None),
            AuditScope::Practitioner { practitioner } => (None, Some(*practitioner), None),
            AuditScope::Account { account } => (None, None, Some(*account)),
        };
        Self {
            id,
            auditor: terms.auditor,
            terms,
            is_of_a_patient: matches!(scope, AuditScope::Patient(_)),
            patient,
            practitioner,
            account,
            ended_at: None,
            begun_in: stamp.position,
            version: stamp.version,
            position: stamp.position,
        }
    }

    /// Which accesses are examined.
    pub(super) fn scope(&self) -> AuditScope {
        match (self.is_of_a_patient, self.practitioner, self.account) {
            (true, ..) => AuditScope::Patient(self.patient.map_or(Personal::Sealed, Personal::Known)),
            (false, Some(practitioner), _) => AuditScope::Practitioner { practitioner },
            (false, None, Some(account)) => AuditScope::Account { account },
            (false, None, None) => AuditScope::Everybody,
        }
    }
}

impl AggregateRow for EngagementRow {
    type Aggregate = Engagement;

    fn fold(row: Option<Self>, id: EngagementId, stamp: &Stamp, event: &EngagementEvent) -> Option<Self> {
        let row = match event {
            EngagementEvent::Begun { scope, terms } => Self::new(id, stamp, scope, terms.clone()),
            EngagementEvent::Ended { at } => Self {
                ended_at: Some(column::instant(*at)),
                ..row?
            },
        };
        Some(Self {
            version: stamp.version,
            position: stamp.position,
            ..row
        })
    }
}
