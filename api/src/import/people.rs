//! The practitioners and the persons of a run, mapped: what is to be registered, under which names. Pure.

use domain::kernel::{CodeSystem, Coding, Concept, Identifier};
use domain::patient::{Intake, PatientDetails, Registration};
use domain::practitioner::PractitionerDetails;

use super::fhir::{self, Bundle, BundleError, Entry, Reference};
use super::identity::{Index, Kind, Likeness, Payload, is_global, keys};
use super::mapping::{self, Context, Notes, Plan, Visit};
use super::merge::{self, Ended};
use super::parts::{self, Share, behind_role};

/// A practitioner to register.
pub(super) struct Doctor {
    /// The file in which they are described.
    pub(super) file: u32,
    /// Where in it.
    pub(super) path: String,
    /// What names them, the best first.
    pub(super) names: Vec<Identifier>,
    /// Who they are, by their newest state. There may be no speciality among it.
    pub(super) details: PractitionerDetails,
    /// What tells them from others.
    pub(super) likeness: Likeness,
    /// What of them is not taken as it stands.
    pub(super) notes: Notes,
}

/// SNOMED CT 394814009, the speciality of a practitioner whose source names none.
const GENERAL_PRACTICE: (&str, &str) = ("394814009", "General practice");

impl Doctor {
    /// What they are registered with: somebody without a speciality is a general practitioner.
    pub(super) fn registration(&self) -> PractitionerDetails {
        let mut details = self.details.clone();
        if details.specializations.is_empty() {
            let (code, text) = GENERAL_PRACTICE;
            let coding = Coding {
                system: CodeSystem::Snomed,
                code: code.to_owned(),
            };
            details.specializations.push(Concept {
                coding: Some(coding),
                text: text.to_owned(),
            });
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
                    resource,
                    as_of: index.as_of(group),
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
        let names = match parts::names(index, Kind::Practitioner, group) {
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
            resource,
            as_of: index.as_of(group),
        });
        let own = roles.extract_if(.., |(practitioner, _)| *practitioner == group);
        bundle.roles.extend(own.map(|(_, role)| role));
        let as_of = bundle.roles.iter().map(|role| role.as_of).max().flatten();
        let mut notes = Notes::default();
        if let Some(mut details) = mapping::practitioners(&bundle, context, &mut notes).pop() {
            details.as_of = index.as_of(group).max(as_of);
            let likeness = index.likeness_of(group);
            doctors.push(Doctor {
                file: place.file,
                path: path.clone(),
                names,
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
    /// Who they are and what they bring, by the newest state of everything. `None` when they are refused.
    pub(super) registration: Option<Registration>,
    /// What the person may be registered under, the best first.
    pub(super) names: Vec<Identifier>,
    /// What names them and nobody else, wherever: a record that is known by one of these is theirs.
    pub(super) certain: Vec<Identifier>,
    /// Everything by which a record of theirs may be known that is there already.
    pub(super) known_as: Vec<Identifier>,
    /// Those of the names that are of a type that belongs to one person alone.
    pub(super) typed: Vec<Identifier>,
    /// What is theirs no longer.
    pub(super) former: Vec<Identifier>,
    /// What tells them from others.
    pub(super) likeness: Likeness,
    /// What of what they bring is not so any more.
    pub(super) ended: Ended,
    /// Their visits.
    pub(super) visits: Vec<Visit>,
    /// Why they are refused.
    pub(super) refused: Vec<BundleError>,
    /// What of them is not taken as it stands.
    pub(super) notes: Notes,
}

/// Maps a person.
pub(super) fn person(index: &Index, owner: u32, share: &Share, context: &Context) -> Person {
    let Plan {
        mut patients,
        mut visits,
        refused,
        ended,
        notes,
    } = mapping::map(&share.bundle, context);
    for visit in &mut visits {
        let names = share.names.get(&visit.path);
        visit.others = names.into_iter().flatten().skip(1).cloned().collect();
    }
    let names = index.names_of(owner);
    let own = parts::names(index, Kind::Patient, owner).unwrap_or_default();
    let certain = distinct(
        own.iter()
            .chain(names.resource.iter().filter(|name| is_global(&name.value))),
    );
    let mut registration = patients.pop();
    let as_of = share.bundle.patients.first().and_then(|entry| entry.as_of);
    let others = own.iter().skip(1).chain(names.resource.first());
    let others = distinct(others.filter(|other| Some(*other) != own.first()));
    if let Some(Registration { details, intake }) = &mut registration {
        details.as_of = as_of;
        details.other_identifiers = others;
        *intake = merge::intake(&Intake::default(), intake, &ended).intake;
    }
    Person {
        file: index.place_of(owner).map_or(0, |place| place.file),
        path: share
            .bundle
            .patients
            .first()
            .map(|entry| entry.path.clone())
            .unwrap_or_default(),
        registration,
        typed: names.typed,
        ended,
        known_as: distinct(certain.iter().chain(&names.shared)),
        certain,
        names: own,
        former: names.former,
        likeness: index.likeness_of(owner),
        visits,
        refused,
        notes,
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
    let all = details.identifier.iter().chain(&details.other_identifiers);
    let is_address = |identifier: &&Identifier| identifier.system == super::identity::ADDRESSES;
    let mut identifiers: Vec<_> = all.clone().filter(|one| !is_address(one)).map(keys).collect();
    identifiers.sort_unstable();
    let born = details.birth_date;
    Likeness {
        born: Some((born.year(), Some(born.month()), Some(born.day()))),
        gender: super::identity::gender(details.gender),
        given: super::identity::words(details.name.given.iter().map(String::as_str)),
        family: super::identity::words([details.name.family.as_str()]),
        mark: None,
        identifiers,
        own: all.filter(is_address).map(|own| keys(own).1).next(),
    }
}

/// Whether the practitioner who is registered under an identifier cannot be this one.
pub(super) fn is_other_practitioner(likeness: &Likeness, known: &domain::kernel::HumanName) -> bool {
    let known = Likeness {
        given: super::identity::words(known.given.iter().map(String::as_str)),
        family: super::identity::words([known.family.as_str()]),
        ..Likeness::default()
    };
    likeness.contradicts(&known, false)
}
