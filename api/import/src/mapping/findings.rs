//! Conditions, allergies and medications: what a patient brings.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::chart::{
    Abated, Allergy, Condition, Criticality, Ended, List, ListKind, Medication, Report, ReportedNegation,
};
use domain::kernel::time::last_day_anywhere;
use domain::kernel::{Concept, SourceId, TextRule};
use serde_json::Value;

use super::list_builder::ListBuilder;
use super::status::Status;
use super::unnamed::UnnamedMedication;
use super::{Notes, Remarks, contained, vocabulary};
use crate::exports::{DocumentId, Exports, FindingAt};
use crate::fhir::{self, Bundle, CodeableConcept, Entry, Moment, Period, Reference};
use crate::negations::{Said, finding, is_any_allergy, is_unclear, names_something, said, said_of_allergies};

const NAMELESS: &str = "has neither a code nor a text";

/// The lists of a patient's chart, as one export tells them.
struct Lists {
    now: DateTime<Utc>,
    conditions: ListBuilder<Condition>,
    allergies: ListBuilder<Allergy>,
    medications: ListBuilder<Medication>,
    unnamed: Vec<UnnamedMedication>,
    ended: Vec<Ended>,
    negations: Vec<ReportedNegation>,
}

impl Lists {
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            conditions: ListBuilder::default(),
            allergies: ListBuilder::default(),
            medications: ListBuilder::default(),
            unnamed: Vec::new(),
            ended: Vec::new(),
            negations: Vec::new(),
        }
    }

    /// What it tells. `path` is where the patient stands.
    fn report(self, path: &str, notes: &mut Notes) -> Report {
        Report {
            conditions: self.conditions.build(
                None,
                |one| one.abated.is_none(),
                &mut Remarks::on(notes, "Condition", path),
            ),
            allergies: self.allergies.build(
                Some(List::<Allergy>::MOST),
                |_| true,
                &mut Remarks::on(notes, "AllergyIntolerance", path),
            ),
            medications: self.medications.build(
                None,
                |one| one.active,
                &mut Remarks::on(notes, "MedicationRequest", path),
            ),
            ended: self.ended,
            negations: self.negations,
        }
    }

    /// Takes what is said instead of a finding. Whether anything is.
    fn take_statements(&mut self, all: &[(ListKind, Said)], remarks: &mut Remarks<'_>) -> bool {
        for (list, said) in all {
            if let (ListKind::Allergies, Said::NoneKnownTo(_)) = (list, said) {
                remarks.passed_over("says that none of one kind are known, is recorded as that, and is no finding");
                continue;
            }
            match list {
                ListKind::Conditions => self.conditions.take_statement(*said, remarks),
                ListKind::Allergies => self.allergies.take_statement(*said, remarks),
                ListKind::Medications => self.medications.take_statement(*said, remarks),
                // No source tells a symptom.
                ListKind::Symptoms => {}
            }
        }
        !all.is_empty()
    }

    fn condition(&mut self, entry: &Entry<fhir::Condition>, remarks: &mut Remarks<'_>) {
        let resource = &entry.resource;
        let verification = Status::VERIFICATION.check(&resource.verification_status, remarks);
        let _ = Status::CONDITION.check(&resource.clinical_status, remarks);
        let over = matches!(clinical(resource), Some("inactive" | "resolved"));
        let said = said_by(Some(&resource.code), ListKind::Conditions);
        let stands = match Stands::by(verification) {
            Stands::Still if over && !said.is_empty() => Stands::NoMore,
            stands => stands,
        };
        let what = (Some(&resource.code), onset(resource));
        self.tell(entry, ListKind::Conditions, &said, what, stands);
        if is_void(verification, remarks) || (over && is_negation(&said, remarks)) {
            return;
        }
        if !self.take_statements(&said, remarks) {
            self.conditions.add(condition(entry, self.now, remarks));
        }
    }

    fn allergy(&mut self, entry: &Entry<fhir::AllergyIntolerance>, remarks: &mut Remarks<'_>) {
        let resource = &entry.resource;
        let verification = Status::VERIFICATION.check(&resource.verification_status, remarks);
        let _ = Status::ALLERGY.check(&resource.clinical_status, remarks);
        let over = is_over(resource);
        let said = said_by_allergy(resource);
        let stands = match Stands::by(verification) {
            Stands::Still if over => Stands::NoMore,
            stands => stands,
        };
        self.tell(entry, ListKind::Allergies, &said, (allergen(resource), None), stands);
        if is_void(verification, remarks) || (over && is_negation(&said, remarks)) {
            return;
        }
        if over {
            remarks.no_place("is no longer active");
        } else if !self.take_statements(&said, remarks) {
            if !categories(resource).is_empty() {
                remarks.no_place("has a category");
            }
            self.allergies.add(allergy(entry, remarks));
        }
    }

    fn request(&mut self, bundle: &Bundle, entry: &Entry<fhir::MedicationRequest>, remarks: &mut Remarks<'_>) {
        let resource = &entry.resource;
        let (told, now) = (Told::request(resource), self.now);
        let is_given = is_given(resource, remarks);
        self.medication(bundle, entry, &told, is_given, remarks, |remarks| UnnamedMedication {
            since: day(remarks, "authoredOn", told.since, now),
            active: is_active(told.status, remarks),
            ..unnamed("MedicationRequest", entry)
        });
    }

    fn statement(&mut self, bundle: &Bundle, entry: &Entry<fhir::MedicationStatement>, remarks: &mut Remarks<'_>) {
        let resource = &entry.resource;
        let (told, now) = (Told::statement(resource), self.now);
        let is_taken = is_taken(resource, remarks);
        self.medication(bundle, entry, &told, is_taken, remarks, |remarks| UnnamedMedication {
            since: day(remarks, "effective", told.since, now),
            active: is_active(told.status, remarks) && !has_ended(resource, now, remarks),
            ..unnamed("MedicationStatement", entry)
        });
    }

    /// Takes what a resource tells beside a finding: that there is none, or none any more. It is remarked on where findings are.
    fn tell<R>(
        &mut self,
        entry: &Entry<R>,
        list: ListKind,
        all: &[(ListKind, Said)],
        (code, since): (Option<&CodeableConcept>, Option<&str>),
        stands: Stands,
    ) {
        let Entry { as_of, source, .. } = entry;
        let mut is_negation = false;
        for (list, said) in all {
            let kind = match said {
                Said::NoneKnown => None,
                Said::NoneKnownTo(kind) => Some(*kind),
                Said::NoneKnownOfOther | Said::Unknown | Said::NotAsked | Said::Unclear | Said::Withheld => continue,
            };
            is_negation = true;
            self.negations.push(ReportedNegation {
                list: *list,
                kind,
                holds: stands == Stands::Still,
                source: *source,
                as_of: *as_of,
            });
        }
        // Of what is taken back it is told what it was. Otherwise this very resource may have told of something before.
        let what = code.filter(|_| stands == Stands::NoMore && all.is_empty());
        let concept = concept_of(what, list);
        // While nobody can tell what it says now, what it said before stays. That none are known ends by itself what was told before.
        let says_nothing = stands != Stands::Still || !(all.is_empty() || is_negation || is_unclear(all));
        if concept.is_some() || (says_nothing && source.is_some()) {
            self.ended.push(Ended {
                list,
                concept,
                since: since.and_then(Moment::read).and_then(Moment::day),
                source: *source,
                as_of: *as_of,
            });
        }
    }

    /// `is_so`: whether it is or was given or taken, as far as the resource itself says.
    fn medication<R>(
        &mut self,
        bundle: &Bundle,
        entry: &Entry<R>,
        told: &Told<'_>,
        is_so: bool,
        remarks: &mut Remarks<'_>,
        as_told: impl FnOnce(&mut Remarks<'_>) -> UnnamedMedication,
    ) {
        let (code, is_in_error) = (told.code(bundle), told.is_in_error(bundle));
        let said = said_by(code.as_ref(), ListKind::Medications);
        let stands = match is_so {
            _ if is_in_error || told.status == Some("entered-in-error") => Stands::NoMore,
            true => Stands::Still,
            false => Stands::NotByThis,
        };
        self.tell(entry, ListKind::Medications, &said, (code.as_ref(), told.since), stands);
        if !is_so {
            return;
        }
        if is_in_error {
            return remarks.left_out("names a medication that was entered in error");
        }
        if self.take_statements(&said, remarks) {
            return;
        }
        match told.named(code.as_ref(), remarks) {
            Some(concept) => self.medications.add(Some(as_told(remarks).named(concept))),
            None if code.is_none() && told.reference.is_some() => self.unnamed.push(as_told(remarks)),
            None => remarks.left_out(NAMELESS),
        }
    }
}

