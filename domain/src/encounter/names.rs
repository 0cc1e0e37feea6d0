//! What names an encounter.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{Identifier, PersonalValue, SourceId, Sources};

/// A digest of an identifier or of a description: it is only compared within one patient's record, so that a few bytes are enough.
pub type NameDigest = [u8; 8];

/// The bit by which what describes an encounter differs from what numbers it.
const OF_DESCRIPTION: u8 = 0x80;

/// What names an encounter: its identifiers, in the order in which they were told, and what its sources call it.
///
/// A source may tell of it once by its number, once by an address, and once by an id alone.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EncounterNames {
    /// Digests of its identifiers and descriptions, as [`Self::number`] and [`Self::description`] make them.
    pub identifiers: Vec<NameDigest>,
    /// Its resources.
    pub sources: Sources,
}

impl PersonalValue for EncounterNames {}

impl EncounterNames {
    /// How many identifiers are kept at most.
    pub const MOST: usize = 16;
    /// How many others a visit may be told by at most, beside the first.
    pub const MOST_OTHERS: usize = Self::MOST - 1;

    /// The system of an identifier that is a description: of an encounter that each export of a source may call otherwise, it says what does
    /// not change, such as when it began and with whom.
    pub const DESCRIPTIONS: &str = "urn:medconnect:visit";

    /// The digest of an identifier, by the id that is derived from it.
    pub fn digest(identifier: &Identifier, id: Uuid) -> NameDigest {
        let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
        let digest = [a, b, c, d, e, f, g, h];
        match identifier.system == Self::DESCRIPTIONS {
            true => Self::description(digest),
            false => Self::number(digest),
        }
    }

    /// An identifier that names it, by a digest.
    pub const fn number([a, b, c, d, e, f, g, h]: [u8; 8]) -> NameDigest {
        [a & !OF_DESCRIPTION, b, c, d, e, f, g, h]
    }

    /// A description, by a digest.
    pub const fn description([a, b, c, d, e, f, g, h]: [u8; 8]) -> NameDigest {
        [a | OF_DESCRIPTION, b, c, d, e, f, g, h]
    }

    /// Whether both name one encounter. By one resource they do. By identifiers they do where the one that has fewer, or the same ones, is known
    /// by nothing else: a state that names its resource may tell a case's number alone, which is on each visit of the case. Two that name two
    /// resources are two, whatever they are called, unless two exports describe them alike.
    pub fn is_one_with(&self, other: &Self) -> bool {
        self.is_resource_of(other) || self.is_called_like(other) || self.is_described_like(other)
    }

    /// Whether both are told by two resources, by no common one, and are not described alike.
    pub(super) fn is_certainly_another_than(&self, other: &Self) -> bool {
        !self.is_resource_of(other) && !self.is_described_like(other) && self.is_beside(other)
    }

    /// Whether two exports give both one description, and no numbers that contradict each other. They are two exports if they call the
    /// patient otherwise: one that has ids for good calls both so, and knows which visits are two.
    fn is_described_like(&self, other: &Self) -> bool {
        let mut descriptions = self.identifiers.iter().filter(|name| is_description(name));
        descriptions.any(|name| other.identifiers.contains(name))
            && self.is_told_elsewhere(other)
            && (self.has_numbers_of(other) || other.has_numbers_of(self))
    }

    /// Whether none of both is told by a server, and each resource of the one by a source that calls the patient otherwise than those of the
    /// other.
    fn is_told_elsewhere(&self, other: &Self) -> bool {
        let is_elsewhere = |(one, other): (&SourceId, &SourceId)| {
            one.server.is_none() && other.server.is_none() && one.is_elsewhere(*other)
        };
        let (own, others) = (self.sources.list(), other.sources.list());
        own.iter()
            .flat_map(|one| others.iter().map(move |other| (one, other)))
            .all(is_elsewhere)
    }

    /// Whether it has all numbers of another.
    fn has_numbers_of(&self, other: &Self) -> bool {
        let mut numbers = other.identifiers.iter().filter(|name| !is_description(name));
        numbers.all(|name| self.identifiers.contains(name))
    }

    fn is_called_like(&self, other: &Self) -> bool {
        let only_by_number = |one: &Self| one.sources.list().is_empty();
        match (self.is_called_all_of(other), other.is_called_all_of(self)) {
            (true, true) => only_by_number(self) || only_by_number(other),
            (true, false) => only_by_number(other),
            (false, true) => only_by_number(self),
            (false, false) => false,
        }
    }

