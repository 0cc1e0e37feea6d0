//! Statements that run as one: what a block changes is written in one round trip, for every command waits for it.
//!
//! They all see the tables as they were before any of them, and no two may write the same row.

use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Encode, PgConnection, Postgres, Type};

/// Statements to run.
#[derive(Default)]
pub(crate) struct Writes {
    /// `part0 AS (...), part1 AS (...)`.
    parts: String,
    count: usize,
    arguments: PgArguments,
    unfit: Option<sqlx::error::BoxDynError>,
}

impl Writes {
    /// Adds a statement that changes rows, whose parameters are `$1` and so on; they are bound next, all of them.
    pub(crate) fn add(&mut self, sql: &str) -> Part<'_> {
        let bound = self.arguments.len();
        let comma = if self.parts.is_empty() { "" } else { ", " };
        let number = self.count;
        self.count = number.saturating_add(1);
        self.parts.push_str(&format!("{comma}part{number} AS ("));
        renumber(sql, bound, &mut self.parts);
        self.parts.push(')');
        Part(self)
    }

    /// Runs them, if there are any.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn run(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if let Some(unfit) = self.unfit {
            return Err(sqlx::Error::Encode(unfit));
        }
        if self.parts.is_empty() {
            return Ok(());
        }
        let sql = format!("WITH {} SELECT", self.parts);
        let writing = sqlx::query_with(&sql, self.arguments);
        writing.execute(connection).await.map(drop)
    }
}

/// A statement whose parameters are being bound.
pub(crate) struct Part<'w>(&'w mut Writes);

impl Part<'_> {
    /// Binds the next parameter.
    pub(crate) fn bind<'q, T>(self, value: T) -> Self
    where
        T: 'q + Encode<'q, Postgres> + Type<Postgres>,
    {
        if let Err(error) = self.0.arguments.add(value) {
            self.0.unfit.get_or_insert(error);
        }
        self
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
        writes
            .add("DELETE FROM a WHERE b = $1 AND c = $2")
            .bind(1_i64)
            .bind(2_i64);
        writes
            .add("INSERT INTO d VALUES ($2::int8, $1)")
            .bind(3_i64)
            .bind(4_i64);
        assert_eq!(
            writes.parts,
            "part0 AS (DELETE FROM a WHERE b = $1 AND c = $2), part1 AS (INSERT INTO d VALUES ($4::int8, $3))"
        );
        assert_eq!(writes.arguments.len(), 4);
    }
}
