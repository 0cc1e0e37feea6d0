//! What is known of a patient's conditions, allergies or medications: the findings, or that there are none, or nothing.

use serde::{Deserialize, Serialize};

/// What is known of one matter. That there is nothing to find, that it could not be told, and that nobody asked are three
/// different things, and none of them is a finding.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Findings<T> {
    /// Nobody has said anything.
    #[default]
    NotAsked,
    /// It was asked, and could not be told.
    Unknown,
    /// It was asked, and none are known.
    NoneKnown,
    /// These are known. There is at least one: made of an empty list, findings are [`Findings::NotAsked`].
    Known(Vec<T>),
}

impl<T> Findings<T> {
    /// The findings, if any are known.
    pub fn list(&self) -> &[T] {
        match self {
            Self::Known(list) => list,
            Self::NotAsked | Self::Unknown | Self::NoneKnown => &[],
        }
    }

    /// As [`Findings::list`], by value.
    pub fn into_list(self) -> Vec<T> {
        match self {
            Self::Known(list) => list,
            Self::NotAsked | Self::Unknown | Self::NoneKnown => Vec::new(),
        }
    }

    /// The same, each finding made into another.
    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Findings<U> {
        match self {
            Self::NotAsked => Findings::NotAsked,
            Self::Unknown => Findings::Unknown,
            Self::NoneKnown => Findings::NoneKnown,
            Self::Known(list) => Findings::Known(list.into_iter().map(map).collect()),
        }
    }

    /// Whether anything at all is said.
    pub const fn is_said(&self) -> bool {
        !matches!(self, Self::NotAsked)
    }
}

impl<T> From<Vec<T>> for Findings<T> {
    /// A list says what is in it; an empty one says nothing.
    fn from(list: Vec<T>) -> Self {
        if list.is_empty() {
            Self::NotAsked
        } else {
            Self::Known(list)
        }
    }
}

impl<T, const N: usize> From<[T; N]> for Findings<T> {
    fn from(list: [T; N]) -> Self {
        Vec::from(list).into()
    }
}

impl<T> FromIterator<T> for Findings<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}
