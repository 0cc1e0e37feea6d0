//! What an index has to know of a file: the names of its resources, when they were, and what tells persons apart.

use chrono::{DateTime, Datelike as _, Utc};
use domain::chart::ListKind;
use domain::kernel::{Identifier, TextRule};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Kind;
use super::key::Key;
use super::likeness::{self, ADDRESSES, Likeness, Usage, Word, called, whole, words, words_of_doctor};
use super::naming::{self, Standing};
use super::pointer::Pointer;
use super::stamp::{self, Stamp, When};
use super::state::Tells;
use crate::context::Context;
use crate::fhir::{self, CodeableConcept, Contents, HumanName, Item, Lenient, Moment, Period, Reference};
use crate::negations::{Said, is_unclear, said, said_of_allergies};

/// What is seen of a resource at the first reading.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its kind.
    pub(crate) kind: Kind,
    /// Which of the file's items it is, or stands in.
    pub(crate) item: u32,
    /// Which of the file's documents that is in.
    pub(crate) document: u32,
    /// The bundle that it stands in, by its document. What stands alone in a file of many is of one source with them.
    pub(crate) bundle: Option<u32>,
    /// Whether it is deleted.
    pub(crate) deleted: bool,
    /// When it was.
    pub(crate) stamp: Stamp,
    /// Its whole address.
    pub(crate) url: Option<Key>,
    /// The server in that address.
    pub(crate) base: Option<Key>,
    /// Its id.
    pub(crate) id: Option<Key>,
    /// Whether the id is its own, and not merely in an address that is made anew for every bundle.
    pub(crate) is_id_told: bool,
    /// The id under which the item contains it.
    pub(crate) contained: Option<Key>,
    /// What it is called when nothing else names it.
    pub(crate) own: Option<Identifier>,
    /// Whether no other resource anywhere is called so.
    pub(crate) is_own_global: bool,
    /// Whether the id is a UUID: no other server has a resource of it.
    pub(crate) is_id_unique: bool,
    /// Its identifiers, and what each is good for.
    pub(crate) identifiers: Vec<(Standing, Identifier)>,
    /// What tells it apart.
    pub(crate) likeness: Likeness,
    /// What a finding or a medication says: its codes and texts.
    pub(crate) says: Vec<Word>,
    /// Whether an allergy is said to be life-threatening, or not to be.
    pub(crate) is_critical: Option<bool>,
    /// Whether its statuses say that there is such a thing: it is not refuted, over or in error.
    pub(crate) is_there: bool,
    /// Whether it is enough for a record.
    pub(crate) tells: Tells,
    /// Whose it is.
    pub(crate) subject: Option<Pointer>,
    /// What of it is needed before anything is imported.
    pub(crate) payload: Option<Box<Payload>>,
}

/// What of a resource is needed before anything is imported.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A practitioner, with their place in the file.
    Practitioner(String, fhir::Practitioner),
    /// In which role a practitioner works.
    Role(String, fhir::PractitionerRole),
    /// What a medication is.
    Medication(fhir::Medication),
}

/// Of every kind what tells it apart; what cannot be read is passed over, and told of when the resource is imported.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    resource_type: String,
    #[serde(default)]
    id: Lenient<String>,
    #[serde(default)]
    meta: Lenient<Meta>,
    #[serde(borrow, default)]
    identifier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(default)]
    birth_date: Lenient<String>,
    #[serde(default)]
    gender: Lenient<String>,
    #[serde(default)]
    multiple_birth_integer: Lenient<i64>,
    #[serde(default)]
    multiple_birth_boolean: Lenient<bool>,
    #[serde(default)]
    subject: Lenient<Reference>,
    #[serde(default)]
    patient: Lenient<Reference>,
    #[serde(default)]
    practitioner: Lenient<Reference>,
    #[serde(default)]
    period: Lenient<Period>,
    #[serde(default)]
    status: Lenient<String>,
    #[serde(borrow, default)]
    participant: Option<&'a RawValue>,
    #[serde(default)]
    service_provider: Lenient<Reference>,
    #[serde(default)]
    code: Lenient<CodeableConcept>,
    #[serde(default)]
    medication_codeable_concept: Lenient<CodeableConcept>,
    #[serde(default)]
    medication_reference: Lenient<Reference>,
    #[serde(default)]
    criticality: Lenient<String>,
    #[serde(default)]
    verification_status: Lenient<CodeableConcept>,
    #[serde(default)]
    clinical_status: Lenient<CodeableConcept>,
    #[serde(borrow, default)]
    reaction: Option<&'a RawValue>,
    #[serde(borrow, default)]
    contained: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    last_updated: Lenient<String>,
    #[serde(default)]
    version_id: Lenient<String>,
}

