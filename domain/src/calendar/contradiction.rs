//! Which events a practitioner's day could not have decided upon. When something was decided the event does not say, so that nothing is said of
//! what was too late or too early.

use chrono::TimeDelta;

use super::aggregate::{Appointment, Calendar};
use super::event::{AppointmentStatus, CalendarEvent, Session};
use crate::kernel::{AppointmentId, CalendarId, Contradiction, Slot, contradicts};

impl Calendar {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &CalendarEvent) -> Option<Contradiction> {
        match event {
            CalendarEvent::AvailabilityPublished { sessions } => {
                contradicts(sessions == self.sessions(), Contradiction::ChangesNothing)
                    .or_else(|| contradicts(!are_in_order(sessions), Contradiction::SessionsNotInOrder))
            }
            CalendarEvent::Booked { appointment, slot, .. } => self
                .enters_twice(*appointment)
                .or_else(|| contradicts(self.moved_to(*appointment).is_some(), Contradiction::AfterTheEnd))
                .or_else(|| self.is_not_bookable(slot, None)),
            CalendarEvent::MovedIn { appointment, slot, .. } => self
                .enters_twice(*appointment)
                .or_else(|| self.is_not_bookable(slot, None)),
            CalendarEvent::Confirmed { appointment } => {
                self.is_not(*appointment, |known| known.status == AppointmentStatus::Booked)
            }
            CalendarEvent::Rescheduled { appointment, slot, .. } => self
                .is_not(*appointment, is_live)
                .or_else(|| contradicts(self.has(*appointment, slot), Contradiction::ChangesNothing))
                .or_else(|| self.is_not_bookable(slot, Some(*appointment))),
            CalendarEvent::MovedOut { appointment, .. }
            | CalendarEvent::Cancelled { appointment, .. }
            | CalendarEvent::Completed { appointment }
            | CalendarEvent::NoShowMarked { appointment } => self.is_not(*appointment, is_live),
        }
    }
}

/// The rule of shared days that an event contradicts, whatever came before it. No day needs what these rules forbid, and one organisation could hurt another by it. A shared
/// day is one of UTC, so that every time is of one day, whichever time zone somebody is in; and an appointment has an id of the day that it was booked on, so
/// that no other day can have one of the same id.
pub fn contradicts_sharing(of: CalendarId, event: &CalendarEvent) -> Option<Contradiction> {
    match event {
        CalendarEvent::AvailabilityPublished { sessions } => {
            let is_of_the_day = |session: &Session| {
                let end = session.end.checked_sub_signed(TimeDelta::seconds(1));
                session.start.date_naive() == of.day && end.is_some_and(|end| end.date_naive() == of.day)
            };
            contradicts(sessions.len() > Session::MOST, Contradiction::TooManySessions)
                .or_else(|| contradicts(!sessions.iter().all(is_of_the_day), Contradiction::NotOfThisDay))
        }
        CalendarEvent::Booked { appointment, .. } => {
            contradicts(!appointment.is_of_shared_day(of), Contradiction::NotOfThisDay)
        }
        _ => None,
    }
}

/// Whether a commit, of which these events are all that it says of days, moves appointments as a whole: each that leaves a day enters the one for which it leaves,
/// from there.
pub fn moves_are_whole<'a>(commit: impl Iterator<Item = (CalendarId, &'a CalendarEvent)>) -> bool {
    let (mut out, mut into) = (Vec::new(), Vec::new());
    for (of, event) in commit {
        match event {
            CalendarEvent::MovedOut { appointment, to, .. } => out.push((*appointment, of.owner, of.day, *to)),
            CalendarEvent::MovedIn { appointment, from, .. } => into.push((*appointment, of.owner, *from, of.day)),
            _ => {}
        }
    }
    out.sort_unstable();
    into.sort_unstable();
    out == into
}

impl Calendar {
    fn enters_twice(&self, id: AppointmentId) -> Option<Contradiction> {
        contradicts(self.appointment(id).is_some(), Contradiction::Twice)
    }

    fn is_not_bookable(&self, slot: &Slot, except: Option<AppointmentId>) -> Option<Contradiction> {
        contradicts(!self.is_free(slot, except), Contradiction::SlotTaken)
            .or_else(|| contradicts(!self.offers(slot), Contradiction::SlotNotOffered))
    }

