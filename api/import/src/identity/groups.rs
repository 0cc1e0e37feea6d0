//! Which states are of one resource, and which identifiers are shared by several and so name none of them.
//!
//! Nothing here depends on the order in which the states are given.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::encounter::{EncounterNames, NameDigest, NamedEncounter, recognise};
use domain::kernel::SourceId;

use super::Kind;
use super::file_sources::FileSources;
use super::key::Key;
use super::likeness::Bond;
use super::naming::Standing;
use super::sources::Sources;
use super::state::{Folders, Scope, State, at};
use super::unowned;
use crate::disjoint_sets::DisjointSets;

/// The groups of a run.
pub(super) struct Grouped {
    /// Every state's group, named by its least state.
    pub(super) groups: Vec<u32>,
    /// The identifiers that several share: they name nobody.
    pub(super) shared: HashSet<(Kind, Key)>,
    /// Which places are of one source.
    pub(super) sources: Sources,
}

/// What is known when references are followed: who is who, and which places are of one source.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Every state's group.
    pub(super) groups: &'a [u32],
    /// Which places are of one source.
    pub(super) sources: &'a Sources,
}

/// Whose a state is, as far as that is told, and within what its id is of one resource.
#[derive(Clone, Copy, Default)]
pub(super) struct Belonging {
    pub(super) owner: Option<u32>,
    pub(super) scope: Option<Scope>,
}

/// Groups the states. `belongings` tells where each belongs, once the patients are grouped.
pub(super) fn group(
    states: &[State],
    folders: &Folders,
    belongings: impl FnOnce(Known<'_>) -> Vec<Belonging>,
) -> Grouped {
    let mut grouping = Grouping {
        states,
        sets: DisjointSets::new(states.len()),
        shared: HashSet::new(),
        whose: vec![None; states.len()],
        scopes: vec![None; states.len()],
    };
    grouping.by_own_names();
    grouping.by_identifiers(|kind| !kind.is_of_a_patient());
    grouping.by_ids(|kind| !kind.is_of_a_patient());
    grouping.by_deletions(|kind| !kind.is_of_a_patient());
    let groups: Vec<u32> = (0..u32::try_from(states.len()).unwrap_or(u32::MAX))
        .map(|state| grouping.sets.find(state))
        .collect();
    let sources = Sources::of(states, &groups, folders);
    let belongings = belongings(Known {
        groups: &groups,
        sources: &sources,
    });
    grouping.whose = belongings.iter().map(|belonging| belonging.owner).collect();
    grouping.scopes = belongings.iter().map(|belonging| belonging.scope).collect();
    grouping.by_ids_beyond_files(&sources, folders);
    grouping.by_ids(Kind::is_of_a_patient);
    grouping.by_ids_on_servers();
    grouping.by_names_of_visits();
    grouping.by_deletions(Kind::is_of_a_patient);
    grouping.share_urns();
    Grouped {
        groups: grouping.sets.flat(),
        shared: grouping.shared,
        sources,
    }
}

struct Grouping<'a> {
    states: &'a [State],
    sets: DisjointSets,
    shared: HashSet<(Kind, Key)>,
    whose: Vec<Option<u32>>,
    scopes: Vec<Option<Scope>>,
}

impl<'a> Grouping<'a> {
    fn each(&self) -> impl Iterator<Item = (u32, &'a State)> + use<'a> {
        (0..).zip(self.states)
    }

    fn state(&self, number: u32) -> Option<&'a State> {
        self.states.get(at(number))
    }

    /// An address that names one resource everywhere names one resource, unless it is two patients': then it names none of them.
    fn by_own_names(&mut self) {
        let mut holders: BTreeMap<(Kind, Key), Vec<u32>> = BTreeMap::new();
        for (number, state) in self.each() {
            if let Some(own) = state.likeness.own.filter(|_| state.is_own_global) {
                holders.entry((state.kind, own)).or_default().push(number);
            }
        }
        for (name, holders) in holders {
            if name.0 == Kind::Patient && self.are_several(&holders, Bond::Resource) {
                self.unite_the_same(&holders);
                self.shared.insert(name);
            } else {
                self.sets.union_all(&holders);
            }
        }
    }

