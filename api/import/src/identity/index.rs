//! The index of a run: what there is, whose it is, and what every reference names.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use domain::kernel::{Identifier, SourceId};

use super::Kind;
use super::groups::{Belonging, Grouped, Known, group};
use super::key::Key;
use super::likeness::{self, ADDRESSES, Likeness};
use super::naming::Standing;
use super::pointer::Pointer;
use super::scan::{Payload, SeenFile};
use super::source::source_id;
use super::sources::Sources;
use super::stamp::Stamp;
use super::state::{Folders, Scope, State, Tells, at};
use crate::fhir;

/// From where a reference is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Origin {
    /// The file.
    pub(crate) file: u32,
    /// Which of the file's items.
    pub(crate) item: u32,
}

/// Why a reference names nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unresolved {
    /// There is no such resource in any of the files.
    Missing,
    /// There are several, and nothing tells which of them is meant.
    Ambiguous,
    /// Its address or id names one, and its identifier another one.
    Contradictory,
}

/// What is known of a group.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// The newest state.
    newest: u32,
    /// The newest state that is not a deletion.
    content: Option<u32>,
}

/// Who one is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Names {
    /// The identifiers that name this one and nobody else in the run, the best first.
    pub(crate) own: Vec<Identifier>,
    /// Of a visit: the numbers that other visits of the case have too.
    pub(crate) of_cases: Vec<Identifier>,
    /// Those of `own` that are of a type that belongs to one person alone.
    pub(crate) typed: Vec<Identifier>,
    /// Identifiers that others have too.
    pub(crate) shared: Vec<Identifier>,
    /// Identifiers that are not in use any more.
    pub(crate) former: Vec<Identifier>,
    /// What the resource itself is called: its address, or a URN of its id.
    pub(crate) resource: Vec<Identifier>,
}

/// The index of a run.
#[derive(Default)]
pub(crate) struct Index {
    states: Vec<State>,
    folders: Folders,
    folder_numbers: HashMap<PathBuf, u32>,
    sources: Sources,
    named_medications: Vec<(Origin, Pointer)>,
    medications: HashSet<u32>,
    identifiers: HashMap<Key, Identifier>,
    payloads: HashMap<u32, Box<Payload>>,
    groups: Vec<u32>,
    by_group: HashMap<u32, Group>,
    members: HashMap<u32, Vec<u32>>,
    shared: HashSet<(Kind, Key)>,
    lookup: Lookup,
    parts: HashMap<u32, u32>,
    sole_patients: HashMap<(u32, Option<u32>), Option<u32>>,
    visits_called_alike: HashSet<(u32, Key)>,
}

/// Where states are found by what they are called.
#[derive(Default)]
struct Lookup {
    url: HashMap<Key, Vec<u32>>,
    id: HashMap<(Kind, Key), Vec<u32>>,
    identifier: HashMap<(Kind, Key), Vec<u32>>,
    contained: HashMap<(Origin, Key), Vec<u32>>,
    place: HashMap<Origin, u32>,
}

impl Index {
    /// Adds what is seen of a file. Files are added in the order in which they are imported.
    pub(crate) fn add(&mut self, file: u32, path: &Path, seen: SeenFile) {
        let next = u32::try_from(self.folder_numbers.len()).unwrap_or(u32::MAX);
        let folder = path.parent().unwrap_or(path).to_path_buf();
        let folder = *self.folder_numbers.entry(folder).or_insert(next);
        self.folders.insert(file, folder);
        let named = seen.medications.into_iter();
        self.named_medications
            .extend(named.map(|(item, medication)| (Origin { file, item }, medication)));
        for seen in seen.resources {
            let number = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
            let keep = !matches!(
                seen.kind,
                Kind::Condition | Kind::Allergy | Kind::Request | Kind::Statement
            );
            let mut identifiers = Vec::with_capacity(seen.identifiers.len());
            for (standing, identifier) in seen.identifiers {
                let key = likeness::keys(&identifier).1;
                identifiers.push((standing, key));
                if keep {
                    self.identifiers.entry(key).or_insert(identifier);
                }
            }
            if let Some(own) = seen.own.filter(|_| keep) {
                self.identifiers.entry(likeness::keys(&own).1).or_insert(own);
            }
            let mut stamp = seen.stamp;
            stamp.place.0 = file;
            self.states.push(State {
                kind: seen.kind,
                file,
                item: seen.item,
                document: seen.document,
                bundle: seen.bundle,
                deleted: seen.deleted,
                is_own_global: seen.is_own_global,
                is_id_unique: seen.is_id_unique,
                contained: seen.contained,
                stamp,
                url: seen.url,
                base: seen.base,
                id: seen.id,
                is_id_told: seen.is_id_told,
                identifiers: identifiers.into(),
                likeness: seen.likeness,
                says: seen.says.into(),
                is_critical: seen.is_critical,
                is_there: seen.is_there,
                tells: seen.tells,
                subject: seen.subject.map(Box::new),
            });
            if let Some(payload) = seen.payload {
                self.payloads.insert(number, payload);
            }
        }
    }

