//! Answers queries from the read models.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use application::log::Position;
use application::notifications::{Channel, Occasion, Occurrence};
use application::policy::Object;
use application::policy::access::{Admittance, NotAdmitted, Times, VISITS, records_of};
use application::ports::Clock;
use application::ports::queries::Unadmitted;
use application::ports::queries::{
    AccountView, AppointmentCursor, AppointmentFilter, AppointmentView, AttestationView, AvailabilityView, ChartView,
    ConsentsView, EmergencyStanding, EmergencyView, EngagementView, FreeSlot, GrantCursor, LoggedReadView, Page,
    PatientView, PractitionerView, ProjectionHash, Queries, QueryError, ReadCursor, RelationshipView, SlotCursor,
    SlotFilter,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::access_log::Read;
use domain::account::KeyHash;
use domain::chart::Contents;
use domain::consent::{Grantee, SignerId};
use domain::encounter::{EncounterNames, NamedEncounter};
use domain::engagement::AuditScope;
use domain::kernel::{
    AccountId, AppointmentId, Category, EmergencyId, EngagementId, Identifier, PatientId, PractitionerId, Wallet,
};
use domain::registries::consents::Consents;
use sqlx::PgPool;
use uuid::Uuid;

use crate::untold::untold;
use crate::{
    access_log, accounts, appointments, calendars, charts, emergencies, engagements, grants, hash, patients,
    practitioners, registries, relationships,
};

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

/// How long an answer is waited for, the wait for a connection included: a line that swallows packets never gives one.
const ANSWER: Duration = Duration::from_secs(12);

/// How long the content hashes are waited for, which read every row.
const CONTENT_HASHES: Duration = Duration::from_secs(20 * 60);

/// The answer, if it comes in time.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, QueryError> {
    let answer = tokio::time::timeout(limit, answer).await;
    let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time").into());
    answer.unwrap_or_else(late).map_err(|cause| QueryError(cause.into()))
}

async fn answer<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, QueryError> {
    within(ANSWER, answer).await
}

impl Queries for PgQueries {
    async fn patient(&self, admittance: &Admittance, id: PatientId) -> Result<Option<PatientView>, QueryError> {
        admittance.check_patient(id, &[Category::Identity])?;
        answer(patients::one(&self.pool, id)).await
    }

    async fn chart(&self, admittance: &Admittance, patient: PatientId) -> Result<Option<ChartView>, QueryError> {
        let sees = |category: &Category| admittance.check_patient(patient, &[*category]).is_ok();
        if !Contents::CATEGORIES.iter().any(sees) {
            return Err(NotAdmitted.into());
        }
        let found = answer(charts::one(&self.pool, patient)).await?;
        Ok(found.map(|chart| chart.seen_by(admittance)))
    }

    async fn patients(
        &self,
        admittance: &Admittance,
        name: Option<&str>,
        page: Page<PatientId>,
    ) -> Result<Vec<PatientView>, QueryError> {
        admittance.check(Object::Everybody, &[Category::Identity])?;
        answer(patients::list(&self.pool, name, page)).await
    }

    async fn patients_known_as(
        &self,
        admittance: &Admittance,
        identifiers: &[Identifier],
    ) -> Result<Vec<PatientView>, QueryError> {
        admittance.check(Object::Everybody, &[Category::Identity])?;
        answer(patients::known_as(&self.pool, identifiers)).await
    }

    async fn practitioner(&self, id: PractitionerId) -> Result<Option<PractitionerView>, QueryError> {
        answer(practitioners::one(&self.pool, id)).await
    }

    async fn attestation(&self, id: PractitionerId) -> Result<AttestationView, QueryError> {
        answer(registries::attestation(&self.pool, id)).await
    }

    async fn consents(&self, patient: SignerId) -> Result<Consents, QueryError> {
        answer(registries::consents(&self.pool, patient)).await
    }

