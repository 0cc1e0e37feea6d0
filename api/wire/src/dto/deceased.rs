//! A death in JSON, as exactly as it is known.

use std::fmt;

use domain::patient;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{Day, Instant};
use crate::check::{Checked, Checks};
use crate::strict_serde::ByName;

/// When a patient died, as exactly as it is known: an object with one member, or `unknown`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = json!({ "on": "2026-03-01" }))]
pub enum Deceased {
    /// The instant at which the patient died.
    At(Instant),
    /// The day on which the patient died, where the patient was.
    On(Day),
    /// The days between which the patient died.
    Between(Days),
    /// The patient has died, and it is not known when.
    Unknown,
}

/// A period of two or more days, both its first and its last day included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Days {
    /// The first day of the period.
    pub first: Day,
    /// The last day of the period, which is later than the first.
    pub last: Day,
}

/// The forms of a death that are objects. One of them is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    at: Option<Instant>,
    on: Option<Day>,
    between: Option<Days>,
}

const FORMS: &str = "\"unknown\", or an object with one of \"at\", \"on\", \"between\"";

// What serde derives for such a type takes `{"unknown": null}` too.
impl<'de> Deserialize<'de> for Deceased {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Deceased;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORMS)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Deceased, E> {
                match text {
                    "unknown" => Ok(Deceased::Unknown),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Deceased, A::Error> {
                match Told::deserialize(ByName(MapAccessDeserializer::new(members)))? {
                    Told {
                        at: Some(at),
                        on: None,
                        between: None,
                    } => Ok(Deceased::At(at)),
                    Told {
                        at: None,
                        on: Some(on),
                        between: None,
                    } => Ok(Deceased::On(on)),
                    Told {
                        at: None,
                        on: None,
                        between: Some(days),
                    } => Ok(Deceased::Between(days)),
                    _ => Err(de::Error::invalid_value(de::Unexpected::Map, &self)),
                }
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl Checked for Deceased {
    type Domain = patient::Deceased;

    fn check(self, checks: &mut Checks) -> patient::Deceased {
        match self {
            Self::At(at) => patient::Deceased::At(at.0),
            Self::On(day) => patient::Deceased::On(day.0),
            Self::Between(Days { first, last }) => {
                if last.0 <= first.0 {
                    checks.wrong("the last day must be later than the first");
                }
                patient::Deceased::Between {
                    first: first.0,
                    last: last.0,
                }
            }
            Self::Unknown => patient::Deceased::Unknown,
        }
    }
}

impl From<patient::Deceased> for Deceased {
    fn from(deceased: patient::Deceased) -> Self {
        match deceased {
            patient::Deceased::At(at) => Self::At(Instant(at)),
            patient::Deceased::On(day) => Self::On(Day(day)),
            patient::Deceased::Between { first, last } => Self::Between(Days {
                first: Day(first),
                last: Day(last),
            }),
            patient::Deceased::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::check::checked;
    use crate::json;
    use crate::problem::BadBody;

    fn read(json: Value) -> Option<Deceased> {
        serde_json::from_value(json).ok()
    }

    #[test]
    fn a_death_is_told_as_exactly_as_it_is_known() {
        for json in [
            json!({ "at": "2026-03-01T08:00:00Z" }),
            json!({ "on": "2026-03-01" }),
            json!({ "between": { "first": "2019-01-01", "last": "2019-12-31" } }),
            json!("unknown"),
        ] {
            let deceased = checked(read(json.clone()).unwrap()).unwrap();
            assert_eq!(serde_json::to_value(Deceased::from(deceased)).unwrap(), json);
        }
    }

    #[test]
    fn what_is_no_death_is_refused() {
        for json in [
            json!("2026-03-01T08:00:00Z"),
            json!(true),
            json!({}),
            json!({ "on": "2026" }),
            json!({ "on": "2026-03-01", "at": "2026-03-01T08:00:00Z" }),
            json!({ "unknown": null }),
            json!({ "on": null }),
            json!({ "on": "2026-03-01", "where": "London" }),
        ] {
            assert_eq!(read(json), None);
        }
        let days = r#"{"between":[1,2]}"#;
        for (body, pointer, detail) in [
            (
                r#"{"on":"x"}"#,
                "/on",
                "must be a day such as 2026-03-01, from 1800 to 2099".to_owned(),
            ),
            (
                r#"{"between":{"first":"2019-01-01"}}"#,
                "/between",
                "missing field \"last\"".to_owned(),
            ),
            (days, "/between", "must be an object".to_owned()),
            (
                r#"{"unknown":null}"#,
                "/unknown",
                "is not known here; it must be one of \"at\", \"on\", \"between\"".to_owned(),
            ),
            (r#"{"on":null}"#, "", format!("must be {FORMS}")),
            (r#""on""#, "", format!("must be {FORMS}")),
            ("5", "", format!("must be {FORMS}")),
            ("{}", "", format!("must be {FORMS}")),
        ] {
            let Err(BadBody::Invalid(errors)) = json::read::<Deceased>(body.as_bytes()) else {
                panic!("{body}");
            };
            let error = &errors[0];
            assert_eq!((error.pointer.as_str(), &error.detail), (pointer, &detail), "{body}");
        }
        let backwards = json!({ "between": { "first": "2019-12-31", "last": "2019-01-01" } });
        assert!(checked(read(backwards).unwrap()).is_err());
    }
}