    /// Decides who is who. Afterwards nothing is added.
    pub(crate) fn close(&mut self) {
        self.lookup = Lookup::of(&self.states);
        let grouped = group(&self.states, &self.folders, |known| {
            let ids = self.ids_of_patients(known.groups);
            let belonging = |state: &State| {
                let pointer = state.subject.as_deref();
                let wanted = match state.kind {
                    Kind::Role => Kind::Practitioner,
                    _ => Kind::Patient,
                };
                let owner = pointer.and_then(|to| self.find(state.origin(), to, &[wanted], known).ok());
                let called = |owner| {
                    let here = ids.get(&(owner, state.file, Some(state.document)));
                    here.or_else(|| ids.get(&(owner, state.file, None))).copied()
                };
                let scope = match state.kind {
                    Kind::Role => None,
                    _ => self.scope_of(state, owner.and_then(called)),
                };
                Belonging { owner, scope }
            };
            self.states.iter().map(belonging).collect()
        });
        let Grouped {
            groups,
            shared,
            sources,
        } = grouped;
        (self.groups, self.shared, self.sources) = (groups, shared, sources);
        for number in 0..u32::try_from(self.states.len()).unwrap_or(u32::MAX) {
            self.members.entry(self.group_of(number)).or_default().push(number);
        }
        let stamp = |number: &&u32| self.states.get(at(**number)).map(|state| state.stamp);
        let deleted = |number: &&u32| self.states.get(at(**number)).is_some_and(|state| state.deleted);
        let tells = |number: &u32, what: Tells| self.states.get(at(*number)).is_some_and(|state| state.tells == what);
        for (group, members) in &self.members {
            // What lacks what a record has to have takes nothing away.
            let is_told = |number: &u32| !deleted(&number) && !tells(number, Tells::TooLittle);
            let is_any_told = members.iter().any(is_told);
            let members: Vec<u32> = members
                .iter()
                .filter(|number| !is_any_told || !tells(number, Tells::TooLittle))
                .copied()
                .collect();
            let newest = members.iter().max_by_key(stamp).copied().unwrap_or(*group);
            let content = members
                .iter()
                .filter(|number| !deleted(number))
                .max_by_key(|number| (!tells(number, Tells::ThatItIsNone), stamp(number)))
                .copied();
            self.by_group.insert(*group, Group { newest, content });
        }
        let counting: HashSet<u32> = self.by_group.values().filter_map(|group| group.content).collect();
        // Of a practitioner older states may tell more.
        self.payloads
            .retain(|number, payload| counting.contains(number) || matches!(**payload, Payload::Practitioner(..)));
        let named = std::mem::take(&mut self.named_medications);
        let groups = named
            .iter()
            .filter_map(|(origin, pointer)| self.resolve(*origin, pointer, &[Kind::Medication]).ok());
        self.medications = groups.collect();
        self.find_sole_patients();
        self.find_visits_called_alike();
        let mut parts: HashMap<u32, u32> = HashMap::new();
        for state in self
            .states
            .iter()
            .filter(|state| state.deleted && state.kind.is_finding())
        {
            if let Some(owner) = self.owner_of_deleted(state.origin()) {
                let count = parts.entry(owner).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (group, Group { content, .. }) in &self.by_group {
            let former = self.former_states(*group, *content);
            if former > 0 {
                let count = parts.entry(*group).or_default();
                *count = count.saturating_add(former);
            }
            let Some(state) = content.and_then(|content| self.states.get(at(content))) else {
                continue;
            };
            let owner = match state.kind {
                Kind::Patient => Some(*group),
                kind if kind.is_of_a_patient() => self.subject_of(state).ok(),
                _ => None,
            };
            if let Some(owner) = owner {
                let count = parts.entry(owner).or_default();
                *count = count.saturating_add(1);
            }
        }
        self.parts = parts;
    }

    /// What a visit is called names it among its patient's on one server, so only what another visit of the patient is called there tells nothing.
    fn find_visits_called_alike(&mut self) {
        let mut called: HashMap<(Option<u32>, Key, Option<SourceId>), BTreeSet<u32>> = HashMap::new();
        for (number, state) in (0..).zip(&self.states) {
            let Some(own) = state.likeness.own.filter(|_| state.kind == Kind::Encounter) else {
                continue;
            };
            let (patient, visit) = (self.subject_of(state).ok(), self.group_of(number));
            let sources = self.sources_of(Kind::Encounter, visit);
            let sources: Vec<Option<SourceId>> = match sources.is_empty() {
                true => vec![None],
                false => sources.into_iter().map(Some).collect(),
            };
            for source in sources {
                called.entry((patient, own, source)).or_default().insert(visit);
            }
        }
        let several = called.into_iter().filter(|(_, visits)| visits.len() > 1);
        let named = several.flat_map(|((_, own, _), visits)| visits.into_iter().map(move |visit| (visit, own)));
        self.visits_called_alike = named.collect();
    }

    /// How many older states of a patient there are.
    fn former_states(&self, group: u32, content: Option<u32>) -> u32 {
        let members = self.members.get(&group).into_iter().flatten();
        let is_former = |number: &&u32| {
            Some(**number) != content
                && self
                    .states
                    .get(at(**number))
                    .is_some_and(|state| state.kind == Kind::Patient && !state.deleted)
        };
        u32::try_from(members.filter(is_former).count()).unwrap_or(u32::MAX)
    }

    fn group_of(&self, number: u32) -> u32 {
        self.groups.get(at(number)).copied().unwrap_or(number)
    }

    /// What each document, and each file, calls each patient of whom it tells, by id.
    fn ids_of_patients(&self, groups: &[u32]) -> HashMap<(u32, u32, Option<u32>), Key> {
        let told = (0..)
            .zip(&self.states)
            .filter(|(_, state)| state.kind == Kind::Patient && state.is_id_told);
        let mut ids = HashMap::new();
        for (number, state) in told {
            let group = groups.get(at(number)).copied().unwrap_or(number);
            if let Some(id) = state.id {
                ids.entry((group, state.file, Some(state.document))).or_insert(id);
                ids.entry((group, state.file, None)).or_insert(id);
            }
        }
        ids
    }

    /// Within what the id of a state is of one resource. `patient` is what its file calls its patient, for references that tell no id.
    fn scope_of(&self, state: &State, patient: Option<Key>) -> Option<Scope> {
        if !state.is_id_told && !state.deleted {
            return Some(Scope::Bundle(state.file, state.document));
        }
        let subject = state.subject.as_deref()?;
        self.patient_id(state.origin(), subject).or(patient).map(Scope::Patient)
    }

    /// The id of the patient whom a reference names, as the source has it: told with the patient, or in the reference.
    fn patient_id(&self, origin: Origin, pointer: &Pointer) -> Option<Key> {
        let named = pointer.url.and_then(|url| self.lookup.url.get(&url));
        let called = pointer.id.and_then(|id| self.lookup.id.get(&(Kind::Patient, id)));
        let states = named.into_iter().chain(called).flatten();
        let states = states.filter_map(|number| self.states.get(at(*number)));
        let here: Vec<&State> = states
            .filter(|state| state.kind == Kind::Patient && state.file == origin.file)
            .collect();
        let document = self.state_at(origin).map(|(_, state)| state.document);
        let is_near = |state: &&&State| Some(state.document) == document;
        let near = here.iter().find(is_near).or(here.first());
        match near {
            Some(state) => state.id.filter(|_| state.is_id_told),
            // An address on a server tells it too.
            None => pointer.id.filter(|_| pointer.url.is_none() || pointer.base.is_some()),
        }
    }

    /// What the patient of an item is called at its source, where its id says nothing without that.
    pub(crate) fn patient_id_at(&self, origin: Origin) -> Option<Key> {
        let (_, state) = self.state_at(origin)?;
        let named = state.subject.as_deref();
        named.and_then(|pointer| self.patient_id(origin, pointer)).or_else(|| {
            // It is told with the patient, whom the reference names in another way, or who is the only one there.
            let owner = match named {
                Some(_) => self.subject_of(state).ok()?,
                None => self.sole_patient(origin)?,
            };
            let members = self.members.get(&owner).into_iter().flatten();
            let states = members.filter_map(|number| self.states.get(at(*number)));
            let told: Vec<&State> = states
                .filter(|told| told.file == origin.file && told.is_id_told)
                .collect();
            let here = told.iter().find(|told| told.document == state.document);
            here.or(told.first()).and_then(|told| told.id)
        })
    }

    fn known(&self) -> Known<'_> {
        Known {
            groups: &self.groups,
            sources: &self.sources,
        }
    }

    fn subject_of(&self, state: &State) -> Result<u32, Unresolved> {
        let pointer = state.subject.as_deref().ok_or(Unresolved::Missing)?;
        self.find(state.origin(), pointer, &[Kind::Patient], self.known())
    }

    /// The group that a reference names, of one of the kinds that are wanted.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(crate) fn resolve(&self, origin: Origin, pointer: &Pointer, wanted: &[Kind]) -> Result<u32, Unresolved> {
        self.find(origin, pointer, wanted, self.known())
    }

