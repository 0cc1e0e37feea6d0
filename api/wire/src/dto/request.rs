//! Requests to be registered, in JSON.

use application::ports::requests::{self, OwnRequest, Standing};
use domain::kernel::{PatientId, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::DecliningReason;
use super::{Instant, PatientDetails, WalletAddress};
use crate::check::{Checked, Checks};

/// The body of a registration request. It says who the patient is; what they have to tell of their health they note in their chart once they are registered.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
// Composed from its parts it would have the identifiers that only a hospital tells.
#[schema(example = json!({
    "details": { "name": { "family": "Okafor", "given": ["Ada"] }, "birthDate": "1990-01-01", "gender": "female" }
}))]
pub struct AskForRegistration {
    /// The details of the caller. Only hospitals may give identifiers of other systems.
    pub details: PatientDetails,
}

impl Checked for AskForRegistration {
    type Domain = domain::patient::PatientDetails;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        checks.field("details", self.details)
    }
}

/// The body of a request to decline a registration request.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclineRequest {
    /// Why the registration request is declined. Whoever has made it sees the reason.
    #[schema(inline, value_type = DecliningReason)]
    pub reason: String,
}

impl Checked for DeclineRequest {
    type Domain = String;

    fn check(self, checks: &mut Checks) -> String {
        checks.fits("reason", self.reason, TextRule::DECISION)
    }
}

/// A registration request, as hospitals see it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationRequest {
    /// The id of the registration request. Whoever changes what they ask gets another id.
    pub id: Uuid,
    /// The wallet that has made the request, and will sign in to the record once it is approved.
    pub wallet: WalletAddress,
    /// The details that the owner of the wallet has given. Nobody has checked them.
    pub details: PatientDetails,
    /// When the request was made.
    pub asked_at: Instant,
    /// When the request expires if nobody decides on it before.
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

/// The state of a registration request: `waiting` (nobody has decided yet), `approved` (the caller is registered) or `declined`
/// (`reason` says why).
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

/// The caller's own registration request, and what has become of it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnRegistrationRequest {
    /// The id of the registration request.
    pub id: Uuid,
    /// The state of the registration request.
    pub standing: RequestStanding,
    /// The details that the caller has given, while the request waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<PatientDetails>,
    /// Why the request was declined, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of the caller's record, once the caller is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Uuid>,
    /// When the request was made.
    pub asked_at: Instant,
    /// When the request is forgotten. A request that still waits then expires.
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
