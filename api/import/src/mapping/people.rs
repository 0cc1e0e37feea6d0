//! Patients and practitioners.

use chrono::Datelike;
use domain::kernel::{Concept, TextRule};
use domain::patient::{Deceased, Detail, DetailDates, PatientDetails, PatientError};
use domain::practitioner::PractitionerDetails;

use super::current::{best_first, is_over, remark_on_others};
use super::{Context, Notes, Remarks, identifier, vocabulary};
use crate::fhir::{self, Bundle, BundleError, ContactPoint, Entry, Life, Moment};
use crate::identity::naming;

/// How many specializations the server takes.
const MOST_SPECIALIZATIONS: usize = 50;

/// Which use of a telephone number or e-mail address counts more, when no rank decides.
const CONTACTS: [&str; 4] = ["home", "mobile", "", "work"];

/// The practitioners of a bundle.
pub(super) fn practitioners(bundle: &Bundle, context: &Context, notes: &mut Notes) -> Vec<PractitionerDetails> {
    let practitioner = |entry| practitioner(bundle, entry, context, notes);
    bundle.practitioners.iter().filter_map(practitioner).collect()
}

/// `None`, with a remark, when nothing names the practitioner.
fn practitioner(
    bundle: &Bundle,
    entry: &Entry<fhir::Practitioner>,
    context: &Context,
    notes: &mut Notes,
) -> Option<PractitionerDetails> {
    let Entry { path, resource, .. } = entry;
    let mut remarks = Remarks::on(notes, "Practitioner", path);
    let identifier = match identifier(path, &resource.identifier, resource.id.as_deref(), context) {
        Ok(identifier) => identifier,
        Err(error) => {
            remarks.left_out(error.what);
            return None;
        }
    };
    let own = resource.id.as_deref().map(|id| format!("Practitioner/{id}"));
    let roles = bundle.roles.iter().filter(|role| {
        let named = role
            .resource
            .practitioner
            .as_ref()
            .and_then(|reference| reference.reference.as_deref());
        own.is_some() && named.and_then(|reference| bundle.resolve(reference)) == own.as_deref()
    });
    let specializations = roles
        .flat_map(|role| &role.resource.specialty)
        .filter_map(|one| vocabulary::concept(&mut remarks, one))
        .collect();
    Some(PractitionerDetails {
        identifier: Some(identifier),
        ..details(resource, specializations, context, &mut remarks)
    })
}

/// Who a practitioner is, with the specializations of their roles, or else with their qualifications. There may be none.
fn details(
    resource: &fhir::Practitioner,
    mut specializations: Vec<Concept>,
    context: &Context,
    remarks: &mut Remarks<'_>,
) -> PractitionerDetails {
    if specializations.is_empty() {
        specializations = qualifications(resource, remarks);
    }
    for _ in MOST_SPECIALIZATIONS..specializations.len() {
        remarks.left_out(format!("a specialization is one of more than {MOST_SPECIALIZATIONS}"));
    }
    specializations.truncate(MOST_SPECIALIZATIONS);
    PractitionerDetails {
        name: vocabulary::name(remarks, &resource.name, context),
        gender: vocabulary::gender(remarks, resource.gender.as_deref()),
        specializations,
        credentials: Vec::new(),
        time_zone: context.time_zone,
        identifier: None,
        other_identifiers: Vec::new(),
        as_of: None,
    }
}

/// What a practitioner is qualified in.
fn qualifications(resource: &fhir::Practitioner, remarks: &mut Remarks<'_>) -> Vec<Concept> {
    let qualifications = resource.qualification.iter();
    qualifications
        .filter_map(|one| vocabulary::concept(remarks, &one.code))
        .collect()
}

/// The specializations that a practitioner has by qualification, as many as a record takes.
pub(super) fn specializations(resource: &fhir::Practitioner, remarks: &mut Remarks<'_>) -> Vec<Concept> {
    let mut all = qualifications(resource, remarks);
    all.truncate(MOST_SPECIALIZATIONS);
    all
}

/// A patient.
///
/// # Errors
/// When nothing names the patient, when the date of birth, which a record has to have, is not told, or when birth and death
/// contradict each other.
pub(super) fn patient(
    entry: &Entry<fhir::Patient>,
    context: &Context,
    notes: &mut Notes,
) -> Result<PatientDetails, BundleError> {
    let Entry { path, resource, .. } = entry;
    let place = || format!("{path}.birthDate");
    let birth_date = resource
        .birth_date
        .as_deref()
        .ok_or_else(|| BundleError::new(place(), "missing, and a record has to have one"))?;
    let birth_date = Moment::read(birth_date)
        .ok_or_else(|| BundleError::new(place(), "not a date of FHIR R4 in the years 1800 to 2099"))?;
    let identifier = identifier(path, &resource.identifier, resource.id.as_deref(), context)?;

    let mut remarks = Remarks::on(notes, "Patient", path);
    if birth_date.day().is_none() {
        remarks.changed("birthDate is a year or a month only, and its first day is taken");
    }
    let details = PatientDetails {
        name: vocabulary::name(&mut remarks, &resource.name, context),
        birth_date: birth_date.first_day(),
        gender: vocabulary::gender(&mut remarks, resource.gender.as_deref()),
        address: vocabulary::address(&mut remarks, &resource.address, context),
        phone: contact(&mut remarks, &resource.telecom, "phone", TextRule::PHONE, context),
        email: contact(&mut remarks, &resource.telecom, "email", TextRule::EMAIL, context),
        deceased: deceased(resource, context, &mut remarks),
        identifier: Some(identifier),
        // Who else they are, and as of when this is, are told by the whole run.
        other_identifiers: Vec::new(),
        as_of: None,
        detail_dates: DetailDates::default(),
    };
    remark_on_other_contacts(&mut remarks, &resource.telecom);
    remark_on_identifiers(&mut remarks, &resource.told);
    details.check(context.now).map_err(|error| {
        let field = match error {
            PatientError::DiedBeforeBirth => "deceasedDateTime",
            _ => "birthDate",
        };
        BundleError::new(format!("{path}.{field}"), error.to_string())
    })?;
    Ok(details)
}

