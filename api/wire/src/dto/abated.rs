//! The end of a condition in JSON: a day, or that nobody knows which.

use domain::chart;
use serde::de::Error as _;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::Day;

/// The day on which a condition ended, as exactly as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Abated {
    /// The condition ended on this day.
    On(Day),
    /// The condition has ended, and the day is not known.
    Since(Over),
}

/// The word that stands for a day on which a condition ended, where the condition has ended and the day is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// The day is not known.
    Unknown,
}

// Derived, it would be one of two schemas, of which both are texts.
impl PartialSchema for Abated {
    fn schema() -> RefOr<Schema> {
        let either = AnyOfBuilder::new()
            .item(Ref::from_schema_name("Day"))
            .item(Ref::from_schema_name("Over"))
            .description(Some(
                "The day on which a condition ended, or `unknown` when it has ended and the day is not known.",
            ));
        either.into()
    }
}

impl ToSchema for Abated {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("Day".to_owned(), Day::schema()));
        schemas.push(("Over".to_owned(), Over::schema()));
    }
}

// What serde derives for such a type cannot say what is wrong.
impl<'de> Deserialize<'de> for Abated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "unknown" {
            return Ok(Self::Since(Over::Unknown));
        }
        let day = Day::deserialize(StrDeserializer::<D::Error>::new(&text));
        day.map(Self::On)
            .map_err(|_| D::Error::custom("must be a day, such as 2026-03-01, or \"unknown\""))
    }
}

impl From<Abated> for chart::Abated {
    fn from(abated: Abated) -> Self {
        match abated {
            Abated::On(day) => Self::On(day.0),
            Abated::Since(Over::Unknown) => Self::Unknown,
        }
    }
}

impl From<chart::Abated> for Abated {
    fn from(abated: chart::Abated) -> Self {
        match abated {
            chart::Abated::On(day) => Self::On(Day(day)),
            chart::Abated::Unknown => Self::Since(Over::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_end_is_a_day_or_not_known() {
        for text in ["2026-03-01", "unknown"] {
            let abated: Abated = serde_json::from_value(json!(text)).unwrap();
            let domain = chart::Abated::from(abated);
            assert_eq!(serde_json::to_value(Abated::from(domain)).unwrap(), json!(text));
        }
        for wrong in [json!("2026"), json!("never"), json!(true), json!(null)] {
            assert!(serde_json::from_value::<Abated>(wrong).is_err());
        }
    }
}
