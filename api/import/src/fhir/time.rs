//! FHIR R4 `date` and `dateTime`: a year, a month, a day, a time of day or an instant, and no more certain than that.
//!
//! Times are read as hospitals write them: also without a zone, without seconds, with a zone like `+0000`, and with a space or
//! a small `t`. What no calendar or clock has is no time: 30 February, 25:00, 24:00.

use chrono::{
    DateTime, Datelike, Days, FixedOffset, MappedLocalTime, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use domain::kernel::time::YEARS;

/// A `date` or `dateTime`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// A year, by its first day.
    Year(NaiveDate),
    /// A month, by its first day.
    Month(NaiveDate),
    /// A day.
    Day(NaiveDate),
    /// A time of a day, in a zone that is not told.
    Local(NaiveDateTime),
    /// An instant.
    Instant(DateTime<FixedOffset>),
}

impl Moment {
    /// Reads it. `None` when it is no time, or the year is one that nobody means.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (day, rest) = text.split_at_checked(10).unwrap_or((text, ""));
        let first = |rest: &str| format!("{day}{rest}").parse().ok();
        let moment = match (form(day).as_str(), rest) {
            ("9999", "") => Self::Year(first("-01-01")?),
            ("9999-99", "") => Self::Month(first("-01")?),
            ("9999-99-99", "") => Self::Day(first("")?),
            ("9999-99-99", rest) => {
                let (time, offset) = time(rest.strip_prefix(['T', 't', ' '])?)?;
                let local = first("").map(|day: NaiveDate| day.and_time(time))?;
                match offset {
                    None => Self::Local(local),
                    Some(offset) => Self::Instant(offset.from_local_datetime(&local).single()?),
                }
            }
            _ => return None,
        };
        YEARS.contains(&moment.first_day().year()).then_some(moment)
    }

    /// The day, if it is known: where the source is, for an instant.
    pub(crate) fn day(self) -> Option<NaiveDate> {
        match self {
            Self::Year(_) | Self::Month(_) => None,
            Self::Day(_) | Self::Local(_) | Self::Instant(_) => Some(self.first_day()),
        }
    }

    /// The first day that it may be.
    pub(crate) fn first_day(self) -> NaiveDate {
        match self {
            Self::Year(day) | Self::Month(day) | Self::Day(day) => day,
            Self::Local(at) => at.date(),
            Self::Instant(at) => at.date_naive(),
        }
    }

    /// The last day that it may be.
    pub(crate) fn last_day(self) -> NaiveDate {
        let before = |next: Option<NaiveDate>| next.and_then(|next| next.pred_opt());
        match self {
            Self::Year(day) => before(day.checked_add_months(Months::new(12))).unwrap_or(day),
            Self::Month(day) => before(day.checked_add_months(Months::new(1))).unwrap_or(day),
            Self::Day(_) | Self::Local(_) | Self::Instant(_) => self.first_day(),
        }
    }

    /// Whether it tells the time of day.
    pub(crate) const fn has_hour(self) -> bool {
        matches!(self, Self::Local(_) | Self::Instant(_))
    }

    /// Whether it tells the time of day, and not midnight, which many write for a day of which they know no hour: where the source is, or in `zone`.
    pub(crate) fn has_hour_but_midnight(self, zone: Tz) -> bool {
        let written = match self {
            Self::Year(_) | Self::Month(_) | Self::Day(_) => return false,
            Self::Local(at) => at.time(),
            Self::Instant(at) => at.time(),
        };
        let there = self.start(zone).map(|at| at.with_timezone(&zone).time());
        written != NaiveTime::MIN && there != Some(NaiveTime::MIN)
    }

    /// The instant itself, or the first one of the time that it stands for, where `zone` is. `None` when there is no such time
    /// there, because the clocks skipped it.
    pub(crate) fn start(self, zone: Tz) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant(at) => Some(at.to_utc()),
            Self::Local(at) => zone.from_local_datetime(&at).earliest().map(|at| at.to_utc()),
            Self::Year(_) | Self::Month(_) | Self::Day(_) => start_of(self.first_day(), zone),
        }
    }

    /// The instant itself, or the first one after the time that it stands for: a day without an hour includes all of itself
    /// (FHIR R4, `Period.end`).
    pub(crate) fn end(self, zone: Tz) -> Option<DateTime<Utc>> {
        match self {
            Self::Instant(_) | Self::Local(_) => self.start(zone),
            Self::Year(_) | Self::Month(_) | Self::Day(_) => {
                start_of(self.last_day().checked_add_days(Days::new(1))?, zone)
            }
        }
    }

    /// What there is to say about where `zone` stands in for the one that is not told.
    pub(crate) fn supposed(self, zone: Tz) -> Option<&'static str> {
        let Self::Local(at) = self else { return None };
        Some(match zone.from_local_datetime(&at) {
            MappedLocalTime::None => "names a time that the clocks skipped in that of --time-zone",
            MappedLocalTime::Ambiguous(..) => {
                "has no time zone, and in that of --time-zone there were two such times, of which the earlier is taken"
            }
            MappedLocalTime::Single(_) => "has no time zone, and is taken in that of --time-zone",
        })
    }
}

