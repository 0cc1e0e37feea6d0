//! Whether two states that share an identifier can be of one person.
//!
//! A number may be a family's although nothing says so, and be on every member. So whoever shares one is compared by what else
//! is told of them. What is merely not told never speaks against it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{Datelike as _, NaiveDate};
use domain::kernel::{Gender, Identifier};
use unicode_normalization::UnicodeNormalization as _;

use super::key::Key;

/// A name's digest: enough to tell whether two names are one.
pub(crate) type Word = u32;

/// A given name: all its letters, and the first of them.
pub(crate) type Given = (Word, Word);

/// A date of birth: year, month and day, as far as they are told.
pub(crate) type Born = (i32, Option<u32>, Option<u32>);

/// What a state says of whom it describes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Likeness {
    /// Whether it describes a patient. Only states of one kind are compared.
    pub(crate) is_patient: bool,
    /// The date of birth, if it is told.
    pub(crate) born: Option<Born>,
    /// As the how-manieth of several they were born (FHIR R4, `multipleBirthInteger`), or [`ONE_OF_SEVERAL`].
    pub(crate) birth_order: Option<i64>,
    /// Administrative gender, if it is told.
    pub(crate) gender: Option<u8>,
    /// Every given name, of every name.
    pub(crate) given: Vec<Word>,
    /// The given names of every name that has some, in order, and what the name is to them.
    pub(crate) called: Vec<(Usage, Vec<Given>)>,
    /// Every family name.
    pub(crate) family: Vec<Word>,
    /// Something else that is one thing in all states: when a visit began.
    pub(crate) mark: Option<i64>,
    /// The identifiers that name or named it, by system: the system, then the identifier, in order.
    pub(crate) identifiers: Vec<(Key, Key)>,
    /// What the resource itself is called.
    pub(crate) own: Option<Key>,
}

/// What a name is to whoever has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Usage {
    /// The one that they mainly go by.
    Main,
    /// Another one, beside it.
    Beside,
    /// One that they went by.
    Former,
}

/// What two states have in common, for which they may be one. The more it says, the less speaks against it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Bond {
    /// A number of which nothing says that it is one person's alone.
    Plain,
    /// A number of a type that belongs to one person alone.
    Typed,
    /// Such a number, and an id, which alone would be another one's on another server.
    Known,
    /// The resource itself: one address that is good everywhere, or one id in one file.
    Resource,
}

/// What newborns are called until they have a name.
const NO_NAMES: [&str; 36] = [
    "baby",
    "babyboy",
    "babygirl",
    "bb",
    "bg",
    "bebe",
    "boy",
    "child",
    "daughter",
    "female",
    "fille",
    "first",
    "garcon",
    "girl",
    "hija",
    "hijo",
    "infant",
    "junge",
    "kind",
    "knabe",
    "male",
    "madchen",
    "neonate",
    "neonato",
    "newborn",
    "neugeborenes",
    "nn",
    "of",
    "second",
    "sohn",
    "son",
    "tochter",
    "twin",
    "unknown",
    "unnamed",
    "zwilling",
];

/// What [`Likeness::birth_order`] is of one of several, if no more is told.
pub(crate) const ONE_OF_SEVERAL: i64 = 0;

/// From how many years on two dates of birth are not one that was corrected: parents have their children's names, and the numbers
/// of their children are mistaken for theirs.
const A_GENERATION: u32 = 12;

