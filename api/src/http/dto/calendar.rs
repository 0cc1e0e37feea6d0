//! Availability, slots, appointments and visits in JSON.

use application::calendars::BookingRequest;
use application::queries::{AppointmentView, AvailabilityView, FreeSlot};
use application::visits::{VisitProvider, VisitRequest};
use domain::calendar;
use domain::kernel::{PatientId, PractitionerId, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::ReasonText;
use super::time::is_meant;
use super::{Checked, Checks, Concept, Day, Identifier, Instant};

/// The longest slot: a day.
const LONGEST_SLOT: u32 = 24 * 60;

/// A stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slot {
    /// When it starts, on a whole second.
    pub start: Instant,
    /// Its length in minutes.
    #[schema(minimum = 1, maximum = 1440, example = 20)]
    pub minutes: u32,
}

impl From<calendar::Slot> for Slot {
    fn from(slot: calendar::Slot) -> Self {
        Self {
            start: Instant(slot.start),
            minutes: slot.minutes,
        }
    }
}

impl Checked for Slot {
    type Domain = calendar::Slot;

    fn check(self, checks: &mut Checks) -> calendar::Slot {
        if self.minutes == 0 || self.minutes > LONGEST_SLOT {
            checks.within("minutes", |checks| {
                checks.wrong(format!("must be from 1 to {LONGEST_SLOT}"))
            });
        }
        if self.start.0.timestamp_subsec_nanos() != 0 {
            checks.within("start", |checks| checks.wrong("must be on a whole second"));
        }
        calendar::Slot {
            start: self.start.0,
            minutes: self.minutes,
        }
    }
}

/// A stretch of the day in which slots of equal length are offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Session {
    /// When it starts, on a whole second.
    pub start: Instant,
    /// When it ends.
    pub end: Instant,
    /// The length of each slot in minutes.
    #[schema(minimum = 1, maximum = 1440, example = 20)]
    pub slot_minutes: u32,
}

impl Checked for Session {
    type Domain = calendar::Session;

    fn check(self, checks: &mut Checks) -> calendar::Session {
        for (step, at) in [("start", self.start), ("end", self.end)] {
            if at.0.timestamp_subsec_nanos() != 0 {
                checks.within(step, |checks| checks.wrong("must be on a whole second"));
            }
        }
        if self.slot_minutes == 0 || self.slot_minutes > LONGEST_SLOT {
            checks.within("slotMinutes", |checks| {
                checks.wrong(format!("must be from 1 to {LONGEST_SLOT}"))
            });
        }
        if self.end.0 <= self.start.0 {
            checks.within("end", |checks| checks.wrong("must be after the start"));
        }
        calendar::Session {
            start: self.start.0,
            end: self.end.0,
            slot_minutes: self.slot_minutes,
        }
    }
}

impl From<calendar::Session> for Session {
    fn from(session: calendar::Session) -> Self {
        let calendar::Session {
            start,
            end,
            slot_minutes,
        } = session;
        Self {
            start: Instant(start),
            end: Instant(end),
            slot_minutes,
        }
    }
}

/// What a day offers, whole.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishAvailability {
    /// The sessions, without overlap, all within the day in the practitioner's time zone. None means that nothing is
    /// offered.
    #[schema(max_items = 100)]
    pub sessions: Vec<Session>,
}

impl Checked for PublishAvailability {
    type Domain = Vec<calendar::Session>;

    fn check(self, checks: &mut Checks) -> Vec<calendar::Session> {
        checks.list("sessions", self.sessions, 100)
    }
}

/// What a day offers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// The practitioner.
    pub practitioner: Uuid,
    /// The day, in the practitioner's time zone.
    pub day: Day,
    /// The sessions published.
    pub sessions: Vec<Session>,
    /// The slots still free, in order.
    pub free: Vec<Slot>,
}

impl Availability {
    /// What a practitioner's day offers.
    pub fn of(practitioner: PractitionerId, day: Day, view: AvailabilityView) -> Self {
        Self {
            practitioner: practitioner.uuid(),
            day,
            sessions: view.sessions.into_iter().map(Into::into).collect(),
            free: view.free.into_iter().map(Into::into).collect(),
        }
    }
}

