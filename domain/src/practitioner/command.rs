//! What can be asked of a practitioner's entry.

use chrono::{DateTime, Utc};

use super::event::{PractitionerDetails, RegisterEntry};
use crate::kernel::Teller;

/// A command to a practitioner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PractitionerCommand {
    /// Register. Doing so again with the entry as it stands changes nothing; with other content it is refused, though it were what
    /// was registered first.
    Register {
        /// The details. Without `as_of` they are as of now.
        details: PractitionerDetails,
        /// When it is told.
        now: DateTime<Utc>,
    },
    /// Replace the details.
    UpdateDetails {
        /// The new details. Without `as_of`, or with that of the entry, they are as of now.
        details: PractitionerDetails,
        /// Who tells them.
        teller: Teller,
        /// When they are told.
        now: DateTime<Utc>,
    },
    /// Tell under which number a public register has them. Telling what is known changes nothing, whatever the salt.
    TellRegisterEntry {
        /// The entry.
        entry: RegisterEntry,
    },
}