    async fn emergencies(
        &self,
        admittance: &Admittance,
        whose: Object,
        page: Page<Position>,
    ) -> Result<Vec<EmergencyView>, QueryError> {
        admittance.check(whose, &[Category::Access])?;
        answer(emergencies::list(&self.pool, whose, page)).await
    }

    async fn emergency(
        &self,
        admittance: &Admittance,
        whose: Object,
        id: EmergencyId,
    ) -> Result<Option<EmergencyView>, QueryError> {
        admittance.check(whose, &[Category::Access])?;
        answer(emergencies::one(&self.pool, whose, id)).await
    }

    async fn emergencies_overseen(
        &self,
        standing: Option<EmergencyStanding>,
        page: Page<Position>,
    ) -> Result<Vec<EmergencyView>, QueryError> {
        answer(emergencies::overseen(&self.pool, standing, page)).await
    }

    async fn emergencies_open_to(
        &self,
        patient: PatientId,
        practitioner: PractitionerId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Uuid>, QueryError> {
        answer(emergencies::open_to(&self.pool, patient, practitioner, now)).await
    }

    async fn overdue_emergencies(&self, now: DateTime<Utc>, most: u32) -> Result<Vec<EmergencyId>, QueryError> {
        answer(emergencies::overdue(&self.pool, now, most)).await
    }

    async fn engagements(
        &self,
        auditor: Option<AccountId>,
        page: Page<Position>,
    ) -> Result<Vec<EngagementView>, QueryError> {
        answer(engagements::list(&self.pool, auditor, page)).await
    }

    async fn engagement(&self, id: EngagementId) -> Result<Option<EngagementView>, QueryError> {
        answer(engagements::one(&self.pool, id)).await
    }

    async fn engagements_about(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<Position>,
    ) -> Result<Vec<EngagementView>, QueryError> {
        admittance.check_patient(patient, &[Category::Access])?;
        answer(engagements::about(&self.pool, patient, page)).await
    }

    async fn examined(
        &self,
        admittance: &Admittance,
        scope: &AuditScope,
        time: (DateTime<Utc>, DateTime<Utc>),
        page: Page<ReadCursor>,
    ) -> Result<Vec<LoggedReadView>, QueryError> {
        admittance.check(records_of(scope), &[Category::Access])?;
        answer(access_log::examined(&self.pool, scope, time, admittance.basis(), page)).await
    }

    async fn untold(
        &self,
        occasion: Occasion,
        channels: &[Channel],
        after: DateTime<Utc>,
        most: u32,
    ) -> Result<Vec<(Occurrence, Channel)>, QueryError> {
        answer(untold(&self.pool, occasion, channels, after, most)).await
    }

    async fn email_of(&self, patient: PatientId) -> Result<Option<String>, QueryError> {
        let found = answer(patients::one(&self.pool, patient)).await?;
        Ok(found.and_then(|view| view.details.email))
    }

    async fn access_log(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<ReadCursor>,
    ) -> Result<Vec<LoggedReadView>, QueryError> {
        admittance.check_patient(patient, &[Category::Access])?;
        answer(access_log::of_patient(&self.pool, patient, page)).await
    }

    async fn reads_at(&self, patient: PatientId, times: &[DateTime<Utc>]) -> Result<Vec<(Read, Position)>, QueryError> {
        answer(access_log::at(&self.pool, patient, times)).await
    }

    async fn consents_to(&self, patient: PatientId, grantees: &[Grantee]) -> Result<ConsentsView, QueryError> {
        answer(grants::to(&self.pool, patient, grantees)).await
    }

    async fn grant(&self, admittance: &Admittance, patient: PatientId, id: Uuid) -> Result<ConsentsView, QueryError> {
        admittance.check_patient(patient, &[Category::Access])?;
        answer(grants::one(&self.pool, patient, id)).await
    }

    async fn grants(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<GrantCursor>,
    ) -> Result<ConsentsView, QueryError> {
        admittance.check_patient(patient, &[Category::Access])?;
        answer(grants::of_patient(&self.pool, patient, page)).await
    }

    async fn practitioners(
        &self,
        specialization: Option<&str>,
        page: Page<PractitionerId>,
    ) -> Result<Vec<PractitionerView>, QueryError> {
        answer(practitioners::list(&self.pool, specialization, page)).await
    }

    async fn practitioners_known_as(&self, identifiers: &[Identifier]) -> Result<Vec<PractitionerView>, QueryError> {
        answer(practitioners::known_as(&self.pool, identifiers)).await
    }

    async fn availability(&self, practitioner: PractitionerId, day: NaiveDate) -> Result<AvailabilityView, QueryError> {
        answer(calendars::availability(&self.pool, practitioner, day, self.clock.now())).await
    }

    async fn free_slots(&self, filter: &SlotFilter, page: Page<SlotCursor>) -> Result<Vec<FreeSlot>, QueryError> {
        answer(calendars::free_slots(&self.pool, filter, page, self.clock.now())).await
    }

    async fn appointment(&self, id: AppointmentId) -> Result<Option<Unadmitted>, QueryError> {
        let found = answer(appointments::one(&self.pool, id)).await?;
        Ok(found.map(Unadmitted::new))
    }

    async fn appointments(
        &self,
        admittance: &Admittance,
        filter: &AppointmentFilter,
        page: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, QueryError> {
        admittance.check(filter.whose(), &[Category::Appointments])?;
        let seen = (Times::All, admittance.times(Category::Care));
        let found = answer(appointments::list(&self.pool, filter, &seen, page)).await?;
        Ok(found.into_iter().filter_map(|view| view.seen_by(admittance)).collect())
    }

    async fn appointments_of(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        page: Page<AppointmentCursor>,
    ) -> Result<Vec<AppointmentView>, QueryError> {
        let seen = (
            admittance.check_times(patient, Category::Appointments)?,
            admittance.times(Category::Care),
        );
        let filter = AppointmentFilter {
            patient: Some(patient),
            ..AppointmentFilter::default()
        };
        let found = answer(appointments::list(&self.pool, &filter, &seen, page)).await?;
        Ok(found.into_iter().filter_map(|view| view.seen_by(admittance)).collect())
    }

    async fn encounters_named(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        names: &EncounterNames,
    ) -> Result<Vec<NamedEncounter>, QueryError> {
        admittance.check_patient(patient, &[Category::Care])?;
        answer(appointments::encounters_named(&self.pool, patient, names)).await
    }

    async fn open_appointments(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        from: DateTime<Utc>,
    ) -> Result<u64, QueryError> {
        admittance.check_patient(patient, &[Category::Appointments])?;
        answer(appointments::open(&self.pool, patient, from)).await
    }

    async fn relationships_of_patient(
        &self,
        admittance: &Admittance,
        patient: PatientId,
    ) -> Result<Vec<RelationshipView>, QueryError> {
        admittance.check_patient(patient, VISITS)?;
        answer(relationships::of_patient(&self.pool, patient)).await
    }

    async fn relationships_of_practitioner(
        &self,
        admittance: &Admittance,
        practitioner: PractitionerId,
        page: Page<PatientId>,
    ) -> Result<Vec<RelationshipView>, QueryError> {
        admittance.check(Object::Practitioner(practitioner), VISITS)?;
        answer(relationships::of_practitioner(&self.pool, practitioner, page)).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<AccountView>, QueryError> {
        answer(accounts::one(&self.pool, id)).await
    }

    async fn account_of_wallet(&self, wallet: &Wallet) -> Result<Option<AccountView>, QueryError> {
        answer(accounts::of_wallet(&self.pool, wallet)).await
    }

    async fn account_of_key(&self, hash: &KeyHash) -> Result<Option<AccountView>, QueryError> {
        answer(accounts::of_key(&self.pool, hash)).await
    }

    async fn accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountView>, QueryError> {
        answer(accounts::list(&self.pool, page)).await
    }

    async fn content_hashes(&self) -> Result<Vec<ProjectionHash>, QueryError> {
        within(CONTENT_HASHES, hash::content_hashes(&self.pool)).await
    }
}