/// A medication of which is told who tells it, and no more.
fn unnamed<R>(kind: &'static str, entry: &Entry<R>) -> UnnamedMedication {
    UnnamedMedication {
        kind,
        path: entry.path.clone(),
        since: None,
        active: false,
        as_of: entry.as_of,
        source: entry.source,
    }
}

/// What is told of a patient's chart, by one export after the other.
struct Telling {
    now: DateTime<Utc>,
    /// The places of documents in the order of their exports.
    order: BTreeMap<DocumentId, usize>,
    /// What resources are called that may be several.
    ambiguous: BTreeSet<[u8; 8]>,
    /// What each export tells, by its place in that order.
    told: BTreeMap<usize, Lists>,
}

fn finding_at<R>(kind: &'static str, entry: &Entry<R>) -> (FindingAt, Option<SourceId>) {
    let Entry { document, as_of, .. } = *entry;
    (FindingAt { document, kind, as_of }, entry.source)
}

impl Telling {
    fn new(exports: &Exports, all: &[(FindingAt, Option<SourceId>)], now: DateTime<Utc>) -> Self {
        let told: Vec<FindingAt> = all.iter().map(|(told, _)| *told).collect();
        let mut known: BTreeMap<[u8; 8], BTreeSet<SourceId>> = BTreeMap::new();
        for source in all.iter().filter_map(|(_, source)| *source) {
            known.entry(source.resource).or_default().insert(source);
        }
        let ambiguous = known.into_iter().filter(|(_, sources)| sources.len() > 1);
        Self {
            now,
            order: exports.in_order(&told, now),
            ambiguous: ambiguous.map(|(resource, _)| resource).collect(),
            told: BTreeMap::new(),
        }
    }

