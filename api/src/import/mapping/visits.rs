//! Encounters: visits of the past.

use chrono::{DateTime, TimeDelta, Utc};
use domain::calendar::{RecordedOutcome, Slot};

use super::{Context, Notes, Provider, Remarks, Visit, identifier, referenced, vocabulary};
use crate::import::fhir::{self, Bundle, Entry, Moment};

/// A visit, or a remark on why it is none.
pub(super) fn visit(
    bundle: &Bundle,
    entry: &Entry<fhir::Encounter>,
    context: &Context,
    notes: &mut Notes,
) -> Option<Visit> {
    let Entry { path, resource } = entry;
    let mut remarks = Remarks::on(notes, "Encounter", path);
    match mapped(bundle, path, resource, context, &mut remarks) {
        Ok(visit) => Some(visit),
        Err(why) => {
            remarks.left_out(why);
            None
        }
    }
}

fn mapped(
    bundle: &Bundle,
    path: &str,
    resource: &fhir::Encounter,
    context: &Context,
    remarks: &mut Remarks<'_>,
) -> Result<Visit, &'static str> {
    // FHIR R4, `EncounterStatus`. What has begun and not ended, and what nobody knows the end of, is left open.
    let outcome = match resource.status.as_deref() {
        Some("entered-in-error") => return Err("was entered in error"),
        Some("finished") => RecordedOutcome::Completed,
        Some("cancelled") => RecordedOutcome::Cancelled,
        Some("planned" | "arrived" | "triaged" | "in-progress" | "onleave" | "unknown") => RecordedOutcome::Open,
        Some(_) => return Err("has a status that FHIR R4 does not know"),
        None => return Err("has no status"),
    };
    let subject = resource
        .subject
        .as_ref()
        .and_then(|subject| subject.reference.as_deref());
    let subject = subject.and_then(|reference| bundle.resolve(reference));
    let patient = subject
        .and_then(|reference| reference.strip_prefix("Patient/"))
        .ok_or("names no patient")?;
    let of = |known: &fhir::Patient| {
        (
            known.id.clone(),
            identifier(path, &known.identifier, known.id.as_deref()).ok(),
        )
    };
    let patient = referenced(&bundle.patients, patient, of);
    let provider = provider(bundle, path, resource)?;
    let slot = slot(resource, context, remarks)?;
    Ok(Visit {
        path: path.to_owned(),
        identifier: identifier(path, &resource.identifier, resource.id.as_deref())
            .map_err(|_| "has neither an id nor an identifier")?,
        patient,
        provider,
        slot,
        outcome,
        reason: resource.kind.iter().find_map(|kind| vocabulary::concept(remarks, kind)),
    })
}

fn provider(bundle: &Bundle, path: &str, encounter: &fhir::Encounter) -> Result<Provider, &'static str> {
    let participants = encounter
        .participant
        .iter()
        .filter_map(|one| one.individual.as_ref()?.reference.as_deref());
    let mut unresolved = false;
    for reference in participants {
        let Some(mut known) = bundle.resolve(reference) else {
            unresolved = true;
            continue;
        };
        if let Some(role) = known.strip_prefix("PractitionerRole/") {
            let role = bundle
                .roles
                .iter()
                .find(|entry| entry.resource.id.as_deref() == Some(role));
            let behind = role.and_then(|role| role.resource.practitioner.as_ref()?.reference.as_deref());
            match behind.and_then(|reference| bundle.resolve(reference)) {
                Some(practitioner) => known = practitioner,
                None => unresolved = true,
            }
        }
        if let Some(id) = known.strip_prefix("Practitioner/") {
            let of = |one: &fhir::Practitioner| {
                (
                    one.id.clone(),
                    identifier(path, &one.identifier, one.id.as_deref()).ok(),
                )
            };
            return Ok(Provider::Practitioner(referenced(&bundle.practitioners, id, of)));
        }
    }
    if unresolved {
        return Err("has a participant who is not in the bundle");
    }
    let organization = encounter
        .service_provider
        .as_ref()
        .and_then(|provider| provider.reference.as_deref());
    let organization = organization.and_then(|reference| bundle.resolve(reference));
    let organization = organization.and_then(|reference| reference.strip_prefix("Organization/"));
    let organization = organization.ok_or("names neither a practitioner nor an organisation that provided it")?;
    let of = |one: &fhir::Organization| {
        (
            one.id.clone(),
            identifier(path, &one.identifier, one.id.as_deref()).ok(),
        )
    };
    Ok(Provider::Organization(referenced(
        &bundle.organizations,
        organization,
        of,
    )))
}

fn slot(encounter: &fhir::Encounter, context: &Context, remarks: &mut Remarks<'_>) -> Result<Slot, &'static str> {
    let period = encounter.period.as_ref();
    let start = period
        .and_then(|period| period.start.as_deref())
        .ok_or("has no period.start: when it was is not told")?;
    let moment = Moment::read(start).ok_or("has a period.start that is no time of FHIR R4")?;
    if moment.day().is_none() {
        return Err("has a period.start that is a year or a month only");
    }
    let start = moment
        .start(context.time_zone)
        .ok_or("has a period.start that no calendar has")?;
    if start > context.now {
        return Err("has not begun: what is to come is booked, not recorded");
    }
    if !matches!(moment, Moment::Instant(_)) {
        remarks.changed("period.start has no hour, and the visit is recorded at the beginning of its day");
    }
    let end = period.and_then(|period| period.end.as_deref());
    let end = match end.map(|end| Moment::read(end).and_then(|end| end.end(context.time_zone))) {
        Some(Some(end)) if end >= start => Some(end),
        Some(Some(_)) => return Err("ends before it begins"),
        Some(None) => {
            remarks.changed("period.end is no time of FHIR R4, and the visit is recorded without its length");
            None
        }
        None => None,
    };
    let end = end.or_else(|| length(encounter).and_then(|length| start.checked_add_signed(length)));
    if end.is_none() {
        remarks.changed("has no period.end, and is recorded with a length of one minute");
    }
    Ok(Slot {
        start,
        minutes: minutes(start, end.unwrap_or(start)),
    })
}

/// A visit lasts at least a minute, and a part of a minute counts as one.
fn minutes(start: DateTime<Utc>, end: DateTime<Utc>) -> u32 {
    let seconds = (end - start).num_seconds();
    u32::try_from(seconds.saturating_add(59) / 60)
        .unwrap_or(u32::MAX)
        .max(1)
}

/// `Encounter.length`, in the units of time that UCUM has.
fn length(encounter: &fhir::Encounter) -> Option<TimeDelta> {
    let length = encounter.length.as_ref()?;
    let unit = match length.code.as_deref()? {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "wk" => 604_800.0,
        _ => return None,
    };
    let length = std::time::Duration::try_from_secs_f64((length.value? * unit).ceil()).ok()?;
    TimeDelta::from_std(length).ok()
}
