//! Days and instants in bodies and queries. An instant names its offset: there is no server's time zone to assume.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use domain::kernel;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::PartialSchema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};

/// A day of the years 1800 to 2099, such as `2026-03-01`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Day(pub NaiveDate);

/// An instant, such as `2026-03-01T09:00:00+01:00`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instant(pub DateTime<Utc>);

/// The years whose instants are taken for meant: what lies outside is a mistake, and would strain arithmetic on times.
const YEARS: std::ops::RangeInclusive<i32> = 1800..=2200;

fn day(text: &str) -> Option<NaiveDate> {
    use chrono::Datelike as _;
    let day: NaiveDate = text.parse().ok()?;
    // Of what chrono reads, such as `+2026-3-1`, only what it writes.
    (kernel::time::YEARS.contains(&day.year()) && day.to_string() == text).then_some(day)
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    is_meant(at).then_some(at)
}

/// Whether an instant lies in the years that are taken for meant.
pub(super) fn is_meant(at: DateTime<Utc>) -> bool {
    use chrono::Datelike as _;
    YEARS.contains(&at.year())
}

macro_rules! from_text {
    ($type:ident, $parse:ident, $expected:literal, $format:ident, $example:literal, $description:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        $parse(text)
                            .map($type)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::$format)))
                    .examples([$example])
                    .description(Some($description))
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {}
    };
}

from_text!(
    Day,
    day,
    "a day such as 2026-03-01, from 1800 to 2099",
    Date,
    "2026-03-01",
    "A calendar day of the years 1800 to 2099 (RFC 3339 full-date)"
);
from_text!(
    Instant,
    instant,
    "a date and time with its offset, from 1800 to 2200, such as 2026-03-01T09:00:00+01:00 or 2026-03-01T08:00:00Z",
    DateTime,
    "2026-03-01T08:00:00Z",
    "A date and time of the years 1800 to 2200, with its offset from UTC (RFC 3339 date-time)"
);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Reads an instant from a query, where a `+` that was not escaped arrives as a space.
///
/// # Errors
/// As [`Instant`]'s.
pub fn query_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let offset = text.len().checked_sub("+01:00".len());
    let text = match offset.and_then(|at| text.split_at_checked(at)) {
        Some((time, offset)) if offset.starts_with(' ') => format!("{time}+{}", offset.trim_start()),
        _ => text,
    };
    Instant::deserialize(de::value::StrDeserializer::new(&text)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_needs_its_offset() {
        let read = |text: &str| serde_json::from_value::<Instant>(text.into());
        assert!(read("2026-03-01T09:00:00+01:00").is_ok());
        assert!(read("2026-03-01T08:00:00Z").is_ok());
        for text in [
            "2026-03-01T09:00:00",
            "2026-03-01",
            "tomorrow",
            "",
            "2026-03-01T25:00:00Z",
            "2026-03-01T08:00:00+25:00",
            "2026-03-01T08:00:00 Europe/London",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:60-23:59",
            "-2026-03-01T08:00:00Z",
            "+262142-01-01T00:00:00Z",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_a_day() {
        let read = |text: &str| serde_json::from_value::<Day>(text.into());
        assert!(read("2026-03-01").is_ok());
        for text in [
            "2026-02-30",
            "1.3.2026",
            "2026-3-1",
            "0000-01-01",
            "0001-01-01",
            "2100-01-01",
            "9999-12-31",
            "-2026-03-01",
            "+2026-03-1",
            "2026- 3-01",
            "2026-03-01T00:00:00Z",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_offset_survives_a_query() {
        #[derive(Deserialize)]
        struct Query {
            #[serde(default, deserialize_with = "query_instant")]
            at: Option<Instant>,
        }
        let read = |query: &str| serde_urlencoded::from_str::<Query>(query).map(|query| query.at);
        let expected = Some(Instant("2026-03-01T08:00:00Z".parse().unwrap()));
        for query in [
            "at=2026-03-01T09:00:00+01:00",
            "at=2026-03-01T09:00:00%2B01:00",
            "at=2026-03-01T08:00:00Z",
        ] {
            assert_eq!(read(query).unwrap(), expected, "{query}");
        }
        assert_eq!(read("").unwrap(), None);
        assert!(read("at=2026-03-01T09:00:00").is_err());
    }
}
