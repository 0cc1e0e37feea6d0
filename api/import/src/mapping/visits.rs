//! Encounters: visits of the past.

use chrono::{DateTime, TimeDelta, Utc};
use domain::encounter::Outcome;
use domain::kernel::{Concept, Identifier, Slot, Sources};

use super::contained::behind;
use super::current::end;
use super::status::Status;
use super::{Context, Notes, Provider, Remarks, Visit, identifier, referenced, vocabulary};
use crate::fhir::{self, Bundle, CodeableConcept, Entry, Moment, NOWHERE, Participant};

/// A visit, or a remark on why it is none.
pub(super) fn visit(
    bundle: &Bundle,
    entry: &Entry<fhir::Encounter>,
    context: &Context,
    notes: &mut Notes,
) -> Option<Visit> {
    let Entry {
        path, resource, as_of, ..
    } = entry;
    let mut remarks = Remarks::on(notes, "Encounter", path);
    match mapped(bundle, path, resource, context, &mut remarks) {
        Ok(visit) => Some(Visit { as_of: *as_of, ..visit }),
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
        Some("finished") => Outcome::Completed,
        Some("cancelled") => {
            remarks.passed_over("was cancelled, and is recorded as cancelled: it counts as no visit");
            Outcome::Cancelled
        }
        Some("entered-in-error") => {
            remarks.passed_over("was entered in error or deleted at the source, and counts as no visit");
            Outcome::EnteredInError
        }
        Some("planned" | "arrived" | "triaged" | "in-progress" | "onleave" | "unknown") => Outcome::Open,
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
            identifier(path, &known.identifier, known.id.as_deref(), context).ok(),
        )
    };
    let patient = referenced(&bundle.patients, patient, of);
    let (slot, has_hour) = slot(resource, context, remarks)?;
    let provider = provider(bundle, path, resource, slot.start, context, remarks)?;
    Ok(Visit {
        path: path.to_owned(),
        identifier: identifier(path, &resource.identifier, resource.id.as_deref(), context)
            .map_err(|_| "has nothing that names it and no other visit")?,
        others: Vec::new(),
        sources: Sources::default(),
        as_of: None,
        patient,
        provider,
        slot,
        has_hour,
        outcome,
        reason: reason(bundle, resource, remarks),
        unnamed_reason: None,
    })
}

/// Why: the first reason that is told, or else of what type the encounter is. The record has a place for one.
fn reason(bundle: &Bundle, encounter: &fhir::Encounter, remarks: &mut Remarks<'_>) -> Option<Concept> {
    let referred: Vec<CodeableConcept> = encounter
        .reason_reference
        .iter()
        .map(|one| referred(bundle, encounter, one))
        .collect();
    let told = encounter.reason_code.iter().cloned().chain(referred.iter().cloned());
    let mut told = told.chain(encounter.kind.iter().cloned()).filter(|one| !one.is_empty());
    let reason = told.by_ref().find_map(|one| vocabulary::concept(remarks, &one));
    for _ in told {
        remarks.no_place("a reason or type is one of several, and only one has a place");
    }
    // A condition that is in none of the files may be recorded: see `Visit::unnamed_reason`.
    let is_unnamed = |reference: &fhir::Reference| reference.reference.as_deref() == Some(NOWHERE);
    let is_coded = encounter.reason_code.iter().any(|code| !code.is_empty());
    for (place, (reference, told)) in encounter.reason_reference.iter().zip(&referred).enumerate() {
        let is_kept_back = place == 0 && !is_coded && is_unnamed(reference);
        if told.is_empty() && !is_kept_back {
            remarks.no_place("a reason is a resource that has no place, or one of several reasons");
        }
    }
    reason
}

/// What a reference to a reason tells: what the condition is, or else what is shown of it.
fn referred(bundle: &Bundle, encounter: &fhir::Encounter, reference: &fhir::Reference) -> CodeableConcept {
    let address = reference.reference.as_deref();
    let contained = address.and_then(|id| behind::<fhir::Condition>(&encounter.contained, "Condition", id));
    if let Some(condition) = contained {
        return condition.code;
    }
    let known = address.and_then(|address| bundle.resolve(address));
    let id = known.and_then(|known| known.strip_prefix("Condition/"));
    let found = bundle.conditions.iter();
    let found = found
        .filter(|_| id.is_some())
        .find(|entry| entry.resource.id.as_deref() == id);
    let shown = || CodeableConcept {
        coding: Vec::new(),
        text: reference.display.clone(),
    };
    // What was found not to be so is no reason.
    let stands = |condition: &fhir::Condition| {
        !matches!(
            Status::VERIFICATION.of(&condition.verification_status),
            Some("refuted" | "entered-in-error")
        )
    };
    match found {
        Some(entry) if stands(&entry.resource) => entry.resource.code.clone(),
        Some(_) => CodeableConcept::default(),
        None => shown(),
    }
}

