//! The few FHIR R4 resources that an import reads, and no more of each than it needs.
//!
//! Tolerant: a resource that cannot be read is set aside with its place, unknown resources are counted, and elements that nobody
//! reads are named. Only a patient that cannot be read fails its file.

mod address;
mod document;
mod elements;
mod name;
mod time;

use chrono::{DateTime, Utc};
use domain::kernel::SourceId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::exports::DocumentId;

pub(super) use self::document::{Contents, Item, contents};
pub(super) use self::elements::{Elements, Unread};
pub(super) use self::name::HumanName;
pub(super) use self::time::Moment;

/// What is wrong with a bundle, and where. It never quotes the value: that may be health data.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct BundleError {
    /// The place, as in `entry[3].resource.birthDate`.
    pub path: String,
    /// What is wrong there.
    pub what: String,
}

impl BundleError {
    pub(super) fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            what: what.into(),
        }
    }
}

/// A resource with its place in the bundle.
pub(super) struct Entry<R> {
    /// `entry[n].resource`.
    pub(super) path: String,
    /// The resource.
    pub(super) resource: R,
    /// In which document of the run.
    pub(super) document: DocumentId,
    /// As of when it is, if its source says so.
    pub(super) as_of: Option<DateTime<Utc>>,
    /// What its source calls it, if that is told.
    pub(super) source: Option<SourceId>,
}

impl<R> Entry<R> {
    /// A resource of which neither place nor date matters.
    pub(super) const fn bare(resource: R) -> Self {
        Self {
            path: String::new(),
            resource,
            document: DocumentId {
                file: 0,
                number: 0,
                is_bundle: false,
            },
            as_of: None,
            source: None,
        }
    }
}

/// The resources that are mapped together, by kind, in their order.
///
/// Every reference of theirs that names one of them is `Kind/id`, whatever it was in the file; no other one is.
#[derive(Default)]
pub(super) struct Bundle {
    pub(super) patients: Vec<Entry<Patient>>,
    pub(super) practitioners: Vec<Entry<Practitioner>>,
    pub(super) roles: Vec<Entry<PractitionerRole>>,
    pub(super) organizations: Vec<Entry<Organization>>,
    pub(super) encounters: Vec<Entry<Encounter>>,
    pub(super) conditions: Vec<Entry<Condition>>,
    pub(super) allergies: Vec<Entry<AllergyIntolerance>>,
    pub(super) requests: Vec<Entry<MedicationRequest>>,
    pub(super) statements: Vec<Entry<MedicationStatement>>,
    pub(super) medications: Vec<Entry<Medication>>,
    /// What cannot be read: the kind of resource, its place and what is wrong.
    pub(super) unread: Vec<(&'static str, BundleError)>,
}

impl Bundle {
    /// The relative reference (`Practitioner/…`) that a reference is, if it names something here.
    pub(super) fn resolve<'a>(&self, reference: &'a str) -> Option<&'a str> {
        Some(reference).filter(|reference| reference.contains('/') && !reference.contains(':'))
    }

    /// Takes over what another has.
    pub(super) fn append(&mut self, other: Self) {
        self.patients.extend(other.patients);
        self.practitioners.extend(other.practitioners);
        self.roles.extend(other.roles);
        self.organizations.extend(other.organizations);
        self.encounters.extend(other.encounters);
        self.conditions.extend(other.conditions);
        self.allergies.extend(other.allergies);
        self.requests.extend(other.requests);
        self.statements.extend(other.statements);
        self.medications.extend(other.medications);
        self.unread.extend(other.unread);
    }
}

/// What is of the form that is wanted, or nothing.
#[derive(Clone, Debug)]
pub(super) struct Lenient<T>(pub(super) Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(serde_json::from_value(Value::deserialize(deserializer)?).ok()))
    }
}

/// As [`Lenient`], in place.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Lenient::deserialize(deserializer)?.0)
}

/// Reads JSON and says where it is wrong, without quoting it.
pub(super) fn read<'de, T: Deserialize<'de>>(json: &'de [u8], base: &str) -> Result<T, BundleError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = placed(&mut deserializer, base)?;
    deserializer.end().map_err(|error| json_error(base, &error))?;
    Ok(value)
}

/// As [`read`], a resource of a kind, with what of it is not read.
pub(super) fn read_of<T: DeserializeOwned>(json: &[u8], base: &str, kind: &str) -> Result<(T, Unread), BundleError> {
    let mut unread = Unread::default();
    let mut see = |path: serde_ignored::Path<'_>| unread.see(kind, &path);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = placed(serde_ignored::Deserializer::new(&mut deserializer, &mut see), base)?;
    deserializer.end().map_err(|error| json_error(base, &error))?;
    Ok((value, unread))
}

