//! Conditions, allergies and medications: what a patient brings.

use chrono::NaiveDate;
use domain::kernel::Concept;
use domain::patient::{Allergy, Condition, Intake, Medication};
use serde_json::Value;

use super::{Notes, Remarks, vocabulary};
use crate::import::fhir::{self, Bundle, CodeableConcept, Entry, Moment, Period, Reference};

/// How many of each the server takes.
const MOST: usize = 1000;

const NAMELESS: &str = "has neither a code nor a text";

/// What names the patient, in the order of the bundle.
pub(super) fn of(bundle: &Bundle, patient: Option<&str>, notes: &mut Notes) -> Intake {
    let own = patient.map(|id| format!("Patient/{id}"));
    let is_own = |reference: &Option<Reference>| own.is_some() && subject(bundle, reference) == own.as_deref();
    let (mut conditions, mut allergies, mut medications) = (Vec::new(), Vec::new(), Vec::new());
    for Entry { path, resource } in bundle.conditions.iter().filter(|one| is_own(&one.resource.subject)) {
        let mut remarks = Remarks::on(notes, "Condition", path);
        conditions.extend(condition(resource, &mut remarks));
    }
    for Entry { path, resource } in bundle.allergies.iter().filter(|one| is_own(&one.resource.patient)) {
        let mut remarks = Remarks::on(notes, "AllergyIntolerance", path);
        allergies.extend(allergy(resource, &mut remarks));
    }
    for Entry { path, resource } in bundle.requests.iter().filter(|one| is_own(&one.resource.subject)) {
        let mut remarks = Remarks::on(notes, "MedicationRequest", path);
        medications.extend(request(bundle, resource, &mut remarks));
    }
    for Entry { path, resource } in bundle.statements.iter().filter(|one| is_own(&one.resource.subject)) {
        let mut remarks = Remarks::on(notes, "MedicationStatement", path);
        medications.extend(statement(bundle, resource, &mut remarks));
    }
    cut(&mut conditions, "Condition", notes);
    cut(&mut allergies, "AllergyIntolerance", notes);
    cut(&mut medications, "MedicationRequest", notes);
    Intake {
        conditions: conditions.into(),
        allergies: allergies.into(),
        medications: medications.into(),
        symptoms: Vec::new(),
    }
}

/// Remarks on what concerns none of the bundle's patients.
pub(super) fn of_nobody(bundle: &Bundle, notes: &mut Notes) {
    let known = |reference: &Option<Reference>| {
        let subject = subject(bundle, reference).and_then(|subject| subject.strip_prefix("Patient/"));
        subject.is_some_and(|id| {
            bundle
                .patients
                .iter()
                .any(|patient| patient.resource.id.as_deref() == Some(id))
        })
    };
    let mut remark = |known: bool, resource, path: &str| {
        if !known {
            notes.left_out(resource, path, "concerns no patient of the bundle");
        }
    };
    for entry in &bundle.conditions {
        remark(known(&entry.resource.subject), "Condition", &entry.path);
    }
    for entry in &bundle.allergies {
        remark(known(&entry.resource.patient), "AllergyIntolerance", &entry.path);
    }
    for entry in &bundle.requests {
        remark(known(&entry.resource.subject), "MedicationRequest", &entry.path);
    }
    for entry in &bundle.statements {
        remark(known(&entry.resource.subject), "MedicationStatement", &entry.path);
    }
}

fn subject<'a>(bundle: &'a Bundle, reference: &'a Option<Reference>) -> Option<&'a str> {
    bundle.resolve(reference.as_ref()?.reference.as_deref()?)
}

fn cut<T>(list: &mut Vec<T>, resource: &'static str, notes: &mut Notes) {
    for _ in MOST..list.len() {
        notes.left_out(resource, "", format!("the patient has more than {MOST} of them"));
    }
    list.truncate(MOST);
}

/// The code of a status, as a text that may be matched.
fn status(concept: &Option<CodeableConcept>) -> &str {
    concept.as_ref().and_then(CodeableConcept::status).unwrap_or_default()
}

/// Whether a statement is withdrawn, or was found not to be so (FHIR R4, `verificationStatus` of both).
fn is_void(verification: &Option<CodeableConcept>, remarks: &mut Remarks<'_>) -> bool {
    match status(verification) {
        "entered-in-error" => remarks.left_out("was entered in error"),
        "refuted" => remarks.left_out("was refuted"),
        _ => return false,
    }
    true
}

fn condition(resource: &fhir::Condition, remarks: &mut Remarks<'_>) -> Option<Condition> {
    if is_void(&resource.verification_status, remarks) {
        return None;
    }
    let concept = named(remarks, Some(&resource.code))?;
    let onset_period = resource
        .onset_period
        .as_ref()
        .and_then(|period| period.start.as_deref());
    let onset = day(remarks, "onset", resource.onset_date_time.as_deref().or(onset_period));
    if said(&[&resource.onset_age, &resource.onset_range, &resource.onset_string]) {
        remarks.changed("onset is an age, a range or a text, and no day is recorded for it");
    }
    let (ended, still) = match status(&resource.clinical_status) {
        "inactive" | "remission" | "resolved" => (true, false),
        "active" | "recurrence" | "relapse" => (false, true),
        _ => (false, false),
    };
    let told = abatement(resource);
    if still && told.is_some() {
        remarks.changed("is active and has an end, and the end is not recorded");
    }
    let unsaid = said(&[
        &resource.abatement_age,
        &resource.abatement_range,
        &resource.abatement_string,
    ]);
    let abated = match told {
        _ if still => None,
        Some(moment) => {
            if moment.day().is_none() {
                remarks.changed("abatement is a year or a month only, and its last day is taken");
            }
            Some(moment.last_day())
        }
        None if ended || unsaid => {
            // Without a day it would pass for active.
            let Some(recorded) = resource.recorded_date.as_deref().and_then(Moment::read) else {
                remarks.left_out("is over, and no day is told by which it was");
                return None;
            };
            remarks.changed("is over and does not tell since when; the day of its recordedDate is taken");
            Some(recorded.last_day())
        }
        None => None,
    };
    Some(Condition { concept, onset, abated })
}

