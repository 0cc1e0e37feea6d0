//! Requests to be registered, in JSON.

use application::requests::{self, OwnRequest, Standing};
use domain::kernel::{PatientId, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::DecliningReason;
use super::{Checked, Checks, Instant, PatientDetails, WalletAddress};

/// Who asks to be registered. What they bring is told once they are: it is nobody's business before.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
// Composed from its parts it would have the identifiers that only a hospital tells.
#[schema(example = json!({
    "details": { "name": { "family": "Okafor", "given": ["Ada"] }, "birthDate": "1990-01-01", "gender": "female" }
}))]
pub struct AskForRegistration {
    /// Who the caller is. Identifiers of other systems are for hospitals alone.
    pub details: PatientDetails,
}

impl Checked for AskForRegistration {
    type Domain = domain::patient::PatientDetails;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        checks.field("details", self.details)
    }
}

/// Why a request to be registered is declined.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclineRequest {
    /// The reason. Whoever has asked sees it.
    #[schema(inline, value_type = DecliningReason)]
    pub reason: String,
}

impl Checked for DeclineRequest {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("reason", self.reason, TextRule::DECISION)
    }
}

/// A request to be registered, as hospitals see it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationRequest {
    /// Its id. Whoever changes what they ask has another one.
    pub id: Uuid,
    /// The wallet that asks, and will sign in to the record.
    pub wallet: WalletAddress,
    /// Who its owner says they are. Nobody has checked it.
    pub details: PatientDetails,
    /// Since when it waits.
    pub asked_at: Instant,
    /// When it ends by itself.
    pub expires_at: Instant,
}

impl From<requests::RegistrationRequest> for RegistrationRequest {
    fn from(request: requests::RegistrationRequest) -> Self {
        Self {
            id: request.id,
            wallet: request.wallet.into(),
            details: request.details.into(),
            asked_at: Instant(request.asked_at),
            expires_at: Instant(request.expires_at),
        }
    }
}

/// How a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RequestStanding {
    /// Nobody has decided.
    Waiting,
    /// The caller is registered.
    Approved,
    /// Somebody has declined, and `reason` says why.
    Declined,
}

/// What has become of the caller's request to be registered.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnRegistrationRequest {
    /// Its id.
    pub id: Uuid,
    /// How it stands.
    pub standing: RequestStanding,
    /// What was asked, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<PatientDetails>,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The caller's record, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Uuid>,
    /// When it was asked.
    pub asked_at: Instant,
    /// When it is forgotten: a request that waits ends then.
    pub expires_at: Instant,
}

impl From<(OwnRequest, Option<PatientId>)> for OwnRegistrationRequest {
    fn from((request, patient): (OwnRequest, Option<PatientId>)) -> Self {
        let (standing, details, reason) = match request.standing {
            _ if patient.is_some() => (RequestStanding::Approved, None, None),
            Standing::Approved => (RequestStanding::Approved, None, None),
            Standing::Waiting(details) | Standing::BeingApproved(details) => {
                (RequestStanding::Waiting, Some((*details).into()), None)
            }
            Standing::Declined { reason } => (RequestStanding::Declined, None, Some(reason)),
        };
        Self {
            id: request.id,
            standing,
            details,
            reason,
            patient: patient.map(PatientId::uuid),
            asked_at: Instant(request.asked_at),
            expires_at: Instant(request.expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn the_example_of_a_request_is_one_that_a_person_may_make() {
        let schema = serde_json::to_value(AskForRegistration::schema()).unwrap();
        let example: AskForRegistration = serde_json::from_value(schema["example"].clone()).unwrap();
        let mut checks = Checks::default();
        let details = example.check(&mut checks);
        assert!(details.identifier.is_none() && details.other_identifiers.is_empty() && details.as_of.is_none());
    }
}