fn placed<'de, T, D>(deserializer: D, base: &str) -> Result<T, BundleError>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let inner = error.path().to_string();
        let path = if inner == "." {
            base.to_owned()
        } else {
            format!("{base}.{inner}")
        };
        json_error(&shortened(&path), error.inner())
    })
}

/// What JSON of FHIR must not have.
pub(super) const TWICE: &str = "has a key twice";

/// What is wrong with JSON, and where. It never quotes.
fn json_error(path: &str, error: &serde_json::Error) -> BundleError {
    let what = match error.classify() {
        serde_json::error::Category::Data if error.to_string().starts_with("duplicate field") => TWICE,
        serde_json::error::Category::Data => "missing, or not of the form that FHIR R4 gives it",
        serde_json::error::Category::Eof => "the file ends too early",
        // The one error of syntax that is none: serde_json has no name for it.
        serde_json::error::Category::Syntax if error.to_string().starts_with("recursion limit") => "nested too deeply",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "not JSON in UTF-8",
    };
    BundleError::new(
        path,
        format!("{what} (line {}, column {})", error.line(), error.column()),
    )
}

/// How long a place is told at most.
const LONGEST_PATH: usize = 120;

/// A place in what is nested deeply would fill a page.
fn shortened(path: &str) -> String {
    if path.chars().count() <= LONGEST_PATH {
        return path.to_owned();
    }
    let start: String = path.chars().take(LONGEST_PATH).collect();
    format!("{start}…")
}

/// FHIR `Reference`.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct Reference {
    /// In the normal form of addresses.
    #[serde(default, deserialize_with = "address::in_normal_form")]
    pub(super) reference: Option<String>,
    /// The kind of resource, where nothing else tells it.
    #[serde(rename = "type", default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) identifier: Option<Box<Identifier>>,
    /// What people read.
    #[serde(default)]
    pub(super) display: Option<String>,
}

impl Reference {
    /// A reference of this form.
    pub(super) fn to(reference: String) -> Self {
        Self {
            reference: Some(reference),
            kind: None,
            identifier: None,
            display: None,
        }
    }
}

/// FHIR `Identifier`.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct Identifier {
    #[serde(rename = "use", default, deserialize_with = "lenient")]
    pub(super) used: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<CodeableConcept>,
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) period: Option<Period>,
}

impl Identifier {
    /// One that is in use.
    pub(super) fn plain(identifier: &domain::kernel::Identifier) -> Self {
        Self {
            used: None,
            kind: None,
            system: Some(identifier.system.clone()),
            value: Some(identifier.value.clone()),
            period: None,
        }
    }
}

/// FHIR `Coding`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coding {
    #[serde(default, deserialize_with = "code_system")]
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
    pub(super) display: Option<String>,
    #[serde(default)]
    pub(super) user_selected: bool,
}

/// The object identifiers of code systems, and the URLs that FHIR R4 has for them (<https://www.hl7.org/fhir/R4/terminologies-systems.html>).
const OBJECT_IDENTIFIERS: [(&str, &str); 6] = [
    ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
    ("2.16.840.1.113883.6.1", "http://loinc.org"),
    ("2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10"),
    ("2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
    (
        "2.16.840.1.113883.5.1008",
        "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    ),
];

/// A code, in whatever case it is told.
fn code<'de, D: Deserializer<'de>>(code: D) -> Result<Option<String>, D::Error> {
    let told = Option::<String>::deserialize(code)?;
    Ok(told.map(|told| told.trim().to_lowercase()))
}

/// A code system by its URL, by whichever of its names it is told: an object identifier, the URL of an edition of SNOMED CT, or `https`.
fn code_system<'de, D: Deserializer<'de>>(system: D) -> Result<Option<String>, D::Error> {
    let told = Option::<String>::deserialize(system)?;
    Ok(told.map(|told| {
        let told = told.trim();
        let oid = told.strip_prefix("urn:oid:").unwrap_or(told);
        let secure = told.strip_prefix("https://").map(|rest| format!("http://{rest}"));
        let is_edition = told.starts_with("http://snomed.info/sct/") || told.starts_with("https://snomed.info/sct/");
        let known = OBJECT_IDENTIFIERS.iter().find(|(known, url)| {
            *known == oid || secure.as_deref() == Some(*url) || (is_edition && *url == "http://snomed.info/sct")
        });
        known.map_or(told, |(_, url)| url).to_owned()
    }))
}

/// FHIR `CodeableConcept`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct CodeableConcept {
    #[serde(default)]
    pub(super) coding: Vec<Coding>,
    pub(super) text: Option<String>,
}

impl CodeableConcept {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.coding.is_empty() && self.text.is_none()
    }

    /// The code that it has in a system, or under no system, or as its only text.
    pub(super) fn code_in(&self, system: &str) -> Option<&str> {
        let under = |wanted: Option<&str>| {
            let found = self.coding.iter().filter(|coding| coding.system.as_deref() == wanted);
            found.filter_map(|coding| coding.code.as_deref()).next()
        };
        under(Some(system))
            .or_else(|| under(None))
            .or_else(|| self.text.as_deref().filter(|_| self.coding.is_empty()))
    }
}