    /// Whether it has all identifiers of another that has any.
    fn is_called_all_of(&self, other: &Self) -> bool {
        let has = |name: &NameDigest| self.identifiers.contains(name);
        !other.identifiers.is_empty() && other.identifiers.iter().all(has)
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty() && self.sources.list().is_empty()
    }

    /// Whether both are told by one resource, as far as that is known.
    pub fn is_resource_of(&self, other: &Self) -> bool {
        let may_be = |source: &SourceId| self.sources.have(Some(*source)) == Some(true);
        let mut theirs = other.sources.list().iter();
        theirs.any(may_be)
    }

    /// Whether both are told by one resource for sure.
    fn is_certainly_resource_of(&self, other: &Self) -> bool {
        let mut theirs = other.sources.list().iter();
        theirs.any(|source| self.sources.have_certainly(Some(*source)))
    }

    fn is_beside(&self, other: &Self) -> bool {
        let mut theirs = other.sources.list().iter();
        theirs.any(|source| self.sources.have_beside(Some(*source)))
    }

    /// Both together. `newer` counts more where there is no room for all. The id of what is known by its description is not kept, for the next
    /// export has another, and of several descriptions the first is.
    #[must_use]
    pub fn with(&self, newer: &Self) -> Self {
        let newer = &self.kept_of(newer);
        let is_further = |one: &NameDigest, than: &Self| !than.identifiers.contains(one);
        let identifiers = match newer.identifiers.iter().any(|told| is_further(told, self)) {
            true => {
                let known = self.identifiers.iter().filter(|known| is_further(known, newer));
                newer
                    .identifiers
                    .iter()
                    .chain(known)
                    .copied()
                    .take(Self::MOST)
                    .collect()
            }
            false => self.identifiers.clone(),
        };
        let newer = newer.sources.list().iter();
        let sources = newer.fold(self.sources.clone(), |all, source| match all.list().contains(source) {
            true => all,
            false => all.with(Some(*source)),
        });
        Self { identifiers, sources }
    }

    /// What there is to keep of the names of a newer state.
    fn kept_of(&self, newer: &Self) -> Self {
        let is_described = self.identifiers.iter().any(is_description);
        let mut kept = newer.clone();
        if self.is_described_like(newer) && !self.is_resource_of(newer) {
            kept.sources = Sources::default();
        }
        kept.identifiers.retain(|name| !is_described || !is_description(name));
        kept
    }
}

/// Whether a digest is of a description.
const fn is_description([first, ..]: &NameDigest) -> bool {
    *first & OF_DESCRIPTION != 0
}

/// An encounter of a record, by its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedEncounter {
    /// Its id.
    pub id: Uuid,
    /// All that names it.
    pub names: EncounterNames,
}

/// How sure it is that an encounter is the one that is told: the least is the surest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// It is told by the same resource, under the same name.
    Resource,
    /// By what may be the same resource, of which one of both says less.
    PerhapsResource,
    /// It is described alike.
    Description,
    /// It has the same identifiers.
    SameIdentifiers,
    /// One of both has all identifiers of the other, and more.
    MoreIdentifiers,
}

/// Which of a record's encounters is told under these names; `None` where none of them is, or where several may be and nothing tells which.
pub fn recognise(told: &EncounterNames, known: &[NamedEncounter]) -> Option<Uuid> {
    let may_be = known.iter().filter(|one| one.names.is_one_with(told));
    let may_be: Vec<(Evidence, &NamedEncounter)> = may_be.map(|one| (evidence(told, &one.names), one)).collect();
    let (best, _) = may_be.iter().min_by_key(|(evidence, _)| *evidence)?;
    let surest = may_be.iter().filter(|(evidence, _)| evidence == best);
    let surest: Vec<&NamedEncounter> = surest.map(|(_, one)| *one).collect();
    let [first, .., _] = surest.as_slice() else {
        return surest.first().map(|one| one.id);
    };
    let called = |one: &&&NamedEncounter| {
        let (one, told) = (&one.names, told);
        one.is_called_all_of(told) || told.is_called_all_of(one)
    };
    let mut called_so = surest.iter().filter(called);
    match (best, called_so.next(), called_so.next()) {
        (Evidence::Resource | Evidence::PerhapsResource, Some(one), None) => Some(one.id),
        (Evidence::Resource, ..) => Some(first.id),
        (Evidence::MoreIdentifiers, ..) => told_first(told, &surest),
        (Evidence::Description, ..) => only(surest.iter()),
        // What is told by its numbers alone is the one that was told by these alone.
        (Evidence::SameIdentifiers, ..) => only(surest.iter().filter(|one| one.names.sources.list().is_empty())),
        (Evidence::PerhapsResource, ..) => None,
    }
}

