//! The baseline: the same aggregates and the same commands on plain `postgres-es` with one view, without HTTP, sealing or
//! chain.
//!
//! It is favoured, not handicapped: no HTTP, no authorization, and personal values are left out of what it writes (they never
//! serialise with their event), so that it writes less than it would have to.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use cqrs_es::persist::{GenericQuery, PersistedEventStore};
use cqrs_es::{Aggregate, CqrsFramework, EventEnvelope, View};
use domain::calendar::Calendar;
use domain::kernel::{AggregateRef, Versioned};
use domain::patient::Patient;
use postgres_es::{PostgresEventRepository, PostgresViewRepository, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx::{Executor, PgPool};

/// The tables as `postgres-es` documents them.
const TABLES: &str = "
CREATE TABLE events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE TABLE patient_view (view_id text PRIMARY KEY, version bigint NOT NULL CHECK (version >= 0), payload json NOT NULL);
CREATE TABLE calendar_view (view_id text PRIMARY KEY, version bigint NOT NULL CHECK (version >= 0), payload json NOT NULL);
";

/// A view that holds the folded aggregate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(bound = "A: Serialize + serde::de::DeserializeOwned")]
struct Folded<A> {
    aggregate: A,
    version: usize,
}

impl<A: Aggregate + Debug> View<A> for Folded<A> {
    fn update(&mut self, event: &EventEnvelope<A>) {
        self.aggregate.apply(event.payload.clone());
        self.version = event.sequence;
    }
}

type Framework<A> = CqrsFramework<A, PersistedEventStore<PostgresEventRepository, A>>;

/// Plain `postgres-es`, with a view for each aggregate.
pub(super) struct Baseline {
    patients: Framework<Versioned<Patient>>,
    calendars: Framework<Versioned<Calendar>>,
}

impl Baseline {
    /// Creates the tables in an empty database.
    pub(super) async fn create(pool: &PgPool) -> Result<Self, sqlx::Error> {
        pool.execute(TABLES).await?;
        Ok(Self {
            patients: framework(pool, "patient_view"),
            calendars: framework(pool, "calendar_view"),
        })
    }

    /// Executes a patient's command.
    pub(super) async fn patient(
        &self,
        id: impl Into<AggregateRef>,
        command: domain::patient::PatientCommand,
    ) -> anyhow::Result<()> {
        Ok(self
            .patients
            .execute_with_metadata(&id.into().to_string(), command, metadata())
            .await?)
    }

    /// Executes a calendar's command.
    pub(super) async fn calendar(
        &self,
        id: impl Into<AggregateRef>,
        command: domain::calendar::CalendarCommand,
    ) -> anyhow::Result<()> {
        Ok(self
            .calendars
            .execute_with_metadata(&id.into().to_string(), command, metadata())
            .await?)
    }
}

fn framework<A>(pool: &PgPool, view: &str) -> Framework<A>
where
    A: Aggregate<Services = ()> + Debug + 'static,
{
    let views = Arc::new(PostgresViewRepository::<Folded<A>, A>::new(view, pool.clone()));
    postgres_cqrs(pool.clone(), vec![Box::new(GenericQuery::new(views))], ())
}

/// The metadata that an event needs anyway.
fn metadata() -> HashMap<String, String> {
    let command = uuid::Uuid::new_v4().to_string();
    let at = chrono::Utc::now().timestamp_millis().to_string();
    HashMap::from([("command_id".to_owned(), command), ("at".to_owned(), at)])
}
