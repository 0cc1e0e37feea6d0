//! The few FHIR R4 resources that an import reads, and no more of each than it needs.
//!
//! Tolerant of what it does not know: unknown resources and fields are passed over. Strict on what it needs.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

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
    pub(super) medications: Vec<Entry<MedicationRequest>>,
    /// From every `fullUrl` to the relative reference (`Patient/…`) of what it names.
    pub(super) urls: HashMap<String, String>,
}

impl Bundle {
    /// Reads a bundle.
    pub(super) fn parse(json: &[u8]) -> Result<Self, BundleError> {
        let raw: RawBundle<'_> = read(json, "$")?;
        if raw.resource_type != "Bundle" {
            return Err(BundleError::new("resourceType", "not a FHIR Bundle"));
        }
        let mut bundle = Self::default();
        for (index, entry) in raw.entry.iter().enumerate() {
            let Some(resource) = entry.resource else { continue };
            bundle.add(
                format!("entry[{index}].resource"),
                entry.full_url.as_deref(),
                resource.get(),
            )?;
        }
        Ok(bundle)
    }

    fn add(&mut self, path: String, url: Option<&str>, json: &str) -> Result<(), BundleError> {
        let json = json.as_bytes();
        let kind = read::<Kind>(json, &path)?.resource_type;
        match kind.as_str() {
            "Patient" => push(&mut self.patients, path.clone(), json)?,
            "Practitioner" => push(&mut self.practitioners, path.clone(), json)?,
            "PractitionerRole" => push(&mut self.roles, path.clone(), json)?,
            "Organization" => push(&mut self.organizations, path.clone(), json)?,
            "Encounter" => push(&mut self.encounters, path.clone(), json)?,
            "Condition" => push(&mut self.conditions, path.clone(), json)?,
            "AllergyIntolerance" => push(&mut self.allergies, path.clone(), json)?,
            "MedicationRequest" => push(&mut self.medications, path.clone(), json)?,
            _ => return Ok(()),
        }
        if let Some(url) = url {
            let id = read::<Identified>(json, &path)?
                .id
                .unwrap_or_else(|| url.trim_start_matches("urn:uuid:").to_owned());
            self.urls.insert(url.to_owned(), format!("{kind}/{id}"));
        }
        Ok(())
    }

    /// The relative reference (`Practitioner/…`) behind a reference of this bundle.
    pub(super) fn resolve<'a>(&'a self, reference: &'a str) -> Option<&'a str> {
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

fn push<R: DeserializeOwned>(list: &mut Vec<Entry<R>>, path: String, json: &[u8]) -> Result<(), BundleError> {
    let resource = read(json, &path)?;
    list.push(Entry { path, resource });
    Ok(())
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
}

/// FHIR `Identifier`.
#[derive(Deserialize)]
pub(super) struct Identifier {
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
}

/// FHIR `Coding`.
#[derive(Deserialize)]
pub(super) struct Coding {
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
    pub(super) display: Option<String>,
}

/// FHIR `CodeableConcept`.
#[derive(Deserialize, Default)]
pub(super) struct CodeableConcept {
    #[serde(default)]
    pub(super) coding: Vec<Coding>,
    pub(super) text: Option<String>,
}

/// FHIR `HumanName`.
#[derive(Deserialize)]
pub(super) struct HumanName {
    #[serde(rename = "use")]
    pub(super) used: Option<String>,
    #[serde(default)]
    pub(super) family: String,
    #[serde(default)]
    pub(super) given: Vec<String>,
    #[serde(default)]
    pub(super) prefix: Vec<String>,
}

/// FHIR `Address`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Address {
    pub(super) line: Vec<String>,
    pub(super) city: String,
    pub(super) state: String,
    pub(super) postal_code: String,
    pub(super) country: String,
}

/// FHIR `ContactPoint`.
#[derive(Deserialize)]
pub(super) struct ContactPoint {
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
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
    pub(super) status: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Vec<CodeableConcept>,
    pub(super) subject: Option<Reference>,
    #[serde(default)]
    pub(super) participant: Vec<Participant>,
    pub(super) period: Option<Period>,
    pub(super) service_provider: Option<Reference>,
}

/// FHIR `Encounter.participant`.
#[derive(Deserialize)]
pub(super) struct Participant {
    pub(super) individual: Option<Reference>,
}

/// FHIR `Condition`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    pub(super) subject: Option<Reference>,
    #[serde(default)]
    pub(super) code: CodeableConcept,
    pub(super) onset_date_time: Option<String>,
    pub(super) abatement_date_time: Option<String>,
}

/// FHIR `AllergyIntolerance`.
#[derive(Deserialize)]
pub(super) struct AllergyIntolerance {
    pub(super) patient: Option<Reference>,
    #[serde(default)]
    pub(super) code: CodeableConcept,
    pub(super) criticality: Option<String>,
}

/// FHIR `MedicationRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MedicationRequest {
    pub(super) subject: Option<Reference>,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) medication_codeable_concept: CodeableConcept,
    pub(super) authored_on: Option<String>,
}
