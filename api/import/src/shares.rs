//! What of each file belongs to whom: resources that count, with references that name what they name in the whole run.
//!
//! A person's resources may stand in several files. They are gathered until all of them are there, and then the person is
//! mapped and imported at once, by the newest state of everything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::kernel::{Identifier, SourceId, Sources};
use domain::patient::Detail;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::exports::{DocumentId, Exports};
use super::fhir::{
    self, Bundle, BundleError, CodeableConcept, Coding, Contents, Elements, Entry, Item, Life, NOWHERE, Reference,
    Unread,
};
use super::former_states;
use super::identity::{ADDRESSES, Index, Kind, Names, Origin, Payload, Pointer, Stamp, Unresolved, naming, source_id};
use super::mapping::{Notes, UnnamedReason};

/// What of a file belongs to one person.
#[derive(Default)]
pub(super) struct Share {
    /// The resources.
    pub(super) bundle: Bundle,
    /// What names each resource, the best first, by its place. The mapping sees only the best.
    pub(super) names: HashMap<String, VisitNames>,
    /// Findings that were deleted at the source, and of which nothing else is told.
    pub(super) deleted: Vec<Deleted>,
    /// The patient's older states, and when each was.
    pub(super) former: Vec<(Stamp, fhir::Patient)>,
    /// The details of the patient that only older states tell, and as of when, if that is told.
    pub(super) detail_dates: BTreeMap<Detail, Option<DateTime<Utc>>>,
    /// Whether older states tell of the patient, too.
    pub(super) has_former: bool,
    /// How many of the person's resources these are.
    pub(super) parts: u32,
    /// The files in which they are.
    pub(super) files: BTreeSet<u32>,
    /// Where the states of the patient are.
    pub(super) exports: Exports,
}

/// What names a visit.
pub(super) struct VisitNames {
    /// Its identifiers, the best first.
    pub(super) identifiers: Vec<Identifier>,
    /// What its sources call it.
    pub(super) sources: Sources,
    /// What tells it.
    pub(super) document: DocumentId,
    /// Whether they are its case's, which other visits have too.
    pub(super) are_of_its_case: bool,
    /// A condition that is its reason, and is in none of the files.
    pub(super) unnamed_reason: Option<UnnamedReason>,
}

/// A finding that was deleted at the source, and of which nothing else is told.
pub(super) struct Deleted {
    /// The kind of resource.
    pub(super) kind: Kind,
    /// Where its deletion stands.
    pub(super) path: String,
    /// What the source calls it.
    pub(super) source: SourceId,
    /// As of when it was deleted, if that is told.
    pub(super) as_of: Option<DateTime<Utc>>,
}

impl Share {
    fn append(&mut self, other: Self) {
        self.bundle.append(other.bundle);
        self.names.extend(other.names);
        self.deleted.extend(other.deleted);
        self.former.extend(other.former);
        self.parts = self.parts.saturating_add(other.parts);
        self.files.extend(other.files);
        self.exports.append(other.exports);
    }

    /// Adds to the patient's newest state what only older ones tell, the newest of them first.
    fn settle(mut self, context: &Context) -> Self {
        let mut former = std::mem::take(&mut self.former);
        self.has_former = !former.is_empty();
        former.sort_by_key(|(stamp, _)| std::cmp::Reverse(*stamp));
        if let Some(newest) = self.bundle.patients.first_mut() {
            let mut has_lived = false;
            for (stamp, mut older) in former {
                if has_lived {
                    older.tell_nothing_of_death();
                }
                has_lived |= older.life() == Life::Alive;
                let filled = former_states::fill(&mut newest.resource, older, context).into_iter();
                self.detail_dates
                    .extend(filled.map(|detail| (detail, stamp.updated.date())));
            }
        }
        self
    }
}

/// What there is in a file.
#[derive(Default)]
pub(super) struct Parts {
    /// What belongs to whom, by the person's group.
    pub(super) shares: BTreeMap<u32, Share>,
    /// What is not taken as it stands.
    pub(super) notes: Notes,
    /// What fails the file.
    pub(super) failures: Vec<BundleError>,
    /// How many resources there are of each kind that is not imported.
    pub(super) ignored: BTreeMap<String, u64>,
    /// Which elements of the others have no place in the record.
    pub(super) elements: Elements,
}

