//! Turns a block's entries into rows: load what they touch, fold in memory, write what changed.

use std::collections::BTreeMap;

use application::log::{BlockRef, LogEntry};
use application::ports::projector::Projector;
use domain::access_log::AccessLog;
use domain::account::Account;
use domain::grants::Grants;
use domain::kernel::{AppointmentId, ClinicAggregate, DataSubject};
use sqlx::{Executor, PgConnection};

use crate::access_log::ReadRow;
use crate::accounts::{AccountRow, KeyRow};
use crate::aggregate_row::AggregateRow;
use crate::appointments::{AppointmentRow, Told};
use crate::batch::{Batch, Entry, fold_all, keys_to_load};
use crate::calendars::{CalendarRow, FreeRunRow};
use crate::charts::ChartRow;
use crate::emergencies::EmergencyRow;
use crate::engagements::EngagementRow;
use crate::grants::PreparedRow;
use crate::patients::{NameRow, PatientRow};
use crate::practitioners::PractitionerRow;
use crate::registries::{AttestationRow, ControlRow, DelegateRow, GrantRow, GranteeRow, RegistrarRow};
use crate::relationships::RelationshipRow;
use crate::stamp::Stamp;
use crate::table::{Description, Row as _};
use crate::writes::Writes;
use crate::{
    access_log, accounts, appointments, calendars, erasures, grants, patients, registries, relationships, table,
};

/// The read models, as the follower fills them.
#[derive(Clone, Copy, Default, Debug)]
pub struct ReadModels;

/// The database refused.
#[derive(Debug, thiserror::Error)]
#[error("the read models cannot be written")]
pub struct ProjectionError(#[from] sqlx::Error);

/// Each read model, and its tables.
pub(crate) const READ_MODELS: [(&str, &[Description]); 13] = [
    ("accounts", &[AccountRow::TABLE, KeyRow::TABLE]),
    ("appointments", &[AppointmentRow::TABLE]),
    ("attestations", &[AttestationRow::TABLE, RegistrarRow::TABLE]),
    ("availability", &[CalendarRow::TABLE, FreeRunRow::TABLE]),
    ("charts", &[ChartRow::TABLE]),
    (
        "consents",
        &[
            ControlRow::TABLE,
            GrantRow::TABLE,
            GranteeRow::TABLE,
            DelegateRow::TABLE,
        ],
    ),
    ("emergencies", &[EmergencyRow::TABLE]),
    ("engagements", &[EngagementRow::TABLE]),
    ("grants", &[PreparedRow::TABLE]),
    ("access log", &[ReadRow::TABLE]),
    ("patients", &[PatientRow::TABLE, NameRow::TABLE]),
    ("practitioners", &[PractitionerRow::TABLE]),
    ("relationships", &[RelationshipRow::TABLE]),
];

/// The read models that have a row for each aggregate, by their names, given to a macro.
macro_rules! aggregate_rows {
    ($given_to:ident) => {
        $given_to! {
            charts: $crate::charts::ChartRow,
            emergencies: $crate::emergencies::EmergencyRow,
            engagements: $crate::engagements::EngagementRow,
            patients: $crate::patients::PatientRow,
            practitioners: $crate::practitioners::PractitionerRow,
        }
    };
}
#[cfg(test)]
pub(crate) use aggregate_rows;

fn all_tables() -> impl Iterator<Item = &'static Description> {
    READ_MODELS.iter().flat_map(|(_, tables)| *tables)
}

/// Those that follow from others. They are emptied and lose their keys before they are filled anew.
fn derived_tables() -> impl Iterator<Item = &'static Description> {
    all_tables().filter(|table| table.derived)
}

/// The indexes that only queries need.
const INDEXES: [&str; 10] = [
    include_str!("patients/indexes.sql"),
    include_str!("practitioners/indexes.sql"),
    include_str!("calendars/indexes.sql"),
    include_str!("appointments/indexes.sql"),
    include_str!("relationships/indexes.sql"),
    include_str!("accounts/indexes.sql"),
    include_str!("grants/indexes.sql"),
    include_str!("access_log/indexes.sql"),
    include_str!("emergencies/indexes.sql"),
    include_str!("engagements/indexes.sql"),
];

/// Which rows the folds make of events. Raise it when they make others of the same ones, so that old read models are rebuilt.
pub(crate) const ROWS: &str = "rows 22";

impl Projector for ReadModels {
    type Connection = PgConnection;
    type Error = ProjectionError;

