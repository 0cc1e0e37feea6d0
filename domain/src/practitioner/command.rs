//! What can be asked of a practitioner's entry.

use super::event::PractitionerDetails;
use crate::kernel::Teller;

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
        /// The new details. A person who leaves `as_of` out keeps what is known.
        details: PractitionerDetails,
        /// Who tells them.
        teller: Teller,
    },
}
