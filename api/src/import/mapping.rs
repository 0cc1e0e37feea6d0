//! From a FHIR R4 bundle to what the clinic is asked to do. Pure: bytes in, a plan out.
//!
//! A patient's conditions, allergies and medications become the intake of the registration. Every encounter becomes a recorded
//! visit, with the practitioner of its first participant that is one, or with the organisation that provided it when it names none.
//! Ids: the first business identifier that has a system and a value, otherwise the resource's own id as a URN (FHIR R4,
//! `Identifier`, system `urn:ietf:rfc:3986`).

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::calendar::{RecordedOutcome, Slot};
use domain::kernel::{Address, CodeSystem, Coding, Concept, Gender, HumanName, Identifier};
use domain::patient::{Allergy, Condition, Intake, Medication, PatientDetails, Registration};
use domain::practitioner::PractitionerDetails;

use super::fhir::{self, Bundle, BundleError, Entry};

/// SNOMED CT 394814009, the speciality of a practitioner whose source names none.
const GENERAL_PRACTICE: (&str, &str) = ("394814009", "General practice");

/// What a bundle asks of the clinic. Practitioners come before visits; a visit names patient and provider by identifier.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The practitioners to register.
    pub practitioners: Vec<PractitionerDetails>,
    /// The patients to register.
    pub patients: Vec<Registration>,
    /// The visits to record.
    pub visits: Vec<Visit>,
}

/// A visit to record.
#[derive(Clone, PartialEq, Debug)]
pub struct Visit {
    /// Where it stands in the bundle.
    pub path: String,
    /// Its own identifier.
    pub identifier: Identifier,
    /// The patient's identifier.
    pub patient: Identifier,
    /// Who provided it.
    pub provider: Provider,
    /// When.
    pub slot: Slot,
    /// How it ended.
    pub outcome: RecordedOutcome,
    /// Why.
    pub reason: Option<Concept>,
}

/// Who provided a visit, by identifier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Provider {
    /// A practitioner.
    Practitioner(Identifier),
    /// An organisation: the encounter names no practitioner.
    Organization(Identifier),
}

/// Maps a bundle.
///
/// # Errors
/// [`BundleError`] names the first place that lacks what is needed. A bundle is taken whole or not at all.
pub fn map(json: &[u8]) -> Result<Plan, BundleError> {
    let bundle = Bundle::parse(json)?;
    Ok(Plan {
        practitioners: each(&bundle.practitioners, |entry| practitioner(&bundle, entry))?,
        patients: each(&bundle.patients, |entry| patient(&bundle, entry))?,
        visits: each(&bundle.encounters, |entry| visit(&bundle, entry))?,
    })
}

fn each<R, T>(entries: &[Entry<R>], map: impl Fn(&Entry<R>) -> Result<T, BundleError>) -> Result<Vec<T>, BundleError> {
    entries.iter().map(map).collect()
}

fn practitioner(bundle: &Bundle, entry: &Entry<fhir::Practitioner>) -> Result<PractitionerDetails, BundleError> {
    let Entry { path, resource } = entry;
    let own = resource.id.as_deref().map(|id| format!("Practitioner/{id}"));
    let roles = bundle.roles.iter().filter(|role| {
        let named = role
            .resource
            .practitioner
            .as_ref()
            .and_then(|reference| reference.reference.as_deref());
        own.is_some() && named.and_then(|reference| bundle.resolve(reference)) == own.as_deref()
    });
    let mut specializations: Vec<Concept> = roles
        .flat_map(|role| &role.resource.specialty)
        .filter_map(concept)
        .collect();
    if specializations.is_empty() {
        specializations = resource
            .qualification
            .iter()
            .filter_map(|one| concept(&one.code))
            .collect();
    }
    if specializations.is_empty() {
        let (code, text) = GENERAL_PRACTICE;
        let coding = Coding {
            system: CodeSystem::Snomed,
            code: code.to_owned(),
        };
        specializations.push(Concept {
            coding: Some(coding),
            text: text.to_owned(),
        });
    }
    Ok(PractitionerDetails {
        name: name(path, &resource.name)?,
        gender: gender(resource.gender.as_deref()),
        specializations,
        credentials: Vec::new(),
        time_zone: Tz::UTC,
        identifier: Some(identifier(path, &resource.identifier, resource.id.as_deref())?),
    })
}

