//! What can be asked of an engagement.

use chrono::{DateTime, Utc};

use super::event::{AuditReason, AuditScope};
use crate::kernel::AccountId;

/// A command to an engagement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EngagementCommand {
    /// Engage an auditor. With the same again, at the same time, changes nothing.
    Begin(Beginning),
    /// End it. What has ended stays as it is.
    End {
        /// When.
        now: DateTime<Utc>,
    },
}

/// What it takes to engage an auditor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beginning {
    /// The auditor's account.
    pub auditor: AccountId,
    /// Which accesses they examine.
    pub scope: AuditScope,
    /// Accesses from this instant on.
    pub from: DateTime<Utc>,
    /// Accesses before this instant.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: AuditReason,
    /// What the case is called elsewhere.
    pub reference: Option<String>,
    /// For how many days it is open.
    pub days: u16,
    /// When.
    pub now: DateTime<Utc>,
}
