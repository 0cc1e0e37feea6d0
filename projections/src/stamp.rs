//! Where and when an event was written.

use application::log::Author;
use chrono::{DateTime, Utc};
use domain::kernel::AccountId;

/// Where and when an event was written: the bookkeeping of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    /// Its place in the log.
    pub(crate) position: u64,
    /// Its place in its stream.
    pub(crate) version: u64,
    /// When it was decided.
    pub(crate) at: DateTime<Utc>,
    /// By whose account, as far as it is known.
    pub(crate) by: Option<AccountId>,
    /// Which organisation has written it.
    pub(crate) author: Author,
}