/// The text with a 9 for every digit.
fn form(text: &str) -> String {
    let digit = |c: char| if c.is_ascii_digit() { '9' } else { c };
    text.chars().map(digit).collect()
}

/// `09:30`, `09:30:15` or `09:30:15.25`, then a zone or none.
fn time(text: &str) -> Option<(NaiveTime, Option<FixedOffset>)> {
    let (clock, zone) = text.split_at_checked(text.find(['Z', 'z', '+', '-']).unwrap_or(text.len()))?;
    let form = form(clock);
    let fraction = form
        .strip_prefix("99:99:99.")
        .is_some_and(|rest| rest.trim_matches('9').is_empty() && !rest.is_empty());
    let time: NaiveTime = match form.as_str() {
        "99:99" => format!("{clock}:00").parse().ok()?,
        "99:99:99" => clock.parse().ok()?,
        _ if fraction => clock.parse().ok()?,
        _ => return None,
    };
    // A leap second is the last instant of its minute: it has no number of its own.
    let time = time.with_nanosecond(time.nanosecond().min(999_999_999))?;
    Some((time, if zone.is_empty() { None } else { Some(offset(zone)?) }))
}

/// `Z`, `+01:00`, `+0100` or `+01`.
fn offset(zone: &str) -> Option<FixedOffset> {
    if zone.eq_ignore_ascii_case("z") {
        return FixedOffset::east_opt(0);
    }
    let minutes = match form(zone.get(1..)?).as_str() {
        "99:99" => zone.get(4..)?,
        "9999" => zone.get(3..)?,
        "99" => "0",
        _ => return None,
    };
    let hours: i32 = zone.get(1..3)?.parse().ok()?;
    let minutes: i32 = minutes.parse().ok()?;
    let east = hours.checked_mul(60)?.checked_add(minutes)?;
    // No clock is further from UTC (FHIR R4, `dateTime`).
    if minutes > 59 || east > 14 * 60 {
        return None;
    }
    let seconds = east.checked_mul(60)?;
    FixedOffset::east_opt(if zone.starts_with('-') {
        seconds.checked_neg()?
    } else {
        seconds
    })
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
            "2020-02-30T10:00:00Z",
            "2020-01-02T25:00:00Z",
            "2020-01-02T24:00:00Z",
            "2020-01-02T10:60:00Z",
            "2020-01-02T10",
            "2020-01-02T1:00:00Z",
            "2020-01-02T10:00:00.Z",
            "2020-01-02T10:00:00,5Z",
            "2020-01-02T10:00:00 Z",
            "2020-01-02T10:00:00-24:00",
            "2020-01-02T10:00:00+14:01",
            "2020-01-02T10:00:00+01:60",
            "2020-01-02T10:00:00+1",
            "2020-01-02TZ",
            "2020-01-02T",
            "0001-01-01T00:00:00Z",
            "0001",
            "2100-01-01",
            "9999",
            "yesterday",
            "１９８０",
        ] {
            assert_eq!(Moment::read(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_hospitals_write_them() {
        for (text, expected) in [
            ("2020-03-08T10:00Z", "2020-03-08T10:00:00+00:00"),
            ("2020-03-08T10:00:00+0000", "2020-03-08T10:00:00+00:00"),
            ("2020-03-08T10:00:00-05", "2020-03-08T15:00:00+00:00"),
            ("2020-03-08T10:00-0530", "2020-03-08T15:30:00+00:00"),
            ("2020-03-08 10:00:00Z", "2020-03-08T10:00:00+00:00"),
            ("2020-03-08t10:00:00z", "2020-03-08T10:00:00+00:00"),
            ("2020-03-08T23:30:00-00:00", "2020-03-08T23:30:00+00:00"),
            ("2020-01-01T10:00:00.9Z", "2020-01-01T10:00:00.900+00:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999+00:00"),
            ("1916-02-29T12:00:00+05:53", "1916-02-29T06:07:00+00:00"),
            ("1899-12-31T23:59:59-12:00", "1900-01-01T11:59:59+00:00"),
        ] {
            let moment = Moment::read(text).unwrap();
            assert_eq!(moment.start(Tz::Asia__Tokyo).unwrap().to_rfc3339(), expected, "{text}");
            assert_eq!(moment.supposed(Tz::Asia__Tokyo), None);
        }
    }

    #[test]
    fn a_time_without_a_zone_is_where_the_zone_is() {
        let zone = chrono_tz::America::New_York;
        for (text, expected, why) in [
            (
                "2020-07-04T09:30",
                Some("2020-07-04T13:30:00+00:00"),
                "has no time zone, and is",
            ),
            ("2020-03-08T02:30:00", None, "names a time that the clocks skipped"),
            (
                "2020-11-01T01:30:00",
                Some("2020-11-01T05:30:00+00:00"),
                "has no time zone, and in",
            ),
        ] {
            let moment = Moment::read(text).unwrap();
            assert_eq!(
                moment.start(zone).map(|at| at.to_rfc3339()).as_deref(),
                expected,
                "{text}"
            );
            assert!(moment.supposed(zone).unwrap().starts_with(why), "{text}");
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