/// Divides a file among the persons of the run.
pub(super) fn parts(index: &Index, file: u32, path: &Path, contents: &Contents<'_>) -> Parts {
    let mut parts = Parts {
        failures: contents.failures.clone(),
        ..Parts::default()
    };
    for (path, why) in &contents.lost {
        parts.notes.left_out("Bundle", path, *why);
    }
    for (number, item) in contents.items.iter().enumerate() {
        let origin = Origin {
            file,
            item: u32::try_from(number).unwrap_or(u32::MAX),
        };
        parts.item(index, origin, item);
    }
    // Places are unique in a file only.
    for (owner, share) in &mut parts.shares {
        share.files.insert(file);
        share.exports.tell_file(file, path);
        if share.parts < index.parts_of(*owner) {
            share.place_in(&path.display().to_string());
        }
    }
    parts
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(default)]
    id: fhir::Lenient<String>,
    #[serde(default)]
    meta: fhir::Lenient<Labels>,
    #[serde(default)]
    subject: fhir::Lenient<Reference>,
    #[serde(default)]
    patient: fhir::Lenient<Reference>,
}

/// Who may see a resource, as its source says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Labels {
    #[serde(default)]
    security: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    last_updated: Option<serde_json::Value>,
}

impl Parts {
    /// A file that cannot be read.
    pub(super) fn failed(why: String) -> Self {
        Self {
            failures: vec![BundleError::new("$", why)],
            ..Self::default()
        }
    }

    fn item(&mut self, index: &Index, origin: Origin, item: &Item<'_>) {
        let Some(resource) = item.resource else {
            return self.deletion(index, origin, item);
        };
        let Typed {
            resource_type,
            id,
            meta,
            subject: told_subject,
            patient: told_patient,
        } = match fhir::read(resource.get().as_bytes(), &item.path) {
            Ok(typed) => typed,
            // A person who is not taken is a failure.
            Err(error) if fhir::is_patient(resource) => return self.failures.push(error),
            Err(error) if error.what.starts_with(fhir::TWICE) => {
                return self.notes.left_out("Resource", &item.path, error.what);
            }
            Err(_) => return self.notes.left_out("Resource", &item.path, "has no resourceType"),
        };
        if resource_type == "OperationOutcome" && fhir::says_failed(resource) {
            let why = "says that its source could not give what was asked for: something is missing here";
            return self.notes.left_out("OperationOutcome", &item.path, why);
        }
        let Some(kind) = Kind::read(&resource_type) else {
            let name: String = resource_type
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(64)
                .collect();
            let count = self.ignored.entry(name).or_default();
            *count = count.saturating_add(1);
            return;
        };
        let Some(group) = index.group_at(origin) else {
            if kind == Kind::Patient {
                return self
                    .failures
                    .push(BundleError::new(&item.path, "cannot be read as FHIR R4"));
            }
            return self
                .notes
                .left_out(kind.name(), &item.path, "cannot be read as FHIR R4");
        };
        if !index.counts(origin) {
            // An older state, and a newer one is taken.
            if index.is_passed_over(origin) {
                self.notes.left_out(kind.name(), &item.path, lacks(kind));
            }
            if kind == Kind::Patient && !index.is_deleted(group) {
                self.former(index, origin, resource.get().as_bytes());
            }
            return;
        }
        if index.says_otherwise(origin) {
            self.replacing(kind, &item.path, index.is_order_told(origin));
        }
        let is_dated = meta.0.as_ref().is_some_and(|meta| meta.last_updated.is_some());
        if is_dated
            && index
                .stamp_at(origin)
                .is_some_and(|stamp| stamp.updated.date().is_none())
        {
            let why = "is dated (meta.lastUpdated) by what is no time of FHIR R4, or by one that is still to come, and is taken as told now";
            self.notes.changed(kind.name(), &item.path, why);
        }
        if meta.0.is_some_and(|meta| !meta.security.is_empty()) {
            let why = "has labels of who may see it (meta.security), and is taken without them";
            self.notes.changed(kind.name(), &item.path, why);
        }
        let owner = match kind {
            Kind::Patient => group,
            kind if kind.is_of_a_patient() => match index.owner_at(origin) {
                Ok(owner) => owner,
                Err(why) => {
                    let told = told_subject.0.or(told_patient.0).and_then(|told| told.reference);
                    let why = match told.is_some_and(|told| told.starts_with('#')) {
                        true => "concerns a patient who stands inside it, and nobody is registered by that",
                        false => subject(why, index.has_owner(origin)),
                    };
                    return self.notes.left_out(kind.name(), &item.path, why);
                }
            },
            // These are read already, with the index.
            _ => {
                if kind == Kind::Medication && !index.is_named(group) {
                    self.notes.left_out(kind.name(), &item.path, NAMED_BY_NOTHING);
                }
                return self.see_elements(kind, item, resource.get().as_bytes());
            }
        };
        if index.is_deleted(owner) {
            return if kind == Kind::Patient {
                let why =
                    "was deleted at the source: nothing of it is imported, and a record that is there already stays";
                self.notes.passed_over(kind.name(), &item.path, why);
            } else {
                let why = "concerns a patient who was deleted at the source";
                self.notes.left_out(kind.name(), &item.path, why);
            };
        }
        let share = self.shares.entry(owner).or_default();
        share.parts = share.parts.saturating_add(1);
        let (id, address) = (id.0.as_deref(), item.full_url.as_deref());
        let source = source_id(kind, id, address, index.patient_id_at(origin));
        // Another state may tell more of where the resource stands.
        let source = source.map(|source| index.completed(origin, group, source));
        let mut reading = Reading {
            index,
            origin,
            group,
            owner,
            share,
            path: &item.path,
            source,
            unread: Unread::default(),
        };
        reading.add(kind, resource.get().as_bytes());
        let unread = reading.unread;
        self.take_down(kind, &item.path, unread);
    }