    /// A URN that two have in their bundles names neither of them.
    fn share_urns(&mut self) {
        let mut holders: HashMap<(Kind, Key), u32> = HashMap::new();
        let mut shared = Vec::new();
        for (number, state) in self.each().filter(|(_, state)| !state.is_id_told() && !state.deleted) {
            if let Some(own) = state.likeness.own {
                let group = self.sets.find(number);
                if *holders.entry((state.kind, own)).or_insert(group) != group {
                    shared.push((state.kind, own));
                }
            }
        }
        self.shared.extend(shared);
    }

    /// Makes one what is told twice in the same words.
    fn unite_the_same(&mut self, states: &[u32]) {
        self.unite_where(states, |one, other| {
            one.likeness == other.likeness && one.identifiers == other.identifiers && !one.deleted && !other.deleted
        });
    }

    /// A deletion tells an id, and no more: it is of the resource of that id which is nearest, if there is one. Another file may be
    /// another server's.
    fn by_deletions(&mut self, of: impl Fn(Kind) -> bool) {
        let servers = self.servers();
        let sources = FileSources::of(self.states, &self.sets.clone().flat());
        let whose = &self.whose;
        let server = |state: &State| state.base.or_else(|| servers.get(&state.file).copied().flatten());
        let mut there: HashMap<(Kind, Key), Vec<u32>> = HashMap::new();
        for (number, state) in self
            .each()
            .filter(|(_, state)| of(state.kind) && !state.deleted && state.contained.is_none())
        {
            // A finding is deleted by its id, or by a search for what it has as identifier.
            let identifiers = state.identifiers.iter().filter(|_| state.kind.is_finding());
            for name in state
                .id
                .into_iter()
                .chain(identifiers.map(|(_, identifier)| *identifier))
            {
                there.entry((state.kind, name)).or_default().push(number);
            }
        }
        for (number, state) in self.each().filter(|(_, state)| of(state.kind) && state.deleted) {
            let searched = || state.identifiers.first().map(|(_, identifier)| *identifier);
            let all = state
                .id
                .or_else(searched)
                .and_then(|name| there.get(&(state.kind, name)));
            let all = || {
                all.into_iter()
                    .flatten()
                    .filter_map(|other| Some((*other, self.state(*other)?)))
                    .filter(|(_, other)| state.base.zip(other.base).is_none_or(|(one, two)| one == two))
            };
            if all().any(|(other, _)| self.sets.find(other) == self.sets.find(number)) {
                // Its address has said already of what it is.
                continue;
            }
            let in_file = |_: u32, other: &State| other.file == state.file;
            let in_document = |_: u32, other: &State| other.file == state.file && other.document == state.document;
            let of_server = |other: u32, there: &State| {
                let is_told = server(state).is_some();
                state.is_own_global
                    || (server(there) == server(state) && (is_told || sources.may_mean(state, there, other, whose)))
            };
            for nearness in [&in_document as &dyn Fn(u32, &State) -> bool, &in_file, &of_server] {
                let near: Vec<u32> = all()
                    .filter(|(number, other)| nearness(*number, other))
                    .map(|(number, _)| number)
                    .collect();
                let Some(first) = near.first() else { continue };
                if near
                    .iter()
                    .all(|other| self.sets.find(*other) == self.sets.find(*first))
                {
                    self.sets.union(*first, number);
                }
                break;
            }
        }
    }

    /// The server of each file whose addresses are all of one.
    fn servers(&self) -> HashMap<u32, Option<Key>> {
        let mut servers: HashMap<u32, Option<Key>> = HashMap::new();
        for state in self.states {
            if let Some(base) = state.base {
                let server = servers.entry(state.file).or_insert(Some(base));
                *server = server.filter(|known| *known == base);
            }
        }
        servers
    }

