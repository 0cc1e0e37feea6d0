//! Whether two states that share an identifier can be of one person.
//!
//! A number may be a family's although nothing says so, and be on every member. So whoever shares one is compared by what else
//! is told of them. What is merely not told never speaks against it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use domain::kernel::{Gender, Identifier};

use super::key::Key;

/// A name's digest: enough to tell whether two names are one.
pub(in crate::import) type Word = u32;

/// What a state says of whom it describes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(in crate::import) struct Likeness {
    /// The date of birth: year, month, day, as far as it is told.
    pub(in crate::import) born: Option<(i32, Option<u32>, Option<u32>)>,
    /// Administrative gender, if it is told.
    pub(in crate::import) gender: Option<u8>,
    /// Every given name, of every name.
    pub(in crate::import) given: Vec<Word>,
    /// Every family name.
    pub(in crate::import) family: Vec<Word>,
    /// Something else that is one thing in all states: when a visit began.
    pub(in crate::import) mark: Option<i64>,
    /// The identifiers that name or named it, by system: the system, then the identifier, in order.
    pub(in crate::import) identifiers: Vec<(Key, Key)>,
    /// What the resource itself is called.
    pub(in crate::import) own: Option<Key>,
}

impl Likeness {
    /// Whether the two cannot be one, though they share an identifier; `typed` says that it is of a type that belongs to one
    /// person alone.
    pub(in crate::import) fn contradicts(&self, other: &Self, typed: bool) -> bool {
        let same_resource = self.own.is_some() && self.own == other.own;
        let other_resource = self.own.is_some() && other.own.is_some() && !same_resource;
        let born = self.born.zip(other.born).is_some_and(|(one, two)| !agree(one, two));
        let gender = self.gender.zip(other.gender).is_some_and(|(one, two)| one != two);
        let given = apart(&self.given, &other.given);
        let family = apart(&self.family, &other.family);
        let mark = self.mark.zip(other.mark).is_some_and(|(one, two)| one != two);
        if (born && (given || gender)) || (self.born.is_none() && given && family && !same_resource) {
            return true;
        }
        if same_resource {
            return false;
        }
        (mark && !typed) || self.numbered_apart(other) || (given && other_resource && !typed)
    }

    /// Whether names and dates are the same as far as they are told, and something is told by both.
    pub(in crate::import) fn resembles(&self, other: &Self) -> bool {
        let born = self.born.zip(other.born).map(|(one, two)| agree(one, two));
        let told = |one: &[Word], two: &[Word]| (!one.is_empty() && !two.is_empty()).then(|| !apart(one, two));
        let (given, family) = (told(&self.given, &other.given), told(&self.family, &other.family));
        let all = [born, given, family];
        all.contains(&Some(true)) && !all.contains(&Some(false))
    }

    /// Whether some system has given them different identifiers, and none that both have.
    fn numbered_apart(&self, other: &Self) -> bool {
        let of = |likeness: &Self, system: &Key| -> Vec<Key> {
            let of_it = likeness.identifiers.iter().filter(|(known, _)| known == system);
            of_it.map(|(_, identifier)| *identifier).collect()
        };
        self.identifiers.iter().any(|(system, _)| {
            let theirs = of(other, system);
            !theirs.is_empty() && of(self, system).iter().all(|identifier| !theirs.contains(identifier))
        })
    }
}

/// A date that is not told to the day agrees with every day that it may be.
fn agree(one: (i32, Option<u32>, Option<u32>), two: (i32, Option<u32>, Option<u32>)) -> bool {
    let part = |one: Option<u32>, two: Option<u32>| one.zip(two).is_none_or(|(one, two)| one == two);
    one.0 == two.0 && part(one.1, two.1) && part(one.2, two.2)
}

/// Whether both have some, and none in common.
fn apart(one: &[Word], two: &[Word]) -> bool {
    !one.is_empty() && !two.is_empty() && one.iter().all(|word| !two.contains(word))
}

