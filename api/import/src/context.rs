//! What no file says.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// What no file says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// The time zone of the practitioners, and of times that name none.
    pub(crate) time_zone: Tz,
    /// Now: what begins later is not history.
    pub(crate) now: DateTime<Utc>,
}