    /// Those who have an identifier in common are one, unless any two of them cannot be: then it names none of them.
    fn by_identifiers(&mut self, of: impl Fn(Kind) -> bool) {
        let mut holders: BTreeMap<(Kind, Key), Vec<(u32, Standing)>> = BTreeMap::new();
        for (number, state) in self.each().filter(|(_, state)| of(state.kind)) {
            for (standing, identifier) in &state.identifiers {
                if *standing != Standing::Nobody {
                    holders
                        .entry((state.kind, *identifier))
                        .or_default()
                        .push((number, *standing));
                }
            }
        }
        let mut links = Vec::new();
        for (identifier, holders) in holders {
            let states = |holders: &[(u32, Standing)]| holders.iter().map(|(number, _)| *number).collect::<Vec<_>>();
            let mut holders = holders;
            if self.are_several(&states(&holders), Bond::Plain) {
                // A number that was one's may be another's now.
                holders.retain(|(_, standing)| *standing != Standing::Former);
                if holders.is_empty() || self.are_several(&states(&holders), Bond::Plain) {
                    self.shared.insert(identifier);
                    continue;
                }
            }
            let states = states(&holders);
            let bond = if is_personal(holders.iter().map(|(_, standing)| *standing)) {
                Bond::Typed
            } else {
                Bond::Plain
            };
            links.push((Some(identifier), Link { states, bond }));
        }
        let broken = self.join(links, &of);
        self.shared.extend(broken.into_iter().flatten());
    }

    /// Makes one what each link says is one. Two who cannot be one may be linked by others who could be either: then none of the links
    /// between them holds, the weaker ones first, and what told of them is returned.
    fn join<T>(&mut self, links: Vec<(T, Link)>, of: &impl Fn(Kind) -> bool) -> Vec<T> {
        let mut trial = self.sets.clone();
        for (_, link) in &links {
            trial.union_all(&link.states);
        }
        let end = |link: &Link| link.states.first().map(|first| trial.find(*first));
        let mut joined: HashMap<u32, Link> = HashMap::new();
        for (_, link) in &links {
            if let Some(set) = end(link) {
                let none = Link {
                    states: Vec::new(),
                    bond: link.bond,
                };
                let all = joined.entry(set).or_insert(none);
                all.bond = all.bond.min(link.bond);
            }
        }
        for (number, _) in self.each().filter(|(_, state)| of(state.kind)) {
            if let Some(all) = joined.get_mut(&trial.find(number)) {
                all.states.push(number);
            }
        }
        joined.retain(|_, all| self.are_several(&all.states, all.bond));
        let (mut broken, mut stronger) = (Vec::new(), Vec::new());
        for (told, link) in links {
            match end(&link).and_then(|set| joined.get(&set)) {
                None => self.sets.union_all(&link.states),
                Some(all) if link.bond > all.bond => stronger.push((told, link)),
                Some(_) => broken.push(told),
            }
        }
        if !stronger.is_empty() {
            broken.extend(self.join(stronger, of));
        }
        broken
    }

    /// Whether any two of these cannot be one, who have at least this in common.
    fn are_several(&self, states: &[u32], bond: Bond) -> bool {
        let mut distinct: Vec<Alike> = Vec::new();
        for number in states {
            let Some(state) = self.state(*number) else { continue };
            let same = |known: &&mut Alike| {
                known.state.likeness == state.likeness
                    && known.state.identifiers == state.identifiers
                    && self.whose(known.number) == self.whose(*number)
            };
            match distinct.iter_mut().find(same) {
                Some(known) => known.file = known.file.filter(|file| *file == state.file),
                None => distinct.push(Alike {
                    number: *number,
                    state,
                    file: Some(state.file),
                }),
            }
        }
        let mut rest = distinct.as_slice();
        while let Some((one, others)) = rest.split_first() {
            if others.iter().any(|other| self.cannot_be_one(one, other, bond)) {
                return true;
            }
            rest = others;
        }
        false
    }

