//! What can be asked of a chart.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::finding::{AllergyKind, AnyFinding};
use super::list::{Absence, FindingId, ListKind};
use super::report::Report;

/// A command to a chart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChartCommand {
    /// Note a finding. Noting it again under its id changes nothing.
    Note {
        /// Its id.
        id: FindingId,
        /// The finding, of no source.
        finding: AnyFinding,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Change a finding, such as when a condition is over or a medication is stopped. It keeps its sources: what they told before does not
    /// undo it.
    Change {
        /// Which one.
        id: FindingId,
        /// What it is from now on.
        finding: AnyFinding,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Refute a finding: it is none. Older states of its sources do not bring it back.
    Refute {
        /// Which one.
        id: FindingId,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Say why there are no findings in a list.
    StateAbsence {
        /// Of which list.
        list: ListKind,
        /// Why.
        absence: Absence,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Say whether of one kind of allergies none are known.
    StateNoAllergiesTo {
        /// Of which kind.
        kind: AllergyKind,
        /// Whether it is so.
        holds: bool,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Take in what another system reports.
    TakeIn {
        /// What it tells.
        report: Report,
        /// What the ids of new findings are made of.
        batch: Uuid,
        /// The time it is.
        now: DateTime<Utc>,
    },
}
