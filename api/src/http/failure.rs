//! The one place that maps what use cases fail with to problems.

use std::borrow::Cow;
use std::time::Duration;

use application::command::Unavailable;
use application::error::{Refusal, Resource, UseCaseError};
use domain::account::AccountError;
use domain::calendar::CalendarError;
use domain::patient::{Matter, PatientError, Place};
use domain::practitioner::PractitionerError;
use domain::wallet::WalletError;
use uuid::Uuid;

use super::problem::{Problem, ProblemKind};

/// When a list that is full may have room again.
const AFTER_A_WHILE: Duration = Duration::from_secs(60 * 60);

impl From<UseCaseError> for Problem {
    fn from(error: UseCaseError) -> Self {
        match error {
            UseCaseError::Forbidden => Self::new(ProblemKind::Forbidden),
            UseCaseError::HasAccount => {
                Self::new(ProblemKind::Forbidden).detail("The wallet has an account already: sign in with another one.")
            }
            UseCaseError::NotFound(resource) => Self::new(ProblemKind::NotFound).detail(missing(resource)),
            UseCaseError::UnknownReference { pointer } => Self::invalid(pointer, "names nothing that exists"),
            UseCaseError::Invalid { pointer, detail } => Self::invalid(pointer, detail),
            UseCaseError::Unproved { pointer, detail } => Self::invalid(pointer, detail),
            UseCaseError::ByInvitation => Self::new(ProblemKind::RegistrationByInvitation),
            UseCaseError::ByApproval => Self::new(ProblemKind::RegistrationByApproval),
            UseCaseError::RegistrationIsOpen => Self::new(ProblemKind::RegistrationIsOpen),
            UseCaseError::WaitingListFull => Self::new(ProblemKind::WaitingListFull).retry_after(AFTER_A_WHILE),
            UseCaseError::RequestDecided { patient } => {
                let problem = Self::new(ProblemKind::RequestDecided);
                match patient {
                    Some(patient) => problem.resource(path(Resource::Patient, patient.uuid())),
                    None => problem,
                }
            }
            UseCaseError::TooManyBookings { most } => {
                let detail = format!("A patient books at most {most} appointments ahead.");
                Self::new(ProblemKind::TooManyBookings).detail(detail)
            }
            UseCaseError::LastAdministrator => Self::new(ProblemKind::LastAdministrator),
            UseCaseError::Denied => Self::new(ProblemKind::RevocationPending),
            UseCaseError::Stale => Self::new(ProblemKind::PreconditionFailed),
            UseCaseError::Refused(refusal) => refused(refusal, ""),
            UseCaseError::RefusedIn { part, refusal } => refused(refusal, &part),
            UseCaseError::Exists { refusal, resource, id } => refused(refusal, "").resource(path(resource, id)),
            UseCaseError::Conflict { .. } => Self::new(ProblemKind::Conflict),
            UseCaseError::Unavailable(what) => Self::new(match what {
                Unavailable::Chain => ProblemKind::ChainUnavailable,
                Unavailable::Database => ProblemKind::DatabaseUnavailable,
                Unavailable::Overloaded => ProblemKind::Overloaded,
                Unavailable::KeyTaken => ProblemKind::NotAppending,
                Unavailable::NotFinal => ProblemKind::NotFinal,
                Unavailable::Stopping => ProblemKind::Stopping,
            }),
            UseCaseError::Unknown => Self::new(ProblemKind::OutcomeUnknown),
            UseCaseError::Unreadable(error) => Self::new(ProblemKind::DatabaseUnavailable).cause(error),
            UseCaseError::Store(error) => Self::new(ProblemKind::DatabaseUnavailable).cause(error),
            UseCaseError::HeldBack => Self::new(ProblemKind::HeldBack),
            UseCaseError::TooLarge => {
                Self::new(ProblemKind::PayloadTooLarge).detail("It is more than one event of the log can hold.")
            }
            UseCaseError::RefusedByTheLog => Self::new(ProblemKind::RefusedByTheLog),
            UseCaseError::Internal(cause) => Self::new(ProblemKind::Internal).cause(cause),
        }
    }
}

