//! An appointment as relationships count it.

use chrono::{DateTime, Utc};
use domain::kernel::{PatientId, PractitionerId};

/// What one appointment says about a patient and a practitioner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CountedAppointment {
    pub(crate) patient: PatientId,
    pub(crate) practitioner: PractitionerId,
    pub(crate) start: DateTime<Utc>,
}
