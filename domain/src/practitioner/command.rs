//! What can be asked of a practitioner's entry.

use super::event::PractitionerDetails;

/// A command to a practitioner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PractitionerCommand {
    /// Register. Doing so again with the entry as it stands changes nothing; with other content it is refused, though it were what
    /// was registered first.
    Register {
        /// The details.
        details: PractitionerDetails,
    },
    /// Replace the details.
    UpdateDetails {
        /// The new details.
        details: PractitionerDetails,
    },
}
