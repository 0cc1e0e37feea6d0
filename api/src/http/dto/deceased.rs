//! A death in JSON, as exactly as it is known.

use domain::patient;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Checked, Checks, Day, Instant};

/// A death, as exactly as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = json!({ "on": "2026-03-01" }))]
pub enum Deceased {
    /// At this instant.
    At(Instant),
    /// On this day, where the patient was.
    On(Day),
    /// Between two days.
    Between(Days),
    /// Nobody knows when.
    Unknown,
}

/// Two days and all between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Days {
    /// The first day.
    pub first: Day,
    /// The last day, later than the first.
    pub last: Day,
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
    use crate::http::dto::checked;

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
        ] {
            assert_eq!(read(json), None);
        }
        let backwards = json!({ "between": { "first": "2019-12-31", "last": "2019-01-01" } });
        assert!(checked(read(backwards).unwrap()).is_err());
    }
}