fn patient(bundle: &Bundle, entry: &Entry<fhir::Patient>) -> Result<Registration, BundleError> {
    let Entry { path, resource } = entry;
    let birth_date = resource.birth_date.as_deref().and_then(|text| text.parse().ok());
    let deceased = resource
        .deceased_date_time
        .as_deref()
        .map(|text| instant(&format!("{path}.deceasedDateTime"), text));
    let contact = |system: &str| {
        let found = resource
            .telecom
            .iter()
            .find(|contact| contact.system.as_deref() == Some(system));
        found.and_then(|contact| contact.value.clone())
    };
    let details = PatientDetails {
        name: name(path, &resource.name)?,
        birth_date: birth_date.ok_or_else(|| BundleError::new(format!("{path}.birthDate"), "not a full date"))?,
        gender: gender(resource.gender.as_deref()),
        address: resource.address.first().map(address),
        phone: contact("phone"),
        email: contact("email"),
        deceased: deceased.transpose()?,
        identifier: Some(identifier(path, &resource.identifier, resource.id.as_deref())?),
    };
    Ok(Registration {
        details,
        intake: intake(bundle, resource.id.as_deref()),
    })
}

/// The conditions, allergies and medications that name the patient. What has neither code nor text says nothing and is left out.
fn intake(bundle: &Bundle, patient: Option<&str>) -> Intake {
    let own = patient.map(|id| format!("Patient/{id}"));
    let is_own = |reference: &Option<fhir::Reference>| {
        let named = reference.as_ref().and_then(|reference| reference.reference.as_deref());
        own.is_some() && named.and_then(|reference| bundle.resolve(reference)) == own.as_deref()
    };
    let conditions = bundle
        .conditions
        .iter()
        .map(|entry| &entry.resource)
        .filter(|one| is_own(&one.subject));
    let allergies = bundle
        .allergies
        .iter()
        .map(|entry| &entry.resource)
        .filter(|one| is_own(&one.patient));
    let medications = bundle
        .medications
        .iter()
        .map(|entry| &entry.resource)
        .filter(|one| is_own(&one.subject));
    Intake {
        conditions: conditions
            .filter_map(|one| {
                let (onset, abated) = (
                    day(one.onset_date_time.as_deref()),
                    day(one.abatement_date_time.as_deref()),
                );
                Some(Condition {
                    concept: concept(&one.code)?,
                    onset,
                    abated,
                })
            })
            .collect(),
        allergies: allergies
            .filter_map(|one| {
                let high_criticality = one.criticality.as_deref() == Some("high");
                Some(Allergy {
                    concept: concept(&one.code)?,
                    high_criticality,
                })
            })
            .collect(),
        medications: medications
            .filter_map(|one| {
                let active = one.status.as_deref() == Some("active");
                let since = day(one.authored_on.as_deref());
                Some(Medication {
                    concept: concept(&one.medication_codeable_concept)?,
                    since,
                    active,
                })
            })
            .collect(),
        symptoms: Vec::new(),
    }
}

fn visit(bundle: &Bundle, entry: &Entry<fhir::Encounter>) -> Result<Visit, BundleError> {
    let Entry { path, resource } = entry;
    let subject = resource
        .subject
        .as_ref()
        .and_then(|subject| subject.reference.as_deref());
    let subject = subject.and_then(|reference| bundle.resolve(reference));
    let subject = subject.and_then(|reference| reference.strip_prefix("Patient/"));
    let patient =
        subject.ok_or_else(|| BundleError::new(format!("{path}.subject"), "does not name a known patient"))?;
    Ok(Visit {
        path: path.clone(),
        identifier: identifier(path, &resource.identifier, resource.id.as_deref())?,
        patient: referenced(&bundle.patients, patient, |known| {
            (known.id.as_deref(), &known.identifier)
        }),
        provider: provider(bundle, path, resource)?,
        slot: slot(path, resource.period.as_ref())?,
        outcome: match resource.status.as_str() {
            "finished" => RecordedOutcome::Completed,
            "cancelled" | "entered-in-error" => RecordedOutcome::Cancelled,
            _ => RecordedOutcome::Open,
        },
        reason: resource.kind.first().and_then(concept),
    })
}

