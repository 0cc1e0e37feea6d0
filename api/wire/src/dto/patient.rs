//! Patients in JSON.

use application::ports::queries::{PatientView, RelationshipView};
use domain::kernel::time::whole_millis;
use domain::kernel::{self, TextRule};
use domain::patient;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::{EmailText, PhoneText, SearchText, SymptomText};
use super::wire_enum::wire_enum;
use super::{Abated, Address, Concept, Day, Deceased, Findings, Gender, HumanName, Identifier, Instant, SourceId};
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
    /// The instant as of which the source told these details, if it said so. It is kept to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
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
        }
    }
}

/// A condition in the patient's medical history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"concept": {"coding": {"system": "http://snomed.info/sct", "code": "38341003"}, "text": "Hypertension"}, "onset": "2019-05-01"}))]
pub struct Condition {
    /// The condition: a code with its text, or a text alone.
    pub concept: Concept,
    /// The day on which the condition began, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<Day>,
    /// The day on which the condition ended, or `unknown` when it has ended and the day is not known; missing while the condition is
    /// active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abated: Option<Abated>,
    /// The instant as of which a source told this finding, if it said so; only a hospital sets it. It is kept to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// The digests of the ids of the resources that tell this finding, if they are known; the last one told it last. Only a hospital
    /// sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<SourceId>, max_items = 8)]
    pub sources: Vec<SourceId>,
}

impl Checked for Condition {
    type Domain = patient::Condition;

    fn check(self, checks: &mut Checks) -> patient::Condition {
        patient::Condition {
            concept: checks.field("concept", self.concept),
            onset: self.onset.map(|day| day.0),
            abated: self.abated.map(Into::into),
            as_of: self.as_of.map(|at| whole_millis(at.0)),
            sources: SourceId::checked(checks, self.sources),
        }
    }
}

impl From<patient::Condition> for Condition {
    fn from(condition: patient::Condition) -> Self {
        Self {
            concept: condition.concept.into(),
            onset: condition.onset.map(Day),
            abated: condition.abated.map(Into::into),
            as_of: condition.as_of.map(Instant),
            sources: SourceId::list(&condition.sources),
        }
    }
}

/// An allergy or intolerance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"concept": {"text": "Penicillin"}, "highCriticality": true}))]
pub struct Allergy {
    /// The substance to which the patient is allergic or intolerant.
    pub concept: Concept,
    /// Whether a reaction may be life-threatening.
    #[serde(default)]
    pub high_criticality: bool,
    /// The instant as of which a source told this finding, if it said so; only a hospital sets it. It is kept to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// The digests of the ids of the resources that tell this finding, if they are known; the last one told it last. Only a hospital
    /// sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<SourceId>, max_items = 8)]
    pub sources: Vec<SourceId>,
}

impl Checked for Allergy {
    type Domain = patient::Allergy;

    fn check(self, checks: &mut Checks) -> patient::Allergy {
        let concept = checks.field("concept", self.concept);
        patient::Allergy {
            concept,
            high_criticality: self.high_criticality,
            as_of: self.as_of.map(|at| whole_millis(at.0)),
            sources: SourceId::checked(checks, self.sources),
        }
    }
}

impl From<patient::Allergy> for Allergy {
    fn from(allergy: patient::Allergy) -> Self {
        Self {
            concept: allergy.concept.into(),
            high_criticality: allergy.high_criticality,
            as_of: allergy.as_of.map(Instant),
            sources: SourceId::list(&allergy.sources),
        }
    }
}

/// A medication that the patient takes or has taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"concept": {"text": "Lisinopril 10 mg"}, "since": "2019-05-01", "active": true}))]
pub struct Medication {
    /// The medication: a code with its text, or a text alone.
    pub concept: Concept,
    /// The day since which the medication is taken, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// Whether the patient takes the medication now.
    pub active: bool,
    /// The instant as of which a source told this finding, if it said so; only a hospital sets it. It is kept to the millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// The digests of the ids of the resources that tell this finding, if they are known; the last one told it last. Only a hospital
    /// sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<SourceId>, max_items = 8)]
    pub sources: Vec<SourceId>,
}

impl Checked for Medication {
    type Domain = patient::Medication;

    fn check(self, checks: &mut Checks) -> patient::Medication {
        let concept = checks.field("concept", self.concept);
        patient::Medication {
            concept,
            since: self.since.map(|day| day.0),
            active: self.active,
            as_of: self.as_of.map(|at| whole_millis(at.0)),
            sources: SourceId::checked(checks, self.sources),
        }
    }
}