    fn cannot_be_one(&self, one: &Alike<'_>, other: &Alike<'_>, bond: Bond) -> bool {
        let is_one = self.sets.find(one.number) == self.sets.find(other.number);
        let whose = self.whose(one.number).zip(self.whose(other.number));
        let bond = one.bond(other).max(bond);
        let (left, right) = (&one.state.likeness, &other.state.likeness);
        let is_other_id = left.own.is_none() || left.own != right.own;
        let are_two_ids = left.own.is_some() && right.own.is_some() && is_other_id;
        !is_one
            && (whose.is_some_and(|(one, other)| one != other)
                || left.contradicts(right, bond)
                || (are_two_ids && are_beside(one, other, bond))
                || (bond == Bond::Plain && is_other_id && left.is_strange_to(right)))
    }

    fn whose(&self, number: u32) -> Option<u32> {
        self.whose.get(at(number)).copied().flatten()
    }

    /// An id that is no address names one resource of a file. Beyond that, it is one resource only where nothing speaks against
    /// it and something for it: no identifier names both, and they are alike; or they are the same patient's.
    fn by_ids(&mut self, of: impl Fn(Kind) -> bool) {
        let mut holders: BTreeMap<(Kind, Key), Vec<u32>> = BTreeMap::new();
        for (number, state) in self
            .each()
            .filter(|(_, state)| of(state.kind) && !state.deleted && !state.is_own_global)
        {
            if let Some(own) = state.likeness.own {
                holders.entry((state.kind, own)).or_default().push(number);
            }
        }
        let mut links = Vec::new();
        for ((kind, _), holders) in holders {
            if kind.is_of_a_patient() {
                self.by_patients(&holders);
                continue;
            }
            let mut distinct: Vec<u32> = Vec::new();
            for number in holders {
                let mut is_known = false;
                for other in &distinct {
                    if self.is_one_by_id(*other, number) {
                        let link = Link {
                            states: vec![*other, number],
                            bond: Bond::Plain,
                        };
                        links.push(((), link));
                        is_known |= self.is_same(*other, number);
                    }
                }
                if !is_known {
                    distinct.push(number);
                }
            }
        }
        self.join(links, &of);
    }

    /// What is told by an id alone, and is no person's, is one beyond its file where [`unowned`] says so.
    fn by_ids_beyond_files(&mut self, sources: &Sources, folders: &Folders) {
        for (one, other) in unowned::links(self.states, &self.whose, sources, folders) {
            self.sets.union(one, other);
        }
    }

    /// What has one id in one scope and is one patient's is one; and what was one patient's, and is told to be another's.
    fn by_patients(&mut self, holders: &[u32]) {
        let mut of_patient: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for number in holders {
            let is_contained = self.state(*number).is_some_and(|state| state.contained.is_some());
            if let Some(patient) = self.whose(*number).filter(|_| !is_contained) {
                of_patient.entry(patient).or_default().push(*number);
            }
        }
        for holders in of_patient.values() {
            self.within_scopes(holders);
        }
        self.unite_where(holders, is_one_of_two_patients);
    }

    /// What is told by an id alone is the resource of that id on a server, where only one server has it for that patient and calls the patient the
    /// same.
    fn by_ids_on_servers(&mut self) {
        let mut holders: BTreeMap<(Kind, Key, u32), Vec<u32>> = BTreeMap::new();
        for (number, state) in self.each() {
            let is_told = state.kind.is_of_a_patient() && state.is_id_told() && !state.deleted;
            let is_meant = is_told && state.contained.is_none();
            if let Some((id, patient)) = state.id.zip(self.whose(number)).filter(|_| is_meant) {
                holders.entry((state.kind, id, patient)).or_default().push(number);
            }
        }
        for holders in holders.values() {
            for bare in holders {
                if let Some(on_server) = self.only_one_on_a_server(*bare, holders) {
                    self.sets.union(*bare, on_server);
                }
            }
        }
    }