/// The elements of a list that can be read.
fn list<T: DeserializeOwned>(raw: Option<&RawValue>) -> Vec<T> {
    let elements: Option<Vec<&RawValue>> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let elements = elements.unwrap_or_default().into_iter();
    elements
        .filter_map(|raw| serde_json::from_str(raw.get()).ok())
        .collect()
}

/// What is seen of a file at the first reading.
#[derive(Debug, Default)]
pub(crate) struct SeenFile {
    /// The resources.
    pub(crate) resources: Vec<Seen>,
    /// The medications to which resources of any kind refer, and the items that do.
    pub(crate) medications: Vec<(u32, Pointer)>,
}

/// Sees a file.
pub(crate) fn scan(contents: &Contents<'_>, context: &Context) -> SeenFile {
    let mut seen = SeenFile::default();
    for (number, item) in contents.items.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        match (item.resource, &item.deleted) {
            (Some(resource), _) => see(&mut seen, number, item, resource, context),
            (None, Some(address)) => seen.resources.extend(deleted(number, item, address, context)),
            (None, None) => {}
        }
    }
    seen
}

fn see(file: &mut SeenFile, number: u32, item: &Item<'_>, resource: &RawValue, context: &Context) {
    let Ok(header) = serde_json::from_str::<Header<'_>>(resource.get()) else {
        return;
    };
    let medication = header.medication_reference.0.as_ref().and_then(Pointer::read);
    file.medications
        .extend(medication.map(|medication| (number, medication)));
    let seen = &mut file.resources;
    let Some(kind) = Kind::read(&header.resource_type) else {
        return;
    };
    let meta = header.meta.0.as_ref();
    let told = meta.and_then(|meta| meta.last_updated.0.as_deref());
    let stamp = Stamp {
        updated: match when(kind, item, told, context) {
            // Not dated, an open visit is the older one.
            When::Now if kind == Kind::Encounter && !is_concluded(header.status.0.as_deref()) => When::Unknown,
            when => when,
        },
        version: meta.and_then(|meta| meta.version_id.0.as_deref()?.parse().ok()),
        place: (0, place(number, item)),
    };
    let own = own(item.full_url.as_deref(), header.id.0.as_deref());
    let mut found = Seen {
        own,
        is_own_global: item.full_url.as_deref().is_some_and(is_on_a_server)
            || header.id.0.as_deref().is_some_and(is_uuid),
        is_id_told: header.id.0.is_some() || item.full_url.as_deref().is_some_and(is_on_a_server),
        bundle: Some(item.document).filter(|_| !item.is_alone),
        ..bare(kind, number, item.document, stamp)
    };
    let address = item.full_url.as_deref().map(Pointer::address);
    if let Some(address) = address {
        (found.url, found.base) = (address.url, address.base);
        found.id = address.id;
    }
    found.id = header.id.0.as_deref().map(|id| Key::of(&[id])).or(found.id);
    let last = item.full_url.as_deref().and_then(|url| url.rsplit(['/', ':']).next());
    found.is_id_unique = header.id.0.as_deref().or(last).is_some_and(is_uuid);
    describe(&mut found, &header, context);
    let (subject, patient) = (header.subject.0.as_ref(), header.patient.0.as_ref());
    // R4 has `AllergyIntolerance.patient`; its predecessors have `patient` in other kinds.
    let told = if kind == Kind::Allergy {
        patient.or(subject)
    } else {
        subject.or(patient)
    };
    let told = match kind {
        Kind::Role => header.practitioner.0.as_ref(),
        _ => told.filter(|_| kind.is_of_a_patient()),
    };
    found.subject = told.and_then(Pointer::read);
    if kind.is_finding() || kind == Kind::Medication {
        found.says = says(&header);
    }
    if kind == Kind::Allergy {
        found.is_critical = match header.criticality.0.as_deref() {
            Some("high") => Some(true),
            Some("low") => Some(false),
            _ => None,
        };
    }
    found.is_there = is_there(&header);
    found.tells = tells(&found, &header);
    found.payload = payload(kind, &item.path, resource);
    let own = found.own.clone();
    seen.push(found);
    if matches!(kind, Kind::Encounter | Kind::Role) {
        see_contained(seen, number, item, &header, own.as_ref(), context);
    }
}

