//! The rows of charts.

use chrono::{DateTime, Utc};
use domain::chart::Contents;
use domain::kernel::{ChartId, PatientId};

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