impl Likeness {
    /// Whether the two cannot be one, though they have this in common.
    ///
    /// Nobody is who was born on another day and is called otherwise; nor, where the days are not known, who has neither a given nor a
    /// family name in common. Twins have the day of birth in common, the family name, and perhaps the first given name (`Baby Boy A`);
    /// they may be written under the number of one of them, or of their mother, whatever its type: with that nobody is who is called
    /// otherwise, has another sex or was born on another day, unless the id is the same too: then that may have been corrected. A number
    /// of no type proves so little that all that is told of a patient has to agree with it, the day of birth with it, but for a
    /// family name that was changed: through somebody of whom no day is told two of one name would become one. Of others no day of birth is told, and an id of one more file may be the same one's. One address
    /// is of two where two of name, sex and number differ, or the days of birth by a generation, and no number is common to them.
    pub(crate) fn contradicts(&self, other: &Self, bond: Bond) -> bool {
        let days = self.born.zip(other.born);
        let other_day = days.is_some_and(|(one, two)| !agree(one, two));
        let gender = self.gender.zip(other.gender).is_some_and(|(one, two)| one != two);
        let (given, first) = (self.is_called_otherwise(other), self.is_first_otherwise(other));
        let family = apart(&self.family, &other.family);
        // Somebody may have married and had their date of birth corrected since.
        let is_near = !days.is_some_and(|(one, two)| are_generations(one, two));
        let is_certain = bond >= Bond::Known && self.is_numbered_as(other) && !first && !gender && is_near;
        let is_nobody_named_so = family && (first || self.names().is_disjoint(&other.names()));
        if (other_day && !is_certain && (first || family || gender)) || (days.is_none() && is_nobody_named_so) {
            return true;
        }
        let other_resource = self.own.is_none() || self.own != other.own;
        let mark = self.mark.zip(other.mark).is_some_and(|(one, two)| one != two);
        // One of several who were born at once is known by their own id, or by being told so again.
        // Two of whom is told only that they are of several may be two of these, but nobody gives two children the same name.
        let orders = [self.birth_order, other.birth_order];
        let are_both_told = orders
            .iter()
            .all(|order| order.is_some_and(|order| order != ONE_OF_SEVERAL));
        let is_other_birth = match are_both_told {
            true => self.birth_order != other.birth_order,
            false => orders != [None; 2] && !self.has_own_name_of(other),
        };
        let is_other_twin = is_other_birth && matches!(bond, Bond::Plain | Bond::Typed);
        let are_told_apart = bond == Bond::Plain && self.birth_order.is_some() && other.birth_order.is_some();
        if is_other_twin && (other_resource || are_told_apart) {
            return true;
        }
        match bond {
            // A server may be set up anew, and two may be called the same: `http://localhost`.
            Bond::Resource => {
                let otherwise = [given, family, gender, self.numbered_apart(other)];
                let differs = otherwise.into_iter().filter(|one| *one).count() >= 2;
                let generations = days.is_some_and(|(one, two)| are_generations(one, two));
                self.is_patient && !self.is_numbered_as(other) && (differs || generations)
            }
            Bond::Known => {
                (other_resource && self.numbered_apart(other))
                    || (first && gender)
                    || days.is_some_and(|(one, two)| are_generations(one, two))
            }
            // Doctors have no twins.
            Bond::Typed if self.is_patient => {
                (other_resource && self.numbered_apart(other)) || given || gender || other_day
            }
            Bond::Typed => (other_resource && self.numbered_apart(other)) || (given && gender) || other_day,
            Bond::Plain => {
                other_day
                    || (self.is_patient && (given || days.is_none()))
                    || (other_resource && (given || gender || mark || self.numbered_apart(other)))
            }
        }
    }