    /// Keeps an older state of a patient for what the newest does not tell.
    fn former(&mut self, index: &Index, origin: Origin, json: &[u8]) {
        let (Some(group), Some(stamp)) = (index.group_at(origin), index.stamp_at(origin)) else {
            return;
        };
        let share = self.shares.entry(group).or_default();
        share.parts = share.parts.saturating_add(1);
        share.exports.tell_patient(document_of(index, origin));
        let older = fhir::read_of::<fhir::Patient>(json, "", Kind::Patient.name());
        share.former.extend(older.ok().map(|(older, _)| (stamp, older)));
    }

    /// Says that another state of the same id says another thing, where nothing tells that one server told both.
    fn replacing(&mut self, kind: Kind, path: &str, is_order_told: bool) {
        let why = "has an id, or a number of its case, under which another is told too, which is not taken: they count as states of one";
        // A condition in other words may be corrected by a newer state. Where nothing tells which is newer, one of two may be lost.
        if matches!(kind, Kind::Allergy | Kind::Encounter) || !is_order_told {
            self.notes.left_out(kind.name(), path, why);
        } else {
            self.notes.changed(kind.name(), path, why);
        }
    }

    /// Takes down what nobody reads of a resource that is read with the index.
    fn see_elements(&mut self, kind: Kind, item: &Item<'_>, json: &[u8]) {
        fn unread<R: DeserializeOwned>(json: &[u8], kind: Kind) -> Option<Unread> {
            let read = fhir::read_of::<R>(json, "", kind.name());
            read.ok().map(|(_, unread)| unread)
        }
        let unread = match kind {
            Kind::Practitioner => unread::<fhir::Practitioner>(json, kind),
            Kind::Role => unread::<fhir::PractitionerRole>(json, kind),
            Kind::Organization => unread::<fhir::Organization>(json, kind),
            _ => unread::<fhir::Medication>(json, kind),
        };
        self.take_down(kind, &item.path, unread.unwrap_or_default());
    }

    fn take_down(&mut self, kind: Kind, path: &str, unread: Unread) {
        if unread.modifies {
            let why = "has an element that may change what it says (modifierExtension, implicitRules), and is taken without it";
            self.notes.left_out(kind.name(), path, why);
        }
        self.elements.extend(unread);
    }