const fn missing(resource: Resource) -> &'static str {
    match resource {
        Resource::Patient => "There is no such patient.",
        Resource::Practitioner => "There is no such practitioner.",
        Resource::Appointment => "There is no such appointment.",
        Resource::Account => "There is no such account.",
        Resource::Key => "There is no such key.",
        Resource::Command => "There is no such command.",
        Resource::Wallet => "There is no wallet to take away.",
        Resource::Request => "There is no such request to be registered, or it has ended.",
    }
}

fn path(resource: Resource, id: Uuid) -> String {
    let collection = match resource {
        Resource::Patient => "patients",
        Resource::Practitioner => "practitioners",
        Resource::Appointment => "appointments",
        Resource::Account => "accounts",
        Resource::Key => "keys",
        Resource::Command => "commands",
        Resource::Wallet => "wallets",
        Resource::Request => "registration-requests",
    };
    format!("/v1/{collection}/{id}")
}

/// A rule of the domain, for what stands in this part of the request.
fn refused(refusal: Refusal, part: &str) -> Problem {
    let kind = match refusal {
        Refusal::Patient(error) => patient(error),
        Refusal::Practitioner(error) => practitioner(error),
        Refusal::Calendar(error) => calendar(error),
        Refusal::Account(error) => account(error),
        Refusal::Wallet(WalletError::Taken) => ProblemKind::AccountExists,
    };
    match (kind, refusal) {
        (ProblemKind::Invalid, Refusal::Patient(error)) => {
            Problem::invalid(format!("{part}{}", member_of_patient(error)), error.to_string())
        }
        (ProblemKind::Invalid, Refusal::Practitioner(error)) => {
            Problem::invalid(member_of_practitioner(error), error.to_string())
        }
        (ProblemKind::Invalid, Refusal::Calendar(error)) if part.is_empty() => {
            Problem::invalid("/sessions", error.to_string())
        }
        (ProblemKind::Invalid, Refusal::Calendar(error)) => Problem::invalid(part, error.to_string()),
        (ProblemKind::Invalid, Refusal::Account(AccountError::NoScope)) => {
            Problem::invalid("/scopes", "must not be empty")
        }
        (ProblemKind::Invalid, Refusal::Account(AccountError::AlreadyExpired)) => {
            Problem::invalid("/expires", "must be in the future")
        }
        (ProblemKind::Invalid, Refusal::Account(error)) => Problem::invalid("/role", error.to_string()),
        // The domain's errors hold dates, versions, states and ids of the caller's own request; nothing of a person.
        (kind, refusal) => Problem::new(kind).detail(sentence(&refusal.to_string())),
    }
}

const fn patient(error: PatientError) -> ProblemKind {
    match error {
        PatientError::NotRegistered => ProblemKind::NotFound,
        PatientError::AlreadyRegistered => ProblemKind::AlreadyRegistered,
        PatientError::VersionMismatch { .. } => ProblemKind::PreconditionFailed,
        PatientError::IdentifierIsFixed => ProblemKind::IdentityIsFixed,
        PatientError::NamesAreTheHospitals
        | PatientError::DatesAreTheHospitals(_)
        | PatientError::ToldInTheFuture(_)
        | PatientError::BornInTheFuture
        | PatientError::DiedInTheFuture
        | PatientError::DiedBeforeBirth => ProblemKind::Invalid,
        PatientError::Sealed => ProblemKind::Sealed,
    }
}

/// Where in a patient's details or intake a rule is broken; nowhere in particular if it is not about one member.
fn member_of_patient(error: PatientError) -> Cow<'static, str> {
    match error {
        PatientError::NamesAreTheHospitals => "/otherIdentifiers".into(),
        PatientError::DatesAreTheHospitals(place) | PatientError::ToldInTheFuture(place) => as_of(place),
        PatientError::BornInTheFuture => "/birthDate".into(),
        PatientError::DiedInTheFuture | PatientError::DiedBeforeBirth => "/deceased".into(),
        PatientError::IdentifierIsFixed => "/identifier".into(),
        PatientError::NotRegistered
        | PatientError::AlreadyRegistered
        | PatientError::VersionMismatch { .. }
        | PatientError::Sealed => "".into(),
    }
}