impl From<patient::Medication> for Medication {
    fn from(medication: patient::Medication) -> Self {
        Self {
            concept: medication.concept.into(),
            since: medication.since.map(Day),
            active: medication.active,
            as_of: medication.as_of.map(Instant),
            sources: SourceId::list(&medication.sources),
        }
    }
}

wire_enum!(
    /// A kind of allergies, by what causes them. A source may say of one kind that no such allergies are known, and leave the others open.
    AllergyKind = patient::AllergyKind
);

impl Checked for AllergyKind {
    type Domain = patient::AllergyKind;

    fn check(self, _: &mut Checks) -> patient::AllergyKind {
        self.into()
    }
}

wire_enum!(
    /// One of the three lists of findings in an intake: conditions, allergies or medications.
    Matter = patient::Matter
);

/// A finding that its source has taken back: entered in error, refuted, deleted, or an allergy that has passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"matter": "allergies", "concept": {"text": "Penicillin"}, "asOf": "2026-03-02T09:00:00Z"}))]
pub struct Withdrawn {
    /// The list that the finding was in.
    pub matter: Matter,
    /// What was found; missing where nothing more is told than that the resource named by `source` was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<Concept>,
    /// The day on which the finding was said to have begun, if it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// The digest of the id of the resource that told the finding, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// The instant as of which the source took the finding back. It is kept to the millisecond.
    pub as_of: Instant,
}

impl Checked for Withdrawn {
    type Domain = patient::Withdrawn;

    fn check(self, checks: &mut Checks) -> patient::Withdrawn {
        patient::Withdrawn {
            matter: self.matter.into(),
            concept: checks.optional("concept", self.concept),
            since: self.since.map(|day| day.0),
            source: self.source.map(|source| source.0),
            as_of: whole_millis(self.as_of.0),
        }
    }
}

impl From<patient::Withdrawn> for Withdrawn {
    fn from(withdrawn: patient::Withdrawn) -> Self {
        Self {
            matter: withdrawn.matter.into(),
            concept: withdrawn.concept.map(Into::into),
            since: withdrawn.since.map(Day),
            source: withdrawn.source.map(SourceId),
            as_of: Instant(withdrawn.as_of),
        }
    }
}

/// The last statement of a source that no findings of a list are known, or that this no longer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"matter": "allergies", "holds": true, "asOf": "2026-03-02T09:00:00Z"}))]
pub struct Word {
    /// The list of which no findings are known.
    pub matter: Matter,
    /// The kind of allergies of which none are known, if the statement is about one kind alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AllergyKind>,
    /// Whether the source still says so; `false` when it has taken the statement back.
    pub holds: bool,
    /// The digest of the id of the resource that makes the statement, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// The instant as of which the source says so. It is kept to the millisecond.
    pub as_of: Instant,
}

impl Checked for Word {
    type Domain = patient::Word;

    fn check(self, _: &mut Checks) -> patient::Word {
        patient::Word {
            matter: self.matter.into(),
            kind: self.kind.map(Into::into),
            holds: self.holds,
            source: self.source.map(|source| source.0),
            as_of: whole_millis(self.as_of.0),
        }
    }
}

impl From<patient::Word> for Word {
    fn from(word: patient::Word) -> Self {
        Self {
            matter: word.matter.into(),
            kind: word.kind.map(Into::into),
            holds: word.holds,
            source: word.source.map(SourceId),
            as_of: Instant(word.as_of),
        }
    }
}

/// The intake of a patient: what is asked of them before a visit. A list that is left out says that nobody has asked; `none-known` says
/// that somebody has, and that there is nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({
    "conditions": [{ "concept": { "text": "Asthma" }, "onset": "1990-05-01" }],
    "allergies": "none-known",
    "medications": "unknown",
    "symptoms": ["a cough"],
}))]
pub struct Intake {
    /// The conditions in the patient's medical history.
    pub conditions: Findings<Condition>,
    /// The patient's allergies and intolerances.
    pub allergies: Findings<Allergy>,
    /// The kinds of allergies of which none are known, each once. A finding in `allergies` takes precedence over it. Where no allergies
    /// at all are known, `allergies` is `none-known`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = HashSet<AllergyKind>, max_items = 6, example = json!(["medication"]))]
    pub no_known_allergies_to: Vec<AllergyKind>,
    /// The patient's medications.
    pub medications: Findings<Medication>,
    /// The symptoms, in the patient's own words.
    #[schema(inline, value_type = Vec<SymptomText>, max_items = 1000)]
    pub symptoms: Vec<String>,
    /// The findings that a source has taken back; an older state of the source does not bring them back. Only a hospital changes this
    /// list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub withdrawn: Vec<Withdrawn>,
    /// The statements of sources that nothing is known. Any finding takes precedence over them. Only a hospital changes this list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub words: Vec<Word>,
}

