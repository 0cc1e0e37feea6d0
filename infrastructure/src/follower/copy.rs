//! Journal rows in Postgres' binary COPY format: what a rebuild writes by the ten thousand.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::numbers::to_sql;
use super::opening::OpenedBlock;

/// Signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// How many columns a row has.
const COLUMNS: i16 = 13;
/// The field count that ends the data.
const END: i16 = -1;
/// The length of a value that is NULL.
const NULL: i32 = -1;
/// The first instant of the year 2000, in microseconds since the Unix epoch.
const YEAR_2000: i64 = 946_684_800_000_000;
/// How many bytes are handed over at once.
const CHUNK: usize = 1 << 18;

/// Appends the entries of blocks to a journal that has none of them. Parks nothing.
pub(super) async fn append(connection: &mut PgConnection, blocks: &[OpenedBlock]) -> Result<(), sqlx::Error> {
    let mut copy = connection
        .copy_in_raw(
            "COPY journal (position, stream, version, hash, before, block_number, transaction, origin, aggregate_id, \
             command_id, claimed_at, void, payload) FROM STDIN WITH (FORMAT binary)",
        )
        .await?;
    let mut buffer = Vec::with_capacity(CHUNK.saturating_mul(2));
    buffer.extend_from_slice(HEADER);
    for block in blocks {
        write_rows(&mut buffer, block);
        if buffer.len() >= CHUNK {
            copy.send(buffer.as_slice()).await?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(&END.to_be_bytes());
    copy.send(buffer.as_slice()).await?;
    copy.finish().await.map(drop)
}

fn write_rows(buffer: &mut Vec<u8>, block: &OpenedBlock) {
    let number = to_sql(block.checked.log.block.number).to_be_bytes();
    for row in block.entries() {
        buffer.extend_from_slice(&COLUMNS.to_be_bytes());
        value(buffer, &to_sql(row.entry.position).to_be_bytes());
        value(buffer, &row.entry.stream.0);
        value(buffer, &to_sql(row.entry.version).to_be_bytes());
        value(buffer, &row.tip.hash);
        value(buffer, row.before);
        value(buffer, &number);
        value(buffer, &row.entry.transaction);
        value(buffer, &row.entry.origin.to_sql().to_be_bytes());
        optional(buffer, row.label.aggregate_id().as_deref().map(str::as_bytes));
        optional(
            buffer,
            row.label
                .command()
                .as_ref()
                .map(|command| command.as_bytes().as_slice()),
        );
        let claimed = row.label.claimed_at.map(|at| since_2000(at).to_be_bytes());
        optional(buffer, claimed.as_ref().map(<[u8; 8]>::as_slice));
        optional(buffer, row.label.void_reason().as_deref().map(str::as_bytes));
        value(buffer, &row.entry.payload);
    }
}

/// A time as Postgres holds it: in microseconds since the year 2000.
const fn since_2000(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros().saturating_sub(YEAR_2000)
}

fn optional(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => value(buffer, bytes),
        None => buffer.extend_from_slice(&NULL.to_be_bytes()),
    }
}

fn value(buffer: &mut Vec<u8>, bytes: &[u8]) {
    // A payload has fewer than 2^24 bytes; the contract's encoding knows no longer ones.
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_preceded_by_its_length() {
        let mut buffer = Vec::new();
        value(&mut buffer, b"abc");
        assert_eq!(buffer, b"\0\0\0\x03abc");
    }

    #[test]
    fn a_time_is_counted_from_the_year_2000() {
        let at = |text: &str| since_2000(text.parse().unwrap());
        assert_eq!(at("2000-01-01T00:00:00Z"), 0);
        assert_eq!(at("2000-01-01T00:00:01.5Z"), 1_500_000);
        assert_eq!(at("1999-12-31T23:59:59Z"), -1_000_000);
    }

    #[test]
    fn the_header_is_as_long_as_postgres_wants_it() {
        assert_eq!(HEADER.len(), 19);
    }
}
