//! Which SQL made a schema: a hash that stands in the schema itself.
//!
//! Nothing migrates read models, for they can be made anew from the chain. So a program that has other tables, or derives other rows,
//! must not write into those of another one: it says so, and a rebuild makes its own. The format of payloads counts too, and that others are believed where
//! they are published: a program of before would call them void among the rows of one that can read them.

use application::ports::projector::Projector;
use sqlx::{PgConnection, PgPool};

use super::{FollowerError, tables};
use crate::sealing::FORMAT;
use crate::secrets::sha256;

/// A hash over all the SQL of a schema, comments and white space aside, and the format of payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SchemaHash([u8; 32]);

impl SchemaHash {
    /// The shape that this program gives a schema.
    pub(super) fn of<P: Projector>(projector: &P) -> Self {
        let mut text = format!("payload format {FORMAT}, as published\0");
        let sql = tables::SQL.iter().map(|sql| (*sql).to_owned());
        for sql in sql.chain(projector.definition()) {
            normalize(&sql, &mut text);
            text.push('\0');
        }
        Self(sha256(text.as_bytes()))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether these bytes, as they stand in a schema, are this shape.
    ///
    /// # Errors
    /// [`FollowerError::OtherShape`].
    pub(super) fn expect(&self, found: &[u8]) -> Result<(), FollowerError> {
        if found == self.0 {
            Ok(())
        } else {
            Err(FollowerError::OtherShape)
        }
    }

    /// Whether the schema that comes first in the search path is of this shape.
    pub(super) async fn is_of(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        // Schemas of earlier programs have no such table.
        if !tables::has_table(connection, "shape").await? {
            return Ok(false);
        }
        let found: Option<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM shape")
            .fetch_optional(connection)
            .await?;
        Ok(found.is_some_and(|found| self.expect(&found).is_ok()))
    }
}

/// Whether the live schema is missing or of this program's shape: what is false needs a rebuild.
///
/// # Errors
/// When the database refuses.
pub async fn is_current<P: Projector>(pool: &PgPool, projector: &P) -> Result<bool, FollowerError> {
    let mut connection = pool.acquire().await?;
    Ok(!tables::exists(&mut connection).await? || SchemaHash::of(projector).is_of(&mut connection).await?)
}

/// Appends SQL without comments, and with single spaces. No literal in it has two dashes.
fn normalize(sql: &str, text: &mut String) {
    let code = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    for word in code.flat_map(str::split_whitespace) {
        text.push_str(word);
        text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(sql: &str) -> String {
        let mut text = String::new();
        normalize(sql, &mut text);
        text
    }

    #[test]
    fn comments_and_white_space_are_no_part_of_a_shape() {
        assert_eq!(
            normalized("-- What it is.\nCREATE TABLE t (\n    id int -- a number\n);"),
            normalized("CREATE TABLE t ( id int\n);")
        );
        assert_ne!(
            normalized("CREATE TABLE t (id int);"),
            normalized("CREATE TABLE t (id int8);")
        );
    }
}