/// A free slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferedSlot {
    /// Whose.
    pub practitioner: Uuid,
    /// On which day of theirs.
    pub day: Day,
    /// When it starts.
    pub start: Instant,
    /// Its length in minutes.
    #[schema(example = 20)]
    pub minutes: u32,
}

impl From<FreeSlot> for OfferedSlot {
    fn from(free: FreeSlot) -> Self {
        let FreeSlot {
            practitioner,
            day,
            slot,
        } = free;
        Self {
            practitioner: practitioner.uuid(),
            day: Day(day),
            start: Instant(slot.start),
            minutes: slot.minutes,
        }
    }
}

/// An appointment to book.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BookAppointment {
    /// Who comes. A patient who books for themselves may leave it out.
    #[serde(default)]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub patient: Option<Uuid>,
    /// To whom.
    pub practitioner: Uuid,
    /// Which slot: start and length as offered.
    pub slot: Slot,
    /// Why.
    #[serde(default)]
    #[schema(example = json!({"text": "A cough that does not go"}))]
    pub reason: Option<Concept>,
}

impl Checked for BookAppointment {
    type Domain = BookingRequest;

    fn check(self, checks: &mut Checks) -> BookingRequest {
        BookingRequest {
            patient: self.patient.map(PatientId::new),
            practitioner: PractitionerId::new(self.practitioner),
            slot: checks.field("slot", self.slot),
            reason: checks.optional("reason", self.reason),
        }
    }
}

/// Where to move an appointment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RescheduleAppointment {
    /// Another offered slot of the same practitioner, on the same or another day.
    pub slot: Slot,
}

impl Checked for RescheduleAppointment {
    type Domain = calendar::Slot;

    fn check(self, checks: &mut Checks) -> calendar::Slot {
        checks.field("slot", self.slot)
    }
}

/// Why an appointment is called off.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelAppointment {
    /// The reason.
    #[serde(default)]
    #[schema(inline, value_type = Option<ReasonText>)]
    pub reason: Option<String>,
}

impl Checked for CancelAppointment {
    type Domain = Option<String>;

    fn check(self, checks: &mut Checks) -> Option<String> {
        self.reason
            .map(|reason| checks.fits("reason", reason, TextRule::CANCELLATION))
    }
}

/// Nothing more to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Checked for Nothing {
    type Domain = ();

    const MAY_BE_MISSING: bool = true;

    fn check(self, _: &mut Checks) {}
}

/// Where an appointment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AppointmentStatus {
    /// Booked, not yet confirmed by the practitioner.
    Booked,
    /// Confirmed by the practitioner.
    Confirmed,
    /// The visit took place.
    Completed,
    /// Cancelled.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// There never was such a visit: the system it came from has taken it back.
    EnteredInError,
}

impl From<calendar::AppointmentStatus> for AppointmentStatus {
    fn from(status: calendar::AppointmentStatus) -> Self {
        match status {
            calendar::AppointmentStatus::Booked => Self::Booked,
            calendar::AppointmentStatus::Confirmed => Self::Confirmed,
            calendar::AppointmentStatus::Completed => Self::Completed,
            calendar::AppointmentStatus::Cancelled => Self::Cancelled,
            calendar::AppointmentStatus::NoShow => Self::NoShow,
            calendar::AppointmentStatus::EnteredInError => Self::EnteredInError,
        }
    }
}

impl From<AppointmentStatus> for calendar::AppointmentStatus {
    fn from(status: AppointmentStatus) -> Self {
        match status {
            AppointmentStatus::Booked => Self::Booked,
            AppointmentStatus::Confirmed => Self::Confirmed,
            AppointmentStatus::Completed => Self::Completed,
            AppointmentStatus::Cancelled => Self::Cancelled,
            AppointmentStatus::NoShow => Self::NoShow,
            AppointmentStatus::EnteredInError => Self::EnteredInError,
        }
    }
}

