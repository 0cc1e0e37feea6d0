//! Patients in JSON.

use application::ports::queries::{PatientView, RelationshipView};
use domain::kernel::TextRule;
use domain::kernel::time::whole_millis;
use domain::patient;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;
use utoipa::ToSchema;
use uuid::Uuid;

use super::clinical::check_wanted;
use super::text::{EmailText, PhoneText, SearchText};
use super::{Address, Day, Deceased, Gender, HumanName, Identifier, Instant};
use crate::check::{Checked, Checks};
use crate::page::{PageQuery, check_limit};

/// The details of a patient: name, birth date, contact and identifiers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatientDetails {
    /// The patient's official name.
    pub name: HumanName,
    /// The patient's date of birth.
    pub birth_date: Day,
    /// The patient's administrative gender.
    pub gender: Gender,
    /// The patient's home address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"lines": ["12 Harbour Street"], "city": "Lagos", "country": "NG"}))]
    pub address: Option<Address>,
    /// The patient's telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<PhoneText>)]
    pub phone: Option<String>,
    /// The patient's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(inline, value_type = Option<EmailText>)]
    pub email: Option<String>,
    /// When the patient died, if they have died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased: Option<Deceased>,
    /// The patient's identifier in the system that the patient came from. It names the record and never changes; only a hospital sets
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"system": "https://hospital.example/mrn", "value": "4711"}))]
    pub identifier: Option<Identifier>,
    /// Other identifiers that belong to this patient and to nobody else, in the system that the patient came from or in others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<Identifier>, max_items = 50, example = json!([{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-12-3456"}]))]
    pub other_identifiers: Vec<Identifier>,
    /// The instant as of which these details were told, by the source if it said so, or here. It is kept to the millisecond. Only a
    /// hospital sets it; what is changed without it, or with that of the record, is as of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// The instants as of which single details were told, where these are others than `asOf`. Only a hospital sets them.
    #[serde(default, skip_serializing_if = "DetailDates::is_empty")]
    pub detail_dates: DetailDates,
}

/// The instants as of which single details were told, to the millisecond. A detail with an instant that is not there itself was taken out
/// then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DetailDates {
    /// As of when the name was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Instant>,
    /// As of when the administrative gender was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Instant>,
    /// As of when the address was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Instant>,
    /// As of when the telephone number was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Instant>,
    /// As of when the e-mail address was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Instant>,
    /// As of when the death was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased: Option<Instant>,
    /// As of when the date of birth was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Instant>,
}

impl DetailDates {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The place of each detail.
    const fn at(&mut self, detail: patient::Detail) -> &mut Option<Instant> {
        match detail {
            patient::Detail::Name => &mut self.name,
            patient::Detail::Gender => &mut self.gender,
            patient::Detail::Address => &mut self.address,
            patient::Detail::Phone => &mut self.phone,
            patient::Detail::Email => &mut self.email,
            patient::Detail::Deceased => &mut self.deceased,
            patient::Detail::BirthDate => &mut self.birth_date,
        }
    }
}

impl From<DetailDates> for patient::DetailDates {
    fn from(mut dates: DetailDates) -> Self {
        let told = patient::Detail::iter().filter_map(|detail| Some((detail, (*dates.at(detail))?)));
        told.map(|(detail, at)| (detail, whole_millis(at.0))).collect()
    }
}

impl From<patient::DetailDates> for DetailDates {
    fn from(details: patient::DetailDates) -> Self {
        let mut dates = Self::default();
        for (detail, told) in details.iter() {
            *dates.at(detail) = Some(Instant(told));
        }
        dates
    }
}

impl Checked for PatientDetails {
    type Domain = patient::PatientDetails;

    fn check(self, checks: &mut Checks) -> patient::PatientDetails {
        patient::PatientDetails {
            name: checks.field("name", self.name),
            birth_date: self.birth_date.0,
            gender: self.gender.into(),
            address: checks.optional("address", self.address),
            phone: self.phone.map(|phone| checks.fits("phone", phone, TextRule::PHONE)),
            email: self.email.map(|email| checks.fits("email", email, TextRule::EMAIL)),
            deceased: checks.optional("deceased", self.deceased),
            identifier: checks.optional("identifier", self.identifier),
            other_identifiers: checks.set(
                "otherIdentifiers",
                self.other_identifiers,
                patient::PatientDetails::MOST_IDENTIFIERS,
            ),
            as_of: self.as_of.map(|at| whole_millis(at.0)),
            detail_dates: self.detail_dates.into(),
        }
    }
}