    /// The deletion of something whose content is nowhere in the run tells whose it was only by what it stands with: one person's
    /// resources. Otherwise it may be recorded here, by an earlier run; then it should go, and that somebody should see.
    fn deletion(&mut self, index: &Index, origin: Origin, item: &Item<'_>) {
        if index.group_at(origin).is_some_and(|group| !index.is_empty(group)) {
            return;
        }
        if let Some(owner) = index.owner_of_deleted(origin) {
            let share = self.shares.entry(owner).or_default();
            share.parts = share.parts.saturating_add(1);
            match deleted(index, origin, item) {
                Some(deleted) => share.deleted.push(deleted),
                None => self.notes.left_out("Bundle", &item.path, SEARCHED),
            }
            return;
        }
        let why = "was deleted at the source, and is in none of the files: what is recorded of it stays";
        let kind = item.deleted.as_deref().and_then(|url| Pointer::address(url).kind);
        match kind.flatten() {
            Some(kind) if index.has_namesakes(origin) => {
                let why = "was deleted at the source, and nothing tells that what has this id in another file is meant: that stays";
                self.notes.left_out(kind.name(), &item.path, why);
            }
            Some(kind) if kind.is_of_a_patient() => self.notes.left_out(kind.name(), &item.path, why),
            _ => self.notes.passed_over("Bundle", &item.path, why),
        }
    }
}

/// A record does not tell of which `Medication` a prescription is, so that whose it is cannot be found by it.
const NAMED_BY_NOTHING: &str = "is what nothing in the files refers to: a prescription of it that is recorded already keeps the name that it has, until it is told again";

/// What a state lacks for which the one before it is taken.
const fn lacks(kind: Kind) -> &'static str {
    match kind {
        Kind::Patient => "has a birthDate that is no date of FHIR R4, and the state of the patient before it is taken",
        Kind::Encounter => "does not tell when it was (period.start), and the state before it is taken",
        _ => "does not clearly tell what was found, and the state before it is taken",
    }
}

/// Why a deletion may have come to nothing.
const SEARCHED: &str = "deletes what a search finds, which is in none of the files: what is recorded of it stays";

/// What is deleted, by what its source calls it. `None` when that is a search.
fn deleted(index: &Index, origin: Origin, item: &Item<'_>) -> Option<Deleted> {
    let address = item.deleted.as_deref()?;
    let kind = Pointer::address(address).kind.flatten()?;
    let whole = item.full_url.as_deref().or(Some(address));
    let relative = address.split_once("/_history/").map_or(address, |(address, _)| address);
    Some(Deleted {
        kind,
        path: item.path.clone(),
        source: source_id(
            kind,
            relative.rsplit('/').next().filter(|_| !address.contains('?')),
            whole,
            index.patient_id_at(origin),
        )?,
        as_of: index.as_of(index.group_at(origin)?),
    })
}

fn subject(why: Unresolved, is_told: bool) -> &'static str {
    match why {
        Unresolved::Missing if is_told => "concerns a patient who is in none of the files",
        Unresolved::Missing => "names no patient",
        Unresolved::Ambiguous => "concerns a patient of whom there are several: nothing tells which one is meant",
        Unresolved::Contradictory => "names one patient by a reference and another one by an identifier",
    }
}

impl Share {
    /// Says in which file each of the resources stands.
    fn place_in(&mut self, file: &str) {
        let place = |path: &mut String| *path = format!("{file}: {path}");
        let bundle = &mut self.bundle;
        bundle.patients.iter_mut().for_each(|entry| place(&mut entry.path));
        bundle.encounters.iter_mut().for_each(|entry| place(&mut entry.path));
        bundle.conditions.iter_mut().for_each(|entry| place(&mut entry.path));
        bundle.allergies.iter_mut().for_each(|entry| place(&mut entry.path));
        bundle.requests.iter_mut().for_each(|entry| place(&mut entry.path));
        bundle.statements.iter_mut().for_each(|entry| place(&mut entry.path));
        bundle.unread.iter_mut().for_each(|(_, error)| place(&mut error.path));
        self.deleted.iter_mut().for_each(|deleted| place(&mut deleted.path));
        let names = std::mem::take(&mut self.names).into_iter();
        self.names = names.map(|(path, names)| (format!("{file}: {path}"), names)).collect();
    }
}

