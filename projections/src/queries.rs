//! Answers queries from the read models.

use std::fmt;
use std::sync::Arc;

use application::ports::Clock;
use application::queries::{
    AccountView, AppointmentCursor, AppointmentFilter, AppointmentView, AvailabilityView, FreeSlot, Page, PatientView,
    PractitionerView, ProjectionHash, Queries, QueryError, RelationshipView, SlotCursor, SlotFilter,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::account::KeyHash;
use domain::kernel::{AccountId, AppointmentId, Identifier, PatientId, PractitionerId, Wallet};
use sqlx::PgPool;

use crate::{accounts, appointments, calendars, hash, patients, practitioners, relationships};

/// Queries over a pool whose connections find the read models in their search path.
#[derive(Clone)]
pub struct PgQueries {
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

impl PgQueries {
    /// Over this pool. The clock tells which slots are past and not offered any more.
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }
}

impl fmt::Debug for PgQueries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgQueries").finish_non_exhaustive()
    }
}

fn failed(cause: sqlx::Error) -> QueryError {
    QueryError(cause.into())
}

impl Queries for PgQueries {
    async fn patient(&self, id: PatientId) -> Result<Option<PatientView>, QueryError> {
        patients::one(&self.pool, id).await.map_err(failed)
    }

    async fn patients(&self, name: Option<&str>, page: Page<PatientId>) -> Result<Vec<PatientView>, QueryError> {
        patients::list(&self.pool, name, page).await.map_err(failed)
    }

    async fn patients_known_as(
        &self,
        ids: &[PatientId],
        identifiers: &[Identifier],
    ) -> Result<Vec<PatientView>, QueryError> {
        patients::known_as(&self.pool, ids, identifiers).await.map_err(failed)
    }

    async fn practitioner(&self, id: PractitionerId) -> Result<Option<PractitionerView>, QueryError> {
        practitioners::one(&self.pool, id).await.map_err(failed)
    }

    async fn practitioners(
        &self,
        specialization: Option<&str>,
        page: Page<PractitionerId>,
    ) -> Result<Vec<PractitionerView>, QueryError> {
        practitioners::list(&self.pool, specialization, page)
            .await
            .map_err(failed)
    }

    async fn availability(&self, practitioner: PractitionerId, day: NaiveDate) -> Result<AvailabilityView, QueryError> {
        calendars::availability(&self.pool, practitioner, day, self.clock.now())
            .await
            .map_err(failed)
    }

    async fn free_slots(&self, filter: &SlotFilter, page: Page<SlotCursor>) -> Result<Vec<FreeSlot>, QueryError> {
        calendars::free_slots(&self.pool, filter, page, self.clock.now())
            .await
            .map_err(failed)
    }

    async fn appointment(&self, id: AppointmentId) -> Result<Option<AppointmentView>, QueryError> {
        appointments::one(&self.pool, id).await.map_err(failed)
    }

    async fn appointments(
        &self,
        filter: &AppointmentFilter,
        page: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, QueryError> {
        appointments::list(&self.pool, filter, page).await.map_err(failed)
    }

    async fn open_appointments(&self, patient: PatientId, from: DateTime<Utc>) -> Result<u64, QueryError> {
        appointments::open(&self.pool, patient, from).await.map_err(failed)
    }

    async fn relationships_of_patient(&self, patient: PatientId) -> Result<Vec<RelationshipView>, QueryError> {
        relationships::of_patient(&self.pool, patient).await.map_err(failed)
    }

    async fn relationships_of_practitioner(
        &self,
        practitioner: PractitionerId,
        page: Page<PatientId>,
    ) -> Result<Vec<RelationshipView>, QueryError> {
        relationships::of_practitioner(&self.pool, practitioner, page)
            .await
            .map_err(failed)
    }

    async fn account(&self, id: AccountId) -> Result<Option<AccountView>, QueryError> {
        accounts::one(&self.pool, id).await.map_err(failed)
    }

    async fn account_of_wallet(&self, wallet: &Wallet) -> Result<Option<AccountView>, QueryError> {
        accounts::of_wallet(&self.pool, wallet).await.map_err(failed)
    }

    async fn account_of_key(&self, hash: &KeyHash) -> Result<Option<AccountView>, QueryError> {
        accounts::of_key(&self.pool, hash).await.map_err(failed)
    }

    async fn accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountView>, QueryError> {
        accounts::list(&self.pool, page).await.map_err(failed)
    }

    async fn content_hashes(&self) -> Result<Vec<ProjectionHash>, QueryError> {
        hash::content_hashes(&self.pool).await.map_err(failed)
    }
}
