//! A state of a resource, in an index of many.

use std::collections::HashMap;

use super::Kind;
use super::key::Key;
use super::likeness::{Likeness, Word};
use super::naming::Standing;
use super::pointer::Pointer;
use super::stamp::Stamp;

/// A state of a resource, as small as it can be: there may be millions.
pub(super) struct State {
    pub(super) kind: Kind,
    pub(super) file: u32,
    pub(super) item: u32,
    pub(super) document: u32,
    pub(super) bundle: Option<u32>,
    pub(super) deleted: bool,
    pub(super) is_own_global: bool,
    /// Whether the id is a UUID: no other server has a resource of it.
    pub(super) is_id_unique: bool,
    pub(super) contained: Option<Key>,
    pub(super) stamp: Stamp,
    pub(super) url: Option<Key>,
    pub(super) base: Option<Key>,
    pub(super) id: Option<Key>,
    pub(super) is_id_told: bool,
    pub(super) identifiers: Box<[(Standing, Key)]>,
    pub(super) likeness: Likeness,
    /// What a finding or a medication says: its codes and texts.
    pub(super) says: Box<[Word]>,
    /// Whether an allergy is said to be life-threatening, or not to be.
    pub(super) is_critical: Option<bool>,
    /// Whether its statuses say that there is such a thing: it is not refuted, over or in error.
    pub(super) is_there: bool,
    /// Whether it is enough for a record.
    pub(super) tells: Tells,
    /// Whose it is: the patient's, or of a role the practitioner's.
    pub(super) subject: Option<Box<Pointer>>,
}

/// The folder in which each file stands, by their numbers.
pub(super) type Folders = HashMap<u32, u32>;

/// Whether what a state tells is enough for a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tells {
    /// It tells what a record has to have, or that a finding is none.
    Enough,
    /// It lacks something: an older state counts in its place.
    TooLittle,
    /// That a visit was entered in error, and not what it was: that an older state tells.
    ThatItIsNone,
}

/// Within what a name that is no address on a server is of one resource of a patient.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Scope {
    /// An id, among what belongs to a patient whom the source calls so.
    Patient(Key),
    /// A URN, in a bundle of a file.
    Bundle(u32, u32),
}

/// A number of a state or a file, as a place in a list.
pub(super) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