struct Reading<'a> {
    index: &'a Index,
    origin: Origin,
    group: u32,
    owner: u32,
    share: &'a mut Share,
    path: &'a str,
    source: Option<SourceId>,
    unread: Unread,
}

impl Reading<'_> {
    fn add(&mut self, kind: Kind, json: &[u8]) {
        match kind {
            Kind::Patient => self.patient(json),
            Kind::Encounter => self.encounter(json),
            Kind::Condition => {
                let owner = self.owner();
                if let Some(mut entry) = self.read::<fhir::Condition>(kind, json) {
                    entry.resource.subject = owner;
                    entry.resource.id = Some(self.group.to_string());
                    if self.is_deleted() {
                        entry.resource.verification_status = Some(in_error("condition-ver-status"));
                    }
                    self.share.bundle.conditions.push(entry);
                }
            }
            Kind::Allergy => {
                let owner = self.owner();
                if let Some(mut entry) = self.read::<fhir::AllergyIntolerance>(kind, json) {
                    entry.resource.patient = owner;
                    // A newer state that does not judge it takes nothing back.
                    if !matches!(entry.resource.criticality.as_deref(), Some("low" | "high"))
                        && let Some(is_critical) = self.index.is_critical(self.group)
                    {
                        let judged = if is_critical { "high" } else { "low" };
                        entry.resource.criticality = Some(judged.to_owned());
                    }
                    if self.is_deleted() {
                        entry.resource.verification_status = Some(in_error("allergyintolerance-verification"));
                    }
                    self.share.bundle.allergies.push(entry);
                }
            }
            Kind::Request => {
                let owner = self.owner();
                if let Some(mut entry) = self.read::<fhir::MedicationRequest>(kind, json) {
                    entry.resource.subject = owner;
                    self.medication(&mut entry.resource.medication_reference, &mut entry.as_of);
                    if self.is_deleted() {
                        entry.resource.status = Some("entered-in-error".to_owned());
                    }
                    self.share.bundle.requests.push(entry);
                }
            }
            Kind::Statement => {
                let owner = self.owner();
                if let Some(mut entry) = self.read::<fhir::MedicationStatement>(kind, json) {
                    entry.resource.subject = owner;
                    self.medication(&mut entry.resource.medication_reference, &mut entry.as_of);
                    if self.is_deleted() {
                        entry.resource.status = Some("entered-in-error".to_owned());
                    }
                    self.share.bundle.statements.push(entry);
                }
            }
            Kind::Practitioner | Kind::Role | Kind::Organization | Kind::Medication => {}
        }
    }

    fn read<R: DeserializeOwned>(&mut self, kind: Kind, json: &[u8]) -> Option<Entry<R>> {
        match fhir::read_of(json, self.path, kind.name()) {
            Ok((resource, unread)) => {
                self.unread = unread;
                Some(Entry {
                    path: self.path.to_owned(),
                    resource,
                    document: document_of(self.index, self.origin),
                    as_of: self.index.as_of(self.group),
                    source: self.source,
                })
            }
            Err(error) => {
                self.share.bundle.unread.push((kind.name(), error));
                None
            }
        }
    }

    /// What is deleted at the source is treated as what was entered in error there.
    fn is_deleted(&self) -> bool {
        self.index.is_deleted(self.group)
    }

    fn owner(&self) -> Option<Reference> {
        Some(Reference::to(format!("Patient/{}", self.owner)))
    }

    fn patient(&mut self, json: &[u8]) {
        let Some(mut entry) = self.read::<fhir::Patient>(Kind::Patient, json) else {
            return;
        };
        self.share.exports.tell_patient(entry.document);
        match names(self.index, Kind::Patient, self.group) {
            Ok(names) => {
                entry.resource.id = Some(self.group.to_string());
                let best = names.first().map(fhir::Identifier::plain).into_iter().collect();
                entry.resource.told = std::mem::replace(&mut entry.resource.identifier, best);
                self.name(names, false, None);
                self.share.bundle.patients.push(entry);
            }
            Err(why) => self
                .share
                .bundle
                .unread
                .push(("Patient", BundleError::new(self.path, why))),
        }
    }

    fn name(&mut self, identifiers: Vec<Identifier>, are_of_its_case: bool, unnamed_reason: Option<UnnamedReason>) {
        // What counts tells last.
        let sources = self
            .index
            .sources_of(Kind::Encounter, self.group)
            .into_iter()
            .chain(self.source);
        let names = VisitNames {
            identifiers,
            sources: Sources::new(sources),
            document: document_of(self.index, self.origin),
            are_of_its_case,
            unnamed_reason,
        };
        self.share.names.insert(self.path.to_owned(), names);
    }

    fn encounter(&mut self, json: &[u8]) {
        let owner = self.owner();
        let Some(mut entry) = self.read::<fhir::Encounter>(Kind::Encounter, json) else {
            return;
        };
        let encounter = &mut entry.resource;
        encounter.id = None;
        encounter.identifier = Vec::new();
        let mut since = None;
        let mut reasons = encounter.reason_reference.iter_mut();
        let first = reasons.next().and_then(|first| self.reason(first, &mut since));
        reasons.for_each(|reason| {
            self.reason(reason, &mut None);
        });
        let is_reason_told = encounter.reason_code.iter().any(|code| !code.is_empty());
        if is_reason_told {
            // Then no condition tells it.
            since = None;
        }
        let known = self.index.names_of(self.group);
        let are_of_its_case = known.own.is_empty() && !known.of_cases.is_empty();
        if let Ok(names) = names_among(self.index, Kind::Encounter, self.group, known) {
            encounter.identifier = names.first().map(fhir::Identifier::plain).into_iter().collect();
            self.name(names, are_of_its_case, first.filter(|_| !is_reason_told));
        }
        encounter.subject = owner;
        for participant in &mut encounter.participant {
            if let Some(individual) = &mut participant.individual {
                individual.reference = Some(self.individual(individual, &mut since));
            }
        }
        // What has no date is as of now, and that is no earlier.
        entry.as_of = entry.as_of.map(|told| since.map_or(told, |since| told.max(since)));
        if let Some(provider) = &mut encounter.service_provider {
            provider.reference = Some(self.organization(provider));
        }
        if self.is_deleted() {
            encounter.status = Some("entered-in-error".to_owned());
        }
        self.share.bundle.encounters.push(entry);
    }

    /// Says which condition of the files a reason is, and since when that is so. It returns what is told of one that is in none of them, and
    /// has no name beside.
    fn reason(&self, reason: &mut Reference, since: &mut Option<DateTime<Utc>>) -> Option<UnnamedReason> {
        let pointer = Pointer::read(reason)?;
        if pointer.contained.is_some() || !matches!(pointer.kind, None | Some(Some(Kind::Condition))) {
            return None;
        }
        if let Ok(group) = self.index.resolve(self.origin, &pointer, &[Kind::Condition]) {
            reason.reference = Some(format!("Condition/{group}"));
            *since = (*since).max(self.index.as_of(group));
            return None;
        }
        let address = reason.reference.replace(NOWHERE.to_owned());
        let source = address.and_then(|address| self.condition(&address));
        reason.display.is_none().then_some(UnnamedReason { source })
    }

    /// What the source calls a condition. One without an address is on the server of what refers to it.
    fn condition(&self, address: &str) -> Option<SourceId> {
        let address = address.trim();
        let own = address.split_once("/_history/").map_or(address, |(address, _)| address);
        // A URN is made for one bundle.
        let is_urn = own.contains(':') && !own.contains("://");
        let own = own.rsplit('/').next().filter(|_| !is_urn);
        let told = source_id(
            Kind::Condition,
            own,
            Some(address),
            self.index.patient_id_at(self.origin),
        )?;
        let server = self
            .source
            .and_then(|own| own.server)
            .filter(|_| told.patient.is_some());
        Some(SourceId {
            server: told.server.or(server),
            ..told
        })
    }

    /// The practitioner whom a participant names, directly or by a role, and since when that role is theirs.
    fn individual(&mut self, reference: &Reference, since: &mut Option<DateTime<Utc>>) -> String {
        let Some(pointer) = Pointer::read(reference) else {
            return NOWHERE.to_owned();
        };
        if pointer.kind == Some(None) {
            // Somebody who is no practitioner: a relative, a device.
            return "Other/0".to_owned();
        }
        let wanted = [Kind::Practitioner, Kind::Role];
        let Ok(group) = self.index.resolve(self.origin, &pointer, &wanted) else {
            return NOWHERE.to_owned();
        };
        if matches!(self.index.payload_of(group), Some(Payload::Role(..))) {
            *since = (*since).max(self.index.as_of(group));
        }
        match behind_role(self.index, group) {
            // Whom nobody would know again: the organisation says more.
            Some(practitioner)
                if self.index.is_contained(practitioner)
                    && names(self.index, Kind::Practitioner, practitioner).is_err() =>
            {
                "Other/0".to_owned()
            }
            Some(practitioner) => self.practitioner(practitioner),
            None => NOWHERE.to_owned(),
        }
    }

    fn practitioner(&mut self, group: u32) -> String {
        let id = group.to_string();
        let reference = format!("Practitioner/{id}");
        let known = &mut self.share.bundle.practitioners;
        if known.iter().any(|entry| entry.resource.id.as_deref() == Some(&id)) {
            return reference;
        }
        let Ok(names) = names(self.index, Kind::Practitioner, group) else {
            return NOWHERE.to_owned();
        };
        known.push(Entry::bare(fhir::Practitioner {
            id: Some(id),
            identifier: names.first().map(fhir::Identifier::plain).into_iter().collect(),
            ..fhir::Practitioner::default()
        }));
        reference
    }

    fn organization(&mut self, reference: &Reference) -> String {
        let group =
            Pointer::read(reference).map(|pointer| self.index.resolve(self.origin, &pointer, &[Kind::Organization]));
        let names = match group {
            Some(Ok(group)) => names(self.index, Kind::Organization, group)
                .map(|names| (group.to_string(), names))
                .ok(),
            // A reference names an organisation, though none of the files describes it: no record of it is kept here.
            _ => identified(reference)
                .map(|identifier| (format!("{}|{}", identifier.system, identifier.value), vec![identifier])),
        };
        let Some((id, names)) = names else {
            return NOWHERE.to_owned();
        };
        let id = id.replace([':', '/'], "-");
        let reference = format!("Organization/{id}");
        let known = &mut self.share.bundle.organizations;
        if !known.iter().any(|entry| entry.resource.id.as_deref() == Some(&id)) {
            known.push(Entry::bare(fhir::Organization {
                id: Some(id),
                identifier: names.first().map(fhir::Identifier::plain).into_iter().collect(),
            }));
        }
        reference
    }

    /// Brings a medication that stands elsewhere here. What the resource contains itself is found there. The resource is as of then what
    /// the medication is, if that was told since.
    fn medication(&mut self, reference: &mut Option<Reference>, as_of: &mut Option<DateTime<Utc>>) {
        let Some(reference) = reference else { return };
        let Some(pointer) = Pointer::read(reference) else {
            return;
        };
        if pointer.contained.is_some() {
            return;
        }
        let group = self.index.resolve(self.origin, &pointer, &[Kind::Medication]).ok();
        let Some((group, Payload::Medication(medication))) =
            group.and_then(|group| Some((group, self.index.payload_of(group)?)))
        else {
            reference.reference = Some(NOWHERE.to_owned());
            return;
        };
        let id = group.to_string();
        let known = &mut self.share.bundle.medications;
        if !known.iter().any(|entry| entry.resource.id.as_deref() == Some(&id)) {
            known.push(Entry::bare(fhir::Medication {
                id: Some(id.clone()),
                ..medication.clone()
            }));
        }
        reference.reference = Some(format!("Medication/{id}"));
        // What has no date is as of now, and that is no earlier.
        *as_of = as_of.map(|told| self.index.as_of(group).map_or(told, |since| told.max(since)));
    }
}

