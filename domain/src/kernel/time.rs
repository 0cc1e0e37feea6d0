//! How time is written: RFC 3339 for people, small integers for the log.
//!
//! Use as `#[serde(with = "time::compact_millis")]` and the like. An instant that the log must keep to the millisecond
//! is `compact_millis`; appointments live on whole seconds (`compact_seconds`); days count from 1970-01-01
//! (`compact_date`). Where a value may be missing there are `compact_optional_date` and `compact_optional_millis`.

/// The years whose days are taken for meant: what lies outside is a mistake. Nobody knows the rules of daylight saving of later
/// years, and the tables of time zones end with the last of these.
pub const YEARS: std::ops::RangeInclusive<i32> = 1800..=2099;

/// What the log keeps of an instant that is kept to the millisecond, so that what is decided and what is read back are the same.
pub fn whole_millis(at: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

/// What the log keeps of an instant that is kept to the second.
pub fn whole_seconds(at: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}

/// An instant in a collection, where no field can say how it is kept: to the millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Millis(#[serde(with = "compact_millis")] pub chrono::DateTime<chrono::Utc>);

/// How far ahead of UTC a clock can be: the Line Islands.
const FURTHEST_EAST: chrono::TimeDelta = chrono::TimeDelta::hours(14);

/// The last day that it is anywhere at an instant.
pub fn last_day_anywhere(at: chrono::DateTime<chrono::Utc>) -> chrono::NaiveDate {
    let local = at.checked_add_signed(FURTHEST_EAST);
    local.map_or(chrono::NaiveDate::MAX, |local| local.date_naive())
}

macro_rules! compact {
    ($(#[$doc:meta])* $module:ident, $type:ty, $number:ty, $to:expr, $from:expr) => {
        $(#[$doc])*
        pub mod $module {
            use serde::de::Error as _;
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            /// Writes the value: text for people, an integer otherwise.
            ///
            /// # Errors
            /// As the serializer's.
            pub fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    value.serialize(serializer)
                } else {
                    let to: fn(&$type) -> $number = $to;
                    to(value).serialize(serializer)
                }
            }

            /// Reads what [`serialize`] wrote.
            ///
            /// # Errors
            /// As the deserializer's, or when the number is outside the calendar.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                if deserializer.is_human_readable() {
                    <$type>::deserialize(deserializer)
                } else {
                    let from: fn($number) -> Option<$type> = $from;
                    <$number>::deserialize(deserializer)
                        .and_then(|number| from(number).ok_or_else(|| D::Error::custom("outside the calendar")))
                }
            }
        }
    };
}

compact!(
    /// An instant in milliseconds since the Unix epoch.
    compact_millis,
    chrono::DateTime<chrono::Utc>,
    i64,
    |at| at.timestamp_millis(),
    chrono::DateTime::from_timestamp_millis
);

compact!(
    /// An instant in whole seconds since the Unix epoch.
    compact_seconds,
    chrono::DateTime<chrono::Utc>,
    i64,
    |at| at.timestamp(),
    |seconds| chrono::DateTime::from_timestamp(seconds, 0)
);

compact!(
    /// A day, counted from 1970-01-01.
    compact_date,
    chrono::NaiveDate,
    i32,
    |day| day.to_epoch_days(),
    chrono::NaiveDate::from_epoch_days
);

macro_rules! compact_optional {
    ($(#[$doc:meta])* $module:ident, $type:ty, $with:literal) => {
        $(#[$doc])*
        pub mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[derive(Serialize, Deserialize)]
            struct Present(#[serde(with = $with)] $type);

            /// Writes the value: text for people, an integer otherwise.
            ///
            /// # Errors
            /// As the serializer's.
            pub fn serialize<S: Serializer>(value: &Option<$type>, serializer: S) -> Result<S::Ok, S::Error> {
                value.map(Present).serialize(serializer)
            }

            /// Reads what [`serialize`] wrote.
            ///
            /// # Errors
            /// As the deserializer's, or when the number is outside the calendar.
            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$type>, D::Error> {
                Ok(Option::<Present>::deserialize(deserializer)?.map(|Present(value)| value))
            }
        }
    };
}

compact_optional!(
    /// A day that may be missing.
    compact_optional_date,
    chrono::NaiveDate,
    "super::compact_date"
);

compact_optional!(
    /// An instant, to the millisecond, that may be missing.
    compact_optional_millis,
    chrono::DateTime<chrono::Utc>,
    "super::compact_millis"
);

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
    struct Times {
        #[serde(with = "super::compact_millis")]
        millis: DateTime<Utc>,
        #[serde(with = "super::compact_seconds")]
        seconds: DateTime<Utc>,
        #[serde(with = "super::compact_date")]
        day: NaiveDate,
        #[serde(with = "super::compact_optional_date")]
        some: Option<NaiveDate>,
        #[serde(with = "super::compact_optional_date")]
        none: Option<NaiveDate>,
    }

    fn times() -> Times {
        let day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        Times {
            millis: "2026-03-02T09:00:00.125Z".parse().unwrap(),
            seconds: "2026-03-02T09:00:00Z".parse().unwrap(),
            day,
            some: Some(day),
            none: None,
        }
    }

    #[test]
    fn times_are_text_for_people() {
        let json = serde_json::to_value(times()).unwrap();
        let expected = serde_json::json!({
            "millis": "2026-03-02T09:00:00.125Z",
            "seconds": "2026-03-02T09:00:00Z",
            "day": "2026-03-02",
            "some": "2026-03-02",
            "none": null,
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Times>(json).unwrap(), times());
    }

    #[test]
    fn times_are_small_integers_in_the_log() {
        let bytes = postcard::to_stdvec(&times()).unwrap();
        assert_eq!(bytes.len(), 6 + 5 + 3 + (1 + 3) + 1);
        assert_eq!(postcard::from_bytes::<Times>(&bytes).unwrap(), times());
    }

    #[test]
    fn a_number_outside_the_calendar_is_no_time() {
        let outside = postcard::to_stdvec(&(i64::MAX, 0_i64, 0_i32, 0_u8, 0_u8)).unwrap();
        assert!(postcard::from_bytes::<Times>(&outside).is_err());
        let outside = postcard::to_stdvec(&(0_i64, i64::MIN, 0_i32, 0_u8, 0_u8)).unwrap();
        assert!(postcard::from_bytes::<Times>(&outside).is_err());
        let outside = postcard::to_stdvec(&(0_i64, 0_i64, i32::MAX, 0_u8, 0_u8)).unwrap();
        assert!(postcard::from_bytes::<Times>(&outside).is_err());
    }
}