/// The practitioners, roles and organisations that a resource contains.
fn see_contained(
    seen: &mut Vec<Seen>,
    number: u32,
    item: &Item<'_>,
    outer: &Header<'_>,
    container: Option<&Identifier>,
    context: &Context,
) {
    let contained: Option<Vec<&RawValue>> = outer.contained.and_then(|raw| serde_json::from_str(raw.get()).ok());
    // Whom nobody else tells of, and who has no number, says less than the organisation does.
    let is_named = |kind| kind == Kind::Organization || outer.service_provider.0.is_none();
    for resource in contained.unwrap_or_default() {
        let Ok(header) = serde_json::from_str::<Header<'_>>(resource.get()) else {
            continue;
        };
        let kind = Kind::read(&header.resource_type);
        let kind = kind.filter(|kind| matches!(kind, Kind::Practitioner | Kind::Role | Kind::Organization));
        let (Some(kind), Some(id)) = (kind, header.id.0.as_deref()) else {
            continue;
        };
        let id = id.trim_start_matches('#');
        let stamp = Stamp {
            place: (0, place(number, item)),
            ..Stamp::default()
        };
        let mut found = Seen {
            contained: Some(Key::of(&[id])),
            own: container.filter(|_| is_named(kind)).map(|container| Identifier {
                system: ADDRESSES.to_owned(),
                value: format!("{}#{id}", container.value),
            }),
            ..bare(kind, number, item.document, stamp)
        };
        describe(&mut found, &header, context);
        found.payload = payload(kind, &format!("{}.contained", item.path), resource);
        seen.push(found);
    }
}

const fn bare(kind: Kind, item: u32, document: u32, stamp: Stamp) -> Seen {
    Seen {
        kind,
        item,
        document,
        bundle: None,
        deleted: false,
        stamp,
        url: None,
        base: None,
        id: None,
        is_id_told: false,
        contained: None,
        own: None,
        is_own_global: false,
        is_id_unique: false,
        identifiers: Vec::new(),
        likeness: Likeness {
            is_patient: matches!(kind, Kind::Patient),
            born: None,
            birth_order: None,
            gender: None,
            given: Vec::new(),
            called: Vec::new(),
            family: Vec::new(),
            mark: None,
            identifiers: Vec::new(),
            own: None,
        },
        says: Vec::new(),
        is_critical: None,
        is_there: true,
        tells: Tells::Enough,
        subject: None,
        payload: None,
    }
}