fn document_of(index: &Index, origin: Origin) -> DocumentId {
    DocumentId {
        file: origin.file,
        number: index.document_at(origin),
        is_bundle: index.is_in_bundle(origin),
    }
}

/// The identifier that is in a reference: logical, in a search, or the address itself.
fn identified(reference: &Reference) -> Option<Identifier> {
    let logical = reference.identifier.as_deref().and_then(naming::taken);
    logical.or_else(|| {
        let text = reference.reference.as_deref()?.trim();
        if text.contains('?') {
            return Pointer::searched_identifier(text);
        }
        let text = text.split_once("/_history/").map_or(text, |(text, _)| text);
        let id = text
            .rsplit('/')
            .next()
            .filter(|id| !id.is_empty() && !text.starts_with('#'))?;
        let value = if text.contains(':') {
            text.to_owned()
        } else {
            format!("urn:uuid:{id}")
        };
        Some(Identifier {
            system: ADDRESSES.to_owned(),
            value,
        })
    })
}

/// The practitioner that a group is, or that the role is of that it is.
pub(super) fn behind_role(index: &Index, group: u32) -> Option<u32> {
    match index.payload_of(group)? {
        Payload::Practitioner(..) => Some(group),
        Payload::Role(_, role) => {
            let pointer = Pointer::read(role.practitioner.as_ref()?)?;
            index
                .resolve(index.place_of(group)?, &pointer, &[Kind::Practitioner])
                .ok()
        }
        Payload::Medication(_) => None,
    }
}