    fn only_one_on_a_server(&self, bare: u32, holders: &[u32]) -> Option<u32> {
        let state = self.state(bare).filter(|state| state.base.is_none())?;
        let scope = |number: u32| self.scopes.get(at(number)).copied().flatten();
        let is_called_otherwise = |other: u32| scope(bare).zip(scope(other)).is_some_and(|(one, other)| one != other);
        let on_servers = holders.iter().filter_map(|other| Some((*other, self.state(*other)?)));
        let mut may_be = on_servers.filter(|(number, other)| {
            other.base.is_some() && !is_called_otherwise(*number) && !are_two_entries(state, other)
        });
        let (first, there) = may_be.next()?;
        may_be.all(|(_, other)| other.base == there.base).then_some(first)
    }

    /// Visits of a patient are one by their names as they are for the server (`domain::encounter`): those of one resource are one already;
    /// what tells no resource is the one visit that it can be. What may be several visits is none of them. A number that several have is
    /// that of a case.
    fn by_names_of_visits(&mut self) {
        let mut of_cases: HashSet<NameDigest> = HashSet::new();
        let mut states: HashMap<u32, Vec<u32>> = HashMap::new();
        for (number, _) in self.each().filter(|(_, state)| state.kind == Kind::Encounter) {
            states.entry(self.sets.find(number)).or_default().push(number);
        }
        for visits in self.visits_by_patient().into_values() {
            let mut alike: BTreeMap<BTreeSet<NameDigest>, Vec<u32>> = BTreeMap::new();
            for (visit, names) in visits.iter().filter(|(_, names)| is_told_by_number(names)) {
                let numbers = names.identifiers.iter().copied().collect();
                alike.entry(numbers).or_default().push(*visit);
            }
            for (numbers, visits) in alike {
                if !self.unite_by_numbers(&visits, &states) {
                    of_cases.extend(numbers);
                }
            }
        }
        // What tells nothing but the number of a case may be any of its visits.
        let is_known = |names: &EncounterNames| {
            !is_told_by_number(names) || names.identifiers.iter().any(|number| !of_cases.contains(number))
        };
        for mut visits in self.visits_by_patient().into_values() {
            visits.retain(|(_, names)| is_known(names));
            let mut numbered: HashMap<NameDigest, Vec<&(u32, EncounterNames)>> = HashMap::new();
            for visit in &visits {
                for number in &visit.1.identifiers {
                    numbered.entry(*number).or_default().push(visit);
                }
            }
            let mut links = Vec::new();
            for (visit, names) in visits.iter().filter(|(_, names)| is_told_by_number(names)) {
                let same = names
                    .identifiers
                    .iter()
                    .filter_map(|number| numbered.get(number))
                    .flatten();
                let others: BTreeMap<u32, &EncounterNames> = same.map(|(other, names)| (*other, names)).collect();
                let known = others.into_iter().filter(|(other, _)| other != visit);
                let known: Vec<NamedEncounter> = known
                    .map(|(other, names)| NamedEncounter {
                        id: uuid::Uuid::from_u128(other.into()),
                        names: names.clone(),
                    })
                    .collect();
                if let Some(other) = recognise(names, &known) {
                    links.push((*visit, u32::try_from(other.as_u128()).unwrap_or(*visit)));
                }
            }
            let names: HashMap<u32, &EncounterNames> = visits.iter().map(|(visit, names)| (*visit, names)).collect();
            for (one, other) in without_bridges(links, &names) {
                let both = self.state(one).zip(self.state(other));
                if both.is_some_and(|(one, other)| !are_two_entries(one, other)) {
                    self.sets.union(one, other);
                }
            }
        }
        self.share_numbers_of_visits();
    }

