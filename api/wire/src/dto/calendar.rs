//! Availability, slots, appointments and visits in JSON.

use application::ports::queries::{AppointmentView, AvailabilityView, FreeSlot};
use application::use_cases::calendars::BookingRequest;
use application::use_cases::encounters::{VisitProvider, VisitRequest};
use domain::kernel::{PatientId, PractitionerId, TextRule};
use domain::{calendar, encounter, kernel};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::source::SourceId;
use super::text::ReasonText;
use super::time::is_meant;
use super::wire_enum::wire_enum;
use super::{Concept, Day, Identifier, Instant};
use crate::check::{Checked, Checks};

/// The longest slot: a day.
const LONGEST_SLOT: u32 = kernel::Slot::MOST_MINUTES;

/// A period of time for one appointment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slot {
    /// When the slot starts, on a whole second.
    pub start: Instant,
    /// The length of the slot in minutes.
    #[schema(minimum = 1, maximum = 1440, example = 20)]
    pub minutes: u32,
}

impl From<kernel::Slot> for Slot {
    fn from(slot: kernel::Slot) -> Self {
        Self {
            start: Instant(slot.start),
            minutes: slot.minutes,
        }
    }
}

impl Checked for Slot {
    type Domain = kernel::Slot;

    fn check(self, checks: &mut Checks) -> kernel::Slot {
        if self.minutes == 0 || self.minutes > LONGEST_SLOT {
            checks.within("minutes", |checks| {
                checks.wrong(format!("must be from 1 to {LONGEST_SLOT}"))
            });
        }
        if self.start.0.timestamp_subsec_nanos() != 0 {
            checks.within("start", |checks| checks.wrong("must be on a whole second"));
        }
        kernel::Slot {
            start: self.start.0,
            minutes: self.minutes,
        }
    }
}

/// A part of a day in which a practitioner offers slots of equal length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"start": "2030-03-04T09:00:00Z", "end": "2030-03-04T12:00:00Z", "slotMinutes": 20}))]
pub struct Session {
    /// When the session starts, on a whole second.
    pub start: Instant,
    /// When the session ends, on a whole second later than its start.
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

/// The body of a request to publish all that a practitioner offers on a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishAvailability {
    /// The sessions of the day. They must not overlap, and must all lie within the day in the calendar's time zone. An empty list
    /// means that nothing is offered.
    #[schema(max_items = 100)]
    pub sessions: Vec<Session>,
}

impl Checked for PublishAvailability {
    type Domain = Vec<calendar::Session>;

    fn check(self, checks: &mut Checks) -> Vec<calendar::Session> {
        checks.list("sessions", self.sessions, calendar::Session::MOST)
    }
}

/// What a practitioner offers on a day, and which slots are still free.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// The id of the practitioner.
    pub practitioner: Uuid,
    /// The day, in the calendar's time zone.
    pub day: Day,
    /// The sessions that are published for the day.
    pub sessions: Vec<Session>,
    /// The slots that are still free, in the order of time.
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

/// A free slot, which can be booked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferedSlot {
    /// The id of the practitioner who offers the slot.
    pub practitioner: Uuid,
    /// The day of the slot, in the calendar's time zone.
    pub day: Day,
    /// When the slot starts.
    pub start: Instant,
    /// The length of the slot in minutes.
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

/// The body of a request to book an appointment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BookAppointment {
    /// The id of the patient for whom the appointment is booked. A patient who books for themselves may leave it out.
    #[serde(default)]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub patient: Option<Uuid>,
    /// The id of the practitioner with whom the appointment is booked.
    pub practitioner: Uuid,
    /// The free slot to book, with the start and the length with which it is offered.
    pub slot: Slot,
    /// The reason for the appointment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// The body of a request to move an appointment to another slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RescheduleAppointment {
    /// The slot to which the appointment is moved: another one that the same practitioner offers, on the same or another day.
    pub slot: Slot,
}

impl Checked for RescheduleAppointment {
    type Domain = kernel::Slot;

    fn check(self, checks: &mut Checks) -> kernel::Slot {
        checks.field("slot", self.slot)
    }
}

/// The body of a request to cancel an appointment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelAppointment {
    /// Why the appointment is cancelled, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// An empty object: the request needs no more than its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Checked for Nothing {
    type Domain = ();

    const MAY_BE_MISSING: bool = true;

    fn check(self, _: &mut Checks) {}
}

wire_enum!(
    /// The status of an appointment: `booked` (and not confirmed by the practitioner yet), `confirmed` (by the practitioner), `completed`
    /// (the visit took place), `cancelled`, `no-show` (the patient did not come), or `entered-in-error` (there never was such a visit: the
    /// system that it came from has taken it back).
    AppointmentStatus = calendar::AppointmentStatus
);