/// Who counts before whom (HL7 V3 `ParticipationType`): who attended, who performed, the others. `None` for those who did not
/// treat the patient in this visit: who referred, escorted or translated, and whom to call in an emergency.
fn rank(participant: &Participant) -> Option<u8> {
    const SYSTEMS: [&str; 4] = [
        "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
        "http://terminology.hl7.org/CodeSystem/participant-type",
        // Of the releases before R4.
        "http://hl7.org/fhir/v3/ParticipationType",
        "http://hl7.org/fhir/participant-type",
    ];
    let rank = |kind: &'_ CodeableConcept| {
        let code = SYSTEMS.iter().find_map(|system| kind.code_in(system));
        let codes = code.into_iter().chain(kind.text.as_deref());
        let shown = kind.coding.iter().filter_map(|coding| coding.display.as_deref());
        codes.chain(shown).find_map(role).unwrap_or(Some(2))
    };
    match participant.kind.as_slice() {
        [] => Some(2),
        kinds => kinds.iter().filter_map(rank).min(),
    }
}

/// The rank of a role, by its code or by what people call it. `None` when the word names none that is known.
fn role(word: &str) -> Option<Option<u8>> {
    match word.trim().to_lowercase().as_str() {
        "atnd" | "attender" | "attending" | "attending physician" => Some(Some(0)),
        "pprf" | "primary performer" => Some(Some(1)),
        "ref"
        | "referrer"
        | "referring physician"
        | "referring provider"
        | "refb"
        | "referred by"
        | "reft"
        | "referred-to"
        | "referred to"
        | "esc"
        | "escort"
        | "translator"
        | "emergency"
        | "emergency contact" => Some(None),
        _ => None,
    }
}

/// Whether somebody took part at the beginning of a visit or later: who left before it, or came in another one, did not.
fn took_part(participant: &Participant, visit: DateTime<Utc>, context: &Context) -> bool {
    let ended = participant.period.as_ref().and_then(|period| end(period, context));
    ended.is_none_or(|ended| ended > visit)
}

/// What a participant turns out to be.
enum Who {
    Practitioner(Identifier),
    /// Somebody who can be no doctor: a relative, a device.
    Other,
    /// Nobody knows.
    Unresolved,
}