/// Where it stands as of when something is told.
fn as_of(place: Place) -> Cow<'static, str> {
    match place {
        Place::Details => "/asOf".into(),
        Place::Finding(matter, index) => format!("/{}/{index}/asOf", list(matter)).into(),
        Place::Source(matter, index) => format!("/{}/{index}/source", list(matter)).into(),
        Place::Withdrawn(None) => "/withdrawn".into(),
        Place::Withdrawn(Some(index)) => format!("/withdrawn/{index}").into(),
        Place::Words(None) => "/words".into(),
        Place::Words(Some(index)) => format!("/words/{index}").into(),
    }
}

const fn list(matter: Matter) -> &'static str {
    match matter {
        Matter::Conditions => "conditions",
        Matter::Allergies => "allergies",
        Matter::Medications => "medications",
    }
}

/// Where in a practitioner's details a rule is broken.
const fn member_of_practitioner(error: PractitionerError) -> &'static str {
    match error {
        PractitionerError::NoSpecialization => "/specializations",
        PractitionerError::DatesAreTheHospitals => "/asOf",
        PractitionerError::NotRegistered
        | PractitionerError::AlreadyRegistered
        | PractitionerError::VersionMismatch { .. }
        | PractitionerError::IdentityIsFixed => "",
    }
}

const fn practitioner(error: PractitionerError) -> ProblemKind {
    match error {
        PractitionerError::NotRegistered => ProblemKind::NotFound,
        PractitionerError::AlreadyRegistered => ProblemKind::AlreadyRegistered,
        PractitionerError::NoSpecialization | PractitionerError::DatesAreTheHospitals => ProblemKind::Invalid,
        PractitionerError::VersionMismatch { .. } => ProblemKind::PreconditionFailed,
        PractitionerError::IdentityIsFixed => ProblemKind::IdentityIsFixed,
    }
}

const fn calendar(error: CalendarError) -> ProblemKind {
    match error {
        CalendarError::EmptySession | CalendarError::OutsideTheDay { .. } | CalendarError::SessionsOverlap => {
            ProblemKind::Invalid
        }
        CalendarError::InThePast => ProblemKind::TimePassed,
        CalendarError::NotYetBegun => ProblemKind::NotYetBegun,
        CalendarError::NotOffered => ProblemKind::SlotNotOffered,
        CalendarError::SlotTaken => ProblemKind::SlotTaken,
        CalendarError::UnknownAppointment => ProblemKind::NotFound,
        CalendarError::Moved { .. } => ProblemKind::Conflict,
        CalendarError::AlreadyExists(_) => ProblemKind::AlreadyRegistered,
        CalendarError::WrongStatus { .. } => ProblemKind::WrongStatus,
        CalendarError::Superseded => ProblemKind::Superseded,
        CalendarError::Recorded => ProblemKind::RecordedVisit,
        CalendarError::VersionMismatch { .. } => ProblemKind::PreconditionFailed,
        CalendarError::Sealed => ProblemKind::Sealed,
    }
}

const fn account(error: AccountError) -> ProblemKind {
    match error {
        AccountError::NotOpen | AccountError::UnknownKey => ProblemKind::NotFound,
        AccountError::AlreadyOpen => ProblemKind::AccountExists,
        AccountError::Closed => ProblemKind::AccountClosed,
        AccountError::NotAService => ProblemKind::NotAService,
        AccountError::RoleNotAllowed | AccountError::NoScope | AccountError::AlreadyExpired => ProblemKind::Invalid,
        AccountError::KeyExists => ProblemKind::KeyExists,
        AccountError::WalletBound | AccountError::InvitationUsed => ProblemKind::WalletBound,
        AccountError::NotTheWallet => ProblemKind::NotTheWallet,
        AccountError::NotAPerson => ProblemKind::NotAPerson,
        AccountError::Sealed => ProblemKind::Sealed,
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).chain(['.']).collect()
    })
}

