//! What of a bundle is not taken as it stands: said by name and counted, never dropped in silence and never quoted.

use std::collections::BTreeMap;

use serde::Serialize;

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It is lost: data for which a record has a place, and which is not there. It cannot be read, contradicts itself, names what is
    /// nowhere, or is more than a record takes.
    LeftOut,
    /// A record has no place for it by design: a former name, a second reason for a visit, a proposal. It stays in the source.
    NoPlace,
    /// It is rightly not imported, and nothing is lost: it says of itself that it is not so.
    PassedOver,
    /// It is imported, and something of it is not as the source has it.
    Changed,
}

/// One kind of remark.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Remark {
    fate: Fate,
    resource: &'static str,
    why: String,
}

/// How many places are told of one kind of remark.
const MOST_PLACES: usize = 10;

/// How often, and where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Seen {
    count: u64,
    places: Vec<String>,
}

impl Seen {
    /// Keeps the first places, each once, in whichever order they are seen.
    fn add(&mut self, more: Self) {
        self.count = self.count.saturating_add(more.count);
        for place in more.places {
            let at = self.places.partition_point(|known| !is_before(&place, known));
            if at < MOST_PLACES && !self.places.contains(&place) {
                self.places.insert(at, place);
                self.places.truncate(MOST_PLACES);
            }
        }
    }
}

/// Whether a place stands before another: letter by letter, and numbers by what they count.
fn is_before(one: &str, two: &str) -> bool {
    let steps = |place: &str| -> Vec<(u64, String)> {
        let mut steps: Vec<(u64, String)> = vec![(0, String::new())];
        for letter in place.chars() {
            match (letter.to_digit(10), steps.last_mut()) {
                (Some(digit), Some((number, text))) if text.is_empty() => {
                    *number = number.saturating_mul(10).saturating_add(digit.into());
                }
                (Some(digit), _) => steps.push((digit.into(), String::new())),
                (None, Some((_, text))) => text.push(letter),
                (None, None) => {}
            }
        }
        steps
    };
    steps(one) < steps(two)
}

/// A remark as it is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// What becomes of it.
    pub fate: Fate,
    /// The kind of resource.
    pub resource: &'static str,
    /// Why.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Where the first ones stand in the file.
    pub places: Vec<String>,
}

/// The remarks on a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notes(BTreeMap<Remark, Seen>);

impl Notes {
    /// It is lost, though a record has a place for it.
    pub fn left_out(&mut self, resource: &'static str, path: &str, why: impl Into<String>) {
        self.add(Fate::LeftOut, resource, path, why);
    }

    /// A record has no place for it.
    pub fn no_place(&mut self, resource: &'static str, path: &str, why: impl Into<String>) {
        self.add(Fate::NoPlace, resource, path, why);
    }

    /// It is not imported, and nothing is lost by that.
    pub fn passed_over(&mut self, resource: &'static str, path: &str, why: impl Into<String>) {
        self.add(Fate::PassedOver, resource, path, why);
    }

    /// It is imported otherwise than the source has it.
    pub fn changed(&mut self, resource: &'static str, path: &str, why: impl Into<String>) {
        self.add(Fate::Changed, resource, path, why);
    }

    /// Adds a remark on one resource.
    pub(crate) fn add(&mut self, fate: Fate, resource: &'static str, path: &str, why: impl Into<String>) {
        let why = why.into();
        let seen = self.0.entry(Remark { fate, resource, why }).or_default();
        seen.add(Seen {
            count: 1,
            places: vec![path.to_owned()],
        });
    }

    /// Takes over what another has.
    pub fn append(&mut self, other: Self) {
        for (remark, seen) in other.0 {
            self.0.entry(remark).or_default().add(seen);
        }
    }

    /// All of them, what is left out first.
    pub fn list(&self) -> Vec<Note> {
        let note = |(remark, seen): (&Remark, &Seen)| Note {
            fate: remark.fate,
            resource: remark.resource,
            why: remark.why.clone(),
            count: seen.count,
            places: seen.places.clone(),
        };
        self.0.iter().map(note).collect()
    }
}
