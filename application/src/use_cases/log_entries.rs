//! The entries of the log: for auditors and administrators.

use crate::error::UseCaseError;
use crate::log::Position;
use crate::policy::Action;
use crate::policy::identity::Principal;
use crate::ports::entries::{EntryFilter, EntryView, LogEntries};
use crate::ports::queries::Page;
use crate::use_cases::clinic::{Backend, Clinic, permit};

impl<B: Backend> Clinic<B> {
    /// Entries of the log in the order of their positions.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn log_entries(
        &self,
        principal: &Principal,
        log: &dyn LogEntries,
        filter: &EntryFilter,
        page: Page<Position>,
    ) -> Result<Vec<EntryView>, UseCaseError> {
        permit(principal, Action::ReadLog)?;
        Ok(log.entries(filter, page).await?)
    }
}