/// When it ended, if a time is told.
fn abatement(resource: &fhir::Condition) -> Option<Moment> {
    let of = |period: &Period| period.end.as_deref().or(period.start.as_deref()).and_then(Moment::read);
    let at = resource.abatement_date_time.as_deref().and_then(Moment::read);
    at.or_else(|| resource.abatement_period.as_ref().and_then(of))
}

fn said(values: &[&Option<Value>]) -> bool {
    values.iter().any(|value| value.is_some())
}

/// What the patient is allergic to now: the record has no place for what has passed.
fn allergy(resource: &fhir::AllergyIntolerance, remarks: &mut Remarks<'_>) -> Option<Allergy> {
    if is_void(&resource.verification_status, remarks) {
        return None;
    }
    if matches!(status(&resource.clinical_status), "inactive" | "resolved") {
        remarks.left_out("is no longer active");
        return None;
    }
    Some(Allergy {
        concept: named(remarks, Some(&resource.code))?,
        high_criticality: resource.criticality.as_deref() == Some("high"),
    })
}

fn request(bundle: &Bundle, resource: &fhir::MedicationRequest, remarks: &mut Remarks<'_>) -> Option<Medication> {
    let left_out = match (resource.status.as_deref(), resource.intent.as_deref()) {
        (Some("entered-in-error"), _) => Some("was entered in error"),
        (Some("draft"), _) => Some("is a draft"),
        (Some("cancelled"), _) => Some("was cancelled before anything was given"),
        (_, Some("proposal" | "plan" | "option")) => Some("is a proposal, a plan or an option, not an order"),
        _ if resource.do_not_perform == Some(true) => Some("forbids a medication"),
        _ => None,
    };
    if let Some(why) = left_out {
        remarks.left_out(why);
        return None;
    }
    let code = resource.medication_codeable_concept.as_ref();
    let reference = resource.medication_reference.as_ref();
    Some(Medication {
        concept: medication(bundle, code, reference, &resource.contained, remarks)?,
        since: day(remarks, "authoredOn", resource.authored_on.as_deref()),
        active: resource.status.as_deref() == Some("active"),
    })
}

fn statement(bundle: &Bundle, resource: &fhir::MedicationStatement, remarks: &mut Remarks<'_>) -> Option<Medication> {
    if resource.status.as_deref() == Some("entered-in-error") {
        remarks.left_out("was entered in error");
        return None;
    }
    let code = resource.medication_codeable_concept.as_ref();
    let reference = resource.medication_reference.as_ref();
    let period = resource.effective_period.as_ref();
    let since = resource
        .effective_date_time
        .as_deref()
        .or_else(|| period.and_then(|period| period.start.as_deref()));
    Some(Medication {
        concept: medication(bundle, code, reference, &resource.contained, remarks)?,
        since: day(remarks, "effective", since),
        active: resource.status.as_deref() == Some("active"),
    })
}

/// The medication: in the resource itself, in one that it contains, or in one of the bundle.
fn medication(
    bundle: &Bundle,
    code: Option<&CodeableConcept>,
    reference: Option<&Reference>,
    contained: &[Value],
    remarks: &mut Remarks<'_>,
) -> Option<Concept> {
    let Some(reference) = reference.and_then(|reference| reference.reference.as_deref()) else {
        return named(remarks, code);
    };
    if let Some(id) = reference.strip_prefix('#') {
        let found = contained
            .iter()
            .find(|one| one.get("id").and_then(Value::as_str) == Some(id));
        let found = found.and_then(|one| serde_json::from_value::<fhir::Medication>(one.clone()).ok());
        return named(remarks, found.as_ref().map(|found| &found.code));
    }
    let id = bundle
        .resolve(reference)
        .and_then(|known| known.strip_prefix("Medication/"));
    let found = bundle
        .medications
        .iter()
        .find(|entry| id.is_some() && entry.resource.id.as_deref() == id);
    if found.is_none() {
        remarks.left_out("names a medication that is not in the bundle");
        return None;
    }
    named(remarks, found.map(|entry| &entry.resource.code))
}

/// What it is, or a remark that nobody says.
fn named(remarks: &mut Remarks<'_>, code: Option<&CodeableConcept>) -> Option<Concept> {
    let concept = code.and_then(|code| vocabulary::concept(remarks, code));
    if concept.is_none() {
        remarks.left_out(NAMELESS);
    }
    concept
}

/// The day, or a remark that it is not certain enough.
fn day(remarks: &mut Remarks<'_>, field: &str, text: Option<&str>) -> Option<NaiveDate> {
    let moment = Moment::read(text?);
    let day = moment.and_then(Moment::day);
    match (moment, day) {
        (None, _) => remarks.changed(format!("{field} is no time of FHIR R4, and no day is recorded for it")),
        (Some(_), None) => remarks.changed(format!(
            "{field} is a year or a month only, and no day is recorded for it"
        )),
        _ => {}
    }
    day
}
