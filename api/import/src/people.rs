//! The practitioners and the persons of a run, mapped: what is to be registered, under which names. Pure.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::chart::{Contents, Ended, ListKind, Remark, Report};
use domain::encounter::{EncounterNames, Outcome};
use domain::kernel::{Concept, HumanName, Identifier};
use domain::patient::{Detail, PatientDetails};
use domain::practitioner::PractitionerDetails;

use super::context::Context;
use super::exports::DocumentId;
use super::fhir::{self, Bundle, BundleError, Entry, Life, Reference};
use super::identity::{ADDRESSES, Index, Key, Kind, Likeness, Names, Payload, Usage, is_global, is_on_a_server, keys};
use super::mapping::{self, Notes, Plan, Provider, UnnamedMedication, Visit};
use super::merge;
use super::shares::{self, Deleted, Share, VisitNames, behind_role};

/// A practitioner to register.
pub(super) struct Doctor {
    /// The file in which they are described.
    pub(super) file: u32,
    /// Where in it.
    pub(super) path: String,
    /// What names them, the best first.
    pub(super) names: Vec<Identifier>,
    /// What else their sources call them, the best first.
    pub(super) addresses: Vec<Identifier>,
    /// Who they are, by their newest state. There may be no specialization among it.
    pub(super) details: PractitionerDetails,
    /// What tells them from others.
    pub(super) likeness: Likeness,
    /// What of them is not taken as it stands.
    pub(super) notes: Notes,
}

impl Doctor {
    /// All that they may be recorded under, the best first.
    pub(super) fn known_as(&self) -> Vec<Identifier> {
        distinct(self.names.iter().chain(&self.addresses))
    }

    /// What they are registered with: somebody without a specialization is a general practitioner.
    pub(super) fn registration(&self) -> PractitionerDetails {
        let mut details = self.details.clone();
        if details.specializations.is_empty() {
            details.specializations.push(merge::supposed_specialization());
        }
        details
    }
}

