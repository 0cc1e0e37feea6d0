//! Calendars: availability, booking, and what becomes of an appointment.
//!
//! An appointment is found by its id through the read models, which say whose it is and in which calendar it stands; the
//! calendar itself then decides. If it has left for another day in between, the command follows it. A recorded visit stands in no
//! calendar, but in its patient's record: see `encounters.rs`.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access_log::Shown;
use domain::calendar::{Booking, Calendar, CalendarCommand, CalendarError, Session};
use domain::encounter::{EncounterError, Ending};
use domain::kernel::{AggregateType, AppointmentId, CalendarId, Category, Concept, PatientId, PractitionerId, Slot};
use domain::patient::Patient;

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::access::{Admittance, Denied, admit, admit_to_appointments, is_clinical, tells_visits};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object, Reach};
use crate::ports::command::{CommandContext, CommandError, CommandExecutor as _, Receipt};
use crate::ports::queries::{
    AppointmentCursor, AppointmentFilter, AppointmentView, AvailabilityView, FreeSlot, Page, Queries as _, SlotCursor,
    SlotFilter,
};
use crate::ports::transaction::{Expected, Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Issue, own_record, permit, permit_on};

/// How often a command follows an appointment that moves away from it.
const MOST_MOVES: u32 = 8;

/// A booking as it comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingRequest {
    /// Who comes. A patient who books for themselves need not say.
    pub patient: Option<PatientId>,
    /// To whom.
    pub practitioner: PractitionerId,
    /// When.
    pub slot: Slot,
    /// Why, if given.
    pub reason: Option<Concept>,
}

/// What an appointment's version is: the day on which it stands and the version at which it last changed. Of one that was recorded it is
/// the version of its patient's record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppointmentVersion {
    /// The day.
    pub day: NaiveDate,
    /// The version of the stream.
    pub version: u64,
}

/// An appointment after a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppointmentDone {
    /// The appointment.
    pub id: AppointmentId,
    /// The calendar it now stands in.
    pub day: NaiveDate,
    /// What the command came to.
    pub receipt: Receipt,
}

impl AppointmentDone {
    /// The appointment's version now; `None` when nothing changed, for then the receipt tells only the calendar's.
    pub fn version(&self) -> Option<AppointmentVersion> {
        self.receipt.position.map(|_| AppointmentVersion {
            day: self.day,
            version: self.receipt.version,
        })
    }
}

/// What can be done to an appointment where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppointmentAction {
    /// The practitioner confirms.
    Confirm,
    /// The visit took place.
    Complete,
    /// The patient did not come.
    MarkNoShow,
    /// It is called off.
    Cancel {
        /// Why, if given.
        reason: Option<String>,
    },
}

impl AppointmentAction {
    const fn policy(&self) -> Action {
        match self {
            Self::Confirm | Self::Complete | Self::MarkNoShow => Action::ConductAppointment,
            Self::Cancel { .. } => Action::ChangeAppointment,
        }
    }

    /// How a recorded visit ends by it; `None` when it is no end.
    fn ending(&self) -> Option<Ending> {
        match self {
            Self::Confirm => None,
            Self::Complete => Some(Ending::Completed),
            Self::MarkNoShow => Some(Ending::NoShow),
            Self::Cancel { reason } => Some(Ending::Cancelled { reason: reason.clone() }),
        }
    }

    fn command(&self, appointment: AppointmentId, now: DateTime<Utc>) -> CalendarCommand {
        match self {
            Self::Confirm => CalendarCommand::Confirm { appointment },
            Self::Complete => CalendarCommand::Complete { appointment, now },
            Self::MarkNoShow => CalendarCommand::MarkNoShow { appointment, now },
            Self::Cancel { reason } => CalendarCommand::Cancel {
                appointment,
                reason: reason.clone(),
            },
        }
    }
}

