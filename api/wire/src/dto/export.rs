//! All that is known of a patient, in one document.

use application::use_cases::exporting::Exported;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    AccessLogEntry, AccessRequest, Appointment, Chart, Emergency, Engagement, Grant, Instant, OwnWallet, Patient,
    Relationship, Treatment,
};

/// All that is known of a patient.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// When it was so.
    pub exported_at: Instant,
    /// Who they are.
    pub patient: Patient,
    /// Their chart.
    pub chart: Chart,
    /// Whether they are treated here.
    pub treatment: Treatment,
    /// The wallet that signs in to their account, and what was done to it.
    pub wallet: OwnWallet,
    /// Who treats them.
    pub practitioners: Vec<Relationship>,
    /// Who has read what of them and is not in the log yet, this export among it.
    pub noted_reads: Vec<AccessLogEntry>,
    /// Their appointments and visits, by their start.
    #[schema(required)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub appointments: Vec<Appointment>,
    /// What they grant to whom, the newest first.
    #[schema(required)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// In which emergencies their record was opened, the newest first.
    #[schema(required)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emergencies: Vec<Emergency>,
    /// For what auditors are engaged to look who has read of them alone, the newest first.
    #[schema(required)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub engagements: Vec<Engagement>,
    /// What they are asked to grant, the newest first.
    #[schema(required)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_requests: Vec<AccessRequest>,
    /// Who has read what of them, the latest first.
    #[schema(required)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<AccessLogEntry>,
}

impl Export {
    /// What was exported, without the lists: each is written after it.
    pub fn of(exported: Exported, noted_reads: Vec<AccessLogEntry>) -> Self {
        Self {
            exported_at: Instant(exported.at),
            patient: exported.patient.into(),
            chart: exported.chart.into(),
            treatment: exported.treatment.into(),
            wallet: exported.account.into(),
            practitioners: exported.relationships.into_iter().map(Into::into).collect(),
            noted_reads,
            appointments: Vec::new(),
            grants: Vec::new(),
            emergencies: Vec::new(),
            engagements: Vec::new(),
            access_requests: Vec::new(),
            reads: Vec::new(),
        }
    }
}