    /// Makes one what has the same numbers and nothing else, unless a bundle tells two of it: then they are a case's, only what began at one time
    /// is one visit, and the answer is `false`. All states of each set count: no order decides.
    fn unite_by_numbers(&mut self, visits: &[u32], states: &HashMap<u32, Vec<u32>>) -> bool {
        let all = |visits: &[u32]| -> Vec<&'a State> {
            let states = visits.iter().filter_map(|visit| states.get(visit)).flatten();
            states.filter_map(|number| self.state(*number)).collect()
        };
        let are_several = |visits: &[u32]| {
            let states = all(visits);
            let mut pairs = states
                .iter()
                .flat_map(|one| states.iter().map(move |other| (one, other)));
            pairs.any(|(one, other)| are_two_visits(one, other))
        };
        if !are_several(visits) {
            self.sets.union_all(visits);
            return true;
        }
        let mut by_start: BTreeMap<Option<i64>, Vec<u32>> = BTreeMap::new();
        for visit in visits {
            let starts: BTreeSet<Option<i64>> = all(&[*visit]).iter().map(|state| state.likeness.mark).collect();
            if let (Some(start), 1) = (starts.first(), starts.len()) {
                by_start.entry(*start).or_default().push(*visit);
            }
        }
        by_start.retain(|start, visits| start.is_some() && !are_several(visits));
        for visits in by_start.values() {
            self.sets.union_all(visits);
        }
        false
    }

    /// The sets of states of each patient's visits, with all that names each.
    fn visits_by_patient(&self) -> BTreeMap<u32, Vec<(u32, EncounterNames)>> {
        let mut visits: BTreeMap<u32, BTreeMap<u32, EncounterNames>> = BTreeMap::new();
        for (number, state) in self.each().filter(|(_, state)| state.kind == Kind::Encounter) {
            if let Some(patient) = self.whose(number) {
                let of_patient = visits.entry(patient).or_default();
                let names = of_patient.entry(self.sets.find(number)).or_default();
                *names = names.with(&self.names_of_visit(number, state));
            }
        }
        let all = visits.into_iter();
        all.map(|(patient, visits)| (patient, visits.into_iter().collect()))
            .collect()
    }

    fn names_of_visit(&self, number: u32, state: &State) -> EncounterNames {
        let named = state.identifiers.iter().filter(|(standing, _)| standing.names());
        let scope = self.scopes.get(at(number)).copied().flatten();
        let source = state.id.filter(|_| state.is_id_told()).map(|id| SourceId {
            server: state.base.map(|base| SourceId::of_server(base.digest())),
            patient: match scope {
                Some(Scope::Patient(patient)) => Some(SourceId::of_patient(patient.digest())),
                _ => None,
            },
            resource: id.digest(),
        });
        EncounterNames {
            identifiers: named
                .map(|(_, number)| EncounterNames::number(number.digest()))
                .collect(),
            sources: source.into(),
        }
    }

    /// A number that several visits have is on each visit of a case.
    fn share_numbers_of_visits(&mut self) {
        let mut holders: HashMap<Key, u32> = HashMap::new();
        let mut shared = Vec::new();
        for (number, state) in self.each().filter(|(_, state)| state.kind == Kind::Encounter) {
            let visit = self.sets.find(number);
            for (_, identifier) in &state.identifiers {
                if *holders.entry(*identifier).or_insert(visit) != visit {
                    shared.push((Kind::Encounter, *identifier));
                }
            }
        }
        self.shared.extend(shared);
    }

    /// Makes one any two of which this is true.
    fn unite_where(&mut self, states: &[u32], are_one: impl Fn(&State, &State) -> bool) {
        for (at, one) in states.iter().enumerate() {
            for other in states.iter().take(at) {
                let both = self.state(*one).zip(self.state(*other));
                if both.is_some_and(|(one, other)| are_one(one, other)) {
                    self.sets.union(*one, *other);
                }
            }
        }
    }

    /// What has one id and is one patient's is one, unless it has it in several scopes: then it is one in each, and what tells no scope
    /// may be in any of them. A URN may be good beyond its bundle, as it should be, where the same is told of both.
    fn within_scopes(&mut self, holders: &[u32]) {
        let scope = |number: &u32| self.scopes.get(at(*number)).copied().flatten();
        let scoped: Vec<(Scope, u32)> = holders.iter().filter_map(|one| Some((scope(one)?, *one))).collect();
        let scopes: HashSet<Scope> = scoped.iter().map(|(scope, _)| *scope).collect();
        if scopes.len() <= 1 {
            return self.unite_where(holders, |one, other| !are_two_entries(one, other));
        }
        let mut first: HashMap<Scope, u32> = HashMap::new();
        for (scope, number) in scoped {
            let first = *first.entry(scope).or_insert(number);
            self.sets.union(first, number);
        }
        let is_urn = |number: &&u32| self.state(**number).is_some_and(|state| !state.is_id_told());
        let urns: Vec<u32> = holders.iter().filter(is_urn).copied().collect();
        self.unite_where(&urns, tell_the_same);
    }

    fn is_same(&self, one: u32, two: u32) -> bool {
        self.state(one).zip(self.state(two)).is_some_and(|(one, two)| {
            one.file == two.file && one.likeness == two.likeness && one.identifiers == two.identifiers
        })
    }

    fn is_one_by_id(&self, one: u32, two: u32) -> bool {
        let (Some(left), Some(right)) = (self.state(one), self.state(two)) else {
            return false;
        };
        if are_two_entries(left, right) {
            return false;
        }
        if (left.file, left.bundle) == (right.file, right.bundle) {
            return !left.likeness.contradicts(&right.likeness, Bond::Resource);
        }
        let named = |state: &State| state.identifiers.iter().any(|(standing, _)| standing.names());
        // A number of one system tells them apart.
        if named(left) && named(right) && left.likeness.numbered_apart(&right.likeness) {
            return false;
        }
        !left.likeness.contradicts(&right.likeness, Bond::Plain) && left.likeness.resembles(&right.likeness)
    }
}

