//! Which sessions a day may offer.

use chrono::{DateTime, Duration, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::error::CalendarError;
use super::event::Session;

/// Puts sessions on whole seconds and in order, and checks that each holds a slot, lies within the day in the time zone,
/// and overlaps no other.
pub(super) fn validate(sessions: Vec<Session>, day: NaiveDate, time_zone: Tz) -> Result<Vec<Session>, CalendarError> {
    let mut sessions: Vec<Session> = sessions.into_iter().map(Session::on_whole_seconds).collect();
    for (place, session) in sessions.iter().enumerate() {
        check(session, place, day, time_zone)?;
    }
    sessions.sort_unstable();
    let overlap = sessions
        .windows(2)
        .any(|pair| matches!(pair, [first, second] if second.start < first.end));
    if overlap {
        Err(CalendarError::SessionsOverlap)
    } else {
        Ok(sessions)
    }
}

/// Checks what can be said of one session without the others. `place` is which of them it is.
fn check(session: &Session, place: usize, day: NaiveDate, time_zone: Tz) -> Result<(), CalendarError> {
    let slot = Duration::minutes(session.slot_minutes.into());
    if session.slot_minutes == 0 || session.end.signed_duration_since(session.start) < slot {
        Err(CalendarError::EmptySession { place })
    } else if lies_within(session, day, time_zone) {
        Ok(())
    } else {
        Err(CalendarError::OutsideTheDay { place, day, time_zone })
    }
}

/// The instants of a local day are contiguous, also when the clock changes, so the first and the last second decide.
fn lies_within(session: &Session, day: NaiveDate, time_zone: Tz) -> bool {
    let last = session.end.checked_sub_signed(Duration::seconds(1));
    local_day(session.start, time_zone) == Some(day) && last.and_then(|last| local_day(last, time_zone)) == Some(day)
}

/// `None` at the edges of the calendar, where chrono's own conversion panics.
fn local_day(at: DateTime<Utc>, time_zone: Tz) -> Option<NaiveDate> {
    let utc = at.naive_utc();
    let offset = time_zone.offset_from_utc_datetime(&utc).fix();
    utc.checked_add_offset(offset).map(|local| local.date())
}