impl<B: Backend> Clinic<B> {
    /// Publishes what a practitioner's day offers; it replaces what was offered before.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn publish_availability(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        day: NaiveDate,
        sessions: Vec<Session>,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        permit_on(principal, Action::PublishAvailability, practitioner)?;
        let missing = UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner));
        let time_zone = self.time_zone_of(practitioner, missing).await?;
        self.require_days(practitioner)?;
        let context = self.stamp(principal, issue);
        let command = CalendarCommand::PublishAvailability {
            day,
            time_zone,
            sessions,
            now: context.at,
        };
        let calendar = CalendarId::of(practitioner, day);
        Ok(self
            .execute::<Calendar>(Target::of(calendar), command, &context)
            .await?)
    }

    /// What a practitioner's day offers.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn availability(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        day: NaiveDate,
    ) -> Result<AvailabilityView, UseCaseError> {
        permit(principal, Action::ReadAvailability)?;
        if self.queries.practitioner(practitioner).await?.is_none() {
            return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner)));
        }
        self.require_days(practitioner)?;
        Ok(self.queries.availability(practitioner, day).await?)
    }

    /// Free slots. Those that have begun are not free any more.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn free_slots(
        &self,
        principal: &Principal,
        mut filter: SlotFilter,
        page: Page<SlotCursor>,
    ) -> Result<Vec<FreeSlot>, UseCaseError> {
        permit(principal, Action::ReadAvailability)?;
        filter.from = filter.from.max(self.now());
        if filter.from >= filter.until {
            return Ok(Vec::new());
        }
        Ok(self.queries.free_slots(&filter, page).await?)
    }

    /// Books a slot: a patient for themselves, a hospital for anybody.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn book_appointment(
        &self,
        principal: &Principal,
        request: BookingRequest,
        issue: &Issue,
    ) -> Result<AppointmentDone, UseCaseError> {
        let BookingRequest {
            patient,
            practitioner,
            slot,
            reason,
        } = request;
        // Who may never do this learns nothing about what is missing.
        permit(principal, Action::BookAppointment)?;
        let patient = patient.or_else(|| own_record(principal)).ok_or(UseCaseError::Invalid {
            pointer: "/patient",
            detail: "must be given unless a patient books",
        })?;
        let whose = Object::Patient(patient);
        let admittance = admit(principal, whose, Action::BookAppointment, &[Category::Appointments]);
        let admittance = admittance.map_err(|denied| match denied {
            Denied::Hidden(_) => UseCaseError::UnknownReference { pointer: "/patient" },
            Denied::Forbidden(denial) => denial.into(),
        })?;
        self.require_patient(patient, "/patient").await?;
        let under_way = own_record(principal).map(|own| self.bookings.begin(own));
        let missing = UseCaseError::UnknownReference {
            pointer: "/practitioner",
        };
        let day = local_day(&slot, self.time_zone_of(practitioner, missing).await?);
        self.require_days(practitioner)?;
        let calendar = CalendarId::of(practitioner, day);
        let mut appointment = AppointmentId::new(issue.new_id("appointment"));
        if practitioner.shares_days_in().is_some() {
            appointment = appointment.of_shared_day(calendar);
        }
        if let Some(receipt) = self.earlier::<Calendar>(calendar, issue).await? {
            return Ok(AppointmentDone {
                id: appointment,
                day,
                receipt,
            });
        }
        if let Some(under_way) = &under_way {
            let open = self.queries.open_appointments(&admittance, patient, self.now()).await?;
            let most = self.rules.open_bookings;
            if open.saturating_add(under_way.number.into()) > most.into() {
                return Err(UseCaseError::TooManyBookings { most });
            }
        }
        let context = self.stamp(principal, issue);
        let booking = Booking { patient, reason };
        let command = CalendarCommand::Book {
            appointment,
            slot,
            booking,
            now: context.at,
        };
        let receipt = self
            .execute::<Calendar>(Target::of(calendar), command, &context)
            .await?;
        Ok(AppointmentDone {
            id: appointment,
            day,
            receipt,
        })
    }

    /// Confirms, completes, cancels an appointment, or marks it as a no-show.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn change_appointment(
        &self,
        principal: &Principal,
        appointment: AppointmentId,
        action: AppointmentAction,
        expected: Option<AppointmentVersion>,
        issue: &Issue,
    ) -> Result<AppointmentDone, UseCaseError> {
        let (_, found) = self.find_appointment(principal, action.policy(), appointment).await?;
        if found.recorded {
            let ending = action.ending();
            let ending = ending.ok_or_else(|| Refusal::from(EncounterError::Recorded))?;
            return self.conclude_visit(principal, &found, ending, expected, issue).await;
        }
        let context = self.stamp(principal, issue);
        let mut day = first_day(issue, found.day, expected);
        for _ in 0..MOST_MOVES {
            let calendar = CalendarId {
                owner: found.owner,
                day,
            };
            let target = Target::of(calendar).expecting(expected_on(day, appointment, expected)?);
            let command = action.command(appointment, context.at);
            match self.execute::<Calendar>(target, command, &context).await {
                Err(CommandError::Rejected(CalendarError::Moved { to })) => day = to,
                done => {
                    return Ok(AppointmentDone {
                        id: appointment,
                        day,
                        receipt: done?,
                    });
                }
            }
        }
        Err(UseCaseError::Conflict { attempts: MOST_MOVES })
    }

    /// Moves an appointment to another slot of the same practitioner. To another day it leaves one calendar and enters the
    /// other in one commit.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn reschedule_appointment(
        &self,
        principal: &Principal,
        appointment: AppointmentId,
        slot: Slot,
        expected: Option<AppointmentVersion>,
        issue: &Issue,
    ) -> Result<AppointmentDone, UseCaseError> {
        let (_, found) = self
            .find_appointment(principal, Action::ChangeAppointment, appointment)
            .await?;
        let practitioner = found.practitioner.filter(|_| !found.recorded);
        let practitioner = practitioner.ok_or_else(|| Refusal::from(EncounterError::Recorded))?;
        let missing = UseCaseError::NotFound(Resource::Appointment);
        let to = local_day(&slot, self.time_zone_of(practitioner, missing).await?);
        let context = self.stamp(principal, issue);
        let mut from = first_day(issue, found.day, expected);
        for _ in 0..MOST_MOVES {
            let moving = Moving {
                appointment,
                practitioner,
                from,
                to,
                slot,
                expected: expected_on(from, appointment, expected)?,
            };
            match self.try_reschedule(moving, &context).await {
                Err(CommandError::Rejected(CalendarError::Moved { to })) => from = to,
                done => {
                    return Ok(AppointmentDone {
                        id: appointment,
                        day: to,
                        receipt: done?,
                    });
                }
            }
        }
        Err(UseCaseError::Conflict { attempts: MOST_MOVES })
    }

    async fn try_reschedule(
        &self,
        moving: Moving,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<CalendarError>> {
        let Moving {
            appointment,
            practitioner,
            from,
            to,
            slot,
            expected,
        } = moving;
        let now = context.at;
        let leaving = Target::of(CalendarId::of(practitioner, from)).expecting(expected);
        if from == to {
            let command = CalendarCommand::Reschedule { appointment, slot, now };
            return self.execute::<Calendar>(leaving, command, context).await;
        }
        // The day it enters comes first, so that the receipt's version is of the calendar where it then stands.
        let decide = move |(mut entering, mut leaving): (Root<Calendar>, Root<Calendar>)| {
            let booking = leaving.state().booking_to_move(appointment)?;
            entering.execute(CalendarCommand::MoveIn {
                appointment,
                slot,
                from,
                booking,
                now,
            })?;
            leaving.execute(CalendarCommand::MoveOut { appointment, to, now })?;
            Ok::<_, CalendarError>((entering, leaving))
        };
        let entering = Target::of(CalendarId::of(practitioner, to));
        self.executor.transact((entering, leaving), decide, context).await
    }

    /// An appointment.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn appointment(
        &self,
        principal: &Principal,
        appointment: AppointmentId,
    ) -> Result<AppointmentView, UseCaseError> {
        let (admittance, found) = self
            .find_appointment(principal, Action::ReadAppointment, appointment)
            .await?;
        self.note_reads(principal, &admittance, Shown::Appointments, found.patient)
            .await?;
        Ok(found)
    }

    /// Appointments by start. A patient gets their own, a practitioner those in their own calendar; a filter for somebody
    /// else's finds nothing.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn appointments(
        &self,
        principal: &Principal,
        mut filter: AppointmentFilter,
        page: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, UseCaseError> {
        let reach = permit(principal, Action::ReadAppointment)?;
        if reach == Reach::Own && !narrow_to_own(principal, &mut filter) {
            return Ok(Vec::new());
        }
        let admittance = self
            .admit_to_appointments(principal, filter.whose(), Action::ReadAppointment)
            .await?;
        let found = self.queries.appointments(&admittance, &filter, page).await?;
        let found: Vec<_> = found.into_iter().map(|view| shown_to(principal, view)).collect();
        let seen = page.shown(&found).iter().filter_map(|view| view.patient);
        // That a patient has none at all is known of them, too. Of nobody there is nothing to be known.
        let has_none = filter.patient.filter(|_| reach == Reach::Any && found.is_empty());
        let has_none = match has_none {
            Some(patient) => self.executor.known::<Patient>(patient).await?.map(|_| patient),
            None => None,
        };
        let seen = seen.chain(has_none);
        self.note_reads(principal, &admittance, Shown::Appointments, seen)
            .await?;
        Ok(found)
    }

    /// The appointments and visits of a patient, by their start: as far as the patient has granted it to whoever asks, or is treated here.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn appointments_of(
        &self,
        principal: &Principal,
        patient: PatientId,
        page: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, UseCaseError> {
        let admittance = self
            .admit_to_visits(principal, patient, Action::ReadPatientAppointments)
            .await?;
        let found = self.queries.appointments_of(&admittance, patient, page).await?;
        self.note_read(principal, &admittance, Shown::Appointments, patient)
            .await?;
        Ok(found)
    }

    async fn find_appointment(
        &self,
        principal: &Principal,
        action: Action,
        appointment: AppointmentId,
    ) -> Result<(Admittance, AppointmentView), UseCaseError> {
        // Who may never do this learns nothing about the id.
        permit(principal, action)?;
        let found = self.queries.appointment(appointment).await?;
        let found = found.ok_or(UseCaseError::NotFound(Resource::Appointment))?;
        let admittance = self.admit_to_appointments(principal, found.whose(), action).await?;
        let found = found.admitted(&admittance)?;
        let found = found.ok_or(UseCaseError::NotFound(Resource::Appointment))?;
        Ok((admittance, shown_to(principal, found)))
    }

    /// Admits somebody to appointments, with why their patient comes if that is one who is treated here by whoever asks.
    async fn admit_to_appointments(
        &self,
        principal: &Principal,
        whose: Object,
        action: Action,
    ) -> Result<Admittance, UseCaseError> {
        let treated = match whose {
            Object::Appointment {
                patient: Some(patient), ..
            } if is_clinical(principal) => self.treated(principal, patient).await.or_else(unless_erased)?,
            _ => None,
        };
        let act = treated.map(|(act, _)| act);
        Ok(admit_to_appointments(principal, whose, action, act)?)
    }
}