/// The one, if there is one.
fn only<'a>(mut several: impl Iterator<Item = &'a &'a NamedEncounter>) -> Option<Uuid> {
    match (several.next(), several.next()) {
        (Some(one), None) => Some(one.id),
        _ => None,
    }
}

fn evidence(told: &EncounterNames, known: &EncounterNames) -> Evidence {
    if told.is_certainly_resource_of(known) {
        Evidence::Resource
    } else if told.is_resource_of(known) {
        Evidence::PerhapsResource
    } else if told.is_described_like(known) {
        Evidence::Description
    } else if told.is_called_all_of(known) && known.is_called_all_of(told) {
        Evidence::SameIdentifiers
    } else {
        Evidence::MoreIdentifiers
    }
}

/// Of several of whose identifiers all are told, the one of which one is told first.
fn told_first(told: &EncounterNames, several: &[&NamedEncounter]) -> Option<Uuid> {
    let all_are_told = several.iter().all(|one| told.is_called_all_of(&one.names));
    let place = |one: &&&NamedEncounter| {
        let mut told = told.identifiers.iter();
        told.position(|name| one.names.identifiers.contains(name))
    };
    let first = several.iter().min_by_key(place);
    first.filter(|_| all_are_told).map(|one| one.id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(identifiers: &[u8], sources: &[(Option<u8>, u8)]) -> EncounterNames {
        let source = |(server, id): &(Option<u8>, u8)| SourceId {
            server: server.map(|server| SourceId::of_server([server; 4])),
            patient: None,
            resource: [*id; 8],
        };
        EncounterNames {
            identifiers: identifiers.iter().map(|one| [*one; 8]).collect(),
            sources: Sources::new(sources.iter().map(source)),
        }
    }

    /// The digest of a description.
    const NOON: u8 = OF_DESCRIPTION;

    /// What an export tells that calls the patient so.
    fn told_by(patient: u8, id: u8, identifiers: &[u8]) -> EncounterNames {
        let source = SourceId {
            server: None,
            patient: Some(SourceId::of_patient([patient; 4])),
            resource: [id; 8],
        };
        EncounterNames {
            sources: Sources::new([source]),
            ..names(identifiers, &[])
        }
    }

    #[test]
    fn one_resource_is_one_encounter_and_so_is_one_number_unless_they_are_two_resources() {
        let here = (Some(1), 7);
        for (one, two, is_one) in [
            (names(&[1], &[]), names(&[2, 1], &[]), true),
            (names(&[1], &[]), names(&[2], &[]), false),
            (names(&[], &[here]), names(&[2], &[here]), true),
            (names(&[1], &[here]), names(&[2], &[(None, 7)]), true),
            (names(&[1], &[here]), names(&[1], &[(Some(1), 8)]), false),
            (names(&[1], &[here]), names(&[1], &[(Some(2), 7)]), false),
            (names(&[1], &[(None, 7)]), names(&[1], &[(None, 8)]), false),
            (names(&[1], &[(None, 7)]), names(&[1], &[]), true),
            (names(&[], &[]), names(&[], &[]), false),
            // A case's number beside a number of their own.
            (names(&[1, 3], &[]), names(&[2, 3], &[]), false),
            // Who names a resource may tell a case's number alone.
            (names(&[3], &[(None, 8)]), names(&[1, 3], &[]), false),
            (names(&[3], &[(None, 8)]), names(&[1, 3], &[(None, 7)]), false),
            (names(&[1], &[]), names(&[1, 3], &[(None, 7)]), true),
            // Two ids, and one description, by exports that call the patient otherwise.
            (told_by(1, 7, &[NOON]), told_by(2, 8, &[NOON]), true),
            (told_by(1, 7, &[NOON]), told_by(2, 7, &[NOON]), true),
            (told_by(1, 7, &[NOON, 1]), told_by(2, 8, &[NOON]), true),
            (told_by(1, 7, &[NOON, 1]), told_by(2, 8, &[NOON, 2]), false),
            (told_by(1, 7, &[NOON]), told_by(2, 8, &[NOON + 1]), false),
            (told_by(1, 7, &[NOON]), told_by(1, 8, &[NOON]), false),
            (told_by(1, 8, &[NOON]), names(&[NOON], &[here]), false),
            (names(&[NOON], &[here]), names(&[NOON], &[(Some(2), 8)]), false),
            (names(&[NOON], &[(None, 7)]), names(&[NOON], &[(None, 8)]), false),
        ] {
            assert_eq!(
                (one.is_one_with(&two), two.is_one_with(&one)),
                (is_one, is_one),
                "{one:?} {two:?}"
            );
        }
    }

    #[test]
    fn what_is_told_is_kept_with_what_is_known() {
        let (known, told) = (names(&[1, 2], &[(None, 7)]), names(&[3, 2], &[(Some(1), 7)]));
        assert_eq!(known.with(&known), known);
        let both = names(&[3, 2, 1], &[(Some(1), 7)]);
        assert_eq!(known.with(&told), both);
        assert_eq!(
            both.with(&names(&[], &[(None, 7)])),
            both,
            "less is told of the resource"
        );
        assert_eq!(known.with(&names(&[], &[])), known);
        assert_eq!(known.with(&names(&[2], &[])), known, "nothing further is told");
    }

    #[test]
    fn of_what_each_export_calls_otherwise_one_id_and_one_description_are_kept() {
        let known = told_by(1, 7, &[NOON]);
        assert_eq!(known.with(&told_by(2, 8, &[NOON])), known);
        assert_eq!(known.with(&told_by(2, 8, &[NOON, 1])), told_by(1, 7, &[1, NOON]));
        let moved = told_by(1, 7, &[NOON + 1]);
        assert_eq!(known.with(&moved), known, "it was described before");
    }

    fn known(id: u128, names: EncounterNames) -> NamedEncounter {
        NamedEncounter {
            id: Uuid::from_u128(id),
            names,
        }
    }

    #[test]
    fn of_several_that_may_be_told_the_surest_is_and_none_where_nothing_tells_which() {
        let record = [
            known(1, names(&[3, 1], &[])),
            known(2, names(&[3, 2], &[])),
            known(3, names(&[4], &[(Some(1), 7)])),
            known(4, names(&[5], &[(Some(2), 7)])),
        ];
        for (told, id) in [
            (names(&[3, 2], &[]), Some(2)),
            (names(&[2], &[]), Some(2)),
            (names(&[3], &[]), None),
            (names(&[3, 2, 1], &[]), Some(1)),
            (names(&[2, 8], &[]), None),
            (names(&[9], &[(Some(2), 7)]), Some(4)),
            (names(&[9], &[(None, 7)]), None),
            (names(&[], &[(None, 7)]), None),
            (names(&[5], &[(None, 7)]), Some(4)),
            (names(&[3], &[(None, 9)]), None),
        ] {
            let expected = id.map(Uuid::from_u128);
            assert_eq!(recognise(&told, &record), expected, "{told:?}");
        }
    }

    #[test]
    fn what_is_told_by_its_numbers_alone_is_the_one_that_was_told_so() {
        let record = [known(1, names(&[1, 3], &[(Some(1), 7)])), known(2, names(&[1, 3], &[]))];
        assert_eq!(recognise(&names(&[3, 1], &[]), &record), Some(Uuid::from_u128(2)));
    }

    /// A state of a visit: which visit, and what it tells. Whoever tells nothing of its own tells of nothing in particular.
    #[derive(Clone, Debug)]
    struct State {
        visit: u8,
        names: EncounterNames,
    }

    /// States of visits that have the number of one case (0), numbers of their own (1 and on), and resources of one server.
    fn states() -> impl Strategy<Value = Vec<State>> {
        let state = (
            1..5_u8,
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
        );
        let state = state.prop_map(|(visit, tells_source, is_bare, tells_own, tells_case, case_first)| {
            let tells_own = tells_own || !tells_source;
            let mut numbers: Vec<u8> = [tells_case.then_some(0), tells_own.then_some(visit)]
                .into_iter()
                .flatten()
                .collect();
            if !case_first {
                numbers.reverse();
            }
            let source = (Some(1).filter(|_| !is_bare), visit);
            let sources: &[_] = if tells_source { &[source] } else { &[] };
            State {
                visit,
                names: names(&numbers, sources),
            }
        });
        prop::collection::vec(state, 1..12)
    }

    #[test]
    fn a_server_that_is_told_later_is_learned() {
        let of_patient = SourceId {
            patient: Some(SourceId::of_patient([9; 4])),
            ..SourceId::default()
        };
        let of_patient = SourceId {
            resource: [7; 8],
            ..of_patient
        };
        let bare = EncounterNames {
            sources: Sources::new([of_patient]),
            ..EncounterNames::default()
        };
        let (north, south) = (names(&[], &[(Some(1), 7)]), names(&[], &[(Some(2), 7)]));
        assert_eq!(bare.with(&north), north.with(&bare));
        assert_eq!(names(&[], &[(None, 7)]).with(&bare), bare);
        assert!(bare.is_one_with(&north) && bare.is_one_with(&south) && !bare.with(&north).is_one_with(&south));
    }

    /// States of visits of several servers that give the same ids, and call the patient otherwise; sometimes the server is not told.
    fn states_of_servers() -> impl Strategy<Value = Vec<State>> {
        let state = (0..6_u8, any::<bool>(), any::<bool>()).prop_map(|(visit, tells_server, tells_number)| {
            let (server, id) = (visit / 2, visit % 2);
            let source = SourceId {
                server: tells_server.then_some(SourceId::of_server([server; 4])),
                patient: Some(SourceId::of_patient([server; 4])),
                resource: [id; 8],
            };
            let names = EncounterNames {
                identifiers: tells_number.then_some([visit; 8]).into_iter().collect(),
                sources: Sources::new([source]),
            };
            State { visit, names }
        });
        prop::collection::vec(state, 1..12)
    }

    /// States of visits by exports that each give everything new ids; some have numbers.
    fn states_of_exports() -> impl Strategy<Value = Vec<State>> {
        let state = (0..5_u8, 0..20_u8, any::<bool>()).prop_map(|(visit, export, tells_number)| {
            let numbers: &[u8] = if tells_number {
                &[NOON + visit, visit]
            } else {
                &[NOON + visit]
            };
            State {
                visit,
                names: told_by(export, export * 5 + visit, numbers),
            }
        });
        prop::collection::vec(state, 1..12)
    }

    /// States of visits by a source that has ids for good, all described alike.
    fn states_with_lasting_ids() -> impl Strategy<Value = Vec<State>> {
        let state = (0..5_u8).prop_map(|visit| State {
            visit,
            names: told_by(1, visit, &[NOON]),
        });
        prop::collection::vec(state, 1..12)
    }

    fn visits(states: &[State]) -> usize {
        let all: std::collections::BTreeSet<u8> = states.iter().map(|state| state.visit).collect();
        all.len()
    }

    proptest! {
        #[test]
        fn no_visit_is_lost_or_twice_whatever_ids_the_exports_give_it(states in states_of_exports()) {
            let expected = visits(&states);
            prop_assert_eq!(none_is_lost(states)?, expected);
        }

        #[test]
        fn no_visit_that_has_an_id_for_good_is_lost_in_one_that_began_with_it(states in states_with_lasting_ids()) {
            let expected = visits(&states);
            prop_assert_eq!(none_is_lost(states)?, expected);
        }

        #[test]
        fn no_visit_is_lost_in_one_of_another_server(states in states_of_servers()) {
            let _visits = none_is_lost(states)?;
        }

        #[test]
        fn no_visit_is_lost_in_another_in_whatever_order_their_states_are_told(states in states()) {
            let _visits = none_is_lost(states)?;
        }
    }

    /// Takes in states, one after the other, each as one of the visit that it is recognised as, or as a new one. Tells how many there are.
    fn none_is_lost(states: Vec<State>) -> Result<usize, TestCaseError> {
        let mut record: Vec<(u8, NamedEncounter)> = Vec::new();
        for state in states {
            let all: Vec<NamedEncounter> = record.iter().map(|(_, one)| one.clone()).collect();
            match recognise(&state.names, &all) {
                Some(id) => {
                    let (visit, known) = record.iter_mut().find(|(_, one)| one.id == id).unwrap();
                    prop_assert_eq!(*visit, state.visit, "{:?} took {:?}", state, known);
                    known.names = known.names.with(&state.names);
                }
                None => {
                    let id = u128::try_from(record.len()).unwrap();
                    record.push((state.visit, known(id, state.names)));
                }
            }
        }
        Ok(record.len())
    }
}
