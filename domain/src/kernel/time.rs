//! How time is written: RFC 3339 for people, small integers for the log.
//!
//! Use as `#[serde(with = "time::compact_millis")]` and the like. An instant that the log must keep to the millisecond
//! is `compact_millis`; appointments live on whole seconds (`compact_seconds`); days count from 1970-01-01
//! (`compact_date`, and `compact_optional_date` where the day may be missing).

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

/// A day that may be missing.
pub mod compact_optional_date {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Day(#[serde(with = "super::compact_date")] NaiveDate);

    /// Writes the value: text for people, an integer otherwise.
    ///
    /// # Errors
    /// As the serializer's.
    pub fn serialize<S: Serializer>(value: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Day).serialize(serializer)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// As the deserializer's, or when the number is outside the calendar.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
        Ok(Option::<Day>::deserialize(deserializer)?.map(|Day(day)| day))
    }
}
