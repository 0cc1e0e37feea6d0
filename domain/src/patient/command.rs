//! What can be asked of a patient's record.

use chrono::{DateTime, Utc};

use super::event::{Intake, PatientDetails, Registration};

/// Who tells what is new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Teller {
    /// A hospital, which knows what its system says.
    Hospital,
    /// Anybody else. Under which identifiers other systems know a patient, and as of when they told, is not theirs to say: whoever has
    /// an identifier is taken for whom it names.
    Person,
}

/// A command to a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatientCommand {
    /// Register. Doing so again with the record as it stands changes nothing; with other content it is refused, though it were
    /// what was registered first.
    Register {
        /// Details and intake.
        registration: Registration,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Replace the details.
    UpdateDetails {
        /// The new details. A person who leaves `as_of` out keeps what is known.
        details: PatientDetails,
        /// Who tells them.
        teller: Teller,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Replace the intake.
    UpdateIntake {
        /// The new intake.
        intake: Intake,
    },
}