/// What is shown of an appointment: to a system that tells of visits, why somebody has come of those alone.
fn shown_to(principal: &Principal, view: AppointmentView) -> AppointmentView {
    match tells_visits(principal) {
        true => view.told_by_sources(),
        false => view,
    }
}

/// Whoever is erased, or is held back, is treated by nobody.
fn unless_erased<T>(error: UseCaseError) -> Result<Option<T>, UseCaseError> {
    match error {
        UseCaseError::Erased | UseCaseError::HeldBack => Ok(None),
        error => Err(error),
    }
}

struct Moving {
    appointment: AppointmentId,
    practitioner: PractitionerId,
    from: NaiveDate,
    to: NaiveDate,
    slot: Slot,
    expected: Option<Expected>,
}

/// The day in which a slot begins, in the calendar's time zone.
pub(crate) fn local_day(slot: &Slot, time_zone: chrono_tz::Tz) -> NaiveDate {
    slot.start.with_timezone(&time_zone).date_naive()
}

/// What the caller expects of an appointment in a calendar; stale when they saw it on another day.
fn expected_on(
    day: NaiveDate,
    appointment: AppointmentId,
    expected: Option<AppointmentVersion>,
) -> Result<Option<Expected>, UseCaseError> {
    match expected {
        None => Ok(None),
        Some(expected) if expected.day == day => Ok(Some(Expected {
            part: Some(appointment.uuid()),
            version: expected.version,
        })),
        Some(_) => Err(UseCaseError::Stale),
    }
}