    /// What a reference names, unless its identifier names another one.
    fn find(&self, origin: Origin, pointer: &Pointer, wanted: &[Kind], known: Known<'_>) -> Result<u32, Unresolved> {
        let found = self.find_first(origin, pointer, wanted, known)?;
        let named = pointer.identifier.into_iter().flat_map(|identifier| {
            let of = move |kind: &Kind| self.lookup.identifier.get(&(*kind, identifier));
            let states = wanted.iter().filter_map(of).flatten().copied();
            states.filter(move |number| self.is_named_by(*number, identifier))
        });
        match only(named, known.groups) {
            Ok(other) if other != found => Err(Unresolved::Contradictory),
            Err(_) if self.is_numbered_otherwise(found, pointer) => Err(Unresolved::Contradictory),
            _ => Ok(found),
        }
    }

    /// Whether a group has identifiers of the system of a reference's, and not that one.
    fn is_numbered_otherwise(&self, group: u32, pointer: &Pointer) -> bool {
        let members = self.members.get(&group).into_iter().flatten();
        let states = members.filter_map(|number| self.states.get(at(*number)));
        let identifiers = || states.clone().flat_map(|state| &state.likeness.identifiers);
        pointer.system.zip(pointer.identifier).is_some_and(|told| {
            identifiers().any(|(system, _)| *system == told.0) && !identifiers().any(|known| *known == told)
        })
    }

