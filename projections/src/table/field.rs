//! What types are in Postgres.

use std::collections::BTreeMap;

use application::ports::queries::WalletAct;
use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{KeyHash, Role, Scope};
use domain::calendar::{AppointmentStatus, Session};
use domain::consent::{GrantId, GranteeTag, SignerId};
use domain::kernel::{AccountId, AppointmentId, Concept, EngagementId, PatientId, PractitionerId, Slot, Wallet};
use domain::patient::PatientDetails;
use domain::practitioner::{PractitionerDetails, RegisterEntry};
use domain::registries::practitioners::Standing;
use sqlx::postgres::PgRow;
use sqlx::{Row as _, ValueRef as _};
use uuid::Uuid;

use super::sql::{Column, SqlType};
use crate::column;
use crate::writes::Arguments;

/// The type of a column's values. What Postgres cannot hold is made to fit when it is written (`column.rs`).
pub(crate) trait Field: Sized {
    /// What it is called in Postgres.
    const SQL: SqlType;
    /// Whether it may be missing.
    const NULLABLE: bool = false;

    /// Binds an array of values, of which some may be missing.
    fn bind<'v>(values: impl Iterator<Item = Option<&'v Self>>, arguments: &mut Arguments)
    where
        Self: 'v;

    /// Reads the value of a column.
    fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error>;
}

/// A column of this type. `seen` is the SQL of what readers see of it.
pub(crate) const fn column<F: Field>(name: &'static str, seen: Option<&'static str>) -> Column {
    Column {
        name,
        sql: F::SQL,
        nullable: F::NULLABLE,
        seen,
    }
}

impl<F: Field> Field for Option<F> {
    const SQL: SqlType = F::SQL;
    const NULLABLE: bool = true;

    fn bind<'v>(values: impl Iterator<Item = Option<&'v Self>>, arguments: &mut Arguments)
    where
        Self: 'v,
    {
        F::bind(values.map(|value| value.and_then(Option::as_ref)), arguments);
    }

    fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error> {
        match row.try_get_raw(column)?.is_null() {
            true => Ok(None),
            false => F::read(row, column).map(Some),
        }
    }
}

/// Says what a type is in Postgres, what is written of it, and how that is read.
macro_rules! field {
    ($($type:ty: $sql:ident, $write:expr, $read:expr;)+) => { $(
        impl $crate::table::Field for $type {
            const SQL: $crate::table::SqlType = $crate::table::SqlType::$sql;

            fn bind<'v>(values: impl Iterator<Item = Option<&'v Self>>, arguments: &mut $crate::writes::Arguments)
            where
                Self: 'v,
            {
                let write: fn(&$type) -> _ = $write;
                arguments.push(values.map(|value| value.map(write)).collect::<Vec<_>>());
            }

            fn read(row: &sqlx::postgres::PgRow, column: &str) -> Result<Self, sqlx::Error> {
                let read: fn(_) -> Result<$type, sqlx::Error> = $read;
                read(sqlx::Row::try_get(row, column)?)
            }
        }
    )+ };
}

field! {
    bool: Bool, |flag| *flag, Ok;
    u64: Int8, |number| column::int8(*number), |number| Ok(column::counter(number));
    u32: Int8, |number| i64::from(*number), |number: i64| Ok(u32::try_from(number).unwrap_or(u32::MAX));
    String: Text, |text| column::text(text), Ok;
    Vec<String>: Texts, column::json, Ok;
    NaiveDate: Date, |day| column::date(*day), Ok;
    DateTime<Utc>: Instant, |at| column::instant(*at), Ok;
    Wallet: Bytes, |wallet| wallet.0.to_vec(), |bytes| exactly(bytes).map(Wallet);
    KeyHash: Bytes, |hash| hash.0.to_vec(), |bytes| exactly(bytes).map(KeyHash);
    SignerId: Bytes, |id| id.0.to_vec(), |bytes| exactly(bytes).map(SignerId);
    GrantId: Bytes, |id| id.0.to_vec(), |bytes| exactly(bytes).map(GrantId);
    GranteeTag: Bytes, |tag| tag.0.to_vec(), |bytes| exactly(bytes).map(GranteeTag);
    [u8; 32]: Bytes, |bytes| bytes.to_vec(), exactly;
    Uuid: Uuid, |id| *id, Ok;
}

macro_rules! ids {
    ($($type:ident)+) => { field! { $( $type: Uuid, |id| id.uuid(), |id| Ok($type::new(id)); )+ } };
}
ids! { AccountId AppointmentId EngagementId PatientId PractitionerId }

/// What is kept by its name.
macro_rules! names {
    ($($type:ident)+) => {
        field! { $( $type: Text, |value| <&str>::from(*value), |name: String| column::named(&name); )+ }
    };
}
names! { AppointmentStatus Role Standing }

/// What is kept as JSON.
macro_rules! json {
    ($($type:ty;)+) => {
        $crate::table::field! { $( $type: Json, $crate::column::json, |sqlx::types::Json(value)| Ok(value); )+ }
    };
}
pub(crate) use {field, json};

json! {
    BTreeMap<AppointmentId, Slot>;
    Concept;
    PatientDetails;
    PractitionerDetails;
    RegisterEntry;
    Vec<Scope>;
    Vec<Session>;
    Vec<WalletAct>;
}

/// A wallet or a hash of another length than its type has.
#[derive(Debug, thiserror::Error)]
#[error("a column has bytes of another length than expected")]
struct WrongLength;

fn exactly<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], sqlx::Error> {
    bytes.try_into().map_err(|_| sqlx::Error::Decode(WrongLength.into()))
}
