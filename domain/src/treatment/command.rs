//! What can be asked of a treatment.

use super::event::Saying;

/// A command to a treatment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TreatmentCommand {
    /// The patient agrees. Who is treated, and signed in, changes nothing by it; another paper takes the place of the one before.
    Agree(Saying),
    /// The patient ends it, begun or not. What is ended stays so.
    End(Saying),
}