    /// Whether an identifier names a state, and does not merely stand with it.
    fn is_named_by(&self, number: u32, identifier: Key) -> bool {
        self.states.get(at(number)).is_some_and(|state| {
            let mut identifiers = state.identifiers.iter();
            identifiers.any(|(standing, known)| standing.names() && *known == identifier)
        })
    }

    /// The whole address first, then the id, then the identifier. What stands in the same document is meant before what stands in
    /// the same file, that before what stands in the same folder, and that before the rest; and nothing that is known to be another server's.
    fn find_first(
        &self,
        origin: Origin,
        pointer: &Pointer,
        wanted: &[Kind],
        known: Known<'_>,
    ) -> Result<u32, Unresolved> {
        let Known { groups, sources } = known;
        let wanted: Vec<Kind> = wanted
            .iter()
            .copied()
            .filter(|kind| pointer.kind.is_none_or(|told| told == Some(*kind)))
            .collect();
        if let Some(id) = pointer.contained {
            let found = self.lookup.contained.get(&(origin, id));
            return self.narrow(origin, found.into_iter().flatten().copied(), &wanted, groups);
        }
        let mut worst = Unresolved::Missing;
        let mut attempt = |found: Result<u32, Unresolved>| match found {
            Err(Unresolved::Ambiguous) => {
                worst = Unresolved::Ambiguous;
                None
            }
            found => found.ok(),
        };
        let here = self
            .lookup
            .place
            .get(&origin)
            .and_then(|number| self.states.get(at(*number)));
        let own_base = here.and_then(|state| state.base);
        if let Some(url) = pointer.url {
            let found = self.lookup.url.get(&url).into_iter().flatten().copied();
            if let Some(group) = attempt(self.narrow(origin, found, &wanted, groups)) {
                return Ok(group);
            }
        }
        if let Some(id) = pointer.id {
            let found = wanted
                .iter()
                .filter_map(|kind| self.lookup.id.get(&(*kind, id)))
                .flatten()
                .copied();
            // A relative reference is to the referring resource's own server.
            let base = pointer.base.or(own_base);
            // Where one of both tells a server, it is the other one's too within a file. Beyond it the id has to be nobody else's.
            let folder = |file: &u32| self.folders.get(file).copied();
            let of_this_server = |number: &u32| {
                self.states.get(at(*number)).is_some_and(|state| {
                    let is_anywhere = state.is_id_unique || state.base.is_some() || base.is_some();
                    let folders = folder(&state.file).zip(folder(&origin.file));
                    if !is_anywhere && folders.is_some_and(|(one, other)| sources.are_two(one, other)) {
                        return false;
                    }
                    let is_near = state.file == origin.file || state.is_id_unique;
                    state.base == base || (is_near && (state.base.is_none() || base.is_none()))
                })
            };
            if let Some(group) = attempt(self.narrow(origin, found.filter(of_this_server), &wanted, groups)) {
                return Ok(group);
            }
        }
        if let Some(identifier) = pointer.identifier {
            let found = wanted
                .iter()
                .filter_map(|kind| self.lookup.identifier.get(&(*kind, identifier)));
            // An identifier names the same wherever it stands: nearness tells nothing.
            if let Some(group) = attempt(only(found.flatten().copied(), groups)) {
                return Ok(group);
            }
        }
        Err(worst)
    }