/// The digests of names: their letters in lower case, without what stands between them.
pub(in crate::import) fn words<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Word> {
    let word = |name: &str| {
        let letters: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        let mut hasher = DefaultHasher::new();
        letters.hash(&mut hasher);
        let [.., a, b, c, d] = hasher.finish().to_be_bytes();
        (!letters.is_empty()).then(|| Word::from_be_bytes([a, b, c, d]))
    };
    let mut words: Vec<Word> = names
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(word)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// A gender that is told, as a number.
pub(in crate::import) const fn gender(gender: Gender) -> Option<u8> {
    match gender {
        Gender::Male => Some(0),
        Gender::Female => Some(1),
        Gender::Other => Some(2),
        Gender::Unknown => None,
    }
}

/// The system of the identifiers that are addresses (FHIR R4, `Identifier`).
pub(in crate::import) const ADDRESSES: &str = "urn:ietf:rfc:3986";

/// The keys of an identifier: of its system, and of itself.
pub(in crate::import) fn keys(identifier: &Identifier) -> (Key, Key) {
    (
        Key::of(&[&identifier.system]),
        Key::of(&[&identifier.system, &identifier.value]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(born: i32, given: &str, family: &str, numbers: &[(&str, &str)], own: &str) -> Likeness {
        let mut identifiers: Vec<_> = numbers
            .iter()
            .map(|(system, value)| (Key::of(&[system]), Key::of(&[system, value])))
            .collect();
        identifiers.sort_unstable();
        Likeness {
            born: Some((born, Some(5), Some(6))),
            gender: Some(1),
            given: words([given]),
            family: words([family]),
            mark: None,
            identifiers,
            own: (!own.is_empty()).then(|| Key::of(&[own])),
        }
    }

    fn contradict(one: &Likeness, two: &Likeness, typed: bool) -> bool {
        assert_eq!(one.contradicts(two, typed), two.contradicts(one, typed));
        one.contradicts(two, typed)
    }

    #[test]
    fn members_of_a_family_are_told_apart() {
        let mother = person(1970, "Mother", "F", &[("house", "6"), ("mrn", "a")], "p6a");
        let child = person(2015, "Child", "F", &[("house", "6"), ("mrn", "b")], "p6b");
        assert!(contradict(&mother, &child, false));
        let numberless = person(2015, "Child", "F", &[("house", "6")], "");
        assert!(contradict(&mother, &numberless, false));
        // Twins, with and without a number of their own.
        let (one, two) = (
            person(2015, "Ada", "F", &[("house", "6"), ("mrn", "a")], ""),
            person(2015, "Bea", "F", &[("house", "6"), ("mrn", "b")], ""),
        );
        assert!(contradict(&one, &two, false));
        let (one, two) = (
            person(2015, "Ada", "F", &[("house", "6")], "p1"),
            person(2015, "Bea", "F", &[("house", "6")], "p2"),
        );
        assert!(contradict(&one, &two, false));
        // Father and son of one name.
        let (one, two) = (
            person(1970, "Ada", "F", &[("house", "6"), ("mrn", "a")], ""),
            person(2015, "Ada", "F", &[("house", "6"), ("mrn", "b")], ""),
        );
        assert!(contradict(&one, &two, false));
    }

    #[test]
    fn one_persons_states_agree() {
        let before = person(1970, "Ada", "Byron", &[("mrn", "a")], "p1");
        for after in [
            person(1970, "Ada", "Lovelace", &[("mrn", "a")], "p1"),
            person(1970, "Ada", "Lovelace", &[("mrn", "a"), ("ssn", "1")], "p2"),
            person(1970, "Augusta", "Byron", &[("mrn", "a")], "p1"),
            person(1971, "Ada", "Byron", &[("mrn", "a")], "p2"),
            person(1970, "Ada", "Byron", &[("mrn", "b")], "p1"),
        ] {
            assert!(!contradict(&before, &after, false), "{after:?}");
        }
        assert!(!contradict(
            &before,
            &person(1970, "Augusta", "Byron", &[("mrn", "a")], "p2"),
            true
        ));
    }

    #[test]
    fn what_is_not_told_speaks_against_nothing() {
        let known = person(1970, "Ada", "Byron", &[("mrn", "a")], "p1");
        assert!(!contradict(&known, &Likeness::default(), false));
        let year = Likeness {
            born: Some((1970, None, None)),
            ..known.clone()
        };
        assert!(!contradict(&known, &year, false));
    }

    #[test]
    fn names_are_compared_by_their_letters() {
        assert_eq!(words(["Anna-Maria"]), words(["annamaria"]));
        assert_eq!(words(["O'Neil"]), words(["ONEIL"]));
        assert_eq!(words([" ", "-"]), Vec::<Word>::new());
    }
}