fn provider(bundle: &Bundle, path: &str, encounter: &fhir::Encounter) -> Result<Provider, BundleError> {
    let participants = encounter
        .participant
        .iter()
        .filter_map(|one| one.individual.as_ref()?.reference.as_deref());
    let mut unresolved = false;
    for reference in participants {
        match bundle.resolve(reference) {
            Some(known) => {
                if let Some(id) = known.strip_prefix("Practitioner/") {
                    return Ok(Provider::Practitioner(referenced(&bundle.practitioners, id, |known| {
                        (known.id.as_deref(), &known.identifier)
                    })));
                }
            }
            None => unresolved = true,
        }
    }
    if unresolved {
        return Err(BundleError::new(
            format!("{path}.participant"),
            "names somebody who is not in the bundle",
        ));
    }
    let organization = encounter
        .service_provider
        .as_ref()
        .and_then(|provider| provider.reference.as_deref());
    let organization = organization.and_then(|reference| bundle.resolve(reference));
    let organization = organization.and_then(|reference| reference.strip_prefix("Organization/"));
    let missing = || {
        BundleError::new(
            path,
            "names neither a practitioner nor an organisation that provided it",
        )
    };
    Ok(Provider::Organization(referenced(
        &bundle.organizations,
        organization.ok_or_else(missing)?,
        |known| (known.id.as_deref(), &known.identifier),
    )))
}

/// The identifier of a resource that is referred to: as the resource itself says, or its URN when it is in another bundle.
fn referenced<R>(
    known: &[Entry<R>],
    id: &str,
    of: impl Fn(&R) -> (Option<&str>, &Vec<fhir::Identifier>),
) -> Identifier {
    let found = known
        .iter()
        .map(|entry| of(&entry.resource))
        .find(|(own, _)| *own == Some(id));
    found
        .and_then(|(_, identifiers)| business_identifier(identifiers))
        .unwrap_or_else(|| urn(id))
}

fn identifier(path: &str, identifiers: &[fhir::Identifier], id: Option<&str>) -> Result<Identifier, BundleError> {
    let own = business_identifier(identifiers).or_else(|| id.map(urn));
    own.ok_or_else(|| BundleError::new(path, "has neither an id nor an identifier"))
}

fn business_identifier(identifiers: &[fhir::Identifier]) -> Option<Identifier> {
    identifiers.iter().find_map(|one| {
        Some(Identifier {
            system: one.system.clone()?,
            value: one.value.clone()?,
        })
    })
}

fn urn(id: &str) -> Identifier {
    Identifier {
        system: "urn:ietf:rfc:3986".to_owned(),
        value: format!("urn:uuid:{id}"),
    }
}

fn slot(path: &str, period: Option<&fhir::Period>) -> Result<Slot, BundleError> {
    let place = |field: &str| format!("{path}.period.{field}");
    let start = period.and_then(|period| period.start.as_deref());
    let start = instant(
        &place("start"),
        start.ok_or_else(|| BundleError::new(place("start"), "missing"))?,
    )?;
    let end = period
        .and_then(|period| period.end.as_deref())
        .map(|end| instant(&place("end"), end))
        .transpose()?;
    let seconds = end.map_or(0, |end| (end - start).num_seconds());
    if seconds < 0 {
        return Err(BundleError::new(place("end"), "is before the start"));
    }
    // A visit lasts at least a minute, and a part of a minute counts as one.
    let minutes = u32::try_from(seconds.saturating_add(59) / 60)
        .unwrap_or(u32::MAX)
        .max(1);
    Ok(Slot { start, minutes })
}

fn instant(path: &str, text: &str) -> Result<DateTime<Utc>, BundleError> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed
        .map(|at| at.with_timezone(&Utc))
        .map_err(|_| BundleError::new(path, "not an instant with a time zone"))
}

/// The day of a FHIR `dateTime`, which may be a year or a month only: then the day is not known.
fn day(text: Option<&str>) -> Option<NaiveDate> {
    text?.get(..10)?.parse().ok()
}

fn name(path: &str, names: &[fhir::HumanName]) -> Result<HumanName, BundleError> {
    let official = names
        .iter()
        .find(|name| name.used.as_deref() == Some("official"))
        .or_else(|| names.first());
    let name = official.ok_or_else(|| BundleError::new(format!("{path}.name"), "missing"))?;
    Ok(HumanName {
        family: name.family.clone(),
        given: name.given.clone(),
        prefix: name.prefix.clone(),
    })
}

