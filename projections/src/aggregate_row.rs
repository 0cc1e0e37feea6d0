//! Rows of aggregates: one for each, made of its events alone.

use domain::kernel::ClinicAggregate;

use crate::stamp::Stamp;
use crate::table::Keyed;

/// A row of an aggregate.
pub(crate) trait AggregateRow: Keyed + Clone {
    /// Whose row it is.
    type Aggregate: ClinicAggregate<Id = Self::Key>;

    /// The row after an event; `None` while there is none.
    fn fold(
        row: Option<Self>,
        id: Self::Key,
        stamp: &Stamp,
        event: &<Self::Aggregate as ClinicAggregate>::Event,
    ) -> Option<Self>;
}