/// The practitioners of a run, and those who cannot be registered: the file, the place and the reason.
pub(super) fn doctors(index: &Index, context: &Context) -> (Vec<Doctor>, Vec<(u32, String, &'static str)>) {
    let mut roles: Vec<(u32, Entry<fhir::PractitionerRole>)> = Vec::new();
    for group in index.groups_of(Kind::Role) {
        if let (Some(Payload::Role(path, role)), Some(practitioner)) =
            (index.payload_of(group), behind_role(index, group))
        {
            let resource = fhir::PractitionerRole {
                practitioner: Some(Reference::to(format!("Practitioner/{practitioner}"))),
                ..role.clone()
            };
            roles.push((
                practitioner,
                Entry {
                    path: path.clone(),
                    as_of: index.as_of(group),
                    ..Entry::bare(resource)
                },
            ));
        }
    }
    let (mut doctors, mut refused) = (Vec::new(), Vec::new());
    for group in index.groups_of(Kind::Practitioner) {
        let (Some(Payload::Practitioner(path, resource)), Some(place)) =
            (index.payload_of(group), index.place_of(group))
        else {
            continue;
        };
        let names = match shares::names(index, Kind::Practitioner, group) {
            Ok(names) => names,
            // Told where they are named.
            Err(_) if index.is_contained(group) => continue,
            Err(why) => {
                refused.push((place.file, path.clone(), why));
                continue;
            }
        };
        let resource = fhir::Practitioner {
            id: Some(group.to_string()),
            identifier: names.first().map(fhir::Identifier::plain).into_iter().collect(),
            ..resource.clone()
        };
        let mut bundle = Bundle::default();
        bundle.practitioners.push(Entry {
            path: path.clone(),
            as_of: index.as_of(group),
            ..Entry::bare(resource)
        });
        let own = roles.extract_if(.., |(practitioner, _)| *practitioner == group);
        bundle.roles.extend(own.map(|(_, role)| role));
        let as_of = bundle.roles.iter().map(|role| role.as_of).max().flatten();
        let mut notes = Notes::default();
        let known = index.names_of(group);
        for _ in known.shared {
            let why = "has an identifier that somebody else in the files has as well: it names neither of them, and is not recorded";
            notes.left_out("Practitioner", path, why);
        }
        if index.is_told_otherwise(group) {
            notes.changed("Practitioner", path, TOLD_OTHERWISE);
        }
        if names.iter().all(is_of_a_bundle) && !index.has_id(group) {
            notes.changed("Practitioner", path, DOCTOR_OF_ONE_BUNDLE);
        }
        if let Some(mut details) = mapping::practitioners(&bundle, context, &mut notes).pop() {
            details.as_of = index.as_of(group).max(as_of);
            let is_known_again = index.has_id(group) && !index.is_contained(group);
            // Who stands inside another resource is called by that one's address.
            let own = known
                .resource
                .into_iter()
                .filter(|own| is_known_again && !own.value.contains('#'));
            let addresses = own.filter(|own| !index.is_called_alike(Kind::Practitioner, own, group));
            let former = index.former_practitioners(group).into_iter();
            let mut former = former.map(|former| mapping::specializations(former, path));
            if details.specializations.is_empty() {
                details.specializations = former.find(|told| !told.is_empty()).unwrap_or_default();
            }
            if details.specializations.is_empty() {
                let why = "names no specialization: where none is recorded yet, general practice stands for it";
                notes.changed("Practitioner", path, why);
            }
            let likeness = index.likeness_of(group);
            doctors.push(Doctor {
                file: place.file,
                path: path.clone(),
                names,
                addresses: addresses.collect(),
                details,
                likeness,
                notes,
            });
        }
    }
    (doctors, refused)
}

/// A person to register, with their visits.
pub(super) struct Person {
    /// The file in which they are described.
    pub(super) file: u32,
    /// Where in it.
    pub(super) path: String,
    /// All files that tell of them.
    pub(super) files: BTreeSet<u32>,
    /// Who they are, by the newest state of everything. `None` when they are refused.
    pub(super) details: Option<PatientDetails>,
    /// What the person may be registered under, the best first.
    pub(super) names: Vec<Identifier>,
    /// What names them and nobody else, wherever: a record that is known by one of these is theirs. An id of a resource that is no
    /// address is not among them: another server has another resource of that id.
    pub(super) certain: Vec<Identifier>,
    /// Everything by which a record of theirs may be known that is there already.
    pub(super) known_as: Vec<Identifier>,
    /// Those of the names that are of a type that belongs to one person alone.
    pub(super) typed: Vec<Identifier>,
    /// What is theirs no longer.
    pub(super) former: Vec<Identifier>,
    /// What the resource itself is called.
    pub(super) resource: Vec<Identifier>,
    /// Whether that is good in one bundle alone.
    pub(super) is_of_one_bundle: bool,
    /// What tells them from others.
    pub(super) likeness: Likeness,
    /// Whether a name is told that is in use.
    pub(super) has_name: bool,
    /// Whether their source says that they are alive.
    pub(super) is_alive: bool,
    /// Whether only an older state tells that they have died.
    pub(super) is_death_former: bool,
    /// Whether older states tell of them, too.
    pub(super) has_former: bool,
    /// What is out of use, each as a detail.
    pub(super) over: Vec<(Detail, PatientDetails)>,
    /// What is told of their chart, by all exports of the run.
    pub(super) report: Report,
    /// What becomes of what an export tells, for what the ones after it do.
    pub(super) remarks: Vec<(ListKind, Remark)>,
    /// Medications of theirs whose names are not told. They may be recorded.
    pub(super) unnamed: Vec<UnnamedMedication>,
    /// What is told without a date is as of this.
    pub(super) now: DateTime<Utc>,
    /// Their visits.
    pub(super) visits: Vec<Visit>,
    /// Why they are refused.
    pub(super) refused: Vec<BundleError>,
    /// What of them is not taken as it stands.
    pub(super) notes: Notes,
}

impl Person {
    /// What is told of their chart, with the medications whose names are recorded and not told; and those whose names are neither.
    pub(super) fn report_on(&self, noted: &Contents) -> (Report, Vec<UnnamedMedication>) {
        let mut report = self.report.clone();
        let (mut named, mut unnamed) = (Vec::new(), Vec::new());
        for told in &self.unnamed {
            match told.named_by(&noted.medications) {
                Some(medication) => named.push(medication),
                None => unnamed.push(told.clone()),
            }
        }
        if !named.is_empty() {
            report.medications = report.medications.list().iter().cloned().chain(named).collect();
        }
        (report, unnamed)
    }

    /// The reasons of visits that stand in conditions of none of the files, by the places of the visits: as they are recorded.
    pub(super) fn reasons_in(&self, noted: &Contents) -> Reasons {
        let of = |visit: &Visit| {
            let reason = visit.unnamed_reason?;
            Some((visit.path.clone(), reason.named_by(&noted.conditions)))
        };
        Reasons(self.visits.iter().filter_map(of).collect())
    }
}

/// The reasons of visits that stand in conditions of none of the files, by the places of the visits.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Reasons(HashMap<String, Option<Concept>>);

impl Reasons {
    /// A visit with its reason.
    pub(super) fn name(&self, visit: &Visit) -> Visit {
        let named = self.0.get(&visit.path).cloned().flatten();
        Visit {
            reason: named.or_else(|| visit.reason.clone()),
            ..visit.clone()
        }
    }

    /// Says of which visits the reason is not known.
    pub(super) fn remark(&self, notes: &mut Notes) {
        for path in self
            .0
            .iter()
            .filter_map(|(path, named)| named.is_none().then_some(path))
        {
            notes.left_out("Encounter", path, UNNAMED_REASON);
        }
    }
}

/// What there is to say of one person of whom two things are told.
pub(super) const TOLD_OTHERWISE: &str =
    "has another name, sex, date of birth or number than another state has, and is taken for the same person";

/// Why what is told changes nothing.
pub(super) const NO_NEWER: &str = "is no newer state than the one that is recorded, which stays";

/// Why a visit has not the reason that its source tells.
const UNNAMED_REASON: &str = "has a reason that is neither in the files nor in the record";

/// Why an identifier is not recorded.
pub(super) const SURPLUS_NAME: &str = "has more identifiers than a record takes: one is not recorded";

/// What is said of a doctor whom nothing names beyond the bundle.
const DOCTOR_OF_ONE_BUNDLE: &str = "has neither an identifier nor an id, but an address of this bundle alone: another export of them makes a second entry";

/// What is said of a person whom nothing names beyond the bundle.
const OF_ONE_BUNDLE: &str = "has neither an identifier nor an id, but an address of this bundle alone: another export of them makes a second record";

/// Maps a person.
pub(super) fn person(index: &Index, owner: u32, share: &Share, context: &Context) -> Person {
    let Plan {
        mut patients,
        mut visits,
        refused,
        mut report,
        remarks,
        unnamed,
        mut notes,
    } = mapping::map(&share.bundle, &share.exports, context);
    name_visits(&mut visits, &share.names);
    let names = index.names_of(owner);
    let own = shares::names(index, Kind::Patient, owner).unwrap_or_default();
    // The URN of a bundle's entry is made for that bundle, and in some sources the same in each.
    let is_of_one_bundle = !index.has_id(owner) && names.resource.iter().all(|name| !is_on_a_server(&name.value));
    let addresses = names.resource.iter();
    let addresses = addresses.filter(|name| is_global(&name.value) && !is_of_one_bundle);
    let certain = distinct(names.own.iter().chain(addresses));
    let mut details = patients.pop();
    let described = share.bundle.patients.first();
    let as_of = described.and_then(|entry| entry.as_of);
    let is_alive = described.is_some_and(|entry| entry.resource.life() == Life::Alive);
    if let Some(entry) = described {
        remark_on_names(&names, entry, &mut notes);
        if index.is_told_otherwise(owner) {
            notes.changed("Patient", &entry.path, TOLD_OTHERWISE);
        }
        if names.own.is_empty() && !index.has_id(owner) {
            notes.changed("Patient", &entry.path, OF_ONE_BUNDLE);
        }
    }
    let addresses = names.resource.iter().filter(|name| is_on_a_server(&name.value));
    let all = own.iter().skip(1).chain(names.resource.first()).chain(addresses);
    let others = distinct(all.filter(|other| Some(*other) != own.first()));
    if let Some(entry) = described {
        for _ in own.iter().skip(1).filter(|name| !others.contains(name)) {
            notes.left_out("Patient", &entry.path, SURPLUS_NAME);
        }
    }
    for deleted in &share.deleted {
        let why = "was deleted at the source, and is theirs who alone are told of beside it: if it is recorded, it is taken out, and no older state brings it back";
        notes.passed_over(deleted.kind.name(), &deleted.path, why);
        report.ended.push(end_of(deleted));
    }
    let over = described.map_or_else(Vec::new, |entry| mapping::details_over(&entry.resource, context));
    if let Some(details) = &mut details {
        details.as_of = as_of;
        details.detail_dates = merge::detail_dates(details, &share.detail_dates);
        if is_alive {
            // That is said, and no older state tells a death any more.
            let told = share.detail_dates.get(&Detail::Deceased).copied().flatten();
            *details = merge::alive(details.clone(), told.or(as_of).unwrap_or(context.now));
        }
        details.other_identifiers = others;
    }
    Person {
        file: index.place_of(owner).map_or(0, |place| place.file),
        path: described.map(|entry| entry.path.clone()).unwrap_or_default(),
        files: share.files.clone(),
        details,
        typed: names.typed,
        has_name: described.is_some_and(|entry| mapping::has_name(&entry.resource.name, context)),
        is_alive,
        is_death_former: !is_alive && share.detail_dates.contains_key(&Detail::Deceased),
        has_former: share.has_former,
        over,
        report,
        remarks,
        unnamed,
        now: context.now,
        resource: names.resource.clone(),
        is_of_one_bundle,
        known_as: distinct(
            certain
                .iter()
                .chain(&own)
                .chain(&names.resource)
                .chain(&names.shared)
                // Under a number that they had they may be recorded, if all else agrees.
                .chain(&names.former),
        ),
        certain,
        names: own,
        former: names.former,
        likeness: index.likeness_of(owner),
        visits,
        refused,
        notes,
    }
}

/// How many visits an export describes alike so far.
type Alike = HashMap<(Export, Key), u32>;

/// What gives each visit one id: whatever calls the patient so, or where no visit has an id, the document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Export {
    CallsPatient([u8; 4]),
    Document(DocumentId),
}

