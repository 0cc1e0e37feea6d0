//! Statements that run as one: what a block changes is written in one round trip, for every command waits for it.
//!
//! They all see the tables as they were before any of them, and no two may write the same row.

use std::fmt::Debug;

use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Encode, PgConnection, Postgres, Type};

/// The values of a statement's parameters.
#[derive(Default)]
pub(crate) struct Arguments {
    values: PgArguments,
    unfit: Option<sqlx::error::BoxDynError>,
    /// What they are, to be read by people.
    #[cfg(test)]
    pub(crate) shown: Vec<String>,
}

impl Arguments {
    /// Binds the next parameter.
    pub(crate) fn push<'q, T>(&mut self, value: T)
    where
        T: 'q + Encode<'q, Postgres> + Type<Postgres> + Debug,
    {
        #[cfg(test)]
        self.shown.push(format!("{value:?}"));
        if let Err(error) = self.values.add(value) {
            self.unfit.get_or_insert(error);
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// When one cannot be encoded.
    pub(crate) fn bound(self) -> Result<PgArguments, sqlx::Error> {
        match self.unfit {
            Some(unfit) => Err(sqlx::Error::Encode(unfit)),
            None => Ok(self.values),
        }
    }
}

/// Statements to run.
#[derive(Default)]
pub(crate) struct Writes {
    /// `part0 AS (...), part1 AS (...)`.
    parts: String,
    count: usize,
    arguments: Arguments,
}

impl Writes {
    /// Adds a statement that changes rows, whose parameters are `$1` and so on; they are bound next, all of them.
    pub(crate) fn add(&mut self, sql: &str) -> &mut Arguments {
        let bound = self.arguments.values.len();
        let comma = if self.parts.is_empty() { "" } else { ", " };
        let number = self.count;
        self.count = number.saturating_add(1);
        self.parts.push_str(&format!("{comma}part{number} AS ("));
        renumber(sql, bound, &mut self.parts);
        self.parts.push(')');
        &mut self.arguments
    }

    /// Runs them, if there are any.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn run(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let sql = format!("WITH {} SELECT", self.parts);
        let writing = sqlx::query_with(&sql, self.arguments.bound()?);
        writing.execute(connection).await.map(drop)
    }
}

/// Appends SQL, with the numbers of its parameters raised by those that are bound already.
fn renumber(sql: &str, bound: usize, to: &mut String) {
    let mut pieces = sql.split('$');
    to.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(end);
        let number = number.parse().unwrap_or(0_usize).saturating_add(bound);
        to.push_str(&format!("${number}{rest}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_through() {
        let mut writes = Writes::default();
        let arguments = writes.add("DELETE FROM a WHERE b = $1 AND c = $2");
        (1..=2_i64).for_each(|value| arguments.push(value));
        let arguments = writes.add("INSERT INTO d VALUES ($2::int8, $1)");
        (3..=4_i64).for_each(|value| arguments.push(value));
        assert_eq!(
            writes.parts,
            "part0 AS (DELETE FROM a WHERE b = $1 AND c = $2), part1 AS (INSERT INTO d VALUES ($4::int8, $3))"
        );
        assert_eq!(writes.arguments.values.len(), 4);
    }
}