    fn is_not(&self, id: AppointmentId, as_it_must_be: impl Fn(&Appointment) -> bool) -> Option<Contradiction> {
        match self.appointment(id) {
            None => Some(Contradiction::NotThere),
            Some(known) => contradicts(!as_it_must_be(known), Contradiction::WrongStatus),
        }
    }

    fn has(&self, id: AppointmentId, slot: &Slot) -> bool {
        self.appointment(id).is_some_and(|known| known.slot == *slot)
    }
}

fn is_live(appointment: &Appointment) -> bool {
    matches!(
        appointment.status,
        AppointmentStatus::Booked | AppointmentStatus::Confirmed
    )
}

/// Whether a day could offer this: in order, without overlap.
fn are_in_order(sessions: &[Session]) -> bool {
    let ends = sessions.iter().map(|session| session.end);
    let next_begins = sessions.iter().skip(1).map(|session| session.start);
    sessions
        .iter()
        .all(|session| session.start < session.end && session.slot_minutes > 0)
        && ends.zip(next_begins).all(|(end, next)| end <= next)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use uuid::Uuid;

    use super::*;
    use crate::calendar::Booking;
    use crate::kernel::Personal;

    #[test]
    fn a_move_is_whole_if_both_halves_name_the_same_days() {
        let day = |day| CalendarId {
            owner: Uuid::from_u128(1),
            day: NaiveDate::from_epoch_days(day).unwrap(),
        };
        let appointment = |id| AppointmentId::new(Uuid::from_u128(id));
        let slot = Slot {
            start: chrono::DateTime::UNIX_EPOCH,
            minutes: 20,
        };
        let out = |id, to| CalendarEvent::MovedOut {
            appointment: appointment(id),
            to: day(to).day,
            patient: Personal::Sealed,
        };
        let into = |id, from| CalendarEvent::MovedIn {
            appointment: appointment(id),
            slot,
            from: day(from).day,
            booking: Personal::<Booking>::Sealed,
        };
        let confirmed = CalendarEvent::Confirmed {
            appointment: appointment(9),
        };
        let is_whole =
            |commit: &[(i32, CalendarEvent)]| moves_are_whole(commit.iter().map(|(of, event)| (day(*of), event)));
        assert!(is_whole(&[]));
        assert!(is_whole(&[(1, confirmed.clone())]));
        assert!(is_whole(&[(2, into(7, 1)), (1, out(7, 2)), (1, confirmed)]));
        assert!(!is_whole(&[(1, out(7, 2))]));
        assert!(!is_whole(&[(2, into(7, 1))]));
        assert!(!is_whole(&[(1, out(7, 2)), (2, into(8, 1))]), "another appointment");
        assert!(!is_whole(&[(1, out(7, 2)), (3, into(7, 1))]), "another day");
        assert!(!is_whole(&[(1, out(7, 2)), (2, into(7, 1)), (2, into(7, 1))]), "twice");
    }

    #[test]
    fn a_shared_day_offers_nothing_outside_itself_and_no_more_than_a_day_may() {
        let of = CalendarId {
            owner: Uuid::from_u128(1),
            day: NaiveDate::from_epoch_days(20_000).unwrap(),
        };
        let midnight = of.day.and_hms_opt(0, 0, 0).unwrap().and_utc();
        let session = |from: i64, to: i64| Session {
            start: midnight + TimeDelta::minutes(from),
            end: midnight + TimeDelta::minutes(to),
            slot_minutes: 1,
        };
        let offering = |sessions| contradicts_sharing(of, &CalendarEvent::AvailabilityPublished { sessions });
        assert_eq!(offering(vec![session(0, 24 * 60)]), None);
        for outside in [session(-1, 60), session(60, 24 * 60 + 1)] {
            assert_eq!(offering(vec![outside]), Some(Contradiction::NotOfThisDay));
        }
        let many = |count: i64| (0..count).map(|number| session(number, number + 1)).collect();
        let most = i64::try_from(Session::MOST).unwrap();
        assert_eq!(offering(many(most)), None);
        assert_eq!(offering(many(most + 1)), Some(Contradiction::TooManySessions));
    }
}
