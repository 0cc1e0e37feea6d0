//! Rows for Postgres' `COPY … (FORMAT binary)`, for tables that are filled by the ten thousand rows.

use sqlx::encode::{Encode, IsNull};
use sqlx::postgres::{PgArgumentBuffer, PgConnection};
use sqlx::{Postgres, Type};

/// Signature, no flags, no extension (PostgreSQL's manual, COPY, "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The field count that ends the data.
const END: i16 = -1;
/// The length of a value that is NULL.
const NULL: i32 = -1;

/// Rows that wait to be copied.
pub(crate) struct Copy {
    buffer: PgArgumentBuffer,
}

impl Copy {
    pub(crate) fn new() -> Self {
        let mut buffer = PgArgumentBuffer::default();
        buffer.extend_from_slice(HEADER);
        Self { buffer }
    }

    /// Begins a row of so many values.
    pub(crate) fn row(&mut self, values: i16) {
        self.buffer.extend_from_slice(&values.to_be_bytes());
    }

    /// The row's next value, as Postgres reads its type in binary.
    pub(crate) fn value<'q, T: Encode<'q, Postgres> + Type<Postgres>>(&mut self, value: &T) -> Result<(), sqlx::Error> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&NULL.to_be_bytes());
        let is_null = value.encode_by_ref(&mut self.buffer).map_err(sqlx::Error::Encode)?;
        let length = self
            .buffer
            .len()
            .saturating_sub(start)
            .saturating_sub(NULL.to_be_bytes().len());
        if let (IsNull::No, Ok(length)) = (is_null, i32::try_from(length))
            && let Some(place) = self.buffer.get_mut(start..start.saturating_add(size_of_val(&length)))
        {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    /// Copies the rows into a table's columns.
    pub(crate) async fn send(mut self, connection: &mut PgConnection, into: &str) -> Result<(), sqlx::Error> {
        self.buffer.extend_from_slice(&END.to_be_bytes());
        let statement = format!("COPY {into} FROM STDIN (FORMAT binary)");
        let mut copy = connection.copy_in_raw(&statement).await?;
        copy.send(self.buffer.as_slice()).await?;
        copy.finish().await.map(drop)
    }
}
