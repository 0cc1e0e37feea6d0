//! The statuses as the database keeps them.

use domain::calendar::AppointmentStatus;

const NAMES: [(AppointmentStatus, &str); 6] = [
    (AppointmentStatus::Booked, "booked"),
    (AppointmentStatus::Confirmed, "confirmed"),
    (AppointmentStatus::Completed, "completed"),
    (AppointmentStatus::Cancelled, "cancelled"),
    (AppointmentStatus::NoShow, "no-show"),
    (AppointmentStatus::EnteredInError, "entered-in-error"),
];

pub(super) fn name(status: AppointmentStatus) -> &'static str {
    NAMES
        .into_iter()
        .find(|(known, _)| *known == status)
        .map_or("", |(_, name)| name)
}

/// No column's value.
#[derive(Debug, thiserror::Error)]
#[error("no status of an appointment: {0:?}")]
pub(super) struct UnknownStatus(String);

pub(super) fn from_name(name: &str) -> Result<AppointmentStatus, sqlx::Error> {
    NAMES
        .into_iter()
        .find(|(_, known)| *known == name)
        .map(|(status, _)| status)
        .ok_or_else(|| sqlx::Error::Decode(UnknownStatus(name.to_owned()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_back_from_its_name() {
        for (status, _) in NAMES {
            assert_eq!(from_name(name(status)).unwrap(), status);
        }
        assert!(from_name("pending").is_err());
    }
}