/// What an event of the log can hold of an intake is a mebibyte before it is packed, and takes some three of JSON: this is four, if the
/// longest body is as long as by default.
const BODIES_OF_AN_INTAKE: usize = 32;

impl Checked for Intake {
    type Domain = patient::Intake;

    const BODIES: usize = BODIES_OF_AN_INTAKE;

    fn check(self, checks: &mut Checks) -> patient::Intake {
        let kinds = patient::AllergyKind::VARIANTS.len();
        patient::Intake {
            conditions: self.conditions.check("conditions", checks),
            allergies: self.allergies.check("allergies", checks),
            no_known_allergies_to: checks.set("noKnownAllergiesTo", self.no_known_allergies_to, kinds),
            medications: self.medications.check("medications", checks),
            symptoms: checks.texts("symptoms", self.symptoms, patient::Intake::MOST, TextRule::SYMPTOM),
            withdrawn: checks.list("withdrawn", self.withdrawn, patient::Intake::MOST),
            words: checks.list("words", self.words, patient::Intake::MOST),
        }
    }
}

impl From<patient::Intake> for Intake {
    fn from(intake: patient::Intake) -> Self {
        let patient::Intake {
            conditions,
            allergies,
            no_known_allergies_to,
            medications,
            symptoms,
            withdrawn,
            words,
        } = intake;
        Self {
            conditions: Findings::of(conditions),
            allergies: Findings::of(allergies),
            no_known_allergies_to: no_known_allergies_to.into_iter().map(Into::into).collect(),
            medications: Findings::of(medications),
            symptoms,
            withdrawn: withdrawn.into_iter().map(Into::into).collect(),
            words: words.into_iter().map(Into::into).collect(),
        }
    }
}

/// The body of a request to register a patient.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterPatient {
    /// The details of the patient.
    pub details: PatientDetails,
    /// The patient's intake: conditions, allergies, medications and symptoms.
    #[serde(default)]
    pub intake: Intake,
}

impl Checked for RegisterPatient {
    type Domain = patient::Registration;

    const BODIES: usize = BODIES_OF_AN_INTAKE;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        let details = checks.field("details", self.details);
        let intake = checks.field("intake", self.intake);
        patient::Registration { details, intake }
    }
}

/// A patient's record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// The id of the patient.
    pub id: Uuid,
    /// The patient's details.
    pub details: PatientDetails,
    /// The patient's intake: conditions, allergies, medications and symptoms.
    pub intake: Intake,
    /// The version of the record, which is also its entity tag.
    #[schema(example = 3)]
    pub version: u64,
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
            intake,
            version,
            registered_at,
            updated_at,
        } = view;
        Self {
            id: id.uuid(),
            details: details.into(),
            intake: intake.into(),
            version,
            registered_at: Instant(registered_at),
            updated_at: Instant(updated_at),
        }
    }
}

/// A patient as shown in lists: without the intake.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatientSummary {
    /// The id of the patient.
    pub id: Uuid,
    /// The patient's details.
    pub details: PatientDetails,
    /// The version of the record.
    #[schema(example = 3)]
    pub version: u64,
}

impl From<PatientView> for PatientSummary {
    fn from(view: PatientView) -> Self {
        Self {
            id: view.id.uuid(),
            details: view.details.into(),
            version: view.version,
        }
    }
}

/// The body of a search for patients by name. The name is in the body because addresses of requests end up in logs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchPatients {
    /// One or more words, in any order. Each must be the beginning of a family name, of a given name, or of a word of one. Case,
    /// accents, apostrophes and the way in which Unicode composes a character make no difference.
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
    type Domain = Vec<kernel::Identifier>;

    fn check(self, checks: &mut Checks) -> Self::Domain {
        if self.identifiers.is_empty() {
            checks.within("identifiers", |checks| checks.wrong("must have at least one item"));
        }
        checks.set(
            "identifiers",
            self.identifiers,
            patient::PatientDetails::MOST_IDENTIFIERS,
        )
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
