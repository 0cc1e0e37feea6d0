//! What names an encounter.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{PersonalValue, SourceId, Sources};

/// A digest of an identifier: it is only compared within one patient's record, so that a few bytes are enough.
pub type NameDigest = [u8; 8];

/// What names an encounter beside its id: its other identifiers, and what its sources call it.
///
/// A source may tell of it once by its number, once by an address, and once by an id alone.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EncounterNames {
    /// Digests of its identifiers.
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

    /// The digest of an identifier, by the id that is derived from it.
    pub fn digest(id: Uuid) -> NameDigest {
        let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// Whether both name one encounter. By one resource they do. By an identifier they do where one has all identifiers of the other, unless
    /// they are certainly two resources: some sources give each visit of a case the number of the case.
    pub fn may_be(&self, other: &Self) -> bool {
        let is_common = |one: &NameDigest| other.identifiers.contains(one);
        let has_all = |one: &Self, two: &Self| two.identifiers.iter().all(|name| one.identifiers.contains(name));
        let is_same = has_all(self, other) || has_all(other, self);
        self.is_resource_of(other) || (!self.is_beside(other) && is_same && self.identifiers.iter().any(is_common))
    }

    /// Whether both are told by one resource.
    pub fn is_resource_of(&self, other: &Self) -> bool {
        let mut theirs = other.sources.list().iter();
        theirs.any(|source| self.sources.have(Some(*source)) == Some(true))
    }

    fn is_beside(&self, other: &Self) -> bool {
        let mut theirs = other.sources.list().iter();
        theirs.any(|source| self.sources.have_beside(Some(*source)))
    }

    /// Both together. `newer` counts more where there is no room for all.
    #[must_use]
    pub fn with(&self, newer: &Self) -> Self {
        let mut identifiers = newer.identifiers.clone();
        identifiers.extend(
            self.identifiers
                .iter()
                .filter(|known| !newer.identifiers.contains(known)),
        );
        identifiers.truncate(Self::MOST);
        // The same resource, of which less is told.
        let is_known = |all: &Sources, told: SourceId| {
            let mut known = all.list().iter();
            known.any(|known| known.may_be(told) && (known.scope.is_some() || told.scope.is_none()))
        };
        let newer = newer.sources.list().iter();
        let sources = newer.fold(self.sources.clone(), |all, source| match is_known(&all, *source) {
            true => all,
            false => all.with(Some(*source)),
        });
        Self { identifiers, sources }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(identifiers: &[u8], sources: &[(Option<u8>, u8)]) -> EncounterNames {
        let source = |(server, id): &(Option<u8>, u8)| SourceId {
            scope: server.map(|server| SourceId::of_server([server; 4])),
            resource: [*id; 8],
        };
        EncounterNames {
            identifiers: identifiers.iter().map(|one| [*one; 8]).collect(),
            sources: Sources::new(sources.iter().map(source)),
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
            (names(&[1], &[(None, 7)]), names(&[1], &[(None, 8)]), true),
            (names(&[], &[]), names(&[], &[]), false),
            // A case's number beside a number of their own.
            (names(&[1, 3], &[]), names(&[2, 3], &[]), false),
        ] {
            assert_eq!(
                (one.may_be(&two), two.may_be(&one)),
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
    }
}