    /// The lists in which a resource is told: those of its export. Who it is was decided before; where one export after the other could take it
    /// for another one's state, it is told with the newest.
    fn by<R>(&mut self, entry: &Entry<R>) -> &mut Lists {
        let is_ambiguous = entry
            .source
            .is_some_and(|source| self.ambiguous.contains(&source.resource));
        let own = self.order.get(&entry.document).filter(|_| !is_ambiguous);
        let newest = self.order.values().max();
        let lists = self.told.entry(own.or(newest).copied().unwrap_or_default());
        lists.or_insert_with(|| Lists::new(self.now))
    }
}

/// What names the patient, in the order of the bundle, by each export; and the medications whose names are not told.
pub(super) fn of(
    bundle: &Bundle,
    exports: &Exports,
    patient: Option<&str>,
    now: DateTime<Utc>,
    path: &str,
    notes: &mut Notes,
) -> (Vec<Report>, Vec<UnnamedMedication>) {
    let own = patient.map(|id| format!("Patient/{id}"));
    let is_own = |reference: &Option<Reference>| own.is_some() && subject(bundle, reference) == own.as_deref();
    let conditions = bundle.conditions.iter().filter(|one| is_own(&one.resource.subject));
    let allergies = bundle.allergies.iter().filter(|one| is_own(&one.resource.patient));
    let requests = bundle.requests.iter().filter(|one| is_own(&one.resource.subject));
    let statements = bundle.statements.iter().filter(|one| is_own(&one.resource.subject));
    let all = conditions.clone().map(|entry| finding_at("Condition", entry));
    let all = all.chain(allergies.clone().map(|entry| finding_at("AllergyIntolerance", entry)));
    let all = all.chain(requests.clone().map(|entry| finding_at("MedicationRequest", entry)));
    let all = all.chain(statements.clone().map(|entry| finding_at("MedicationStatement", entry)));
    let mut telling = Telling::new(exports, &all.collect::<Vec<_>>(), now);
    for entry in conditions {
        let remarks = &mut Remarks::on(notes, "Condition", &entry.path);
        telling.by(entry).condition(entry, remarks);
    }
    for entry in allergies {
        let remarks = &mut Remarks::on(notes, "AllergyIntolerance", &entry.path);
        telling.by(entry).allergy(entry, remarks);
    }
    for entry in requests {
        let remarks = &mut Remarks::on(notes, "MedicationRequest", &entry.path);
        telling.by(entry).request(bundle, entry, remarks);
    }
    for entry in statements {
        let remarks = &mut Remarks::on(notes, "MedicationStatement", &entry.path);
        telling.by(entry).statement(bundle, entry, remarks);
    }
    let mut told: Vec<Lists> = telling.told.into_values().collect();
    let unnamed = told.iter_mut().flat_map(|lists| std::mem::take(&mut lists.unnamed));
    let unnamed = unnamed.collect();
    let reports = told.into_iter().map(|lists| lists.report(path, notes));
    (reports.collect(), unnamed)
}