    /// Whether both are called by the same words, whichever of them is a family name.
    pub(crate) fn has_words_of(&self, other: &Self) -> bool {
        let words = |one: &Self| {
            let mut all: Vec<Word> = one.given.iter().chain(&one.family).copied().collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        words(self) == words(other)
    }

    /// Whether the two are alike enough to be one where no number says so: they have the date of birth and a given name in common, or
    /// two names, and nothing that both tell differs. A family name is many people's, born on the same day or not.
    pub(crate) fn resembles(&self, other: &Self) -> bool {
        let born = self.born.zip(other.born).map(|(one, two)| agree(one, two));
        let told = |one: &[Word], two: &[Word]| !one.is_empty() && !two.is_empty();
        let given = told(&self.given, &other.given).then(|| !self.is_called_otherwise(other));
        let family = told(&self.family, &other.family).then(|| !apart(&self.family, &other.family));
        let is_only_doctor = !self.is_patient && given.is_none() && family == Some(true);
        let is_named_whole = self.is_named_as(other) || (is_only_doctor && self.family == other.family);
        let differs = [born, given, family].contains(&Some(false));
        !differs && ((born == Some(true) && given == Some(true)) || is_named_whole)
    }

    /// Whether both patients are named, and no more of their names agrees than a family name does. What is not one person's alone does
    /// not make them one.
    pub(crate) fn is_strange_to(&self, other: &Self) -> bool {
        let is_named = |one: &Self| !(one.given.is_empty() && one.family.is_empty());
        let is_called_as = !self.is_called_otherwise(other) && !self.given.is_empty() && !other.given.is_empty();
        self.is_patient && is_named(self) && is_named(other) && !is_called_as && !self.is_named_as(other)
    }

    /// Whether the two, taken for one, differ in a name, the sex, the date of birth or a number, or only one of two ids has a given name:
    /// that somebody may want to see.
    pub(crate) fn is_told_otherwise(&self, other: &Self) -> bool {
        self.gender.zip(other.gender).is_some_and(|(one, two)| one != two)
            || self.born.zip(other.born).is_some_and(|(one, two)| !agree(one, two))
            || self.is_called_otherwise(other)
            || apart(&self.family, &other.family)
            || self.numbered_apart(other)
            // Newborns have no name yet, and perhaps a twin's number.
            || (self.own != other.own && self.given != other.given)
    }

    /// Adds what an older state says of a person and this one does not.
    pub(super) fn fill(&mut self, older: &Self) {
        let is_vaguer = |known: Born| self.born.is_none_or(|told| agree(told, known));
        let is_exact = self.born.is_some_and(|born| born.2.is_some());
        if let Some(known) = older.born.filter(|known| !is_exact && is_vaguer(*known)) {
            self.born = Some(known);
        }
        self.gender = self.gender.or(older.gender);
        if self.called.is_empty() {
            self.called.clone_from(&older.called);
            self.given.clone_from(&older.given);
        }
        for (_, called) in &mut self.called {
            if let Some((_, known)) = older.called.iter().find(|(_, known)| is_short_for(called, known)) {
                self.given.extend(known.iter().map(|(word, _)| *word));
                called.clone_from(known);
            }
        }
        if self.family.is_empty() {
            self.family.clone_from(&older.family);
        }
    }

    /// Whether the day of birth may be this one.
    pub(crate) fn may_be_born(&self, day: NaiveDate) -> bool {
        let day = (day.year(), Some(day.month()), Some(day.day()));
        self.born.is_some_and(|born| agree(born, day))
    }

    /// Every word of every name.
    fn names(&self) -> BTreeSet<Word> {
        self.given.iter().chain(&self.family).copied().collect()
    }

    /// Whether two names are common to them, wherever in a name they stand, and their first names are not two: where a name is told in
    /// one piece, nobody knows which is the first, and one has to have all names of the other.
    fn is_named_as(&self, other: &Self) -> bool {
        let (one, two) = (self.names(), other.names());
        let is_in_pieces = self.has_main_name() && other.has_main_name();
        one.intersection(&two).count() >= 2
            && if is_in_pieces {
                !self.is_called_otherwise(other)
            } else {
                one.is_subset(&two) || two.is_subset(&one)
            }
    }

    /// Whether both have given names, and none in common: the first is another, or each has one beside it that the other has not. Of a
    /// name in one piece nobody knows what is given: then it is the whole name.
    pub(crate) fn is_called_otherwise(&self, other: &Self) -> bool {
        let is_in_piece = self.is_patient && !(self.has_main_name() && other.has_main_name());
        if is_in_piece && self.names().len() > 1 && other.names().len() > 1 {
            return !self.names().is_subset(&other.names()) && !other.names().is_subset(&self.names());
        }
        self.no_names_agree(other, is_one_name) || self.has_other_second_names(other)
    }

    /// Whether both have the very same given names. Two newborns who have none yet have not.
    pub(crate) fn has_same_given_names(&self, other: &Self) -> bool {
        !self.given.is_empty() && self.given == other.given
    }

    /// Whether both mainly go by the very same given names, and these are names: `Baby Girl` stands for one.
    fn has_own_name_of(&self, other: &Self) -> bool {
        let main = |one: &Self| -> Vec<Vec<Given>> {
            let all = one.called.iter().filter(|(usage, _)| *usage == Usage::Main);
            all.map(|(_, called)| called.clone()).collect()
        };
        let is_name = |(word, initial): &Given| word != initial && !NO_NAMES.iter().any(|one| digest(one) == *word);
        let own = main(self);
        own.iter().flatten().any(is_name) && own == main(other)
    }

    /// Whether both have other names beside the main one, and none in common: two who are still called Baby.
    fn has_other_second_names(&self, other: &Self) -> bool {
        let second = |one: &Self| -> Vec<Vec<Given>> {
            let all = one.called.iter().filter(|(usage, _)| *usage == Usage::Beside);
            all.map(|(_, called)| called.clone()).collect()
        };
        let (one, two) = (second(self), second(other));
        let is_common = |one: &Vec<Given>| two.iter().any(|two| is_one_name(one, two));
        !one.is_empty() && !two.is_empty() && !one.iter().any(is_common)
    }

    /// Whether both have first given names, and none in common.
    fn is_first_otherwise(&self, other: &Self) -> bool {
        self.no_names_agree(other, is_one_first)
    }

    /// Somebody goes mainly by what the other one does, or did before. Any other name in common proves nothing: every newborn is called
    /// Baby, and a sister's name may be one's second.
    fn no_names_agree(&self, other: &Self, agree: impl Fn(&[Given], &[Given]) -> bool) -> bool {
        use Usage::{Former, Main};
        let counts = |usages| matches!(usages, (Main, Main) | (Main, Former) | (Former, Main));
        let is_common = |(usage, one): &(Usage, Vec<Given>)| {
            let mut theirs = other.called.iter().filter(|(theirs, _)| counts((*usage, *theirs)));
            theirs.any(|(_, two)| agree(one, two))
        };
        self.has_main_name() && other.has_main_name() && !self.called.iter().any(is_common)
    }

    /// Whether the given names of the name that they mainly go by are told. They are not where it is told in one piece.
    fn has_main_name(&self) -> bool {
        self.called.iter().any(|(usage, _)| *usage == Usage::Main)
    }

    /// Whether they have an identifier in common.
    fn is_numbered_as(&self, other: &Self) -> bool {
        self.identifiers.iter().any(|one| other.identifiers.contains(one))
    }

    /// Whether some system has given them different identifiers, and none that both have.
    pub(super) fn numbered_apart(&self, other: &Self) -> bool {
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

/// Whether two given names may be one. An initial is every name that begins so.
const fn is_one(one: Given, two: Given) -> bool {
    one.0 == two.0 || (one.1 == two.1 && (one.0 == one.1 || two.0 == two.1))
}

/// Whether the given names may be one's: the first is, and one has all of the other's.
fn is_one_name(one: &[Given], two: &[Given]) -> bool {
    is_one_first(one, two) && (is_in(one, two) || is_in(two, one))
}

fn is_one_first(one: &[Given], two: &[Given]) -> bool {
    one.first()
        .zip(two.first())
        .is_some_and(|(one, two)| is_one(*one, *two))
}

/// Whether every given name of one is the other's too, in the same order.
fn is_in(one: &[Given], two: &[Given]) -> bool {
    let mut rest = two.iter();
    one.iter().all(|name| rest.any(|other| is_one(*name, *other)))
}

/// Whether a name tells fewer given names than one that is known, or an initial of one, and nothing else: then it leaves the known as
/// it is.
pub(crate) fn tells_less(told: &[String], known: &[String]) -> bool {
    fn of(given: &[String]) -> Vec<Given> {
        called(given.iter().map(String::as_str)).unwrap_or_default()
    }
    is_short_for(&of(told), &of(known))
}

fn is_short_for(told: &[Given], known: &[Given]) -> bool {
    let stands_for = |told: Given, known: Given| told.0 == known.0 || (told.0 == told.1 && told.1 == known.1);
    let mut rest = known.iter();
    let is_in = told.iter().all(|name| rest.any(|known| stands_for(*name, *known)));
    told != known && is_in && (told.is_empty() || is_one_first(told, known))
}

/// A date that is not told to the day agrees with every day that it may be.
fn agree(one: Born, two: Born) -> bool {
    let part = |one: Option<u32>, two: Option<u32>| one.zip(two).is_none_or(|(one, two)| one == two);
    one.0 == two.0 && part(one.1, two.1) && part(one.2, two.2)
}

/// Whether two dates of birth are so far from each other that neither is the other one corrected.
const fn are_generations(one: Born, two: Born) -> bool {
    one.0.abs_diff(two.0) >= A_GENERATION
}

/// Whether both have some, and none in common.
fn apart(one: &[Word], two: &[Word]) -> bool {
    !one.is_empty() && !two.is_empty() && one.iter().all(|word| !two.contains(word))
}

/// The digests of names: their letters in lower case, without what stands between them.
pub(crate) fn words<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Word> {
    let word = |name: &str| {
        Some(letters(name))
            .filter(|name| !name.is_empty())
            .map(|name| digest(&name))
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

/// As [`words`], of a doctor: without what many doctors are called.
pub(crate) fn words_of_doctor<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Word> {
    const TITLES: [&str; 12] = [
        "dr",
        "doctor",
        "doc",
        "prof",
        "professor",
        "md",
        "do",
        "mbbs",
        "phd",
        "med",
        "mr",
        "mrs",
    ];
    let names = names.into_iter().flat_map(str::split_whitespace);
    words(names.filter(|name| !TITLES.contains(&letters(name).as_str())))
}

/// The given names of one name; `None` when it has none.
pub(crate) fn called<'a>(given: impl IntoIterator<Item = &'a str>) -> Option<Vec<Given>> {
    let given = given
        .into_iter()
        .flat_map(|name| name.split(|c: char| c.is_whitespace() || c == '-'))
        .map(letters);
    // Neither a number nor one of several who are not named yet, as `Baby II` is, begins with an initial.
    let is_number = |name: &str| matches!(name, "ii" | "iii" | "iv") || name.starts_with(char::is_numeric);
    let initial = |name: &str| {
        let length = if is_number(name) { name.len() } else { 1 };
        name.chars().take(length).collect::<String>()
    };
    let given = given.filter(|name| !name.is_empty());
    let given: Vec<Given> = given.map(|name| (digest(&name), digest(&initial(&name)))).collect();
    Some(given).filter(|given| !given.is_empty())
}

/// A text as one word.
pub(crate) fn whole(text: &str) -> Word {
    digest(&letters(text))
}

/// The letters of a name, in lower case, without what stands between them.
fn letters(name: &str) -> String {
    // Some systems write no accents.
    let name = name.to_lowercase();
    name.nfd().filter(|c| c.is_alphanumeric()).nfc().collect()
}

fn digest(letters: &str) -> Word {
    let mut hasher = DefaultHasher::new();
    letters.hash(&mut hasher);
    let [.., a, b, c, d] = hasher.finish().to_be_bytes();
    Word::from_be_bytes([a, b, c, d])
}

/// A gender that is told, as a number.
pub(crate) const fn gender(gender: Gender) -> Option<u8> {
    match gender {
        Gender::Male => Some(0),
        Gender::Female => Some(1),
        Gender::Other => Some(2),
        Gender::Unknown => None,
    }
}

/// The system of the identifiers that are addresses (FHIR R4, `Identifier`).
pub(crate) const ADDRESSES: &str = "urn:ietf:rfc:3986";

/// The keys of an identifier: of its system, and of itself.
pub(crate) fn keys(identifier: &Identifier) -> (Key, Key) {
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
            is_patient: true,
            born: Some((born, Some(5), Some(6))),
            birth_order: None,
            gender: Some(1),
            given: words([given]),
            called: called([given])
                .into_iter()
                .map(|called| (Usage::Main, called))
                .collect(),
            family: words([family]),
            mark: None,
            identifiers,
            own: (!own.is_empty()).then(|| Key::of(&[own])),
        }
    }

    /// A patient of whom nothing is told.
    fn unknown() -> Likeness {
        Likeness {
            is_patient: true,
            ..Likeness::default()
        }
    }

    fn contradict(one: &Likeness, two: &Likeness, bond: Bond) -> bool {
        assert_eq!(one.contradicts(two, bond), two.contradicts(one, bond));
        one.contradicts(two, bond)
    }

    #[test]
    fn members_of_a_family_are_told_apart() {
        let mother = person(1970, "Mother", "F", &[("house", "6"), ("mrn", "a")], "p6a");
        let child = person(2015, "Child", "F", &[("house", "6"), ("mrn", "b")], "p6b");
        let numberless = person(2015, "Child", "F", &[("house", "6")], "");
        // Twins, with and without a number of their own.
        let twin = |given: &str, numbers: &[(&str, &str)], own: &str| person(2015, given, "F", numbers, own);
        let numbered = |given: &str, number: &str| twin(given, &[("house", "6"), ("mrn", number)], "");
        let plain = |given: &str, own: &str| twin(given, &[("house", "6")], own);
        for (one, two) in [
            (mother.clone(), child),
            (mother, numberless),
            (numbered("Ada", "a"), numbered("Bea", "b")),
            (plain("Ada", "p1"), plain("Bea", "p2")),
            (plain("Ada", ""), plain("Bea", "")),
        ] {
            assert!(contradict(&one, &two, Bond::Plain), "{one:?} {two:?}");
        }
    }

    #[test]
    fn father_and_son_of_one_name_are_two() {
        let house = [("house", "6")];
        let (father, son) = (
            person(1950, "John", "Smith", &house, "p1"),
            person(1980, "John", "Smith", &house, "p2"),
        );
        assert!(contradict(&father, &son, Bond::Plain));
        assert!(contradict(&father, &son, Bond::Typed), "a number of his son's");
        assert!(
            !contradict(&father, &son, Bond::Resource),
            "who was born in 1900 was born when nobody knew"
        );
        // Two who have the given name in common and the day of birth of one of them.
        let rossi = person(1950, "Maria", "Rossi", &house, "p1");
        for born in [Some((1980, None, None)), None] {
            let bianchi = Likeness {
                born,
                ..person(1980, "Maria", "Bianchi", &house, "p2")
            };
            assert!(contradict(&rossi, &bianchi, Bond::Plain), "{born:?}");
        }
        let bianchi = person(1980, "Maria", "Bianchi", &house, "p1");
        for bond in [Bond::Typed, Bond::Resource] {
            assert!(contradict(&rossi, &bianchi, bond), "{bond:?}");
        }
    }

    #[test]
    fn twins_under_one_number_are_two_whatever_its_type() {
        let number = [("mc", "1")];
        let anna = person(2015, "Anna", "F", &number, "p1");
        let boy = Likeness {
            gender: Some(0),
            ..person(2015, "Bert", "F", &number, "p2")
        };
        let later = person(2017, "Anna", "F", &number, "p2");
        for other in [&boy, &later] {
            assert!(contradict(&anna, other, Bond::Typed), "{other:?}");
        }
        assert!(contradict(&anna, &boy, Bond::Known));
        let born = |order: i64, own: &str| Likeness {
            birth_order: Some(order),
            ..person(2015, "Baby Girl", "F", &number, own)
        };
        let named = |order: Option<i64>, own: &str| Likeness {
            birth_order: order,
            ..person(2015, "Mia", "F", &number, own)
        };
        for bond in [Bond::Plain, Bond::Typed] {
            for other in [None, Some(ONE_OF_SEVERAL), Some(1)] {
                assert!(
                    !contradict(&named(Some(1), "p1"), &named(other, "p2"), bond),
                    "a twin who is told again: {other:?}"
                );
            }
            let several = || named(Some(ONE_OF_SEVERAL), "p1");
            assert!(!contradict(&several(), &several(), bond));
            assert!(contradict(&named(Some(1), "p1"), &named(Some(2), "p2"), bond));
        }
        for bond in [Bond::Plain, Bond::Typed] {
            assert!(contradict(&born(1, "p1"), &born(2, "p2"), bond));
            let untold = person(2015, "Baby Girl", "F", &number, "p2");
            assert!(contradict(&born(1, "p1"), &untold, bond), "a record does not tell it");
            assert!(!contradict(&born(1, "p1"), &born(1, "p2"), bond));
        }
        assert!(!contradict(&born(1, "p1"), &born(2, "p1"), Bond::Resource));
        assert!(!contradict(&anna, &later, Bond::Known), "a day that was corrected");
        assert!(anna.is_told_otherwise(&later), "and that is said");
    }

    #[test]
    fn who_has_another_given_name_first_or_beside_it_is_called_otherwise() {
        let named = |given: &str| person(2015, given, "F", &[("house", "6")], "");
        for (one, two) in [
            ("Anna Maria", "Berta Maria"),
            ("Anna Maria", "Maria Theresia"),
            ("A.", "Berta Anna"),
            ("Anna Maria", "Anna Theresia"),
            ("Baby Boy A", "Baby Boy B"),
            ("Twin 1", "Twin 2"),
            ("Twin 1", "Twin 12"),
            ("Baby I", "Baby II"),
        ] {
            for bond in [Bond::Plain, Bond::Typed] {
                assert!(contradict(&named(one), &named(two), bond), "{one} {two} {bond:?}");
            }
            assert!(!named(one).resembles(&named(two)) && named(one).is_strange_to(&named(two)));
            let whole = |given: &str| Likeness {
                given: Vec::new(),
                called: Vec::new(),
                family: words([given, "F"]),
                ..named("")
            };
            assert!(whole(one).is_strange_to(&whole(two)), "in one piece: {one} {two}");
        }
        for (one, two) in [
            ("Anna Maria", "Anna"),
            ("Anna Maria", "A. M."),
            ("Anna Maria", "Anna M. Theresia"),
            ("A.", "Anna"),
            ("", "Anna"),
        ] {
            assert!(!contradict(&named(one), &named(two), Bond::Plain), "{one} {two}");
        }
    }

    #[test]
    fn one_persons_states_agree() {
        let before = person(1970, "Ada", "Byron", &[("mrn", "a")], "p1");
        let (married, moved) = (
            person(1970, "Ada", "Lovelace", &[("mrn", "a")], "p1"),
            person(1970, "Ada", "Lovelace", &[("mrn", "a"), ("ssn", "1")], "p2"),
        );
        let renamed = |own: &str| person(1970, "Augusta", "Byron", &[("mrn", "a")], own);
        for after in [&married, &moved] {
            assert!(!contradict(&before, after, Bond::Plain), "{after:?}");
        }
        assert!(!contradict(&before, &renamed("p1"), Bond::Resource));
        let born_otherwise = person(1971, "Ada", "Byron", &[("mrn", "a")], "p2");
        for after in [&born_otherwise, &renamed("p1"), &renamed("p2")] {
            assert!(contradict(&before, after, Bond::Plain), "{after:?}");
            assert!(!contradict(&before, after, Bond::Known), "{after:?}");
        }
        assert!(
            contradict(&before, &renamed("p2"), Bond::Typed),
            "a twin would be told of so"
        );
        let numbered_otherwise = person(1970, "Ada", "Byron", &[("mrn", "b")], "p1");
        assert!(!contradict(&before, &numbered_otherwise, Bond::Resource));
    }

    #[test]
    fn what_is_not_told_speaks_against_nothing_but_a_number_of_no_type_needs_the_day_of_birth() {
        let known = person(1970, "Ada", "Byron", &[("mrn", "a")], "p1");
        assert!(!contradict(&known, &unknown(), Bond::Typed));
        assert!(contradict(&known, &unknown(), Bond::Plain));
        let year = Likeness {
            born: Some((1970, None, None)),
            ..known.clone()
        };
        assert!(!contradict(&known, &year, Bond::Plain));
    }

    #[test]
    fn who_resembles_whom_has_more_than_one_thing_in_common() {
        let ada = person(1970, "Ada", "Byron", &[], "");
        let resembles = |other: &Likeness| {
            assert_eq!(ada.resembles(other), other.resembles(&ada));
            ada.resembles(other)
        };
        let without = |born: bool, given: bool, family: bool| Likeness {
            born: ada.born.filter(|_| born),
            given: ada.given.iter().copied().filter(|_| given).collect(),
            called: ada.called.iter().filter(|_| given).cloned().collect(),
            family: ada.family.iter().copied().filter(|_| family).collect(),
            ..unknown()
        };
        for like in [without(true, true, false), without(false, true, true)] {
            assert!(resembles(&like), "{like:?}");
        }
        for less in [
            without(true, false, true),
            without(true, false, false),
            without(false, true, false),
            without(false, false, false),
        ] {
            assert!(!resembles(&less), "{less:?}");
        }
        for other in [
            person(1999, "Ada", "Byron", &[], ""),
            person(1970, "Bea", "Byron", &[], ""),
            person(1970, "Ada", "Kunz", &[], ""),
        ] {
            assert!(!resembles(&other), "{other:?}");
        }
    }

    #[test]
    fn a_name_in_one_piece_is_as_good_as_in_two() {
        let text = |words_of: &str| Likeness {
            family: words([words_of]),
            ..person(1970, "", "", &[], "")
        };
        assert!(text("Ada Byron").resembles(&text("Ada Byron")));
        assert!(text("Ada Byron").resembles(&person(1970, "Ada", "Byron", &[], "")));
        assert!(
            !text("Byron").resembles(&text("Byron")),
            "a family name is many people's"
        );
    }

    #[test]
    fn a_family_name_and_a_number_make_nobody_one() {
        let house = [("house", "6")];
        let byron = person(1970, "", "Byron", &house, "p1");
        for other in [
            person(1970, "", "Byron", &house, "p2"),
            person(1970, "Ada", "Byron", &house, "p2"),
        ] {
            assert!(byron.is_strange_to(&other) && other.is_strange_to(&byron), "{other:?}");
        }
        let ada = person(1970, "Ada", "Byron", &house, "p1");
        assert!(!ada.is_strange_to(&person(1970, "Ada", "Lovelace", &house, "p2")));
        assert!(!ada.is_strange_to(&unknown()), "who is not named is nobody else");
    }

    #[test]
    fn one_address_is_of_two_who_differ_in_two_things() {
        let of = |given: &str, family: &str, gender: u8, mrn: &str| Likeness {
            gender: Some(gender),
            ..person(1970, given, family, &[("mrn", mrn)], "https://a.test/Patient/1")
        };
        let ada = of("Ada", "Byron", 1, "a");
        for other in [
            of("Bea", "Kunz", 1, "b"),
            of("Bob", "Byron", 0, "b"),
            of("Ada", "Kunz", 1, "b"),
            of("Ada", "Byron", 0, "b"),
        ] {
            assert!(contradict(&ada, &other, Bond::Resource), "{other:?}");
        }
        for same in [
            of("Bea", "Kunz", 0, "a"),
            of("Ada", "Byron", 1, "b"),
            of("Ada", "Kunz", 1, "a"),
        ] {
            assert!(!contradict(&ada, &same, Bond::Resource), "{same:?}");
            assert!(ada.is_told_otherwise(&same), "{same:?}");
        }
        assert!(!ada.is_told_otherwise(&ada));
    }

    #[test]
    fn a_name_that_tells_less_is_known_by_its_letters() {
        let less = |told: &str, known: &str| {
            let words = |name: &str| name.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            tells_less(&words(told), &words(known))
        };
        for (told, known) in [
            ("", "Anna"),
            ("Anna", "Anna Maria"),
            ("anna m.", "Anna Maria"),
            ("A.", "Anna"),
        ] {
            assert!(less(told, known) && !less(known, told), "{told} {known}");
        }
        for (told, known) in [
            ("Anna", "ANNA"),
            ("Jose", "José"),
            ("Anna-Maria", "Anna Maria"),
            ("Maria", "Anna Maria"),
            ("Anna Theresia", "Anna Maria"),
            ("Annamaria", "Anna Maria"),
        ] {
            assert!(!less(told, known) && !less(known, told), "{told} {known}");
        }
    }

    #[test]
    fn names_are_compared_by_their_letters() {
        assert_eq!(words(["Anna-Maria"]), words(["annamaria"]));
        assert_eq!(words(["O'Neil"]), words(["ONEIL"]));
        assert_eq!(words([" ", "-"]), Vec::<Word>::new());
    }
}