/// What is deleted has an address, and nothing else.
fn deleted(number: u32, item: &Item<'_>, address: &str, context: &Context) -> Option<Seen> {
    let address = address.trim_end_matches('/');
    let mut pointer = Pointer::address(address);
    let kind = pointer.kind.flatten()?;
    if let Some(full) = item.full_url.as_deref().map(Pointer::address) {
        (pointer.url, pointer.base) = (full.url, full.base);
        pointer.id = pointer.id.or(full.id);
    }
    let stamp = Stamp {
        updated: when(kind, item, None, context),
        version: None,
        place: (0, place(number, item)),
    };
    let searched = Pointer::searched_identifier(address);
    let id = address.rsplit('/').next().filter(|_| searched.is_none());
    let own = own(item.full_url.as_deref(), id);
    let bare = bare(kind, number, item.document, stamp);
    Some(Seen {
        deleted: true,
        bundle: Some(item.document).filter(|_| !item.is_alone),
        identifiers: searched
            .map(|identifier| (Standing::Plain, identifier))
            .into_iter()
            .collect(),
        url: pointer.url,
        base: pointer.base,
        id: pointer.id,
        likeness: Likeness {
            own: own.as_ref().map(|own| likeness::keys(own).1),
            ..bare.likeness
        },
        own,
        is_own_global: item.full_url.as_deref().is_some_and(is_global) || id.is_some_and(is_uuid),
        is_id_unique: id.is_some_and(is_uuid),
        ..bare
    })
}

fn place(number: u32, item: &Item<'_>) -> u32 {
    if item.newest_first {
        u32::MAX.saturating_sub(number)
    } else {
        number
    }
}

fn describe(found: &mut Seen, header: &Header<'_>, context: &Context) {
    let identifiers: Vec<fhir::Identifier> = list(header.identifier);
    for identifier in &identifiers {
        let standing = naming::standing(found.kind, identifier, context);
        found
            .identifiers
            .extend(naming::taken(identifier).map(|taken| (standing, taken)));
    }
    let names: Vec<HumanName> = if matches!(found.kind, Kind::Patient | Kind::Practitioner) {
        list(header.name)
    } else {
        Vec::new()
    };
    let born = header.birth_date.0.as_deref().and_then(Moment::read);
    let start = header
        .period
        .0
        .as_ref()
        .and_then(|period| period.start.as_deref())
        .and_then(Moment::read);
    let telling = found
        .identifiers
        .iter()
        .filter(|(standing, _)| standing.names() || *standing == Standing::Former);
    let mut keys: Vec<(Key, Key)> = telling.map(|(_, identifier)| likeness::keys(identifier)).collect();
    keys.sort_unstable();
    keys.dedup();
    found.likeness = Likeness {
        is_patient: found.kind == Kind::Patient,
        born: born.map(|born| {
            let day = born.first_day();
            match born {
                Moment::Year(_) => (day.year(), None, None),
                Moment::Month(_) => (day.year(), Some(day.month()), None),
                _ => (day.year(), Some(day.month()), Some(day.day())),
            }
        }),
        birth_order: header.multiple_birth_integer.0.or(header
            .multiple_birth_boolean
            .0
            .filter(|several| *several)
            .map(|_| likeness::ONE_OF_SEVERAL)),
        gender: header.gender.0.as_deref().and_then(|gender| match gender {
            "male" => Some(0),
            "female" => Some(1),
            "other" => Some(2),
            _ => None,
        }),
        given: words(names.iter().flat_map(|name| &name.given).map(String::as_str)),
        called: names
            .iter()
            .filter_map(|name| {
                Some((
                    usage(name, &names, context),
                    called(name.given.iter().map(String::as_str))?,
                ))
            })
            .collect(),
        family: {
            let told = names
                .iter()
                .filter_map(|name| name.family.as_deref().or(name.text.as_deref()));
            match found.kind {
                Kind::Practitioner => words_of_doctor(told),
                _ => words(told),
            }
        },
        mark: start
            .filter(|_| found.kind == Kind::Encounter)
            .and_then(|start| Some(start.start(context.time_zone)?.timestamp())),
        identifiers: keys,
        own: found.own.as_ref().map(|own| likeness::keys(own).1),
    };
}

