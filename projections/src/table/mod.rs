//! Tables, each described once: its rows' struct is its description.
//!
//! [`table!`] makes of a struct what is created, loaded, written and hashed, and in which order the columns stand. So a column is one line,
//! and the fold that fills it. What a type is in Postgres says its [`Field`].

mod field;
mod sql;

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

pub(crate) use field::{Field, column, field, json};
pub(crate) use sql::{Description, SqlType};

use crate::writes::{Arguments, Writes};

/// A row of a table.
pub(crate) trait Row: for<'r> FromRow<'r, PgRow> + Send + Unpin {
    /// The table.
    const TABLE: Description;

    /// Binds an array for each column.
    fn bind(rows: &[&Self], arguments: &mut Arguments);

    /// Binds an array for each column of the key.
    fn bind_keys(rows: &[&Self], arguments: &mut Arguments);
}

/// A table whose rows are found by a key.
pub(crate) trait Keyed: Row {
    /// What finds a row.
    type Key: Copy + Ord + Send + Sync;

    /// The key of this row.
    fn key(&self) -> Self::Key;

    /// Binds an array for each column of the key.
    fn bind_wanted(keys: &[Self::Key], arguments: &mut Arguments);
}

/// Describes a table, and makes the struct of its rows.
///
/// What differs between two runs of the same history (versions, positions, times of recording) is `unseen`: it counts in no content hash.
/// `as` names the SQL of what is seen of a column, if that is not all of it. A `derived` table follows from others: a rebuild fills it last,
/// and gives it its key then.
macro_rules! table {
    (
        $(#[$meta:meta])*
        $kind:ident $row:ident: $table:literal ($($key:ident),+)
        seen { $( $(#[$about:meta])* $column:ident: $type:ty $(as $seen:expr)?, )+ }
        unseen { $( $(#[$unseen_about:meta])* $unseen:ident: $unseen_type:ty, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Debug)]
        pub(crate) struct $row {
            $( $(#[$about])* pub(crate) $column: $type, )+
            $( $(#[$unseen_about])* pub(crate) $unseen: $unseen_type, )*
        }

        impl $crate::table::Row for $row {
            const TABLE: $crate::table::Description = $crate::table::Description {
                name: $table,
                derived: $crate::table::table!(@derived $kind),
                key: &[$(stringify!($key)),+],
                columns: &[
                    $( $crate::table::column::<$type>(stringify!($column), Some($crate::table::table!(@seen $column $($seen)?))), )+
                    $( $crate::table::column::<$unseen_type>(stringify!($unseen), None), )*
                ],
            };

            fn bind(rows: &[&Self], arguments: &mut $crate::writes::Arguments) {
                $( <$type as $crate::table::Field>::bind(rows.iter().map(|row| Some(&row.$column)), arguments); )+
                $( <$unseen_type as $crate::table::Field>::bind(rows.iter().map(|row| Some(&row.$unseen)), arguments); )*
            }

            fn bind_keys(rows: &[&Self], arguments: &mut $crate::writes::Arguments) {
                $( $crate::table::Field::bind(rows.iter().map(|row| Some(&row.$key)), arguments); )+
            }
        }

        impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for $row {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    $( $column: $crate::table::Field::read(row, stringify!($column))?, )+
                    $( $unseen: $crate::table::Field::read(row, stringify!($unseen))?, )*
                })
            }
        }
    };
    (@seen $column:ident) => { stringify!($column) };
    (@seen $column:ident $seen:expr) => { $seen };
    (@derived table) => { false };
    (@derived derived) => { true };
}
pub(crate) use table;

/// Says what the key of a table's rows is called in the domain: one field alone, or several that make it up.
macro_rules! keyed {
    ($row:ident by $field:ident: $key:ty) => {
        impl $crate::table::Keyed for $row {
            type Key = $key;

            fn key(&self) -> $key {
                self.$field
            }

            fn bind_wanted(keys: &[$key], arguments: &mut $crate::writes::Arguments) {
                $crate::table::Field::bind(keys.iter().map(Some), arguments);
            }
        }
    };
    ($row:ident by $key:ident { $($field:ident),+ }) => {
        impl $crate::table::Keyed for $row {
            type Key = $key;

            fn key(&self) -> $key {
                $key { $($field: self.$field),+ }
            }

            fn bind_wanted(keys: &[$key], arguments: &mut $crate::writes::Arguments) {
                $( $crate::table::Field::bind(keys.iter().map(|key| Some(&key.$field)), arguments); )+
            }
        }
    };
}
pub(crate) use keyed;

/// The rows with these keys.
pub(crate) async fn load<R: Keyed>(
    connection: &mut PgConnection,
    keys: &[R::Key],
) -> Result<BTreeMap<R::Key, R>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut arguments = Arguments::default();
    R::bind_wanted(keys, &mut arguments);
    let sql = R::TABLE.load();
    let rows = sqlx::query_as_with(&sql, arguments.bound()?);
    Ok(by_key(rows.fetch_all(connection).await?))
}

/// How many rows are derived from at once.
const PAGE: u32 = 4_000;

/// Derives other rows from all rows of a table, page by page.
pub(crate) async fn derive_from<R: Keyed>(
    connection: &mut PgConnection,
    derive: impl Fn(&mut Writes, &BTreeMap<R::Key, R>),
) -> Result<(), sqlx::Error> {
    let mut last = None;
    loop {
        let page = page(connection, last).await?;
        let Some((key, _)) = page.last_key_value() else {
            return Ok(());
        };
        last = Some(*key);
        let mut writes = Writes::default();
        derive(&mut writes, &page);
        writes.run(connection).await?;
    }
}

/// The rows after this one, or the first, in the order of their keys.
async fn page<R: Keyed>(
    connection: &mut PgConnection,
    after: Option<R::Key>,
) -> Result<BTreeMap<R::Key, R>, sqlx::Error> {
    let mut arguments = Arguments::default();
    if let Some(after) = after {
        R::bind_wanted(&[after], &mut arguments);
    }
    let sql = R::TABLE.page(after.is_some(), PAGE);
    let rows = sqlx::query_as_with(&sql, arguments.bound()?);
    Ok(by_key(rows.fetch_all(connection).await?))
}

fn by_key<R: Keyed>(rows: Vec<R>) -> BTreeMap<R::Key, R> {
    rows.into_iter().map(|row| (row.key(), row)).collect()
}

/// Writes rows, over those that have the same keys.
pub(crate) fn write<'r, R: Row + 'r>(writes: &mut Writes, rows: impl IntoIterator<Item = &'r R>) {
    let rows: Vec<&R> = rows.into_iter().collect();
    if !rows.is_empty() {
        R::bind(&rows, writes.add(&R::TABLE.upsert()));
    }
}

/// Deletes the rows that have the keys of these.
pub(crate) fn delete<'r, R: Row + 'r>(writes: &mut Writes, rows: impl IntoIterator<Item = &'r R>) {
    let rows: Vec<&R> = rows.into_iter().collect();
    if !rows.is_empty() {
        R::bind_keys(&rows, writes.add(&R::TABLE.delete()));
    }
}