/// The best current telephone number or e-mail address that the server takes.
fn contact(
    remarks: &mut Remarks<'_>,
    telecom: &[ContactPoint],
    system: &str,
    rule: TextRule,
    context: &Context,
) -> Option<String> {
    let of_system = || {
        telecom
            .iter()
            .filter(|one| one.system.as_deref() == Some(system) && one.value.is_some())
    };
    let field = format!("telecom ({system})");
    let mut current = best_first(of_system(), &CONTACTS, context).into_iter();
    let former = of_system().count().saturating_sub(current.len());
    let taken = current
        .by_ref()
        .find_map(|one| vocabulary::fitted(remarks, &field, one.value.as_deref(), rule));
    remark_on_others(remarks, &field, former, current.len().saturating_add(1));
    taken
}

/// What a state calls out of use: telephone numbers, e-mail addresses and addresses, each as a detail.
pub(crate) fn details_over(resource: &fhir::Patient, context: &Context) -> Vec<(Detail, PatientDetails)> {
    let mut notes = Notes::default();
    // What is not taken of them is said where they are mapped.
    let mut remarks = Remarks::on(&mut notes, "", "");
    let mut over = Vec::new();
    for one in resource.telecom.iter().filter(|one| is_over(*one, context)) {
        let mut was = PatientDetails::default();
        let value = one.value.as_deref();
        match one.system.as_deref() {
            Some("phone") => {
                was.phone = vocabulary::fitted(&mut remarks, "", value, TextRule::PHONE);
                over.push((Detail::Phone, was));
            }
            Some("email") => {
                was.email = vocabulary::fitted(&mut remarks, "", value, TextRule::EMAIL);
                over.push((Detail::Email, was));
            }
            _ => {}
        }
    }
    for one in resource.address.iter().filter(|one| is_over(*one, context)) {
        let address = vocabulary::one_address(&mut remarks, one);
        over.push((
            Detail::Address,
            PatientDetails {
                address,
                ..PatientDetails::default()
            },
        ));
    }
    over
}

/// Remarks on fax numbers, pagers and addresses in the web.
fn remark_on_other_contacts(remarks: &mut Remarks<'_>, telecom: &[ContactPoint]) {
    let has_place = |one: &&ContactPoint| matches!(one.system.as_deref(), Some("phone" | "email"));
    for _ in telecom.iter().filter(|one| !has_place(one)) {
        remarks.no_place("telecom is neither a telephone number nor an e-mail address");
    }
}

/// Remarks on the identifiers by which the patient is not known here. One that merely says that there is no number is none.
fn remark_on_identifiers(remarks: &mut Remarks<'_>, told: &[fhir::Identifier]) {
    let is_blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    for identifier in told {
        match naming::taken(identifier) {
            _ if is_blank(&identifier.value) => {}
            _ if is_blank(&identifier.system) => {
                remarks.no_place("an identifier has no system, so that nobody knows whose number it is");
            }
            None => remarks.left_out("an identifier is longer than a record takes, or has nothing that can be shown"),
            Some(taken) if naming::stands_for_none(&taken.value) => {
                remarks.passed_over("an identifier says that there is no number, and is none");
            }
            Some(_) if naming::is_of_others_too(identifier) => {
                remarks.no_place("an identifier is of a type that is not one person's alone: an account's, a family's");
            }
            Some(_) => {}
        }
    }
}

/// The death, as exactly as it is told. One that is still to come is none: some write the end of time for the living.
fn deceased(resource: &fhir::Patient, context: &Context, remarks: &mut Remarks<'_>) -> Option<Deceased> {
    let text = match resource.life() {
        Life::Untold | Life::Alive => return None,
        Life::Dead(None) => return Some(Deceased::Unknown),
        Life::Dead(Some(when)) => when,
        Life::Contradicted => {
            let why = "tells that they live, and when they died: which is so cannot be told, and neither is recorded";
            remarks.left_out(why);
            return None;
        }
    };
    let year = text.get(..4).and_then(|year| year.parse().ok());
    if year.is_some_and(|year: i32| year > context.now.year().saturating_add(1)) {
        remarks.left_out("deceasedDateTime lies in the future, and no death is recorded");
        return None;
    }
    let Some(moment) = Moment::read(text) else {
        remarks.left_out("deceasedDateTime is no time that there is; the death is recorded without a day");
        return Some(Deceased::Unknown);
    };
    if let Some(why) = moment.supposed(context.time_zone) {
        remarks.changed(format!("deceasedDateTime {why}"));
    }
    let between = || Deceased::Between {
        first: moment.first_day(),
        last: moment.last_day(),
    };
    let deceased = match moment {
        Moment::Year(_) | Moment::Month(_) => between(),
        Moment::Day(day) => Deceased::On(day),
        Moment::Instant(_) | Moment::Local(_) => moment
            .start(context.time_zone)
            .map_or(Deceased::On(moment.first_day()), Deceased::At),
    };
    let living = PatientDetails {
        deceased: Some(deceased),
        ..PatientDetails::default()
    };
    if living.check(context.now) == Err(PatientError::DiedInTheFuture) {
        remarks.left_out("deceasedDateTime lies in the future, and no death is recorded");
        return None;
    }
    Some(deceased)
}
