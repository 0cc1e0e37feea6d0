//! The row of a chart, and what its events make of it.

use chrono::{DateTime, Utc};
use domain::chart::{Chart, ChartEvent, Contents};
use domain::kernel::{ChartId, PatientId};

use crate::aggregate_row::AggregateRow;
use crate::stamp::Stamp;
use crate::table::{field, json, keyed, table};

field! { ChartId: Uuid, |id| id.0.uuid(), |id| Ok(ChartId(PatientId::new(id))); }
json! { Contents; }

/// The contents, without as of when they are told, and without the ids of findings: where a source does not date what it tells, that is the
/// time of recording, and ids are made anew with every command.
const SAID: &str = r#"regexp_replace(regexp_replace(contents::text, '"as_of": ("[^"]*"|null)', '"as_of"', 'g'), '"id": "[^"]*"', '"id"', 'g')"#;

table! {
    /// A patient's chart.
    table ChartRow: "charts" (chart)
    seen {
        /// By its patient.
        chart: ChartId,
        contents: Contents as SAID,
    }
    unseen {
        version: u64,
        position: u64,
        updated_at: DateTime<Utc>,
    }
}
keyed!(ChartRow by chart: ChartId);

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