/// Whether what a resource says of its patient is so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It is.
    Still,
    /// Not by this resource: a plan, or one of several suspicions. Another one may say it.
    NotByThis,
    /// It is taken back, or over.
    NoMore,
}

impl Stands {
    /// By the `verificationStatus` of a condition or an allergy.
    fn by(verification: Option<&str>) -> Self {
        match verification {
            Some("entered-in-error" | "refuted") => Self::NoMore,
            Some("differential") => Self::NotByThis,
            _ => Self::Still,
        }
    }
}

/// What a code says instead of a finding.
fn said_by(code: Option<&CodeableConcept>, kind: ListKind) -> Vec<(ListKind, Said)> {
    code.and_then(|code| said(code, kind)).into_iter().collect()
}

fn said_by_allergy(resource: &fhir::AllergyIntolerance) -> Vec<(ListKind, Said)> {
    let substances: Vec<&CodeableConcept> = substances(resource).collect();
    said_of_allergies(&resource.code, categories(resource), &substances)
}

fn substances(resource: &fhir::AllergyIntolerance) -> impl Iterator<Item = &CodeableConcept> {
    let all = resource.reaction.iter();
    all.filter_map(|reaction| reaction.substance.as_ref())
}

fn categories(resource: &fhir::AllergyIntolerance) -> &[String] {
    resource.category.0.as_deref().unwrap_or_default()
}

/// Whether an allergy has passed.
fn is_over(resource: &fhir::AllergyIntolerance) -> bool {
    matches!(
        Status::ALLERGY.of(&resource.clinical_status),
        Some("inactive" | "resolved")
    )
}

fn subject<'a>(bundle: &'a Bundle, reference: &'a Option<Reference>) -> Option<&'a str> {
    bundle.resolve(reference.as_ref()?.reference.as_deref()?)
}

/// Whether a statement is withdrawn, was found not to be so, or is only one of several suspicions (FHIR R4,
/// `verificationStatus` of both kinds). What is less than confirmed is kept, and said to be no more.
fn is_void(verification: Option<&str>, remarks: &mut Remarks<'_>) -> bool {
    match verification {
        Some("entered-in-error") => remarks.passed_over("was entered in error"),
        Some("refuted") => remarks.passed_over("was refuted"),
        Some("differential") => remarks.left_out("is one of several possible diagnoses, and none that was made"),
        Some("unconfirmed" | "provisional") => {
            remarks.changed("is not confirmed, and is recorded like one that is");
            return false;
        }
        _ => return false,
    }
    true
}

/// Whether it is a negation that holds no longer: then it says nothing.
fn is_negation(said: &[(ListKind, Said)], remarks: &mut Remarks<'_>) -> bool {
    let negation = !said.is_empty() && !is_unclear(said);
    if negation {
        remarks.passed_over("says that none were known, and no longer does");
    }
    negation
}

fn clinical(resource: &fhir::Condition) -> Option<&str> {
    Status::CONDITION.of(&resource.clinical_status)
}