    fn tables(&self) -> Vec<&'static str> {
        all_tables().map(|table| table.name).collect()
    }

    fn definition(&self) -> Vec<String> {
        let derived = derived_tables().flat_map(|table| [table.empty(), table.complete()]);
        let sql = all_tables().map(Description::create).chain(derived);
        sql.chain(INDEXES.map(str::to_owned)).chain([ROWS.to_owned()]).collect()
    }

    async fn create(&self, connection: &mut PgConnection) -> Result<(), ProjectionError> {
        for table in all_tables() {
            connection.execute(table.create().as_str()).await?;
        }
        Ok(())
    }

    async fn complete(&self, connection: &mut PgConnection, erased: &[DataSubject]) -> Result<(), ProjectionError> {
        erasures::erase(connection, erased).await?;
        for table in derived_tables() {
            connection.execute(table.empty().as_str()).await?;
        }
        patients::names::derive(connection).await?;
        calendars::free_runs::derive(connection).await?;
        relationships::derive(connection).await?;
        for table in derived_tables() {
            connection.execute(table.complete().as_str()).await?;
        }
        for sql in INDEXES {
            connection.execute(sql).await?;
        }
        Ok(())
    }

    async fn fill(&self, connection: &mut PgConnection, entries: &[LogEntry]) -> Result<(), ProjectionError> {
        let mut writes = Writes::default();
        fold_rows(connection, &Batch::of(entries), Derived::Later, &mut writes).await?;
        registries::fold(connection, entries, &mut writes).await?;
        Ok(writes.run(connection).await?)
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        _block: &BlockRef,
        entries: &[LogEntry],
    ) -> Result<(), ProjectionError> {
        let mut writes = Writes::default();
        let appointments = fold_rows(connection, &Batch::of(entries), Derived::Now, &mut writes).await?;
        registries::fold(connection, entries, &mut writes).await?;
        writes.run(connection).await?;
        let changed = relationships::changes(&appointments.before, &appointments.after);
        relationships::update(connection, &changed).await?;
        erasures::erase(connection, &erasures::erased_by(entries)).await?;
        Ok(())
    }
}

/// When the tables that follow from others are brought up to date.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Derived {
    /// With the rows that they follow from.
    Now,
    /// All at once, when those are complete.
    Later,
}

/// The appointments that a block's events concern, before and after; `None` for those that are gone.
struct AppointmentChanges {
    before: BTreeMap<AppointmentId, AppointmentRow>,
    after: BTreeMap<AppointmentId, Option<AppointmentRow>>,
}

/// Loads the rows that events concern, and adds to `writes` what they make of them.
async fn fold_entries<R: AggregateRow>(
    connection: &mut PgConnection,
    entries: &[Entry<'_, R::Key, <R::Aggregate as ClinicAggregate>::Event>],
    derived: Derived,
    writes: &mut Writes,
) -> Result<(), sqlx::Error> {
    let before = table::load(connection, &keys_to_load(entries)).await?;
    let after = fold_all(&before, entries, R::fold);
    table::write(writes, after.values());
    if derived == Derived::Now {
        R::derive(writes, &before, &after);
    }
    Ok(())
}

/// Loads the rows that events concern, and adds to `writes` what they make of them, but for relationships.
async fn fold_rows(
    connection: &mut PgConnection,
    batch: &Batch<'_>,
    derived: Derived,
    writes: &mut Writes,
) -> Result<AppointmentChanges, sqlx::Error> {
    macro_rules! fold_each {
        ($( $name:ident: $Row:ty, )+) => {
            $(
                let entries = batch.entries::<<$Row as AggregateRow>::Aggregate>();
                fold_entries::<$Row>(connection, &entries, derived, writes).await?;
            )+
        };
    }
    aggregate_rows!(fold_each);
    fold_entries::<CalendarRow>(connection, &batch.offers(), derived, writes).await?;

    let entries = batch.entries::<Account>();
    let before = accounts::load(connection, &keys_to_load(&entries)).await?;
    let after = fold_all(&before, &entries, accounts::fold);
    accounts::write(writes, &before, &after);

    table::write(writes, grants::fold(&batch.entries::<Grants>()).values());
    table::write(writes, access_log::fold(&batch.entries::<AccessLog>()).values());

    let entries = batch.appointments();
    let before = table::load(connection, &appointments_of(&entries)).await?;
    let after = fold_appointments(&before, &entries);
    let gone = before.iter().filter(|(id, _)| matches!(after.get(*id), Some(None)));
    table::delete(writes, gone.map(|(_, row)| row));
    table::write(writes, after.values().flatten());
    Ok(AppointmentChanges { before, after })
}

/// The appointments that events are about.
fn appointments_of(entries: &[(Stamp, Told<'_>)]) -> Vec<AppointmentId> {
    let mut ids: Vec<AppointmentId> = entries.iter().filter_map(|(_, told)| told.appointment()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Folds events into appointments, in the order of the log; `None` for those that are gone.
pub(crate) fn fold_appointments(
    before: &BTreeMap<AppointmentId, AppointmentRow>,
    entries: &[(Stamp, Told<'_>)],
) -> BTreeMap<AppointmentId, Option<AppointmentRow>> {
    let mut rows: BTreeMap<AppointmentId, Option<AppointmentRow>> = BTreeMap::new();
    for (stamp, told) in entries {
        if let Some(id) = told.appointment() {
            let row = rows.entry(id).or_insert_with(|| before.get(&id).cloned());
            *row = appointments::fold(row.take(), stamp, *told);
        }
    }
    rows
}
