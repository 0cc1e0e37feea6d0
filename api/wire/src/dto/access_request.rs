//! Requests to be let into a patient's record, in JSON.

use application::ports::access_requests::{self, RequestCode};
use application::use_cases::access_requests::{AskedFor, RequestStanding};
use domain::kernel::{PatientId, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::AskingReason;
use super::{Instant, NewGrant, Reader};
use crate::check::{Checked, Checks};

/// What somebody asks a patient for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAccessRequest {
    /// The patient. Without it, the answer leads to a code, by which the patient takes the request up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Uuid>,
    /// What the patient would grant. A practitioner asks for themselves; the staff asks for practitioners, for their organisation, or for a role in it.
    pub grant: NewGrant,
    /// Why it is asked for. The patient reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<AskingReason>)]
    pub reason: Option<String>,
}

impl Checked for NewAccessRequest {
    type Domain = AskedFor;

    fn check(self, checks: &mut Checks) -> AskedFor {
        AskedFor {
            patient: self.patient.map(PatientId::new),
            proposal: checks.within("grant", |checks| self.grant.check(checks)),
            reason: self
                .reason
                .map(|reason| checks.fits("reason", reason, TextRule::DECISION)),
        }
    }
}

/// How a request stands, for who has asked: `waiting` (the patient has not decided or not signed, or what they have signed does not hold), `granted`, or `declined`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessRequestStanding {
    /// The patient has not decided or not signed, or what they have signed does not hold.
    Waiting,
    /// The patient has granted it.
    Granted,
    /// The patient has declined.
    Declined,
}

/// A request, for who has asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnAccessRequest {
    /// The id of the request.
    pub id: Uuid,
    /// How it stands.
    pub standing: AccessRequestStanding,
    /// By what the patient takes it up, unless they were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "7Q4M-2KX9", pattern = "^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$")]
    pub code: Option<String>,
    /// The id of the patient: who was named, or, once they have granted it, who has taken it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Uuid>,
    /// What the patient is asked to grant.
    pub grant: NewGrant,
    /// Why it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<AskingReason>)]
    pub reason: Option<String>,
    /// When it was asked.
    pub asked_at: Instant,
    /// When it is forgotten.
    pub expires_at: Instant,
}

impl From<(access_requests::AccessRequest, RequestStanding)> for OwnAccessRequest {
    fn from((request, standing): (access_requests::AccessRequest, RequestStanding)) -> Self {
        let named = request.patient.filter(|_| request.code.is_none());
        let (standing, patient) = match standing {
            RequestStanding::Waiting => (AccessRequestStanding::Waiting, named),
            RequestStanding::Granted { patient, .. } => (AccessRequestStanding::Granted, Some(patient)),
            RequestStanding::Declined => (AccessRequestStanding::Declined, named),
        };
        Self {
            id: request.id,
            standing,
            code: request.code.map(|code| code.to_string()),
            patient: patient.map(PatientId::uuid),
            grant: request.proposal.into(),
            reason: request.reason,
            asked_at: Instant(request.asked_at),
            expires_at: Instant(request.expires_at),
        }
    }
}

/// A request, for the patient who is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessRequest {
    /// The id of the request.
    pub id: Uuid,
    /// Who asks.
    pub asker: Reader,
    /// What is asked for, and for whom.
    pub grant: NewGrant,
    /// Why, in the words of who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<AskingReason>)]
    pub reason: Option<String>,
    /// The id of the grant that was prepared upon it last, to be signed; missing when it was not approved. Where there is no such grant, preparing it was cut off: approve again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Uuid>,
    /// When it was asked.
    pub asked_at: Instant,
    /// When it is forgotten.
    pub expires_at: Instant,
}

impl From<access_requests::AccessRequest> for AccessRequest {
    fn from(request: access_requests::AccessRequest) -> Self {
        Self {
            id: request.id,
            asker: request.reader.into(),
            grant: request.proposal.into(),
            reason: request.reason,
            prepared: request.prepared.last().copied(),
            asked_at: Instant(request.asked_at),
            expires_at: Instant(request.expires_at),
        }
    }
}

/// The code of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TakeAccessRequestUp {
    /// The code, as it was shown. Small letters and missing hyphens do not matter, nor whether a zero is written as an O, or a one as an I or L.
    #[schema(
        example = "7Q4M-2KX9",
        min_length = 8,
        max_length = 40,
        pattern = "^[ -]*([0-9A-TV-Za-tv-z][ -]*){8}$"
    )]
    pub code: String,
}

impl Checked for TakeAccessRequestUp {
    type Domain = RequestCode;

    fn check(self, checks: &mut Checks) -> RequestCode {
        let read = self.code.parse();
        checks.within("code", |checks| {
            if read.is_err() || self.code.chars().count() > 40 {
                checks.wrong("must be eight digits and letters, as in 7Q4M-2KX9");
            }
        });
        read.unwrap_or(RequestCode([0; 5]))
    }
}
