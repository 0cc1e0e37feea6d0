//! Values made to fit Postgres' types.
//!
//! Whoever may write to the log may write values that Postgres cannot hold: a NUL character, an instant before its
//! calendar begins. Such a value must not stop the follower, so it is changed here, always in the same way.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::Value;

/// Postgres' calendar begins in 4714 BC; ours on the first day of 4713 BC.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(-4712, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// A day as a `date`.
pub(crate) fn date(day: NaiveDate) -> NaiveDate {
    day.max(FIRST_DAY)
}

/// An instant as a `timestamptz`.
pub(crate) fn instant(at: DateTime<Utc>) -> DateTime<Utc> {
    at.max(FIRST_DAY.and_time(chrono::NaiveTime::MIN).and_utc())
}

/// A counter as an `int8`.
pub(crate) fn int8(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// An `int8` as the counter that it was.
pub(crate) fn counter(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A value that is kept by its name.
pub(crate) fn named<T: FromStr<Err = strum::ParseError>>(name: &str) -> Result<T, sqlx::Error> {
    name.parse()
        .map_err(|error: strum::ParseError| sqlx::Error::Decode(error.into()))
}

/// A text as `text`: without NUL.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A value as the text of a `jsonb`.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    // Values of ours always serialise; `null` would be read back as an error, visibly.
    let written = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    if written.contains("\\u0000") {
        serde_json::from_str(&written).map_or(written, |mut value: Value| {
            without_nul(&mut value);
            value.to_string()
        })
    } else {
        written
    }
}

fn without_nul(value: &mut Value) {
    match value {
        Value::String(string) => *string = text(string),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(members) => members.values_mut().for_each(without_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A pattern for `LIKE` that matches the text itself: nothing in it is a wildcard.
pub(crate) fn literal_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_character_is_replaced_wherever_it_stands() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        assert_eq!(json(&("a\0b", ["c\0"])), "[\"a\u{fffd}b\",[\"c\u{fffd}\"]]");
        assert_eq!(json(&"a\\u0000b"), r#""a\\u0000b""#);
    }

    #[test]
    fn an_instant_before_postgres_calendar_becomes_its_first() {
        assert_eq!(instant(DateTime::<Utc>::MIN_UTC).date_naive(), FIRST_DAY);
        assert_eq!(date(NaiveDate::MIN), FIRST_DAY);
        assert_eq!(date(NaiveDate::MAX), NaiveDate::MAX);
    }

    #[test]
    fn a_pattern_matches_only_the_text_itself() {
        assert_eq!(literal_pattern("50%_\\"), "50\\%\\_\\\\");
    }
}
