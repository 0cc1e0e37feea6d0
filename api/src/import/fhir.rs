//! The few FHIR R4 resources that an import reads, and no more of each than it needs.
//!
//! Tolerant: unknown fields are passed over, and a resource that cannot be read is set aside with its place; unknown
//! resources are counted. Only a patient that cannot be read fails its bundle.

mod time;

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

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

#[derive(Deserialize)]
struct RawBundle<'a> {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(borrow, default)]
    entry: Vec<RawEntry<'a>>,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(rename = "fullUrl")]
    full_url: Option<String>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "resourceType")]
    resource_type: String,
}

/// A resource with its place in the bundle.
pub(super) struct Entry<R> {
    /// `entry[n].resource`.
    pub(super) path: String,
    /// The resource.
    pub(super) resource: R,
}

/// The resources of a bundle that matter here, by kind, in the order of the bundle.
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
    /// How many resources there are of each kind that is not read.
    pub(super) ignored: BTreeMap<String, u64>,
    /// From every `fullUrl` to the relative reference (`Patient/…`) of what it names.
    pub(super) urls: HashMap<String, String>,
}

impl Bundle {
    /// Reads a bundle.
    pub(super) fn parse(json: &[u8]) -> Result<Self, BundleError> {
        Self::parse_only(json, |_| true)
    }

    /// Reads those resources of a bundle that are of a wanted kind.
    pub(super) fn parse_only(json: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self, BundleError> {
        let raw: RawBundle<'_> = read(json, "$")?;
        if raw.resource_type != "Bundle" {
            return Err(BundleError::new("resourceType", "not a FHIR Bundle"));
        }
        let mut bundle = Self::default();
        for (index, entry) in raw.entry.iter().enumerate() {
            let Some(resource) = entry.resource else { continue };
            let json = resource.get().as_bytes();
            let path = format!("entry[{index}].resource");
            match read::<Kind>(json, &path) {
                Ok(Kind { resource_type }) if wanted(&resource_type) => {
                    bundle.add(&resource_type, path, entry.full_url.as_deref(), json);
                }
                Ok(_) => {}
                Err(error) => bundle.unread.push(("resource", error)),
            }
        }
        Ok(bundle)
    }

    fn add(&mut self, kind: &str, path: String, url: Option<&str>, json: &[u8]) {
        if let Some(url) = url {
            let id = read::<Identified>(json, &path).ok().and_then(|resource| resource.id);
            let id = id.unwrap_or_else(|| url.trim_start_matches("urn:uuid:").to_owned());
            self.urls.insert(url.to_owned(), format!("{kind}/{id}"));
        }
        let unread = &mut self.unread;
        match kind {
            "Patient" => push(&mut self.patients, unread, "Patient", path, json),
            "Practitioner" => push(&mut self.practitioners, unread, "Practitioner", path, json),
            "PractitionerRole" => push(&mut self.roles, unread, "PractitionerRole", path, json),
            "Organization" => push(&mut self.organizations, unread, "Organization", path, json),
            "Encounter" => push(&mut self.encounters, unread, "Encounter", path, json),
            "Condition" => push(&mut self.conditions, unread, "Condition", path, json),
            "AllergyIntolerance" => push(&mut self.allergies, unread, "AllergyIntolerance", path, json),
            "MedicationRequest" => push(&mut self.requests, unread, "MedicationRequest", path, json),
            "MedicationStatement" => push(&mut self.statements, unread, "MedicationStatement", path, json),
            "Medication" => push(&mut self.medications, unread, "Medication", path, json),
            other => {
                let name: String = other.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
                let count = self.ignored.entry(name).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    /// The relative reference (`Practitioner/…`) behind a reference of this bundle.
    pub(super) fn resolve<'a>(&'a self, reference: &'a str) -> Option<&'a str> {
        // A reference may name a version, which does not matter here.
        let reference = reference
            .split_once("/_history/")
            .map_or(reference, |(reference, _)| reference);
        match self.urls.get(reference) {
            Some(known) => Some(known),
            None if reference.starts_with("urn:") => None,
            // An absolute URL names its resource with its last two segments.
            None => {
                let start = reference
                    .rmatch_indices('/')
                    .nth(1)
                    .map_or(0, |(at, _)| at.saturating_add(1));
                reference.get(start..).filter(|relative| relative.contains('/'))
            }
        }
    }
}

fn push<R: DeserializeOwned>(
    list: &mut Vec<Entry<R>>,
    unread: &mut Vec<(&'static str, BundleError)>,
    kind: &'static str,
    path: String,
    json: &[u8],
) {
    match read(json, &path) {
        Ok(resource) => list.push(Entry { path, resource }),
        Err(error) => unread.push((kind, error)),
    }
}

/// Reads JSON and says where it is wrong, without quoting it.
fn read<'de, T: Deserialize<'de>>(json: &'de [u8], base: &str) -> Result<T, BundleError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let inner = error.path().to_string();
        let path = if inner == "." {
            base.to_owned()
        } else {
            format!("{base}.{inner}")
        };
        let what = match error.inner().classify() {
            serde_json::error::Category::Data => "missing, or not of the form that FHIR R4 gives it",
            serde_json::error::Category::Eof => "the file ends too early",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "not JSON",
        };
        let what = format!(
            "{what} (line {}, column {})",
            error.inner().line(),
            error.inner().column()
        );
        BundleError::new(path, what)
    })
}

#[derive(Deserialize)]
struct Identified {
    id: Option<String>,
}

/// FHIR `Reference`.
#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) reference: Option<String>,
    pub(super) display: Option<String>,
}

/// FHIR `Identifier`.
#[derive(Deserialize)]
pub(super) struct Identifier {
    #[serde(rename = "use")]
    pub(super) used: Option<String>,
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
    pub(super) period: Option<Period>,
}

/// FHIR `Coding`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coding {
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
    pub(super) display: Option<String>,
    #[serde(default)]
    pub(super) user_selected: bool,
}

/// FHIR `CodeableConcept`.
#[derive(Clone, Deserialize, Default)]
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

/// A list in which `null` stands for an element that has extensions only.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Option<String>>::deserialize(deserializer)?
        .into_iter()
        .flatten()
        .collect())
}