#[cfg(test)]
mod tests {
    use application::error::StoreError;
    use chrono::NaiveDate;
    use domain::calendar::AppointmentStatus;

    use super::*;

    fn kind(error: UseCaseError) -> ProblemKind {
        Problem::from(error).kind()
    }

    #[test]
    fn a_refusal_of_the_calendar_becomes_its_problem() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let status = AppointmentStatus::Cancelled;
        for (error, expected, code) in [
            (CalendarError::SlotTaken, ProblemKind::SlotTaken, 409),
            (CalendarError::NotOffered, ProblemKind::SlotNotOffered, 409),
            (CalendarError::InThePast, ProblemKind::TimePassed, 422),
            (CalendarError::OutsideTheDay { day }, ProblemKind::Invalid, 422),
            (CalendarError::UnknownAppointment, ProblemKind::NotFound, 404),
            (CalendarError::WrongStatus { status }, ProblemKind::WrongStatus, 409),
            (
                CalendarError::VersionMismatch {
                    expected: 1,
                    current: 2,
                },
                ProblemKind::PreconditionFailed,
                412,
            ),
        ] {
            let found = kind(Refusal::from(error).into());
            assert_eq!((found, found.status()), (expected, code), "{error:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_patients_details_says_where_it_stands() {
        for (error, pointer) in [
            (PatientError::BornInTheFuture, "/birthDate"),
            (PatientError::DiedInTheFuture, "/deceased"),
            (PatientError::DiedBeforeBirth, "/deceased"),
            (PatientError::ToldInTheFuture(Place::Details), "/asOf"),
            (PatientError::DatesAreTheHospitals(Place::Details), "/asOf"),
            (
                PatientError::DatesAreTheHospitals(Place::Finding(Matter::Medications, 2)),
                "/medications/2/asOf",
            ),
            (PatientError::DatesAreTheHospitals(Place::Withdrawn(None)), "/withdrawn"),
            (PatientError::ToldInTheFuture(Place::Withdrawn(Some(1))), "/withdrawn/1"),
            (PatientError::NamesAreTheHospitals, "/otherIdentifiers"),
        ] {
            let refusal = Refusal::from(error);
            let registering = UseCaseError::RefusedIn {
                part: "/details".into(),
                refusal,
            };
            for (error, within) in [(UseCaseError::Refused(refusal), ""), (registering, "/details")] {
                let body = Problem::from(error).body();
                assert_eq!((body.status, body.errors.len()), (422, 1));
                assert_eq!(body.errors[0].pointer, format!("{within}{pointer}"));
            }
        }
    }

    #[test]
    fn what_is_registered_with_other_content_says_where_it_is() {
        let body = Problem::from(UseCaseError::Exists {
            refusal: PatientError::AlreadyRegistered.into(),
            resource: Resource::Patient,
            id: Uuid::nil(),
        })
        .body();
        assert_eq!(body.kind, "/problems/already-registered");
        assert_eq!(
            body.resource.as_deref(),
            Some("/v1/patients/00000000-0000-0000-0000-000000000000")
        );
    }

    #[test]
    fn what_is_not_there_just_now_may_be_tried_again() {
        let store = UseCaseError::Store(StoreError("no".into()));
        for error in [
            UseCaseError::Unavailable(Unavailable::Chain),
            UseCaseError::Conflict { attempts: 3 },
            store,
        ] {
            assert!(Problem::from(error).is_transient());
        }
        assert!(!Problem::from(UseCaseError::Refused(CalendarError::SlotTaken.into())).is_transient());
    }

    #[test]
    fn a_reference_to_nothing_says_where_it_stands() {
        let body = Problem::from(UseCaseError::UnknownReference { pointer: "/patient" }).body();
        assert_eq!(body.status, 422);
        assert_eq!(body.errors[0].pointer, "/patient");
    }
}
