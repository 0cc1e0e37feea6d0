//! FHIR R4 `date` and `dateTime`: a year, a month, a day or an instant, and no more certain than that.

use chrono::{DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A `date` or `dateTime`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::import) enum Moment {
    /// A year, by its first day.
    Year(NaiveDate),
    /// A month, by its first day.
    Month(NaiveDate),
    /// A day.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<FixedOffset>),
}

/// The years that the server takes for meant.
const YEARS: std::ops::RangeInclusive<i32> = 1800..=2200;

impl Moment {
    /// Reads it. `None` when FHIR R4 has no such form, or the year is one that nobody means.
    pub(in crate::import) fn read(text: &str) -> Option<Self> {
        let form: String = text
            .chars()
            .take(11)
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        let first = |rest: &str| format!("{text}{rest}").parse().ok();
        let moment = match form.as_str() {
            "9999" => Self::Year(first("-01-01")?),
            "9999-99" => Self::Month(first("-01")?),
            "9999-99-99" => Self::Day(first("")?),
            "9999-99-99T" => Self::Instant(DateTime::parse_from_rfc3339(text).ok()?),
            _ => return None,
        };
        YEARS.contains(&moment.first_day().year()).then_some(moment)
    }

    /// The day, if it is known: where the source is, for an instant.
    pub(in crate::import) fn day(self) -> Option<NaiveDate> {
        match self {
            Self::Year(_) | Self::Month(_) => None,
            Self::Day(day) => Some(day),
            Self::Instant(at) => Some(at.date_naive()),
        }
    }

    /// The first day that it may be.
    pub(in crate::import) fn first_day(self) -> NaiveDate {
        match self {
            Self::Year(day) | Self::Month(day) | Self::Day(day) => day,
            Self::Instant(at) => at.date_naive(),
        }
    }

    /// The last day that it may be.
    pub(in crate::import) fn last_day(self) -> NaiveDate {
        let before = |next: Option<NaiveDate>| next.and_then(|next| next.pred_opt());
        match self {
            Self::Year(day) => before(day.checked_add_months(Months::new(12))).unwrap_or(day),
            Self::Month(day) => before(day.checked_add_months(Months::new(1))).unwrap_or(day),
            Self::Day(day) => day,
            Self::Instant(at) => at.date_naive(),
        }
    }

    /// The instant itself, or the first one of the time that it stands for, where `zone` is.
    pub(in crate::import) fn start(self, zone: Tz) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant(at) => Some(at.to_utc()),
            _ => start_of(self.first_day(), zone),
        }
    }

    /// The instant itself, or the first one after the time that it stands for: a day without an hour includes all of itself
    /// (FHIR R4, `Period.end`).
    pub(in crate::import) fn end(self, zone: Tz) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant(at) => Some(at.to_utc()),
            _ => start_of(self.last_day().checked_add_days(Days::new(1))?, zone),
        }
    }
}

/// The first instant of a day. Where the clocks change at midnight, that is not midnight.
fn start_of(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let midnight = day.and_time(NaiveTime::MIN);
    (0..=12).find_map(|quarters| {
        let at = midnight.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
        zone.from_local_datetime(&at).earliest().map(|at| at.to_utc())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_precision_of_fhir_is_read_for_what_it_is() {
        assert_eq!(Moment::read("1980"), Some(Moment::Year(date("1980-01-01"))));
        assert_eq!(Moment::read("1980-02"), Some(Moment::Month(date("1980-02-01"))));
        assert_eq!(Moment::read("1980-02-29"), Some(Moment::Day(date("1980-02-29"))));
        let instant = Moment::read("2020-01-02T03:04:05.678-05:00").unwrap();
        assert_eq!(instant.day(), Some(date("2020-01-02")));
        assert_eq!(
            instant.start(Tz::UTC).unwrap().to_rfc3339(),
            "2020-01-02T08:04:05.678+00:00"
        );
    }

    #[test]
    fn what_is_no_time_of_fhir_is_not_read() {
        for text in [
            "",
            "80",
            "1980-13",
            "1981-02-29",
            "1980-2-9",
            "2020-01-02T03:04",
            "2020-01-02T03:04:05",
            "0001",
            "9999",
            "yesterday",
            "１９８０",
        ] {
            assert_eq!(Moment::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_not_exact_has_a_first_and_a_last_day() {
        for (text, day, first, last) in [
            ("1980", None, "1980-01-01", "1980-12-31"),
            ("1980-02", None, "1980-02-01", "1980-02-29"),
            ("1980-02-03", Some("1980-02-03"), "1980-02-03", "1980-02-03"),
        ] {
            let moment = Moment::read(text).unwrap();
            assert_eq!(
                (moment.day(), moment.first_day(), moment.last_day()),
                (day.map(date), date(first), date(last))
            );
        }
    }

    #[test]
    fn a_day_begins_and_ends_where_the_zone_is() {
        let day = Moment::read("2018-11-04").unwrap();
        // In Sao Paulo the clocks went from midnight to one that night.
        let zone = chrono_tz::America::Sao_Paulo;
        assert_eq!(day.start(zone).unwrap().to_rfc3339(), "2018-11-04T03:00:00+00:00");
        assert_eq!(day.end(zone).unwrap().to_rfc3339(), "2018-11-05T02:00:00+00:00");
        assert_eq!(day.start(Tz::UTC).unwrap().to_rfc3339(), "2018-11-04T00:00:00+00:00");
    }
}