    fn narrow(
        &self,
        origin: Origin,
        found: impl Iterator<Item = u32>,
        wanted: &[Kind],
        groups: &[u32],
    ) -> Result<u32, Unresolved> {
        let state = |number: &u32| self.states.get(at(*number));
        let found: Vec<u32> = found
            .filter(|number| state(number).is_some_and(|state| wanted.contains(&state.kind)))
            .collect();
        let document = self.lookup.place.get(&origin).and_then(state).map(|here| here.document);
        let in_file = |number: &u32| state(number).is_some_and(|state| state.file == origin.file);
        let in_document = |number: &u32| in_file(number) && state(number).map(|state| state.document) == document;
        let in_folder = |number: &u32| {
            state(number).is_some_and(|state| self.folders.get(&state.file) == self.folders.get(&origin.file))
        };
        let anywhere = |_: &u32| true;
        for nearness in [&in_document as &dyn Fn(&u32) -> bool, &in_file, &in_folder, &anywhere] {
            let near: Vec<u32> = found.iter().copied().filter(|number| nearness(number)).collect();
            if !near.is_empty() {
                return only(near.into_iter(), groups);
            }
        }
        Err(Unresolved::Missing)
    }

    /// The state that an item of a file is, if it is of a kind that is imported.
    fn state_at(&self, origin: Origin) -> Option<(u32, &State)> {
        let number = *self.lookup.place.get(&origin)?;
        Some((number, self.states.get(at(number))?))
    }

    /// The group of an item.
    pub(crate) fn group_at(&self, origin: Origin) -> Option<u32> {
        self.state_at(origin).map(|(number, _)| self.group_of(number))
    }

    /// Whether an item is the state of its group that counts: the newest that is not a deletion.
    pub(crate) fn counts(&self, origin: Origin) -> bool {
        self.state_at(origin).is_some_and(|(number, _)| {
            self.by_group
                .get(&self.group_of(number))
                .is_some_and(|group| group.content == Some(number))
        })
    }

    /// Whether a group, an allergy, was last said to be life-threatening or not to be, since it has said what it says now.
    pub(crate) fn is_critical(&self, group: u32) -> Option<bool> {
        let newest = self.states.get(at(self.by_group.get(&group)?.content?))?;
        let members = self.members.get(&group).into_iter().flatten();
        let states = members.filter_map(|number| self.states.get(at(*number)));
        let mut states: Vec<&State> = states
            .filter(|state| state.tells != Tells::TooLittle && state.stamp <= newest.stamp)
            .collect();
        states.sort_by_key(|state| std::cmp::Reverse(state.stamp));
        let says_so = |state: &&&State| {
            let is_same = state.says.is_empty() || state.says.iter().any(|word| newest.says.contains(word));
            state.is_there && !state.deleted && is_same
        };
        states.iter().take_while(says_so).find_map(|state| state.is_critical)
    }

    /// Whether an item lacks what a record has to have, and an older state counts in its place.
    pub(crate) fn is_passed_over(&self, origin: Origin) -> bool {
        self.state_at(origin).is_some_and(|(number, state)| {
            let group = self.by_group.get(&self.group_of(number));
            let counting = group.and_then(|group| self.states.get(at(group.content?)));
            state.tells == Tells::TooLittle && counting.is_some_and(|counting| counting.stamp < state.stamp)
        })
    }

    /// When the state was that an item is.
    pub(crate) fn stamp_at(&self, origin: Origin) -> Option<Stamp> {
        self.state_at(origin).map(|(_, state)| state.stamp)
    }

    /// The document of its file in which an item stands.
    pub(crate) fn document_at(&self, origin: Origin) -> u32 {
        self.state_at(origin).map_or(0, |(_, state)| state.document)
    }

    /// Whether an item stands in a bundle, and not alone.
    pub(crate) fn is_in_bundle(&self, origin: Origin) -> bool {
        self.state_at(origin).is_some_and(|(_, state)| state.bundle.is_some())
    }

    /// Whether each state of what an item is has a date or a version, so that the newest is known.
    pub(crate) fn is_order_told(&self, origin: Origin) -> bool {
        let group = self.group_at(origin).and_then(|group| self.members.get(&group));
        let mut states = group
            .into_iter()
            .flatten()
            .filter_map(|number| self.states.get(at(*number)));
        states.all(|state| state.stamp.updated.date().is_some() || state.stamp.version.is_some())
    }

    /// Whether an older state of what an item is says another thing, is of another patient or of a visit at another time, and nothing but
    /// an id, which other servers have as well, makes them one.
    pub(crate) fn says_otherwise(&self, origin: Origin) -> bool {
        let Some((number, state)) = self.state_at(origin) else {
            return false;
        };
        let members = self.members.get(&self.group_of(number)).into_iter().flatten();
        let mut others = members.filter_map(|number| self.states.get(at(*number)));
        others.any(|other| {
            let is_apart = !other.says.is_empty()
                && !state.says.is_empty()
                && !other.says.iter().any(|word| state.says.contains(word));
            let is_moved = other
                .likeness
                .mark
                .zip(state.likeness.mark)
                .is_some_and(|(one, two)| one != two);
            let owners = self.subject_of(other).ok().zip(self.subject_of(state).ok());
            let is_anothers = owners.is_some_and(|(one, two)| one != two);
            let is_one_server = other.base.is_some() && other.base == state.base;
            // A number that alone names a visit may be its case's, unless its type says otherwise.
            let is_one_id = state.is_id_told && other.is_id_told && state.id == other.id;
            let is_of_a_case = state.kind == Kind::Encounter && is_moved && !is_one_id;
            let names = |standing: Standing| standing.names() && !(is_of_a_case && standing > Standing::Typed);
            let mut numbers = other.identifiers.iter();
            let is_numbered = numbers.any(|(standing, one)| names(*standing) && self.is_named_by(number, *one));
            let is_certain = is_one_server || (other.is_own_global && state.is_own_global) || is_numbered;
            !other.deleted && (is_apart || is_moved || is_anothers) && !is_certain
        })
    }

