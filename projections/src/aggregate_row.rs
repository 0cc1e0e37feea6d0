//! Rows of aggregates: one for each, made of its events alone.

use std::collections::BTreeMap;

use domain::kernel::ClinicAggregate;

use crate::stamp::Stamp;
use crate::table::Keyed;
use crate::writes::Writes;

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

    /// Brings up to date what follows from the rows: tables that are `derived`. `before` are those that were there.
    fn derive(_writes: &mut Writes, _before: &BTreeMap<Self::Key, Self>, _after: &BTreeMap<Self::Key, Self>) {}
}
