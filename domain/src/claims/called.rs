//! Who is called by names that are claimed.

use std::collections::BTreeSet;

use super::event::Name;
use crate::kernel::{ClinicAggregate, DataSubject};

/// An aggregate of somebody whom other systems call by names.
pub trait Called: ClinicAggregate {
    /// Whose it is.
    fn subject(id: Self::Id) -> DataSubject;

    /// By what they are called now. Nothing when that is sealed, or they are not there.
    fn called(&self) -> BTreeSet<Name>;
}