/// Where a command is tried first: on the day where the appointment stands. A retry is tried where its caller saw the appointment, for
/// the first attempt, or somebody since, may have moved it.
fn first_day(issue: &Issue, stands: NaiveDate, expected: Option<AppointmentVersion>) -> NaiveDate {
    match expected {
        Some(seen) if issue.repeated => seen.day,
        _ => stands,
    }
}

/// Narrows a filter to what is the caller's own; `false` when it asks for somebody else's.
fn narrow_to_own(principal: &Principal, filter: &mut AppointmentFilter) -> bool {
    match principal.person() {
        Principal::Patient { patient, .. } => *filter.patient.get_or_insert(*patient) == *patient,
        Principal::Practitioner { practitioner, .. } => {
            *filter.practitioner.get_or_insert(*practitioner) == *practitioner
        }
        Principal::Unregistered { .. } | Principal::Staff { .. } | Principal::Service { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::CommandId;

    use super::*;

    #[test]
    fn a_retry_is_tried_where_its_caller_saw_the_appointment() {
        let day = |number| NaiveDate::from_ymd_opt(2026, 3, number).unwrap();
        let (seen, stands) = (day(1), day(2));
        let issue = |repeated| Issue {
            command_id: CommandId::default(),
            correlation: None,
            repeated,
        };
        let expected = Some(AppointmentVersion { day: seen, version: 3 });
        assert_eq!(first_day(&issue(true), stands, expected), seen);
        assert_eq!(first_day(&issue(false), stands, expected), stands);
        assert_eq!(first_day(&issue(true), stands, None), stands);
    }
}