fn condition(entry: &Entry<fhir::Condition>, now: DateTime<Utc>, remarks: &mut Remarks<'_>) -> Option<Condition> {
    let Entry {
        resource,
        as_of,
        source,
        ..
    } = entry;
    let concept = named(remarks, Some(&resource.code), ListKind::Conditions)?;
    let onset = day(remarks, "onset", onset(resource), now);
    if said_otherwise(&[&resource.onset_age, &resource.onset_range, &resource.onset_string]) {
        remarks.left_out("onset is an age, a range or a text, and no day is recorded for it");
    }
    let (ended, still) = match clinical(resource) {
        Some("inactive" | "remission" | "resolved") => (true, false),
        Some("active" | "recurrence" | "relapse") => (false, true),
        _ => (false, false),
    };
    let told = abatement(resource);
    let unsaid = said_otherwise(&[
        &resource.abatement_age,
        &resource.abatement_range,
        &resource.abatement_string,
    ]);
    if still && (told.is_some() || unsaid) {
        remarks.left_out("is active and has an end, and the end is not recorded");
    }
    let abated = match told {
        _ if still => None,
        Some(Some(moment)) if moment.first_day() > last_day_anywhere(now) => {
            remarks.left_out("abatement lies in the future, and is not recorded");
            ended.then_some(Abated::Unknown)
        }
        Some(Some(moment)) => {
            if moment.day().is_none() {
                remarks.changed("abatement is a year or a month only, and its last day is taken, or today");
            }
            Some(Abated::On(moment.last_day().min(last_day_anywhere(now))))
        }
        told if ended || unsaid || told.is_some() => {
            // Without an end it would pass for active.
            let recorded = resource.recorded_date.as_deref().and_then(Moment::read);
            remarks.changed(match recorded {
                Some(_) => "is over and does not tell since when; the day of its recordedDate is taken",
                None => "is over and does not tell since when, and is recorded as that",
            });
            Some(recorded.map_or(Abated::Unknown, |recorded| {
                Abated::On(recorded.last_day().min(last_day_anywhere(now)))
            }))
        }
        _ => None,
    };
    let is_before = |onset: &NaiveDate| abated.and_then(Abated::day).is_some_and(|abated| abated < *onset);
    if onset.is_some_and(|onset| is_before(&onset)) {
        remarks.left_out("is over before it began: which day is wrong cannot be told, and no onset is recorded");
    }
    Some(Condition {
        concept,
        onset: onset.filter(|onset| !is_before(onset)),
        abated,
        as_of: *as_of,
        sources: (*source).into(),
    })
}

fn onset(resource: &fhir::Condition) -> Option<&str> {
    let period = resource.onset_period.as_ref();
    let period = period.and_then(|period| period.start.as_deref());
    resource.onset_date_time.as_deref().or(period)
}

/// When a medication is said to be taken.
fn effective(resource: &fhir::MedicationStatement) -> Option<&str> {
    let period = resource.effective_period.as_ref();
    let period = period.and_then(|period| period.start.as_deref());
    resource.effective_date_time.as_deref().or(period)
}

/// When it ended: a text, if one is told, and the time that it is, if it is one.
fn abatement(resource: &fhir::Condition) -> Option<Option<Moment>> {
    let of = |period: &'_ Period| period.end.clone().or_else(|| period.start.clone());
    let text = resource
        .abatement_date_time
        .clone()
        .or_else(|| resource.abatement_period.as_ref().and_then(of))?;
    Some(Moment::read(&text))
}

fn said_otherwise(values: &[&Option<Value>]) -> bool {
    values.iter().any(|value| value.is_some())
}

/// What the patient is allergic to: the code, or else the substance of a reaction. A code that says no more than that it is an allergy
/// names less than a substance does.
fn allergen(resource: &fhir::AllergyIntolerance) -> Option<&CodeableConcept> {
    let names = |code: &&CodeableConcept| names_something(code, ListKind::Allergies);
    let code = Some(&resource.code).filter(|code| !code.is_empty());
    let specific = code.filter(names).filter(|code| !is_any_allergy(code));
    let named = specific.or_else(|| substances(resource).find(names));
    named.or(code)
}

