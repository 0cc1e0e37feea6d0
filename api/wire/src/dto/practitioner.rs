//! Practitioners in JSON.

use application::ports::queries::PractitionerView;
use application::use_cases::practitioners::SharedDays;
use chrono_tz::Tz;
use domain::kernel::time::whole_millis;
use domain::kernel::{PractitionerId, TextRule};
use domain::practitioner;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::clinical::check_wanted;
use super::text::CredentialText;
use super::{Concept, Gender, HumanName, Identifier, Instant};
use crate::check::{Checked, Checks};

/// The details of a practitioner: name, specializations, credentials, time zone and identifiers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PractitionerDetails {
    /// The practitioner's official name.
    pub name: HumanName,
    /// The practitioner's administrative gender.
    pub gender: Gender,
    /// The practitioner's specializations, of which the first is the main one. There is at least one.
    #[schema(min_items = 1, max_items = 50, example = json!([{"coding": {"system": "http://snomed.info/sct", "code": "394579002"}, "text": "Cardiology"}]))]
    pub specializations: Vec<Concept>,
    /// The practitioner's licences and degrees, as given.
    #[serde(default)]
    #[schema(inline, value_type = Vec<CredentialText>, example = json!(["MD"]), max_items = 50)]
    pub credentials: Vec<String>,
    /// The time zone (IANA) in which the practitioner's days begin and end, unless their calendar is shared: its days are days of UTC. It never changes.
    #[schema(example = "Europe/London", format = "iana-time-zone")]
    pub time_zone: String,
    /// The practitioner's identifier in the system that they came from. It names the entry and never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// Other identifiers that belong to this practitioner and to nobody else, in the system that the practitioner came from or in others.
    /// Only a hospital sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<Identifier>, max_items = 50, example = json!([{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999999999"}]))]
    pub other_identifiers: Vec<Identifier>,
    /// The instant as of which the source told these details, if it said so; only a hospital sets it. It is kept to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
}

impl Checked for PractitionerDetails {
    type Domain = practitioner::PractitionerDetails;

    fn check(self, checks: &mut Checks) -> practitioner::PractitionerDetails {
        if self.specializations.is_empty() {
            checks.within("specializations", |checks| checks.wrong("must not be empty"));
        }
        let time_zone = self.time_zone.parse().unwrap_or_else(|_| {
            checks.within("timeZone", |checks| {
                checks.wrong("must be a time zone of the IANA database")
            });
            Tz::UTC
        });
        practitioner::PractitionerDetails {
            name: checks.field("name", self.name),
            gender: self.gender.into(),
            specializations: checks.list(
                "specializations",
                self.specializations,
                practitioner::PractitionerDetails::MOST,
            ),
            credentials: checks.texts(
                "credentials",
                self.credentials,
                practitioner::PractitionerDetails::MOST,
                TextRule::CREDENTIAL,
            ),
            time_zone,
            identifier: checks.optional("identifier", self.identifier),
            other_identifiers: checks.set(
                "otherIdentifiers",
                self.other_identifiers,
                practitioner::PractitionerDetails::MOST_IDENTIFIERS,
            ),
            as_of: self.as_of.map(|at| whole_millis(at.0)),
        }
    }
}

impl From<practitioner::PractitionerDetails> for PractitionerDetails {
    fn from(details: practitioner::PractitionerDetails) -> Self {
        let practitioner::PractitionerDetails {
            name,
            gender,
            specializations,
            credentials,
            time_zone,
            identifier,
            other_identifiers,
            as_of,
        } = details;
        Self {
            name: name.into(),
            gender: gender.into(),
            specializations: specializations.into_iter().map(Into::into).collect(),
            credentials,
            time_zone: time_zone.name().to_owned(),
            identifier: identifier.map(Into::into),
            other_identifiers: other_identifiers.into_iter().map(Into::into).collect(),
            as_of: as_of.map(Instant),
        }
    }
}

/// The body of a request to register a practitioner.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterPractitioner {
    /// The details of the practitioner.
    pub details: PractitionerDetails,
    /// Where the practitioner's calendar stands, if several organisations share it: its days are days of UTC then. Without it, a practitioner who is new has a calendar of this organisation's own, and of one who is registered already it makes no difference. It never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_calendar: Option<SharedCalendar>,
}

impl Checked for RegisterPractitioner {
    type Domain = (practitioner::PractitionerDetails, Option<SharedDays>);

    fn check(self, checks: &mut Checks) -> Self::Domain {
        let shared = self.shared_calendar.map(|shared| SharedDays {
            namespace: shared.namespace,
            practitioner: shared.practitioner.map(PractitionerId::new),
        });
        (checks.field("details", self.details), shared)
    }
}

/// Where a calendar stands that several organisations share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SharedCalendar {
    /// The number of the namespace of the log that the organisations share. The server must be configured with it (`chain.shared`).
    #[schema(minimum = 1, example = 3)]
    pub namespace: u32,
    /// The id by which the organisation knows the practitioner that registered them first. Its last digits tell whether it was copied whole. Without it, the practitioner is
    /// new to all of them, and the answer's id is the one to tell the other organisations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<Uuid>,
}

/// A practitioner's entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Practitioner {
    /// The id of the practitioner.
    pub id: Uuid,
    /// The practitioner's details.
    pub details: PractitionerDetails,
    /// The number of the namespace in which the practitioner's calendar stands, if several organisations share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 3)]
    pub shared_namespace: Option<u32>,
    /// The version of the entry, which is also its entity tag.
    #[schema(example = 1)]
    pub version: u64,
    /// When the practitioner was registered.
    pub registered_at: Instant,
}

impl From<PractitionerView> for Practitioner {
    fn from(view: PractitionerView) -> Self {
        let PractitionerView {
            id,
            details,
            register_entry: _,
            version,
            registered_at,
        } = view;
        Self {
            id: id.uuid(),
            details: details.into(),
            shared_namespace: id.shares_days_in(),
            version,
            registered_at: Instant(registered_at),
        }
    }
}

/// The body of a search for practitioners by identifier.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookUpPractitioners {
    /// The identifiers to look for, each once.
    #[schema(value_type = HashSet<Identifier>, min_items = 1, max_items = 50, example = json!([{"system": "https://hospital.example/staff", "value": "4711"}]))]
    pub identifiers: Vec<Identifier>,
}

impl Checked for LookUpPractitioners {
    type Domain = Vec<domain::kernel::Identifier>;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        check_wanted(
            checks,
            self.identifiers,
            practitioner::PractitionerDetails::MOST_IDENTIFIERS,
        )
    }
}
