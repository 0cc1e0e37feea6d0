//! Patients and practitioners.

use domain::kernel::{CodeSystem, Coding, Concept};
use domain::patient::{Deceased, PatientDetails, Registration};
use domain::practitioner::PractitionerDetails;

use super::{Context, Notes, Remarks, identifier, intake, vocabulary};
use crate::import::fhir::{self, Bundle, BundleError, Entry, Moment};

/// SNOMED CT 394814009, the speciality of a practitioner whose source names none.
const GENERAL_PRACTICE: (&str, &str) = ("394814009", "General practice");

/// How many specialities the server takes.
const MOST_SPECIALITIES: usize = 50;

/// `None`, with a remark, when nothing names the practitioner.
pub(super) fn practitioner(
    bundle: &Bundle,
    entry: &Entry<fhir::Practitioner>,
    context: &Context,
    notes: &mut Notes,
) -> Option<PractitionerDetails> {
    let Entry { path, resource } = entry;
    let mut remarks = Remarks::on(notes, "Practitioner", path);
    let identifier = match identifier(path, &resource.identifier, resource.id.as_deref()) {
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
    let mut specializations: Vec<Concept> = roles
        .flat_map(|role| &role.resource.specialty)
        .filter_map(|one| vocabulary::concept(&mut remarks, one))
        .collect();
    if specializations.is_empty() {
        specializations = resource
            .qualification
            .iter()
            .filter_map(|one| vocabulary::concept(&mut remarks, &one.code))
            .collect();
    }
    if specializations.len() > MOST_SPECIALITIES {
        remarks.changed(format!(
            "has more than {MOST_SPECIALITIES} specialities, and the rest is left out"
        ));
        specializations.truncate(MOST_SPECIALITIES);
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
    Some(PractitionerDetails {
        name: vocabulary::name(&mut remarks, &resource.name),
        gender: vocabulary::gender(&mut remarks, resource.gender.as_deref()),
        specializations,
        credentials: Vec::new(),
        time_zone: context.time_zone,
        identifier: Some(identifier),
    })
}

/// A patient with what they bring.
///
/// # Errors
/// When nothing names the patient, or the date of birth, which a record has to have, is not told.
pub(super) fn patient(
    bundle: &Bundle,
    entry: &Entry<fhir::Patient>,
    context: &Context,
    notes: &mut Notes,
) -> Result<Registration, BundleError> {
    let Entry { path, resource } = entry;
    let place = || format!("{path}.birthDate");
    let birth_date = resource
        .birth_date
        .as_deref()
        .ok_or_else(|| BundleError::new(place(), "missing, and a record has to have one"))?;
    let birth_date = Moment::read(birth_date).ok_or_else(|| BundleError::new(place(), "not a date of FHIR R4"))?;
    let identifier = identifier(path, &resource.identifier, resource.id.as_deref())?;

    let mut remarks = Remarks::on(notes, "Patient", path);
    if birth_date.day().is_none() {
        remarks.changed("birthDate is a year or a month only, and its first day is taken");
    }
    let deceased = resource.deceased_date_time.as_deref().and_then(|text| {
        let moment = Moment::read(text);
        match moment {
            None => remarks.changed("deceasedDateTime is no time of FHIR R4, and the death is not recorded"),
            Some(Moment::Instant(_)) => {}
            Some(_) => remarks.changed("deceasedDateTime has no hour, and its first moment is taken"),
        }
        moment?.start(context.time_zone).map(Deceased::At)
    });
    if resource.deceased_boolean == Some(true) {
        remarks.changed("deceasedBoolean does not tell when, and the death is not recorded");
    }
    let contact = |system: &str| {
        let found = resource
            .telecom
            .iter()
            .filter(|contact| contact.system.as_deref() == Some(system));
        found.filter_map(|contact| contact.value.as_deref()).next()
    };
    let phone = vocabulary::line(&mut remarks, "telecom", contact("phone"), 50);
    let email = contact("email").filter(|email| {
        let taken = is_email(email);
        if !taken {
            remarks.changed("telecom has an e-mail address that is none, and it is left out");
        }
        taken
    });
    let details = PatientDetails {
        name: vocabulary::name(&mut remarks, &resource.name),
        birth_date: birth_date.first_day(),
        gender: vocabulary::gender(&mut remarks, resource.gender.as_deref()),
        address: resource
            .address
            .first()
            .and_then(|address| vocabulary::address(&mut remarks, address)),
        phone,
        email: email.map(str::to_owned),
        deceased,
        identifier: Some(identifier),
    };
    let intake = intake::of(bundle, resource.id.as_deref(), notes);
    Ok(Registration { details, intake })
}

/// Whether the server takes it for an e-mail address.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.chars().count() <= 254
        && !text.contains(char::is_control)
        && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}