/// Names all visits of a patient. Those that an export describes alike are in the order of their dates, whatever order they are told in: whichever of
/// them changes until the next export, the first is then no older than the first was, nor the second than the second, so that no state
/// is passed over as an older one. Those with more numbers come before, for a number that one has alone tells which one it is. Of one date those that are taken back come last, and what they say decides on the order of the others.
fn name_visits(visits: &mut [Visit], names: &HashMap<String, VisitNames>) {
    let mut alike = HashMap::new();
    let mut named: Vec<(&mut Visit, &VisitNames)> = visits
        .iter_mut()
        .filter_map(|visit| names.get(&visit.path).map(|names| (visit, names)))
        .collect();
    named.sort_by_cached_key(|(visit, names)| {
        let reason = visit.reason.as_ref().map(|reason| reason.text.clone());
        let is_taken_back = visit.outcome == Outcome::EnteredInError;
        let numbers = std::cmp::Reverse(names.identifiers.len());
        (
            numbers,
            visit.as_of,
            is_taken_back,
            visit.outcome,
            reason,
            visit.slot.minutes,
        )
    });
    for (visit, names) in named {
        name_visit(visit, names, &mut alike);
    }
}

/// What names a visit. Where nothing does but a URN, which is made for one bundle, an id, which may be made for one export, or the number of
/// its case, it is described as well, by what the next export will tell of it, too.
fn name_visit(visit: &mut Visit, names: &VisitNames, alike: &mut Alike) {
    visit.others = names.identifiers.iter().skip(1).cloned().collect();
    visit.sources = names.sources.clone();
    visit.unnamed_reason = names.unnamed_reason;
    let is_on_a_server = visit.sources.list().iter().any(|source| source.server.is_some());
    let patient = visit.sources.list().iter().find_map(|source| source.patient);
    let export = patient.map_or(Export::Document(names.document), Export::CallsPatient);
    let (Provider::Practitioner(provider) | Provider::Organization(provider)) = &visit.provider;
    let start = visit.slot.start.to_rfc3339();
    // How long it takes, and why, may become known later; and a doctor's URN is as new as the visit's.
    let mut told = vec![start.as_str()];
    let has_number = !is_of_a_bundle(&visit.identifier);
    let is_doctor_known = !is_of_a_bundle(provider);
    if is_doctor_known {
        told.extend([provider.system.as_str(), provider.value.as_str()]);
    }
    if !visit.sources.list().is_empty() {
        // Its id may be made anew for the next export. No other doctor's visit at that moment is taken for it.
        if !is_on_a_server && visit.has_hour && is_doctor_known {
            if has_number {
                // By each of its numbers: which of them is the case's this export may not show.
                let numbers = std::iter::once(&visit.identifier).chain(&visit.others);
                let by_number = |number: &Identifier| {
                    let told = [&[number.system.as_str(), number.value.as_str()], told.as_slice()].concat();
                    described(&told, export, alike)
                };
                let descriptions: Vec<Identifier> = numbers.map(by_number).collect();
                visit.others.splice(0..0, descriptions);
            } else {
                // What is only its id is among the sources.
                visit.identifier = described(&told, export, alike);
            }
        }
    } else if names.are_of_its_case {
        // What else is told may become more: of an open one nobody knows the end.
        let case = visit.identifier.clone();
        visit.identifier = described(&[&case.system, &case.value, &start], export, alike);
        visit.others.insert(0, case);
    } else if !has_number && visit.others.is_empty() {
        visit.identifier = described(&told, export, alike);
    }
    visit.others.truncate(EncounterNames::MOST_OTHERS);
}