    /// Whether there is something of the kind and id of what is deleted, that is not what is deleted.
    pub(crate) fn has_namesakes(&self, origin: Origin) -> bool {
        let Some((number, state)) = self.state_at(origin) else {
            return false;
        };
        let named = state.id.and_then(|id| self.lookup.id.get(&(state.kind, id)));
        let mut others = named.into_iter().flatten().filter(|other| **other != number);
        others.any(|other| self.states.get(at(*other)).is_some_and(|other| !other.deleted))
    }

    /// Whether the newest state of a group is a deletion.
    pub(crate) fn is_deleted(&self, group: u32) -> bool {
        let newest = self
            .by_group
            .get(&group)
            .and_then(|group| self.states.get(at(group.newest)));
        newest.is_some_and(|state| state.deleted || state.tells == Tells::ThatItIsNone)
    }

    /// Whether a group has nothing but deletions.
    pub(crate) fn is_empty(&self, group: u32) -> bool {
        self.by_group.get(&group).is_none_or(|group| group.content.is_none())
    }

    /// Whether anything in the files refers to a group, a medication.
    pub(crate) fn is_named(&self, medication: u32) -> bool {
        self.medications.contains(&medication)
    }

    /// Whether a group stands inside of another resource, and so has no id of its own.
    pub(crate) fn is_contained(&self, group: u32) -> bool {
        self.states
            .get(at(group))
            .is_some_and(|state| state.contained.is_some())
    }

    /// As of when a group is as it is, by its newest state, if that says so. A deletion is a state.
    pub(crate) fn as_of(&self, group: u32) -> Option<DateTime<Utc>> {
        let newest = self.by_group.get(&group)?.newest;
        self.states.get(at(newest))?.stamp.updated.date()
    }

    /// The one patient who is told of in the document of an item, or else in its file.
    pub(crate) fn sole_patient(&self, origin: Origin) -> Option<u32> {
        let document = self.state_at(origin)?.1.document;
        let of_document = self.sole_patients.get(&(origin.file, Some(document)));
        let sole = of_document.or_else(|| self.sole_patients.get(&(origin.file, None)));
        sole.copied().flatten()
    }

    /// Finds whom the documents and the files are about that are about one person.
    fn find_sole_patients(&mut self) {
        for (number, state) in (0..).zip(&self.states) {
            if state.kind == Kind::Patient && !state.deleted {
                let group = self.groups.get(at(number)).copied().unwrap_or(number);
                for place in [(state.file, Some(state.document)), (state.file, None)] {
                    let sole = self.sole_patients.entry(place).or_insert(Some(group));
                    *sole = sole.filter(|known| *known == group);
                }
            }
        }
    }