/// Whether what has one id and is told of two patients is one resource that was moved: one file tells of both, when each was so, and the
/// same of both. Otherwise both are taken: an id that two resources have would take one patient's finding away.
fn is_one_of_two_patients(one: &State, other: &State) -> bool {
    let dates = one.stamp.updated.date().zip(other.stamp.updated.date());
    let versions = one.stamp.version.zip(other.stamp.version);
    (one.file, one.bundle) == (other.file, other.bundle)
        && !are_two_entries(one, other)
        && one.contained.is_none()
        && other.contained.is_none()
        && (dates.is_some_and(|(one, other)| one != other) || versions.is_some_and(|(one, other)| one != other))
        && tell_the_same(one, other)
}

/// Whether both stand in one bundle, which has an address of its own for each: whatever their ids are, they are two.
fn are_two_entries(one: &State, other: &State) -> bool {
    (one.file, one.bundle) == (other.file, other.bundle)
        && one.url.zip(other.url).is_some_and(|(one, other)| one != other)
}

/// Whether one bundle tells of two visits: at two addresses, or at two times.
fn are_two_visits(one: &State, other: &State) -> bool {
    let is_one_bundle = (one.file, one.bundle) == (other.file, other.bundle);
    are_two_entries(one, other) || (is_one_bundle && one.likeness.mark != other.likeness.mark)
}

/// Whether a visit is told by numbers alone.
fn is_told_by_number(names: &EncounterNames) -> bool {
    names.sources.list().is_empty() && !names.identifiers.is_empty()
}