fn gender(code: Option<&str>) -> Gender {
    match code {
        Some("male") => Gender::Male,
        Some("female") => Gender::Female,
        Some("other") => Gender::Other,
        _ => Gender::Unknown,
    }
}

fn address(address: &fhir::Address) -> Address {
    Address {
        lines: address.line.clone(),
        city: address.city.clone(),
        state: address.state.clone(),
        postal_code: address.postal_code.clone(),
        country: address.country.clone(),
    }
}

/// `None` when there is neither a code nor a text.
fn concept(concept: &fhir::CodeableConcept) -> Option<Concept> {
    let coding = concept.coding.iter().find_map(|coding| {
        let system = CodeSystem::from_uri(coding.system.as_deref()?);
        Some((
            Coding {
                system,
                code: coding.code.clone()?,
            },
            coding.display.clone(),
        ))
    });
    let (coding, display) = coding.map_or((None, None), |(coding, display)| (Some(coding), display));
    let text = concept.text.clone().or(display).unwrap_or_default();
    (coding.is_some() || !text.is_empty()).then_some(Concept { coding, text })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn bundle(resources: &[Value]) -> Vec<u8> {
        let entries = resources.iter().map(|resource| {
            let id = resource["id"].as_str().unwrap_or("none");
            json!({ "fullUrl": format!("urn:uuid:{id}"), "resource": resource })
        });
        let entries: Vec<Value> = entries.collect();
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
            .to_string()
            .into_bytes()
    }

    fn a_patient() -> Value {
        json!({
            "resourceType": "Patient", "id": "p1", "birthDate": "1980-02-29", "gender": "female",
            "name": [{ "use": "maiden", "family": "Former" }, { "use": "official", "family": "Name", "given": ["A"] }],
            "telecom": [{ "system": "phone", "value": "555-0100" }],
        })
    }

    fn a_doctor() -> Value {
        json!({
            "resourceType": "Practitioner", "id": "d1", "name": [{ "family": "Doctor" }],
            "identifier": [{ "value": "no system" }, { "system": "urn:npi", "value": "160" }],
        })
    }

    fn an_encounter() -> Value {
        json!({
            "resourceType": "Encounter", "id": "e1", "status": "finished",
            "type": [{ "coding": [{ "system": "http://snomed.info/sct", "code": "185349003", "display": "Check up" }] }],
            "subject": { "reference": "urn:uuid:p1" },
            "participant": [{ "individual": { "reference": "urn:uuid:d1" } }],
            "period": { "start": "2020-01-02T03:04:05+01:00", "end": "2020-01-02T03:19:06+01:00" },
        })
    }

    #[test]
    fn an_encounter_becomes_a_visit_with_its_doctor_and_patient() {
        let plan = map(&bundle(&[a_patient(), a_doctor(), an_encounter()])).unwrap();
        let visit = &plan.visits[0];
        assert_eq!(visit.patient, urn("p1"));
        let doctor = Identifier {
            system: "urn:npi".to_owned(),
            value: "160".to_owned(),
        };
        assert_eq!(visit.provider, Provider::Practitioner(doctor));
        assert_eq!(visit.slot.start.to_rfc3339(), "2020-01-02T02:04:05+00:00");
        assert_eq!(visit.slot.minutes, 16, "a part of a minute counts as one");
        assert_eq!(visit.outcome, RecordedOutcome::Completed);
        assert_eq!(visit.reason.as_ref().unwrap().text, "Check up");
    }

    #[test]
    fn an_encounter_without_a_doctor_belongs_to_the_organisation_that_provided_it() {
        let mut encounter = an_encounter();
        encounter["participant"] = json!([]);
        encounter["serviceProvider"] = json!({ "reference": "Organization/o1" });
        let plan = map(&bundle(&[a_patient(), encounter])).unwrap();
        assert_eq!(plan.visits[0].provider, Provider::Organization(urn("o1")));
    }

    #[test]
    fn an_encounter_that_names_nobody_fails_by_its_place() {
        let mut encounter = an_encounter();
        encounter["participant"] = json!([]);
        let error = map(&bundle(&[a_patient(), encounter])).unwrap_err();
        assert_eq!(error.path, "entry[1].resource");
    }

    #[test]
    fn a_reference_to_somebody_who_is_not_in_the_bundle_fails_by_its_place() {
        let error = map(&bundle(&[a_patient(), an_encounter()])).unwrap_err();
        assert_eq!(error.path, "entry[1].resource.participant");
    }

    #[test]
    fn status_tells_how_a_visit_ended() {
        for (status, outcome) in [
            ("finished", RecordedOutcome::Completed),
            ("cancelled", RecordedOutcome::Cancelled),
            ("entered-in-error", RecordedOutcome::Cancelled),
            ("planned", RecordedOutcome::Open),
        ] {
            let mut encounter = an_encounter();
            encounter["status"] = json!(status);
            let plan = map(&bundle(&[a_patient(), a_doctor(), encounter])).unwrap();
            assert_eq!(plan.visits[0].outcome, outcome, "{status}");
        }
    }

    #[test]
    fn conditions_allergies_and_medications_become_the_intake() {
        let subject = json!({ "reference": "urn:uuid:p1" });
        let code = json!({ "text": "thing" });
        let plan = map(&bundle(&[
            a_patient(),
            json!({ "resourceType": "Condition", "id": "c", "subject": subject, "code": code,
                    "onsetDateTime": "2001-02-03T00:00:00Z", "abatementDateTime": "2002" }),
            json!({ "resourceType": "AllergyIntolerance", "id": "a", "patient": subject, "code": code,
                    "criticality": "high" }),
            json!({ "resourceType": "MedicationRequest", "id": "m", "subject": subject, "status": "active",
                    "medicationCodeableConcept": code, "authoredOn": "2003-04-05T00:00:00Z" }),
            json!({ "resourceType": "Condition", "id": "x", "subject": { "reference": "Patient/other" }, "code": code }),
        ]))
        .unwrap();
        let intake = &plan.patients[0].intake;
        assert_eq!(intake.conditions.len(), 1, "only the patient's own");
        assert_eq!(intake.conditions[0].onset, NaiveDate::from_ymd_opt(2001, 2, 3));
        assert_eq!(intake.conditions[0].abated, None, "a year alone is not a day");
        assert!(intake.allergies[0].high_criticality);
        assert!(intake.medications[0].active);
        assert_eq!(plan.patients[0].details.name.family, "Name", "the official name");
    }

    #[test]
    fn a_doctor_without_a_speciality_is_a_general_practitioner() {
        let plan = map(&bundle(&[a_doctor()])).unwrap();
        assert_eq!(plan.practitioners[0].specializations[0].text, "General practice");
        let role = json!({ "resourceType": "PractitionerRole", "id": "r",
            "practitioner": { "reference": "Practitioner/d1" }, "specialty": [{ "text": "Cardiology" }] });
        let plan = map(&bundle(&[a_doctor(), role])).unwrap();
        assert_eq!(plan.practitioners[0].specializations[0].text, "Cardiology");
    }

    #[test]
    fn what_is_wrong_is_said_by_place_and_never_quoted() {
        let mut patient = a_patient();
        patient["birthDate"] = json!("SECRET");
        let error = map(&bundle(&[patient])).unwrap_err();
        assert_eq!(error.to_string(), "entry[0].resource.birthDate: not a full date");
        let mut patient = a_patient();
        patient["name"] = json!("SECRET");
        let error = map(&bundle(&[patient])).unwrap_err().to_string();
        assert!(error.starts_with("entry[0].resource.name: "), "{error}");
        assert!(!error.contains("SECRET"));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for json in [
            "",
            "[]",
            "{}",
            "{\"resourceType\":\"Patient\"}",
            "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":1}]}",
        ] {
            assert!(map(json.as_bytes()).is_err(), "{json}");
        }
    }

    /// JSON of any shape, with the words that mean something here.
    fn any_json() -> impl Strategy<Value = Value> {
        let word = prop::sample::select(vec![
            "resourceType",
            "Bundle",
            "Patient",
            "Encounter",
            "Practitioner",
            "entry",
            "resource",
            "fullUrl",
            "id",
            "subject",
            "reference",
            "urn:uuid:p1",
            "Patient/p1",
            "period",
            "start",
            "2020-01-02T03:04:05Z",
            "name",
            "type",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            word.clone().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((word.clone(), inner), 0..6)
                    .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_the_mapping_panic(resources in prop::collection::vec(any_json(), 0..4)) {
            let _ = map(&bundle(&resources));
        }

        #[test]
        fn no_bytes_make_the_mapping_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = map(&bytes);
        }
    }
}