impl From<patient::PatientDetails> for PatientDetails {
    fn from(details: patient::PatientDetails) -> Self {
        let patient::PatientDetails {
            name,
            birth_date,
            gender,
            address,
            phone,
            email,
            deceased,
            identifier,
            other_identifiers,
            as_of,
            detail_dates,
        } = details;
        Self {
            name: name.into(),
            birth_date: Day(birth_date),
            gender: gender.into(),
            address: address.map(Into::into),
            phone,
            email,
            deceased: deceased.map(Into::into),
            identifier: identifier.map(Into::into),
            other_identifiers: other_identifiers.into_iter().map(Into::into).collect(),
            as_of: as_of.map(Instant),
            detail_dates: detail_dates.into(),
        }
    }
}

/// The body of a request to register a patient.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterPatient {
    /// The details of the patient.
    pub details: PatientDetails,
}

impl Checked for RegisterPatient {
    type Domain = patient::PatientDetails;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        checks.field("details", self.details)
    }
}

/// Who a patient is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// The id of the patient.
    pub id: Uuid,
    /// The patient's details.
    pub details: PatientDetails,
    /// The version of the record, which is also its entity tag. It is missing for a doctor who reads by the patient's grants: it would tell how much stands in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub version: Option<u64>,
    /// When the patient was registered.
    pub registered_at: Instant,
    /// When the record last changed.
    pub updated_at: Instant,
}

impl From<PatientView> for Patient {
    fn from(view: PatientView) -> Self {
        let PatientView {
            id,
            details,
            version,
            registered_at,
            updated_at,
        } = view;
        Self {
            id: id.uuid(),
            details: details.into(),
            version,
            registered_at: Instant(registered_at),
            updated_at: Instant(updated_at),
        }
    }
}

/// The body of a search for patients by name. The name is in the body because addresses of requests end up in logs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchPatients {
    /// One or more words, in any order. Each must be the beginning of a family name, of a given name, or of a word of one. Where a
    /// script puts no blanks between words, each of its characters is a word. Case, accents, apostrophes and the way in which Unicode composes a character make no difference.
    #[schema(inline, value_type = SearchText)]
    pub name: String,
    /// The `nextCursor` of the previous page of the same search. Without it, the answer is the first page.
    #[serde(default)]
    #[schema(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl Checked for SearchPatients {
    type Domain = (String, PageQuery);

    fn check(self, checks: &mut Checks) -> Self::Domain {
        let Self { name, cursor, limit } = self;
        checks.within("limit", |checks| check_limit(checks, limit));
        let name = checks.fits("name", name, TextRule::SEARCH);
        (name, PageQuery { cursor, limit })
    }
}

/// The body of a search for patients by identifier.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookUpPatients {
    /// The identifiers to look for, each once.
    #[schema(value_type = HashSet<Identifier>, min_items = 1, max_items = 50, example = json!([{"system": "https://hospital.example/mrn", "value": "4711"}]))]
    pub identifiers: Vec<Identifier>,
}

impl Checked for LookUpPatients {
    type Domain = Vec<domain::kernel::Identifier>;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        check_wanted(checks, self.identifiers, patient::PatientDetails::MOST_IDENTIFIERS)
    }
}

/// The relationship between a patient and a practitioner who treats them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    /// The id of the patient.
    pub patient: Uuid,
    /// The id of the practitioner.
    pub practitioner: Uuid,
    /// When the first visit started or starts, whether booked or past.
    pub since: Instant,
    /// When the latest visit started or starts, whether booked or past.
    pub latest: Instant,
    /// The number of appointments that the patient has or had with the practitioner, without cancelled ones.
    #[schema(example = 2)]
    pub appointments: u64,
}

impl From<RelationshipView> for Relationship {
    fn from(view: RelationshipView) -> Self {
        let RelationshipView {
            patient,
            practitioner,
            since,
            latest,
            appointments,
        } = view;
        Self {
            patient: patient.uuid(),
            practitioner: practitioner.uuid(),
            since: Instant(since),
            latest: Instant(latest),
            appointments,
        }
    }
}
