//! A chart as its events leave it.

use domain::chart::{Chart, ChartEvent, Contents};
use domain::kernel::ChartId;

use super::ChartRow;
use crate::aggregate_row::AggregateRow;
use crate::stamp::Stamp;

impl AggregateRow for ChartRow {
    type Aggregate = Chart;

    /// What is sealed changes nothing: it is not shown.
    fn fold(row: Option<Self>, chart: ChartId, stamp: &Stamp, event: &ChartEvent) -> Option<Self> {
        let is_new = row.is_none();
        let mut row = row.unwrap_or_else(|| Self {
            chart,
            contents: Contents::default(),
            version: stamp.version,
            position: stamp.position,
            updated_at: stamp.at,
        });
        match row.contents.change_by(event.clone()) {
            Some(()) => Some(Self {
                version: stamp.version,
                position: stamp.position,
                updated_at: stamp.at,
                ..row
            }),
            None if is_new => None,
            None => Some(row),
        }
    }
}