/// What a name is to whoever has it. They mainly go by the official one, or else by one in use, or else by any; the first of them.
fn usage(name: &HumanName, all: &[HumanName], context: &Context) -> Usage {
    let is_former = |name: &HumanName| {
        let end = name.period.as_ref().and_then(|period| period.end.as_deref());
        let is_to_come = |end: &str| {
            Moment::read(end)
                .and_then(|end| end.end(context.time_zone))
                .is_some_and(|end| end > context.now)
        };
        end.is_some_and(|end| !is_to_come(end)) || matches!(name.used.as_deref(), Some("old" | "maiden"))
    };
    let rank = |name: &&HumanName| match name.used.as_deref() {
        _ if is_former(name) => 3,
        Some("official") => 0,
        None | Some("usual") => 1,
        _ => 2,
    };
    // One that is told in one piece may be the main one too.
    let named = all.iter().filter(|name| !name.given.is_empty() || name.text.is_some());
    match named.min_by_key(rank) {
        Some(main) if std::ptr::eq(main, name) => Usage::Main,
        _ if is_former(name) => Usage::Former,
        _ => Usage::Beside,
    }
}

/// The codes and texts of a finding, as words.
fn says(header: &Header<'_>) -> Vec<Word> {
    let reactions: Vec<fhir::Reaction> = list(header.reaction);
    let substances = reactions.iter().filter_map(|reaction| reaction.substance.as_ref());
    let codes = [&header.code, &header.medication_codeable_concept];
    let codes: Vec<&CodeableConcept> = codes.into_iter().filter_map(|code| code.0.as_ref()).collect();
    let is_coded = codes.iter().any(|code| !code.is_empty());
    let codes = codes.into_iter().chain(substances.filter(|_| !is_coded));
    let referred = header.medication_reference.0.as_ref();
    let mut says = Vec::new();
    for code in codes {
        says.extend(
            code.coding
                .iter()
                .filter_map(|coding| coding.code.as_deref())
                .map(whole),
        );
        says.extend(code.text.as_deref().map(whole));
    }
    says.extend(referred.and_then(|one| one.reference.as_deref()).map(whole));
    says
}

/// What a finding says instead of one.
fn said_by(kind: Kind, header: &Header<'_>) -> Vec<(ListKind, Said)> {
    let (code, medication) = (header.code.0.as_ref(), header.medication_codeable_concept.0.as_ref());
    match kind {
        Kind::Allergy => {
            let reactions: Vec<fhir::Reaction> = list(header.reaction);
            let substances: Vec<_> = reactions.iter().filter_map(|one| one.substance.as_ref()).collect();
            code.map_or_else(Vec::new, |code| said_of_allergies(code, &[], &substances))
        }
        Kind::Condition => code
            .and_then(|code| said(code, ListKind::Conditions))
            .into_iter()
            .collect(),
        _ => medication
            .and_then(|code| said(code, ListKind::Medications))
            .into_iter()
            .collect(),
    }
}

/// Statuses of what is there. What has another one may be none, and then tells enough.
const THERE: [&str; 16] = [
    "active",
    "arrived",
    "completed",
    "confirmed",
    "draft",
    "finished",
    "in-progress",
    "intended",
    "on-hold",
    "planned",
    "provisional",
    "recurrence",
    "relapse",
    "triaged",
    "unconfirmed",
    "unknown",
];

fn is_there(header: &Header<'_>) -> bool {
    let coded = [&header.verification_status, &header.clinical_status];
    let coded = coded.into_iter().filter_map(|status| status.0.as_ref());
    let codes = coded.flat_map(|status| {
        status
            .coding
            .iter()
            .filter_map(|coding| coding.code.as_deref())
            .chain(status.text.as_deref())
    });
    codes
        .chain(header.status.0.as_deref())
        .all(|status| THERE.contains(&status))
}