/// Whether an identifier may be the URN that a bundle has for an entry.
fn is_of_a_bundle(name: &Identifier) -> bool {
    name.system == ADDRESSES && name.value.starts_with("urn:uuid:")
}

/// A description of a visit: an identifier that is made of what is told of it, and of how many others its export describes so.
fn described(told: &[&str], export: Export, alike: &mut Alike) -> Identifier {
    let before = alike.entry((export, Key::of(told))).or_default();
    let number = before.to_string();
    *before = before.saturating_add(1);
    let told = [told, &[number.as_str()]].concat();
    Identifier {
        system: EncounterNames::DESCRIPTIONS.to_owned(),
        value: hex::encode(Key::of(&told).digest::<16>()),
    }
}

/// What a deletion takes back, by what its source calls it.
const fn end_of(deleted: &Deleted) -> Ended {
    Ended {
        list: match deleted.kind {
            Kind::Condition => ListKind::Conditions,
            Kind::Allergy => ListKind::Allergies,
            _ => ListKind::Medications,
        },
        concept: None,
        since: None,
        source: Some(deleted.source),
        as_of: deleted.as_of,
    }
}

/// Says what of that by which a person is called is not taken.
fn remark_on_names(names: &Names, Entry { path, resource, .. }: &Entry<fhir::Patient>, notes: &mut Notes) {
    for _ in &names.shared {
        let why = "has an identifier that somebody else in the files has as well: it names neither of them, and is not recorded";
        notes.left_out("Patient", path, why);
    }
    if resource.active.0 == Some(false) {
        let why = "is not active any more at its source, and is recorded nevertheless";
        notes.changed("Patient", path, why);
    }
    for link in resource.link.0.iter().flatten() {
        let why = match link.kind.as_deref() {
            Some("replaced-by") => {
                "is replaced by another one, says its source: by that alone they are not made one, for that is for people to decide"
            }
            Some("replaces") => {
                "replaces another one, says its source: by that alone they are not made one, for that is for people to decide"
            }
            _ => "is linked to another record at its source: that is not recorded",
        };
        notes.left_out("Patient", path, why);
    }
}