/// Whether a reaction is to something else than what is recorded.
fn has_other_substances(resource: &fhir::AllergyIntolerance) -> bool {
    let recorded = concept_of(allergen(resource), ListKind::Allergies);
    let all = substances(resource).filter(|code| names_something(code, ListKind::Allergies));
    all.filter_map(|code| concept_of(Some(code), ListKind::Allergies))
        .any(|other| recorded.as_ref().is_none_or(|recorded| !is_one(recorded, &other)))
}

/// Whether two concepts have a code in common, or a text.
fn is_one(one: &Concept, other: &Concept) -> bool {
    let is_coded = one.coding.is_some() && one.coding == other.coding;
    is_coded || one.text.to_lowercase() == other.text.to_lowercase()
}

fn allergy(entry: &Entry<fhir::AllergyIntolerance>, remarks: &mut Remarks<'_>) -> Option<Allergy> {
    let Entry {
        resource,
        as_of,
        source,
        ..
    } = entry;
    if has_other_substances(resource) {
        remarks.left_out(
            "has a reaction to a substance that it does not name as the allergen, and only the allergen is recorded",
        );
    }
    Some(Allergy {
        concept: named(remarks, allergen(resource), ListKind::Allergies)?,
        criticality: match resource.criticality.as_deref() {
            Some("high") => Some(Criticality::High),
            Some("low") => Some(Criticality::Low),
            _ => None,
        },
        as_of: *as_of,
        sources: (*source).into(),
    })
}

/// Whether a request stands for a medication that was given (FHIR R4, `MedicationRequest.status` and `intent`). A plan that is
/// reported is no plan of the clinic's: it is what the patient takes without having been told to (US Core).
fn is_given(resource: &fhir::MedicationRequest, remarks: &mut Remarks<'_>) -> bool {
    let reported = resource.reported_boolean == Some(true) || resource.reported_reference.is_some();
    match (resource.status.as_deref(), resource.intent.as_deref()) {
        (Some("entered-in-error"), _) => remarks.passed_over("was entered in error"),
        (Some("cancelled"), _) => remarks.passed_over("was cancelled before anything was given"),
        (Some("draft"), _) => remarks.no_place("is a draft"),
        _ if resource.do_not_perform == Some(true) => remarks.left_out("forbids a medication"),
        (_, Some("plan")) if reported => return true,
        (_, Some("proposal" | "plan" | "option")) => {
            remarks.no_place("is a proposal, a plan or an option, not an order");
        }
        _ => return true,
    }
    false
}

/// Whether a statement says that a medication is or was taken (FHIR R4, `MedicationStatement.status`).
fn is_taken(resource: &fhir::MedicationStatement, remarks: &mut Remarks<'_>) -> bool {
    match resource.status.as_deref() {
        Some("entered-in-error") => remarks.passed_over("was entered in error"),
        Some("not-taken") => remarks.passed_over("says that it was not taken"),
        _ if resource.taken.as_deref() == Some("n") || resource.was_not_taken == Some(true) => {
            remarks.passed_over("says that it was not taken");
        }
        Some("intended") => remarks.no_place("is intended, and not taken yet"),
        _ => return true,
    }
    false
}

/// Whether it is being taken now.
fn is_active(status: Option<&str>, remarks: &mut Remarks<'_>) -> bool {
    if !matches!(status, Some("active" | "completed" | "stopped" | "on-hold")) {
        remarks.changed("does not tell whether it is taken now, and is recorded as not");
    }
    status == Some("active")
}

/// Whether the time is over in which it is said to be taken. A status is easily forgotten.
fn has_ended(resource: &fhir::MedicationStatement, now: DateTime<Utc>, remarks: &mut Remarks<'_>) -> bool {
    let period = resource.effective_period.as_ref();
    let end = period.and_then(|period| Moment::read(period.end.as_deref()?));
    let has_ended = end.is_some_and(|end| end.last_day() < now.date_naive());
    if has_ended {
        remarks.changed("is active and has an end that has passed, and is recorded as not taken any more");
    }
    has_ended
}