/// Whether a resource that cannot be read is a patient.
pub(super) fn is_patient(resource: &RawValue) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        resource_type: String,
    }
    serde_json::from_str::<Typed>(resource.get()).is_ok_and(|typed| typed.resource_type == "Patient")
}

/// Whether an `OperationOutcome` says that what was asked for failed (FHIR R4, `OperationOutcome.issue.severity`).
pub(super) fn says_failed(outcome: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Outcome {
        issue: Vec<Issue>,
    }
    #[derive(Deserialize)]
    struct Issue {
        severity: Lenient<String>,
    }
    let outcome = serde_json::from_str::<Outcome>(outcome.get());
    let is_failure = |issue: &Issue| matches!(issue.severity.0.as_deref(), Some("fatal" | "error"));
    outcome.is_ok_and(|outcome| outcome.issue.iter().any(is_failure))
}

/// A list in which `null` stands for an element that has extensions only.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Option<String>>::deserialize(deserializer)?
        .into_iter()
        .flatten()
        .collect())
}

/// FHIR `Address`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Address {
    #[serde(rename = "use")]
    pub(super) used: Option<String>,
    #[serde(deserialize_with = "texts")]
    pub(super) line: Vec<String>,
    pub(super) text: Option<String>,
    pub(super) city: Option<String>,
    pub(super) state: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) country: Option<String>,
    pub(super) period: Option<Period>,
}

impl Address {
    /// Whether it is the same place, for whatever use.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let place = |of: &Self| {
            let Self {
                line,
                text,
                city,
                state,
                postal_code,
                country,
                used: _,
                period: _,
            } = of.clone();
            (line, text, city, state, postal_code, country)
        };
        place(self) == place(other)
    }
}

/// FHIR `ContactPoint`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ContactPoint {
    #[serde(rename = "use")]
    pub(super) used: Option<String>,
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
    pub(super) rank: Option<u64>,
    pub(super) period: Option<Period>,
}

impl ContactPoint {
    /// Whether it is the same number or address, for whatever use.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.system, &self.value) == (&other.system, &other.value)
    }
}

/// FHIR `Period`.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct Period {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
}

/// FHIR `Patient`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Patient {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) identifier: Vec<Identifier>,
    #[serde(default)]
    pub(super) name: Vec<HumanName>,
    #[serde(default)]
    pub(super) telecom: Vec<ContactPoint>,
    pub(super) gender: Option<String>,
    pub(super) birth_date: Option<String>,
    pub(super) deceased_boolean: Option<bool>,
    pub(super) deceased_date_time: Option<String>,
    #[serde(default)]
    pub(super) address: Vec<Address>,
    /// The identifiers as the source has them, where [`Self::identifier`] is what names the patient here.
    #[serde(skip)]
    pub(super) told: Vec<Identifier>,
    #[serde(default)]
    pub(super) active: Lenient<bool>,
    #[serde(default)]
    pub(super) link: Lenient<Vec<PatientLink>>,
}

/// What FHIR `Patient.deceased[x]` tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life<'a> {
    /// Nothing.
    Untold,
    /// They live.
    Alive,
    /// They have died: when, if that is told.
    Dead(Option<&'a str>),
    /// Both.
    Contradicted,
}

impl Patient {
    /// Whether they live, as far as it is told.
    pub(super) fn life(&self) -> Life<'_> {
        match (self.deceased_boolean, self.deceased_date_time.as_deref()) {
            (None, None) => Life::Untold,
            (Some(false), None) => Life::Alive,
            (Some(false), Some(_)) => Life::Contradicted,
            (Some(true), None) => Life::Dead(None),
            (_, Some(when)) => Life::Dead(Some(when)),
        }
    }

    /// Leaves out whether they live: a later state says so.
    pub(super) fn tell_nothing_of_death(&mut self) {
        (self.deceased_boolean, self.deceased_date_time) = (None, None);
    }
}

/// FHIR `Patient.link`.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct PatientLink {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// FHIR `Practitioner`.
#[derive(Clone, Deserialize, Default, Debug)]
pub(super) struct Practitioner {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) identifier: Vec<Identifier>,
    #[serde(default)]
    pub(super) name: Vec<HumanName>,
    pub(super) gender: Option<String>,
    #[serde(default)]
    pub(super) qualification: Vec<Qualification>,
}

/// FHIR `Practitioner.qualification`.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct Qualification {
    pub(super) code: CodeableConcept,
}