/// The links but for those of what may be several visits that are not one: nothing tells which of them it is.
fn without_bridges(mut links: Vec<(u32, u32)>, names: &HashMap<u32, &EncounterNames>) -> Vec<(u32, u32)> {
    let tells_more = |of: u32, than: u32| {
        let all = names.get(&than).map_or(&[][..], |names| &names.identifiers);
        let more = names.get(&of).map_or(&[][..], |names| &names.identifiers);
        more.iter().any(|number| !all.contains(number))
    };
    let mut fuller: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (one, other) in links.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)]) {
        if tells_more(other, one) {
            fuller.entry(one).or_default().insert(other);
        }
    }
    let are_one = |one: &u32, other: &u32| {
        let both = names.get(one).zip(names.get(other));
        both.is_some_and(|(one, other)| one.is_one_with(other))
    };
    fuller.retain(|_, others| {
        let others: Vec<u32> = others.iter().copied().collect();
        let mut pairs = others
            .iter()
            .enumerate()
            .flat_map(|(at, one)| others.iter().skip(at).map(move |other| (one, other)));
        pairs.any(|(one, other)| one != other && !are_one(one, other))
    });
    links.retain(|(one, other)| !fuller.contains_key(one) && !fuller.contains_key(other));
    links
}

/// Whether two states have a word in common, or when they began, or an identifier.
fn tell_the_same(one: &State, other: &State) -> bool {
    let marks = one.likeness.mark.zip(other.likeness.mark);
    let is_named = |(_, name): &(Standing, Key)| other.identifiers.iter().any(|(_, known)| known == name);
    one.says.iter().any(|word| other.says.contains(word))
        || marks.is_some_and(|(one, other)| one == other)
        || one.identifiers.iter().any(is_named)
}

/// States that something says are of one resource.
struct Link {
    states: Vec<u32>,
    /// What they have in common, at least.
    bond: Bond,
}

/// States that nothing tells apart.
struct Alike<'a> {
    /// One of them.
    number: u32,
    state: &'a State,
    /// The file in which all of them are, if it is one.
    file: Option<u32>,
}

impl Alike<'_> {
    /// What two have in common by themselves.
    fn bond(&self, other: &Self) -> Bond {
        let (one, two) = (self.state, other.state);
        let is_one_id = one.likeness.own.is_some() && one.likeness.own == two.likeness.own;
        if is_one_id && self.is_in_file_with(other) && one.bundle == two.bundle && !are_two_entries(one, two) {
            return Bond::Resource;
        }
        let is_typed = one.identifiers.iter().any(|(standing, name)| {
            let mut same = two.identifiers.iter().filter(|(_, known)| known == name);
            same.any(|(known, _)| is_personal([*standing, *known].into_iter()))
        });
        match (is_typed, is_one_id) {
            (true, true) => Bond::Known,
            (true, false) => Bond::Typed,
            _ => Bond::Plain,
        }
    }

    /// Whether both stand in one file, and in no other.
    fn is_in_file_with(&self, other: &Self) -> bool {
        self.file.is_some() && self.file == other.file
    }
}

/// Whether two with an id each are told of as two: in one file, if they are called otherwise; in one bundle, unless a number of one person
/// alone, and the very same given names, are common to them, for twins stand under their mother's number, and have no names yet; and on
/// one server, unless the given names are the very same.
fn are_beside(one: &Alike<'_>, other: &Alike<'_>, bond: Bond) -> bool {
    let (left, right) = (one.state, other.state);
    let are_of_one_server = left.base.is_some() && left.base == right.base;
    let are_in_one_file = one.is_in_file_with(other);
    let are_in_one_bundle = are_in_one_file && left.bundle == right.bundle;
    let is_patient = left.likeness.is_patient;
    let has_other_names = is_patient && !left.likeness.has_same_given_names(&right.likeness);
    (are_in_one_file && left.likeness.is_called_otherwise(&right.likeness))
        || (are_in_one_bundle && (has_other_names || (is_patient && bond == Bond::Plain)))
        || (are_of_one_server && has_other_names)
}

/// Whether an identifier that stands like this with each who has it is one person's alone.
fn is_personal(mut standings: impl Iterator<Item = Standing> + Clone) -> bool {
    let is_typed = |standing| matches!(standing, Standing::Best | Standing::Typed | Standing::Former);
    standings.clone().all(is_typed) && standings.any(|standing| standing != Standing::Former)
}