/// Each once, in their order, no more than a record takes.
fn distinct<'a>(identifiers: impl Iterator<Item = &'a Identifier>) -> Vec<Identifier> {
    let mut distinct: Vec<Identifier> = Vec::new();
    for identifier in identifiers {
        if !distinct.contains(identifier) && distinct.len() < PatientDetails::MOST_IDENTIFIERS {
            distinct.push(identifier.clone());
        }
    }
    distinct
}

/// What a record here says of whom it describes.
pub(super) fn likeness_of(details: &PatientDetails) -> Likeness {
    use chrono::Datelike as _;
    let is_address = |identifier: &&Identifier| identifier.system == ADDRESSES;
    let mut identifiers: Vec<_> = details.names().filter(|one| !is_address(one)).map(keys).collect();
    identifiers.sort_unstable();
    let born = details.birth_date;
    Likeness {
        is_patient: true,
        born: Some((born.year(), Some(born.month()), Some(born.day()))),
        birth_order: None,
        gender: super::identity::gender(details.gender),
        given: super::identity::words(details.name.given.iter().map(String::as_str)),
        called: super::identity::called(details.name.given.iter().map(String::as_str))
            .into_iter()
            .map(|called| (Usage::Main, called))
            .collect(),
        family: super::identity::words([details.name.family.as_str()]),
        mark: None,
        identifiers,
        own: details
            .names()
            .filter(|one| is_address(one) && is_global(&one.value))
            .map(|own| keys(own).1)
            .next(),
    }
}

/// What an entry of a practitioner says of whom it describes.
pub(super) fn likeness_of_doctor(details: &PractitionerDetails) -> Likeness {
    let none = HumanName::default();
    let name = if details.name == merge::nameless() {
        &none
    } else {
        &details.name
    };
    Likeness {
        gender: super::identity::gender(details.gender),
        given: super::identity::words(name.given.iter().map(String::as_str)),
        called: super::identity::called(name.given.iter().map(String::as_str))
            .into_iter()
            .map(|called| (Usage::Main, called))
            .collect(),
        family: super::identity::words_of_doctor([name.family.as_str()]),
        ..Likeness::default()
    }
}