/// Whether what a state tells is enough for a record.
fn tells(found: &Seen, header: &Header<'_>) -> Tells {
    let status = header.status.0.as_deref();
    let is_provided = header.participant.is_some() || header.service_provider.0.is_some();
    let is_complete = match found.kind {
        Kind::Patient => {
            let born = header.birth_date.0.as_deref();
            born.is_none_or(|told| Moment::read(told).is_some())
        }
        Kind::Encounter if status == Some("entered-in-error") => {
            return match found.likeness.mark.is_some() && is_provided {
                true => Tells::Enough,
                false => Tells::ThatItIsNone,
            };
        }
        Kind::Encounter => found.likeness.mark.is_some() || !found.is_there,
        kind if kind.is_finding() => !found.is_there || (!found.says.is_empty() && !is_unclear(&said_by(kind, header))),
        _ => true,
    };
    if is_complete { Tells::Enough } else { Tells::TooLittle }
}

fn payload(kind: Kind, path: &str, resource: &RawValue) -> Option<Box<Payload>> {
    #[derive(Deserialize)]
    struct Coded {
        #[serde(default)]
        status: Lenient<String>,
        #[serde(default)]
        code: CodeableConcept,
    }
    let json = resource.get();
    let payload = match kind {
        Kind::Practitioner => Payload::Practitioner(path.to_owned(), serde_json::from_str(json).ok()?),
        Kind::Role => Payload::Role(path.to_owned(), serde_json::from_str(json).ok()?),
        Kind::Medication => {
            let Coded { status, code } = serde_json::from_str(json).ok()?;
            let status = status.0;
            Payload::Medication(fhir::Medication { id: None, status, code })
        }
        _ => return None,
    };
    Some(Box::new(payload))
}

/// What a resource is called when nothing else names it: its address on a server, its id as a URN (FHIR R4, `Identifier`), or a URN that
/// its bundle has for it. An id that is no UUID is another resource's on another server: such a URN is no more than a hint ([`is_global`]).
/// A bundle's URN is to be made for it alone (FHIR R4, `Bundle.entry.fullUrl`), and yet some have the same in each.
fn own(full_url: Option<&str>, id: Option<&str>) -> Option<Identifier> {
    let address = full_url.filter(|url| is_on_a_server(url));
    let address = address.map(|url| {
        url.split_once("/_history/")
            .map_or(url, |(url, _)| url)
            .trim_end_matches('/')
            .to_owned()
    });
    let urn = || id.filter(|id| !id.is_empty()).map(|id| format!("urn:uuid:{id}"));
    let value = address.or_else(urn).or_else(|| full_url.map(str::to_owned))?;
    Some(Identifier {
        system: ADDRESSES.to_owned(),
        value: TextRule::IDENTIFIER.fit(&value)?.into_owned(),
    })
}

/// Whether an address names one resource, wherever it is used.
pub(crate) fn is_global(url: &str) -> bool {
    is_on_a_server(url) || url.strip_prefix("urn:uuid:").is_some_and(is_uuid) || url.starts_with("urn:oid:")
}

/// Whether an address is the one at which a server answers.
pub(crate) fn is_on_a_server(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36 && uuid::Uuid::try_parse(id).is_ok()
}

/// Whether a visit of this status will not change by itself.
fn is_concluded(status: Option<&str>) -> bool {
    matches!(status, Some("finished" | "cancelled" | "entered-in-error"))
}

/// When a state was: when it was updated or stored; a finding, when its bundle was put together. What of a chart has no date is as of
/// now. A date that is to come is none, and so is one that cannot be read.
fn when(kind: Kind, item: &Item<'_>, updated: Option<&str>, context: &Context) -> When {
    let assembled = item.assembled.as_deref().filter(|_| kind.is_finding());
    let told = [updated, item.stored.as_deref(), assembled];
    match told.iter().find_map(|text| instant(*text, context)) {
        Some(date) => When::At(date),
        None if kind.is_of_a_patient() => When::Now,
        None => When::Unknown,
    }
}

fn instant(text: Option<&str>, context: &Context) -> Option<DateTime<Utc>> {
    stamp::told(Moment::read(text?)?.start(context.time_zone)?, context.now)
}