/// An appointment. What is encrypted under a key that this server does not hold is left out.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// The id of the appointment.
    pub id: Uuid,
    /// The id of the patient whose appointment it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub patient: Option<Uuid>,
    /// The id of the practitioner with whom the appointment is; missing for a recorded visit whose source names no practitioner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub practitioner: Option<Uuid>,
    /// The day of the appointment, in the calendar's time zone.
    pub day: Day,
    /// When the appointment starts.
    pub start: Instant,
    /// The length of the appointment in minutes.
    #[schema(example = 20)]
    pub minutes: u32,
    /// The status of the appointment.
    pub status: AppointmentStatus,
    /// The reason for the appointment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Concept>,
    /// Why the appointment was cancelled, in the words of whoever cancelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// Whether the appointment was recorded as a visit from another system, rather than booked here.
    pub recorded: bool,
    /// The version of the practitioner's day, or of a recorded visit that of the patient's record, at which the appointment last changed.
    /// The day and this version make the entity tag of the appointment. It is missing for whoever reads by what a patient has granted, or in an emergency.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub version: Option<u64>,
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

wire_enum!(
    /// How a visit of the past ended: `completed` (it took place), `cancelled`, `open` (the source does not say how it ended), or
    /// `entered-in-error` (there never was such a visit: the source has taken it back or deleted it). The last is recorded, as of `asOf` or
    /// as of now, so that no older state of the source brings the visit back.
    VisitOutcome = encounter::Outcome
);

/// The body of a request to record a visit of the past.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordVisit {
    /// The id of the visit in the system that it comes from. Recording the same content under it again for the same patient changes
    /// nothing.
    pub identifier: Identifier,
    /// The other ids of the visit there. With `identifier`, 16 are kept. Where two states of visits name no common resource (`sources`), they
    /// are of one visit if every id of one of them is also an id of the other, and that one names no resource: a state that names its resource
    /// may tell the number of a case alone, which is on each visit of the case. If several recorded visits may be meant, the
    /// command is refused.
    ///
    /// An identifier of the system `urn:medconnect:visit` describes the visit, for a source that gives its visits new ids with every export: its value is made of
    /// what does not change, such as when the visit began and with whom. Two visits that have one description are one, unless their other
    /// identifiers differ, if their sources are of no known server and call the patient otherwise.
    #[serde(default)]
    #[schema(value_type = HashSet<Identifier>, max_items = 15, example = json!([{"system": "https://hospital.example/case", "value": "C-17"}]))]
    pub other_identifiers: Vec<Identifier>,
    /// The digests of the ids of the resources that tell this visit, if they are known. A visit that one of them has told is the same,
    /// whatever its ids are.
    #[serde(default)]
    #[schema(value_type = HashSet<SourceId>, max_items = 8)]
    pub sources: Vec<SourceId>,
    /// The id of the patient who came.
    pub patient: Uuid,
    /// The id of the practitioner who was visited. Either this or `organization` must be given.
    #[serde(default)]
    #[schema(example = "3fa85f64-5717-4562-b3fc-2c963f66afa6")]
    pub practitioner: Option<Uuid>,
    /// The identifier of the organisation that provided the visit, where the source names no practitioner.
    #[serde(default)]
    pub organization: Option<Identifier>,
    /// When the visit started.
    pub start: Instant,
    /// The length of the visit in minutes.
    #[schema(minimum = 1, example = 25)]
    pub minutes: u32,
    /// How the visit ended.
    pub outcome: VisitOutcome,
    /// The reason for the visit, if it is known.
    #[serde(default)]
    pub reason: Option<Concept>,
    /// The instant as of which the source tells this, if it says so (FHIR `meta.lastUpdated`). It is kept to the millisecond.
    #[serde(default)]
    pub as_of: Option<Instant>,
    /// Whether this takes the place of what the source told before of the same patient's visit. A state that is no newer, by `asOf`, than
    /// what is recorded, and says otherwise, is refused (409, `superseded`), unless it only adds the reason.
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
        let slot = kernel::Slot {
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
        let other_identifiers = checks.set(
            "otherIdentifiers",
            self.other_identifiers,
            encounter::EncounterNames::MOST_OTHERS,
        );
        let sources = SourceId::checked(checks, self.sources);
        let reason = checks.optional("reason", self.reason);
        VisitRequest {
            identifier,
            other_identifiers,
            sources,
            patient: PatientId::new(self.patient),
            provider,
            slot,
            outcome: self.outcome.into(),
            reason,
            as_of: self.as_of.map(|at| at.0),
            corrects: self.corrects,
        }
    }
}
