//! The one place that maps what use cases fail with to problems.

use std::time::Duration;

use api_wire::problem::ProblemKind;
use application::error::{Refusal, Resource, UseCaseError};
use application::ports::command::Unavailable;
use application::ports::registries::RegistryRefusal;
use domain::kernel::RefusalKind;

use super::location::Located as _;
use super::problem::Problem;

/// When a list that is full may have room again.
const AFTER_A_WHILE: Duration = Duration::from_secs(60 * 60);

impl From<UseCaseError> for Problem {
    fn from(error: UseCaseError) -> Self {
        match error {
            UseCaseError::Forbidden => Self::new(ProblemKind::Forbidden),
            UseCaseError::NotAttested => Self::new(ProblemKind::NotAttested),
            UseCaseError::Suspended => Self::new(ProblemKind::Suspended),
            UseCaseError::NoPerson => Self::new(ProblemKind::NoPerson),
            UseCaseError::ErasedByOperator => Self::new(ProblemKind::ErasureByOperator),
            UseCaseError::EngagementOver => Self::new(ProblemKind::EngagementOver),
            UseCaseError::NotTreated => Self::new(ProblemKind::NotTreated),
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
            UseCaseError::TooManyAccessRequests => Self::new(ProblemKind::TooManyAccessRequests),
            UseCaseError::WaitingListFull => Self::new(ProblemKind::WaitingListFull).retry_after(AFTER_A_WHILE),
            UseCaseError::RequestDecided { patient } => {
                let problem = Self::new(ProblemKind::RequestDecided);
                match patient {
                    Some(patient) => problem.resource(patient.path()),
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
            UseCaseError::Refused(refusal) => refused(&refusal),
            UseCaseError::Exists { refusal, existing } => refused(&refusal).resource(existing.path()),
            UseCaseError::Conflict { .. } => Self::new(ProblemKind::Conflict),
            UseCaseError::Unavailable(what) => Self::new(match what {
                Unavailable::Chain => ProblemKind::ChainUnavailable,
                Unavailable::Database => ProblemKind::DatabaseUnavailable,
                Unavailable::Overloaded => ProblemKind::Overloaded,
                Unavailable::NotAppending => ProblemKind::NotAppending,
                Unavailable::NotFinal => ProblemKind::NotFinal,
                Unavailable::Stopping => ProblemKind::Stopping,
            }),
            UseCaseError::Unknown => Self::new(ProblemKind::OutcomeUnknown),
            UseCaseError::Unreadable(error) => Self::new(ProblemKind::DatabaseUnavailable).cause(error),
            UseCaseError::Store(error) => Self::new(ProblemKind::DatabaseUnavailable).cause(error),
            UseCaseError::HeldBack => Self::new(ProblemKind::HeldBack),
            UseCaseError::Erased => Self::new(ProblemKind::Erased),
            UseCaseError::TooLarge => {
                Self::new(ProblemKind::PayloadTooLarge).detail("It is more than one event of the log can hold.")
            }
            UseCaseError::CalendarElsewhere { namespace } => Self::new(ProblemKind::CalendarElsewhere).detail(format!(
                "The calendar stands in the namespace {namespace}, which `chain.shared` does not name here."
            )),
            UseCaseError::RefusedByTheLog => Self::new(ProblemKind::RefusedByTheLog),
            UseCaseError::RefusedByTheRegistry(RegistryRefusal::SignatureInvalid) => {
                Self::invalid("/signature", "is not the signer's over this message")
            }
            UseCaseError::RefusedByTheRegistry(refusal) => {
                Self::new(ProblemKind::RefusedByTheRegistry).detail(sentence(&refusal.to_string()))
            }
            UseCaseError::NoRegistry => Self::new(ProblemKind::NoRegistry),
            UseCaseError::Internal(cause) => Self::new(ProblemKind::Internal).cause(cause),
        }
    }
}

fn missing(resource: Resource) -> String {
    format!("There is no such {resource}.")
}

/// A rule of the domain.
fn refused(refusal: &Refusal) -> Problem {
    let kind = match refusal.kind {
        RefusalKind::Missing(resource) => return Problem::new(ProblemKind::NotFound).detail(missing(resource)),
        RefusalKind::Invalid => return Problem::invalid(refusal.field.clone(), refusal.message.clone()),
        RefusalKind::Exists => ProblemKind::AlreadyRegistered,
        RefusalKind::IdentityFixed => ProblemKind::IdentityIsFixed,
        RefusalKind::Status => ProblemKind::WrongStatus,
        RefusalKind::Full => ProblemKind::ListFull,
        RefusalKind::NotEmpty => ProblemKind::ListNotEmpty,
        RefusalKind::Ambiguous => ProblemKind::Ambiguous,
        RefusalKind::Superseded => ProblemKind::Superseded,
        RefusalKind::Recorded => ProblemKind::RecordedVisit,
        RefusalKind::Moved => ProblemKind::Conflict,
        RefusalKind::TimePassed => ProblemKind::TimePassed,
        RefusalKind::NotYetBegun => ProblemKind::NotYetBegun,
        RefusalKind::SlotNotOffered => ProblemKind::SlotNotOffered,
        RefusalKind::SlotTaken => ProblemKind::SlotTaken,
        RefusalKind::AccountExists => ProblemKind::AccountExists,
        RefusalKind::AccountClosed => ProblemKind::AccountClosed,
        RefusalKind::NotAService => ProblemKind::NotAService,
        RefusalKind::NotAPerson => ProblemKind::NotAPerson,
        RefusalKind::KeyExists => ProblemKind::KeyExists,
        RefusalKind::WalletBound => ProblemKind::WalletBound,
        RefusalKind::NotTheWallet => ProblemKind::NotTheWallet,
        RefusalKind::Sealed => ProblemKind::Sealed,
    };
    // The domain's errors hold dates, versions, states and ids of the caller's own request; nothing of a person.
    Problem::new(kind).detail(sentence(&refusal.message))
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
    use application::ports::StoreError;
    use chrono::NaiveDate;
    use domain::calendar::{AppointmentStatus, CalendarError};
    use domain::chart::{ChartError, FindingPlace, ListKind};
    use domain::kernel::PatientId;
    use domain::patient::PatientError;
    use domain::practitioner::PractitionerError;

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
            (
                CalendarError::OutsideTheDay {
                    place: 0,
                    day,
                    time_zone: chrono_tz::Tz::UTC,
                },
                ProblemKind::Invalid,
                422,
            ),
            (CalendarError::UnknownAppointment, ProblemKind::NotFound, 404),
            (CalendarError::WrongStatus { status }, ProblemKind::WrongStatus, 409),
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
            (PatientError::ToldInTheFuture, "/asOf"),
            (PatientError::DatesAreTheHospitals, "/asOf"),
            (PatientError::DetailDatesAreTheHospitals, "/detailDates"),
            (PatientError::DetailToldInTheFuture, "/detailDates"),
            (PatientError::NamesAreTheHospitals, "/otherIdentifiers"),
        ] {
            let of_details = Refusal::from(error);
            let mut of_registration = of_details.clone();
            of_registration.field = format!("/details{}", of_details.field).into();
            for (refusal, within) in [(of_details, ""), (of_registration, "/details")] {
                let error = UseCaseError::Refused(refusal);
                let body = Problem::from(error).body();
                assert_eq!((body.status, body.errors.len()), (422, 1));
                assert_eq!(body.errors[0].pointer, format!("{within}{pointer}"));
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_practitioners_details_says_where_it_stands() {
        for (error, pointer) in [
            (PractitionerError::NoSpecialization, "/specializations"),
            (PractitionerError::NamesAreTheHospitals, "/otherIdentifiers"),
            (PractitionerError::DatesAreTheHospitals, "/asOf"),
        ] {
            let body = Problem::from(UseCaseError::Refused(error.into())).body();
            assert_eq!((body.status, body.errors[0].pointer.as_str()), (422, pointer));
        }
    }

    #[test]
    fn a_refusal_of_a_chart_says_where_it_stands() {
        for (place, pointer) in [
            (FindingPlace::Finding(ListKind::Medications, 2), "/medications/2/asOf"),
            (FindingPlace::Ended(1), "/withdrawn/1/asOf"),
            (FindingPlace::Negation(0), "/negations/0/asOf"),
        ] {
            let refusal = Refusal::from(ChartError::ToldInTheFuture(place));
            let body = Problem::from(UseCaseError::Refused(refusal)).body();
            assert_eq!((body.status, body.errors[0].pointer.as_str()), (422, pointer));
        }
        let (condition, medication) = (
            FindingPlace::Noted(ListKind::Conditions),
            FindingPlace::Finding(ListKind::Medications, 2),
        );
        let reported = FindingPlace::Finding(ListKind::Conditions, 0);
        for (error, pointer) in [
            (ChartError::BeginsInTheFuture(condition), "/condition/onset"),
            (
                ChartError::BeginsInTheFuture(medication),
                "/medications/2/finding/since",
            ),
            (ChartError::EndsInTheFuture(condition), "/condition/abated"),
            (ChartError::EndsBeforeItBegins(reported), "/conditions/0/finding/abated"),
            (ChartError::EndsBeforeItBegins(condition), "/condition/abated"),
        ] {
            let body = Problem::from(UseCaseError::Refused(Refusal::from(error))).body();
            assert_eq!((body.status, body.errors[0].pointer.as_str()), (422, pointer));
        }
        for (error, expected) in [
            (ChartError::Unknown, ProblemKind::NotFound),
            (ChartError::Full(ListKind::Allergies), ProblemKind::ListFull),
            (ChartError::NotAbsent(ListKind::Allergies), ProblemKind::ListNotEmpty),
        ] {
            assert_eq!(kind(Refusal::from(error).into()), expected, "{error:?}");
        }
    }

    #[test]
    fn what_is_registered_with_other_content_says_where_it_is() {
        let body = Problem::from(UseCaseError::Exists {
            refusal: PatientError::AlreadyRegistered.into(),
            existing: PatientId::new(uuid::Uuid::nil()).into(),
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