/// FHIR `HumanName`.
#[derive(Deserialize)]
pub(super) struct HumanName {
    #[serde(rename = "use")]
    pub(super) used: Option<String>,
    pub(super) text: Option<String>,
    pub(super) family: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    pub(super) given: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    pub(super) prefix: Vec<String>,
    pub(super) period: Option<Period>,
}

/// FHIR `Address`.
#[derive(Deserialize)]
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

/// FHIR `ContactPoint`.
#[derive(Deserialize)]
pub(super) struct ContactPoint {
    #[serde(rename = "use")]
    pub(super) used: Option<String>,
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
    pub(super) rank: Option<u64>,
    pub(super) period: Option<Period>,
}

/// FHIR `Period`.
#[derive(Deserialize)]
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
}

/// FHIR `Practitioner`.
#[derive(Deserialize)]
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
#[derive(Deserialize)]
pub(super) struct Qualification {
    pub(super) code: CodeableConcept,
}

/// FHIR `PractitionerRole`.
#[derive(Deserialize)]
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

/// FHIR `Duration`: a quantity of time, in a UCUM unit.
#[derive(Deserialize)]
pub(super) struct Quantity {
    pub(super) value: Option<f64>,
    pub(super) code: Option<String>,
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
    pub(super) status: Option<String>,
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
    pub(super) status: Option<String>,
    pub(super) medication_codeable_concept: Option<CodeableConcept>,
    pub(super) medication_reference: Option<Reference>,
    #[serde(default)]
    pub(super) contained: Vec<Value>,
    pub(super) effective_date_time: Option<String>,
    pub(super) effective_period: Option<Period>,
}

/// FHIR `Medication`.
#[derive(Deserialize)]
pub(super) struct Medication {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) code: CodeableConcept,
}