/// FHIR `PractitionerRole`.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct PractitionerRole {
    pub(super) id: Option<String>,
    pub(super) practitioner: Option<Reference>,
    #[serde(default)]
    pub(super) specialty: Vec<CodeableConcept>,
}

/// FHIR `Organization`.
#[derive(Deserialize)]
pub(super) struct Organization {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) identifier: Vec<Identifier>,
}

/// FHIR `Encounter`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Encounter {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) identifier: Vec<Identifier>,
    pub(super) status: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) kind: Vec<CodeableConcept>,
    pub(super) subject: Option<Reference>,
    #[serde(default)]
    pub(super) participant: Vec<Participant>,
    pub(super) period: Option<Period>,
    pub(super) length: Option<Quantity>,
    pub(super) service_provider: Option<Reference>,
    #[serde(default)]
    pub(super) reason_code: Vec<CodeableConcept>,
    #[serde(default)]
    pub(super) reason_reference: Vec<Reference>,
    #[serde(default)]
    pub(super) contained: Vec<Value>,
}

/// The address of what is in none of the files.
pub(super) const NOWHERE: &str = "urn:nowhere";

/// FHIR `Duration`: a quantity of time, in a UCUM unit.
#[derive(Deserialize)]
pub(super) struct Quantity {
    pub(super) value: Option<f64>,
    pub(super) code: Option<String>,
    /// The unit as people read it, where no code is told.
    pub(super) unit: Option<String>,
}

/// FHIR `Encounter.participant`.
#[derive(Deserialize)]
pub(super) struct Participant {
    #[serde(default, rename = "type")]
    pub(super) kind: Vec<CodeableConcept>,
    pub(super) period: Option<Period>,
    pub(super) individual: Option<Reference>,
}

/// FHIR `Condition`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    pub(super) id: Option<String>,
    pub(super) subject: Option<Reference>,
    #[serde(default)]
    pub(super) code: CodeableConcept,
    pub(super) clinical_status: Option<CodeableConcept>,
    pub(super) verification_status: Option<CodeableConcept>,
    pub(super) onset_date_time: Option<String>,
    pub(super) onset_period: Option<Period>,
    pub(super) onset_age: Option<Value>,
    pub(super) onset_range: Option<Value>,
    pub(super) onset_string: Option<Value>,
    pub(super) abatement_date_time: Option<String>,
    pub(super) abatement_period: Option<Period>,
    pub(super) abatement_age: Option<Value>,
    pub(super) abatement_range: Option<Value>,
    pub(super) abatement_string: Option<Value>,
    pub(super) recorded_date: Option<String>,
}

/// FHIR `AllergyIntolerance`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllergyIntolerance {
    pub(super) patient: Option<Reference>,
    #[serde(default)]
    pub(super) code: CodeableConcept,
    pub(super) clinical_status: Option<CodeableConcept>,
    pub(super) verification_status: Option<CodeableConcept>,
    pub(super) criticality: Option<String>,
    #[serde(default)]
    pub(super) category: Lenient<Vec<String>>,
    #[serde(default)]
    pub(super) reaction: Vec<Reaction>,
}

/// FHIR `AllergyIntolerance.reaction`.
#[derive(Deserialize)]
pub(super) struct Reaction {
    pub(super) substance: Option<CodeableConcept>,
}

/// FHIR `MedicationRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MedicationRequest {
    pub(super) subject: Option<Reference>,
    #[serde(default, deserialize_with = "code")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "code")]
    pub(super) intent: Option<String>,
    pub(super) do_not_perform: Option<bool>,
    pub(super) reported_boolean: Option<bool>,
    pub(super) reported_reference: Option<Reference>,
    pub(super) medication_codeable_concept: Option<CodeableConcept>,
    pub(super) medication_reference: Option<Reference>,
    #[serde(default)]
    pub(super) contained: Vec<Value>,
    pub(super) authored_on: Option<String>,
}

/// FHIR `MedicationStatement`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MedicationStatement {
    pub(super) subject: Option<Reference>,
    #[serde(default, deserialize_with = "code")]
    pub(super) status: Option<String>,
    pub(super) medication_codeable_concept: Option<CodeableConcept>,
    pub(super) medication_reference: Option<Reference>,
    #[serde(default)]
    pub(super) contained: Vec<Value>,
    pub(super) effective_date_time: Option<String>,
    pub(super) effective_period: Option<Period>,
    /// STU3's word for it: `n` when it was not taken.
    #[serde(default, deserialize_with = "code")]
    pub(super) taken: Option<String>,
    /// DSTU2's.
    pub(super) was_not_taken: Option<bool>,
}

/// FHIR `Medication`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Medication {
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "code")]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) code: CodeableConcept,
}

impl Medication {
    /// Whether there is none: it was never meant to be there (FHIR R4, `Medication.status`).
    pub(super) fn is_in_error(&self) -> bool {
        self.status.as_deref() == Some("entered-in-error")
    }
}