/// What names a group here, the best first.
///
/// # Errors
/// When nothing names it and nothing else: it is not imported, for it would be taken for another one.
pub(super) fn names(index: &Index, kind: Kind, group: u32) -> Result<Vec<Identifier>, &'static str> {
    names_among(index, kind, group, index.names_of(group))
}

/// The same, of all that names the group.
fn names_among(index: &Index, kind: Kind, group: u32, names: Names) -> Result<Vec<Identifier>, &'static str> {
    if !names.own.is_empty() || !names.of_cases.is_empty() {
        return Ok(names.own.into_iter().chain(names.of_cases).collect());
    }
    let is_address = |name: &Identifier| name.value.starts_with("http");
    let told_apart = |name: &Identifier| match kind {
        // The next export may give them other ids; their common number would then make them one.
        Kind::Patient if !names.shared.is_empty() => is_address(name),
        _ => !index.is_called_alike(kind, name, group),
    };
    let resource: Vec<Identifier> = names.resource.iter().filter(|name| told_apart(name)).cloned().collect();
    if !resource.is_empty() {
        return Ok(resource);
    }
    Err(if !names.shared.is_empty() {
        "has no identifier of its own: somebody else in the files has the same, and so neither of them is imported under it"
    } else if !names.resource.is_empty() {
        "has no identifier, and somebody else in the files has the same id"
    } else {
        "has neither an id nor an identifier"
    })
}