/// An appointment. What is sealed under a key that is not held here is left out.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// The appointment.
    pub id: Uuid,
    /// Who comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub patient: Option<Uuid>,
    /// To whom; missing for a recorded visit whose source names no practitioner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub practitioner: Option<Uuid>,
    /// The day, in the practitioner's time zone.
    pub day: Day,
    /// When it starts.
    pub start: Instant,
    /// Its length in minutes.
    #[schema(example = 20)]
    pub minutes: u32,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Concept>,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// Whether it was recorded from another system rather than booked here.
    pub recorded: bool,
    /// The version of the day at which it last changed; with the day, its entity tag.
    #[schema(example = 2)]
    pub version: u64,
}

impl From<AppointmentView> for Appointment {
    fn from(view: AppointmentView) -> Self {
        Self {
            id: view.id.uuid(),
            patient: view.patient.map(PatientId::uuid),
            practitioner: view.practitioner.map(PractitionerId::uuid),
            day: Day(view.day),
            start: Instant(view.slot.start),
            minutes: view.slot.minutes,
            status: view.status.into(),
            reason: view.reason.map(Into::into),
            cancellation_reason: view.cancellation_reason,
            recorded: view.recorded,
            version: view.version,
        }
    }
}

/// How a visit of the past ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VisitOutcome {
    /// It took place.
    Completed,
    /// It was cancelled.
    Cancelled,
    /// The source leaves it open.
    Open,
    /// There never was such a visit: the source has taken it back, or deleted it. That is recorded, as of `asOf` or as of now, so that
    /// no older state brings it.
    EnteredInError,
}

/// A visit of the past to record.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordVisit {
    /// Its id in the system it comes from. Recording it again changes nothing.
    pub identifier: Identifier,
    /// Who came.
    pub patient: Uuid,
    /// To whom. Either this or `organization`.
    #[serde(default)]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub practitioner: Option<Uuid>,
    /// The organisation that provided the visit, when the source names no practitioner.
    #[serde(default)]
    pub organization: Option<Identifier>,
    /// When it started.
    pub start: Instant,
    /// How many minutes it took.
    #[schema(minimum = 1, example = 25)]
    pub minutes: u32,
    /// How it ended.
    pub outcome: VisitOutcome,
    /// Why, if known.
    #[serde(default)]
    pub reason: Option<Concept>,
    /// As of when the source tells this, if it says (`meta.lastUpdated`). Kept to the millisecond.
    #[serde(default)]
    pub as_of: Option<Instant>,
    /// Whether it takes the place of what the source told before of the same patient's visit. A state that is older than what is
    /// recorded, by `asOf`, is refused (409, `superseded`).
    #[serde(default)]
    pub corrects: bool,
}

impl Checked for RecordVisit {
    type Domain = VisitRequest;

    fn check(self, checks: &mut Checks) -> VisitRequest {
        let organization = checks.optional("organization", self.organization);
        let provider = match (self.practitioner, organization) {
            (Some(practitioner), None) => VisitProvider::Practitioner(PractitionerId::new(practitioner)),
            (None, Some(organization)) => VisitProvider::Organization(organization),
            _ => {
                checks.wrong("must have either a practitioner or an organization");
                VisitProvider::Practitioner(PractitionerId::default())
            }
        };
        let slot = calendar::Slot {
            start: self.start.0,
            minutes: self.minutes,
        };
        checks.within("minutes", |checks| {
            if slot.minutes == 0 {
                checks.wrong("must be at least 1");
            } else if !is_meant(slot.end()) {
                checks.wrong("must not lead beyond the year 2200");
            }
        });
        let identifier = checks.field("identifier", self.identifier);
        let reason = checks.optional("reason", self.reason);
        VisitRequest {
            identifier,
            patient: PatientId::new(self.patient),
            provider,
            slot,
            outcome: match self.outcome {
                VisitOutcome::Completed => calendar::RecordedOutcome::Completed,
                VisitOutcome::Cancelled => calendar::RecordedOutcome::Cancelled,
                VisitOutcome::Open => calendar::RecordedOutcome::Open,
                VisitOutcome::EnteredInError => calendar::RecordedOutcome::EnteredInError,
            },
            reason,
            as_of: self.as_of.map(|at| at.0),
            corrects: self.corrects,
        }
    }
}