/// What a resource tells of its medication.
struct Told<'a> {
    status: Option<&'a str>,
    since: Option<&'a str>,
    code: Option<&'a CodeableConcept>,
    reference: Option<&'a Reference>,
    contained: &'a [Value],
}

impl<'a> Told<'a> {
    fn request(resource: &'a fhir::MedicationRequest) -> Self {
        Self {
            status: resource.status.as_deref(),
            since: resource.authored_on.as_deref(),
            code: resource.medication_codeable_concept.as_ref(),
            reference: resource.medication_reference.as_ref(),
            contained: &resource.contained,
        }
    }

    fn statement(resource: &'a fhir::MedicationStatement) -> Self {
        Self {
            status: resource.status.as_deref(),
            since: effective(resource),
            code: resource.medication_codeable_concept.as_ref(),
            reference: resource.medication_reference.as_ref(),
            contained: &resource.contained,
        }
    }

    /// The code of the medication: in the resource itself, or in that of the medication.
    fn code(&self, bundle: &Bundle) -> Option<CodeableConcept> {
        let told = || self.medication(bundle).map(|medication| medication.code);
        self.code.cloned().or_else(told)
    }

    /// The medication that it refers to: one that it contains, or one of the bundle.
    fn medication(&self, bundle: &Bundle) -> Option<fhir::Medication> {
        let reference = self.reference?.reference.as_deref()?;
        contained::behind(self.contained, "Medication", reference).or_else(|| {
            let id = bundle.resolve(reference)?.strip_prefix("Medication/")?;
            let mut all = bundle.medications.iter().map(|entry| &entry.resource);
            all.find(|medication| medication.id.as_deref() == Some(id)).cloned()
        })
    }

    fn is_in_error(&self, bundle: &Bundle) -> bool {
        self.code.is_none()
            && self
                .medication(bundle)
                .is_some_and(|medication| medication.is_in_error())
    }

    /// What people call the medication: by its code, or else as the reference shows it.
    fn named(&self, code: Option<&CodeableConcept>, remarks: &mut Remarks<'_>) -> Option<Concept> {
        let shown = self.reference.and_then(|reference| reference.display.as_deref());
        let shown = |remarks: &mut Remarks<'_>| {
            let text = vocabulary::fitted(remarks, "medicationReference.display", shown, TextRule::CONCEPT)?;
            remarks.changed("names a medication by a reference, and only what the reference shows is known of it");
            Some(Concept { coding: None, text })
        };
        code.and_then(|code| vocabulary::concept(remarks, &finding(code, ListKind::Medications)))
            .or_else(|| shown(remarks))
    }
}

/// What it is. What is to be said of it is said where it is recorded.
fn concept_of(code: Option<&CodeableConcept>, matter: ListKind) -> Option<Concept> {
    let mut notes = Notes::default();
    code.and_then(|code| vocabulary::concept(&mut Remarks::on(&mut notes, "", ""), &finding(code, matter)))
}

/// What it is, or a remark that nobody says.
fn named(remarks: &mut Remarks<'_>, code: Option<&CodeableConcept>, matter: ListKind) -> Option<Concept> {
    let concept = code.and_then(|code| vocabulary::concept(remarks, &finding(code, matter)));
    if concept.is_none() {
        remarks.left_out(NAMELESS);
    }
    concept
}

/// The day, or a remark that it is not certain enough.
fn day(remarks: &mut Remarks<'_>, field: &str, text: Option<&str>, now: DateTime<Utc>) -> Option<NaiveDate> {
    let moment = Moment::read(text?);
    let day = moment.and_then(Moment::day);
    if day.is_some_and(|day| day > last_day_anywhere(now)) {
        remarks.left_out(format!("{field} lies in the future, and no day is recorded for it"));
        return None;
    }
    match (moment, day) {
        (None, _) => remarks.left_out(format!("{field} is no time of FHIR R4, and no day is recorded for it")),
        (Some(_), None) => remarks.left_out(format!(
            "{field} is a year or a month only, and no day is recorded for it"
        )),
        _ => {}
    }
    day
}
