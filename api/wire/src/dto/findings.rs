//! What is known of a patient's conditions, allergies or medications, in JSON: a list, or one of two words.

use std::fmt;
use std::marker::PhantomData;

use domain::chart;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::check::{Checked, Checks};
use crate::strict_serde::ByName;

/// What is known of one list of findings: the findings, or why there are none. An empty list says that nobody has asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Findings<T> {
    /// The findings.
    List(Vec<T>),
    /// Why there are no findings.
    Absent(Absent),
}

/// Why there are no findings: `none-known` (somebody has asked, and none are known) or `unknown` (somebody has asked, and got no
/// answer).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// Somebody has asked, and none are known.
    NoneKnown,
    /// Somebody has asked, and got no answer.
    Unknown,
}

impl<T> Default for Findings<T> {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl<T> Findings<T> {
    /// As the domain's, its items converted.
    pub(super) fn of<D: Into<T>>(findings: chart::Findings<D>) -> Self {
        match findings {
            chart::Findings::NotAsked => Self::default(),
            chart::Findings::Unknown => Self::Absent(Absent::Unknown),
            chart::Findings::NoneKnown => Self::Absent(Absent::NoneKnown),
            chart::Findings::Known(list) => Self::List(list.into_iter().map(Into::into).collect()),
        }
    }
}

impl<T> Findings<T> {
    /// The findings, if any are known.
    pub(super) fn into_list(self) -> Vec<T> {
        match self {
            Self::List(list) => list,
            Self::Absent(_) => Vec::new(),
        }
    }
}

impl<T: Checked> Findings<T> {
    /// Checks a field.
    pub(super) fn check(self, step: &str, checks: &mut Checks) -> chart::Findings<T::Domain> {
        match self {
            Self::List(list) => checks.list(step, list, chart::List::<T>::MOST).into(),
            Self::Absent(Absent::NoneKnown) => chart::Findings::NoneKnown,
            Self::Absent(Absent::Unknown) => chart::Findings::Unknown,
        }
    }
}

// What serde derives for such a type cannot say where in the list something is wrong.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Findings<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Findings<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, \"none-known\" or \"unknown\"")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Findings<T>, A::Error> {
                Vec::deserialize(ByName(SeqAccessDeserializer::new(list))).map(Findings::List)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Findings<T>, E> {
                match text {
                    "none-known" => Ok(Findings::Absent(Absent::NoneKnown)),
                    "unknown" => Ok(Findings::Absent(Absent::Unknown)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json;
    use crate::problem::BadBody;

    #[test]
    fn three_ways_to_have_no_findings_are_three_values() {
        for (text, findings) in [
            (json!([1, 2]), Findings::List(vec![1, 2])),
            (json!([]), Findings::List(Vec::new())),
            (json!("none-known"), Findings::Absent(Absent::NoneKnown)),
            (json!("unknown"), Findings::Absent(Absent::Unknown)),
        ] {
            assert_eq!(serde_json::to_value(&findings).unwrap(), text);
            assert_eq!(serde_json::from_value::<Findings<i32>>(text).unwrap(), findings);
        }
    }

    #[test]
    fn a_mistake_in_a_list_is_pointed_at() {
        for (body, pointer, detail) in [
            ("[1,\"SECRET\"]", "/1", "must be a whole number"),
            ("\"SECRET\"", "", "must be a list, \"none-known\" or \"unknown\""),
            ("7", "", "must be a list, \"none-known\" or \"unknown\""),
        ] {
            let Err(BadBody::Invalid(errors)) = json::read::<Findings<i32>>(body.as_bytes()) else {
                panic!("{body}");
            };
            let error = &errors[0];
            assert_eq!((error.pointer.as_str(), error.detail.as_str()), (pointer, detail));
        }
    }
}