    /// Whose an item is.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(crate) fn owner_at(&self, origin: Origin) -> Result<u32, Unresolved> {
        let (_, state) = self.state_at(origin).ok_or(Unresolved::Missing)?;
        self.subject_of(state)
    }

    /// Whose a deleted finding was of which the run has nothing else: whom its document is about, if that is one person.
    pub(crate) fn owner_of_deleted(&self, origin: Origin) -> Option<u32> {
        let (number, state) = self.state_at(origin)?;
        let is_unknown = state.deleted && state.kind.is_finding() && self.is_empty(self.group_of(number));
        let owner = self.sole_patient(origin).filter(|_| is_unknown);
        owner.filter(|owner| !self.is_deleted(*owner))
    }

    /// Whether a source tells an id of the group, in a resource or in an address.
    pub(crate) fn has_id(&self, group: u32) -> bool {
        let members = self.members.get(&group).into_iter().flatten();
        let mut states = members.filter_map(|number| self.states.get(at(*number)));
        states.any(|state| state.is_id_told || state.base.is_some())
    }

    /// Whether an item says at all whose it is.
    pub(crate) fn has_owner(&self, origin: Origin) -> bool {
        self.state_at(origin).is_some_and(|(_, state)| state.subject.is_some())
    }

    /// How many resources are of a patient, the patient included.
    pub(crate) fn parts_of(&self, patient: u32) -> u32 {
        self.parts.get(&patient).copied().unwrap_or_default()
    }

    /// What tells a group from others: what its newest state says, and what only older ones say, the newest of them first.
    pub(crate) fn likeness_of(&self, group: u32) -> Likeness {
        let members = self.members.get(&group).into_iter().flatten();
        let states = members.filter_map(|number| self.states.get(at(*number)));
        let mut states: Vec<&State> = states.filter(|state| !state.deleted).collect();
        states.sort_by_key(|state| std::cmp::Reverse(state.stamp));
        let mut states = states.into_iter();
        let mut likeness = states.next().map(|state| state.likeness.clone()).unwrap_or_default();
        states.for_each(|older| likeness.fill(&older.likeness));
        likeness
    }

    /// The groups of a kind that have content, in the order in which they first appear.
    pub(crate) fn groups_of(&self, kind: Kind) -> Vec<u32> {
        let is = |group: &&u32| self.states.get(at(**group)).is_some_and(|state| state.kind == kind);
        let mut groups: Vec<u32> = self
            .by_group
            .keys()
            .filter(is)
            .copied()
            .filter(|group| !self.is_empty(*group))
            .collect();
        groups.sort_unstable();
        groups
    }

    /// Where the state of a group stands that counts.
    pub(crate) fn place_of(&self, group: u32) -> Option<Origin> {
        let content = self.by_group.get(&group)?.content?;
        self.states.get(at(content)).map(State::origin)
    }

    /// What is kept of the state of a group that counts.
    pub(crate) fn payload_of(&self, group: u32) -> Option<&Payload> {
        let content = self.by_group.get(&group)?.content?;
        self.payloads.get(&content).map(|payload| &**payload)
    }

    /// The older states of a practitioner, the newest of them first.
    pub(crate) fn former_practitioners(&self, group: u32) -> Vec<&fhir::Practitioner> {
        let content = self.by_group.get(&group).and_then(|group| group.content);
        let members = self.members.get(&group).into_iter().flatten();
        let mut former: Vec<u32> = members.copied().filter(|number| Some(*number) != content).collect();
        former.sort_by_key(|number| std::cmp::Reverse(self.states.get(at(*number)).map(|state| state.stamp)));
        let practitioner = |number: &u32| match self.payloads.get(number).map(|payload| &**payload) {
            Some(Payload::Practitioner(_, practitioner)) => Some(practitioner),
            _ => None,
        };
        former.iter().filter_map(practitioner).collect()
    }

    /// Who a group is, by all its states.
    pub(crate) fn names_of(&self, group: u32) -> Names {
        let mut names = Names::default();
        let members = || {
            self.members
                .get(&group)
                .into_iter()
                .flatten()
                .filter_map(|number| self.states.get(at(*number)))
        };
        let newest = self
            .by_group
            .get(&group)
            .and_then(|group| self.states.get(at(group.content?)));
        let is_over = |key: &Key| {
            newest.is_some_and(|state| {
                state
                    .identifiers
                    .iter()
                    .any(|(standing, known)| *standing == Standing::Former && known == key)
            })
        };
        let mut best: Vec<(Standing, Key)> = Vec::new();
        for (standing, key) in members().flat_map(|state| &state.identifiers) {
            let standing = if is_over(key) { Standing::Former } else { *standing };
            match best.iter_mut().find(|(_, known)| known == key) {
                Some((known, _)) => *known = (*known).min(standing),
                None => best.push((standing, *key)),
            }
        }
        let kind = newest.map_or(Kind::Patient, |state| state.kind);
        let mut ranked: Vec<(Standing, &Identifier)> = Vec::new();
        let mut of_cases = Vec::new();
        for (standing, key) in best {
            let Some(identifier) = self.identifiers.get(&key) else {
                continue;
            };
            match standing {
                Standing::Nobody => {}
                Standing::Former => names.former.push(identifier.clone()),
                // The number of a case is one of a visit's names, and the last.
                _ if kind == Kind::Encounter && self.shared.contains(&(kind, key)) => {
                    of_cases.push((standing, identifier))
                }
                _ if self.shared.contains(&(kind, key)) => names.shared.push(identifier.clone()),
                _ => ranked.push((standing, identifier)),
            }
        }
        ranked.sort();
        of_cases.sort();
        names.of_cases = of_cases.into_iter().map(|(_, identifier)| identifier.clone()).collect();
        let typed = ranked.iter().filter(|(standing, _)| *standing <= Standing::Typed);
        names.typed = typed.map(|(_, identifier)| (*identifier).clone()).collect();
        names.own = ranked.into_iter().map(|(_, identifier)| identifier.clone()).collect();
        let mut called: Vec<(bool, &Identifier)> = Vec::new();
        for state in members() {
            let Some((key, own)) = state.likeness.own.and_then(|key| self.identifiers.get_key_value(&key)) else {
                continue;
            };
            if !self.shared.contains(&(kind, *key)) {
                called.push((!state.is_own_global, own));
            } else if !names.shared.contains(own) {
                names.shared.push(own.clone());
            }
        }
        called.sort();
        called.dedup();
        names.resource = called.into_iter().map(|(_, own)| own.clone()).collect();
        names.shared.sort();
        names.former.sort();
        names
    }

    /// What its sources call a group, by all its states.
    pub(crate) fn sources_of(&self, kind: Kind, group: u32) -> Vec<SourceId> {
        let members = self.members.get(&group).into_iter().flatten();
        let states = members.filter_map(|number| self.states.get(at(*number)));
        let source = |state: &State| {
            let own = self
                .identifiers
                .get(&state.likeness.own.filter(|_| state.is_id_told)?)?;
            let patient = self.patient_id_at(state.origin());
            match own.value.strip_prefix("urn:uuid:") {
                Some(id) => source_id(kind, Some(id), None, patient),
                None => source_id(kind, None, Some(&own.value), patient),
            }
        };
        let mut sources: Vec<SourceId> = states.filter_map(source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// What the source calls a resource, with what other states of it tell of where it stands. An id that is nobody else's anywhere tells
    /// nothing of that.
    pub(crate) fn completed(&self, origin: Origin, group: u32, source: SourceId) -> SourceId {
        let Some((_, told)) = self
            .state_at(origin)
            .filter(|_| source.server.or(source.patient).is_some())
        else {
            return source;
        };
        let members = self.members.get(&group).into_iter().flatten();
        let states = members.filter_map(|number| self.states.get(at(*number)));
        let same = states.filter(|state| state.is_id_told && state.id == told.id);
        same.fold(source, |source, state| {
            let other = SourceId {
                server: state.base.map(|base| SourceId::of_server(base.digest())),
                patient: self
                    .patient_id_at(state.origin())
                    .map(|id| SourceId::of_patient(id.digest())),
                ..source
            };
            if source.may_be(other) {
                source.completed_by(other)
            } else {
                source
            }
        })
    }

    /// Whether a former state of somebody has another name, sex, date of birth or number than the one that counts.
    pub(crate) fn is_told_otherwise(&self, group: u32) -> bool {
        let whole = self.likeness_of(group);
        let counting = self
            .by_group
            .get(&group)
            .and_then(|group| self.states.get(at(group.content?)));
        // By itself it may lack the given name that it has from another one.
        let now = counting.map_or(&whole, |state| &state.likeness);
        let members = self.members.get(&group).into_iter().flatten();
        let mut states = members.filter_map(|number| self.states.get(at(*number)));
        states.any(|state| state.likeness.is_told_otherwise(&whole) || state.likeness.is_told_otherwise(now))
    }

    /// Whether another group of the kind is called the same (of a visit: another one of its patient), so that the name tells nothing.
    pub(crate) fn is_called_alike(&self, kind: Kind, name: &Identifier, group: u32) -> bool {
        debug_assert_eq!(name.system, ADDRESSES, "what a resource is called is an address");
        let key = likeness::keys(name).1;
        if kind == Kind::Encounter {
            return self.visits_called_alike.contains(&(group, key));
        }
        let others = self.lookup.identifier.get(&(kind, key));
        others
            .into_iter()
            .flatten()
            .any(|number| self.group_of(*number) != group)
    }
}

impl State {
    /// Whether it has an id of its own.
    pub(super) const fn is_id_told(&self) -> bool {
        self.is_id_told
    }

    const fn origin(&self) -> Origin {
        Origin {
            file: self.file,
            item: self.item,
        }
    }
}

impl Lookup {
    fn of(states: &[State]) -> Self {
        let mut lookup = Self::default();
        for (number, state) in (0..).zip(states) {
            // What a resource is called is looked up as an identifier is.
            let own = state.likeness.own.into_iter();
            for key in state.identifiers.iter().map(|(_, key)| *key).chain(own) {
                lookup.identifier.entry((state.kind, key)).or_default().push(number);
            }
            if let Some(id) = state.contained {
                lookup.contained.entry((state.origin(), id)).or_default().push(number);
                continue;
            }
            lookup.place.insert(state.origin(), number);
            if let Some(url) = state.url {
                lookup.url.entry(url).or_default().push(number);
            }
            if let Some(id) = state.id {
                lookup.id.entry((state.kind, id)).or_default().push(number);
            }
        }
        lookup
    }
}

/// The one group that all of these are of.
fn only(found: impl Iterator<Item = u32>, groups: &[u32]) -> Result<u32, Unresolved> {
    let mut groups = found.map(|number| groups.get(at(number)).copied().unwrap_or(number));
    let first = groups.next().ok_or(Unresolved::Missing)?;
    if groups.all(|group| group == first) {
        Ok(first)
    } else {
        Err(Unresolved::Ambiguous)
    }
}