fn in_error(codes: &str) -> CodeableConcept {
    CodeableConcept {
        coding: vec![Coding {
            system: Some(format!("http://terminology.hl7.org/CodeSystem/{codes}")),
            code: Some("entered-in-error".to_owned()),
            display: None,
            user_selected: false,
        }],
        text: None,
    }
}

/// What is gathered of the persons of whom not everything is there yet.
#[derive(Default)]
pub(super) struct Gathering(HashMap<u32, Share>);

impl Gathering {
    /// Adds what a file has of its persons. Those of whom everything is there now are returned.
    pub(super) fn add(&mut self, index: &Index, shares: BTreeMap<u32, Share>, context: &Context) -> Vec<(u32, Share)> {
        let mut complete = Vec::new();
        for (owner, share) in shares {
            let mut all = self.0.remove(&owner).unwrap_or_default();
            all.append(share);
            if all.parts < index.parts_of(owner) {
                self.0.insert(owner, all);
            } else {
                complete.push((owner, all.settle(context)));
            }
        }
        complete
    }

    /// Those of whom something never came: a file that was there at the first reading is not any more.
    pub(super) fn rest(self, context: &Context) -> Vec<(u32, Share)> {
        self.0
            .into_iter()
            .map(|(owner, share)| (owner, share.settle(context)))
            .collect()
    }
}