fn provider(
    bundle: &Bundle,
    path: &str,
    encounter: &fhir::Encounter,
    visit: DateTime<Utc>,
    context: &Context,
    remarks: &mut Remarks<'_>,
) -> Result<Provider, &'static str> {
    let mut ranked: Vec<(u8, &fhir::Reference)> = encounter
        .participant
        .iter()
        .filter(|one| took_part(one, visit, context))
        .filter_map(|one| Some((rank(one)?, one.individual.as_ref()?)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let found = ranked
        .iter()
        .map(|(_, reference)| who(bundle, path, reference, context));
    let found: Vec<Who> = found.collect();
    let doctor = found.iter().enumerate().find_map(|(place, who)| match who {
        Who::Practitioner(identifier) => Some((place, identifier)),
        Who::Other | Who::Unresolved => None,
    });
    // Somebody who counts less, or is told later, is not the doctor in the place of one who cannot be found: the next export may have both.
    let missing = found.iter().position(|who| matches!(who, Who::Unresolved));
    match (doctor, missing) {
        (Some((place, doctor)), missing) if missing.is_none_or(|missing| missing > place) => {
            for _ in 1..encounter.participant.len() {
                remarks.no_place("a participant is one of several, and only the doctor of the visit has a place");
            }
            Ok(Provider::Practitioner(doctor.clone()))
        }
        (_, Some(_)) => Err("has a participant who is in none of the files, or who may be several in them"),
        _ => organization(bundle, path, encounter, context, remarks),
    }
}

fn who(bundle: &Bundle, path: &str, reference: &fhir::Reference, context: &Context) -> Who {
    let Some(reference) = reference.reference.as_deref() else {
        return Who::Unresolved;
    };
    let Some(mut known) = bundle.resolve(reference) else {
        return Who::Unresolved;
    };
    if let Some(role) = known.strip_prefix("PractitionerRole/") {
        let role = bundle
            .roles
            .iter()
            .find(|entry| entry.resource.id.as_deref() == Some(role));
        let behind = role.and_then(|role| role.resource.practitioner.as_ref()?.reference.as_deref());
        match behind.and_then(|reference| bundle.resolve(reference)) {
            Some(practitioner) => known = practitioner,
            None => return Who::Unresolved,
        }
    }
    let Some(id) = known.strip_prefix("Practitioner/") else {
        return Who::Other;
    };
    let of = |one: &fhir::Practitioner| {
        (
            one.id.clone(),
            identifier(path, &one.identifier, one.id.as_deref(), context).ok(),
        )
    };
    Who::Practitioner(referenced(&bundle.practitioners, id, of))
}

/// Who provided a visit that no practitioner did.
fn organization(
    bundle: &Bundle,
    path: &str,
    encounter: &fhir::Encounter,
    context: &Context,
    remarks: &mut Remarks<'_>,
) -> Result<Provider, &'static str> {
    const NONE: &str = "names neither a practitioner nor an organisation that provided it";
    let reference = encounter
        .service_provider
        .as_ref()
        .and_then(|provider| provider.reference.as_deref())
        .ok_or(NONE)?;
    if !encounter.participant.is_empty() {
        remarks
            .left_out("has no participant who can be known as its doctor, and is the organisation's that provided it");
    }
    let organization = bundle
        .resolve(reference)
        .and_then(|known| known.strip_prefix("Organization/"));
    let organization = organization.ok_or(NONE)?;
    let of = |one: &fhir::Organization| {
        (
            one.id.clone(),
            identifier(path, &one.identifier, one.id.as_deref(), context).ok(),
        )
    };
    Ok(Provider::Organization(referenced(
        &bundle.organizations,
        organization,
        of,
    )))
}

/// When it was, and whether that tells the time of day at which it began.
fn slot(
    encounter: &fhir::Encounter,
    context: &Context,
    remarks: &mut Remarks<'_>,
) -> Result<(Slot, bool), &'static str> {
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
        .ok_or("has a period.start that the clocks skipped in the time zone of --time-zone")?;
    if start > context.now {
        return Err("has not begun: what is to come is booked, not recorded");
    }
    if let Some(why) = moment.supposed(context.time_zone) {
        remarks.changed(format!("period.start {why}"));
    }
    if !moment.has_hour() {
        remarks.changed("period.start has no hour, and the visit is recorded at the beginning of its day");
    }
    let end = match period.and_then(|period| period.end.as_deref()) {
        Some(text) => ended(text, context, remarks),
        None => None,
    };
    if end.is_some_and(|end| end < start) {
        return Err("ends before it begins");
    }
    let end = end.or_else(|| length(encounter).and_then(|length| start.checked_add_signed(length)));
    if end.is_none() {
        remarks.changed("has no period.end, and is recorded with a length of one minute");
    }
    let slot = Slot {
        start,
        minutes: minutes(start, end.unwrap_or(start)),
    };
    Ok((slot, moment.has_hour_but_midnight(context.time_zone)))
}

/// The first instant after a visit, or a remark that nobody can tell it.
fn ended(text: &str, context: &Context, remarks: &mut Remarks<'_>) -> Option<DateTime<Utc>> {
    let moment = Moment::read(text);
    if let Some(why) = moment.and_then(|moment| moment.supposed(context.time_zone)) {
        remarks.changed(format!("period.end {why}"));
    }
    let end = moment.and_then(|moment| moment.end(context.time_zone));
    if end.is_none() {
        remarks.left_out("period.end is no time that there is, and is not recorded");
    }
    end
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
    let unit = match length.code.as_deref().or(length.unit.as_deref())?.trim() {
        "s" => 1.0,
        "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "wk" | "week" | "weeks" => 604_800.0,
        _ => return None,
    };
    let length = std::time::Duration::try_from_secs_f64((length.value? * unit).ceil()).ok()?;
    TimeDelta::from_std(length).ok()
}
